"""Wanted quotes and working orders -> the fewest requests, as a table."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exchange.model import Amend, Cancel, Place, Side
from exchange.ports import RequestClass
from fleet.orders.lifecycle import Phase, WorkingOrder
from fleet.orders.plan import Action, Policy, Query, plan
from fleet.scheduling.value import Stake
from strategies.base import Quote

NOW = 10_000_000
POLICY = Policy("X", Decimal("0.001"), 1_000_000, {})
BUY = Quote(Side.BUY, 10_000, 50, lots_tolerance=2)
SELL = Quote(Side.SELL, 10_100, 50, lots_tolerance=2)
REDUCE = Quote(Side.SELL, 10_100, 30, reduce_only=True)


def order(
    side: Side = Side.BUY,
    *,
    price: int = 10_000,
    lots: int = 50,
    phase: Phase = Phase.OPEN,
    age_us: int = 5_000_000,
    filled: int = 0,
    reduce_only: bool = False,
    name: str = "",
) -> WorkingOrder:
    return WorkingOrder(
        "X", name or side.value.lower(), side, price, lots, reduce_only, phase, NOW - age_us, NOW - age_us,
        filled_lots=filled, seen_lots=filled,
    )  # fmt: skip


def place(quote: Quote) -> Place:
    return Place("X", "", quote.side, quote.price_ticks, quote.lots, quote.reduce_only)


@pytest.mark.parametrize(
    ("quotes", "orders", "expected"),
    [
        pytest.param([], [], [], id="nothing wanted, nothing there"),
        pytest.param([BUY, SELL], [], [place(BUY), place(SELL)], id="both sides are placed"),
        pytest.param([BUY], [order()], [], id="an order that fits stays"),
        pytest.param([BUY], [order(price=10_010)], [], id="within the threshold it stays"),
        pytest.param([BUY], [order(price=10_011)], [Amend("X", "buy", Side.BUY, 10_000, 50)], id="beyond it is amended"),
        pytest.param([BUY], [order(price=9_900, age_us=999_999)], [], id="not before the refresh interval"),
        pytest.param([BUY], [order(lots=52)], [], id="a quantity within tolerance stays"),
        pytest.param([BUY], [order(lots=53)], [Amend("X", "buy", Side.BUY, 10_000, 50)], id="beyond it is amended too"),
        pytest.param([BUY], [order(filled=10)], [Amend("X", "buy", Side.BUY, 10_000, 60)], id="an amend counts what is filled"),
        pytest.param(
            [BUY], [replace(order(price=9_000), amends_refused=3)], [Cancel("X", "buy")],
            id="what amending cannot do is done by replacing",
        ),
        pytest.param([], [order()], [Cancel("X", "buy")], id="what is not wanted is cancelled"),
        pytest.param([BUY], [order(), order(name="twin")], [Cancel("X", "twin")], id="of two the second goes"),
        pytest.param(
            [REDUCE], [order(), order(Side.SELL, price=10_100)], [Cancel("X", "buy"), Cancel("X", "sell"), place(REDUCE)],
            id="after a fill the other side goes out in the same breath",
        ),
        pytest.param(
            [REDUCE], [order(Side.SELL, price=10_100, lots=20, reduce_only=True, age_us=0)],
            [Amend("X", "sell", Side.SELL, 10_100, 30)], id="a reducing order of the wrong size is mended at once",
        ),
        pytest.param([SELL], [order(Side.SELL, reduce_only=True)], [Cancel("X", "sell")], id="opening waits for the reducing one to go"),
        *[
            pytest.param([BUY], [order(price=9_000, phase=phase)], [], id=f"{phase} is left alone")
            for phase in (Phase.PLACING, Phase.AMENDING, Phase.CANCELLING)
        ],
        pytest.param([], [order(phase=Phase.PLACING)], [], id="what is being placed cannot be cancelled yet"),
        pytest.param([BUY], [order(phase=Phase.UNKNOWN)], [Query("X", "buy")], id="unknown: asked, and its side stays empty"),
        pytest.param([BUY], [replace(order(phase=Phase.UNKNOWN), query_us=NOW - 9)], [], id="by one query at a time"),
        pytest.param(
            [REDUCE], [order(Side.SELL, phase=Phase.UNKNOWN)], [Query("X", "sell"), place(REDUCE)],
            id="what can only reduce does not wait for an unknown opening order",
        ),
        pytest.param(
            [REDUCE], [order(Side.SELL, phase=Phase.UNKNOWN, reduce_only=True)], [Query("X", "sell")],
            id="but for an unknown reducing one",
        ),
        pytest.param(
            [SELL], [order(Side.SELL, phase=Phase.UNKNOWN, reduce_only=True)], [Query("X", "sell")],
            id="and what opens waits for either",
        ),
        pytest.param(
            [BUY], [replace(order(price=9_000), asked=(9_900, 50))], [Cancel("X", "buy")],
            id="while an amendment may still arrive there is no second one",
        ),
        pytest.param([BUY], [replace(order(), asked=(9_900, 50))], [], id="but what fits stays"),
        pytest.param([BUY], [order(phase=Phase.DONE)], [place(BUY)], id="what is done holds no place"),
    ],
)  # fmt: skip
def test_requests(quotes: list[Quote], orders: list[WorkingOrder], expected: list[Action]) -> None:
    assert [change.action for change in plan(quotes, orders, POLICY, NOW).changes] == expected


@pytest.mark.parametrize(
    ("quotes", "orders", "policy", "wake_us"),
    [
        ([BUY], [order()], POLICY, None),
        ([BUY], [order(price=9_900, age_us=400_000)], POLICY, NOW + 600_000),
        ([BUY], [replace(order(phase=Phase.UNKNOWN), next_query_us=NOW + 7)], POLICY, NOW + 7),
        ([BUY], [], replace(POLICY, hold_us={Side.BUY: NOW + 9}), NOW + 9),
        ([], [replace(order(), retry_us=NOW + 3)], POLICY, NOW + 3),
    ],
)
def test_looks_again_when_something_falls_due(
    quotes: list[Quote], orders: list[WorkingOrder], policy: Policy, wake_us: int | None
) -> None:
    planned = plan(quotes, orders, policy, NOW)
    assert (planned.changes, planned.wake_us) == ((), wake_us)


@pytest.mark.parametrize(
    "waiting",
    [
        replace(order(), retry_us=NOW + 10_000_000),
        replace(order(phase=Phase.UNKNOWN), next_query_us=NOW + 10_000_000),
    ],
)
def test_what_is_urgent_does_not_wait_for_a_clock_that_was_set_back(waiting: WorkingOrder) -> None:
    assert len(plan([], [waiting], POLICY, NOW).changes) == 1


def test_cancels_go_before_reductions_before_quotes_before_refreshes() -> None:
    orders = [order(price=9_000), order(Side.SELL, reduce_only=True)]
    classes = [change.request_class for change in plan([BUY, SELL], orders, POLICY, NOW).changes]
    assert classes == [RequestClass.CANCEL, RequestClass.REFRESH]
    assert [c.request_class for c in plan([REDUCE, BUY], [], POLICY, NOW).changes] == [
        RequestClass.REDUCE,
        RequestClass.QUOTE,
    ]


@pytest.mark.parametrize(
    ("orders", "quotes", "first"),
    [
        pytest.param([order(price=9_900), order(Side.SELL, price=10_000)], [BUY, SELL], "sell", id="the one too near"),
        pytest.param([order(price=10_100), order(Side.SELL, price=10_200)], [BUY, SELL], "buy", id="on whichever side"),
        pytest.param(
            [order(price=9_000), order(Side.SELL, price=10_500)], [BUY, SELL], "buy", id="else the one more off"
        ),
        pytest.param(
            [order(price=10_100), order(Side.SELL, lots=99, reduce_only=True)],
            [BUY, REDUCE],
            "sell",
            id="size comes first",
        ),
    ],
)
def test_the_more_urgent_side_asks_first(orders: list[WorkingOrder], quotes: list[Quote], first: str) -> None:
    changes = plan(quotes, orders, POLICY, NOW).changes
    assert changes[0].action.client_id == first
    assert len(changes) == 2


@pytest.mark.parametrize(
    ("live", "quote", "request_class", "error_bps", "is_too_close"),
    [
        pytest.param(order(price=9_900), BUY, RequestClass.REFRESH, 100, False, id="too far"),
        pytest.param(order(price=10_100), BUY, RequestClass.REFRESH, 100, True, id="too close"),
        pytest.param(order(lots=25), BUY, RequestClass.REFRESH, 5, False, id="half its size is wrong"),
        pytest.param(order(lots=500, price=9_900), BUY, RequestClass.REFRESH, 110, False, id="no more than all of it"),
        pytest.param(
            order(Side.SELL, price=10_201, lots=30, reduce_only=True), REDUCE, RequestClass.REFRESH, 100, False,
            id="a reducing order follows the market like any other",
        ),
        pytest.param(
            order(Side.SELL, lots=20, price=10_100, reduce_only=True), REDUCE, RequestClass.REDUCE, 10 / 3, False,
            id="but its size is urgent",
        ),
    ],
)  # fmt: skip
def test_what_is_at_stake_with_an_amendment(
    live: WorkingOrder, quote: Quote, request_class: RequestClass, error_bps: float, is_too_close: bool
) -> None:
    policy = replace(POLICY, usd_per_tick_lot=0.01, volatility_bps=3, priority=2)
    (change,) = plan([quote], [live], policy, NOW).changes
    assert change.request_class is request_class
    assert change.stake.error_bps == pytest.approx(error_bps)
    at_stake = Stake("X", 0, is_too_close, quote.price_ticks * quote.lots * 0.01, 3, 2, 1_000_000)
    assert replace(change.stake, error_bps=0) == at_stake
