"""Rows of an account's settings, and of what is refused it (docs: Account/Trades Endpoints, Error Codes).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from decimal import Decimal

from conformance import docs_account as docs
from conformance import docs_market as market
from conformance.row import Above, Row
from conformance.writing import (
    NO_SYMBOL,
    OF_SYMBOL,
    ORDERS,
    PAPER,
    SIGNED,
    ask,
    bought,
    limit,
    order,
    place,
    row,
)

_ACCOUNT = "Account Information v3 (USER_DATA)"
_LEVERAGE = "Change Initial Leverage (TRADE)"
_TYPE = "Change Margin Type (TRADE)"
_MARGIN = "Modify Isolated Position Margin (TRADE)"
_RISK = "Position Information v3 (USER_DATA)"
_TRADES = "Account Trade List (USER_DATA)"
_INCOME = "Get Income History(USER_DATA)"
_BRACKETS = "Notional and Leverage Brackets (USER_DATA)"
_FORCED = "User's Force Orders (USER_DATA)"
_RATE = "User Commission Rate (USER_DATA)"
_MODE = "Change Position Mode(TRADE)"
_ASSETS = "Change Multi-Assets Mode (TRADE)"
_STP = "Change STP Mode (TRADE)"
_SET_MMP = "Update User MMP (USER_DATA)"

_MMP = OF_SYMBOL | {
    "windowTimeInMilliseconds": 5000,
    "frozenTimeInMilliseconds": 10000,
    "qtyLimit": 20,
    "valueLimit": 200000000,
    "deltaLimit": 100000000,
}
_ISOLATE = ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}, shape=market.SUCCESS)
_HEDGE = ask("POST", "positionSide/dual", {"dualSidePosition": "true"}, shape=market.SUCCESS)
_RESTING = place(limit("BUY", "-1%"))

_SETTINGS = (
    row(
        _MODE,
        "hedge mode and back",
        ORDERS,
        _HEDGE,
        ask("GET", "positionSide/dual", where={"dualSidePosition": True}),
        ask("POST", "positionSide/dual", {"dualSidePosition": "false"}, shape=market.SUCCESS),
    ),
    row(
        _ASSETS,
        "on and off",
        PAPER,
        ask("POST", "multiAssetsMargin", {"multiAssetsMargin": "true"}, shape=market.SUCCESS),
        ask("GET", "multiAssetsMargin", where={"multiAssetsMargin": True}),
        ask("POST", "multiAssetsMargin", {"multiAssetsMargin": "false"}, shape=market.SUCCESS),
    ),
    *(
        row(
            _STP,
            f"to {mode}",
            ORDERS,
            ask("POST", "stpMode", {"stpMode": mode}, shape=market.SUCCESS),
            ask("GET", "stpMode", where={"stpMode": mode}),
        )
        for mode in ("EXPIRE_MAKER", "EXPIRE_BOTH", "EXPIRE_TAKER")
    ),
    row(
        _LEVERAGE,
        "shows in the positions",
        PAPER,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 3}),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.leverage": "3"}),
    ),
    row(
        _TYPE,
        "to isolated and back",
        PAPER,
        _ISOLATE,
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.marginType": "isolated"}),
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "CROSSED"}, shape=market.SUCCESS),
    ),
    row(
        _MARGIN,
        "is added, taken, and remembered",
        PAPER,
        _ISOLATE,
        *bought(),
        ask(
            "POST",
            "positionMargin",
            OF_SYMBOL | {"amount": "100", "type": 1},
            shape=docs.MARGIN_CHANGED,
            where={"type": 1, "code": 200},
        ),
        ask(
            "POST",
            "positionMargin",
            OF_SYMBOL | {"amount": "40", "type": 2},
            shape=docs.MARGIN_CHANGED,
            where={"type": 2},
        ),
        ask(
            "GET",
            "positionMargin/history",
            OF_SYMBOL,
            shape=docs.MARGIN_HISTORY,
            where={"#": 2, "0.amount": "100", "0.type": 1, "1.amount": "40", "1.type": 2},
        ),
        ask("GET", "positionMargin/history", OF_SYMBOL | {"type": 2}, where={"#": 1, "0.type": 2}),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.isolatedMargin": Above("60")}),
    ),
    row(
        _SET_MMP,
        "a limit that is reached freezes the symbol",
        PAPER,
        ask("POST", "mmp", _MMP),
        *bought("20"),
        place(limit("BUY", "-1%"), code=-4088),
        ask("POST", "mmpReset", OF_SYMBOL, shape=docs.DONE),
        place(limit("BUY", "-1%"), where={"status": "NEW"}),
    ),
)

_REFUSALS = (
    row(_LEVERAGE, "of nought", ORDERS, ask("POST", "leverage", OF_SYMBOL | {"leverage": 0}, code=-4028)),
    row(_LEVERAGE, "beyond the most", ORDERS, ask("POST", "leverage", OF_SYMBOL | {"leverage": 126}, code=-4028)),
    row(_LEVERAGE, "of an unknown symbol", ORDERS, ask("POST", "leverage", NO_SYMBOL | {"leverage": 2}, code=-1121)),
    row(_LEVERAGE, "without a leverage", ORDERS, ask("POST", "leverage", OF_SYMBOL, code=-1102)),
    row(
        _LEVERAGE,
        "less than the margin permits",
        PAPER,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        *bought("15000"),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 1}, code=-2028),
    ),
    row(
        _LEVERAGE,
        "less in isolated mode with a position",
        PAPER,
        _ISOLATE,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        *bought(),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 2}, code=-4161),
    ),
    row(
        _TYPE,
        "to what it is already",
        PAPER,
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "CROSSED"}, code=-4046),
    ),
    row(
        _TYPE,
        "with open orders",
        PAPER,
        _RESTING,
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}, code=-4047),
    ),
    row(
        _TYPE,
        "with a position",
        PAPER,
        *bought(),
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}, code=-4048),
    ),
    row(_TYPE, "to what is none", ORDERS, ask("POST", "marginType", OF_SYMBOL | {"marginType": "LOOSE"}, code=-1130)),
    row(
        _MARGIN,
        "of a crossed position",
        PAPER,
        *bought(),
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "1", "type": 1}, code=-4049),
    ),
    row(
        _MARGIN,
        "without a position",
        PAPER,
        _ISOLATE,
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "1", "type": 1}, code=-4054),
    ),
    row(
        _MARGIN,
        "of nothing",
        PAPER,
        _ISOLATE,
        *bought(),
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "0", "type": 1}, code=-4055),
    ),
    row(
        _MARGIN,
        "more than the wallet has",
        PAPER,
        _ISOLATE,
        *bought(),
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "20000", "type": 1}, code=-4050),
    ),
    row(
        _MARGIN,
        "more than the position can spare",
        PAPER,
        _ISOLATE,
        *bought(),
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "1", "type": 2}, code=-4051),
    ),
    row(
        _MODE,
        "to what it is already",
        PAPER,
        ask("POST", "positionSide/dual", {"dualSidePosition": "false"}, code=-4059),
    ),
    row(
        _MODE,
        "with open orders",
        PAPER,
        _RESTING,
        ask("POST", "positionSide/dual", {"dualSidePosition": "true"}, code=-4067),
    ),
    row(
        _MODE,
        "with a position",
        PAPER,
        *bought(),
        ask("POST", "positionSide/dual", {"dualSidePosition": "true"}, code=-4068),
    ),
    row(_MODE, "without saying which", ORDERS, ask("POST", "positionSide/dual", code=-1102)),
    row(_ASSETS, "without saying which", ORDERS, ask("POST", "multiAssetsMargin", code=-1102)),
    row(_STP, "to what is none", ORDERS, ask("POST", "stpMode", {"stpMode": "EXPIRE_ALL"}, code=-1130)),
    row(_STP, "without a mode", ORDERS, ask("POST", "stpMode", code=-1102)),
    row(_TRADES, "without its symbol", ORDERS, ask("GET", "userTrades", code=-1102)),
    row(
        _TRADES,
        "more than seven days",
        SIGNED,
        ask("GET", "userTrades", OF_SYMBOL | {"startTime": "<now-691200000>", "endTime": "<now>"}, code=-4165),
    ),
    row(
        _TRADES,
        "fromId with a time",
        SIGNED,
        ask("GET", "userTrades", OF_SYMBOL | {"fromId": 1, "startTime": "<now-1000>"}, code=-1128),
    ),
    row(_RATE, "without its symbol", SIGNED, ask("GET", "commissionRate", code=-1102)),
    row(_RATE, "of an unknown symbol", SIGNED, ask("GET", "commissionRate", NO_SYMBOL, code=-1121)),
    row(_BRACKETS, "of an unknown symbol", SIGNED, ask("GET", "leverageBracket", NO_SYMBOL, code=-1121)),
    row(
        _SET_MMP,
        "without a window",
        ORDERS,
        ask("POST", "mmp", OF_SYMBOL | {"frozenTimeInMilliseconds": 1}, code=-1102),
    ),
    row("Reset User MMP (USER_DATA)", "without its symbol", ORDERS, ask("POST", "mmpReset", code=-1102)),
    row("Delete User MMP (USER_DATA)", "without its symbol", ORDERS, ask("DELETE", "mmp", code=-1102)),
    row("Keepalive User Data Stream (USER_STREAM)", "without a key", PAPER, ask("PUT", "listenKey", code=-1125)),
    row(_FORCED, "of what is no close", SIGNED, ask("GET", "forceOrders", {"autoCloseType": "MERCY"}, code=-1130)),
    row(
        _RISK,
        "in hedge mode both sides",
        PAPER,
        _HEDGE,
        ask(
            "GET",
            "positionRisk",
            OF_SYMBOL,
            shape=docs.POSITION_RISK,
            where={"#": 2, "0.positionSide": "LONG", "1.positionSide": "SHORT"},
        ),
    ),
    row(
        _ACCOUNT,
        "in hedge mode both sides",
        PAPER,
        _HEDGE,
        ask(
            "GET",
            "accountWithJoinMargin",
            where={"positions.0.positionSide": "LONG", "positions.1.positionSide": "SHORT"},
        ),
    ),
    row(
        _MARGIN,
        "of hedge mode needs its side",
        PAPER,
        _ISOLATE,
        _HEDGE,
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "1", "type": 1}, code=-1102),
    ),
    row(
        _INCOME,
        "an interval back to front",
        SIGNED,
        ask("GET", "income", {"startTime": "<now>", "endTime": "<now-1000>"}, code=-1023),
    ),
    row(
        _BRACKETS,
        "the first allows the symbol's highest leverage, and no more",
        PAPER,
        ask("GET", "leverageBracket", OF_SYMBOL, where={"brackets.0.initialLeverage": 75}),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 75}, shape=docs.LEVERAGE, where={"maxNotionalValue": "10000"}),
        ask("GET", "leverageBracket", OF_SYMBOL, where={"brackets.0.notionalCap": 10_000}),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 76}, code=-4028),
    ),
    row(
        _BRACKETS,
        "an order beyond the bracket of its leverage",
        PAPER,
        ask(
            "POST", "leverage", OF_SYMBOL | {"leverage": 20}, shape=docs.LEVERAGE, where={"maxNotionalValue": "1000000"}
        ),
        place(order("BUY", "LIMIT", "600000", timeInForce="GTC", price="<mark-1%>"), code=-2027),
        settings={"balances": {"USDT": Decimal(10**6)}},
    ),
)

ROWS: tuple[Row, ...] = (*_SETTINGS, *_REFUSALS)
