"""Conditional orders: what they wait for, and what becomes of them (docs: New Order)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.model import Side
from exchange.paper.conditions import Condition, better

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    """Bids 100 at 1.9990 and 1.9900, asks 100 at 2.0010 and 2.0100; the last trade was at 1.9990."""
    bench = Bench()
    bench.book([(19_990, 10_000), (19_900, 10_000)], [(20_010, 10_000), (20_100, 10_000)])
    bench.hit(SELL, 19_990, 100)
    return bench


def conditional(bench: Bench, kind: str, side: str, **more: Any) -> Any:
    params: dict[str, Any] = {"symbol": SYMBOL, "side": side, "type": kind, "quantity": "5"} | more
    return bench.ask("POST", "order", **{name: value for name, value in params.items() if value is not None})


def status(bench: Bench, order: Any) -> tuple[str, str, str]:
    found = bench.ask("GET", "order", symbol=SYMBOL, orderId=order["orderId"])
    return found["status"], found["type"], found["origType"]


@pytest.mark.parametrize(
    ("kind", "side", "stop", "refused"),
    [
        # The latest price is 1.9990.
        ("STOP_MARKET", "BUY", "1.9991", False),
        ("STOP_MARKET", "BUY", "1.9990", True),
        ("STOP_MARKET", "SELL", "1.9989", False),
        ("STOP_MARKET", "SELL", "1.9990", True),
        ("TAKE_PROFIT_MARKET", "BUY", "1.9989", False),
        ("TAKE_PROFIT_MARKET", "BUY", "1.9990", True),
        ("TAKE_PROFIT_MARKET", "SELL", "1.9991", False),
        ("TAKE_PROFIT_MARKET", "SELL", "1.9990", True),
    ],
)
def test_what_would_trigger_at_once_is_refused(bench: Bench, kind: str, side: str, stop: str, refused: bool) -> None:
    answer = conditional(bench, kind, side, stopPrice=stop)
    assert answer.get("code") == (-2021 if refused else None)
    assert len(bench.ask("GET", "openOrders", symbol=SYMBOL)) == (not refused)


@pytest.mark.parametrize(
    ("kind", "side", "stop", "short_of_it", "at_it"),
    [
        ("STOP_MARKET", "BUY", "2.0010", None, (BUY, 20_010)),
        ("STOP_MARKET", "SELL", "1.9900", (SELL, 19_990), (SELL, 19_900)),
        ("TAKE_PROFIT_MARKET", "BUY", "1.9900", (SELL, 19_990), (SELL, 19_900)),
        ("TAKE_PROFIT_MARKET", "SELL", "2.0010", None, (BUY, 20_010)),
    ],
)
def test_a_trade_at_the_stop_price_sets_an_order_off(
    bench: Bench, kind: str, side: str, stop: str, short_of_it: tuple[Side, int] | None, at_it: tuple[Side, int]
) -> None:
    order = conditional(bench, kind, side, stopPrice=stop)
    assert (order["status"], order["type"], order["stopPrice"]) == ("NEW", kind, f"{float(stop):.5f}")
    if short_of_it:
        bench.hit(*short_of_it, 100)
        assert status(bench, order) == ("NEW", kind, kind)
    bench.hit(*at_it, 10_100)
    assert status(bench, order) == ("FILLED", "MARKET", kind)
    assert bench.books.position_lots(SYMBOL) == 500 * Side(side).sign


def test_a_limit_form_rests_at_its_price_once_triggered(bench: Bench) -> None:
    order = conditional(bench, "STOP", "BUY", stopPrice="2.0010", price="1.9950")
    assert bench.books.margin == 0
    assert order["orderId"] not in bench.market.book
    bench.hit(BUY, 20_010, 100)
    assert status(bench, order) == ("NEW", "LIMIT", "STOP")
    assert bench.market.book.lots_of(order["orderId"]) == 500
    assert bench.books.margin > 0


def test_a_mark_price_order_looks_at_the_mark_of_each_second_and_at_no_trade(bench: Bench) -> None:
    order = conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0010", workingType="MARK_PRICE")
    assert order["workingType"] == "MARK_PRICE"
    bench.hit(BUY, 20_010, 100)
    bench.wait(1)
    assert status(bench, order)[0] == "NEW"
    bench.market.mark_ticks = 20_010
    assert status(bench, order)[0] == "NEW"
    bench.wait(1)
    assert status(bench, order) == ("FILLED", "MARKET", "STOP_MARKET")


def test_price_protection_holds_an_order_back_while_mark_and_last_are_apart(bench: Bench) -> None:
    order = conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0010", priceProtect="TRUE")
    assert order["priceProtect"] is True
    bench.market.mark_ticks = 17_000
    bench.wait(1)
    bench.hit(BUY, 20_010, 100)
    assert status(bench, order)[0] == "NEW"
    bench.market.mark_ticks = 20_000
    bench.wait(1)
    bench.hit(BUY, 20_010, 100)
    assert status(bench, order)[0] == "FILLED"


def test_one_triggered_order_sets_off_the_next(bench: Bench) -> None:
    first = conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0010", quantity="150")
    second = conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0100", quantity="5")
    bench.hit(BUY, 20_010, 100)
    assert [status(bench, order)[0] for order in (first, second)] == ["FILLED", "FILLED"]


# Trailing stops


@pytest.mark.parametrize(
    ("side", "activation", "prices", "triggers_at"),
    [
        # 1 % below the highest price since, once that has reached the activation price.
        (SELL, 10_000, [10_000, 10_200, 10_099], 10_098),
        (SELL, 10_100, [10_000, 9_000, 10_100], 9_999),
        (SELL, 10_100, [10_000, 10_099, 9_800], None),
        (BUY, 10_000, [10_000, 9_900, 9_998], 9_999),
        (BUY, 9_900, [10_000, 10_500, 9_900], 9_999),
        (BUY, 9_900, [10_000, 9_901, 10_300], None),
    ],
)
def test_a_trailing_stop_follows_the_best_price(
    side: Side, activation: int, prices: list[int], triggers_at: int | None
) -> None:
    condition = Condition("TRAILING_STOP_MARKET", activation_ticks=activation, callback_rate=Decimal(1))
    best = prices[0]
    for ticks in prices:
        best = better(side, ticks, best)
        assert not condition.is_met(side, ticks, best)
    if triggers_at is not None:
        assert condition.is_met(side, triggers_at, better(side, triggers_at, best))


@given(st.sampled_from([BUY, SELL]), st.lists(st.integers(9_000, 11_000), min_size=1), st.integers(1, 50))
def test_a_trailing_stop_never_triggers_while_the_price_only_gets_better(
    side: Side, prices: list[int], tenths: int
) -> None:
    condition = Condition("TRAILING_STOP_MARKET", activation_ticks=prices[0], callback_rate=Decimal(tenths) / 10)
    prices.sort(reverse=side is BUY)
    best = prices[0]
    for ticks in prices:
        best = better(side, ticks, best)
        assert not condition.is_met(side, ticks, best)


def test_a_trailing_stop_tells_of_its_terms_and_trades_at_the_turn(bench: Bench) -> None:
    order = conditional(bench, "TRAILING_STOP_MARKET", "SELL", callbackRate="0.5", activationPrice="2.0010")
    assert (order["activatePrice"], order["priceRate"], order["stopPrice"]) == ("2.00100", "0.5", "0")
    bench.hit(SELL, 19_990, 100)
    assert status(bench, order)[0] == "NEW"
    bench.hit(BUY, 20_010, 100)
    bench.hit(SELL, 19_990, 100)
    assert status(bench, order)[0] == "NEW"
    bench.hit(SELL, 19_900, 10_000)
    assert status(bench, order) == ("FILLED", "MARKET", "TRAILING_STOP_MARKET")


def test_without_an_activation_price_it_is_the_latest(bench: Bench) -> None:
    order = conditional(bench, "TRAILING_STOP_MARKET", "SELL", callbackRate="0.1")
    assert order["activatePrice"] == "1.99900"


# Parameters


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("STOP", {"price": None}, -1102),
        ("STOP", {"stopPrice": None}, -1102),
        ("STOP", {"quantity": None}, -1102),
        ("STOP_MARKET", {"stopPrice": None}, -1102),
        ("STOP_MARKET", {"quantity": None}, -1102),
        ("TRAILING_STOP_MARKET", {"callbackRate": None}, -1102),
        ("STOP_MARKET", {"price": "2"}, -1106),
        ("STOP_MARKET", {"callbackRate": "1"}, -1106),
        ("STOP_MARKET", {"activationPrice": "2"}, -1106),
        ("TRAILING_STOP_MARKET", {"stopPrice": "2.1"}, -1106),
        ("STOP_MARKET", {"pegPriceType": "QUEUE_1"}, -1106),
        ("STOP", {"stopPrice": "0"}, -4006),
        ("STOP", {"stopPrice": "201"}, -4007),
        ("STOP", {"stopPrice": "2.00015"}, -4014),
        ("STOP", {"stopPrice": "abc"}, -1130),
        ("STOP", {"price": "2.3"}, -4183),
        ("STOP", {"side": "SELL", "stopPrice": "1.9", "price": "1.8"}, -4184),
        ("STOP", {"timeInForce": "ODD"}, -1115),
        ("STOP", {"workingType": "ODD"}, -4031),
        ("STOP", {"priceProtect": "maybe"}, -1130),
        ("STOP", {"closePosition": "true"}, -4136),
        ("TRAILING_STOP_MARKET", {"closePosition": "true"}, -4136),
        ("STOP_MARKET", {"closePosition": "true"}, -4137),
        ("STOP_MARKET", {"closePosition": "true", "quantity": None, "reduceOnly": "true"}, -1106),
        ("STOP_MARKET", {"quantity": "2"}, -4164),
        ("STOP_MARKET", {"quantity": "200001"}, -4005),
        ("TRAILING_STOP_MARKET", {"callbackRate": "0.09"}, -1130),
        ("TRAILING_STOP_MARKET", {"callbackRate": "5.1"}, -1130),
        ("TRAILING_STOP_MARKET", {"activationPrice": "0"}, -4135),
        ("TRAILING_STOP_MARKET", {"activationPrice": "2"}, -2021),
        ("TRAILING_STOP_MARKET", {"activationPrice": "1.9", "side": "SELL"}, -2021),
    ],
)
def test_a_faulty_conditional_order_is_refused_with_its_code(
    bench: Bench, kind: str, change: dict[str, Any], code: int
) -> None:
    terms: dict[str, dict[str, Any]] = {
        "STOP": {"stopPrice": "2.1", "price": "2.1"},
        "STOP_MARKET": {"stopPrice": "2.1"},
        "TRAILING_STOP_MARKET": {"callbackRate": "1"},
    }
    assert conditional(bench, kind, **{"side": "BUY", **terms[kind], **change})["code"] == code
    assert bench.ask("GET", "openOrders") == []


def test_only_so_many_conditional_orders_may_wait(bench: Bench) -> None:
    orders = [conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.1") for _ in range(10)]
    assert conditional(bench, "TRAILING_STOP_MARKET", "BUY", callbackRate="1")["code"] == -4045
    assert bench.order("BUY", "1.9", "5")["status"] == "NEW"
    bench.ask("DELETE", "order", symbol=SYMBOL, orderId=orders[0]["orderId"])
    assert conditional(bench, "TRAILING_STOP_MARKET", "BUY", callbackRate="1")["status"] == "NEW"


def test_a_waiting_order_is_cancelled_and_cannot_be_amended(bench: Bench) -> None:
    order = conditional(bench, "STOP", "BUY", stopPrice="2.0010", price="2.0010")
    change = {"symbol": SYMBOL, "orderId": order["orderId"], "price": "2", "quantity": "5"}
    assert bench.ask("PUT", "order", **change)["code"] == -1116
    assert bench.ask("DELETE", "order", symbol=SYMBOL, orderId=order["orderId"])["status"] == "CANCELED"
    bench.hit(BUY, 20_010, 100)
    assert status(bench, order)[0] == "CANCELED"


# Closing


def test_close_position_closes_what_the_position_is_by_then(bench: Bench) -> None:
    bench.order("BUY", None, "10")
    order = conditional(bench, "STOP_MARKET", "SELL", stopPrice="1.9900", closePosition="true", quantity=None)
    assert (order["closePosition"], order["origQty"], order["reduceOnly"]) == (True, "0.00", True)
    again = conditional(bench, "STOP_MARKET", "SELL", stopPrice="1.98", closePosition="true", quantity=None)
    assert again["code"] == -4130
    bench.order("BUY", None, "5")
    bench.hit(SELL, 19_900, 10_000)
    assert status(bench, order) == ("FILLED", "MARKET", "STOP_MARKET")
    assert bench.books.position_lots(SYMBOL) == 0


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"closePosition": "true", "quantity": None}, 0),
        ({"reduceOnly": "true"}, 0),
        ({"quantity": "120000"}, 0),
    ],
)
def test_an_order_that_cannot_be_placed_when_triggered_expires_as_it_was(
    bench: Bench, change: dict[str, Any], left: int
) -> None:
    order = conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0010", **change)
    assert order["status"] == "NEW"
    bench.hit(BUY, 20_010, 100)
    assert status(bench, order) == ("EXPIRED", "STOP_MARKET", "STOP_MARKET")
    assert bench.books.position_lots(SYMBOL) == left


# News


def test_the_user_stream_tells_of_waiting_expiring_and_the_order_that_comes_of_it(bench: Bench) -> None:
    bench.user_line()
    conditional(bench, "STOP_MARKET", "BUY", stopPrice="2.0010")
    bench.hit(BUY, 20_010, 100)
    orders = [frame["o"] for frame in bench.frames() if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["X"], each["o"], each["ot"]) for each in orders] == [
        ("NEW", "NEW", "STOP_MARKET", "STOP_MARKET"),
        ("EXPIRED", "EXPIRED", "STOP_MARKET", "STOP_MARKET"),
        ("NEW", "NEW", "MARKET", "STOP_MARKET"),
        ("TRADE", "FILLED", "MARKET", "STOP_MARKET"),
    ]
    assert len({each["i"] for each in orders}) == 1
    assert {(each["sp"], each["wt"], each["cp"], each["ps"]) for each in orders} == {
        ("2.00100", "CONTRACT_PRICE", False, "BOTH")
    }
    assert all("AP" not in each and "cr" not in each for each in orders)


def test_only_a_trailing_stop_tells_of_activation_and_rate(bench: Bench) -> None:
    bench.user_line()
    conditional(bench, "TRAILING_STOP_MARKET", "SELL", callbackRate="0.5", activationPrice="2.0010")
    (frame,) = bench.frames()
    assert (frame["o"]["AP"], frame["o"]["cr"], frame["o"]["o"]) == ("2.00100", "0.5", "TRAILING_STOP_MARKET")
