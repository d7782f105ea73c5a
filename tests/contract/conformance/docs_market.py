"""The docs' example answers of public requests, as literals (docs: Market Data Endpoints).

Owns: those examples, by what they are of. A field that the real exchange sends and the docs do not name is `Maybe`, and
so is one that the docs' example has under another name than the real exchange.
"""

from __future__ import annotations

from typing import Any

from conformance.shapes import Either, Exactly, Maybe, MaybeEmpty

PING: dict[str, Any] = {}
SERVER_TIME = {"serverTime": 1499827319559}
SUCCESS = {"code": Exactly(200), "msg": Exactly("success")}

_FILTERS = [
    {
        "filterType": "PRICE_FILTER",
        "maxPrice": "300",
        "minPrice": "0.0001",
        "tickSize": "0.0001",
    },
    {"filterType": "LOT_SIZE", "maxQty": "10000000", "minQty": "1", "stepSize": "1"},
    {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    {"filterType": "MIN_NOTIONAL", "notional": "1"},
    {
        "filterType": "PERCENT_PRICE",
        "multiplierUp": "1.1500",
        "multiplierDown": "0.8500",
        "multiplierDecimal": Either(4, "4"),
        "ltMultiplierUp": Maybe("1.0300"),
        "ltMultiplierDown": Maybe("0.9700"),
    },
]

EXCHANGE_INFO = {
    "exchangeFilters": [],
    "rateLimits": [{"interval": "MINUTE", "intervalNum": 1, "limit": 2400, "rateLimitType": "REQUEST_WEIGHT"}],
    "serverTime": 1565613908500,
    "assets": [{"asset": "BUSD", "marginAvailable": True, "autoAssetExchange": Either(0, "0", None)}],
    "symbols": [
        {
            "symbol": "DOGEUSDT",
            "pair": "DOGEUSDT",
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1598252400000,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": "BLZ",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": 5,
            "quantityPrecision": 0,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": MaybeEmpty(["STORAGE"]),
            "settlePlan": 0,
            "triggerProtect": "0.15",
            "filters": _FILTERS,
            "OrderType": Maybe(["LIMIT"]),
            "orderTypes": Maybe(["LIMIT"]),
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "HIDDEN"],
            "liquidationFee": "0.010000",
            "marketTakeBound": "0.30",
            "symbolType": Maybe(0),
            "tradingMode": Maybe(0),
            "name": Maybe("ASTER"),
            "channel": Maybe("{}"),
            "sequenceNo": Maybe(100),
            "twapMinNotional": Maybe("1000"),
            "createTime": Maybe(1758215451058),
        }
    ],
    "timezone": "UTC",
    "futuresType": Maybe("U_MARGINED"),
}

DEPTH = {
    "lastUpdateId": 1027024,
    "E": 1589436922972,
    "T": 1589436922959,
    "bids": [("4.00000000", "431.00000000")],
    "asks": [("4.00000200", "12.00000000")],
}

TRADES = [
    {
        "id": 28457,
        "price": "4.00000100",
        "qty": "12.00000000",
        "quoteQty": "48.00",
        "time": 1499865549590,
        "isBuyerMaker": True,
    }
]

AGG_TRADES = [{"a": 26129, "p": "0.01633102", "q": "4.70443515", "f": 27781, "l": 27781, "T": 1498793709153, "m": True}]

KLINES = [
    (
        1499040000000,
        "0.01634790",
        "0.80000000",
        "0.01575800",
        "0.01577100",
        "148976.11427815",
        1499644799999,
        "2434.19055334",
        308,
        "1756.87402397",
        "28.46694368",
        "17928899.62484339",
    )
]

PREMIUM_INDEX = {
    "symbol": "BTCUSDT",
    "markPrice": "11793.63104562",
    "indexPrice": "11781.80495970",
    "estimatedSettlePrice": "11781.16138815",
    "lastFundingRate": "0.00038246",
    "nextFundingTime": 1597392000000,
    "interestRate": "0.00010000",
    "time": 1597370495002,
}

FUNDING_RATE = [{"symbol": "BTCUSDT", "fundingRate": "-0.03750000", "fundingTime": 1570608000000}]

FUNDING_INFO = [
    {
        "symbol": "INJUSDT",
        "interestRate": "0.00010000",
        "time": 1756197479000,
        "fundingIntervalHours": 8,
        "fundingFeeCap": 0.03,
        "fundingFeeFloor": -0.03,
    }
]

TICKER_24HR = {
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

PRICE = {"symbol": "BTCUSDT", "price": "6000.01", "time": 1589437530011}

BOOK_TICKER = {
    "symbol": "BTCUSDT",
    "bidPrice": "4.00000000",
    "bidQty": "431.00000000",
    "askPrice": "4.00000200",
    "askQty": "9.00000000",
    "time": 1589437530011,
}

INDEX_REFERENCES = {
    "symbol": "BTCUSDT",
    "time": 1774077572319,
    "references": [{"exchange": "binance", "symbol": "BTCUSDT", "weight": "0.41441441"}],
}
