"""Rows of what an account has, earns and pays (docs: Account/Trades Endpoints).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from decimal import Decimal

from conformance import docs_account as docs
from conformance import docs_market as market
from conformance.row import Above, Mark, Matches, Row, Wait
from conformance.writing import (
    LIQUIDATED,
    OF_SYMBOL,
    PAPER,
    SYMBOL,
    ask,
    bought,
    limit,
    place,
    quoted,
    row,
)

_BALANCE = "Futures Account Balance v3 (USER_DATA)"
_ACCOUNT = "Account Information v3 (USER_DATA)"
_RISK = "Position Information v3 (USER_DATA)"
_TRADES = "Account Trade List (USER_DATA)"
_INCOME = "Get Income History(USER_DATA)"
_ADL = "Position ADL Quantile Estimation (USER_DATA)"
_FORCED = "User's Force Orders (USER_DATA)"

ROWS: tuple[Row, ...] = (
    row(
        _BALANCE,
        "what an account starts with",
        PAPER,
        ask("GET", "balance", where={"0.asset": "USDT", "0.balance": "10000", "0.availableBalance": "10000"}),
    ),
    row(
        _BALANCE,
        "a taker's fee is paid from the wallet",
        PAPER,
        *bought(),
        ask(
            "GET",
            "commissionRate",
            OF_SYMBOL,
            where={"takerCommissionRate": "0.00035", "makerCommissionRate": "0.0001"},
        ),
        ask("GET", "balance", where={"0.balance": "9999.99299650"}),
    ),
    row(
        _TRADES,
        "price, fee and role of a fill",
        PAPER,
        *bought(),
        ask(
            "GET",
            "userTrades",
            OF_SYMBOL,
            where={
                "#": 1,
                "0.price": "<mark+0.05%>",
                "0.qty": "10",
                "0.quoteQty": "20.01",
                "0.commission": "0.0070035",
                "0.commissionAsset": "USDT",
                "0.maker": False,
                "0.buyer": True,
                "0.side": "BUY",
                "0.realizedPnl": "0",
                "0.orderId": "<bought.orderId>",
            },
        ),
        ask("GET", "userTrades", OF_SYMBOL, by="somebody", where={"0.maker": True, "0.commission": "0.002001"}),
    ),
    row(
        _TRADES,
        "from an id on",
        PAPER,
        *bought(),
        *bought("5"),
        ask("GET", "userTrades", OF_SYMBOL, keep="all", where={"#": 2}),
        ask("GET", "userTrades", OF_SYMBOL | {"fromId": "<all.1.id>"}, where={"#": 1, "0.qty": "5"}),
    ),
    row(
        _INCOME,
        "what an account was funded with",
        PAPER,
        ask(
            "GET",
            "income",
            {"incomeType": "TRANSFER"},
            shape=docs.INCOME,
            where={"#": 1, "0.income": "10000", "0.asset": "USDT", "0.symbol": "", "0.tradeId": ""},
        ),
    ),
    row(
        _INCOME,
        "a funding payment, and the rate that it was paid at",
        PAPER,
        *bought(),
        Wait(4.1),
        ask("GET", "income", {"incomeType": "FUNDING_FEE"}, where={"0.income": "-0.00200000", "0.symbol": SYMBOL}),
        ask("GET", "fundingRate", OF_SYMBOL, auth=None, shape=market.FUNDING_RATE, where={"0.fundingRate": "0.0001"}),
        settings={"funding_interval_s": 2, "funding_rate": Decimal("0.0001")},
        is_long=True,
    ),
    row(
        _BALANCE,
        "in multi-assets mode every stable asset is collateral",
        PAPER,
        ask("GET", "multiAssetsMargin", where={"multiAssetsMargin": True}),
        ask(
            "GET",
            "accountWithJoinMargin",
            shape=docs.ACCOUNT,
            where={"totalWalletBalance": "5000", "availableBalance": "5000", "assets.#": 2},
        ),
        place(limit("BUY", "-1%"), where={"status": "NEW"}),
        settings={"balances": {"USDF": Decimal(5000), "USDT": Decimal(0)}},
    ),
    row(
        _INCOME,
        "a fee and a realised profit",
        PAPER,
        *bought(),
        quoted("BUY", "+0.5%"),
        place(limit("SELL", "+0.5%", timeInForce="IOC")),
        ask("GET", "income", {"incomeType": "REALIZED_PNL"}, where={"#": 1, "0.income": "0.09", "0.symbol": SYMBOL}),
        ask("GET", "income", {"incomeType": "COMMISSION"}, where={"#": 2, "0.income": "-0.0070035"}),
    ),
    row(
        _RISK,
        "entry, mark and profit",
        PAPER,
        *bought(),
        Mark("1.01"),
        Wait(1.1),
        ask(
            "GET",
            "positionRisk",
            OF_SYMBOL,
            where={
                "0.positionAmt": "10",
                "0.entryPrice": "<mark+0.05%>",
                "0.markPrice": "2.02",
                "0.unRealizedProfit": "0.19",
                "0.marginType": "cross",
                "0.isolatedMargin": "0",
                "0.positionSide": "BOTH",
            },
        ),
    ),
    row(
        _ACCOUNT,
        "margins of a position and an order",
        PAPER,
        *bought(),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 2}),
        place(limit("BUY", "-1%")),
        ask(
            "GET",
            "accountWithJoinMargin",
            where={
                "totalPositionInitialMargin": "10.00",
                "totalOpenOrderInitialMargin": Above(0),
                "totalUnrealizedProfit": "-0.01",
            },
        ),
    ),
    row(
        _ADL,
        "who bought for less is further up the queue",
        PAPER,
        *(ask("POST", "positionSide/dual", {"dualSidePosition": "true"}, by=who) for who in ("us", "somebody")),
        quoted("SELL", "+0.05%", positionSide="SHORT"),
        place(limit("BUY", "+0.05%", "10", "IOC", positionSide="LONG")),
        quoted("BUY", "+0.5%", positionSide="LONG"),
        place(limit("SELL", "+0.5%", "10", "IOC", positionSide="SHORT")),
        ask(
            "GET",
            "adlQuantile",
            shape=docs.ADL_QUANTILE,
            where={"#": 1, "0.symbol": SYMBOL, "0.adlQuantile.LONG": 2, "0.adlQuantile.HEDGE": 0},
        ),
        ask("GET", "adlQuantile", by="somebody", where={"0.adlQuantile.LONG": 0}),
    ),
    row(
        _FORCED,
        "a liquidation",
        PAPER,
        *LIQUIDATED,
        Wait(1.1),
        ask(
            "GET",
            "forceOrders",
            OF_SYMBOL,
            shape=docs.FORCE_ORDERS,
            where={
                "#": 1,
                "0.clientOrderId": Matches("autoclose-.+"),
                "0.side": "SELL",
                "0.status": "FILLED",
                "0.executedQty": "15000",
                "0.avgPrice": "<mark-4%>",
                "0.orderId": Above(0),
            },
        ),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.positionAmt": "0"}),
    ),
)
