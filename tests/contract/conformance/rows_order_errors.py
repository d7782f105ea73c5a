"""Rows of orders that are refused (docs: Filters, Error Codes).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from typing import Any

from conformance.row import Row
from conformance.writing import (
    OF_SYMBOL,
    ORDERS,
    PAPER,
    SYMBOL,
    ask,
    bought,
    limit,
    order,
    place,
    quoted,
    row,
)

_NEW = "New Order  (TRADE)"
_MODIFY = "Modify Order (TRADE)"
_ERRORS = "Error Codes"
_TRUE = "true"

_PARAMETERS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("no symbol", limit("BUY", "-1%", symbol=None), -1102),
    ("no side", limit("BUY", "-1%", side=None), -1102),
    ("no type", limit("BUY", "-1%", type=None), -1102),
    ("a limit order without quantity", limit("BUY", "-1%", quantity=None), -1102),
    ("a limit order without price", limit("BUY", "-1%", price=None), -1102),
    ("a limit order without time in force", limit("BUY", "-1%", timeInForce=None), -1102),
    ("a market order without quantity", order("BUY", "MARKET", None), -1102),
    ("a stop order without stop price", order("BUY", "STOP_MARKET"), -1102),
    ("a stop limit order without price", order("BUY", "STOP", stopPrice="<mark+1%>"), -1102),
    ("a trailing stop without callback rate", order("SELL", "TRAILING_STOP_MARKET"), -1102),
    ("an unknown symbol", limit("BUY", "-1%", symbol="NOSUCHUSDT"), -1121),
    ("an unknown side", limit("BUY", "-1%", side="HOLD"), -1117),
    ("an unknown type", limit("BUY", "-1%", type="WISH"), -1116),
    ("an unknown time in force", limit("BUY", "-1%", timeInForce="EVER"), -1115),
    ("an unknown response type", limit("BUY", "-1%", newOrderRespType="FULL"), -1136),
    ("an unknown position side", limit("BUY", "-1%", positionSide="UP"), -4060),
    ("an unknown working type", order("BUY", "STOP_MARKET", stopPrice="<mark+1%>", workingType="GUESS"), -4031),
    ("an unknown stp mode", limit("BUY", "-1%", stpMode="EXPIRE_ALL"), -1130),
    ("an unknown peg", limit("BUY", "-1%", pegPriceType="QUEUE_9"), -1130),
    ("a quantity that is no number", limit("BUY", "-1%", "ten"), -1130),
    ("a price that is no number", limit("BUY", "cheap"), -1130),
    ("a reduceOnly that is neither", limit("BUY", "-1%", reduceOnly="maybe"), -1130),
    ("a client id with a blank", limit("BUY", "-1%", newClientOrderId="my order"), -4015),
    ("a client id of 37 characters", limit("BUY", "-1%", newClientOrderId="x" * 37), -4015),
    ("a callback rate below the least", order("SELL", "TRAILING_STOP_MARKET", callbackRate="0.05"), -2007),
    ("a callback rate above the most", order("SELL", "TRAILING_STOP_MARKET", callbackRate="6"), -2007),
)

_FILTERS: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("PRICE_FILTER", "a price of nought", limit("BUY", "0"), -4001),
    ("PRICE_FILTER", "a price below nought", limit("BUY", "-1"), -4001),
    ("PRICE_FILTER", "off the tick", limit("BUY", "1.98005"), -4014),
    ("PRICE_FILTER", "more digits than the symbol has", limit("BUY", "1.980000001"), -1111),
    ("PRICE_FILTER", "above the highest", limit("SELL", "300"), -4002),
    ("PRICE_FILTER", "a stop price above the highest", order("BUY", "STOP_MARKET", stopPrice="300"), -4007),
    ("PRICE_FILTER", "a stop price below nought", order("BUY", "STOP_MARKET", stopPrice="-1"), -4006),
    ("LOT_SIZE", "a quantity of nought", limit("BUY", "-1%", "0"), -4003),
    ("LOT_SIZE", "a quantity below nought", limit("BUY", "-1%", "-10"), -4003),
    ("LOT_SIZE", "more than the most", limit("BUY", "-1%", "2000001"), -4005),
    ("LOT_SIZE", "more digits than the symbol has", limit("BUY", "-1%", "10.0000001"), -1111),
    ("MARKET_LOT_SIZE", "more than the most of a market order", order("BUY", "MARKET", "200001"), -4005),
    ("PERCENT_PRICE", "a buy far above the mark price", limit("BUY", "+5.1%"), -4016),
    ("PERCENT_PRICE", "a sell far below the mark price", limit("SELL", "-5.1%"), -4024),
    ("MIN_NOTIONAL", "a limit order of less than 5 USDT", limit("BUY", "-1%", "2.5"), -4164),
    ("MIN_NOTIONAL", "a market order counts at the mark price", order("BUY", "MARKET", "2.4"), -4164),
)

_COMBINATIONS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("closePosition with a quantity", order("SELL", "STOP_MARKET", stopPrice="<mark-1%>", closePosition=_TRUE), -4137),
    (
        "closePosition of a limit order",
        order("SELL", "STOP", price="<mark-1%>", stopPrice="<mark-1%>", closePosition=_TRUE),
        -4136,
    ),
    ("a stop that would trigger at once", order("BUY", "STOP_MARKET", stopPrice="<mark-1%>"), -2021),
    ("a take profit that would trigger at once", order("BUY", "TAKE_PROFIT_MARKET", stopPrice="<mark+1%>"), -2021),
    (
        "a trailing stop's activation on the wrong side",
        order("SELL", "TRAILING_STOP_MARKET", callbackRate="1", activationPrice="<mark-1%>"),
        -2021,
    ),
    ("a position side in one-way mode", limit("BUY", "-1%", positionSide="LONG"), -4061),
    ("reduceOnly without a position", limit("BUY", "-1%", reduceOnly=_TRUE), -2022),
    ("more than the margin allows", limit("BUY", "-1%", "1900000"), -2019),
)

_HEDGED = ask("POST", "positionSide/dual", {"dualSidePosition": "true"})
_RESTING = place(limit("BUY", "-1%"))
_TO = OF_SYMBOL | {"orderId": "<order.orderId>", "side": "BUY"}
_BATCH = "Place Multiple Orders  (TRADE)"
_MANY = "[" + ",".join(['{"symbol":"ASTERUSDT"}'] * 6) + "]"

ROWS: tuple[Row, ...] = (
    *(row(_NEW, name, ORDERS, place(params, code=code)) for name, params, code in _PARAMETERS if code != -2007),
    *(row(_NEW, name, ORDERS, place(params, code=code)) for name, params, code in _PARAMETERS if code == -2007),
    *(row(name, what, PAPER, place(params, code=code)) for name, what, params, code in _FILTERS),
    *(row(_NEW, name, PAPER, place(params, code=code)) for name, params, code in _COMBINATIONS if code != -4136),
    *(
        row(
            _NEW,
            name,
            PAPER,
            place(params, code=code, msg="Target strategy invalid for orderType STOP,closePosition true"),
        )
        for name, params, code in _COMBINATIONS
        if code == -4136
    ),
    row(
        _NEW,
        "a client id that is in use",
        ORDERS,
        place(limit("BUY", "-1%", newClientOrderId="twin")),
        place(limit("BUY", "-1.1%", newClientOrderId="twin"), code=-4116),
    ),
    row(_NEW, "in hedge mode without a position side", PAPER, _HEDGED, place(limit("BUY", "-1%"), code=-4061)),
    row(
        _NEW,
        "reduceOnly in hedge mode",
        PAPER,
        _HEDGED,
        place(limit("BUY", "-1%", positionSide="SHORT", reduceOnly=_TRUE), code=-1106),
    ),
    row(_NEW, "reduceOnly that would add", PAPER, *bought(), place(limit("BUY", "-1%", reduceOnly=_TRUE), code=-2022)),
    row(
        "MAX_NUM_ORDERS",
        "200 on a symbol, and not one more",
        PAPER,
        ask("POST", "order", limit("BUY", "-1%"), times=200),
        place(limit("BUY", "-1%"), code=-2025),
    ),
    row(
        "MAX_NUM_ALGO_ORDERS",
        "10 on a symbol, and not one more",
        PAPER,
        ask("POST", "order", order("BUY", "STOP_MARKET", stopPrice="<mark+1%>"), times=10),
        place(order("BUY", "STOP_MARKET", stopPrice="<mark+1%>"), code=-4045),
    ),
    row(
        _NEW,
        "a symbol that is settling",
        PAPER,
        place(limit("BUY", "0.1", "100", symbol="SANDUSDT"), code=-4140),
        settings={"symbols": (SYMBOL,), "listed": ("SANDUSDT",)},
    ),
    *(
        row(
            _MODIFY,
            f"{name} leaves the order as it was",
            PAPER,
            _RESTING,
            ask("PUT", "order", _TO | to, code=code),
            ask("GET", "order", _TO, where={"status": "NEW", "price": "<mark-1%>", "origQty": "10"}),
        )
        for name, to, code in (
            ("without quantity", {"price": "<mark-1%>"}, -1102),
            ("without price", {"quantity": "10"}, -1102),
            ("off the tick", {"price": "1.98005", "quantity": "10"}, -4014),
            ("out of the price band", {"price": "<mark+5.1%>", "quantity": "10"}, -4016),
            ("too small", {"price": "<mark-1%>", "quantity": "1"}, -4164),
            ("too large", {"price": "<mark-1%>", "quantity": "2000001"}, -4005),
            ("the other side", {"price": "<mark-1%>", "quantity": "10", "side": "SELL"}, -1117),
        )
    ),
    row(
        _MODIFY,
        "to what it is already",
        PAPER,
        _RESTING,
        ask("PUT", "order", _TO | {"price": "<mark-1%>", "quantity": "10"}, code=-5027),
    ),
    row(
        _MODIFY,
        "of no order",
        ORDERS,
        ask(
            "PUT",
            "order",
            OF_SYMBOL | {"orderId": 10**15, "side": "BUY", "quantity": "10", "price": "<mark-1%>"},
            code=-2013,
        ),
    ),
    row(
        _MODIFY,
        "without saying which",
        ORDERS,
        ask("PUT", "order", OF_SYMBOL | {"side": "BUY", "quantity": "10", "price": "<mark-1%>"}, code=-1102),
    ),
    row(
        _MODIFY,
        "of a stop order",
        ORDERS,
        place(order("BUY", "STOP_MARKET", stopPrice="<mark+1%>")),
        ask("PUT", "order", _TO | {"quantity": "10", "price": "<mark-1%>"}, status=400),
    ),
    row(
        "Query Order (USER_DATA)",
        "an order that is not",
        ORDERS,
        ask("GET", "order", OF_SYMBOL | {"orderId": 10**15}, code=-2013),
    ),
    row("Query Order (USER_DATA)", "without saying which", ORDERS, ask("GET", "order", OF_SYMBOL, code=-1102)),
    row(
        "Query Current Open Order (USER_DATA)",
        "an order that is not",
        ORDERS,
        ask("GET", "openOrder", OF_SYMBOL | {"orderId": 10**15}, code=-2013),
    ),
    row(
        "Cancel Order (TRADE)",
        "an order that is not",
        ORDERS,
        ask("DELETE", "order", OF_SYMBOL | {"orderId": 10**15}, code=-2011, msg="Unknown order sent."),
    ),
    row("Cancel Order (TRADE)", "without saying which", ORDERS, ask("DELETE", "order", OF_SYMBOL, code=-1102)),
    row(
        "Cancel Order (TRADE)",
        "an order that is cancelled",
        ORDERS,
        _RESTING,
        ask("DELETE", "order", _TO),
        ask("DELETE", "order", _TO, code=-2011),
    ),
    row("Cancel All Open Orders (TRADE)", "without its symbol", ORDERS, ask("DELETE", "allOpenOrders", code=-1102)),
    row(
        "Cancel Multiple Orders (TRADE)",
        "more than ten",
        ORDERS,
        ask("DELETE", "batchOrders", OF_SYMBOL | {"orderIdList": "[1,2,3,4,5,6,7,8,9,10,11]"}, code=-4032),
    ),
    row(
        "Cancel Multiple Orders (TRADE)", "without a list", ORDERS, ask("DELETE", "batchOrders", OF_SYMBOL, code=-1102)
    ),
    row(_BATCH, "more than five", ORDERS, ask("POST", "batchOrders", {"batchOrders": _MANY}, code=-4082)),
    row(_BATCH, "none", ORDERS, ask("POST", "batchOrders", {"batchOrders": "[]"}, code=-4082)),
    row(_BATCH, "what is no list", ORDERS, ask("POST", "batchOrders", {"batchOrders": "{"}, code=-1130)),
    row(_BATCH, "without a list", ORDERS, ask("POST", "batchOrders", code=-1102)),
    row(
        "Auto-Cancel All Open Orders (TRADE)",
        "without a time",
        ORDERS,
        ask("POST", "countdownCancelAll", OF_SYMBOL, code=-1102),
    ),
    row("All Orders (USER_DATA)", "without its symbol", ORDERS, ask("GET", "allOrders", code=-1102)),
    row(
        _ERRORS,
        "-5022: a modification that would take",
        PAPER,
        quoted("SELL", "+0.05%"),
        place(limit("BUY", "-1%", timeInForce="GTX")),
        ask("PUT", "order", _TO | {"price": "<mark+0.05%>", "quantity": "10"}, code=-5022),
    ),
)
