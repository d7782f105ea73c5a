"""The docs' example answers of private requests, as literals (docs: Account/Trades Endpoints).

Owns: those examples, by what they are of.
"""

from __future__ import annotations

from conformance.shapes import Either, Exactly

PLACED = {
    "clientOrderId": "testOrder",
    "cumQty": "0",
    "cumQuote": "0",
    "executedQty": "0",
    "orderId": 22542179,
    "avgPrice": "0.00000",
    "origQty": "10",
    "price": "0",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "SHORT",
    "status": "NEW",
    "stopPrice": "9300",
    "closePosition": False,
    "symbol": "BTCUSDT",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "origType": "LIMIT",
    "updateTime": 1566818724722,
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
}
TRAILING_PLACED = PLACED | {"activatePrice": "9020", "priceRate": "0.3"}

QUERIED = {
    "avgPrice": "0.00000",
    "clientOrderId": "abc",
    "cumQuote": "0",
    "executedQty": "0",
    "orderId": 1917641,
    "origQty": "0.40",
    "origType": "LIMIT",
    "price": "0",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "SHORT",
    "status": "NEW",
    "stopPrice": "9300",
    "closePosition": False,
    "symbol": "BTCUSDT",
    "time": 1579276756075,
    "timeInForce": "GTC",
    "type": "LIMIT",
    "updateTime": 1579276756075,
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
}
TRAILING_QUERIED = QUERIED | {"activatePrice": "9020", "priceRate": "0.3"}

REFUSED = {"code": -2022, "msg": "ReduceOnly Order is rejected."}
CANCELLED_ALL = {
    "code": Either(Exactly(200), Exactly("200")),
    "msg": Exactly("The operation of cancel all open order is done."),
}
COUNTDOWN = {"symbol": "BTCUSDT", "countdownTime": "100000"}

BALANCE = [
    {
        "accountAlias": "SgsR",
        "asset": "USDT",
        "balance": "122607.35137903",
        "crossWalletBalance": "23.72469206",
        "crossUnPnl": "0.00000000",
        "availableBalance": "23.72469206",
        "maxWithdrawAmount": "23.72469206",
        "marginAvailable": True,
        "updateTime": 1617939110373,
    }
]

ACCOUNT = {
    "feeTier": 0,
    "canTrade": True,
    "canDeposit": True,
    "canWithdraw": True,
    "updateTime": 0,
    "totalInitialMargin": "0.00000000",
    "totalMaintMargin": "0.00000000",
    "totalWalletBalance": "23.72469206",
    "totalUnrealizedProfit": "0.00000000",
    "totalMarginBalance": "23.72469206",
    "totalPositionInitialMargin": "0.00000000",
    "totalOpenOrderInitialMargin": "0.00000000",
    "totalCrossWalletBalance": "23.72469206",
    "totalCrossUnPnl": "0.00000000",
    "availableBalance": "23.72469206",
    "maxWithdrawAmount": "23.72469206",
    "assets": [
        {
            "asset": "USDT",
            "walletBalance": "23.72469206",
            "unrealizedProfit": "0.00000000",
            "marginBalance": "23.72469206",
            "maintMargin": "0.00000000",
            "initialMargin": "0.00000000",
            "positionInitialMargin": "0.00000000",
            "openOrderInitialMargin": "0.00000000",
            "crossWalletBalance": "23.72469206",
            "crossUnPnl": "0.00000000",
            "availableBalance": "23.72469206",
            "maxWithdrawAmount": "23.72469206",
            "marginAvailable": True,
            "updateTime": 1625474304765,
        }
    ],
    "positions": [
        {
            "symbol": "BTCUSDT",
            "initialMargin": "0",
            "maintMargin": "0",
            "unrealizedProfit": "0.00000000",
            "positionInitialMargin": "0",
            "openOrderInitialMargin": "0",
            "leverage": "100",
            "isolated": True,
            "entryPrice": "0.00000",
            "maxNotional": "250000",
            "positionSide": "BOTH",
            "positionAmt": "0",
            "updateTime": 0,
        }
    ],
}

POSITION_RISK = [
    {
        "entryPrice": "0.00000",
        "marginType": "isolated",
        "isAutoAddMargin": "false",
        "isolatedMargin": "0.00000000",
        "leverage": "10",
        "liquidationPrice": "0",
        "markPrice": "6679.50671178",
        "maxNotionalValue": "20000000",
        "positionAmt": "0.000",
        "symbol": "BTCUSDT",
        "unRealizedProfit": "0.00000000",
        "positionSide": "BOTH",
        "updateTime": 0,
    }
]

USER_TRADES = [
    {
        "buyer": False,
        "commission": "-0.07819010",
        "commissionAsset": "USDT",
        "id": 698759,
        "maker": False,
        "orderId": 25851813,
        "price": "7819.01",
        "qty": "0.002",
        "quoteQty": "15.63802",
        "realizedPnl": "-0.91539999",
        "side": "SELL",
        "positionSide": "SHORT",
        "symbol": "BTCUSDT",
        "time": 1569514978020,
    }
]

INCOME = [
    {
        "symbol": "",
        "incomeType": "TRANSFER",
        "income": "-0.37500000",
        "asset": "USDT",
        "info": "TRANSFER",
        "time": 1570608000000,
        "tranId": "9689322392",
        "tradeId": "",
    }
]

DONE = Exactly(True)
LEVERAGE = {"leverage": 21, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"}
POSITION_MODE = {"dualSidePosition": True}
MULTI_ASSETS = {"multiAssetsMargin": True}
STP_MODE = {"stpMode": "EXPIRE_TAKER"}
MARGIN_CHANGED = {"amount": 100.0, "code": 200, "msg": "Successfully modify position margin.", "type": 1}
MARGIN_HISTORY = [
    {
        "amount": "23.36332311",
        "asset": "USDT",
        "symbol": "BTCUSDT",
        "time": 1578047897183,
        "type": 1,
        "positionSide": "BOTH",
    }
]
BRACKETS = {
    "symbol": "ETHUSDT",
    "brackets": [
        {
            "bracket": 1,
            "initialLeverage": 75,
            "notionalCap": 10000,
            "notionalFloor": 0,
            "maintMarginRatio": 0.0065,
            "cum": 0.0,
        }
    ],
}
ADL_QUANTILE = [
    {"symbol": "ETHUSDT", "adlQuantile": {"LONG": 3, "SHORT": 3, "HEDGE": 0}},
    {"symbol": "BTCUSDT", "adlQuantile": {"LONG": 1, "SHORT": 2, "BOTH": 0}},
]
FORCE_ORDERS = [
    {
        "orderId": 6071832819,
        "symbol": "BTCUSDT",
        "status": "FILLED",
        "clientOrderId": "autoclose-1596107620040000020",
        "price": "10871.09",
        "avgPrice": "10913.21000",
        "origQty": "0.001",
        "executedQty": "0.001",
        "cumQuote": "10.91321",
        "timeInForce": "IOC",
        "type": "LIMIT",
        "reduceOnly": False,
        "closePosition": False,
        "side": "SELL",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "origType": "LIMIT",
        "time": 1596107620044,
        "updateTime": 1596107620087,
    }
]
COMMISSION_RATE = {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"}
MMP = [
    {
        "symbol": "BTCUSDT",
        "windowTimeInMilliseconds": 5000,
        "frozenTimeInMilliseconds": 10000,
        "qtyLimit": 10,
        "valueLimit": 200000000,
        "deltaLimit": 100000000,
    }
]
LISTEN_KEY = {"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}
