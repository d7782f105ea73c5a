"""Streams that come at an interval: what each frame carries, when it comes, and when it stays away."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.model import Side
from exchange.protocol.intervals import INTERVALS

BUY, SELL = Side.BUY, Side.SELL
START_MS = START_US // 1000
MINUTE_MS = START_MS // 60_000 * 60_000
"""The exchange opens 40 s after it."""


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 100_000), (19_980, 100_000)], [(20_010, 1000), (20_010, 500), (20_020, 100_000)])
    return bench


def told(bench: Bench) -> list[Any]:
    return [each["data"] for each in bench.frames()]


# Aggregate trades


def test_an_aggregate_is_told_within_100_ms_and_numbered_as_in_the_answer(bench: Bench) -> None:
    bench.hit(BUY, 20_010, 100)
    bench.listen("asterusdt@aggTrade")
    bench.hit(BUY, 20_020, 1500)
    bench.wait(0.04)
    bench.hit(SELL, 19_990, 100)
    assert told(bench) == []
    bench.wait(0.06)
    seen = told(bench)
    assert seen[0] == {
        "e": "aggTrade", "E": START_MS + 100, "T": START_MS, "s": SYMBOL,
        "a": 2, "p": "2.00100", "q": "14.00", "f": 2, "l": 3, "m": False,
    }  # fmt: skip
    rows = bench.public("aggTrades", symbol=SYMBOL, fromId=2)
    assert rows == [{name: each[name] for name in ("a", "p", "q", "f", "l", "T", "m")} for each in seen]
    assert [each["a"] for each in seen] == [2, 3, 4]
    bench.wait(5)
    assert told(bench) == []


# Klines


def test_a_kline_frame_field_by_field(bench: Bench) -> None:
    bench.listen("asterusdt@kline_1m")
    bench.hit(BUY, 20_010, 1200)
    bench.hit(SELL, 19_990, 300)
    bench.wait(0.25)
    assert told(bench) == [
        {
            "e": "kline",
            "E": START_MS + 250,
            "s": SYMBOL,
            "k": {
                "t": MINUTE_MS, "T": MINUTE_MS + 59_999, "s": SYMBOL, "i": "1m", "f": 1, "L": 3,
                "o": "2.00100", "c": "1.99900", "h": "2.00100", "l": "1.99900", "v": "15.00", "n": 3, "x": False,
                "q": "30.0090000", "V": "12.00", "Q": "24.0120000", "B": "0",
            },
        }
    ]  # fmt: skip


def test_klines_come_when_they_change_and_once_more_when_they_close(bench: Bench) -> None:
    bench.listen("asterusdt@kline_1m", "asterusdt@kline_1h")
    bench.hit(BUY, 20_010, 100)
    bench.wait(10)
    bench.hit(BUY, 20_010, 100)
    bench.wait(110)
    seen = [
        (each["k"]["i"], (each["k"]["t"] - MINUTE_MS) // 60_000, each["k"]["n"], each["k"]["x"]) for each in told(bench)
    ]
    assert seen == [
        ("1m", 0, 1, False),
        ("1h", -6, 1, False),
        ("1m", 0, 2, False),
        ("1h", -6, 2, False),
        ("1m", 0, 2, True),
        ("1m", 1, 0, False),
        ("1m", 1, 0, True),
        ("1m", 2, 0, False),
    ]


@pytest.mark.parametrize("interval", list(INTERVALS))
def test_the_stream_and_the_answer_tell_of_the_same_kline(bench: Bench, interval: str) -> None:
    bench.hit(BUY, 20_010, 100)
    bench.wait(4000)
    bench.listen(f"asterusdt@kline_{interval}")
    bench.hit(SELL, 19_990, 100)
    bench.wait(0.25)
    kline = told(bench)[-1]["k"]
    row = bench.public("klines", symbol=SYMBOL, interval=interval, limit=1)[0]
    assert [kline[letter] for letter in "tohlcvTqnVQB"] == row
    assert kline["i"] == interval


# 24-hour tickers


def test_tickers_field_by_field(bench: Bench) -> None:
    bench.listen("asterusdt@miniTicker", "asterusdt@ticker")
    bench.hit(BUY, 20_010, 1000)
    bench.hit(SELL, 19_990, 1000)
    bench.wait(0.5)
    at_ms = START_MS + 500
    assert told(bench) == [
        {
            "e": "24hrMiniTicker", "E": at_ms, "s": SYMBOL, "c": "1.99900", "o": "2.00100",
            "h": "2.00100", "l": "1.99900", "v": "20.00", "q": "40.0000000",
        },
        {
            "e": "24hrTicker", "E": at_ms, "s": SYMBOL, "p": "-0.00200", "P": "-0.100", "w": "2.00000000",
            "c": "1.99900", "Q": "10.00", "o": "2.00100", "h": "2.00100", "l": "1.99900", "v": "20.00",
            "q": "40.0000000", "O": at_ms - 86_400_000, "C": at_ms, "F": 1, "L": 2, "n": 2,
        },
    ]  # fmt: skip
    bench.wait(10)
    assert told(bench) == []


def test_arrays_hold_the_symbols_that_changed() -> None:
    bench = Bench(SYMBOL, "BTCUSDT")
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    bench.listen("!ticker@arr", "!miniTicker@arr", "asterusdt@ticker")
    bench.wait(3)
    assert bench.frames() == []
    bench.hit(BUY, 20_010, 100)
    bench.wait(3)
    seen = bench.frames()
    one = next(each["data"] for each in seen if each["stream"] == "asterusdt@ticker")
    arrays = [(each["stream"], [row["s"] for row in each["data"]]) for each in seen if each["stream"][0] == "!"]
    assert arrays == [("!ticker@arr", [SYMBOL]), ("!miniTicker@arr", [SYMBOL])]
    everything = next(each["data"][0] for each in seen if each["stream"] == "!ticker@arr")
    moments = {"E", "O", "C"}
    assert {k: v for k, v in everything.items() if k not in moments} == {
        k: v for k, v in one.items() if k not in moments
    }


def test_a_ticker_tells_of_trades_that_leave_the_24_hours(bench: Bench) -> None:
    bench.hit(BUY, 20_010, 100)
    bench.wait(23 * 3600)
    bench.listen("asterusdt@ticker")
    bench.wait(3600)
    assert [(each["n"], each["c"], each["v"]) for each in told(bench)] == [
        (1, "2.00100", "1.00"),
        (0, "2.00100", "0.00"),
    ]


# Trades


def test_the_trade_streams_field_by_field(bench: Bench) -> None:
    bench.listen("asterusdt@trade", "asterusdt@tradepro")
    bench.hit(SELL, 19_990, 100)
    trade = {"E": START_MS, "T": START_MS, "s": SYMBOL, "t": 1, "p": "1.99900", "q": "1.00"}
    assert told(bench) == [
        {"e": "trade", **trade, "X": "MARKET", "m": True},
        {"e": "tradepro", **trade, "h": "0X" + "0" * 64, "m": ["hidden", "hidden"]},
    ]


# Who pays


def test_a_beat_ends_with_its_last_listener(bench: Bench) -> None:
    names = ["asterusdt@kline_1m", "asterusdt@depth", "asterusdt@depth5@100ms", "!ticker@arr", "asterusdt@aggTrade"]
    line = bench.listen(*names)
    bench.wait(2)
    bench.venue.close_line(line)
    bench.wait(2)
    quiet_us = START_US // 1_000_000 * 1_000_000 + 5_000_000
    assert bench.venue.next_us() == quiet_us
    bench.listen(*names)
    bench.hit(BUY, 20_010, 100)
    bench.wait(1)
    assert {each["stream"] for each in bench.frames()} == set(names)


@pytest.mark.parametrize(
    "name",
    ["asterusdt@kline_7m", "asterusdt@depth7", "asterusdt@depth@1ms", "ASTERUSDT@kline_1m", "!ticker", "ticker@arr",
     "!aggTrade@arr", "asterusdt@", "@trade", "asterusdt", "nopeusdt@ticker", "!"],
)  # fmt: skip
def test_what_is_no_stream_is_silent(bench: Bench, name: str) -> None:
    bench.listen(name)
    bench.hit(BUY, 20_010, 100)
    bench.wait(3)
    assert bench.frames() == []
