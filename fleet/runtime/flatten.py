"""Closing positions at once: reduce-only orders that take what the book has within a bound, until it is flat.

Owns: the loop and its prices. Must not know: why, or whether a fleet runs. Each order ends at once (IOC): none of them
rests, and reduce-only none can turn the position round, so that an answer that never came costs nothing but a look.

It looks with the urgent, and once for all symbols: with the budget used up by quotes, or by another bot of this
address, what is kept for cancels and reductions is there for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

import anyio

from exchange.errors import BadCredentials, Banned, Rejected, VenueError
from exchange.model import Instrument, Place, Side, TimeInForce
from exchange.ports import Cost, RequestClass
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue

SLIPPAGE = Decimal("0.01")
"""How far from the mark price it closes, unless the owner says otherwise."""

WITHIN_S = 30.0
PAUSES_S = (0.1, 0.25, 0.5, 1.0)

FLAT_AGAIN_S = 0.5
"""Flat is what is flat so much later still: a fill may have been on its way."""

ORDERS_GONE_WITHIN_S = 3.0
"""How long orders that rest are waited for. The exchange may never say what became of one; the position goes first."""

POSITIONS_WEIGHT = 5
MARKS_WEIGHT = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Holding:
    """What is to be closed, and the ids of the orders that do it."""

    instrument: Instrument
    next_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Closed:
    """`left` is signed, 0 when flat, None where it is not known; `problem`: why it is not seen to be flat."""

    symbol: str
    left: Decimal | None
    problem: str = ""

    @property
    def words(self) -> str:
        """The problem, for people; empty where there is none."""
        if not self.problem:
            return ""
        if self.left is None:
            return f"{self.symbol}: it is not known what it still holds: {self.problem}"
        return f"{self.symbol} still holds {self.left:f}: {self.problem}"


class Shared(Generic[T]):
    """One read for everybody who asks before it begins. One that has begun may not know yet what they have done."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = anyio.Lock()
        self._begun = 0
        self._answer: list[T] = []
        self._error: VenueError | None = None

    async def ask(self) -> T:
        """Raises VenueError."""
        begun = self._begun
        async with self._turn:
            if self._begun == begun or not (self._answer or self._error):
                self._begun += 1
                self._answer, self._error = [], None
                try:
                    self._answer = [await self._read()]
                except VenueError as error:
                    self._error = error
            if self._error is not None:
                raise self._error
            return self._answer[0]


class _Looks:
    """What all that close at the same time look at."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.positions = Shared(self._positions)
        self.marks = Shared(self._marks)

    async def _positions(self) -> dict[str, int]:
        """Signed lots."""
        ticket = await self._venue.gate.admit(RequestClass.REDUCE, Cost(POSITIONS_WEIGHT))
        return {each.symbol: each.lots for each in await self._venue.trading.positions(ticket)}

    async def _marks(self) -> dict[str, Decimal]:
        ticket = await self._venue.gate.admit(RequestClass.REDUCE, Cost(MARKS_WEIGHT))
        return {each.symbol: each.mark for each in await self._venue.market_data.mark_prices(ticket=ticket)}


async def close(venue: Venue, holdings: Iterable[Holding], slippage: Decimal = SLIPPAGE) -> list[Closed]:
    """All at the same time, each until it is seen to be flat, or for WITHIN_S."""
    looks = _Looks(venue)
    return await _together([partial(_close, venue, each, looks, slippage) for each in holdings])


async def close_all(
    venue: Venue, slots: Iterable[Slot], slippage: Decimal = SLIPPAGE, others: Iterable[Holding] = ()
) -> list[Closed]:
    """The positions of running symbols. Each as soon as no order of its own rests: the closing one would trade with
    that first, for the fees and nothing else. `others`: of symbols that have no orders."""
    looks = _Looks(venue)

    async def close_slot(slot: Slot) -> Closed:
        with anyio.move_on_after(ORDERS_GONE_WITHIN_S):
            while slot.live_orders():  # noqa: ASYNC110 workers tell nobody of their orders
                await anyio.sleep(PAUSES_S[0])
        return await _close(venue, Holding(slot.instrument, slot.next_id), looks, slippage)

    at_once = [partial(_close, venue, each, looks, slippage) for each in others]
    return await _together([*[partial(close_slot, slot) for slot in slots], *at_once])


async def _together(closings: Sequence[Callable[[], Awaitable[Closed]]]) -> list[Closed]:
    closed: dict[int, Closed] = {}

    async def run(place: int) -> None:
        closed[place] = await closings[place]()

    async with anyio.create_task_group() as tasks:
        for place in range(len(closings)):
            tasks.start_soon(run, place)
    return [closed[place] for place in range(len(closings))]


async def _close(venue: Venue, holding: Holding, looks: _Looks, slippage: Decimal) -> Closed:
    instrument, symbol = holding.instrument, holding.instrument.symbol
    left: Decimal | None = None
    problem, attempt, was_flat = "the exchange did not say in time", 0, False
    with anyio.move_on_after(WITHIN_S):
        while True:
            try:
                left = None
                lots = (await looks.positions.ask()).get(symbol, 0)
                left = instrument.quantity(lots)
                if lots == 0 and was_flat:
                    return Closed(symbol, left)
                was_flat = lots == 0
                if lots:
                    problem = f"nobody trades within {slippage:%} of the mark price"
                    mark = (await looks.marks.ask()).get(symbol)
                    if mark is None:
                        raise VenueError("the exchange tells no mark price")
                    order = closing_order(instrument, lots, mark, slippage, holding.next_id())
                    left = None
                    try:
                        filled_lots = (await venue.trading.place(order)).filled_lots
                    except Rejected:
                        left = instrument.quantity(lots)
                        raise
                    left = instrument.quantity(lots + order.side.sign * filled_lots)
                    attempt = 0 if filled_lots else attempt
            except (Banned, BadCredentials) as error:
                return Closed(symbol, left, str(error))
            except VenueError as error:
                problem = str(error)
            await anyio.sleep(FLAT_AGAIN_S if was_flat else PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
            attempt += 1
    return Closed(symbol, left, "the exchange did not say it twice" if was_flat else problem)


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
