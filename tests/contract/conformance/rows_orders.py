"""Rows of orders that go well (docs: New Order, Modify Order, Cancel Order and their kin).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from typing import Any

from conformance import docs_account as docs
from conformance.row import Above, Matches, Row
from conformance.writing import (
    OF_SYMBOL,
    ORDERS,
    SIGNED,
    SYMBOL,
    ask,
    in_v1,
    limit,
    on_paper,
    order,
    place,
    row,
)

_NEW = "New Order  (TRADE)"
_MODIFY = "Modify Order (TRADE)"
_BATCH = "Place Multiple Orders  (TRADE)"
_QUERY = "Query Order (USER_DATA)"
_CANCEL = "Cancel Order (TRADE)"
_CANCEL_ALL = "Cancel All Open Orders (TRADE)"
_CANCEL_BATCH = "Cancel Multiple Orders (TRADE)"
_COUNTDOWN = "Auto-Cancel All Open Orders (TRADE)"
_OPEN = "Query Current Open Order (USER_DATA)"
_ALL_OPEN = "Current All Open Orders (USER_DATA)"
_ALL = "All Orders (USER_DATA)"

RESULT = {"newOrderRespType": "RESULT"}
_OF_ORDER = OF_SYMBOL | {"orderId": "<order.orderId>"}
_OF_CLIENT = OF_SYMBOL | {"origClientOrderId": "<order.clientOrderId>"}
_RESTING = place(limit("BUY", "-1%"), shape=docs.PLACED)
_STOPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    # A side, a type, and what it must have.
    ("BUY", "STOP", {"price": "<mark+1%>", "stopPrice": "<mark+1%>"}),
    ("SELL", "STOP", {"price": "<mark-1%>", "stopPrice": "<mark-1%>"}),
    ("BUY", "TAKE_PROFIT", {"price": "<mark-1%>", "stopPrice": "<mark-1%>"}),
    ("SELL", "TAKE_PROFIT", {"price": "<mark+1%>", "stopPrice": "<mark+1%>"}),
    ("BUY", "STOP_MARKET", {"stopPrice": "<mark+1%>"}),
    ("SELL", "STOP_MARKET", {"stopPrice": "<mark-1%>"}),
    ("BUY", "TAKE_PROFIT_MARKET", {"stopPrice": "<mark-1%>"}),
    ("SELL", "TAKE_PROFIT_MARKET", {"stopPrice": "<mark+1%>"}),
)
_TRAILING = order("SELL", "TRAILING_STOP_MARKET", callbackRate="1", activationPrice="<mark+1%>")


def _looks(**where: Any) -> Any:
    return ask("GET", "order", _OF_ORDER, where=where)


_LIFE = (
    row(
        _NEW,
        "a limit order rests",
        ORDERS,
        place(
            limit("BUY", "-1%", newClientOrderId="conformance-1"),
            shape=docs.PLACED,
            where={
                "clientOrderId": "conformance-1",
                "status": "NEW",
                "price": "<mark-1%>",
                "origQty": "10",
                "executedQty": "0",
                "cumQuote": "0",
                "side": "BUY",
                "positionSide": "BOTH",
                "symbol": SYMBOL,
                "timeInForce": "GTC",
                "type": "LIMIT",
                "reduceOnly": False,
                "closePosition": False,
                "orderId": Above(0),
            },
        ),
    ),
    row(
        _NEW,
        "a client id is made up when there is none",
        ORDERS,
        place(limit("BUY", "-1%"), where={"clientOrderId": Matches(r"[\.A-Z:/a-z0-9_-]{1,36}")}),
    ),
    *(
        row(
            _NEW,
            f"{tif} rests",
            ORDERS,
            place(limit("BUY", "-1%", timeInForce=tif), where={"timeInForce": tif, "status": "NEW"}),
        )
        for tif in ("GTC", "GTX", "HIDDEN")
    ),
    *(
        row(
            _NEW,
            f"{side} {kind} waits for its price",
            ORDERS,
            place(order(side, kind, **more), shape=docs.PLACED, where={"type": kind, "stopPrice": more["stopPrice"]}),
        )
        for side, kind, more in _STOPS
    ),
    row(
        _NEW,
        "TRAILING_STOP_MARKET shows its callback rate",
        ORDERS,
        place(_TRAILING, shape=docs.TRAILING_PLACED, where={"priceRate": "1", "activatePrice": "<mark+1%>"}),
    ),
    row(
        _MODIFY,
        "price and quantity by order id",
        ORDERS,
        _RESTING,
        ask(
            "PUT",
            "order",
            _OF_ORDER | {"side": "BUY", "quantity": "12", "price": "<mark-0.8%>"},
            shape=docs.PLACED,
            where={"orderId": "<order.orderId>", "price": "<mark-0.8%>", "origQty": "12", "status": "NEW"},
        ),
        _looks(price="<mark-0.8%>", origQty="12"),
    ),
    row(
        _MODIFY,
        "by client id, and without its side",
        ORDERS,
        _RESTING,
        ask("PUT", "order", _OF_CLIENT | {"quantity": "11", "price": "<mark-1%>"}, where={"origQty": "11"}),
    ),
    row(_QUERY, "by order id", ORDERS, _RESTING, ask("GET", "order", _OF_ORDER, shape=docs.QUERIED)),
    row(
        _QUERY, "by client id", ORDERS, _RESTING, ask("GET", "order", _OF_CLIENT, where={"orderId": "<order.orderId>"})
    ),
    row(
        _QUERY,
        "a trailing stop has two fields more",
        ORDERS,
        place(_TRAILING),
        ask("GET", "order", _OF_ORDER, shape=docs.TRAILING_QUERIED),
    ),
    row(
        _CANCEL,
        "by order id",
        ORDERS,
        _RESTING,
        ask(
            "DELETE", "order", _OF_ORDER, shape=docs.PLACED, where={"status": "CANCELED", "orderId": "<order.orderId>"}
        ),
        _looks(status="CANCELED"),
    ),
    row(_CANCEL, "by client id", ORDERS, _RESTING, ask("DELETE", "order", _OF_CLIENT, where={"status": "CANCELED"})),
    row(
        _CANCEL,
        "a stop order",
        ORDERS,
        place(order("BUY", "STOP_MARKET", stopPrice="<mark+1%>")),
        ask("DELETE", "order", _OF_ORDER, where={"status": "CANCELED", "type": "STOP_MARKET"}),
    ),
    row(
        _CANCEL_ALL,
        "a symbol's",
        ORDERS,
        _RESTING,
        ask("DELETE", "allOpenOrders", OF_SYMBOL, shape=docs.CANCELLED_ALL),
        ask("GET", "openOrders", OF_SYMBOL, where={"#": 0}),
    ),
    row(
        _BATCH,
        "every order of its own",
        ORDERS,
        ask(
            "POST",
            "batchOrders",
            {
                "batchOrders": '[{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"10",'
                '"price":"<mark-1%>"},{"symbol":"ASTERUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTX",'
                '"quantity":"10","price":"<mark+1%>"}]'
            },
            shape=[docs.PLACED],
            where={"#": 2, "0.side": "BUY", "1.side": "SELL", "1.timeInForce": "GTX"},
        ),
    ),
    row(
        _BATCH,
        "written with single quotes, as the docs' own example does",
        ORDERS,
        ask(
            "POST",
            "batchOrders",
            {
                "batchOrders": "[{'symbol':'ASTERUSDT','type':'LIMIT','side':'BUY','timeInForce':'GTC',"
                "'quantity':'10','price':'<mark-1%>'}]"
            },
            shape=[docs.PLACED],
            where={"#": 1},
        ),
    ),
    row(
        _BATCH,
        "one that is refused leaves the others be",
        ORDERS,
        ask(
            "POST",
            "batchOrders",
            {
                "batchOrders": '[{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"1",'
                '"price":"<mark-1%>"},{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",'
                '"quantity":"10","price":"<mark-1%>"}]'
            },
            shape=[docs.PLACED, docs.REFUSED],
            where={"0.code": -4164, "1.status": "NEW"},
        ),
    ),
    row(
        _CANCEL_BATCH,
        "by order ids",
        ORDERS,
        _RESTING,
        ask(
            "DELETE",
            "batchOrders",
            OF_SYMBOL | {"orderIdList": "[<order.orderId>,1]"},
            shape=[docs.PLACED, docs.REFUSED],
            where={"0.status": "CANCELED", "1.code": -2011, "1.msg": "Unknown order sent."},
        ),
    ),
    row(
        _CANCEL_BATCH,
        "by client ids",
        ORDERS,
        _RESTING,
        ask(
            "DELETE",
            "batchOrders",
            OF_SYMBOL | {"origClientOrderIdList": '["<order.clientOrderId>"]'},
            where={"#": 1, "0.status": "CANCELED"},
        ),
    ),
    row(
        _COUNTDOWN,
        "is set and stopped",
        ORDERS,
        ask(
            "POST",
            "countdownCancelAll",
            OF_SYMBOL | {"countdownTime": 100000},
            shape=docs.COUNTDOWN,
            where={"countdownTime": "100000"},
        ),
        ask("POST", "countdownCancelAll", OF_SYMBOL | {"countdownTime": 0}, shape=docs.COUNTDOWN),
    ),
    row(_OPEN, "by order id", ORDERS, _RESTING, ask("GET", "openOrder", _OF_ORDER, shape=docs.QUERIED)),
    row(_OPEN, "by client id", ORDERS, _RESTING, ask("GET", "openOrder", _OF_CLIENT, shape=docs.QUERIED)),
    row(
        _ALL_OPEN,
        "of a symbol",
        ORDERS,
        _RESTING,
        ask(
            "GET",
            "openOrders",
            OF_SYMBOL,
            shape=[docs.QUERIED, docs.TRAILING_QUERIED],
            where={"#": 1, "0.orderId": "<order.orderId>", "0.price": "<mark-1%>"},
        ),
    ),
    row(
        _ALL_OPEN,
        "of all symbols",
        ORDERS,
        _RESTING,
        ask("GET", "openOrders", shape=[docs.QUERIED, docs.TRAILING_QUERIED]),
    ),
    row(
        _ALL,
        "with those that are over",
        ORDERS,
        _RESTING,
        ask("DELETE", "order", _OF_ORDER),
        ask(
            "GET",
            "allOrders",
            _OF_ORDER,
            shape=[docs.QUERIED, docs.TRAILING_QUERIED],
            where={"0.orderId": "<order.orderId>", "0.status": "CANCELED"},
        ),
    ),
    row(
        _ALL,
        "of a time",
        SIGNED,
        on_paper(_RESTING),
        ask(
            "GET",
            "allOrders",
            OF_SYMBOL | {"startTime": "<now-60000>"},
            shape=[docs.QUERIED, docs.TRAILING_QUERIED],
            may_be_empty_abroad=True,
        ),
    ),
)

ROWS: tuple[Row, ...] = (*_LIFE, *in_v1(_LIFE))
