"""Making sure that no order of ours is left: cancelled, and confirmed gone.

An order is gone when the venue has said of it, by name, how it ended: as the answer to its cancel, or to a query where
there was nothing to cancel any more. One that the venue knows nothing of is gone when no list had it that was asked for
NO_SUCH_ORDER_US after that answer: what is asked for lags behind what matches, and a list that lacks an order proves
nothing by itself. One look more in the end finds what nobody reckoned with.

Owns: the cancel-and-look-again loop used at a worker's start, after its crash, when a symbol leaves the fleet, and when
the fleet stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

import anyio

from exchange.errors import BadCredentials, Banned, UnknownOrder, VenueError
from exchange.model import Order, OrderStatus
from exchange.ports import Admission, Cost, RequestClass, Trading
from fleet.orders.batches import MOST_TOGETHER
from fleet.orders.ids import Run
from fleet.orders.lifecycle import NO_SUCH_ORDER_US, WorkingOrder

ALL_OPEN_ORDERS_WEIGHT = 40
"""Of the list of all symbols' open orders (docs: Current All Open Orders)."""

_PAUSES_S = (0.1, 0.25, 0.5, 1.0, 2.0)

Name = tuple[str, str]
"""Symbol and client id."""


Tell = Callable[[Sequence[Order]], None]


async def own_open_orders(
    run: Run, trading: Trading, gate: Admission, symbol: str | None, others: Tell = lambda _: None
) -> list[Order]:
    """Our orders that the venue says are open, of one symbol or (None) of all; `others` is told of those that are not
    ours. Raises VenueError."""
    ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=1 if symbol else ALL_OPEN_ORDERS_WEIGHT), symbol or "")
    orders = await trading.open_orders(symbol, ticket)
    others([order for order in orders if not run.owns(order.client_id)])
    return [order for order in orders if run.owns(order.client_id)]


async def clear(
    run: Run,
    trading: Trading,
    gate: Admission,
    symbol: str | None = None,
    found: Sequence[Order] = (),
    seen: Tell = lambda _: None,
    others: Tell = lambda _: None,
    tell: Callable[[Order], None] = lambda _: None,
    believed: Collection[Order | WorkingOrder] = (),
    spares: Callable[[Order], bool] = lambda _: False,
) -> int:
    """Cancels our orders until none is left, however long that takes. Returns how many.

    `found`: those that the venue has just told of; `believed`: those that may be open by all that we know, listed or
    not. `seen` is told of all that are found, `others` of what is not ours, `tell` of each that the venue has said is
    over. `spares`: which of those listed are not to be touched. The caller bounds the time. Raises Banned and
    BadCredentials: then nothing can be cancelled.
    """
    attempt = 0
    over: dict[Name, Order] = {}
    left: dict[Name, float | None] = {(order.symbol, order.client_id): None for order in believed}
    """Those that may be open, and since when the venue, asked by name, knows nothing of one."""

    def hear(order: Order) -> None:
        if order.status.is_final:
            over[order.symbol, order.client_id] = order
            tell(order)

    while True:
        asked_s = anyio.current_time()
        try:
            orders = found or await own_open_orders(run, trading, gate, symbol, others)
            found = ()
            seen(orders)
            left |= {(order.symbol, order.client_id): None for order in orders if not spares(order)}
            # A list that lags has those yet that are over.
            gone = {name for name, since_s in left.items() if name in over or _is_past(since_s, asked_s)}
            left = {name: since_s for name, since_s in left.items() if name not in gone}
            if not left:
                return sum(order.status is OrderStatus.CANCELED for order in over.values())
            unknown = await _cancel([name for name, since_s in left.items() if since_s is None], trading, gate, hear)
            now_s = anyio.current_time()
            left = {name: now_s if name in unknown else since_s for name, since_s in left.items() if name not in over}
            if not left:
                continue
        except (Banned, BadCredentials):
            raise
        except VenueError:
            # The line is bad, or the venue is: what matters is to try again.
            pass
        pause_s = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
        waiting = [since_s for since_s in left.values() if since_s is not None]
        if waiting and len(waiting) == len(left):
            # Nothing is to be done but to look again, and a look before proves nothing.
            pause_s = max(min(waiting) + NO_SUCH_ORDER_US / 1e6 - anyio.current_time(), pause_s)
        await anyio.sleep(pause_s)
        attempt += 1


def _is_past(since_s: float | None, asked_s: float) -> bool:
    return since_s is not None and asked_s - since_s >= NO_SUCH_ORDER_US / 1e6


async def _cancel(names: Sequence[Name], trading: Trading, gate: Admission, hear: Callable[[Order], None]) -> set[Name]:
    """Those of which the venue knows nothing; `hear` is told of the others. All at once: an answer that does not come
    keeps nobody waiting but its own."""
    by_symbol: defaultdict[str, list[str]] = defaultdict(list)
    for symbol, client_id in names:
        by_symbol[symbol].append(client_id)
    unknown: set[Name] = set()
    fatal: VenueError | None = None

    async def cancel(symbol: str, ids: list[str]) -> None:
        nonlocal fatal
        try:
            ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=1), symbol)
            answers = await trading.cancel_many(symbol, ids, ticket)
            for client_id, answer in zip(ids, answers, strict=True):
                if isinstance(answer, Order):
                    hear(answer)
                elif isinstance(answer, UnknownOrder):
                    await ask(symbol, client_id)
        except (Banned, BadCredentials) as error:
            # Not raised inside: the task group would wrap it.
            fatal = error
        except VenueError:
            # They are not gone, and looked for again.
            pass

    async def ask(symbol: str, client_id: str) -> None:
        """Nothing to cancel: it is over, has not arrived, or the server that was asked has not heard of it yet."""
        try:
            ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=1), symbol)
            hear(await trading.order(symbol, client_id, ticket))
        except UnknownOrder:
            unknown.add((symbol, client_id))

    async with anyio.create_task_group() as tasks:
        for symbol, ids in by_symbol.items():
            for start in range(0, len(ids), MOST_TOGETHER):
                tasks.start_soon(cancel, symbol, ids[start : start + MOST_TOGETHER])
    if fatal is not None:
        raise fatal
    return unknown
