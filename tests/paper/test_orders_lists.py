"""Looking orders up, and what an amend may do (docs: Query Order, All Orders, Modify Order)."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.model import Side

DAY_S = 86_400
DAY_MS = DAY_S * 1000
START_MS = START_US // 1000


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    return bench


@pytest.mark.parametrize(
    ("params", "found"),
    [
        # Orders 1, 2 and 3 came in at the start of days 0, 4 and 9; it is the tenth day.
        ({}, [2, 3]),
        ({"limit": 1}, [3]),
        ({"orderId": 1}, [1, 2, 3]),
        ({"orderId": 2, "limit": 1}, [2]),
        ({"startTime": START_MS}, [1, 2]),
        ({"startTime": START_MS + 1}, [2]),
        ({"endTime": START_MS + 5 * DAY_MS}, [1, 2]),
        ({"startTime": START_MS, "endTime": START_MS + 7 * DAY_MS}, [1, 2]),
        ({"startTime": START_MS, "endTime": START_MS + 7 * DAY_MS + 1}, -4165),
        ({"startTime": START_MS + 1, "endTime": START_MS}, -1023),
        ({"startTime": "soon"}, -1102),
        ({"symbol": ""}, -1102),
    ],
)
def test_all_orders_are_listed_by_id_or_period(bench: Bench, params: dict[str, Any], found: list[int] | int) -> None:
    for days in (0, 4, 5):
        bench.wait(days * DAY_S)
        bench.order("BUY", "1.99", "5")
    bench.wait(1)
    answer = bench.ask("GET", "allOrders", **{"symbol": SYMBOL, **params})
    assert (answer["code"] if isinstance(found, int) else [each["orderId"] for each in answer]) == found


@pytest.mark.parametrize(
    ("fate", "stays"), [("cancelled", False), ("expired", False), ("partly filled", True), ("open", True)]
)
def test_after_seven_days_what_ended_without_a_fill_is_not_found(bench: Bench, fate: str, stays: bool) -> None:
    price = "2.0010" if fate == "expired" else "2.0000"
    order = bench.order("BUY", price, "10", "GTX")["orderId"]
    if fate == "partly filled":
        bench.hit(Side.SELL, 20_000, 100)
    if fate in ("cancelled", "partly filled"):
        bench.ask("DELETE", "order", symbol=SYMBOL, orderId=order)
    bench.wait(7 * DAY_S)
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=order)["orderId"] == order
    bench.wait(1)
    assert ("code" not in bench.ask("GET", "order", symbol=SYMBOL, orderId=order)) is stays
    listed = [each["orderId"] for each in bench.ask("GET", "allOrders", symbol=SYMBOL, orderId=order)]
    assert listed == [order] * stays


@pytest.mark.parametrize(
    ("method", "name", "params", "code"),
    [
        ("GET", "order", {}, -1102),
        ("GET", "openOrder", {}, -1102),
        ("DELETE", "order", {}, -1102),
        ("PUT", "order", {"price": "2", "quantity": "5"}, -1102),
        ("DELETE", "batchOrders", {}, -1102),
        ("GET", "order", {"orderId": "x"}, -1102),
        ("GET", "order", {"orderId": "77"}, -2013),
        ("GET", "openOrder", {"origClientOrderId": "nobody"}, -2013),
        ("DELETE", "order", {"origClientOrderId": "nobody"}, -2011),
        ("POST", "batchOrders", {}, -1102),
        ("POST", "batchOrders", {"batchOrders": "[]"}, -4082),
    ],
)
def test_a_request_that_names_no_order_is_refused(
    bench: Bench, method: str, name: str, params: dict[str, str], code: int
) -> None:
    assert bench.ask(method, name, symbol=SYMBOL, **params)["code"] == code


def test_the_order_id_goes_before_the_client_id(bench: Bench) -> None:
    first = bench.order("BUY", "1.9", "5", newClientOrderId="first")["orderId"]
    bench.order("BUY", "1.9", "5", newClientOrderId="second")
    found = bench.ask("GET", "order", symbol=SYMBOL, orderId=first, origClientOrderId="second")
    assert found["clientOrderId"] == "first"


ORDER_FIELDS = {
    "avgPrice", "clientOrderId", "cumQuote", "executedQty", "orderId", "origQty", "origType", "price", "reduceOnly",
    "side", "positionSide", "status", "stopPrice", "closePosition", "symbol", "timeInForce", "type", "updateTime",
    "workingType", "priceProtect",
}  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "more"),
    [
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "1.9"}, set[str]()),
        ({"type": "STOP_MARKET", "stopPrice": "2.1"}, set[str]()),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "1"}, {"activatePrice", "priceRate"}),
    ],
)
def test_every_documented_field_of_an_order_is_there(bench: Bench, terms: dict[str, str], more: set[str]) -> None:
    placed = bench.ask("POST", "order", symbol=SYMBOL, side="BUY", quantity="5", **terms)
    assert set(placed) >= ORDER_FIELDS | more | {"cumQty"}
    assert {"activatePrice", "priceRate"} & set(placed) == more
    for name in ("order", "openOrder"):
        found = bench.ask("GET", name, symbol=SYMBOL, orderId=placed["orderId"])
        assert set(found) >= ORDER_FIELDS | more | {"time"}
    assert bench.ask("GET", "openOrders") == bench.ask("GET", "allOrders", symbol=SYMBOL) == [found]  # pyright: ignore[reportPossiblyUnboundVariable]
    cancelled = bench.ask("DELETE", "order", symbol=SYMBOL, orderId=placed["orderId"])
    assert set(cancelled) >= ORDER_FIELDS | more | {"cumQty"}


# Amending


@pytest.mark.parametrize(
    ("keeps", "price", "quantity", "queue"),
    [
        # Ours is order 1, between two of others.
        (False, "1.9990", "8", [(-1, 1000), (-3, 500), (1, 800)]),
        (True, "1.9990", "8", [(-1, 1000), (1, 800), (-3, 500)]),
        (True, "1.9990", "12", [(-1, 1000), (-3, 500), (1, 1200)]),
        (True, "1.9991", "10", [(-1, 1000), (-3, 500)]),
    ],
)
def test_an_amend_costs_the_place_in_the_queue_unless_it_may_keep_it(
    keeps: bool, price: str, quantity: str, queue: list[tuple[int, int]]
) -> None:
    bench = Bench(amend_keeps_priority=keeps)
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    mine = bench.order("BUY", "1.9990", "10")["orderId"]
    bench.book(bids=[(19_990, 500)])
    answer = bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, price=price, quantity=quantity)
    assert (answer["origQty"], answer["price"]) == (f"{float(quantity):.2f}", f"{float(price):.5f}")
    assert bench.market.book.queue(Side.BUY, 19_990) == queue
    holding = bench.books.holding(bench.market.instrument, bench.market.mark_price())
    assert holding.bids == bench.market.instrument.notional(round(float(price) * 10_000), int(quantity) * 100)


def test_an_amend_that_changes_nothing_is_refused(bench: Bench) -> None:
    mine = bench.order("BUY", "1.9990", "10")["orderId"]
    assert bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, price="1.999", quantity="10.0")["code"] == -5027


def test_an_order_is_amended_ten_thousand_times_at_most(bench: Bench) -> None:
    bench.order("BUY", "1.9990", "10", newClientOrderId="mine")
    (order,) = bench.venue.engine.orders.open_orders(bench.books, SYMBOL)
    order.amendments = 9_999
    change = {"symbol": SYMBOL, "origClientOrderId": "mine", "quantity": "10"}
    assert bench.ask("PUT", "order", price="1.998", **change)["status"] == "NEW"
    assert bench.ask("PUT", "order", price="1.997", **change)["code"] == -5026
    assert bench.ask("GET", "order", symbol=SYMBOL, origClientOrderId="mine")["price"] == "1.99800"
