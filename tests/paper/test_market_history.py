"""Trades, candles and 24-hour statistics as they are asked for, and which parameters are refused."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.model import Side
from exchange.protocol.intervals import INTERVALS

BUY, SELL = Side.BUY, Side.SELL
START_MS = START_US // 1000
MINUTE_MS = START_MS // 60_000 * 60_000
"""15:06 of a Sunday in June; the exchange opens at 15:06:40."""


@pytest.fixture
def bench() -> Bench:
    """Five aggregates of six trades: one on opening, one a second later, and three after two minutes without any."""
    bench = Bench()
    bench.book([(19_990, 100_000), (19_980, 100_000)], [(20_010, 1000), (20_010, 500), (20_020, 100_000)])
    bench.hit(BUY, 20_010, 1200)
    bench.wait(1)
    bench.hit(SELL, 19_990, 300)
    bench.wait(150)
    bench.hit(BUY, 20_020, 400)
    bench.hit(SELL, 19_990, 100)
    return bench


def test_the_newest_trades(bench: Bench) -> None:
    trades = bench.public("trades", symbol=SYMBOL)
    assert trades[0] == {
        "id": 1, "price": "2.00100", "qty": "10.00", "quoteQty": "20.0100000",
        "time": START_MS, "isBuyerMaker": False,
    }  # fmt: skip
    assert [each["id"] for each in trades] == [1, 2, 3, 4, 5, 6]
    assert bench.public("trades", symbol=SYMBOL, limit=2) == trades[-2:]
    assert bench.public("historicalTrades", symbol=SYMBOL, limit=2) == trades[-2:]


@pytest.mark.parametrize(
    ("from_id", "limit", "ids"), [(2, 500, [2, 3, 4, 5, 6]), (2, 3, [2, 3, 4]), (0, 2, [1, 2]), (7, 5, [])]
)
def test_older_trades_from_an_id_on(bench: Bench, from_id: int, limit: int, ids: list[int]) -> None:
    found = bench.public("historicalTrades", symbol=SYMBOL, fromId=from_id, limit=limit)
    assert [each["id"] for each in found] == ids


def test_an_aggregate_trade_field_by_field(bench: Bench) -> None:
    assert bench.public("aggTrades", symbol=SYMBOL)[0] == {
        "a": 1, "p": "2.00100", "q": "12.00", "f": 1, "l": 2, "T": START_MS, "m": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [4, 5]),
        ({"fromId": 2}, [2, 3, 4, 5]),
        ({"fromId": 2, "limit": 2}, [2, 3]),
        ({"fromId": 0, "limit": 1}, [1]),
        ({"fromId": 6}, []),
        ({"startTime": START_MS + 1000}, [2, 3, 4, 5]),
        ({"startTime": START_MS, "limit": 2}, [1, 2]),
        ({"endTime": START_MS + 1000}, [1, 2]),
        ({"endTime": START_MS + 1000, "limit": 1}, [2]),
        ({"startTime": START_MS + 1, "endTime": START_MS + 1000}, [2]),
        ({"startTime": START_MS + 1001, "endTime": START_MS + 2000}, []),
    ],
)
def test_aggregate_trades_by_id_and_by_time(bench: Bench, params: dict[str, Any], ids: list[int]) -> None:
    assert [each["a"] for each in bench.public("aggTrades", symbol=SYMBOL, **params)] == ids


def test_a_kline_field_by_field(bench: Bench) -> None:
    assert bench.public("klines", symbol=SYMBOL, interval="1m") == [
        [MINUTE_MS, "2.00100", "2.00100", "1.99900", "1.99900", "15.00", MINUTE_MS + 59_999,
         "30.0090000", 3, "12.00", "24.0120000", "0"],
        [MINUTE_MS + 60_000, "1.99900", "1.99900", "1.99900", "1.99900", "0.00", MINUTE_MS + 119_999,
         "0.0000000", 0, "0.00", "0.0000000", "0"],
        [MINUTE_MS + 120_000, "1.99900", "1.99900", "1.99900", "1.99900", "0.00", MINUTE_MS + 179_999,
         "0.0000000", 0, "0.00", "0.0000000", "0"],
        [MINUTE_MS + 180_000, "2.00100", "2.00200", "1.99900", "1.99900", "5.00", MINUTE_MS + 239_999,
         "10.0040000", 3, "4.00", "8.0050000", "0"],
    ]  # fmt: skip


@pytest.mark.parametrize("interval", list(INTERVALS))
@pytest.mark.parametrize("name", ["klines", "markPriceKlines", "indexPriceKlines"])
def test_every_documented_interval_is_served(bench: Bench, name: str, interval: str) -> None:
    asked = {"pair" if name.startswith("index") else "symbol": SYMBOL}
    row = bench.public(name, interval=interval, limit=1, **asked)[0]
    assert row[0] == INTERVALS[interval].start(bench.now_us // 1000)
    assert row[6] == INTERVALS[interval].end(row[0]) - 1
    assert len(row) == 12


@pytest.mark.parametrize(
    ("params", "minutes"),
    [
        ({"limit": 2}, [2, 3]),
        ({"startTime": MINUTE_MS + 1}, [1, 2, 3]),
        ({"startTime": MINUTE_MS, "limit": 2}, [0, 1]),
        ({"endTime": MINUTE_MS + 60_000}, [0, 1]),
        ({"endTime": MINUTE_MS + 60_000, "limit": 1}, [1]),
        ({"startTime": MINUTE_MS + 60_000, "endTime": MINUTE_MS + 120_000}, [1, 2]),
        ({"startTime": MINUTE_MS + 10**9}, []),
        ({"endTime": 5}, []),
        ({"limit": 1500}, [0, 1, 2, 3]),
    ],
)
def test_klines_by_time(bench: Bench, params: dict[str, Any], minutes: list[int]) -> None:
    rows = bench.public("klines", symbol=SYMBOL, interval="1m", **params)
    assert [(row[0] - MINUTE_MS) // 60_000 for row in rows] == minutes


def test_klines_of_mark_and_index_price_count_their_data_points(bench: Bench) -> None:
    bench.market.mark_ticks = 20_005
    bench.wait(60)
    rows = bench.public("markPriceKlines", symbol=SYMBOL, interval="1m")
    assert rows == bench.public("indexPriceKlines", pair=SYMBOL, interval="1m")
    assert [row[8] for row in rows] == [20, 60, 60, 60, 12]
    assert rows[-2] == [
        MINUTE_MS + 180_000, "2.00000000", "2.00050000", "2.00000000", "2.00050000", "0", MINUTE_MS + 239_999,
        "0", 60, "0", "0", "0",
    ]  # fmt: skip


def test_the_24_hours_field_by_field(bench: Bench) -> None:
    now_ms = START_MS + 151_000
    ticker = bench.public("ticker/24hr", symbol=SYMBOL)
    assert ticker == {
        "symbol": SYMBOL,
        "priceChange": "-0.00200",
        "priceChangePercent": "-0.100",
        "weightedAvgPrice": "2.00065000",
        "prevClosePrice": "2.00100",
        "lastPrice": "1.99900",
        "lastQty": "1.00",
        "openPrice": "2.00100",
        "highPrice": "2.00200",
        "lowPrice": "1.99900",
        "volume": "20.00",
        "quoteVolume": "40.0130000",
        "openTime": now_ms - 86_400_000,
        "closeTime": now_ms,
        "firstId": 1,
        "lastId": 6,
        "count": 6,
    }
    assert bench.public("ticker/24hr") == [ticker]


def test_after_24_hours_only_the_price_is_left(bench: Bench) -> None:
    bench.wait(24 * 3600 + 60)
    ticker = bench.public("ticker/24hr", symbol=SYMBOL)
    assert {ticker[name] for name in ("openPrice", "highPrice", "lowPrice", "lastPrice", "prevClosePrice")} == {
        "1.99900"
    }
    assert (ticker["volume"], ticker["count"], ticker["priceChange"]) == ("0.00", 0, "0.00000")


def test_before_the_first_trade_the_mark_price_stands_for_it() -> None:
    bench = Bench()
    ticker = bench.public("ticker/24hr", symbol=SYMBOL)
    assert (ticker["lastPrice"], ticker["lastQty"], ticker["count"], ticker["firstId"]) == ("2.00000", "0.00", 0, -1)
    assert bench.public("ticker/price", symbol=SYMBOL)["price"] == "2.00000"
    assert bench.public("klines", symbol=SYMBOL, interval="1m") == []
    assert bench.public("trades", symbol=SYMBOL) == bench.public("aggTrades", symbol=SYMBOL) == []


def test_the_index_of_a_paper_market_is_its_own(bench: Bench) -> None:
    assert bench.public("indexreferences", symbol=SYMBOL) == {
        "symbol": SYMBOL,
        "time": START_MS + 151_000,
        "references": [{"exchange": "paper", "symbol": SYMBOL, "weight": "1.00000000"}],
    }


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("depth", {}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("depth", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ("depth", {"symbol": SYMBOL, "limit": 7}, -4021, "7 is not valid depth limit."),
    ("depth", {"symbol": SYMBOL, "limit": "x"}, -1102, "Mandatory parameter 'limit' was not sent, was empty/null, or malformed."),
    ("trades", {"symbol": SYMBOL, "limit": 1001}, -1130, "Data sent for parameter 'limit' is not valid."),
    ("trades", {"symbol": SYMBOL, "limit": 0}, -1130, "Data sent for parameter 'limit' is not valid."),
    ("historicalTrades", {"symbol": SYMBOL, "fromId": "-1"}, -1102, "Mandatory parameter 'fromId' was not sent, was empty/null, or malformed."),
    ("aggTrades", {}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("aggTrades", {"symbol": SYMBOL, "startTime": 0, "endTime": 3_600_000}, -1127, "More than 1 hours between startTime and endTime."),
    ("aggTrades", {"symbol": SYMBOL, "startTime": 2, "endTime": 1}, -1023, "Start time is greater than end time."),
    ("aggTrades", {"symbol": SYMBOL, "fromId": 1, "startTime": 1}, -1128, "Combination of optional parameters invalid."),
    ("klines", {"symbol": SYMBOL}, -1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed."),
    ("klines", {"symbol": SYMBOL, "interval": "7m"}, -1120, "Invalid interval."),
    ("klines", {"symbol": SYMBOL, "interval": "1m", "limit": 1501}, -1130, "Data sent for parameter 'limit' is not valid."),
    ("klines", {"symbol": SYMBOL, "interval": "1m", "startTime": 2, "endTime": 1}, -1023, "Start time is greater than end time."),
    ("indexPriceKlines", {"interval": "1m"}, -1102, "Mandatory parameter 'pair' was not sent, was empty/null, or malformed."),
    ("indexPriceKlines", {"pair": "NOPE", "interval": "1m"}, -4144, "Invalid pair"),
    ("markPriceKlines", {"symbol": "NOPE", "interval": "1m"}, -1121, "Invalid symbol."),
    ("ticker/24hr", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ("indexreferences", {}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("indexreferences", {"symbol": "NOPE"}, -1000, "Invalid symbol."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "params", "code", "message"), REFUSED)
def test_what_is_refused(bench: Bench, name: str, params: dict[str, Any], code: int, message: str) -> None:
    assert bench.public(name, **params) == {"code": code, "msg": message}
    assert bench.send("GET", f"/fapi/v1/{name}", params, signed=False).status == 400


@pytest.mark.parametrize(
    ("name", "params", "weight"),
    [
        *(("depth", {"limit": limit}, weight) for limit, weight in [(5, 2), (50, 2), (100, 5), (500, 10), (1000, 20)]),
        ("depth", {}, 10),
        ("trades", {}, 1),
        ("historicalTrades", {}, 20),
        ("aggTrades", {}, 20),
        *(
            (name, {"interval": "1m", "limit": limit}, weight)
            for name in ("klines", "markPriceKlines", "indexPriceKlines")
            for limit, weight in [(99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1001, 10)]
        ),
        ("premiumIndex", {}, 1),
        ("fundingInfo", {}, 1),
        ("ticker/24hr", {}, 1),
        ("ticker/24hr", {"symbol": ""}, 40),
        ("ticker/price", {}, 1),
        ("ticker/price", {"symbol": ""}, 2),
        ("ticker/bookTicker", {}, 1),
        ("ticker/bookTicker", {"symbol": ""}, 2),
        ("indexreferences", {}, 1),
    ],
)
def test_what_a_request_weighs(name: str, params: dict[str, Any], weight: int) -> None:
    response = Bench().send("GET", f"/fapi/v3/{name}", {"symbol": SYMBOL, "pair": SYMBOL} | params, signed=False)
    assert response.status == 200
    assert response.headers["x-mbx-used-weight-1m"] == str(weight)


# Funding


def funded() -> Bench:
    """Two symbols for four hours, each funded every hour."""
    bench = Bench(SYMBOL, "BTCUSDT", funding_interval_s=3600)
    bench.wait(4 * 3600)
    return bench


HOURS = [START_MS // 3_600_000 * 3_600_000 + hour * 3_600_000 for hour in range(1, 5)]


@pytest.mark.parametrize(
    ("params", "hours"),
    [
        ({}, [0, 1, 2, 3]),
        ({"limit": 2}, [2, 3]),
        ({"startTime": HOURS[1]}, [1, 2, 3]),
        ({"startTime": HOURS[0], "limit": 2}, [0, 1]),
        ({"endTime": HOURS[1]}, [0, 1]),
        ({"startTime": HOURS[1], "endTime": HOURS[2]}, [1, 2]),
    ],
)
def test_the_history_of_funding_rates(params: dict[str, Any], hours: list[int]) -> None:
    bench = funded()
    rows = bench.public("fundingRate", symbol=SYMBOL, **params)
    assert rows == [{"symbol": SYMBOL, "fundingRate": "0.00001250", "fundingTime": HOURS[hour]} for hour in hours]
    assert len(bench.public("fundingRate")) == 8
    assert bench.public("fundingRate", limit=1001)["code"] == -1130


def test_funding_rates_of_all_symbols_are_in_order_of_time() -> None:
    times = [row["fundingTime"] for row in funded().public("fundingRate", limit=5)]
    assert times == [HOURS[1], HOURS[2], HOURS[2], HOURS[3], HOURS[3]]


def test_the_terms_of_funding_field_by_field() -> None:
    assert Bench("BTCUSDT").public("fundingInfo", symbol="BTCUSDT") == [
        {
            "symbol": "BTCUSDT",
            "interestRate": "0.00010000",
            "time": START_MS,
            "fundingIntervalHours": 8,
            "fundingFeeCap": 0.03,
            "fundingFeeFloor": -0.03,
        }
    ]
