"""Records books and trades of many markets, each row once, and says where something is missing.

Owns: what is new, what is doubled, what is missing, and when rows go to disk. Must not know: file formats, sockets.

Books cannot be asked for afterwards: every outage of a line leaves a gap row for each of its symbols. Trades are
numbered: whenever a number is left out, by an outage or by a frame that was lost, the recent trades are asked for, and
only what they do not hold is a gap as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from loguru import logger

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import Depth, Instrument, MarketEvent, PublicTrade, StreamDown, StreamUp
from exchange.paper.recordings import RecordingWriter
from exchange.ports import MarketData, MarketStream

FLUSH_S = 1.0
_RECENT_TRADES = 1000
"""The most that the venue tells of (docs: Recent Trades List)."""


@dataclass(slots=True)
class Counts:
    """Rows written, and what was not. `missing` counts trades that could not be had."""

    books: int = 0
    trades: int = 0
    backfilled: int = 0
    doubled: int = 0
    gaps: int = 0
    missing: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.books + other.books,
            self.trades + other.trades,
            self.backfilled + other.backfilled,
            self.doubled + other.doubled,
            self.gaps + other.gaps,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """Trades by number, from first to last, that were to come between two moments."""

    symbol: str
    first_id: int
    last_id: int
    from_us: int
    to_us: int


@dataclass(slots=True)
class Track:
    """One symbol's newest rows, by which the next are judged. A smaller number with a later time: counted anew."""

    book: Depth | None = None
    trade: PublicTrade | None = None

    def is_new_book(self, book: Depth) -> bool:
        known = self.book
        if known and book.update_id <= known.update_id and book.exchange_ms <= known.exchange_ms:
            return False
        self.book = book
        return True

    def judge(self, trade: PublicTrade) -> tuple[bool, Missing | None]:
        """Whether it is new, and the trades that are missing before it."""
        known = self.trade
        if known and trade.trade_id <= known.trade_id and trade.exchange_ms <= known.exchange_ms:
            return False, None
        self.trade = trade
        first_id = trade.first_id or trade.trade_id
        if known is None or known.trade_id + 1 >= first_id:
            return True, None
        return True, Missing(trade.symbol, known.trade_id + 1, first_id - 1, known.received_us, trade.received_us)


@dataclass(slots=True)
class _Line:
    symbols: tuple[str, ...]
    heard_us: int
    """When anything last came: what is lost was lost after it."""
    lost: str | None = None
    """Why it is down."""


@dataclass(slots=True)
class _Symbol:
    writer: RecordingWriter
    track: Track = field(default_factory=Track)
    counts: Counts = field(default_factory=Counts)


class Recorder:
    """Writes into `directory`. Raises RecordingError when a file there is no recording, OSError from the disk."""

    def __init__(
        self, directory: Path, instruments: Iterable[Instrument], market_data: MarketData, clock: Clock
    ) -> None:
        self._symbols = {each.symbol: _Symbol(RecordingWriter(directory, each)) for each in instruments}
        self._market_data = market_data
        self._clock = clock
        self._missing: deque[Missing] = deque()
        self._news = anyio.Event()

    @property
    def counts(self) -> dict[str, Counts]:
        return {symbol: each.counts for symbol, each in self._symbols.items()}

    @property
    def total(self) -> Counts:
        return sum(self.counts.values(), Counts())

    async def run(self, streams: Sequence[tuple[MarketStream, Sequence[str]]]) -> None:
        """Until cancelled; then all that came is on disk. Raises OSError when the disk refuses."""
        lines = [_Line(tuple(symbols), self._clock.now_us()) for _, symbols in streams]
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._flush_regularly)
                tasks.start_soon(self._backfill)
                for (stream, symbols), line in zip(streams, lines, strict=True):
                    stream.want(symbols)
                    tasks.start_soon(stream.run, self._sink(line))
        finally:
            self._close(lines)

    # --- what comes

    def _sink(self, line: _Line) -> Callable[[MarketEvent], None]:
        def take(event: MarketEvent) -> None:
            match event:
                case StreamDown():
                    line.lost = event.reason
                    return
                case StreamUp():
                    if line.lost is not None:
                        self._tell_outage(line)
                        logger.info("market stream: up again")
                    line.heard_us = self._clock.now_us()
                    return
                case Depth():
                    self._take_book(event)
                case PublicTrade():
                    self._take_trade(event)
                case _:
                    # A mark price: it shows that the line is alive.
                    pass
            line.heard_us = event.received_us

        return take

    def _take_book(self, book: Depth) -> None:
        symbol = self._symbols[book.symbol]
        if symbol.track.is_new_book(book):
            symbol.writer.book(book)
            symbol.counts.books += 1
        else:
            symbol.counts.doubled += 1

    def _take_trade(self, trade: PublicTrade) -> None:
        symbol = self._symbols[trade.symbol]
        is_new, missing = symbol.track.judge(trade)
        if not is_new:
            symbol.counts.doubled += 1
            return
        symbol.writer.trade(trade)
        symbol.counts.trades += 1
        if missing is not None:
            self._missing.append(missing)
            self._news.set()

    # --- what does not come

    def _tell_outage(self, line: _Line) -> None:
        now_us = self._clock.now_us()
        for symbol in line.symbols:
            self._gap(symbol, line.heard_us, now_us, f"line lost: {line.lost}")
        line.lost = None

    def _gap(self, symbol: str, from_us: int, to_us: int, reason: str) -> None:
        self._symbols[symbol].writer.gap(from_us, to_us, reason)
        self._symbols[symbol].counts.gaps += 1

    async def _backfill(self) -> None:
        while True:
            if not self._missing:
                self._news = anyio.Event()
                await self._news.wait()
            missing = self._missing[0]
            try:
                recent = await self._market_data.recent_trades(missing.symbol, _RECENT_TRADES)
                self._fill(missing, recent, "")
            except VenueError as error:
                logger.warning("{}: trades missed could not be asked for: {}", missing.symbol, error)
                self._fill(missing, [], f": {error}")
            self._missing.popleft()

    def _fill(self, missing: Missing, recent: Sequence[PublicTrade], why: str) -> None:
        symbol = self._symbols[missing.symbol]
        found = {each.trade_id: each for each in recent if missing.first_id <= each.trade_id <= missing.last_id}
        for trade_id in sorted(found):
            symbol.writer.trade(found[trade_id])
        wanted = missing.last_id - missing.first_id + 1
        symbol.counts.backfilled += len(found)
        symbol.counts.missing += wanted - len(found)
        if len(found) < wanted:
            numbers = f"{wanted - len(found)} of the trades {missing.first_id} to {missing.last_id} are missing"
            self._gap(missing.symbol, missing.from_us, missing.to_us, numbers + why)

    # --- to disk

    async def _flush_regularly(self) -> None:
        """One file after the other, so that the disk never holds up the lines for long."""
        pause_s = FLUSH_S / max(1, len(self._symbols))
        while True:
            for each in self._symbols.values():
                await anyio.sleep(pause_s)
                each.writer.flush()

    def _close(self, lines: Iterable[_Line]) -> None:
        for line in lines:
            if line.lost is not None:
                self._tell_outage(line)
        for missing in self._missing:
            self._fill(missing, [], ": recording ended")
        self._missing.clear()
        for each in self._symbols.values():
            each.writer.close()
