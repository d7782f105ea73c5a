"""Rows of the shapes that accounts, positions and settings are shown in (docs: Account/Trades Endpoints).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from conformance import docs_account as docs
from conformance import docs_market as market
from conformance.row import Matches, Row, Wait
from conformance.rules import bracket_faults
from conformance.shapes import Either
from conformance.signing import V1
from conformance.writing import (
    LIQUIDATED,
    OF_SYMBOL,
    ORDERS,
    PAPER,
    SIGNED,
    SYMBOL,
    ask,
    bought,
    in_v1,
    on_paper,
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
        _TRADES,
        "every field",
        SIGNED,
        on_paper(*bought()),
        ask("GET", "userTrades", OF_SYMBOL, shape=docs.USER_TRADES, may_be_empty_abroad=True),
    ),
    row(
        _INCOME,
        "every field",
        SIGNED,
        on_paper(*bought()),
        ask("GET", "income", shape=docs.INCOME, may_be_empty_abroad=True),
    ),
    row(
        _BRACKETS,
        "of one symbol",
        SIGNED,
        ask("GET", "leverageBracket", OF_SYMBOL, shape=docs.BRACKETS, rule=bracket_faults, where={"symbol": SYMBOL}),
    ),
    row(_BRACKETS, "of all symbols", SIGNED, ask("GET", "leverageBracket", shape=[docs.BRACKETS])),
    row(
        _ADL,
        "of one symbol",
        SIGNED,
        on_paper(*bought()),
        ask(
            "GET",
            "adlQuantile",
            OF_SYMBOL,
            shape=Either(*docs.ADL_QUANTILE, docs.ADL_QUANTILE),
            may_be_empty_abroad=True,
        ),
    ),
    row(
        _ADL,
        "of all symbols",
        SIGNED,
        on_paper(*bought()),
        ask("GET", "adlQuantile", shape=docs.ADL_QUANTILE, may_be_empty_abroad=True),
    ),
    *(
        row(
            _FORCED,
            name,
            SIGNED,
            on_paper(*LIQUIDATED, Wait(1.1)),
            ask("GET", "forceOrders", params, shape=docs.FORCE_ORDERS, may_be_empty_abroad=True),
        )
        for name, params in (("of one symbol", OF_SYMBOL), ("of all symbols", {}))
    ),
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
    row(
        "Get User MMP (USER_DATA)",
        "of all symbols",
        SIGNED,
        on_paper(ask("POST", "mmp", _MMP)),
        ask("GET", "mmp", shape=docs.MMP, may_be_empty_abroad=True),
    ),
    row(
        _MARGINS,
        "of a symbol",
        SIGNED,
        on_paper(
            ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}),
            *bought(),
            ask("POST", "positionMargin", OF_SYMBOL | {"amount": "100", "type": 1}),
        ),
        ask("GET", "positionMargin/history", OF_SYMBOL, shape=docs.MARGIN_HISTORY, may_be_empty_abroad=True),
    ),
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
        ask("POST", "mmp", _MMP, shape=docs.DONE),
        ask("GET", "mmp", OF_SYMBOL, shape=docs.MMP, where={"0.qtyLimit": 20, "0.windowTimeInMilliseconds": 5000}),
        ask("POST", "mmpReset", OF_SYMBOL, shape=docs.DONE),
        ask("DELETE", "mmp", OF_SYMBOL, shape=docs.DONE),
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
        "under its older name with the same figures",
        PAPER,
        ask("GET", "account", where={"totalWalletBalance": "10000", "canTrade": True, "positions.0.symbol": SYMBOL}),
    ),
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

ROWS: tuple[Row, ...] = (*_SHAPES, *_OLD_PATHS, *in_v1(_SHAPES))
