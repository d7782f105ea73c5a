"""Rows of orders that meet others, and of those that wait for a price (docs: New Order, Change STP Mode).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from typing import Any

from conformance import docs_account as docs
from conformance.row import Mark, Row, Wait
from conformance.writing import (
    OF_SYMBOL,
    PAPER,
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
_COUNTDOWN = "Auto-Cancel All Open Orders (TRADE)"

RESULT = {"newOrderRespType": "RESULT"}
_OF_ORDER = OF_SYMBOL | {"orderId": "<order.orderId>"}
_RESTING = place(limit("BUY", "-1%"), shape=docs.PLACED)


def _looks(**where: Any) -> Any:
    return ask("GET", "order", _OF_ORDER, where=where)


_FILLS = (
    row(
        _NEW,
        "an ACK shows the order as it came in",
        PAPER,
        quoted("SELL", "+0.05%"),
        place(limit("BUY", "+0.05%"), where={"status": "NEW", "executedQty": "0"}),
        _looks(status="FILLED", executedQty="10", avgPrice="<mark+0.05%>", cumQuote="20.01"),
    ),
    row(
        _NEW,
        "RESULT of a market order",
        PAPER,
        quoted("SELL", "+0.05%"),
        place(
            order("BUY", "MARKET", **RESULT),
            shape=docs.PLACED,
            where={
                "status": "FILLED",
                "executedQty": "10",
                "cumQty": "10",
                "avgPrice": "<mark+0.05%>",
                "type": "MARKET",
            },
        ),
    ),
    row(
        _NEW,
        "a market order with nobody there",
        PAPER,
        place(order("BUY", "MARKET", **RESULT), code=-4131),
    ),
    row(
        _NEW,
        "IOC takes what is there and expires",
        PAPER,
        quoted("SELL", "+0.05%", "4"),
        place(limit("BUY", "+0.05%", timeInForce="IOC", **RESULT), where={"status": "EXPIRED", "executedQty": "4"}),
    ),
    row(
        _NEW,
        "GTC rests with what is left",
        PAPER,
        quoted("SELL", "+0.05%", "4"),
        place(limit("BUY", "+0.05%", **RESULT), where={"status": "PARTIALLY_FILLED", "executedQty": "4"}),
    ),
    row(
        _NEW,
        "FOK is filled whole",
        PAPER,
        quoted("SELL", "+0.05%"),
        place(limit("BUY", "+0.05%", timeInForce="FOK", **RESULT), where={"status": "FILLED"}),
    ),
    row(
        _NEW,
        "FOK or not at all",
        PAPER,
        quoted("SELL", "+0.05%", "4"),
        place(limit("BUY", "+0.05%", timeInForce="FOK", **RESULT), status=0),
        ask("GET", "userTrades", OF_SYMBOL, where={"#": 0}),
    ),
    row(
        _NEW,
        "GTX that would take is no fill",
        PAPER,
        quoted("SELL", "+0.05%"),
        place(limit("BUY", "+0.05%", timeInForce="GTX", **RESULT), status=0),
        ask("GET", "userTrades", OF_SYMBOL, where={"#": 0}),
    ),
    row(
        _NEW,
        "HIDDEN is not in the book, and trades",
        PAPER,
        place(limit("BUY", "-0.05%", timeInForce="HIDDEN")),
        ask("GET", "depth", OF_SYMBOL, auth=None, where={"bids.#": 0}),
        place(limit("SELL", "-0.05%", "10", "IOC"), by="somebody", keep="theirs"),
        _looks(status="FILLED"),
    ),
    row(
        _NEW,
        "an open order that is filled is no longer open",
        PAPER,
        place(limit("BUY", "-0.05%")),
        place(limit("SELL", "-0.05%", "4", "IOC"), by="somebody", keep="theirs"),
        ask("GET", "openOrder", _OF_ORDER, where={"status": "PARTIALLY_FILLED", "executedQty": "4"}),
        place(limit("SELL", "-0.05%", "6", "IOC"), by="somebody", keep="theirs"),
        ask("GET", "openOrder", _OF_ORDER, code=-2013),
        _looks(status="FILLED", executedQty="10"),
    ),
    row(
        _NEW,
        "the older order at a price goes first",
        PAPER,
        place(limit("BUY", "-0.05%")),
        quoted("BUY", "-0.05%"),
        place(limit("SELL", "-0.05%", "10", "IOC"), by="somebody", keep="taker"),
        _looks(status="FILLED"),
    ),
    row(
        _MODIFY,
        "where the venue is set so, less quantity keeps an order's place",
        PAPER,
        place(limit("BUY", "-0.05%")),
        quoted("BUY", "-0.05%"),
        ask("PUT", "order", _OF_ORDER | {"quantity": "9", "price": "<mark-0.05%>"}),
        ask("GET", "order", OF_SYMBOL | {"orderId": "<theirs.orderId>"}, by="somebody", where={"executedQty": "0"}),
        place(limit("SELL", "-0.05%", "5", "IOC", stpMode="EXPIRE_TAKER"), keep="taker"),
        ask("GET", "order", OF_SYMBOL | {"orderId": "<theirs.orderId>"}, by="somebody", where={"executedQty": "0"}),
        settings={"amend_keeps_priority": True},
    ),
    row(
        _MODIFY,
        "an amended order goes behind the others",
        PAPER,
        place(limit("BUY", "-0.05%")),
        quoted("BUY", "-0.05%"),
        ask("PUT", "order", _OF_ORDER | {"quantity": "11", "price": "<mark-0.05%>"}),
        place(limit("SELL", "-0.05%", "5", "IOC"), keep="taker"),
        ask("GET", "order", OF_SYMBOL | {"orderId": "<theirs.orderId>"}, by="somebody", where={"executedQty": "5"}),
    ),
    row(
        _NEW,
        "a reduce-only order closes a position",
        PAPER,
        *bought(),
        quoted("BUY", "-0.05%", "20"),
        place(
            order("SELL", "MARKET", "10", reduceOnly="true", **RESULT), where={"status": "FILLED", "reduceOnly": True}
        ),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.positionAmt": "0"}),
    ),
    row(
        _NEW,
        "a reduce-only order may be small",
        PAPER,
        *bought(),
        place(limit("SELL", "+1%", "0.5", reduceOnly="true"), where={"status": "NEW"}),
    ),
    row(
        _COUNTDOWN,
        "when it runs out the symbol's orders are cancelled",
        PAPER,
        _RESTING,
        ask("POST", "countdownCancelAll", OF_SYMBOL | {"countdownTime": 1000}),
        Wait(0.3),
        _looks(status="NEW"),
        Wait(1.0),
        _looks(status="CANCELED"),
    ),
    row(
        _COUNTDOWN,
        "a new one replaces it",
        PAPER,
        _RESTING,
        ask("POST", "countdownCancelAll", OF_SYMBOL | {"countdownTime": 500}),
        ask("POST", "countdownCancelAll", OF_SYMBOL | {"countdownTime": 0}),
        Wait(0.7),
        _looks(status="NEW"),
    ),
)

_TRIGGERED = (
    row(
        _NEW,
        "STOP_MARKET is triggered by the mark price and trades",
        PAPER,
        quoted("SELL", "+1.2%"),
        place(order("BUY", "STOP_MARKET", stopPrice="<mark+1%>", workingType="MARK_PRICE")),
        Mark("1.02"),
        Wait(1.1),
        _looks(status="FILLED", origType="STOP_MARKET", type="MARKET"),
    ),
    row(
        _NEW,
        "STOP is triggered by a trade and rests at its price",
        PAPER,
        place(order("BUY", "STOP", price="<mark+0.5%>", stopPrice="<mark+1%>")),
        quoted("SELL", "+1%"),
        place(limit("BUY", "+1%", timeInForce="IOC"), by="somebody", keep="theirs"),
        _looks(status="NEW"),
    ),
    row(
        _NEW,
        "a closePosition stop closes all",
        PAPER,
        *bought(),
        quoted("BUY", "-1.2%", "30"),
        place(
            order("SELL", "STOP_MARKET", None, stopPrice="<mark-1%>", closePosition="true", workingType="MARK_PRICE"),
            where={"closePosition": True},
        ),
        Mark("0.98"),
        Wait(1.1),
        ask("GET", "positionRisk", OF_SYMBOL, where={"0.positionAmt": "0"}),
    ),
    row(
        _NEW,
        "a trailing stop follows and turns",
        PAPER,
        *bought(),
        quoted("BUY", "-0.5%", "30"),
        place(
            order(
                "SELL", "TRAILING_STOP_MARKET", callbackRate="1", activationPrice="<mark+1%>", workingType="MARK_PRICE"
            )
        ),
        Mark("1.03"),
        Wait(1.1),
        _looks(status="NEW"),
        Mark("1.01"),
        Wait(1.1),
        _looks(status="FILLED"),
    ),
)

_PEGGED = (
    row(
        _NEW,
        "QUEUE_1 takes its price from its own side",
        PAPER,
        quoted("BUY", "-0.1%"),
        quoted("SELL", "+0.1%"),
        place(limit("BUY", "-1%", pegPriceType="QUEUE_1")),
        _looks(price="<mark-0.1%>"),
    ),
    row(
        _NEW,
        "COUNTERPARTY_1 takes its price from the other side, with its offset",
        PAPER,
        quoted("BUY", "-0.1%"),
        quoted("SELL", "+0.1%"),
        place(limit("BUY", "-1%", pegPriceType="COUNTERPARTY_1", pegOffset="-0.0010")),
        _looks(price="<mark+0.05%>"),
    ),
)

_MINE = place(limit("SELL", "+0.05%"), keep="mine")
_OF_MINE = OF_SYMBOL | {"orderId": "<mine.orderId>"}
_SELF_TRADE = tuple(
    row(
        "Change STP Mode (TRADE)",
        f"{mode} {how}",
        PAPER,
        *((ask("POST", "stpMode", {"stpMode": mode}),) if how == "by account" else ()),
        _MINE,
        place(
            limit("BUY", "+0.05%", **({"stpMode": mode} if how == "by order" else {}), **RESULT),
            where={"status": taker},
        ),
        ask("GET", "order", _OF_MINE, where={"status": maker, "executedQty": "0"}),
        ask("GET", "userTrades", OF_SYMBOL, where={"#": 0}),
    )
    for mode, taker, maker in (
        ("EXPIRE_TAKER", "EXPIRED", "NEW"),
        ("EXPIRE_MAKER", "NEW", "EXPIRED"),
        ("EXPIRE_BOTH", "EXPIRED", "EXPIRED"),
    )
    for how in ("by order", "by account")
)

_HEDGE = (
    row(
        _NEW,
        "in hedge mode long and short stand side by side",
        PAPER,
        ask("POST", "positionSide/dual", {"dualSidePosition": "true"}),
        quoted("SELL", "+0.05%"),
        place(
            order("BUY", "MARKET", positionSide="LONG", **RESULT), where={"status": "FILLED", "positionSide": "LONG"}
        ),
        quoted("BUY", "-0.05%"),
        place(
            order("SELL", "MARKET", positionSide="SHORT", **RESULT), where={"status": "FILLED", "positionSide": "SHORT"}
        ),
        ask(
            "GET",
            "positionRisk",
            OF_SYMBOL,
            shape=docs.POSITION_RISK,
            where={
                "#": 2,
                "0.positionSide": "LONG",
                "0.positionAmt": "10",
                "1.positionSide": "SHORT",
                "1.positionAmt": "-10",
            },
        ),
    ),
)

ROWS: tuple[Row, ...] = (*_FILLS, *_TRIGGERED, *_PEGGED, *_SELF_TRADE, *_HEDGE)
