"""From the orders that should be working and those that are, the fewest requests that make the second the first.

Owns: when an order stays, is amended, replaced, cancelled or placed. Must not know: who sends, and when there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Amend, Cancel, Place, Side
from exchange.ports import Cost, RequestClass
from fleet.orders.lifecycle import Phase, WorkingOrder, amend_of, query_due_us
from strategies.base import Quote


@dataclass(frozen=True, slots=True)
class Query:
    """Ask the venue what has become of an order."""

    symbol: str
    client_id: str


Action = Place | Amend | Cancel | Query


@dataclass(frozen=True, slots=True)
class Change:
    """One request that is wanted. `key` names its place in the waiting line: a newer change takes the older's."""

    key: tuple[str, str]
    action: Action
    request_class: RequestClass
    cost: Cost


@dataclass(frozen=True, slots=True)
class Policy:
    """`hold_us` per side: no new order before, because the last one was refused."""

    symbol: str
    price_change_threshold: Decimal
    refresh_interval_us: int
    hold_us: dict[Side, int]


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...]
    wake_us: int | None
    """When to look again though nothing has happened."""


AMENDS_TRIED = 3
"""Refused so often in a row, an order is replaced: amending cannot do it."""

AMEND_COST = Cost(weight=1, orders=1)
PLACE_COST = Cost(weight=1, orders=1)
CANCEL_COST = Cost(weight=1)
QUERY_COST = Cost(weight=1)


def plan(
    quotes: Sequence[Quote],
    orders: Iterable[WorkingOrder],
    policy: Policy,
    now_us: int,
) -> Plan:
    """At most one change an order and one placement a side. An order whose last request is under way is left alone.

    A placement has no client order id yet: it gets one when it is sent, so that what waits in line uses none up.
    """
    wanted = {quote.side: quote for quote in quotes}
    changes: list[Change] = []
    wakes: list[int] = []
    occupied: set[Side] = set()
    for order in orders:
        if not order.is_live:
            continue
        quote = wanted.get(order.side)
        fits = quote is not None and quote.reduce_only == order.reduce_only and order.side not in occupied
        # A reducing order does not wait for the opening one it replaces to be gone: it cannot add to the position.
        if fits or quote is None or not quote.reduce_only:
            occupied.add(order.side)
        if order.phase is Phase.UNKNOWN:
            _when_due(changes, wakes, _query(order), query_due_us(order) or now_us, now_us)
        elif order.phase is Phase.OPEN:
            if quote is None or not fits:
                _when_due(changes, wakes, _cancel(order), order.retry_us, now_us)
            elif not _will_do(order, quote, policy):
                due_us = _amend_due_us(order, quote, policy)
                change = _amend(order, quote) if order.amends_refused < AMENDS_TRIED else _cancel(order)
                _when_due(changes, wakes, change, due_us, now_us)
    for side, quote in wanted.items():
        if side not in occupied:
            _when_due(changes, wakes, _place(quote, policy.symbol), policy.hold_us.get(side, 0), now_us)
    return Plan(tuple(sorted(changes, key=lambda change: change.request_class)), min(wakes, default=None))


def _when_due(changes: list[Change], wakes: list[int], change: Change, due_us: int, now_us: int) -> None:
    if due_us <= now_us:
        changes.append(change)
    else:
        wakes.append(due_us)


def _will_do(order: WorkingOrder, quote: Quote, policy: Policy) -> bool:
    moved_ticks = abs(order.price_ticks - quote.price_ticks)
    near = moved_ticks <= policy.price_change_threshold * quote.price_ticks
    return near and abs(order.remaining_lots - quote.lots) <= quote.lots_tolerance


def _amend_due_us(order: WorkingOrder, quote: Quote, policy: Policy) -> int:
    """A reducing order of the wrong size is mended at once; everything else waits for the refresh interval."""
    wrong_size = quote.reduce_only and order.remaining_lots != quote.lots
    return max(order.retry_us, 0 if wrong_size else order.changed_us + policy.refresh_interval_us)


def _place(quote: Quote, symbol: str) -> Change:
    place = Place(symbol, "", quote.side, quote.price_ticks, quote.lots, quote.reduce_only)
    return Change(_key(symbol, quote.side), place, _opening_class(quote.reduce_only, RequestClass.QUOTE), PLACE_COST)


def _amend(order: WorkingOrder, quote: Quote) -> Change:
    action = amend_of(order, quote.price_ticks, quote.lots)
    request_class = _opening_class(quote.reduce_only, RequestClass.REFRESH)
    return Change(_key(order.symbol, order.side), action, request_class, AMEND_COST)


def _cancel(order: WorkingOrder) -> Change:
    action = Cancel(order.symbol, order.client_id)
    return Change((order.symbol, order.client_id), action, RequestClass.CANCEL, CANCEL_COST)


def _query(order: WorkingOrder) -> Change:
    action = Query(order.symbol, order.client_id)
    return Change((order.symbol, order.client_id), action, RequestClass.REDUCE, QUERY_COST)


def _opening_class(reduce_only: bool, otherwise: RequestClass) -> RequestClass:
    return RequestClass.REDUCE if reduce_only else otherwise


def _key(symbol: str, side: Side) -> tuple[str, str]:
    return symbol, side.value
