"""Recorded markets as comma-separated values: `orderbook_SYMBOL.csv` and `trades_SYMBOL.csv` in one directory.

Owns: that format and its traps. Must not know: how rows are played back.

Books: `unix_timestamp` (seconds), `lastUpdateId`, then `bid_price_i, bid_qty_i` and `ask_price_i, ask_qty_i`, empty
where the book is thinner. Trades: `id, unix_timestamp_ms, side, price, quantity`, the side being the taker's. At each
(re)connect the recorder wrote the last trades from REST, numbered one by one, and then the stream of aggregate trades,
which has its own, smaller numbers and tells of the same trades again: only the aggregate ones are read.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from exchange.model import Depth, Instrument, PublicTrade, Side
from exchange.paper.recordings import Recorded, RecordingError

_BOOK, _TRADES = "orderbook_", "trades_"
_NUMBERINGS_APART = 5_000


def csv_symbols(directory: Path) -> list[str]:
    """The symbols that have books and trades of this format in a directory."""
    return sorted(
        path.stem.removeprefix(_BOOK)
        for path in directory.glob(f"{_BOOK}*.csv")
        if (directory / f"{_TRADES}{path.stem.removeprefix(_BOOK)}.csv").is_file()
    )


def read_csv(directory: Path, instrument: Instrument) -> Iterator[Recorded]:
    """One symbol's rows in the order of time. Raises RecordingError: a file is missing, or a line makes no sense."""
    books = _books(directory / f"{_BOOK}{instrument.symbol}.csv", instrument)
    trades = _trades(directory / f"{_TRADES}{instrument.symbol}.csv", instrument)
    return heapq.merge(books, trades, key=lambda row: row.exchange_ms)


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each line after the heading, with its place."""
    try:
        with path.open(newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            for row in rows:
                yield f"{path}:{rows.line_num}", row
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error


def _books(path: Path, instrument: Instrument) -> list[Depth]:
    books: list[Depth] = []
    for place, row in _lines(path):
        try:
            seconds, update_id, half = float(row[0]), int(row[1]), 2 + (len(row) - 2) // 2
            bids, asks = _levels(row[2:half], instrument), _levels(row[half:], instrument)
        except (ValueError, IndexError, ArithmeticError) as error:
            raise RecordingError(f"{place}: {error}") from error
        if not books or update_id > books[-1].update_id:
            received_us = round(seconds * 1e6)
            books.append(Depth(instrument.symbol, update_id, bids, asks, received_us // 1000, received_us))
    return books


def _levels(cells: list[str], instrument: Instrument) -> tuple[tuple[int, int], ...]:
    return tuple(
        (instrument.ticks(price), instrument.lots(quantity))
        for price, quantity in zip(cells[::2], cells[1::2], strict=True)
        if price
    )


def _trades(path: Path, instrument: Instrument) -> list[PublicTrade]:
    trades: list[PublicTrade] = []
    for place, row in _lines(path):
        try:
            trade_id, exchange_ms, side_text, price, quantity = row
            side, ms = Side(side_text.upper()), int(exchange_ms)
            ticks, lots = _trade_ticks(price, side, instrument), instrument.lots(quantity)
            trades.append(PublicTrade(instrument.symbol, int(trade_id), side, ticks, lots, ms, ms * 1000))
        except (ValueError, ArithmeticError) as error:
            raise RecordingError(f"{place}: {error}") from error
    return sorted(_of_one_numbering(trades), key=lambda trade: trade.exchange_ms)


def _trade_ticks(price: str, side: Side, instrument: Instrument) -> int:
    """Hidden orders trade between two ticks, at mid: such a trade counts as not having reached the farther one."""
    return instrument.floor_price(Decimal(price)) if side is Side.BUY else instrument.ceil_price(Decimal(price))


def _of_one_numbering(trades: list[PublicTrade]) -> list[PublicTrade]:
    """The aggregate trades. Numbers that run backward betray two numberings; the widest hole lies between them."""
    ids = [trade.trade_id for trade in trades]
    boundary = None
    if any(later < earlier for earlier, later in pairwise(ids)):
        hole, boundary = max((later - earlier, later) for earlier, later in pairwise(sorted(ids)))
        if hole < _NUMBERINGS_APART:
            boundary = None
    kept: dict[int, PublicTrade] = {}
    for trade in trades:
        if boundary is None or trade.trade_id < boundary:
            kept.setdefault(trade.trade_id, trade)
    return list(kept.values())
