"""Rows of money, positions and settings (docs: Account/Trades Endpoints).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from conformance import docs_account as docs
from conformance import docs_market as market
from conformance.row import Above, Mark, Matches, Row, Wait
from conformance.shapes import Either
from conformance.signing import V1
from conformance.writing import (
    OF_SYMBOL,
    ORDERS,
    PAPER,
    SIGNED,
    SYMBOL,
    ask,
    bought,
    in_v1,
    limit,
    on_paper,
    place,
    quoted,
    row,
)

_BALANCE = "Futures Account Balance v3 (USER_DATA)"
_ACCOUNT = "Account Information v3 (USER_DATA)"
_LEVERAGE = "Change Initial Leverage (TRADE)"
_MARGINS = "Get Position Margin Change History (TRADE)"
_RISK = "Position Information v3 (USER_DATA)"
_TRADES = "Account Trade List (USER_DATA)"
_INCOME = "Get Income History(USER_DATA)"
_BRACKETS = "Notional and Leverage Brackets (USER_DATA)"
_ADL = "Position ADL Quantile Estimation (USER_DATA)"
_FORCED = "User's Force Orders (USER_DATA)"
_RATE = "User Commission Rate (USER_DATA)"
_SET_MMP = "Update User MMP (USER_DATA)"

_MMP = OF_SYMBOL | {
    "windowTimeInMilliseconds": 5000,
    "frozenTimeInMilliseconds": 10000,
    "qtyLimit": 20,
    "valueLimit": 200000000,
    "deltaLimit": 100000000,
}

_SHAPES = (
    row(_ACCOUNT, "every field", SIGNED, on_paper(*bought()), ask("GET", "accountWithJoinMargin", shape=docs.ACCOUNT)),
    row(
        _RISK,
        "every field",
        SIGNED,
        on_paper(*bought()),
        ask("GET", "positionRisk", OF_SYMBOL, shape=docs.POSITION_RISK, where={"#": 1}),
    ),
    row(_RISK, "of all symbols", SIGNED, ask("GET", "positionRisk", shape=docs.POSITION_RISK)),
    row(_BALANCE, "every field", SIGNED, ask("GET", "balance", shape=docs.BALANCE)),
    row(
        _TRADES, "every field", SIGNED, on_paper(*bought()), ask("GET", "userTrades", OF_SYMBOL, shape=docs.USER_TRADES)
    ),
    row(_INCOME, "every field", SIGNED, on_paper(*bought()), ask("GET", "income", shape=docs.INCOME)),
    row(_BRACKETS, "of one symbol", SIGNED, ask("GET", "leverageBracket", OF_SYMBOL, shape=docs.BRACKETS)),
    row(_BRACKETS, "of all symbols", SIGNED, ask("GET", "leverageBracket", shape=[docs.BRACKETS])),
    row(
        _ADL,
        "of one symbol",
        SIGNED,
        on_paper(*bought()),
        ask("GET", "adlQuantile", OF_SYMBOL, shape=Either(*docs.ADL_QUANTILE, docs.ADL_QUANTILE)),
    ),
    row(_ADL, "of all symbols", SIGNED, on_paper(*bought()), ask("GET", "adlQuantile", shape=docs.ADL_QUANTILE)),
    row(_FORCED, "of one symbol", SIGNED, ask("GET", "forceOrders", OF_SYMBOL, shape=docs.FORCE_ORDERS)),
    row(_FORCED, "of all symbols", SIGNED, ask("GET", "forceOrders", shape=docs.FORCE_ORDERS)),
    row(_RATE, "every field", SIGNED, ask("GET", "commissionRate", OF_SYMBOL, shape=docs.COMMISSION_RATE)),
    row(
        "Get Current Position Mode(USER_DATA)",
        "the mode",
        SIGNED,
        ask("GET", "positionSide/dual", shape=docs.POSITION_MODE),
    ),
    row(
        "Get Current Multi-Assets Mode (USER_DATA)",
        "the mode",
        SIGNED,
        ask("GET", "multiAssetsMargin", shape=docs.MULTI_ASSETS),
    ),
    row(
        "Get Current STP Mode (USER_DATA)",
        "the mode",
        SIGNED,
        ask("GET", "stpMode", shape=docs.STP_MODE, where={"stpMode": Matches("EXPIRE_(TAKER|MAKER|BOTH)")}),
    ),
    row("Get User MMP (USER_DATA)", "of all symbols", SIGNED, ask("GET", "mmp", shape=docs.MMP)),
    row(_MARGINS, "of a symbol", SIGNED, ask("GET", "positionMargin/history", OF_SYMBOL, shape=docs.MARGIN_HISTORY)),
    row(
        _LEVERAGE,
        "is set, and answered with what it allows",
        ORDERS,
        ask(
            "POST",
            "leverage",
            OF_SYMBOL | {"leverage": 2},
            shape=docs.LEVERAGE,
            where={"leverage": 2, "symbol": SYMBOL},
        ),
    ),
    row(
        _SET_MMP,
        "is set, shown, reset and deleted",
        ORDERS,
        ask("POST", "mmp", _MMP, shape=True),
        ask("GET", "mmp", OF_SYMBOL, shape=docs.MMP, where={"0.qtyLimit": 20, "0.windowTimeInMilliseconds": 5000}),
        ask("POST", "mmpReset", OF_SYMBOL, shape=True),
        ask("DELETE", "mmp", OF_SYMBOL, shape=True),
        ask("GET", "mmp", OF_SYMBOL, where={"#": 0}),
    ),
    row(
        "Start User Data Stream (USER_STREAM)",
        "a listen key, the same while it lives",
        ORDERS,
        ask("POST", "listenKey", shape=docs.LISTEN_KEY, keep="key"),
        ask("POST", "listenKey", where={"listenKey": "<key.listenKey>"}),
    ),
    row(
        "Keepalive User Data Stream (USER_STREAM)",
        "an empty object",
        ORDERS,
        ask("POST", "listenKey"),
        ask("PUT", "listenKey", shape=market.PING),
    ),
    row(
        "Close User Data Stream (USER_STREAM)",
        "an empty object",
        ORDERS,
        ask("POST", "listenKey"),
        ask("DELETE", "listenKey", shape=market.PING),
    ),
)

_OLD_PATHS = (
    row(
        "Futures Account Balance V2 (USER_DATA)",
        "every field",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(), shape=docs.BALANCE),
    ),
    row(
        "Account Information V4 (USER_DATA)",
        "every field",
        SIGNED,
        ask("GET", "/fapi/v4/account", auth=V1(), shape=docs.ACCOUNT),
    ),
    row(
        "Position Information V2 (USER_DATA)",
        "every field",
        SIGNED,
        ask("GET", "/fapi/v2/positionRisk", auth=V1(), shape=docs.POSITION_RISK),
    ),
    row(_ACCOUNT, "under its older name", SIGNED, ask("GET", "account", shape=docs.ACCOUNT)),
    row(
        _ACCOUNT,
        "as deployed clients call it in v2",
        SIGNED,
        ask("GET", "/fapi/v2/account", auth=V1(), shape=docs.ACCOUNT),
    ),
    row(
        "Start User Data Stream (USER_STREAM)",
        "in V1 with the key alone, unsigned",
        ORDERS,
        ask("POST", "/fapi/v1/listenKey", auth=V1(is_signed=False), shape=docs.LISTEN_KEY),
    ),
)

_MONEY = (
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
        _FORCED,
        "a liquidation",
        PAPER,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        quoted("SELL", "+0.05%", "15000"),
        place(limit("BUY", "+0.05%", "15000", "IOC")),
        quoted("BUY", "-4%", "15000"),
        Mark("0.67"),
        Wait(1.1),
        ask(
            "GET",
            "forceOrders",
            OF_SYMBOL,
            shape=docs.FORCE_ORDERS,
            where={"#": 1, "0.clientOrderId": Matches("autoclose-.+"), "0.side": "SELL", "0.status": "FILLED"},
        ),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.positionAmt": "0"}),
    ),
)

ROWS: tuple[Row, ...] = (*_SHAPES, *_OLD_PATHS, *_MONEY, *in_v1(_SHAPES))
