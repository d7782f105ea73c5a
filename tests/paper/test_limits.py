from __future__ import annotations

from typing import Any

import msgspec
import pytest
from still_market import SYMBOL, Bench

from exchange.model import RateLimit
from exchange.paper.config import Firewall
from exchange.paper.limits import Window
from exchange.paper.streams import LineRefused

SECOND = 1_000_000


def test_a_window_slides() -> None:
    window = Window(RateLimit("ORDERS", 10, 5))
    for at_s, amount in ((0, 2), (4, 2), (9, 1)):
        assert window.wait_us(amount, at_s * SECOND) == 0
        window.add(amount, at_s * SECOND)
    assert window.used(9 * SECOND) == 5
    assert window.wait_us(2, 9 * SECOND) == 1 * SECOND
    assert window.wait_us(3, 9 * SECOND) == 5 * SECOND
    assert window.wait_us(6, 9 * SECOND) == 10 * SECOND
    assert window.used(10 * SECOND - 1) == 5
    assert window.used(10 * SECOND) == 3
    assert window.peak == 11


def limited(weight: int = 2400, minute: int = 1200, ten: int = 300, **settings: Any) -> Bench:
    limits = (
        RateLimit("REQUEST_WEIGHT", 60, weight),
        RateLimit("ORDERS", 60, minute),
        RateLimit("ORDERS", 10, ten),
    )
    return Bench(limits=limits, **settings)


def test_every_answer_tells_the_weight_and_order_answers_the_orders() -> None:
    bench = limited()
    ping = bench.send("GET", "/fapi/v1/ping", signed=False)
    assert ping.headers["x-mbx-used-weight-1m"] == "1"
    params = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": "1.9", "quantity": "5"}
    placed = bench.send("POST", "/fapi/v3/order", params)
    assert placed.headers["x-mbx-used-weight-1m"] == "2"
    assert placed.headers["x-mbx-order-count-1m"] == placed.headers["x-mbx-order-count-10s"] == "1"
    amended = bench.send("PUT", "/fapi/v3/order", {"symbol": SYMBOL, "orderId": 1, "price": "1.91", "quantity": "5"})
    assert amended.headers["x-mbx-order-count-10s"] == "2"
    gone = bench.send("DELETE", "/fapi/v3/order", {"symbol": SYMBOL, "orderId": 1})
    assert "x-mbx-order-count-10s" not in gone.headers
    rows = [params, params | {"price": "1.8"}]
    assert bench.send("POST", "/fapi/v3/batchOrders", {"batchOrders": rows}).headers["x-mbx-order-count-10s"] == "4"
    assert bench.send("GET", "/fapi/v3/openOrders").headers["x-mbx-used-weight-1m"] == str(4 + 5 + 40)
    bench.wait(60)
    assert bench.send("GET", "/fapi/v3/ping", signed=False).headers["x-mbx-used-weight-1m"] == "1"


def test_over_the_weight_the_answer_is_429_and_says_when_to_come_back() -> None:
    bench = limited(weight=10)
    bench.send("GET", "/fapi/v3/balance")
    bench.wait(20)
    bench.send("GET", "/fapi/v3/balance")
    refused = bench.send("GET", "/fapi/v3/balance")
    assert (refused.status, refused.headers["retry-after"]) == (429, "40")
    assert msgspec.json.decode(refused.body) == {
        "code": -1003,
        "msg": "Too many requests; current limit is 10 requests per minute. Please use the websocket for live updates "
        "to avoid polling the API.",
    }
    assert refused.headers["x-mbx-used-weight-1m"] == "10"
    assert bench.venue.limit_peaks()["REQUEST_WEIGHT_1M"] == 1.5
    assert bench.send("GET", "/fapi/v3/ping", signed=False, client="elsewhere").status == 200
    bench.wait(40)
    assert bench.send("GET", "/fapi/v3/balance").status == 200


@pytest.mark.parametrize(
    ("minute", "ten", "wait_s", "limiter", "period"),
    [(100, 3, 10, "ORDERS_10S", "TEN_SECONDS"), (3, 100, 60, "ORDERS_1M", "MINUTE")],
)
def test_both_order_limits_hold(minute: int, ten: int, wait_s: int, limiter: str, period: str) -> None:
    bench = limited(minute=minute, ten=ten)
    for _ in range(3):
        assert bench.order("BUY", "1.9", "5")["status"] == "NEW"
    refused = bench.order("BUY", "1.9", "5")
    message = f"Too many new orders; current limit is 3 orders per {period}."
    assert refused == {"code": -1015, "msg": message}
    assert bench.venue.limit_peaks()[limiter] == 4 / 3
    assert bench.venue.refused_429 == 1
    bench.wait(wait_s - 1)
    assert bench.order("BUY", "1.9", "5")["code"] == -1015
    bench.wait(1)
    assert bench.order("BUY", "1.9", "5")["status"] == "NEW"


THREE_DAYS_S = 3 * 24 * 3600


def test_going_on_after_429_ends_in_bans_that_grow() -> None:
    bench = limited(weight=1)
    bench.send("GET", "/fapi/v3/ping", signed=False)
    for ban_s in (120, 240, 480, *(120 * 2**power for power in range(3, 11)), 122_880 * 2, THREE_DAYS_S, THREE_DAYS_S):
        replies = [bench.send("GET", "/fapi/v3/ping", signed=False) for _ in range(11)]
        assert [reply.status for reply in replies] == [429] * 10 + [418]
        until_ms = bench.now_us // 1000 + min(ban_s, THREE_DAYS_S) * 1000
        assert f"IP banned until {until_ms}".encode() in replies[-1].body
        bench.wait(min(ban_s, THREE_DAYS_S) - 1)
        refused = bench.send("GET", "/fapi/v3/ping", signed=False)
        assert (refused.status, refused.headers["retry-after"]) == (418, "1")
        assert refused.headers["x-mbx-used-weight-1m"]
        bench.wait(1)
        assert bench.send("GET", "/fapi/v3/ping", signed=False).status == 200


def test_a_flood_meets_the_firewall_and_nobody_else_does() -> None:
    bench = limited(weight=1, firewall=Firewall(refusals=20, within_s=10, shut_s=30))
    replies = [bench.send("GET", "/fapi/v3/ping", signed=False) for _ in range(25)]
    assert [reply.status for reply in replies] == [200] + [429] * 10 + [418] * 11 + [403] * 3
    assert replies[-1].headers == {"content-type": "text/html"}
    assert b"403 Forbidden" in replies[-1].body
    assert bench.venue.refused_403 == 3
    assert bench.send("GET", "/fapi/v3/ping", signed=False, client="elsewhere").status == 200
    bench.wait(30)
    assert bench.send("GET", "/fapi/v3/ping", signed=False).status == 418


@pytest.mark.parametrize("requests", [12, 25], ids=["banned", "firewalled"])
def test_whose_requests_are_refused_gets_no_new_line_and_keeps_the_old(requests: int) -> None:
    bench = limited(weight=1, firewall=Firewall(refusals=20, within_s=10, shut_s=120))
    old = bench.venue.open_line("/ws/asterusdt@aggTrade", bench.now_us, "here")
    for _ in range(requests):
        bench.send("GET", "/fapi/v3/ping", signed=False, client="here")
    with pytest.raises(LineRefused):
        bench.venue.open_line("/ws", bench.now_us, "here")
    bench.venue.open_line("/ws", bench.now_us, "elsewhere")
    bench.venue.receive(old, '{"method": "LIST_SUBSCRIPTIONS", "id": 1}', bench.now_us)
    assert bench.frames() == [{"result": ["asterusdt@aggTrade"], "id": 1}]
    bench.wait(120)
    bench.venue.open_line("/ws", bench.now_us, "here")


def test_refusals_that_are_spread_out_are_no_flood() -> None:
    bench = limited(weight=1, firewall=Firewall(refusals=3, within_s=10, shut_s=30))
    statuses: set[int] = set()
    for _ in range(40):
        statuses.add(bench.send("GET", "/fapi/v3/ping", signed=False).status)
        bench.wait(4)
    assert statuses == {200, 429, 418}


def test_limits_change_while_it_runs_and_what_was_used_stays_used() -> None:
    bench = limited()

    def ping() -> tuple[int, dict[str, str]]:
        answer = bench.send("GET", "/fapi/v3/ping", signed=False)
        used = {name: value for name, value in answer.headers.items() if name.startswith("x-mbx")}
        return answer.status, used

    for _ in range(3):
        ping()
    bench.venue.change_limits([RateLimit("REQUEST_WEIGHT", 60, 5), RateLimit("REQUEST_WEIGHT", 3600, 100)])
    assert ping() == (200, {"x-mbx-used-weight-1m": "4", "x-mbx-used-weight-60m": "1"})
    assert [ping()[0] for _ in range(2)] == [200, 429]
    bench.venue.change_limits([RateLimit("REQUEST_WEIGHT", 60, 2)])
    assert ping() == (429, {"x-mbx-used-weight-1m": "5"})
    assert bench.venue.limit_peaks() == {"REQUEST_WEIGHT_1M": 3}
    bench.venue.change_limits([RateLimit("REQUEST_WEIGHT", 60, 6)], enforced_after_s=10)
    assert ping()[0] == 429
    bench.wait(10)
    assert ping()[0] == 200
