"""Rows of an account's own stream (docs: User Data Streams).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from conformance import docs_account
from conformance import docs_streams as docs
from conformance.row import Above, Dial, Mark, Row, Say, Silence, Wait
from conformance.writing import (
    OF_SYMBOL,
    ORDERS,
    PAPER,
    SYMBOL,
    ask,
    bought,
    hear,
    limit,
    listening,
    order,
    place,
    quoted,
    row,
)

_STREAM = "User Data Streams"
_ORDER = "Event: Order Update"
_ACCOUNT = "Event: Balance and Position Update"
_CONFIG = "Event: Account Configuration Update previous Leverage Update"
_EXPIRED = "Event: User Data Stream Expired"
_CALL = "Event: Margin Call"
_UPDATE = {"e": "ORDER_TRADE_UPDATE"}
_OF_ORDER = OF_SYMBOL | {"orderId": "<order.orderId>"}


def _order(execution: str, status: str) -> dict[str, str]:
    return _UPDATE | {"o.x": execution, "o.X": status}


def _heard(execution: str, status: str, **where: object):
    return hear(
        _order(execution, status),
        line="user",
        shape=docs.ORDER_TRADE_UPDATE,
        where={f"o.{k}": v for k, v in where.items()},
    )


def _account(reason: str, shape: object = docs.ACCOUNT_UPDATE, **where: object):
    return hear(
        {"e": "ACCOUNT_UPDATE", "a.m": reason},
        line="user",
        shape=shape,
        where={f"a.{k.replace('__', '.')}": v for k, v in where.items()},
    )


_LIVE = (
    row(
        _ORDER,
        "NEW",
        ORDERS,
        *listening(),
        place(limit("BUY", "-1%", newClientOrderId="mine")),
        _heard(
            "NEW",
            "NEW",
            s=SYMBOL,
            c="mine",
            i="<order.orderId>",
            S="BUY",
            o="LIMIT",
            f="GTC",
            q="10",
            p="<mark-1%>",
            z="0",
            ps="BOTH",
            R=False,
        ),
    ),
    row(
        _ORDER,
        "CANCELED",
        ORDERS,
        *listening(),
        place(limit("BUY", "-1%")),
        ask("DELETE", "order", _OF_ORDER),
        _heard("CANCELED", "CANCELED", i="<order.orderId>"),
    ),
    row(
        _ORDER,
        "a stop order waits",
        ORDERS,
        *listening(),
        place(order("BUY", "STOP_MARKET", stopPrice="<mark+1%>")),
        _heard("NEW", "NEW", sp="<mark+1%>", ot="STOP_MARKET"),
    ),
    row(
        _ORDER,
        "a modification",
        ORDERS,
        *listening(),
        place(limit("BUY", "-1%")),
        ask("PUT", "order", _OF_ORDER | {"side": "BUY", "quantity": "12", "price": "<mark-0.9%>"}),
        hear(
            _UPDATE | {"o.q": "12"},
            line="user",
            shape=docs.ORDER_TRADE_UPDATE,
            where={"o.p": "<mark-0.9%>", "o.X": "NEW"},
        ),
    ),
    row(
        _CONFIG,
        "a leverage",
        ORDERS,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 3}),
        *listening(),
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        hear(
            {"e": "ACCOUNT_CONFIG_UPDATE"}, line="user", shape=docs.LEVERAGE_UPDATE, where={"ac.s": SYMBOL, "ac.l": 4}
        ),
    ),
    row(
        _STREAM,
        "by SUBSCRIBE to the key",
        ORDERS,
        ask("POST", "listenKey", keep="key"),
        Dial("/ws", "user"),
        Say({"method": "SUBSCRIBE", "params": ["<key.listenKey>"], "id": 1}, "user"),
        hear({"id": 1}, line="user"),
        place(limit("BUY", "-1%")),
        _heard("NEW", "NEW"),
    ),
    row(
        _STREAM,
        "combined: the key names the stream",
        ORDERS,
        ask("POST", "listenKey", keep="key"),
        Dial("/stream?streams=<key.listenKey>", "user"),
        place(limit("BUY", "-1%")),
        hear({"stream": "<key.listenKey>"}, line="user", where={"data.e": "ORDER_TRADE_UPDATE"}),
    ),
)

_PAPER = (
    row(
        _ORDER,
        "TRADE, as taker",
        PAPER,
        *listening(),
        *bought(),
        _heard(
            "TRADE",
            "FILLED",
            l="10",
            z="10",
            L="<mark+0.05%>",
            n="0.0070035",
            N="USDT",
            m=False,
            rp="0",
            i="<bought.orderId>",
        ),
    ),
    row(
        _ORDER,
        "TRADE, as maker, in part and in full",
        PAPER,
        *listening(),
        place(limit("BUY", "-0.05%")),
        place(limit("SELL", "-0.05%", "4", "IOC"), by="somebody", keep="a"),
        _heard("TRADE", "PARTIALLY_FILLED", l="4", z="4", m=True),
        place(limit("SELL", "-0.05%", "6", "IOC"), by="somebody", keep="b"),
        _heard("TRADE", "FILLED", l="6", z="10", ap="<mark-0.05%>"),
    ),
    row(
        _ORDER,
        "EXPIRED: a post-only order that would take",
        PAPER,
        *listening(),
        quoted("SELL", "+0.05%"),
        place(limit("BUY", "+0.05%", timeInForce="GTX")),
        _heard("EXPIRED", "EXPIRED"),
    ),
    row(
        _ORDER,
        "EXPIRED: what IOC leaves",
        PAPER,
        *listening(),
        quoted("SELL", "+0.05%", "4"),
        place(limit("BUY", "+0.05%", timeInForce="IOC")),
        _heard("EXPIRED", "EXPIRED", z="4"),
    ),
    row(
        _ORDER,
        "a realised profit",
        PAPER,
        *bought(),
        *listening(),
        quoted("BUY", "+0.5%"),
        place(limit("SELL", "+0.5%", timeInForce="IOC")),
        _heard("TRADE", "FILLED", rp="0.09", S="SELL"),
    ),
    row(
        _ACCOUNT,
        "ORDER: balance and position",
        PAPER,
        *listening(),
        *bought(),
        _account(
            "ORDER",
            B__0__a="USDT",
            B__0__wb="9999.99299650",
            B__0__bc="0",
            P__0__s=SYMBOL,
            P__0__pa="10",
            P__0__ep="<mark+0.05%>",
            P__0__mt="cross",
            P__0__ps="BOTH",
        ),
    ),
    row(
        _ACCOUNT,
        "nothing for an order that rests",
        PAPER,
        *listening(),
        place(limit("BUY", "-1%")),
        Silence(match={"e": "ACCOUNT_UPDATE"}, seconds=0.3, line="user"),
    ),
    row(
        _ACCOUNT,
        "MARGIN_TYPE_CHANGE",
        PAPER,
        *listening(),
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}),
        _account("MARGIN_TYPE_CHANGE", docs.POSITIONS_ONLY, P__0__mt="isolated"),
    ),
    row(
        _ACCOUNT,
        "MARGIN_TRANSFER",
        PAPER,
        ask("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}),
        *bought(),
        *listening(),
        ask("POST", "positionMargin", OF_SYMBOL | {"amount": "5", "type": 1}),
        _account("MARGIN_TRANSFER", P__0__s=SYMBOL),
    ),
    row(
        _ACCOUNT,
        "FUNDING_FEE of a crossed position: the balance only",
        PAPER,
        *bought(),
        *listening(),
        Wait(2.1),
        _account("FUNDING_FEE", docs.BALANCES_ONLY, B__0__a="USDT"),
        settings={"funding_interval_s": 2},
        is_long=True,
    ),
    row(
        _CONFIG,
        "multi-assets mode",
        PAPER,
        *listening(),
        ask("POST", "multiAssetsMargin", {"multiAssetsMargin": "true"}),
        hear({"e": "ACCOUNT_CONFIG_UPDATE"}, line="user", shape=docs.MODE_UPDATE, where={"ai.j": True}),
    ),
    row(
        _CALL,
        "before the liquidation",
        PAPER,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        *bought("15000"),
        *listening(),
        Mark("0.6732"),
        hear({"e": "MARGIN_CALL"}, line="user", shape=docs.MARGIN_CALL, where={"p.0.s": SYMBOL, "p.0.pa": "15000"}),
        is_long=True,
    ),
    row(
        _ORDER,
        "a liquidation's client id",
        PAPER,
        ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
        *bought("15000"),
        quoted("BUY", "-4%", "15000"),
        *listening(),
        Mark("0.67"),
        hear(_UPDATE | {"o.x": "CALCULATED"}, line="user", shape=docs.ORDER_TRADE_UPDATE, where={"o.S": "SELL"}),
    ),
    row(
        _EXPIRED,
        "after 60 minutes without a keepalive",
        PAPER,
        *listening(),
        Wait(3601),
        hear({"e": "listenKeyExpired"}, line="user", shape=docs.LISTEN_KEY_EXPIRED, where={"E": Above("<now-10000>")}),
        place(limit("BUY", "-1%")),
        Silence(match=_UPDATE, seconds=1, line="user"),
        is_long=True,
    ),
    row(
        "Keepalive User Data Stream (USER_STREAM)",
        "another 60 minutes",
        PAPER,
        *listening(),
        Wait(3000),
        ask("PUT", "listenKey"),
        Wait(3000),
        Silence(match={"e": "listenKeyExpired"}, seconds=1, line="user"),
        is_long=True,
    ),
    row(
        "Start User Data Stream (USER_STREAM)",
        "extends the key that there is",
        PAPER,
        *listening(),
        Wait(3000),
        ask("POST", "listenKey", shape=docs_account.LISTEN_KEY),
        Wait(3000),
        Silence(match={"e": "listenKeyExpired"}, seconds=1, line="user"),
        is_long=True,
    ),
    row(
        "Close User Data Stream (USER_STREAM)",
        "nothing comes any more",
        PAPER,
        *listening(),
        ask("DELETE", "listenKey"),
        place(limit("BUY", "-1%")),
        Silence(match=_UPDATE, seconds=0.3, line="user"),
    ),
    row(
        _STREAM,
        "each account hears of itself alone",
        PAPER,
        *listening(),
        quoted("BUY", "-1%"),
        Silence(match=_UPDATE, seconds=0.3, line="user"),
    ),
)

ROWS: tuple[Row, ...] = (*_LIVE, *_PAPER)
