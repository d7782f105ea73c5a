"""Many markets made of four recorded ones: each follows one of them, tick for tick, from a place of its own.

Owns: which symbols are taken, which recording each follows, and from where. Must not know: fleets, budgets.

A recording is played forwards and backwards in turn, so that it lasts as long as it must and prices never jump. What a
price moves in ticks it moves there in ticks too: so a move is as many basis points as it was. Sizes are scaled to be
worth as much as they were. Without recordings the same symbols are synthetic, calibrated to the same four markets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from exchange.model import Depth, Instrument, PublicTrade
from exchange.paper.calibration import parameters_for
from exchange.paper.engine import OpenMarket
from exchange.paper.instruments import instrument, rules, trading_symbols
from exchange.paper.market import Market
from exchange.paper.recorded_csv import csv_symbols, read_csv
from exchange.paper.recorded_market import ReplayMarket
from exchange.paper.recordings import RecordingError
from exchange.paper.synthetic import SyntheticMarket

SOURCES = ("ASTERUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT")
RECORDINGS = Path(os.environ.get("RECORDINGS") or Path(__file__).parents[2] / "shared" / "data")
"""A directory with a directory for each day that was recorded."""
_FINEST = 100
"""An order must be worth at least as many lots, or equal orders would not be equal."""


@dataclass(frozen=True, slots=True)
class Role:
    """A symbol, the market that it plays, its place among those that play the same one, and its orders' size: how many
    times the smallest."""

    symbol: str
    source: str
    place: int
    of: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class _Tape:
    instrument: Instrument
    rows: tuple[Depth | PublicTrade, ...]


def cast(count: int, order_usd: float, sizes: Sequence[int] = (1,)) -> tuple[Role, ...]:
    """The real exchange's first symbols whose rules allow it; as many for each source as for the others, to within one.

    `order_usd` is the smallest order's worth; those that play one source have the sizes in turn. ValueError when there
    are not so many.
    """
    most_usd = order_usd * max(sizes)
    free = [symbol for symbol in trading_symbols() if symbol.isascii()]
    chosen: list[Role] = []
    # Those first that fewest symbols can play: with many ticks to the price, lots are worth much.
    for source in sorted(SOURCES, key=_ticks, reverse=True):
        wanted = (count + len(SOURCES) - 1 - SOURCES.index(source)) // len(SOURCES)
        fit = [symbol for symbol in free if _fits(symbol, _ticks(source), order_usd, most_usd)][:wanted]
        if len(fit) < wanted:
            raise ValueError(f"only {len(fit)} symbols can play {source}, not {wanted}")
        free = [symbol for symbol in free if symbol not in fit]
        chosen += [Role(symbol, source, place, wanted, sizes[place % len(sizes)]) for place, symbol in enumerate(fit)]
    return tuple(sorted(chosen, key=lambda role: (SOURCES.index(role.source), role.place)))


def _ticks(source: str) -> int:
    own = instrument(source)
    return round(parameters_for(own).price / float(own.tick_size))


def _fits(symbol: str, ticks: int, least_usd: float, most_usd: float) -> bool:
    symbol_rules = rules(symbol)
    own = symbol_rules.instrument
    lot_usd = float(own.notional(ticks, 1))
    on_grid = (symbol_rules.tick_multiple, symbol_rules.lot_multiple) == (1, 1)
    in_range = own.min_ticks < ticks // 2 and ticks * 2 < own.max_ticks
    return on_grid and in_range and own.min_lots * _FINEST <= least_usd / lot_usd and most_usd / lot_usd < own.max_lots


def has_recordings(directory: Path) -> bool:
    return all(_newest(directory, source) is not None for source in SOURCES)


def recorded_markets(directory: Path, roles: tuple[Role, ...], seed: int) -> OpenMarket:
    """Those that play one source start evenly spread over its way there and back, the first wherever chance has it.

    Raises RecordingError.
    """
    first = {source: Random(f"{seed}:{source}").random() for source in SOURCES}
    by_symbol = {role.symbol: role for role in roles}

    def opened(own: Instrument, now_us: int) -> Market:
        role = by_symbol[own.symbol]
        phase = (first[role.source] + role.place / role.of) % 1
        return ReplayMarket(own, _played(_tape(directory, role.source), own, phase), now_us)

    return opened


def synthetic_markets(roles: tuple[Role, ...], seed: int) -> OpenMarket:
    by_symbol = {role.symbol: role for role in roles}

    def opened(own: Instrument, now_us: int) -> Market:
        source = by_symbol[own.symbol].source
        price = float(own.price(_ticks(source)))
        return SyntheticMarket(own, replace(parameters_for(instrument(source)), price=price), seed, now_us)

    return opened


@cache
def _tape(directory: Path, source: str) -> _Tape:
    newest = _newest(directory, source)
    if newest is None:
        raise RecordingError(f"{directory}: no directory in it holds a recording of {source}")
    own = instrument(source)
    return _Tape(own, _in_step([row for row in read_csv(newest, own) if isinstance(row, Depth | PublicTrade)]))


def _in_step(rows: Sequence[Depth | PublicTrade]) -> tuple[Depth | PublicTrade, ...]:
    """Each trade at the time of the book that shows what it left: together they are one event of the market, of which
    there are then half as many. It is mostly a quarter of a second late at most."""
    moved: list[Depth | PublicTrade] = []
    book_ms = rows[-1].exchange_ms
    for row in reversed(rows):
        if isinstance(row, Depth):
            book_ms = row.exchange_ms
        moved.append(replace(row, exchange_ms=book_ms))
    return tuple(reversed(moved))


def _newest(directory: Path, source: str) -> Path | None:
    days = sorted(directory.iterdir(), reverse=True) if directory.is_dir() else []
    return next((day for day in days if day.is_dir() and source in csv_symbols(day)), None)


def _played(tape: _Tape, own: Instrument, phase: float) -> Iterator[Depth | PublicTrade]:
    """For ever. `phase` from 0 to 1 is where it starts on the way there and back."""
    rows, last = tape.rows, len(tape.rows) - 1
    start = int(phase * 2 * last)
    index, way = (start, 1) if start < last else (2 * last - start, -1)
    worth = float(tape.instrument.notional(1, 1) / own.notional(1, 1))
    at_ms = 0
    for number in range(1, 1 << 62):
        yield _moved(rows[index], own.symbol, number, at_ms, worth)
        if not 0 <= index + way <= last:
            way = -way
        at_ms += abs(rows[index + way].exchange_ms - rows[index].exchange_ms)
        index += way


def _moved(row: Depth | PublicTrade, symbol: str, number: int, at_ms: int, worth: float) -> Depth | PublicTrade:
    if isinstance(row, PublicTrade):
        lots = round(row.lots * worth) or 1
        return PublicTrade(symbol, number, row.side, row.price_ticks, lots, at_ms, at_ms * 1000)
    bids = tuple([(ticks, round(lots * worth) or 1) for ticks, lots in row.bids])
    asks = tuple([(ticks, round(lots * worth) or 1) for ticks, lots in row.asks])
    return Depth(symbol, number, bids, asks, at_ms, at_ms * 1000)
