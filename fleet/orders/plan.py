"""From the orders that should be working and those that are, the fewest requests that make the second the first.

Owns: when an order stays, is amended, replaced, cancelled or placed. Must not know: who sends, and when there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Amend, Cancel, Place, Side
from exchange.ports import Cost, RequestClass
from fleet.orders.error import quote_error
from fleet.orders.lifecycle import LONGEST_QUERY_PAUSE_US, RETRY_PAUSE_US, Phase, WorkingOrder, amend_of
from fleet.scheduling.value import Stake
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
    stake: Stake
    """What the budget goes by when not all can be sent."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`hold_us` per side: no new order before, because the last one was refused. `usd_per_tick_lot`: notional of one
    lot at a price of one tick. `volatility_bps`: of mid, over a second."""

    symbol: str
    price_change_threshold: Decimal
    refresh_interval_us: int
    hold_us: dict[Side, int]
    usd_per_tick_lot: float = 0.0
    volatility_bps: float = 1.0
    priority: float = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...]
    wake_us: int | None
    """When to look again though nothing has happened."""


AMENDS_TRIED = 3
"""Refused so often in a row, an order is replaced: amending cannot do it."""

WRONG_SIZE_BPS = 10.0
"""An order of a wrong size counts like one whose price is this far off, for the part of its size that is wrong."""

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
        fits = fits and not order.is_earlier
        # A reducing order does not wait for the opening one it replaces to be gone, not even for an unknown one: it
        # cannot add to the position.
        if fits or quote is None or not quote.reduce_only:
            occupied.add(order.side)
        if order.phase is Phase.UNKNOWN:
            if order.query_us is None:
                due_us = _once_told(order.next_query_us, LONGEST_QUERY_PAUSE_US, now_us)
                _when_due(changes, wakes, _query(order, policy), due_us, now_us)
        elif order.phase is Phase.OPEN:
            if quote is None or not fits:
                due_us = _once_told(order.retry_us, RETRY_PAUSE_US, now_us)
                _when_due(changes, wakes, _cancel(order, policy), due_us, now_us)
            elif not _will_do(order, quote, policy):
                due_us = _amend_due_us(order, quote, policy)
                # An amendment without an answer may still arrive: after the cancel it is refused.
                is_last_way = order.amends_refused >= AMENDS_TRIED or order.asked is not None
                change = _cancel(order, policy) if is_last_way else _amend(order, quote, policy)
                _when_due(changes, wakes, change, due_us, now_us)
    for side, quote in wanted.items():
        if side not in occupied:
            _when_due(changes, wakes, _place(quote, policy), policy.hold_us.get(side, 0), now_us)
    return Plan(tuple(sorted(changes, key=_urgency)), min(wakes, default=None))


def _urgency(change: Change) -> tuple[RequestClass, bool, float]:
    """An order that stands too near to the market is mended before the one on the other side, which only misses."""
    return change.request_class, not change.stake.is_too_close, -change.stake.error_bps


def _when_due(changes: list[Change], wakes: list[int], change: Change, due_us: int, now_us: int) -> None:
    if due_us <= now_us:
        changes.append(change)
    else:
        wakes.append(due_us)


def _once_told(due_us: int, longest_us: int, now_us: int) -> int:
    """A time further off than any pause was told by a clock that has been set back since: what is urgent is due."""
    return due_us if due_us - now_us <= longest_us else now_us


def _will_do(order: WorkingOrder, quote: Quote, policy: Policy) -> bool:
    moved_ticks = abs(order.price_ticks - quote.price_ticks)
    near = moved_ticks <= policy.price_change_threshold * quote.price_ticks
    return near and abs(order.remaining_lots - quote.lots) <= quote.lots_tolerance


def _amend_due_us(order: WorkingOrder, quote: Quote, policy: Policy) -> int:
    """A reducing order of the wrong size is mended at once; everything else waits for the refresh interval."""
    due_us = 0 if _is_short(order, quote) else order.changed_us + policy.refresh_interval_us
    return max(order.retry_us, due_us)


def _is_short(order: WorkingOrder, quote: Quote) -> bool:
    """It does not work off the position as it is."""
    return quote.reduce_only and order.remaining_lots != quote.lots


def _place(quote: Quote, policy: Policy) -> Change:
    place = Place(policy.symbol, "", quote.side, quote.price_ticks, quote.lots, quote.reduce_only)
    request_class = RequestClass.REDUCE if quote.reduce_only else RequestClass.QUOTE
    stake = Stake(policy.symbol, notional_usd=_notional(quote, policy), priority=policy.priority)
    return Change(_key(policy.symbol, quote.side), place, request_class, PLACE_COST, stake)


def _amend(order: WorkingOrder, quote: Quote, policy: Policy) -> Change:
    """That the reducing order follows the market is a matter of price, like any amendment: only its size is urgent."""
    action = amend_of(order, quote.price_ticks, quote.lots)
    request_class = RequestClass.REDUCE if _is_short(order, quote) else RequestClass.REFRESH
    error = quote_error(order, quote)
    wrong_size = min(abs(order.remaining_lots - quote.lots) / quote.lots, 1.0)
    stake = Stake(
        policy.symbol,
        error_bps=error.bps + wrong_size * WRONG_SIZE_BPS,
        is_too_close=error.is_too_close,
        notional_usd=_notional(quote, policy),
        volatility_bps=policy.volatility_bps,
        priority=policy.priority,
        refresh_us=policy.refresh_interval_us,
    )
    return Change(_key(order.symbol, order.side), action, request_class, AMEND_COST, stake)


def _cancel(order: WorkingOrder, policy: Policy) -> Change:
    action = Cancel(order.symbol, order.client_id)
    stake = Stake(policy.symbol, priority=policy.priority)
    return Change((order.symbol, order.client_id), action, RequestClass.CANCEL, CANCEL_COST, stake)


def _query(order: WorkingOrder, policy: Policy) -> Change:
    """Urgent, unlike other questions: until it is answered nobody knows what is in the market."""
    action = Query(order.symbol, order.client_id)
    stake = Stake(policy.symbol, priority=policy.priority)
    return Change((order.symbol, order.client_id), action, RequestClass.REDUCE, QUERY_COST, stake)


def _notional(quote: Quote, policy: Policy) -> float:
    return quote.price_ticks * quote.lots * policy.usd_per_tick_lot


def _key(symbol: str, side: Side) -> tuple[str, str]:
    return symbol, side.value
