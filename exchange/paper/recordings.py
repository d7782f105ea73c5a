"""Recorded markets in the project's own format: the writer, and the reader that replay uses.

Owns: the files. Must not know: how rows were received, how they are played back.

A recording is a directory; each symbol has a file for each UTC day (of reception), `SYMBOL-YYYYMMDD.jsonl.zst`. A file
is a chain of zstd frames, one for each flush, so that a crash costs no more than what was not yet flushed: a torn last
frame is cut off when the file is opened again, and the hole is told by a gap row. The frames hold JSON lines, arrays
that begin with their kind:

    ["recording", version, symbol, tick size, lot size]                        first in each frame
    ["book", update id, exchange ms, received us, [[ticks, lots], ...bids], [...asks]]     best first
    ["trade", trade id, taker side, ticks, lots, exchange ms, received us]
    ["gap", from us, to us, reason]                              nothing is known of the time between
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from exchange.model import Depth, Instrument, PublicTrade, Side

SUFFIX = ".jsonl.zst"
_VERSION = 1
_BUFFER_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
_REORDER_MS = 60_000
"""Rows may stand this much out of order in a file: trades asked for after a reconnect come after newer ones."""
_REMEMBERED_TRADES = 100_000


class RecordingError(ValueError):
    """A recording that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Gap:
    symbol: str
    from_us: int
    to_us: int
    reason: str


Recorded = Depth | PublicTrade | Gap


class _Header(msgspec.Struct, array_like=True, tag="recording"):
    version: int
    symbol: str
    tick_size: Decimal
    step_size: Decimal


class _Book(msgspec.Struct, array_like=True, tag="book"):
    update_id: int
    exchange_ms: int
    received_us: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class _Trade(msgspec.Struct, array_like=True, tag="trade"):
    trade_id: int
    side: Side
    ticks: int
    lots: int
    exchange_ms: int
    received_us: int


class _Gap(msgspec.Struct, array_like=True, tag="gap"):
    from_us: int
    to_us: int
    reason: str


_Row = _Header | _Book | _Trade | _Gap
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(_Row)


class RecordingWriter:
    """Appends one symbol's rows to its files. Nothing is on disk before `flush`, which the caller calls every few
    seconds; a full buffer flushes itself. After a crash, or a stop, the next row is preceded by a gap row."""

    def __init__(self, directory: Path, instrument: Instrument) -> None:
        self._directory = directory
        self._symbol = instrument.symbol
        self._header = _encode(_Header(_VERSION, instrument.symbol, instrument.tick_size, instrument.step_size)) + b"\n"
        self._compress = zstandard.ZstdCompressor(level=6).compress
        self._lines: list[bytes] = []
        self._size = 0
        self._path: Path | None = None
        self._torn = False
        directory.mkdir(parents=True, exist_ok=True)
        files = _files(directory, instrument.symbol)
        self._last_us = _mend(files[-1]) if files else None

    def book(self, depth: Depth) -> None:
        row = _Book(depth.update_id, depth.exchange_ms, depth.received_us, depth.bids, depth.asks)
        self._append(row, depth.received_us)

    def trade(self, trade: PublicTrade) -> None:
        row = _Trade(trade.trade_id, trade.side, trade.price_ticks, trade.lots, trade.exchange_ms, trade.received_us)
        self._append(row, trade.received_us)

    def gap(self, from_us: int, to_us: int, reason: str) -> None:
        self._append(_Gap(from_us, to_us, reason), to_us)

    def flush(self) -> None:
        """Writes what has come since the last flush as one frame, and waits until it is on disk.

        Raises OSError when the disk refuses; the rows are kept for the next try.
        """
        if not self._lines or self._path is None:
            return
        if self._torn:
            _mend(self._path)
        self._torn = True
        frame = self._compress(self._header + b"\n".join(self._lines) + b"\n")
        with self._path.open("ab") as file:
            file.write(frame)
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self._lines.clear()
        self._size = 0

    def close(self) -> None:
        self.flush()

    def _append(self, row: _Book | _Trade | _Gap, received_us: int) -> None:
        day = datetime.fromtimestamp(received_us // 1_000_000, UTC)
        path = self._directory / f"{self._symbol}-{day:%Y%m%d}{SUFFIX}"
        if path != self._path or self._size > _BUFFER_BYTES:
            self.flush()
            self._path = path
        if self._last_us is not None:
            self._lines.append(_encode(_Gap(self._last_us, received_us, "recorder was not running")))
            self._last_us = None
        line = _encode(row)
        self._lines.append(line)
        self._size += len(line)


def recorded_symbols(directory: Path) -> list[str]:
    """The symbols that have files of this format in a directory."""
    return sorted({path.name.removesuffix(SUFFIX).rpartition("-")[0] for path in directory.glob(f"*-*{SUFFIX}")})


def read_recording(directory: Path, instrument: Instrument) -> Iterator[Recorded]:
    """One symbol's rows in the order of exchange time, each once (by update id, by trade id).

    Raises RecordingError: no files, rows of another version, or prices that do not fit the instrument's tick size.
    """
    files = _files(directory, instrument.symbol)
    if not files:
        raise RecordingError(f"{directory}: nothing is recorded of {instrument.symbol}")
    return _without_doubles(_in_order(row for path in files for row in _rows(path, instrument)))


def _files(directory: Path, symbol: str) -> list[Path]:
    return sorted(p for p in directory.glob(f"*{SUFFIX}") if p.name.removesuffix(SUFFIX).rpartition("-")[0] == symbol)


def _frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The content of each whole frame and the offset of its end; a torn one ends the walk."""
    decompress = zstandard.ZstdDecompressor().decompressobj
    frame, parts, end, data = decompress(), list[bytes](), 0, b""
    while data := data or file.read(_CHUNK_BYTES):
        try:
            parts.append(frame.decompress(data))
        except zstandard.ZstdError:
            return
        unused = frame.unused_data if frame.eof else b""
        end += len(data) - len(unused)
        if frame.eof:
            yield b"".join(parts), end
            frame, parts = decompress(), []
        data = unused


def _mend(path: Path) -> int | None:
    """Cuts a torn last frame off and tells when the last row was received."""
    end, last_us = 0, None
    with path.open("r+b") as file:
        for content, frame_end in _frames(file):
            end = frame_end
            for row in _decoded(path, content):
                if not isinstance(row, _Header):
                    last_us = row.to_us if isinstance(row, _Gap) else row.received_us
        file.truncate(end)
    return last_us


def _decoded(path: Path, content: bytes) -> list[_Row]:
    try:
        return _decoder.decode_lines(content)
    except msgspec.MsgspecError as error:
        raise RecordingError(f"{path}: not a recording of this program: {error}") from error


def _rows(path: Path, instrument: Instrument) -> Iterator[Recorded]:
    symbol = instrument.symbol
    tick, lot = 1, 1
    with path.open("rb") as file:
        for content, _ in _frames(file):
            for row in _decoded(path, content):
                match row:
                    case _Header():
                        if row.version != _VERSION or row.symbol != symbol:
                            raise RecordingError(f"{path}: holds {row.symbol}, version {row.version}, not {symbol}")
                        tick = _whole(path, "tick", row.tick_size, instrument.tick_size)
                        lot = _whole(path, "lot", row.step_size, instrument.step_size)
                    case _Book():
                        bids = tuple((t * tick, q * lot) for t, q in row.bids)
                        asks = tuple((t * tick, q * lot) for t, q in row.asks)
                        yield Depth(symbol, row.update_id, bids, asks, row.exchange_ms, row.received_us)
                    case _Trade():
                        yield PublicTrade(
                            symbol,
                            row.trade_id,
                            row.side,
                            row.ticks * tick,
                            row.lots * lot,
                            row.exchange_ms,
                            row.received_us,
                        )
                    case _Gap():
                        yield Gap(symbol, row.from_us, row.to_us, row.reason)


def _whole(path: Path, name: str, recorded: Decimal, now: Decimal) -> int:
    ratio = recorded / now
    if ratio != int(ratio):
        raise RecordingError(f"{path}: recorded with {name} size {recorded}, which does not fit today's {now}")
    return int(ratio)


def _time_ms(row: Recorded) -> int:
    return row.to_us // 1000 if isinstance(row, Gap) else row.exchange_ms


def _in_order(rows: Iterator[Recorded]) -> Iterator[Recorded]:
    waiting: list[tuple[int, int, Recorded]] = []
    newest = 0
    for place, row in enumerate(rows):
        time_ms = _time_ms(row)
        newest = max(newest, time_ms)
        heapq.heappush(waiting, (time_ms, place, row))
        while waiting[0][0] < newest - _REORDER_MS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _without_doubles(rows: Iterator[Recorded]) -> Iterator[Recorded]:
    newest_update = -1
    trades: dict[int, None] = {}
    for row in rows:
        if isinstance(row, Gap):
            # Meanwhile the venue may have begun to count anew, as a paper exchange does when it is started again.
            newest_update = -1
            trades.clear()
        elif isinstance(row, Depth):
            if row.update_id <= newest_update:
                continue
            newest_update = row.update_id
        else:
            if row.trade_id in trades:
                continue
            trades[row.trade_id] = None
            if len(trades) > _REMEMBERED_TRADES:
                del trades[next(iter(trades))]
        yield row
