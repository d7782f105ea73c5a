from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.clock import Clock
from exchange.model import Side
from exchange.paper.streams import LineRefused, PushKind
from exchange.protocol import frames
from fleet.config.models import Paper
from fleet.wiring.paper import paper_venue

BUY, SELL = Side.BUY, Side.SELL
HOUR = 3600


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 1000), (19_980, 1000)], [(20_010, 1000), (20_020, 1000)])
    return bench


def say(bench: Bench, line: int, message: Any) -> Any:
    bench.venue.take_pushes()
    bench.venue.receive(line, message if isinstance(message, str) else json.dumps(message), bench.now_us)
    return bench.frames()[-1]


# Lines


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/ws/asterusdt@bookTicker", "e"),
        ("/ws/asterusdt%40bookTicker", "e"),
        ("/stream?streams=asterusdt@bookTicker", "stream"),
        ("/stream?streams=asterusdt%40bookTicker/btcusdt@trade", "stream"),
    ],
)
def test_raw_lines_carry_the_payload_and_combined_ones_an_envelope(bench: Bench, path: str, first: str) -> None:
    bench.venue.open_line(path, bench.now_us)
    bench.order("BUY", "1.9995", "5")
    assert next(iter(bench.frames()[0])) == first


@pytest.mark.parametrize("path", ["/", "/nonsense", "/stream?streams=" + "/".join(f"s{n}@trade" for n in range(201))])
def test_paths_without_streams_or_with_too_many_are_refused(path: str) -> None:
    with pytest.raises(LineRefused):
        Bench().venue.open_line(path, START_US)


def refusal(code: int, what: str) -> dict[str, Any]:
    return {"code": code, "msg": what if code != 2 else f"Invalid request: {what}"}


VARIANTS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
NAMED = refusal(2, "property name must be a string")
UNSIGNED = refusal(2, "request ID must be an unsigned integer")
BOOLEAN = refusal(1, "Invalid value type: expected Boolean")
TOO_MANY = refusal(2, "too many parameters")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}, {"result": None, "id": 1}),
        ({"method": "SUBSCRIBE", "params": ["btcusdt@trade"]}, {"result": None, "id": None}),
        ({"method": "SUBSCRIBE", "params": ["nosuch@stream"], "id": 0}, {"result": None, "id": 0}),
        ({"method": "SUBSCRIBE", "params": [], "id": 1}, {"result": None, "id": 1}),
        ({"method": "UNSUBSCRIBE", "params": ["x"], "id": 312}, {"result": None, "id": 312}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, {"result": ["asterusdt@trade"], "id": 3}),
        ({"method": "LIST_SUBSCRIPTIONS", "params": None, "id": 3}, {"result": ["asterusdt@trade"], "id": 3}),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 2}, {"result": True, "id": 2}),
        ({"method": "SET_PROPERTY", "params": ["combined", False], "id": 5}, {"result": None, "id": 5}),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 5}, BOOLEAN),
        ({"method": "SET_PROPERTY", "params": ["combined"], "id": 5}, BOOLEAN),
        ({"method": "SET_PROPERTY", "params": ["other", True], "id": 5}, refusal(0, "Unknown property")),
        ({"method": "GET_PROPERTY", "params": ["other"], "id": 5}, refusal(0, "Unknown property")),
        ({"method": "GET_PROPERTY", "params": [5], "id": 5}, NAMED),
        ({"method": "GET_PROPERTY", "id": 5}, NAMED),
        ({"method": "GET_PROPERTY", "params": ["combined", "x"], "id": 5}, TOO_MANY),
        ({"method": "SET_PROPERTY", "params": ["combined", True, 1], "id": 5}, TOO_MANY),
        ({"method": "LIST_SUBSCRIPTIONS", "params": ["x"], "id": 5}, TOO_MANY),
        ('{"method": "SUBSCRIB", "id": 5}',
         refusal(2, f"unknown variant `SUBSCRIB`, expected one of {VARIANTS} at line 1 column 21")),
        ('{"id": 5,\n"method": 7}', refusal(2, f"unknown variant `7`, expected one of {VARIANTS} at line 2 column 12")),
        ('{"id": 5}', refusal(2, "missing field `method` at line 1 column 9")),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": -5}, UNSIGNED),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": "5"}, UNSIGNED),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": True}, UNSIGNED),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": 2**64}, UNSIGNED),
        ({"method": "SUBSCRIBE", "params": ["x"], "id": 1.5}, UNSIGNED),
        ({"method": "SUBSCRIBE", "params": [5], "id": 5}, refusal(2, "invalid stream")),
        ({"method": "SUBSCRIBE", "params": ["no stream"], "id": 5}, refusal(2, "invalid stream")),
        ({"method": "SUBSCRIBE", "params": "x", "id": 5}, refusal(2, "params must be a list")),
        ({"method": "SUBSCRIBE", "params": [f"s{n}" for n in range(200)], "id": 5},
         refusal(2, "too many streams, a connection can listen to at most 200")),
        ('{"method": x}', refusal(3, "Invalid JSON: expected value at line 1 column 11")),
        ("", refusal(3, "Invalid JSON: expected value at line 1 column 0")),
        ("[" * 100_000, refusal(3, "Invalid JSON: recursion limit exceeded at line 1 column 128")),
        ("[]", refusal(2, "expected an object")),
    ],
)  # fmt: skip
def test_requests_on_a_line_are_answered(bench: Bench, message: Any, answer: Any) -> None:
    line = bench.listen("asterusdt@trade")
    assert say(bench, line, message) == answer


@pytest.mark.parametrize("message", [b"\xff", b'{"method":"LIST_SUBSCRIPTIONS","id":3}', "\ud800"])
def test_whatever_comes_on_a_line_is_answered(bench: Bench, message: str | bytes) -> None:
    line = bench.listen("asterusdt@trade")
    bench.venue.receive(line, message, bench.now_us)
    assert bench.frames()[0].get("code", 3) == 3


def test_subscriptions_come_and_go(bench: Bench) -> None:
    line = bench.listen()
    say(bench, line, {"method": "SUBSCRIBE", "params": ["asterusdt@bookTicker"], "id": 1})
    bench.order("BUY", "1.9995", "5")
    assert len(bench.frames()) == 1
    say(bench, line, {"method": "UNSUBSCRIBE", "params": ["asterusdt@bookTicker"], "id": 2})
    bench.order("BUY", "1.9996", "5")
    assert bench.frames() == []
    assert bench.venue.engine.hub.listeners == {}


def test_more_than_ten_messages_in_a_second_cut_the_line(bench: Bench) -> None:
    line = bench.listen()
    for _ in range(2):
        for _ in range(10):
            assert "result" in say(bench, line, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
        bench.wait(1)
    for _ in range(11):
        bench.venue.receive(line, '{"method":"LIST_SUBSCRIPTIONS","id":1}', bench.now_us)
    last = bench.venue.take_pushes()[-1]
    assert (last.kind, last.code) == (PushKind.CLOSE, 1008)


def test_a_line_is_cut_after_24_hours(bench: Bench) -> None:
    bench.listen("asterusdt@trade")
    bench.wait(24 * HOUR - 1)
    assert bench.frames() == []
    bench.wait(1)
    assert [push.kind for push in bench.venue.take_pushes()] == [PushKind.CLOSE]


# Market data


def test_the_book_ticker_is_pushed_only_when_the_best_prices_change(bench: Bench) -> None:
    bench.listen("asterusdt@bookTicker", "!bookTicker")
    bench.order("BUY", "1.9995", "5")
    bench.order("BUY", "1.95", "5")
    bench.wait(10)
    seen = bench.frames()
    assert [each["stream"] for each in seen] == ["asterusdt@bookTicker", "!bookTicker"]
    ticker = msgspec.convert(seen[0]["data"], frames.BookTickerFrame)
    assert (ticker.symbol, ticker.bid, ticker.bid_qty) == (SYMBOL, "1.99950", "5.00")
    assert (ticker.ask, ticker.ask_qty, ticker.event_ms) == ("2.00100", "10.00", START_US // 1000)


def test_mark_prices_tell_a_quiet_market_from_a_dead_line(bench: Bench) -> None:
    bench.listen("asterusdt@markPrice@1s", "!markPrice@arr@1s", "asterusdt@markPrice")
    bench.wait(6)
    seen = bench.frames()
    counts = {name: sum(each["stream"] == name for each in seen) for name in {each["stream"] for each in seen}}
    assert counts == {"asterusdt@markPrice@1s": 6, "!markPrice@arr@1s": 6, "asterusdt@markPrice": 2}
    one = msgspec.convert(seen[0]["data"], frames.MarkPriceFrame)
    assert (one.symbol, one.mark, one.funding_rate) == (SYMBOL, "2.00000000", "0.00005000")
    assert next(each["data"] for each in seen if each["stream"].startswith("!"))[0]["s"] == SYMBOL


def test_trades_one_by_one_and_added_up(bench: Bench) -> None:
    bench.book(asks=[(20_010, 500)])
    bench.listen("asterusdt@trade", "asterusdt@aggTrade")
    bench.order("BUY", "2.0020", "20")
    bench.wait(0.1)
    seen = bench.frames()
    trades = [each["data"] for each in seen if each["stream"].endswith("@trade")]
    aggregates = [each["data"] for each in seen if each["stream"].endswith("@aggTrade")]
    assert [(each["t"], each["p"], each["q"], each["m"]) for each in trades] == [
        (1, "2.00100", "10.00", False),
        (2, "2.00100", "5.00", False),
        (3, "2.00200", "5.00", False),
    ]
    assert [(each["f"], each["l"], each["q"]) for each in aggregates] == [(1, 2, "15.00"), (3, 3, "5.00")]


@pytest.mark.parametrize(("stream", "times"), [("depth5@100ms", 10), ("depth5", 4), ("depth20@500ms", 2)])
def test_partial_depth_comes_at_its_interval_while_the_book_changes(bench: Bench, stream: str, times: int) -> None:
    bench.listen(f"asterusdt@{stream}")
    for n in range(20):
        bench.wait(0.05)
        bench.order("BUY", f"1.9{n:02d}0", "5")
    seen = [msgspec.convert(each["data"], frames.DepthFrame) for each in bench.frames()]
    assert len(seen) == times
    assert seen[-1].bids[0] == ("1.99900", "10.00")
    bench.wait(5)
    assert len(bench.frames()) <= 1


def test_an_unknown_stream_is_silent(bench: Bench) -> None:
    bench.listen("nopeusdt@bookTicker", "asterusdt@kline_1m", "nopeusdt@depth")
    bench.wait(5)
    assert bench.frames() == []


# User data


def test_a_fill_is_told_with_its_price_fee_and_profit(bench: Bench) -> None:
    bench.order("BUY", "2.0000", "10", newClientOrderId="entry")
    bench.user_line()
    bench.frames()
    bench.hit(SELL, 20_000, 400)
    account, order = bench.frames()
    position = account["a"]["P"][0]
    assert (account["e"], account["a"]["m"]) == ("ACCOUNT_UPDATE", "ORDER")
    assert (position["s"], position["pa"], position["ep"]) == (SYMBOL, "4.00", "2.00000000")
    assert account["a"]["B"] == [{"a": "USDT", "wb": "9999.99920000", "cw": "9999.99920000", "bc": "0"}]
    told = order["o"]
    assert order["e"] == "ORDER_TRADE_UPDATE"
    assert (told["c"], told["x"], told["X"], told["l"], told["z"]) == (
        "entry", "TRADE", "PARTIALLY_FILLED", "4.00", "4.00",
    )  # fmt: skip
    assert (told["L"], told["n"], told["N"], told["t"], told["m"]) == ("2.00000", "0.00080000", "USDT", 1, True)
    bench.ask("DELETE", "allOpenOrders", symbol=SYMBOL)
    bench.frames()
    bench.order("SELL", None, "4")
    told = [frame["o"] for frame in bench.frames() if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["rp"], each["R"]) for each in told] == [
        ("NEW", "0", False),
        ("TRADE", "-0.00400000", False),
    ]


TURNS: list[tuple[Callable[[Bench], Any], list[tuple[str, str]]]] = [
    (lambda b: b.order("BUY", "1.9", "5"), [("NEW", "NEW")]),
    (lambda b: b.order("BUY", "2.0010", "5", "GTX"), [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]),
    (
        lambda b: b.order("BUY", "2.0010", "15", "IOC"),
        [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("EXPIRED", "EXPIRED")],
    ),
    (lambda b: b.ask("PUT", "order", symbol=SYMBOL, orderId=1, price="1.92", quantity="6"), [("AMENDMENT", "NEW")]),
    (lambda b: b.ask("DELETE", "order", symbol=SYMBOL, orderId=1), [("CANCELED", "CANCELED")]),
    (lambda b: b.order("BUY", "9", "5"), []),
]


@pytest.mark.parametrize(("act", "told"), TURNS)
def test_each_turn_of_an_orders_life_is_told(
    bench: Bench, act: Callable[[Bench], Any], told: list[tuple[str, str]]
) -> None:
    bench.order("BUY", "1.91", "5")
    bench.user_line()
    bench.frames()
    act(bench)
    events = [frame["o"] for frame in bench.frames() if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["X"]) for each in events] == told


def test_every_user_frame_decodes_as_the_protocol_says(bench: Bench) -> None:
    bench.user_line()
    bench.order("BUY", None, "10")
    bench.ask("POST", "leverage", symbol=SYMBOL, leverage=3)
    kinds = [type(frames.decode_user(push.text)).__name__ for push in bench.venue.take_pushes()]
    assert kinds == ["OrderTradeUpdateFrame", "AccountUpdateFrame", "OrderTradeUpdateFrame", "AccountConfigFrame"]


def test_listen_keys_follow_from_seed_and_secret() -> None:
    def keys(secret: str) -> list[str]:
        bench = Bench(listen_key_secret=secret)
        found = [bench.ask("POST", "listenKey")["listenKey"]]
        bench.ask("DELETE", "listenKey")
        assert secret not in repr(bench.settings) or not secret
        return [*found, bench.ask("POST", "listenKey")["listenKey"]]

    made = [*keys(""), *keys("hush"), *keys("hush hush")]
    assert len(set(made)) == 6
    assert all(len(key) == 64 for key in made)
    assert [*keys(""), *keys("hush"), *keys("hush hush")] == made


async def test_every_process_that_serves_a_paper_exchange_has_a_secret_of_its_own() -> None:
    served = [paper_venue(Paper(seed=1), [SYMBOL], Clock(START_US)).settings.listen_key_secret for _ in range(2)]
    assert len(set(served)) == 2
    assert min(len(secret) for secret in served) == 64


def test_a_listen_key_lives_for_an_hour_unless_it_is_kept(bench: Bench) -> None:
    key = bench.ask("POST", "listenKey")["listenKey"]
    assert bench.ask("POST", "listenKey")["listenKey"] == key
    bench.venue.open_line(f"/ws/{key}", bench.now_us)
    bench.wait(HOUR / 2)
    assert bench.ask("PUT", "listenKey") == {}
    bench.wait(HOUR - 1)
    assert bench.frames() == []
    bench.wait(1)
    assert [each["e"] for each in bench.frames()] == ["listenKeyExpired"]
    bench.order("BUY", "1.9", "5")
    assert bench.frames() == []
    assert bench.ask("PUT", "listenKey")["code"] == -1125
    assert bench.ask("POST", "listenKey")["listenKey"] != key


def test_a_deleted_listen_key_is_silent(bench: Bench) -> None:
    bench.user_line()
    assert bench.ask("DELETE", "listenKey") == {}
    bench.order("BUY", "1.9", "5")
    assert bench.frames() == []


def test_a_listen_key_can_be_subscribed_to(bench: Bench) -> None:
    key = bench.ask("POST", "listenKey")["listenKey"]
    line = bench.listen()
    say(bench, line, {"method": "SUBSCRIBE", "params": [key], "id": 1})
    bench.order("BUY", "1.9", "5")
    assert bench.frames()[0]["stream"] == key
