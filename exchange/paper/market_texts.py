"""What a market did, as the wire spells it: the same numbers for an answer and for a frame.

Owns: the way from ticks and lots to texts for levels, candles and 24-hour statistics. Must not know: lines, requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Instrument
from exchange.paper.candles import Candle
from exchange.paper.day import DayStatistics
from exchange.paper.listing import INDEX_UNITS, Listing
from exchange.protocol.intervals import DAY_MS


def level_texts(listing: Listing, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    instrument = listing.instrument
    return [(instrument.price_text(ticks), instrument.quantity_text(lots)) for ticks, lots in levels]


def quote_text(instrument: Instrument, tick_lots: int) -> str:
    """A sum of prices times quantities."""
    return f"{instrument.notional(tick_lots, 1):f}"


def index_text(units: int) -> str:
    """A mark or index price of a candle."""
    return f"{Decimal(units) / INDEX_UNITS:.8f}"


def last_ticks(listing: Listing) -> int:
    """The price of the last trade; before there was one, the mark price's."""
    return listing.instrument.floor_price(listing.mark) if listing.last_ticks is None else listing.last_ticks


@dataclass(frozen=True, slots=True)
class DayTexts:
    change: str
    change_percent: str
    average: str
    previous_close: str
    last: str
    last_qty: str
    open: str
    high: str
    low: str
    volume: str
    quote_volume: str
    opened_ms: int
    closed_ms: int
    first_id: int
    last_id: int
    count: int


def day_texts(listing: Listing, now_ms: int) -> DayTexts:
    """Before the first trade all prices are the mark price's, and nothing was traded."""
    instrument = listing.instrument
    day = listing.statistics(now_ms)
    if day is None:
        ticks = last_ticks(listing)
        day = DayStatistics(Candle(now_ms - DAY_MS, ticks, ticks, ticks, ticks), ticks, now_ms - DAY_MS, now_ms)
    candle = day.candle
    change = candle.close - candle.open
    average = instrument.notional(candle.tick_lots, 1) / instrument.quantity(candle.lots) if candle.lots else Decimal(0)
    newest = listing.tape.trades[-1].lots if listing.tape.trades else 0
    return DayTexts(
        change=instrument.price_text(change),
        change_percent=f"{Decimal(change * 100) / candle.open if candle.open else 0:.3f}",
        average=f"{average:.8f}",
        previous_close=instrument.price_text(day.previous_close),
        last=instrument.price_text(candle.close),
        last_qty=instrument.quantity_text(newest),
        open=instrument.price_text(candle.open),
        high=instrument.price_text(candle.high),
        low=instrument.price_text(candle.low),
        volume=instrument.quantity_text(candle.lots),
        quote_volume=quote_text(instrument, candle.tick_lots),
        opened_ms=day.opened_ms,
        closed_ms=day.closed_ms,
        first_id=candle.first_id,
        last_id=candle.last_id,
        count=candle.count,
    )
