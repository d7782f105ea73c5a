"""Closing a symbol's position at once: reduce-only orders that take what the book has within a bound, until it is flat.

Owns: the loop and its prices. Must not know: why, or whether a fleet runs. Each order ends at once (IOC): none of them
rests, and reduce-only none can turn the position round, so that an answer that never came costs nothing but a look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

import anyio

from exchange.errors import BadCredentials, Banned, VenueError
from exchange.model import Instrument, Place, Side, TimeInForce
from exchange.ports import MarketData, Trading
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue

SLIPPAGE = Decimal("0.01")
"""How far from the mark price it closes, unless the owner says otherwise."""

WITHIN_S = 30.0
PAUSES_S = (0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Closed:
    """`left` is signed, 0 when flat; `problem`: why it is not."""

    symbol: str
    left: Decimal
    problem: str = ""


async def flatten(
    instrument: Instrument,
    trading: Trading,
    market_data: MarketData,
    next_id: Callable[[], str],
    slippage: Decimal = SLIPPAGE,
) -> Closed:
    """Until flat, or for so long. Raises Banned and BadCredentials."""
    symbol, lots, problem = instrument.symbol, 0, "its position could not be read"
    with anyio.move_on_after(WITHIN_S):
        attempt = 0
        while True:
            try:
                lots = await _position_lots(trading, symbol)
                if lots == 0:
                    return Closed(symbol, Decimal(0))
                problem = f"nobody trades within {slippage:%} of the mark price"
                order = closing_order(instrument, lots, await _mark(market_data, symbol), slippage, next_id())
                told = await trading.place(order)
                if told.filled_lots:
                    attempt = 0
            except (Banned, BadCredentials):
                raise
            except VenueError as error:
                problem = str(error)
            await anyio.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
            attempt += 1
    return Closed(symbol, instrument.quantity(lots), problem)


async def close_all(venue: Venue, slots: Iterable[Slot], slippage: Decimal = SLIPPAGE) -> list[Closed]:
    """The positions of running symbols, all at the same time."""
    closed: dict[str, Closed] = {}

    async def close(slot: Slot) -> None:
        symbol = slot.config.symbol
        try:
            closed[symbol] = await flatten(slot.instrument, venue.trading, venue.market_data, slot.next_id, slippage)
        except VenueError as error:
            closed[symbol] = Closed(symbol, slot.instrument.quantity(slot.book.position_lots), str(error))

    slots = list(slots)
    async with anyio.create_task_group() as tasks:
        for slot in slots:
            tasks.start_soon(close, slot)
    return [closed[slot.config.symbol] for slot in slots]


def closing_order(instrument: Instrument, lots: int, mark: Decimal, slippage: Decimal, client_id: str) -> Place:
    """`lots`: the position, signed. The price is bounded by the slippage and by the exchange's own band."""
    side = Side.SELL if lots > 0 else Side.BUY
    if side is Side.SELL:
        worst = instrument.ceil_price(mark * max(1 - slippage, instrument.percent_down))
    else:
        worst = instrument.floor_price(mark * min(1 + slippage, instrument.percent_up))
    ticks = min(max(worst, instrument.min_ticks), instrument.max_ticks)
    size = min(abs(lots), instrument.max_lots)
    return Place(instrument.symbol, client_id, side, ticks, size, reduce_only=True, time_in_force=TimeInForce.IOC)


async def _position_lots(trading: Trading, symbol: str) -> int:
    return next((each.lots for each in await trading.positions() if each.symbol == symbol), 0)


async def _mark(market_data: MarketData, symbol: str) -> Decimal:
    found = [each.mark for each in await market_data.mark_prices() if each.symbol == symbol]
    if not found:
        raise VenueError("the exchange tells no mark price")
    return found[0]
