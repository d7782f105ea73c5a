from __future__ import annotations

import json

import msgspec
import pytest

from exchange.protocol import market_frames as frames
from exchange.protocol import market_payloads as payloads

KLINE = {
    "e": "kline",
    "E": 123456789,
    "s": "BTCUSDT",
    "k": {
        "t": 123400000, "T": 123460000, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200,
        "o": "0.0010", "c": "0.0020", "h": "0.0025", "l": "0.0015", "v": "1000", "n": 100, "x": False,
        "q": "1.0000", "V": "500", "Q": "0.500", "B": "123456",
    },
}  # fmt: skip
MINI_TICKER = {
    "e": "24hrMiniTicker", "E": 123456789, "s": "BTCUSDT",
    "c": "0.0025", "o": "0.0010", "h": "0.0025", "l": "0.0010", "v": "10000", "q": "18",
}  # fmt: skip
TICKER = {
    "e": "24hrTicker", "E": 123456789, "s": "BTCUSDT",
    "p": "0.0015", "P": "250.00", "w": "0.0018", "c": "0.0025", "Q": "10", "o": "0.0010", "h": "0.0025", "l": "0.0010",
    "v": "10000", "q": "18", "O": 0, "C": 86400000, "F": 0, "L": 18150, "n": 18151,
}  # fmt: skip
TRADE_PRO = {
    "e": "tradepro", "E": 1773751963081, "T": 1773751963079, "s": "BTCUSDT", "t": 128884613,
    "p": "73685.5", "q": "0.297", "h": "0X" + "0" * 64, "m": ["hidden", "hidden"],
}  # fmt: skip
ROW = [
    1499040000000, "0.01634790", "0.80000000", "0.01575800", "0.01577100", "148976.11427815", 1499644799999,
    "2434.19055334", 308, "1756.87402397", "28.46694368", "17928899.62484339",
]  # fmt: skip
AGG_TRADE = {"a": 26129, "p": "0.01633102", "q": "4.70443515", "f": 27781, "l": 27781, "T": 1498793709153, "m": True}
DAY = {
    "symbol": "BTCUSDT", "priceChange": "-94.99999800", "priceChangePercent": "-95.960",
    "weightedAvgPrice": "0.29628482", "prevClosePrice": "0.10002000", "lastPrice": "4.00000200",
    "lastQty": "200.00000000", "openPrice": "99.00000000", "highPrice": "100.00000000", "lowPrice": "0.10000000",
    "volume": "8913.30000000", "quoteVolume": "15.30000000", "openTime": 1499783499040, "closeTime": 1499869899040,
    "firstId": 28385, "lastId": 28460, "count": 76,
}  # fmt: skip
FUNDING = {"symbol": "BTCUSDT", "fundingRate": "-0.03750000", "fundingTime": 1570608000000}
REFERENCES = {
    "symbol": "BTCUSDT",
    "time": 1774077572319,
    "references": [{"exchange": "binance", "symbol": "BTCUSDT", "weight": "0.41441441"}],
}


@pytest.mark.parametrize(
    ("documented", "shape"),
    [
        (KLINE, frames.KlineFrame),
        (MINI_TICKER, frames.MiniTickerFrame),
        (TICKER, frames.TickerFrame),
        (TRADE_PRO, frames.TradeProFrame),
        (ROW, payloads.KlineRow),
        (AGG_TRADE, payloads.AggTradeRow),
        (DAY, payloads.DayTickerRow),
        (FUNDING, payloads.FundingRateRow),
        (REFERENCES, payloads.IndexReferencesBody),
    ],
    ids=["kline", "mini ticker", "ticker", "tradepro", "kline row", "aggregate", "24 hours", "funding", "references"],
)
def test_the_documented_example_comes_back_as_it_went_in(documented: object, shape: type[msgspec.Struct]) -> None:
    decoded = msgspec.json.decode(json.dumps(documented), type=shape, strict=True)
    assert json.loads(msgspec.json.encode(decoded)) == documented
