"""Orders that are displayed nowhere (docs: timeInForce HIDDEN, and RPI of the real exchangeInfo), and pegged ones."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import SYMBOL, Bench

from exchange.model import Side

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 1000), (19_980, 1000)], [(20_010, 1000), (20_020, 1000)])
    return bench


@pytest.mark.parametrize("tif", ["HIDDEN", "RPI"])
def test_no_figure_shows_a_hidden_order(bench: Bench, tif: str) -> None:
    before = [bench.public("depth", symbol=SYMBOL)[side] for side in ("bids", "asks")]
    order = bench.order("BUY", "1.9995", "5", tif)
    assert (order["status"], order["timeInForce"]) == ("NEW", tif)
    assert [bench.public("depth", symbol=SYMBOL)[side] for side in ("bids", "asks")] == before
    assert bench.public("ticker/bookTicker", symbol=SYMBOL)["bidPrice"] == "1.99900"
    assert [each["orderId"] for each in bench.ask("GET", "openOrders", symbol=SYMBOL)] == [order["orderId"]]


def test_at_its_price_it_trades_after_all_that_is_displayed(bench: Bench) -> None:
    hidden = bench.order("BUY", "1.9990", "5", "HIDDEN")["orderId"]
    bench.book(bids=[(19_990, 300)])
    bench.hit(SELL, 19_990, 1300)
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=hidden)["executedQty"] == "0.00"
    bench.hit(SELL, 19_990, 200)
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=hidden)["executedQty"] == "2.00"


def test_at_a_better_price_it_trades_before_what_is_displayed(bench: Bench) -> None:
    hidden = bench.order("BUY", "1.9995", "5", "HIDDEN")["orderId"]
    bench.hit(SELL, 19_990, 200)
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=hidden)["executedQty"] == "2.00"
    assert bench.market.best_bid() == (19_990, 1000)


@pytest.mark.parametrize(
    ("tif", "status", "filled"), [("HIDDEN", "FILLED", "5.00"), ("RPI", "EXPIRED", "0.00"), ("GTX", "EXPIRED", "0.00")]
)
def test_hidden_orders_may_take_and_post_only_ones_may_not(bench: Bench, tif: str, status: str, filled: str) -> None:
    answer = bench.order("BUY", "2.0010", "5", tif)
    assert (answer["status"], answer["executedQty"]) == (status, filled)


def test_an_amended_hidden_order_stays_hidden(bench: Bench) -> None:
    order = bench.order("BUY", "1.9995", "5", "HIDDEN")["orderId"]
    bench.ask("PUT", "order", symbol=SYMBOL, orderId=order, price="1.9996", quantity="6")
    assert bench.market.book.queue(BUY, 19_996) == [(order, 600)]
    assert bench.market.best_bid() == (19_990, 1000)


# Pegs


@pytest.mark.parametrize(
    ("side", "peg", "offset", "tif", "price", "status"),
    [
        ("BUY", "QUEUE_1", None, "GTX", "1.99900", "NEW"),
        ("BUY", "QUEUE_1", "-0.0005", "GTX", "1.99850", "NEW"),
        ("BUY", "COUNTERPARTY_1", None, "GTC", "2.00100", "FILLED"),
        ("BUY", "COUNTERPARTY_1", "-0.0001", "GTX", "2.00090", "NEW"),
        ("SELL", "QUEUE_1", "0.001", "GTC", "2.00200", "NEW"),
        ("SELL", "COUNTERPARTY_1", "0", "IOC", "1.99900", "FILLED"),
    ],
)
def test_a_peg_is_resolved_from_the_book(
    bench: Bench, side: str, peg: str, offset: str | None, tif: str, price: str, status: str
) -> None:
    params: dict[str, Any] = {
        "symbol": SYMBOL, "side": side, "type": "LIMIT", "timeInForce": tif, "quantity": "5",
        "pegPriceType": peg, "newOrderRespType": "RESULT",
    }  # fmt: skip
    answer = bench.ask("POST", "order", **params | ({"pegOffset": offset} if offset else {}))
    assert (answer["price"], answer["status"]) == (price, status)


def test_a_peg_to_an_empty_side_is_refused() -> None:
    bench = Bench()
    bench.book(bids=[(19_990, 1000)])
    params = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "5"}
    assert bench.ask("POST", "order", **params, pegPriceType="COUNTERPARTY_1")["code"] == -1112
    assert bench.ask("POST", "order", **params, pegPriceType="QUEUE_1")["price"] == "1.99900"


def test_the_peg_of_a_conditional_order_is_resolved_when_it_triggers(bench: Bench) -> None:
    bench.hit(SELL, 19_990, 100)
    order = bench.ask(
        "POST", "order", symbol=SYMBOL, side="SELL", type="STOP", stopPrice="1.9980", quantity="5",
        pegPriceType="QUEUE_1", pegOffset="0.0002",
    )  # fmt: skip
    assert order["price"] == "0"
    bench.hit(SELL, 19_980, 1000)
    found = bench.ask("GET", "order", symbol=SYMBOL, orderId=order["orderId"])
    assert (found["type"], found["price"], found["status"]) == ("LIMIT", "2.00120", "NEW")
