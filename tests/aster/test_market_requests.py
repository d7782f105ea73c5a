"""Markets, row by row, and nobody signs: what is sent, what it costs, what is made of the docs' own example."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from decimal import Decimal

import pytest
from request_rows import Row, Sent, sent

from exchange.aster.market_data import AsterMarketData
from exchange.aster.values import DayTicker, FundingInfo, FundingRate, IndexReference, Kline, LastPrice
from exchange.model import PublicTrade, Side
from exchange.ports import Cost

KLINE = [
    1591256460000,
    "9653.29201333",
    "9654.56401333",
    "9653.07367333",
    "9653.07367333",
    "0\t",
    1591256519999,
    "0",
    60,
    "0",
    "0",
    "0",
]
THE_KLINE = Kline(
    1591256460000,
    1591256519999,
    Decimal("9653.29201333"),
    Decimal("9654.56401333"),
    Decimal("9653.07367333"),
    Decimal("9653.07367333"),
    Decimal(0),
    Decimal(0),
    60,
    Decimal(0),
    Decimal(0),
)
TRADE = {
    "id": 28457,
    "price": "4.0001",
    "qty": "12.00000000",
    "quoteQty": "8000.00",
    "time": 1499865549590,
    "isBuyerMaker": True,
}
AGG_TRADE = {"a": 26129, "p": "0.0163", "q": "4.70", "f": 27780, "l": 27781, "T": 1498793709153, "m": True}
DAY = {
    "symbol": "BTCUSDT",
    "priceChange": "-94.99999800",
    "priceChangePercent": "-95.960",
    "weightedAvgPrice": "0.29628482",
    "prevClosePrice": "0.10002000",
    "lastPrice": "4.00000200",
    "lastQty": "200.00000000",
    "openPrice": "99.00000000",
    "highPrice": "100.00000000",
    "lowPrice": "0.10000000",
    "volume": "8913.30000000",
    "quoteVolume": "15.30000000",
    "openTime": 1499783499040,
    "closeTime": 1499869899040,
    "firstId": 28385,
    "lastId": 28460,
    "count": 76,
}
THE_DAY = DayTicker(
    "BTCUSDT",
    Decimal("-94.99999800"),
    Decimal("-95.960"),
    Decimal("0.29628482"),
    Decimal("4.00000200"),
    Decimal("200.00000000"),
    Decimal("99.00000000"),
    Decimal("100.00000000"),
    Decimal("0.10000000"),
    Decimal("8913.30000000"),
    Decimal("15.30000000"),
    1499783499040,
    1499869899040,
    76,
)
FUNDING = {
    "symbol": "INJUSDT",
    "interestRate": "0.00010000",
    "time": 1756197479000,
    "fundingIntervalHours": 8,
    "fundingFeeCap": 0.03,
    "fundingFeeFloor": -0.03,
}
REFERENCES = {
    "symbol": "BTCUSDT",
    "time": 1774077572319,
    "references": [{"exchange": "binance", "symbol": "BTCUSDT", "weight": "0.41441441"}],
}
PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "11793.63104562",
    "indexPrice": "11781.80495970",
    "estimatedSettlePrice": "11781.16138815",
    "lastFundingRate": "0.00038246",
    "nextFundingTime": 1597392000000,
    "interestRate": "0.00010000",
    "time": 1597370495002,
}


async def _marks(data: AsterMarketData, symbol: str | None) -> object:
    return [(each.symbol, each.mark, each.funding_rate) for each in await data.mark_prices(symbol)]


async def _timeless(asked: Awaitable[list[PublicTrade]]) -> object:
    return [(each.trade_id, each.first_id, each.side, each.price_ticks, each.lots) for each in await asked]


ROWS: Mapping[str, Row] = {
    "ping": Row(lambda c: c.data.ping(), "GET ping", 1, {}),
    "klines": Row(
        lambda c: c.data.klines("BTCUSDT", "1m", start_ms=1, end_ms=2, limit=1500),
        "GET klines symbol=BTCUSDT interval=1m startTime=1 endTime=2 limit=1500",
        10,
        [KLINE],
        [THE_KLINE],
    ),
    "klines of mark": Row(
        lambda c: c.data.mark_price_klines("BTCUSDT", "1M", limit=99),
        "GET markPriceKlines symbol=BTCUSDT interval=1M limit=99",
        1,
        [KLINE],
        [THE_KLINE],
    ),
    "klines of index": Row(
        lambda c: c.data.index_price_klines("BTCUSDT", "1h"),
        "GET indexPriceKlines pair=BTCUSDT interval=1h limit=500",
        5,
        [KLINE],
        [THE_KLINE],
    ),
    "mark of one": Row(
        lambda c: _marks(c.data, "BTCUSDT"),
        "GET premiumIndex symbol=BTCUSDT",
        1,
        PREMIUM,
        [("BTCUSDT", Decimal("11793.63104562"), Decimal("0.00038246"))],
    ),
    "marks": Row(
        lambda c: _marks(c.data, None),
        "GET premiumIndex",
        1,
        [PREMIUM],
        [("BTCUSDT", Decimal("11793.63104562"), Decimal("0.00038246"))],
    ),
    "day": Row(lambda c: c.data.day_tickers("BTCUSDT"), "GET ticker/24hr symbol=BTCUSDT", 1, DAY, [THE_DAY]),
    "days": Row(lambda c: c.data.day_tickers(), "GET ticker/24hr", 40, [DAY], [THE_DAY]),
    "price": Row(
        lambda c: c.data.last_prices("BTCUSDT"),
        "GET ticker/price symbol=BTCUSDT",
        1,
        {"symbol": "BTCUSDT", "price": "6000.01", "time": 1589437530011},
        [LastPrice("BTCUSDT", Decimal("6000.01"), 1589437530011)],
    ),
    "prices": Row(lambda c: c.data.last_prices(), "GET ticker/price", 2, [], []),
    "funding rates": Row(
        lambda c: c.data.funding_rates("BTCUSDT", start_ms=1, end_ms=2, limit=3),
        "GET fundingRate symbol=BTCUSDT startTime=1 endTime=2 limit=3",
        1,
        [{"symbol": "BTCUSDT", "fundingRate": "-0.03750000", "fundingTime": 1570608000000}],
        [FundingRate("BTCUSDT", Decimal("-0.03750000"), 1570608000000)],
    ),
    "funding infos": Row(
        lambda c: c.data.funding_infos(),
        "GET fundingInfo",
        1,
        [FUNDING],
        [FundingInfo("INJUSDT", 8, Decimal("0.00010000"), Decimal("0.03"), Decimal("-0.03"))],
    ),
    "index references": Row(
        lambda c: c.data.index_references("BTCUSDT"),
        "GET indexreferences symbol=BTCUSDT",
        1,
        REFERENCES,
        [IndexReference("binance", "BTCUSDT", Decimal("0.41441441"))],
    ),
    "old trades": Row(
        lambda c: _timeless(c.data.historical_trades("BTCUSDT", from_id=28457, limit=1)),
        "GET historicalTrades symbol=BTCUSDT limit=1 fromId=28457",
        20,
        [TRADE],
        [(28457, 0, Side.SELL, 40001, 1200)],
    ),
    "aggregates": Row(
        lambda c: _timeless(c.data.agg_trades("BTCUSDT", from_id=26129)),
        "GET aggTrades symbol=BTCUSDT limit=500 fromId=26129",
        20,
        [AGG_TRADE],
        [(27781, 27780, Side.SELL, 163, 470)],
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
async def test_a_request(row: Row) -> None:
    assert await sent(row) == Sent(row.request, False, [Cost(row.weight, row.orders)], row.result)
