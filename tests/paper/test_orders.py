from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.model import Side

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    """Two levels each side of 2.0000: bids 10 at 1.9990 and 1.9980, asks 10 at 2.0010 and 2.0020."""
    bench = Bench()
    bench.book([(19_990, 1000), (19_980, 1000)], [(20_010, 1000), (20_020, 1000)])
    return bench


@pytest.mark.parametrize(
    ("side", "price", "quantity", "tif", "status", "filled", "rests"),
    [
        ("BUY", "1.9995", "5", "GTC", "NEW", "0.00", True),
        ("BUY", "2.0010", "5", "GTC", "FILLED", "5.00", False),
        ("BUY", "2.0010", "15", "GTC", "PARTIALLY_FILLED", "10.00", True),
        ("BUY", "2.0015", "15", "HIDDEN", "PARTIALLY_FILLED", "10.00", True),
        ("BUY", "2.0010", "15", "IOC", "EXPIRED", "10.00", False),
        ("BUY", "1.9995", "15", "IOC", "EXPIRED", "0.00", False),
        ("BUY", "2.0010", "15", "FOK", "EXPIRED", "0.00", False),
        ("BUY", "2.0020", "15", "FOK", "FILLED", "15.00", False),
        ("BUY", "2.0010", "5", "GTX", "EXPIRED", "0.00", False),
        ("BUY", "2.0009", "5", "GTX", "NEW", "0.00", True),
        ("SELL", "1.9990", "5", "GTX", "EXPIRED", "0.00", False),
        ("SELL", "1.9991", "5", "GTX", "NEW", "0.00", True),
        ("SELL", None, "15", "GTC", "FILLED", "15.00", False),
        ("SELL", None, "25", "GTC", "EXPIRED", "20.00", False),
    ],
)
def test_an_order_trades_rests_or_expires(
    bench: Bench, side: str, price: str | None, quantity: str, tif: str, status: str, filled: str, rests: bool
) -> None:
    answer = bench.order(side, price, quantity, tif)
    assert (answer["status"], answer["executedQty"]) == (status, filled)
    assert len(bench.ask("GET", "openOrders", symbol=SYMBOL)) == rests
    queried = bench.ask("GET", "order", symbol=SYMBOL, orderId=answer["orderId"])
    assert queried == answer | {"time": queried["time"]}


def test_an_acknowledgement_shows_the_order_as_it_came_in(bench: Bench) -> None:
    answer = bench.order("BUY", "2.0010", "5", newOrderRespType="ACK")
    assert (answer["status"], answer["executedQty"]) == ("NEW", "0.00")
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=answer["orderId"])["status"] == "FILLED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "1.99995"}, -4014),
        ({"price": "1.999955"}, -1111),
        ({"price": "0"}, -4001),
        ({"price": "-1"}, -4001),
        ({"price": "abc"}, -1130),
        ({"price": "1e9"}, -1130),
        ({"price": "2.2"}, -4016),
        ({"side": "SELL", "price": "1.8"}, -4024),
        ({"price": "300"}, -4002),
        ({"quantity": "0"}, -4003),
        ({"quantity": "5.001"}, -1111),
        ({"quantity": "2000001"}, -4005),
        ({"quantity": "1"}, -4164),
        ({"quantity": ""}, -1102),
        ({"type": "MARKET", "price": "", "timeInForce": "", "quantity": "200001"}, -4005),
        ({"type": "MARKET", "price": ""}, -1106),
        ({"type": "MARKET", "timeInForce": ""}, -1106),
        ({"side": "buy"}, -1117),
        ({"type": "ODD"}, -1116),
        ({"stopPrice": "2.1"}, -1106),
        ({"callbackRate": "1"}, -1106),
        ({"pegOffset": "0"}, -1106),
        ({"pegPriceType": "QUEUE_5"}, -1130),
        ({"pegPriceType": "QUEUE_1", "pegOffset": "0.1"}, -1130),
        ({"pegPriceType": "QUEUE_1", "pegOffset": "-0.00015"}, -4014),
        ({"closePosition": "true"}, -4136),
        ({"workingType": "ODD"}, -4031),
        ({"stpMode": "NONE"}, -1130),
        ({"positionSide": "ODD"}, -4060),
        ({"timeInForce": "ODD"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbol": ""}, -1102),
        ({"newClientOrderId": "ä"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"reduceOnly": "true"}, -2022),
        ({"reduceOnly": "maybe"}, -1130),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"quantity": "200000"}, -2019),
    ],
)
def test_a_faulty_order_is_refused_with_its_code(bench: Bench, change: dict[str, str], code: int) -> None:
    params = {
        "symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1.9", "quantity": "5",
    }  # fmt: skip
    assert bench.ask("POST", "order", **params | change)["code"] == code
    assert bench.ask("GET", "openOrders") == []


def test_client_ids_are_unique_among_open_orders(bench: Bench) -> None:
    first = bench.order("BUY", "1.9", "5", newClientOrderId="mine")
    assert bench.order("BUY", "1.9", "5", newClientOrderId="mine")["code"] == -4116
    bench.ask("DELETE", "order", symbol=SYMBOL, origClientOrderId="mine")
    second = bench.order("BUY", "1.9", "5", newClientOrderId="mine")
    assert second["orderId"] > first["orderId"]
    assert bench.ask("GET", "order", symbol=SYMBOL, origClientOrderId="mine")["orderId"] == second["orderId"]


def test_only_so_many_orders_may_be_open(bench: Bench) -> None:
    for _ in range(200):
        assert bench.order("BUY", "1.9", "5")["status"] == "NEW"
        bench.wait(0.1)
    assert bench.order("BUY", "1.9", "5")["code"] == -2025


# Amending


def test_an_amended_order_goes_to_the_end_of_the_queue(bench: Bench) -> None:
    mine = bench.order("BUY", "1.9990", "10")["orderId"]
    bench.book(bids=[(19_990, 500)])
    assert bench.market.book.queue(BUY, 19_990) == [(-1, 1000), (mine, 1000), (-5, 500)]
    answer = bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, price="1.9990", quantity="12")
    assert (answer["status"], answer["origQty"], answer["orderId"]) == ("NEW", "12.00", mine)
    assert bench.market.book.queue(BUY, 19_990) == [(-1, 1000), (-5, 500), (mine, 1200)]


def test_the_quantity_of_an_amend_counts_what_is_filled(bench: Bench) -> None:
    mine = bench.order("BUY", "2.0000", "10")["orderId"]
    bench.hit(SELL, 20_000, 400)
    answer = bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, price="1.9995", quantity="10")
    assert (answer["status"], answer["executedQty"]) == ("PARTIALLY_FILLED", "4.00")
    assert bench.market.book.lots_of(mine) == 600


@pytest.mark.parametrize(
    ("tif", "price", "quantity", "code"),
    [
        ("GTX", "2.0010", "10", -5022),
        ("GTX", "3", "10", -4016),
        ("GTX", "1.99995", "10", -4014),
        ("GTX", "1.99", "2", -4164),
        ("GTX", "1.99", "4", -4003),
        ("GTX", "1.99", "200000", -2019),
        ("GTX", "1.99", None, -1102),
        ("GTX", None, "10", -1102),
    ],
)
def test_a_refused_amend_leaves_the_order_as_it_was(
    bench: Bench, tif: str, price: str | None, quantity: str | None, code: int
) -> None:
    mine = bench.order("BUY", "2.0000", "10", tif)["orderId"]
    bench.hit(SELL, 20_000, 400)
    before = bench.ask("GET", "order", symbol=SYMBOL, orderId=mine)
    margin = bench.books.margin
    change = {name: value for name, value in (("price", price), ("quantity", quantity)) if value}
    assert bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, **change)["code"] == code
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=mine) == before
    assert bench.market.book.lots_of(mine) == 600
    assert bench.books.margin == margin


def test_an_amend_that_crosses_trades_unless_post_only(bench: Bench) -> None:
    mine = bench.order("BUY", "1.9995", "15")["orderId"]
    answer = bench.ask("PUT", "order", symbol=SYMBOL, orderId=mine, price="2.0010", quantity="15")
    assert (answer["status"], answer["executedQty"]) == ("PARTIALLY_FILLED", "10.00")
    assert bench.market.best_bid() == (20_010, 500)


def test_what_is_over_cannot_be_amended(bench: Bench) -> None:
    assert bench.ask("PUT", "order", symbol=SYMBOL, orderId=99, price="2", quantity="5")["code"] == -2013


# Cancelling


def test_cancels_answer_the_order_and_unknown_ones_say_so(bench: Bench) -> None:
    mine = bench.order("BUY", "1.9", "5")["orderId"]
    assert bench.ask("DELETE", "order", symbol=SYMBOL, orderId=mine)["status"] == "CANCELED"
    assert bench.ask("DELETE", "order", symbol=SYMBOL, orderId=mine)["code"] == -2011
    assert bench.ask("DELETE", "order", symbol=SYMBOL)["code"] == -1102
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=99)["code"] == -2013
    assert bench.ask("GET", "openOrder", symbol=SYMBOL, orderId=mine)["code"] == -2013


def test_batches_answer_each_row_by_itself(bench: Bench) -> None:
    row = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": "1.9", "quantity": "5"}
    rows = [row | {"newClientOrderId": "a"}, row | {"price": "9"}, row | {"quantity": 6, "newClientOrderId": "c"}]
    # As one official demo writes it.
    placed = bench.ask("POST", "batchOrders", batchOrders=str(rows))
    assert [each.get("code", each.get("clientOrderId")) for each in placed] == ["a", -4016, "c"]
    gone = bench.ask("DELETE", "batchOrders", symbol=SYMBOL, origClientOrderIdList='["a","b","c"]')
    assert [each.get("code", each.get("status")) for each in gone] == ["CANCELED", -2011, "CANCELED"]
    assert bench.ask("POST", "batchOrders", batchOrders=str([row] * 6))["code"] == -4082
    assert bench.ask("DELETE", "batchOrders", symbol=SYMBOL, orderIdList=str(list(range(11))))["code"] == -4032
    assert bench.ask("DELETE", "batchOrders", symbol=SYMBOL, orderIdList="nonsense")["code"] == -1130


def test_cancel_all_ends_every_order_of_the_symbol(bench: Bench) -> None:
    for price in ("1.9", "1.91", "1.92"):
        bench.order("BUY", price, "5")
    assert int(bench.ask("DELETE", "allOpenOrders", symbol=SYMBOL)["code"]) == 200
    assert bench.ask("GET", "openOrders") == []
    assert [each["status"] for each in bench.ask("GET", "allOrders", symbol=SYMBOL)] == ["CANCELED"] * 3


# Reduce-only


def test_reduce_only_needs_a_position_to_reduce_but_no_margin_and_no_minimum(bench: Bench) -> None:
    bench.order("BUY", None, "10")
    assert bench.order("BUY", "1.9", "5", reduceOnly="true")["code"] == -2022
    margin = bench.books.margin
    assert bench.order("SELL", "2.05", "0.01", reduceOnly="true")["status"] == "NEW"
    assert bench.books.margin == margin


def test_reduce_only_is_never_larger_than_the_position(bench: Bench) -> None:
    bench.order("BUY", None, "10")
    order = bench.order("SELL", "2.05", "50", reduceOnly="true")
    assert order["origQty"] == "10.00"
    bench.order("SELL", None, "4")
    assert bench.ask("GET", "openOrder", symbol=SYMBOL, orderId=order["orderId"])["origQty"] == "6.00"
    bench.order("SELL", None, "6")
    assert bench.ask("GET", "order", symbol=SYMBOL, orderId=order["orderId"])["status"] == "EXPIRED"
    assert order["orderId"] not in bench.market.book


def test_one_sweep_through_several_reduce_only_orders_cannot_flip_the_position(bench: Bench) -> None:
    bench.order("BUY", None, "10")
    ids = [bench.order("SELL", price, "10", reduceOnly="true")["orderId"] for price in ("2.0015", "2.0016", "2.0017")]
    bench.hit(BUY, 20_018, 1500)
    assert bench.books.position_lots(SYMBOL) == 0
    statuses = [bench.ask("GET", "order", symbol=SYMBOL, orderId=each)["status"] for each in ids]
    assert statuses == ["FILLED", "EXPIRED", "EXPIRED"]


def test_a_market_order_far_through_the_book_stops_at_the_bound(bench: Bench) -> None:
    bench.book(asks=[(21_001, 1000)])
    answer = bench.order("BUY", None, "30")
    assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "20.00")
    assert bench.order("BUY", None, "5")["code"] == -4131


# Invariants

SIDES = st.sampled_from(["BUY", "SELL"])
STEPS = st.one_of(
    st.tuples(
        st.just("place"), SIDES, st.integers(19_950, 20_050), st.integers(300, 3000),
        st.sampled_from(["GTC", "IOC", "FOK", "GTX", "HIDDEN", "RPI"]), st.booleans(),
    ),
    st.tuples(
        st.just("stop"), SIDES, st.integers(19_950, 20_050), st.integers(300, 3000),
        st.sampled_from(["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]),
        st.sampled_from(["MARK_PRICE", "CONTRACT_PRICE"]),
    ),
    st.tuples(st.just("stp"), st.sampled_from(["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])),
    st.tuples(st.just("market"), SIDES, st.integers(300, 2000), st.booleans()),
    st.tuples(st.just("hit"), SIDES, st.integers(19_950, 20_050), st.integers(1, 4000)),
    st.tuples(st.just("quote"), SIDES, st.integers(1, 50), st.integers(1, 2000)),
    st.tuples(st.just("amend"), st.integers(0, 5), st.integers(19_950, 20_050), st.integers(300, 3000)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("mark"), st.integers(19_800, 20_200)),
)  # fmt: skip


def _act(bench: Bench, step: tuple[Any, ...]) -> None:
    kind = step[0]
    if kind == "place":
        _, side, ticks, lots, tif, reduce_only = step
        bench.order(side, f"{ticks / 10_000:.4f}", f"{lots / 100:.2f}", tif, reduceOnly=str(reduce_only).lower())
    elif kind == "stop":
        _, side, ticks, lots, type_, working_type = step
        terms = {"stopPrice": f"{ticks / 10_000:.4f}"} if type_ != "TRAILING_STOP_MARKET" else {"callbackRate": "0.1"}
        terms |= {"price": f"{ticks / 10_000:.4f}"} if type_ in ("STOP", "TAKE_PROFIT") else {}
        bench.ask(
            "POST", "order", symbol=SYMBOL, side=side, type=type_, quantity=f"{lots / 100:.2f}",
            workingType=working_type, **terms,
        )  # fmt: skip
    elif kind == "stp":
        bench.ask("POST", "stpMode", stpMode=step[1])
    elif kind == "market":
        bench.order(step[1], None, f"{step[2] / 100:.2f}", reduceOnly=str(step[3]).lower())
    elif kind == "hit":
        bench.hit(Side(step[1]), step[2], step[3])
    elif kind == "quote":
        side = Side(step[1])
        ticks = 20_000 - side.sign * step[2]
        if not bench.market.would_cross(side, ticks):
            bench.market.quote(side, ticks, step[3])
    elif kind == "mark":
        bench.market.mark_ticks = step[1]
        bench.wait(1)
    else:
        orders = bench.ask("GET", "openOrders", symbol=SYMBOL)
        if step[1] < len(orders):
            order_id = orders[step[1]]["orderId"]
            if kind == "cancel":
                bench.ask("DELETE", "order", symbol=SYMBOL, orderId=order_id)
            else:
                price, quantity = f"{step[2] / 10_000:.4f}", f"{step[3] / 100:.2f}"
                bench.ask("PUT", "order", symbol=SYMBOL, orderId=order_id, price=price, quantity=quantity)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=40))
def test_whatever_is_sent_the_books_balance_and_reduce_only_never_flips(steps: list[tuple[Any, ...]]) -> None:
    bench = Bench(balances={"USDT": Decimal(50)})
    for step in steps:
        before = bench.books.position_lots(SYMBOL)
        # What waits may be set off by the step, and changes the position as well.
        alone = not any(order.is_waiting for order in bench.venue.engine.orders.open_orders(bench.books, SYMBOL))
        _act(bench, step)
        account = bench.books
        after = account.position_lots(SYMBOL)
        if alone and step[0] in ("place", "market") and step[-1] is True:
            assert before * after >= 0
            assert abs(after) <= abs(before)
        assert account.wallet == 50 + account.realised - account.fees + account.funding
        bids = asks = Decimal(0)
        for order in bench.venue.engine.orders.open_orders(account, SYMBOL):
            if order.is_waiting:
                assert order.id not in bench.market.book
                continue
            assert bench.market.book.lots_of(order.id) == order.left > 0
            if order.reduce_only:
                assert after * order.side.sign < 0
                assert order.left <= abs(after)
            elif order.side is BUY:
                bids += order.listing.instrument.notional(order.ticks, order.left)
            else:
                asks += order.listing.instrument.notional(order.ticks, order.left)
        holding = account.held(SYMBOL)
        if holding:
            assert (holding.bids, holding.asks) == (bids, asks)
            assert account.margin == holding.margin == holding.margin_with(bids, asks)
            assert account.unrealised == holding.notional - holding.cost
            assert sum(trade.lots * trade.side.sign for trade in holding.stake.trades) == holding.lots


@pytest.mark.parametrize(
    ("side", "price", "quantity", "tif", "status", "filled"),
    [
        # Own orders rest at 1.9985 (buy) and 2.0015 (sell), between other people's two levels.
        ("BUY", "2.0010", "15", "GTC", "PARTIALLY_FILLED", "10.00"),
        ("BUY", "2.0015", "10", "GTC", "FILLED", "10.00"),
        ("BUY", "2.0015", "15", "GTC", "EXPIRED", "10.00"),
        ("BUY", "2.0020", "15", "IOC", "EXPIRED", "10.00"),
        ("BUY", "2.0020", "15", "FOK", "EXPIRED", "0.00"),
        ("BUY", "2.0015", "5", "GTX", "EXPIRED", "0.00"),
        ("BUY", None, "15", "GTC", "EXPIRED", "10.00"),
        ("SELL", "1.9980", "15", "GTC", "EXPIRED", "10.00"),
        ("SELL", None, "15", "GTC", "EXPIRED", "10.00"),
    ],
)
def test_an_account_never_trades_with_itself(
    bench: Bench, side: str, price: str | None, quantity: str, tif: str, status: str, filled: str
) -> None:
    own = [bench.order("BUY", "1.9985", "10"), bench.order("SELL", "2.0015", "10")]
    answer = bench.order(side, price, quantity, tif)
    assert (answer["status"], answer["executedQty"]) == (status, filled)
    for order in own:
        assert bench.ask("GET", "order", symbol=SYMBOL, orderId=order["orderId"])["status"] == "NEW"
    trades = [trade["orderId"] for trade in bench.ask("GET", "userTrades", symbol=SYMBOL)]
    assert trades == [answer["orderId"]] * (filled != "0.00")


def test_an_amended_order_that_reaches_an_own_one_expires(bench: Bench) -> None:
    resting, moved = bench.order("SELL", "2.0005", "10"), bench.order("BUY", "1.9995", "10")
    answer = bench.ask(
        "PUT", "order", symbol=SYMBOL, side="BUY", orderId=moved["orderId"], price="2.0005", quantity="10"
    )
    assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00")
    assert [order["orderId"] for order in bench.ask("GET", "openOrders")] == [resting["orderId"]]
    assert bench.books.margin > 0
    bench.ask("DELETE", "order", symbol=SYMBOL, orderId=resting["orderId"])
    assert bench.books.margin == 0
