"""Which symbols have open orders that are not ours, whatever the order in which lists and events come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from runtime_fakes import instrument

from exchange.model import Order, OrderStatus, Side
from fleet.runtime.foreign import NAMED_MOST, ForeignNews, ForeignOrders, NotOurs

Step = Callable[[ForeignOrders], None]


def order(number: int, status: OrderStatus = OrderStatus.NEW, symbol: str = "X") -> Order:
    return Order(symbol, f"web_{number}", number, Side.BUY, status, 1, 1, 0, False, "GTC", 0)


def heard(number: int, at_us: int, status: OrderStatus = OrderStatus.NEW, symbol: str = "X") -> Step:
    return lambda orders: orders.heard(order(number, status, symbol), at_us)


def listed(*numbers: int, asked_us: int) -> Step:
    return lambda orders: orders.listed([order(number) for number in numbers], asked_us)


GONE = OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("steps", "count", "changes"),
    [
        pytest.param([], 0, 0, id="none"),
        pytest.param([heard(1, 5)], 1, 1, id="one that the stream told of"),
        pytest.param([heard(1, 5), heard(1, 6, OrderStatus.PARTIALLY_FILLED)], 1, 1, id="told of twice"),
        pytest.param([heard(1, 5), heard(1, 6, GONE)], 0, 2, id="and gone"),
        pytest.param([heard(1, 5, GONE), heard(1, 6)], 0, 0, id="events out of order"),
        pytest.param([heard(1, 5, OrderStatus.FILLED)], 0, 0, id="one that filled at once"),
        pytest.param([listed(1, 2, asked_us=5)], 2, 1, id="listed"),
        pytest.param([listed(1, asked_us=5), listed(1, asked_us=9)], 1, 1, id="listed again"),
        pytest.param([listed(1, asked_us=5), listed(asked_us=9)], 0, 2, id="listed no more: its end was not told"),
        pytest.param([heard(1, 7), listed(asked_us=6)], 1, 1, id="placed while the list was on its way"),
        pytest.param([heard(1, 5), listed(asked_us=6)], 0, 2, id="gone before the list was asked for"),
        pytest.param([heard(1, 7, GONE), listed(1, asked_us=6)], 0, 0, id="gone while the list was on its way"),
        pytest.param([heard(1, 5, symbol="Y")], 0, 1, id="another symbol's"),
    ],
)
def test_what_is_open(steps: list[Step], count: int, changes: int) -> None:
    told: list[None] = []
    orders = ForeignOrders()
    orders.changed = lambda: told.append(None)
    for step in steps:
        step(orders)
    assert orders.count("X") == count
    assert ("X" in orders.symbols()) == bool(count)
    assert len(told) == changes


# --- what is told of it

NOTHING: dict[str, NotOurs] = {}
PREFIX = "not the fleet's, and left alone: "


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param([NOTHING], [""], id="nothing"),
        pytest.param(
            [{"XUSDT": NotOurs(1, -77)}],
            ["XUSDT 1 open order and a position of -0.77"],
            id="an order and a position",
        ),
        pytest.param([{"XUSDT": NotOurs(2)}, {"XUSDT": NotOurs(2)}], ["XUSDT 2 open orders", ""], id="told once"),
        pytest.param(
            [{"XUSDT": NotOurs(0, 77)}, {"XUSDT": NotOurs(0, 50), "NEWUSDT": NotOurs(0, 3)}, NOTHING],
            [
                "XUSDT a position of 0.77",
                "XUSDT a position of 0.50; NEWUSDT a position of 3 lots",
                "XUSDT nothing any more; NEWUSDT nothing any more",
            ],
            id="and when it changes",
        ),
    ],
)
def test_what_is_not_ours_is_told_once_and_when_it_changes(seen: list[dict[str, NotOurs]], told: list[str]) -> None:
    news = ForeignNews({"XUSDT": instrument("XUSDT")})
    assert [news.since_last(each) for each in seen] == [PREFIX * bool(text) + text for text in told]


def test_of_very_many_symbols_some_are_named() -> None:
    text = ForeignNews({}).since_last({f"S{number}": NotOurs(1) for number in range(NAMED_MOST + 5)})
    assert text.endswith("S9 1 open order; and in 5 more symbols")
