"""Rows of what requests cost, and of what happens to those who spend too much (docs: LIMITS).

Owns: those rows. Must not know: how they are played. The settings name limits smaller than the real ones, so that a few
requests break them.
"""

from __future__ import annotations

from typing import Any

from conformance.row import Above, Matches, Row, Wait
from conformance.signing import V1
from conformance.writing import OF_SYMBOL, PAPER, SIGNED, SYMBOL, ask, limit, order, place, public, row

_IP = "IP Limits"
_ORDERS = "Order Rate Limits"
_CODES = "HTTP Return Codes"
_USED = "x-mbx-used-weight-1m"
_BAR = {"symbol": SYMBOL, "interval": "1m"}

_PUBLIC_WEIGHTS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("ping", {}, 1),
    ("time", {}, 1),
    ("exchangeInfo", {}, 1),
    *(("depth", OF_SYMBOL | {"limit": levels}, weight) for levels, weight in ((5, 2), (10, 2), (20, 2), (50, 2))),
    ("depth", OF_SYMBOL | {"limit": 100}, 5),
    ("depth", OF_SYMBOL | {"limit": 500}, 10),
    ("depth", OF_SYMBOL, 10),
    ("depth", OF_SYMBOL | {"limit": 1000}, 20),
    ("trades", OF_SYMBOL, 1),
    ("historicalTrades", OF_SYMBOL, 20),
    ("aggTrades", OF_SYMBOL, 20),
    *(
        (path, bar | {"limit": bars}, weight)
        for path, bar in (
            ("klines", _BAR),
            ("indexPriceKlines", {"pair": SYMBOL, "interval": "1m"}),
            ("markPriceKlines", _BAR),
        )
        for bars, weight in ((99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1001, 10))
    ),
    ("premiumIndex", {}, 1),
    ("fundingRate", {}, 1),
    ("fundingInfo", {}, 1),
    ("ticker/24hr", OF_SYMBOL, 1),
    ("ticker/24hr", {}, 40),
    ("ticker/price", OF_SYMBOL, 1),
    ("ticker/price", {}, 2),
    ("ticker/bookTicker", OF_SYMBOL, 1),
    ("ticker/bookTicker", {}, 2),
    ("indexreferences", OF_SYMBOL, 1),
)
_SIGNED_WEIGHTS: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("POST", "order", limit("BUY", "-1%"), 1),
    ("PUT", "order", OF_SYMBOL, 1),
    ("DELETE", "order", OF_SYMBOL, 1),
    ("GET", "order", OF_SYMBOL, 1),
    ("POST", "batchOrders", {}, 5),
    ("DELETE", "batchOrders", OF_SYMBOL, 1),
    ("DELETE", "allOpenOrders", OF_SYMBOL, 1),
    ("POST", "countdownCancelAll", OF_SYMBOL | {"countdownTime": 0}, 10),
    ("POST", "noop", {}, 1),
    ("GET", "openOrder", OF_SYMBOL, 1),
    ("GET", "openOrders", OF_SYMBOL, 1),
    ("GET", "openOrders", {}, 40),
    ("GET", "allOrders", OF_SYMBOL, 5),
    ("GET", "balance", {}, 5),
    ("GET", "accountWithJoinMargin", {}, 5),
    ("GET", "positionRisk", {}, 5),
    ("GET", "userTrades", OF_SYMBOL, 5),
    ("GET", "income", {}, 30),
    ("GET", "leverageBracket", {}, 1),
    ("GET", "adlQuantile", {}, 5),
    ("GET", "forceOrders", OF_SYMBOL, 20),
    ("GET", "forceOrders", {}, 50),
    ("GET", "commissionRate", OF_SYMBOL, 20),
    ("POST", "leverage", OF_SYMBOL | {"leverage": 2}, 1),
    ("POST", "marginType", OF_SYMBOL | {"marginType": "ISOLATED"}, 1),
    ("POST", "positionMargin", OF_SYMBOL, 1),
    ("GET", "positionMargin/history", OF_SYMBOL, 1),
    ("POST", "positionSide/dual", {"dualSidePosition": "true"}, 1),
    ("GET", "positionSide/dual", {}, 30),
    ("POST", "stpMode", {"stpMode": "EXPIRE_BOTH"}, 1),
    ("GET", "stpMode", {}, 30),
    ("POST", "multiAssetsMargin", {"multiAssetsMargin": "true"}, 1),
    ("GET", "multiAssetsMargin", {}, 30),
    ("POST", "mmp", OF_SYMBOL, 1),
    ("GET", "mmp", {}, 1),
    ("DELETE", "mmp", OF_SYMBOL, 1),
    ("POST", "mmpReset", OF_SYMBOL, 1),
    ("POST", "listenKey", {}, 1),
    ("PUT", "listenKey", {}, 1),
    ("DELETE", "listenKey", {}, 1),
)


def _told(params: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in params.items() if name in ("limit", "symbol"))


_WEIGHTS = (
    *(
        row(
            "Weight", f"GET {path} {_told(params)}", PAPER, public(path, params, status=0, headers={_USED: str(weight)})
        )
        for path, params, weight in _PUBLIC_WEIGHTS
    ),
    *(
        row(
            "Weight",
            f"{method} {path} {_told(params)}",
            PAPER,
            ask(method, path, params, status=0, headers={_USED: str(weight)}),
        )
        for method, path, params, weight in _SIGNED_WEIGHTS
    ),
)

_SMALL = {"limits": (("REQUEST_WEIGHT", 60, 20), ("ORDERS", 60, 4), ("ORDERS", 10, 3))}
_SPENT = public("ping", times=20)
_TOO_MANY: dict[str, Any] = {"status": 429, "code": -1003, "headers": {"retry-after": Matches(r"[1-9]\d?")}}

_BREACHES = (
    row(
        _IP,
        "the used weight is in every answer",
        PAPER,
        public("ping", headers={_USED: "1"}),
        public("ping", headers={_USED: "2"}),
        public("nosuchpath", status=404, code=-5000, headers={_USED: Above(2)}),
        settings=_SMALL,
    ),
    row(_CODES, "429 when the weight is spent", PAPER, _SPENT, public("ping", **_TOO_MANY), settings=_SMALL),
    row(
        _IP,
        "a minute later all is well",
        PAPER,
        _SPENT,
        public("ping", **_TOO_MANY),
        Wait(61),
        public("ping"),
        settings=_SMALL,
        is_long=True,
    ),
    row(
        _IP,
        "the limit is the address's, not the key's",
        PAPER,
        _SPENT,
        ask("GET", "openOrders", OF_SYMBOL, by="somebody", **_TOO_MANY),
        settings=_SMALL,
    ),
    row(
        _CODES,
        "418 when it goes on after 429",
        PAPER,
        _SPENT,
        public("ping", times=60, status=418, code=-1003, headers={"retry-after": Above(100)}),
        settings=_SMALL,
    ),
    row(
        _IP,
        "a ban is over after its two minutes",
        PAPER,
        _SPENT,
        public("ping", times=60, status=418, code=-1003),
        Wait(130),
        public("ping"),
        settings=_SMALL,
        is_long=True,
    ),
    row(
        _IP,
        "bans grow",
        PAPER,
        _SPENT,
        public("ping", times=60, status=418, code=-1003),
        Wait(130),
        _SPENT,
        public("ping", times=60, status=418, code=-1003, headers={"retry-after": Above(200)}),
        settings=_SMALL,
        is_long=True,
    ),
    row(
        _ORDERS,
        "both counts are in an order's answer",
        PAPER,
        place(limit("BUY", "-1%"), headers={"x-mbx-order-count-1m": "1", "x-mbx-order-count-10s": "1"}),
        place(limit("BUY", "-1%"), headers={"x-mbx-order-count-1m": "2", "x-mbx-order-count-10s": "2"}),
    ),
    row(
        _ORDERS,
        "a batch counts each of its orders",
        PAPER,
        ask(
            "POST",
            "batchOrders",
            {
                "batchOrders": '[{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"10","price":"<mark-1%>"},{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"10","price":"<mark-1%>"}]'
            },
            headers={"x-mbx-order-count-1m": "2"},
        ),
    ),
    row(
        _ORDERS,
        "429 when the orders of ten seconds are spent",
        PAPER,
        ask("POST", "order", limit("BUY", "-1%"), times=3),
        place(limit("BUY", "-1%"), status=429, code=-1015, headers={"retry-after": Matches(r"10|\d")}),
        settings=_SMALL,
    ),
    row(
        _ORDERS,
        "429 when those of a minute are",
        PAPER,
        ask("POST", "order", limit("BUY", "-1%"), times=3),
        Wait(11),
        place(limit("BUY", "-1%")),
        place(limit("BUY", "-1%"), status=429, code=-1015),
        settings=_SMALL,
        is_long=True,
    ),
    row(
        _ORDERS,
        "the limit is the account's",
        PAPER,
        ask("POST", "order", limit("BUY", "-1%"), times=3),
        place(limit("BUY", "-1%"), by="somebody"),
        settings=_SMALL,
    ),
    row(
        _ORDERS,
        "a cancel is no order",
        PAPER,
        ask("POST", "order", limit("BUY", "-1%"), times=3, keep="order"),
        ask("DELETE", "order", OF_SYMBOL | {"orderId": "<order.orderId>"}),
        settings=_SMALL,
    ),
    row(
        _CODES,
        "403 for a flood",
        PAPER,
        public("ping", times=400, status=403, shape=None),
        settings={"limits": (("REQUEST_WEIGHT", 60, 20),)},
    ),
    row(
        "General API Information",
        "both order limits are in exchangeInfo",
        PAPER,
        public(
            "exchangeInfo",
            where={"rateLimits.#": 3, "rateLimits.0.rateLimitType": "REQUEST_WEIGHT", "rateLimits.0.limit": 2400},
        ),
    ),
    row(
        _IP,
        "V1 and V3 share the address's weight",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(), headers={_USED: Above(4)}),
        ask("GET", "balance", headers={_USED: Above(9)}),
    ),
    row(
        _ORDERS,
        "a market order counts",
        PAPER,
        place(order("BUY", "MARKET"), status=0, headers={"x-mbx-order-count-1m": "1"}),
    ),
)

ROWS: tuple[Row, ...] = (*_WEIGHTS, *_BREACHES)
