"""Self-trade prevention in its three modes (docs: New Order's stpMode, Change STP Mode)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.model import Side

MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")


@pytest.fixture
def bench() -> Bench:
    """Asks: 10 of others at 2.0010; at 2.0015 4 of others, then 10 of our own, then 5 of others; 10 at 2.0020."""
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000), (20_015, 400), (20_020, 1000)])
    bench.order("SELL", "2.0015", "10", newClientOrderId="own")
    bench.book(asks=[(20_015, 500)])
    return bench


def own_status(bench: Bench) -> str:
    return bench.ask("GET", "order", symbol=SYMBOL, origClientOrderId="own")["status"]


@pytest.mark.parametrize(
    ("mode", "price", "quantity", "tif", "status", "filled", "own"),
    [
        ("EXPIRE_TAKER", "2.0010", "15", "GTC", "PARTIALLY_FILLED", "10.00", "NEW"),
        ("EXPIRE_TAKER", "2.0015", "14", "GTC", "FILLED", "14.00", "NEW"),
        ("EXPIRE_TAKER", "2.0015", "15", "GTC", "EXPIRED", "14.00", "NEW"),
        ("EXPIRE_TAKER", None, "30", "GTC", "EXPIRED", "14.00", "NEW"),
        ("EXPIRE_TAKER", "2.0020", "30", "IOC", "EXPIRED", "14.00", "NEW"),
        ("EXPIRE_TAKER", "2.0020", "10", "FOK", "FILLED", "10.00", "NEW"),
        ("EXPIRE_TAKER", "2.0020", "20", "FOK", "EXPIRED", "0.00", "NEW"),
        ("EXPIRE_MAKER", "2.0015", "14", "GTC", "FILLED", "14.00", "NEW"),
        ("EXPIRE_MAKER", "2.0015", "19", "GTC", "FILLED", "19.00", "EXPIRED"),
        ("EXPIRE_MAKER", "2.0015", "30", "GTC", "PARTIALLY_FILLED", "19.00", "EXPIRED"),
        ("EXPIRE_MAKER", None, "25", "GTC", "FILLED", "25.00", "EXPIRED"),
        ("EXPIRE_MAKER", "2.0020", "29", "FOK", "FILLED", "29.00", "EXPIRED"),
        ("EXPIRE_MAKER", "2.0020", "30", "FOK", "EXPIRED", "0.00", "NEW"),
        ("EXPIRE_BOTH", "2.0015", "14", "GTC", "FILLED", "14.00", "NEW"),
        ("EXPIRE_BOTH", "2.0020", "30", "GTC", "EXPIRED", "14.00", "EXPIRED"),
        ("EXPIRE_BOTH", None, "30", "GTC", "EXPIRED", "14.00", "EXPIRED"),
    ],
)
@pytest.mark.parametrize("is_account_wide", [False, True])
def test_the_takers_mode_says_who_goes(
    bench: Bench,
    mode: str,
    price: str | None,
    quantity: str,
    tif: str,
    status: str,
    filled: str,
    own: str,
    is_account_wide: bool,
) -> None:
    if is_account_wide:
        assert bench.ask("POST", "stpMode", stpMode=mode) == {"code": 200, "msg": "success"}
    answer = bench.order("BUY", price, quantity, tif, **({} if is_account_wide else {"stpMode": mode}))
    assert (answer["status"], answer["executedQty"]) == (status, filled)
    assert own_status(bench) == own
    trades = [trade["orderId"] for trade in bench.ask("GET", "userTrades", symbol=SYMBOL)]
    assert set(trades) <= {answer["orderId"]}


def test_the_account_has_a_mode_and_an_order_may_have_another(bench: Bench) -> None:
    assert bench.ask("GET", "stpMode") == {"stpMode": "EXPIRE_TAKER"}
    bench.ask("POST", "stpMode", stpMode="EXPIRE_BOTH")
    assert bench.ask("GET", "stpMode") == {"stpMode": "EXPIRE_BOTH"}
    assert bench.order("BUY", "2.0020", "30", stpMode="EXPIRE_TAKER")["status"] == "EXPIRED"
    assert own_status(bench) == "NEW"


@pytest.mark.parametrize(("mode", "code"), [("NONE", -1130), ("", -1102)])
def test_an_unknown_mode_is_refused(bench: Bench, mode: str, code: int) -> None:
    assert bench.ask("POST", "stpMode", stpMode=mode)["code"] == code
    assert bench.ask("GET", "stpMode") == {"stpMode": "EXPIRE_TAKER"}


def test_an_expired_maker_is_news_and_holds_no_margin_any_more(bench: Bench) -> None:
    bench.user_line()
    bench.order("BUY", "2.0015", "19", "IOC", stpMode="EXPIRE_MAKER")
    orders = [frame["o"] for frame in bench.frames() if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(each["c"], each["x"], each["X"]) for each in orders if each["c"] == "own"] == [
        ("own", "EXPIRED", "EXPIRED")
    ]
    assert bench.books.margin == bench.books.holding(bench.market.instrument, bench.market.mark_price()).margin_with(
        bench.books.margin * 0, bench.books.margin * 0
    )


ORDERS = st.tuples(
    st.sampled_from(["BUY", "SELL"]),
    st.integers(19_995, 20_005),
    st.integers(300, 1500),
    st.sampled_from(["GTC", "IOC", "FOK", "GTX", "HIDDEN", "RPI"]),
    st.sampled_from(MODES),
)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(ORDERS, max_size=25), st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 5)), max_size=4)
)
def test_whatever_is_sent_an_account_never_trades_with_itself(
    orders: list[tuple[Any, ...]], quotes: list[tuple[str, int]]
) -> None:
    bench = Bench()
    for side, distance in quotes:
        bench.market.quote(Side(side), 20_000 - Side(side).sign * distance, 500)
    for side, ticks, lots, tif, mode in orders:
        bench.order(side, f"{ticks / 10_000:.4f}", f"{lots / 100:.2f}", tif, stpMode=mode)
        for order in bench.venue.engine.orders.open_orders(bench.books, SYMBOL):
            assert bench.market.book.lots_of(order.id) == order.left > 0
    trades = [trade["id"] for trade in bench.ask("GET", "userTrades", symbol=SYMBOL)]
    assert len(trades) == len(set(trades))
    bids = [order for order in bench.ask("GET", "openOrders") if order["side"] == "BUY"]
    asks = [order for order in bench.ask("GET", "openOrders") if order["side"] == "SELL"]
    best_bid = max((float(order["price"]) for order in bids), default=0.0)
    assert all(float(order["price"]) > best_bid for order in asks)
