"""Requests that a client might send by mistake or malice: near the docs, mutated, and garbage.

Owns: what is sent, drawn from a seeded source. Must not know: answers, how it gets to the venue.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from exchange.paper.answers import Request
from exchange.protocol.endpoints import ENDPOINTS, Endpoint
from exchange.protocol.signing import Signer, hmac_signature

SYMBOLS = ("ASTERUSDT", "BTCUSDT")

_GOOD: dict[str, Sequence[str]] = {
    "symbol": SYMBOLS,
    "pair": SYMBOLS,
    "side": ("BUY", "SELL"),
    "positionSide": ("BOTH", "BOTH", "LONG", "SHORT"),
    "type": ("LIMIT", "LIMIT", "LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
    "timeInForce": ("GTC", "GTC", "IOC", "FOK", "GTX", "HIDDEN"),
    "quantity": ("10", "5", "100", "0.01", "3.5", "2000"),
    "price": ("2", "1.999", "2.001", "1.98", "2.02", "2.0005", "90000"),
    "stopPrice": ("2", "1.95", "2.05", "1.99"),
    "activationPrice": ("2", "2.01", "1.99"),
    "callbackRate": ("0.1", "1", "5"),
    "reduceOnly": ("true", "false"),
    "closePosition": ("true", "false"),
    "workingType": ("MARK_PRICE", "CONTRACT_PRICE"),
    "priceProtect": ("TRUE", "FALSE"),
    "newOrderRespType": ("ACK", "RESULT"),
    "newClientOrderId": ("a", "b", "c-1", "x:y/z"),
    "pegPriceType": ("QUEUE_1", "COUNTERPARTY_1"),
    "pegOffset": ("0", "-0.001", "0.001"),
    "stpMode": ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"),
    "orderId": tuple(str(number) for number in range(1, 400)),
    "origClientOrderId": ("a", "b", "c-1"),
    "orderIdList": ("[1,2,3]", "[7]", "[]"),
    "origClientOrderIdList": ('["a","b"]', '["c-1"]'),
    "countdownTime": ("0", "1000", "100000"),
    "leverage": ("1", "5", "20"),
    "marginType": ("ISOLATED", "CROSSED"),
    "amount": ("1", "10", "0.5"),
    "dualSidePosition": ("true", "false", "false"),
    "multiAssetsMargin": ("true", "false"),
    "limit": ("1", "5", "10", "100", "500", "1000"),
    "interval": ("1m", "5m", "1h", "1d", "1w", "1M"),
    "fromId": ("1", "10"),
    "incomeType": ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "TRANSFER"),
    "autoCloseType": ("LIQUIDATION", "ADL"),
    "windowTimeInMilliseconds": ("5000", "1000"),
    "frozenTimeInMilliseconds": ("1000", "0"),
    "qtyLimit": ("1000", "10"),
    "valueLimit": ("100000",),
    "deltaLimit": ("1000",),
}
_TIMES = ("startTime", "endTime")
_NASTY = (
    *("", " ", "0", "-0", "-1", "1e309", "1E5", "NaN", "Infinity", "-Infinity", "+1", "0x10", "1_000", "9" * 400),
    *("0." + "0" * 60 + "1", "null", "true", "[]", "{}", "[[", '{"a":', "'", '"', "\\", "%", "%00", "\x00", "\u202e"),
    *(
        "٣",
        "١٠",
        "½",
        "\ud83d",
        "🙂" * 40,
        "x" * 5000,
        "ASTERUSDT ",
        "asterusdt",
        "<script>",
        "../../etc",
        "; drop",
        "\r\n",
    ),
)
_LISTS = ("batchOrders", "orderIdList", "origClientOrderIdList")
_DEPTHS = (10, 100, 600, 1500, 8000)
"""Around what a parser that calls itself can take, and far beyond; encoded it still goes into an address."""
_TEXT_PATHS = ("/", "//", "/fapi", "/fapi/v3", "/fapi/v3/", "/fapi/v9/order", "/fapi/v3/order/", "/FAPI/V3/ORDER", "/*")
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "")

_USUAL: dict[str, tuple[str, ...]] = {
    "new_order": ("symbol", "side", "type", "timeInForce", "quantity", "price"),
    "modify_order": ("symbol", "orderId", "quantity", "price"),
    "cancel_order": ("symbol", "orderId"),
    "query_order": ("symbol", "orderId"),
    "open_order": ("symbol", "orderId"),
    "cancel_batch": ("symbol", "orderIdList"),
    "countdown_cancel_all": ("symbol", "countdownTime"),
    "klines": ("symbol", "interval"),
    "mark_price_klines": ("symbol", "interval"),
    "index_price_klines": ("pair", "interval"),
    "set_leverage": ("symbol", "leverage"),
    "set_margin_type": ("symbol", "marginType"),
    "change_position_margin": ("symbol", "amount", "type"),
    "set_position_mode": ("dualSidePosition",),
    "set_multi_assets": ("multiAssetsMargin",),
    "set_stp_mode": ("stpMode",),
    "set_mmp": ("symbol", "windowTimeInMilliseconds", "frozenTimeInMilliseconds", "qtyLimit"),
}
_OF_TYPE: dict[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "MARKET": ("quantity",),
    "STOP": ("quantity", "price", "stopPrice"),
    "STOP_MARKET": ("quantity", "stopPrice"),
    "TAKE_PROFIT_MARKET": ("stopPrice", "closePosition"),
    "TRAILING_STOP_MARKET": ("quantity", "callbackRate"),
}
_BITCOIN = ("price", "stopPrice", "activationPrice")
"""Worth 45,000 times as much as the other."""
_OFTEN = ("new_order", "modify_order", "cancel_order", "new_batch")


@dataclass(frozen=True, slots=True)
class Wallet:
    signer: Signer
    api_key: str = ""
    api_secret: str = ""


class Requests:
    """`draw(now_us)` is the next request."""

    def __init__(self, rng: Random, wallets: Sequence[Wallet]) -> None:
        self._rng = rng
        self._wallets = wallets
        self._nonce = 0
        self._often = tuple(each for each in ENDPOINTS if each.name in _OFTEN)

    def draw(self, now_us: int) -> Request:
        rng = self._rng
        if rng.random() < 0.05:
            return self._garbage()
        endpoint = rng.choice(self._often if rng.random() < 0.4 else ENDPOINTS)
        params = self._params(endpoint, now_us)
        path = endpoint.path if rng.random() < 0.85 else endpoint.v1_path
        request = self._signed(endpoint, path, params, now_us) if endpoint.is_signed else _plain(endpoint, path, params)
        if rng.random() < 0.03:
            return self._in_json(request)
        return self._mutated(request) if rng.random() < 0.05 else request

    def _params(self, endpoint: Endpoint, now_us: int) -> dict[str, str]:
        rng = self._rng
        if endpoint.name == "new_batch":
            return {"batchOrders": self._batch(now_us)}
        if endpoint.name == "new_order" and rng.random() < 0.7:
            return self._order(now_us)
        names = list(_USUAL.get(endpoint.name, ("symbol",)))
        if endpoint.name == "cancel_batch" and rng.random() < 0.5:
            names = ["symbol", "origClientOrderIdList"]
        params = {name: self._value(name, now_us) for name in names if rng.random() < 0.97}
        if params.get("type") in ("1", "2") or endpoint.name == "change_position_margin":
            params["type"] = rng.choice(("1", "2", "3"))
        for _ in range(rng.choice((0, 0, 0, 1, 2, 4))):
            name = rng.choice((*_GOOD, *_TIMES))
            params[name] = self._value(name, now_us)
        if rng.random() < 0.03:
            params[rng.choice(_NASTY)[:50]] = rng.choice(_NASTY)
        return params

    def _order(self, now_us: int) -> dict[str, str]:
        """One that goes together, but for a nasty value here and there."""
        rng = self._rng
        kind = rng.choice(("LIMIT",) * 6 + tuple(_OF_TYPE))
        params = {"symbol": rng.choice(SYMBOLS), "side": rng.choice(("BUY", "SELL")), "type": kind}
        params |= {name: self._value(name, now_us) for name in _OF_TYPE[kind]}
        if params["symbol"] == SYMBOLS[1]:
            params |= {name: str(rng.randint(900, 1100) * 90) for name in _BITCOIN if name in params}
            params |= {"quantity": rng.choice(("0.001", "0.01", "0.05"))} if "quantity" in params else {}
        for name in ("newOrderRespType", "stpMode", "reduceOnly"):
            if rng.random() < 0.1:
                params[name] = self._value(name, now_us)
        return params

    def _value(self, name: str, now_us: int) -> str:
        rng = self._rng
        if rng.random() < 0.04:
            return rng.choice(_NASTY)
        if name in _LISTS and rng.random() < 0.25:
            return self._nested()
        if name in _TIMES:
            return str(now_us // 1000 + rng.randint(-(10**6), 10**6))
        if name == "price" and rng.random() < 0.5:
            return f"{rng.randint(19_900, 20_100) / 10_000:.4f}"
        return rng.choice(_GOOD[name])

    def _batch(self, now_us: int) -> str:
        rng = self._rng
        if rng.random() < 0.1:
            return self._nested() if rng.random() < 0.5 else rng.choice(_NASTY)
        rows: list[Any] = [self._order(now_us) for _ in range(rng.randint(0, 6))]
        if rng.random() < 0.1:
            rows.append(rng.choice((None, 1, "x", [], {"symbol": {"a": 1}}, {"symbol": None, "price": 1.5})))
        text = json.dumps(rows)
        return text.replace('"', "'") if rng.random() < 0.1 else text

    def _signed(self, endpoint: Endpoint, path: str, params: dict[str, str], now_us: int) -> Request:
        rng = self._rng
        wallet = rng.choice(self._wallets)
        if wallet.api_key and rng.random() < 0.2:
            return self._signed_v1(endpoint, path, params, now_us, wallet)
        self._nonce = max(self._nonce + 1, now_us)
        nonce = self._nonce if rng.random() < 0.98 else self._nonce - rng.randint(0, 20_000_000)
        fields = params | {"nonce": str(nonce), "user": wallet.signer.user, "signer": wallet.signer.signer}
        text = _encoded(fields)
        signature = wallet.signer.sign(text)
        spoilt = rng.random()
        if spoilt < 0.02:
            place = rng.randrange(len(signature))
            signature = signature[:place] + rng.choice("0123456789abcdefxyz") + signature[place + 1 :]
        elif spoilt < 0.04:
            signature = rng.choice(_NASTY)
        text += f"&signature={signature}" if spoilt < 0.98 else ""
        return _request(endpoint.method, path, text, in_query=endpoint.method == "GET" or rng.random() < 0.3)

    def _signed_v1(self, endpoint: Endpoint, path: str, params: dict[str, str], now_us: int, wallet: Wallet) -> Request:
        text = _encoded(params | {"timestamp": str(now_us // 1000)})
        text += f"&signature={hmac_signature(wallet.api_secret, text)}"
        key = wallet.api_key if self._rng.random() < 0.95 else self._rng.choice(_NASTY)
        request = _request(endpoint.method, path, text, in_query=endpoint.method == "GET" or self._rng.random() < 0.5)
        return replace(request, headers={"x-mbx-apikey": key})

    def _mutated(self, request: Request) -> Request:
        """A byte is lost, doubled or changed somewhere; or the method is another."""
        rng = self._rng
        kind = rng.randrange(4)
        if kind == 0:
            return replace(request, method=rng.choice(_METHODS))
        if kind == 1 and request.body:
            return replace(request, body=_bent(rng, request.body))
        if kind == 2 and request.query:
            return replace(request, query=_bent(rng, request.query.encode("latin-1", "replace")).decode("latin-1"))
        return replace(request, path=_bent(rng, request.path.encode()).decode("latin-1"))

    def _in_json(self, request: Request) -> Request:
        """Its parameters as an object, one of them perhaps a nest; the signature is none any more if it is."""
        fields = dict(parse_qsl(request.query) + parse_qsl(request.body.decode("utf-8", "replace")))
        members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
        if self._rng.random() < 0.7:
            members.append(f"{json.dumps(self._rng.choice((*_LISTS, 'symbol')))}: {self._nested()}")
        headers = {**request.headers, "content-type": "application/json"}
        return replace(request, query="", body=f"{{{', '.join(members)}}}".encode(), headers=headers)

    def _nested(self) -> str:
        """Lists, or objects, in one another; some are never closed."""
        rng = self._rng
        opening, closing = rng.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
        depth = rng.choice(_DEPTHS)
        return opening * depth + rng.choice(("1", "[]", "null")) + closing * (depth if rng.random() < 0.8 else 0)

    def _garbage(self) -> Request:
        rng = self._rng
        return Request(
            method=rng.choice(_METHODS),
            path=rng.choice((*_TEXT_PATHS, rng.choice(ENDPOINTS).path)),
            query=rng.randbytes(rng.randint(0, 60)).decode("latin-1"),
            body=rng.randbytes(rng.choice((0, 10, 500, 5000))),
            headers={"x-mbx-apikey": rng.choice(_NASTY)} if rng.random() < 0.3 else {},
        )


def _plain(endpoint: Endpoint, path: str, params: dict[str, str]) -> Request:
    return Request(endpoint.method, path, _encoded(params))


def _request(method: str, path: str, text: str, *, in_query: bool) -> Request:
    return Request(method, path, text) if in_query else Request(method, path, "", text.encode("utf-8", "replace"))


def _encoded(fields: dict[str, str]) -> str:
    return urlencode(fields, errors="replace")


def _bent(rng: Random, text: bytes) -> bytes:
    place = rng.randrange(len(text))
    middle = rng.choice((b"", text[place : place + 1] * 2, rng.randbytes(1), b"&", b"="))
    return text[:place] + middle + text[place + 1 :]
