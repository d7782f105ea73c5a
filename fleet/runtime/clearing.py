"""Making sure that no order of ours is left: cancelled, and confirmed gone.

Owns: the cancel-and-look-again loop used at a worker's start, after its crash, and when the fleet stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import anyio

from exchange.errors import BadCredentials, Banned, VenueError
from exchange.model import Order
from exchange.ports import Admission, Cost, RequestClass, Trading
from fleet.orders.batches import MOST_TOGETHER
from fleet.orders.ids import Run

ALL_OPEN_ORDERS_WEIGHT = 40
"""Of the list of all symbols' open orders (docs: Current All Open Orders)."""

_PAUSES_S = (0.1, 0.25, 0.5, 1.0, 2.0)


async def own_open_orders(run: Run, trading: Trading, gate: Admission, symbol: str | None) -> list[Order]:
    """Our orders that the venue says are open, of one symbol or (None) of all. Raises VenueError."""
    ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=1 if symbol else ALL_OPEN_ORDERS_WEIGHT), symbol or "")
    orders = await trading.open_orders(symbol, ticket)
    return [order for order in orders if run.owns(order.client_id)]


async def clear(
    run: Run,
    trading: Trading,
    gate: Admission,
    symbol: str | None = None,
    found: Sequence[Order] = (),
    seen: Callable[[Sequence[Order]], None] = lambda _: None,
    tell: Callable[[Order], None] = lambda _: None,
) -> int:
    """Cancels our orders until the venue says that none is open, however long that takes. Returns how many.

    `found`: those that the venue has just told of; `seen` is told of all that are found, `tell` of each that was
    cancelled. The caller bounds the time. Raises Banned and BadCredentials: then nothing can be cancelled.
    """
    cancelled = 0
    attempt = 0
    while True:
        try:
            orders = found or await own_open_orders(run, trading, gate, symbol)
            found = ()
            seen(orders)
            if not orders:
                return cancelled
            gone = await _cancel(orders, trading, gate, tell)
            cancelled += gone
            if gone == len(orders):
                continue
        except (Banned, BadCredentials):
            raise
        except VenueError:
            # The line is bad, or the venue is: what matters is to try again.
            pass
        await anyio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
        attempt += 1


async def _cancel(orders: Sequence[Order], trading: Trading, gate: Admission, tell: Callable[[Order], None]) -> int:
    """How many are gone. All at once: an answer that does not come keeps nobody waiting but its own."""
    by_symbol: defaultdict[str, list[str]] = defaultdict(list)
    for order in orders:
        by_symbol[order.symbol].append(order.client_id)
    gone = 0
    fatal: VenueError | None = None

    async def cancel(symbol: str, ids: list[str]) -> None:
        nonlocal gone, fatal
        try:
            ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=1), symbol)
            answers = await trading.cancel_many(symbol, ids, ticket)
            for answer in answers:
                if isinstance(answer, Order):
                    gone += 1
                    tell(answer)
        except (Banned, BadCredentials) as error:
            # Not raised inside: the task group would wrap it.
            fatal = error
        except VenueError:
            # They are not gone, and looked for again.
            pass

    async with anyio.create_task_group() as tasks:
        for symbol, ids in by_symbol.items():
            for start in range(0, len(ids), MOST_TOGETHER):
                tasks.start_soon(cancel, symbol, ids[start : start + MOST_TOGETHER])
    if fatal is not None:
        raise fatal
    return gone
