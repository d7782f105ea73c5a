"""Countdowns and market maker protection (docs: Auto-Cancel All Open Orders, Update User MMP)."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import SYMBOL, Bench

from exchange.model import Side

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    bench = Bench(SYMBOL, "BTCUSDT")
    bench.book([(19_900, 100_000)], [(20_100, 100_000)])
    return bench


def open_ids(bench: Bench) -> list[int]:
    return [order["orderId"] for order in bench.ask("GET", "openOrders")]


# Countdown


@pytest.mark.parametrize(
    ("beats", "gone_at_s"),
    [
        # (at second, countdown in ms) of each heartbeat, and the first full second without orders.
        ([(0, 2000)], 2),
        ([(0, 2000), (1, 2000)], 3),
        ([(0, 5000), (1, 1000)], 2),
        ([(0, 5000), (1, 1000), (1.5, 3000)], 5),
        ([(0, 2000), (1, 0)], None),
        ([(0, 0)], None),
    ],
)
def test_a_countdown_ends_a_symbols_orders_unless_it_is_put_off(
    bench: Bench, beats: list[tuple[float, int]], gone_at_s: int | None
) -> None:
    bench.order("BUY", "1.95", "5")
    bench.ask(
        "POST", "order", symbol=SYMBOL, side="BUY", type="STOP_MARKET", stopPrice="2.1", quantity="5",
        newClientOrderId="waits",
    )  # fmt: skip
    start_us = bench.now_us
    for at_s, countdown_ms in beats:
        bench.wait(at_s - (bench.now_us - start_us) / 1e6)
        answer = bench.ask("POST", "countdownCancelAll", symbol=SYMBOL, countdownTime=countdown_ms)
        assert answer == {"symbol": SYMBOL, "countdownTime": str(countdown_ms)}
    for second in range(1, 8):
        bench.wait(max(0.0, second - (bench.now_us - start_us) / 1e6))
        if bench.now_us - start_us == second * 1_000_000:
            assert bool(open_ids(bench)) == (gone_at_s is None or second < gone_at_s)


def test_a_countdown_is_of_one_symbol_and_its_cancels_are_news(bench: Bench) -> None:
    bench.user_line()
    mine = bench.order("BUY", "1.95", "5")["orderId"]
    bench.ask("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=1000)
    bench.wait(2)
    assert open_ids(bench) == [mine]
    bench.ask("POST", "countdownCancelAll", symbol=SYMBOL, countdownTime=1)
    bench.frames()
    bench.wait(1)
    (frame,) = bench.frames()
    assert (frame["o"]["x"], frame["o"]["i"], frame["E"]) == ("CANCELED", mine, bench.now_us // 1000 - 999)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"countdownTime": "1"}, -1102),
        ({"symbol": SYMBOL}, -1102),
        ({"symbol": SYMBOL, "countdownTime": "-1"}, -1102),
        ({"symbol": "NOPE", "countdownTime": "1"}, -1121),
    ],
)
def test_a_faulty_countdown_is_refused(bench: Bench, params: dict[str, Any], code: int) -> None:
    assert bench.ask("POST", "countdownCancelAll", **params)["code"] == code


# Market maker protection


def protect(bench: Bench, **more: Any) -> Any:
    params = {"symbol": SYMBOL, "windowTimeInMilliseconds": 5000, "frozenTimeInMilliseconds": 10_000}
    return bench.ask("POST", "mmp", **params | more)


def test_limits_are_set_read_and_dropped(bench: Bench) -> None:
    assert bench.ask("GET", "mmp") == []
    assert protect(bench, qtyLimit=10, valueLimit=200, deltaLimit=30) is True
    row = {
        "symbol": SYMBOL, "windowTimeInMilliseconds": 5000, "frozenTimeInMilliseconds": 10_000,
        "qtyLimit": 10, "valueLimit": 200, "deltaLimit": 30,
    }  # fmt: skip
    assert bench.ask("GET", "mmp") == [row]
    assert bench.ask("GET", "mmp", symbol=SYMBOL) == [row]
    assert bench.ask("GET", "mmp", symbol="BTCUSDT") == []
    assert bench.ask("DELETE", "mmp", symbol=SYMBOL) is True
    assert bench.ask("GET", "mmp") == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": ""}, -1102),
        ({"symbol": "NOPE"}, -1121),
        ({"windowTimeInMilliseconds": ""}, -1102),
        ({"windowTimeInMilliseconds": "0"}, -1130),
        ({"frozenTimeInMilliseconds": ""}, -1102),
        ({"qtyLimit": "1.5"}, -1102),
    ],
)
def test_faulty_limits_are_refused(bench: Bench, change: dict[str, str], code: int) -> None:
    assert protect(bench, **change)["code"] == code
    assert bench.ask("GET", "mmp") == []


@pytest.mark.parametrize(
    ("limits", "fills", "frozen"),
    [
        # Fills are (side, lots, seconds before it) of orders of ours at 1.95 and 2.05.
        ({"qtyLimit": 10}, [(BUY, 999, 0)], False),
        ({"qtyLimit": 10}, [(BUY, 1000, 0)], True),
        ({"qtyLimit": 10}, [(BUY, 600, 0), (SELL, 400, 4)], True),
        ({"qtyLimit": 10}, [(BUY, 600, 0), (SELL, 400, 5)], False),
        ({"valueLimit": 20}, [(BUY, 1000, 0)], False),
        ({"valueLimit": 20}, [(SELL, 1000, 0)], True),
        ({"deltaLimit": 5}, [(BUY, 400, 0), (SELL, 400, 1), (BUY, 400, 1)], False),
        ({"deltaLimit": 5}, [(SELL, 400, 0), (SELL, 100, 1)], True),
        ({}, [(BUY, 2000, 0)], False),
    ],
)
def test_a_limit_reached_within_the_window_freezes_the_symbol(
    bench: Bench, limits: dict[str, int], fills: list[tuple[Side, int, int]], frozen: bool
) -> None:
    protect(bench, **limits)
    bench.market.book.remove(-1)
    bench.market.book.remove(-2)
    bench.order("BUY", "1.95", "30")
    bench.order("SELL", "2.05", "30")
    for side, lots, after_s in fills:
        bench.wait(after_s)
        bench.hit(side.opposite, None, lots)
    assert bool(open_ids(bench)) is not frozen
    assert bench.order("BUY", "1.96", "5").get("code") == (-4088 if frozen else None)


def test_a_freeze_ends_by_itself_or_with_a_reset(bench: Bench) -> None:
    protect(bench, qtyLimit=10)
    assert bench.order("BUY", None, "10")["status"] == "FILLED"
    bench.wait(9.9)
    assert bench.order("BUY", "1.96", "5")["code"] == -4088
    bench.wait(0.1)
    assert bench.order("BUY", None, "10")["status"] == "FILLED"
    assert bench.order("BUY", "1.96", "5")["code"] == -4088
    assert bench.ask("POST", "mmpReset", symbol=SYMBOL) is True
    assert bench.order("BUY", "1.96", "5")["status"] == "NEW"


def test_a_frozen_time_of_nought_lasts_until_the_reset(bench: Bench) -> None:
    protect(bench, qtyLimit=10, frozenTimeInMilliseconds=0)
    bench.order("BUY", None, "10")
    bench.wait(1e6)
    assert bench.order("BUY", "1.96", "5")["code"] == -4088
    bench.ask("POST", "mmpReset", symbol=SYMBOL)
    assert bench.order("BUY", "1.96", "5")["status"] == "NEW"


def test_what_is_left_of_the_order_that_reached_the_limit_goes_too(bench: Bench) -> None:
    protect(bench, qtyLimit=10)
    answer = bench.order("BUY", "2.01", "1500")
    assert (answer["status"], answer["executedQty"]) == ("CANCELED", "1000.00")
    assert open_ids(bench) == []
