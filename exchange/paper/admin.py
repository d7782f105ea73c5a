"""The admin API of a paper exchange: faults, symbols, limits and money, on a port and with a token of its own.

Owns: its paths, the JSON of each, and what is told of a bad one. Must not know: how a fault is carried out.
Every answer is JSON; an error is `{"error": …}`, one sentence for people. The token comes as `Authorization: Bearer …`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from exchange.model import RateLimit
from exchange.paper.fault_settings import ExpireListenKeys, FaultSettings, Once, Restart
from exchange.paper.instruments import limit_json
from exchange.paper.runner import Runner

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_MAX_BODY = 100_000
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_Act = Callable[[bytes, list[str]], object]


class _ForS(Struct, forbid_unknown_fields=True):
    for_s: Annotated[float, Meta(ge=0, le=86_400)] = 5.0


class _Which(Struct, forbid_unknown_fields=True):
    address: str | None = None


class _SymbolChange(Struct, forbid_unknown_fields=True):
    status: str | None = None
    filters: dict[str, dict[str, str | int]] = {}


class _Limit(Struct, rename="camel", forbid_unknown_fields=True):
    """A row of exchangeInfo's rateLimits."""

    rate_limit_type: Literal["REQUEST_WEIGHT", "ORDERS"]
    interval: Literal["SECOND", "MINUTE", "HOUR", "DAY"]
    interval_num: Annotated[int, Meta(ge=1, le=1000)]
    limit: Annotated[int, Meta(ge=1, le=10**9)]


class _LimitsChange(Struct, forbid_unknown_fields=True):
    limits: Annotated[list[_Limit], Meta(max_length=20)]
    enforced_after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class _Deposit(Struct, forbid_unknown_fields=True):
    asset: Annotated[str, Meta(pattern="^[A-Z0-9]{2,12}$")]
    amount: Decimal

    def __post_init__(self) -> None:
        exponent = self.amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -8 or not 0 < self.amount <= 10**12:
            raise ValueError("amount is above 0, at most 1000000000000, with at most 8 decimals")


class _Bad(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AdminApp:
    """An ASGI application for exchange.asgi.serve."""

    def __init__(self, runner: Runner, token: str) -> None:
        self._runner = runner
        self._token = token
        self._routes: tuple[tuple[str, str, _Act], ...] = (
            ("GET", "/state", self._state),
            ("GET", "/faults", self._faults),
            ("PUT", "/faults", self._set_faults),
            ("POST", "/faults/once", self._once),
            ("POST", "/restart", self._restart),
            ("POST", "/listen-keys/expire", self._expire),
            ("POST", "/symbols/SYMBOL", self._change_symbol),
            ("GET", "/limits", self._limits),
            ("PUT", "/limits", self._change_limits),
            ("POST", "/accounts/ADDRESS/deposit", self._deposit),
        )

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            body = await _read(receive)
            status, value = self._answer(scope, body)
            content = msgspec.json.encode(value) + b"\n"
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
                (b"cache-control", b"no-store"),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: _Message, body: bytes) -> tuple[int, object]:
        if not self._is_admin(scope):
            return 401, {"error": "the admin token is wanted: Authorization: Bearer TOKEN"}
        if len(body) > _MAX_BODY:
            return 400, {"error": f"the body is longer than {_MAX_BODY} bytes"}
        path: str = scope["path"]
        there = [(method, act) for method, pattern, act in self._routes if _matches(pattern, path)]
        if not there:
            known = ", ".join(dict.fromkeys(pattern for _, pattern, _ in self._routes))
            return 404, {"error": f"no such path; there are {known}"}
        for method, act in there:
            if method == scope["method"]:
                try:
                    return 200, act(body, path.split("/"))
                except _Bad as bad:
                    return bad.status, {"error": str(bad)}
        return 405, {"error": f"{path} is for {' and '.join(method for method, _ in there)}"}

    def _is_admin(self, scope: _Message) -> bool:
        given = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
        return hmac.compare_digest(given, f"Bearer {self._token}".encode())

    # What there is

    def _state(self, body: bytes, path: list[str]) -> object:
        runner, engine = self._runner, self._runner.venue.engine
        requests, events = runner.faults.waiting
        return {
            "now_ms": engine.now_us // 1000,
            "told_ms": engine.told_us // 1000,
            "lines": runner.lines,
            "restarting_for_s": runner.down_for_s(),
            "stalled_for_s": runner.stalled_for_s(),
            "faulty_requests_left": requests,
            "faulty_events_left": events,
            "symbols": {symbol: listing.instrument.status for symbol, listing in engine.listings.items()},
            "accounts": {
                account.address: {
                    "balances": {asset: f"{amount:f}" for asset, amount in account.balances.items()},
                    "open_orders": len(engine.orders.all_open_orders(account)),
                }
                for account in engine.accounts.values()
            },
        }

    def _faults(self, body: bytes, path: list[str]) -> object:
        return self._runner.faults.settings

    def _set_faults(self, body: bytes, path: list[str]) -> object:
        """The whole of it: what is not named is off."""
        self._runner.set_faults(_decode(body, FaultSettings))
        return self._runner.faults.settings

    def _once(self, body: bytes, path: list[str]) -> object:
        once = _decode(body, Once)
        self._runner.inject(once)
        return once

    def _restart(self, body: bytes, path: list[str]) -> object:
        return self._inject(Restart(for_s=_decode(body or b"{}", _ForS).for_s))

    def _expire(self, body: bytes, path: list[str]) -> object:
        return self._inject(ExpireListenKeys(address=_decode(body or b"{}", _Which).address))

    def _inject(self, once: Restart | ExpireListenKeys) -> object:
        self._runner.inject(once)
        return once

    def _change_symbol(self, body: bytes, path: list[str]) -> object:
        change, symbol = _decode(body, _SymbolChange), path[2]
        try:
            self._runner.act(lambda engine: engine.change_rules(symbol, change.status, change.filters))
        except KeyError:
            raise _Bad(404, f"{symbol} is not listed here") from None
        except ValueError as error:
            raise _Bad(400, str(error)) from None
        status = self._runner.venue.engine.rule_book.rules(symbol).instrument.status
        return {"symbol": symbol, "status": status}

    def _limits(self, body: bytes, path: list[str]) -> object:
        return {"limits": [limit_json(limit) for limit in self._runner.venue.engine.stated_limits]}

    def _change_limits(self, body: bytes, path: list[str]) -> object:
        """The whole of them: a limiter that is not named is gone."""
        change: _LimitsChange = _decode(body, _LimitsChange)
        limits = [
            RateLimit(row.rate_limit_type, row.interval_num * _SECONDS[row.interval], row.limit)
            for row in change.limits
        ]
        names = [limit.name for limit in limits]
        if len(set(names)) < len(names):
            raise _Bad(400, f"a limiter is named twice: {', '.join(names)}")
        venue = self._runner.venue
        self._runner.act(lambda engine: venue.change_limits(limits, change.enforced_after_s))
        return self._limits(body, path)

    def _deposit(self, body: bytes, path: list[str]) -> object:
        address = path[2]
        if not _ADDRESS.fullmatch(address):
            raise _Bad(400, f"{address} is no address: 0x and 40 hexadecimal digits")
        deposit = _decode(body, _Deposit)
        settings = self._runner.venue.settings
        if not settings.has_account(address.lower()):
            raise _Bad(404, f"{address} has no account here")
        if deposit.asset not in settings.assets:
            raise _Bad(400, f"{deposit.asset} is no asset here; there are {', '.join(settings.assets)}")
        account = self._runner.venue.account(address)
        self._runner.act(lambda engine: engine.transfer(account, deposit.asset, deposit.amount))
        return {"address": account.address, "balances": {a: f"{each:f}" for a, each in account.balances.items()}}


def _matches(pattern: str, path: str) -> bool:
    """A part of a pattern in capitals stands for any word."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(a == b or (a.isupper() and b) for a, b in zip(wanted, given, strict=True))


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Bad(400, f"the body is not usable: {error}") from None


async def _read(receive: _Receive) -> bytes:
    body = b""
    while len(body) <= _MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body
