"""The paper exchange, pure: a request and the time in, an answer and pushes out.

Owns: the way of a request (ban, route, weight, signature, order limits, handler) and its headers.
Must not know: sockets, tasks, clocks. Nothing here waits; the same calls give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from exchange.model import RateLimit
from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, Request, Response
from exchange.paper.auth import Gate
from exchange.paper.auth_v1 import API_KEY
from exchange.paper.config import DemoCredentials, PaperSettings, demo_credentials
from exchange.paper.engine import Engine, OpenMarket
from exchange.paper.limits import Address, Limiter, Limits
from exchange.paper.parameters import parameters
from exchange.paper.rest_market import Answer
from exchange.paper.routes import BY_KEY_ALONE, PUBLIC, ROUTES, SIGNED
from exchange.paper.streams import LineRefused, Push
from exchange.protocol import codes, payloads
from exchange.protocol.endpoints import Endpoint
from exchange.protocol.json_text import decode_list

_FORBIDDEN = Response(
    403,
    {"content-type": "text/html"},
    b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
    b"</body>\r\n</html>\r\n",
)
TOO_MANY_REQUESTS = (
    "Too many requests; current limit is {} requests per minute. Please use the websocket for live updates to avoid "
    "polling the API."
)
_WAY_TOO_MANY = "Way too many requests; IP banned until {}. Please use the websocket for live updates to avoid bans."
_PERIODS = {"ORDERS_1M": "MINUTE", "ORDERS_10S": "TEN_SECONDS"}
"""How the exchange family spells the intervals in a refusal (docs: Error Codes, -1003 and -1015, leave them open)."""


class Venue:
    """`open_market` makes each symbol's market when it is first needed; `now_us` is when the exchange opens."""

    def __init__(self, settings: PaperSettings, open_market: OpenMarket, now_us: int) -> None:
        self.settings = settings
        self.engine = Engine(settings, open_market, now_us)
        self.limits = Limits(settings.limits, settings.firewall)
        self.demo: DemoCredentials = demo_credentials(settings.seed, settings.chain_id, settings.hmac_key)
        self._gate = Gate(settings, self.demo)
        self.refused_429 = 0
        self.refused_418 = 0
        self.refused_403 = 0

    def account(self, address: str | None = None) -> Account:
        """An account's own books; without an address the demonstration account's."""
        return self.engine.account(address or self.demo.user)

    def change_limits(self, limits: Sequence[RateLimit], enforced_after_s: float = 0.0) -> None:
        """exchangeInfo states them from now on; they are enforced then, or later."""
        self.engine.stated_limits = tuple(limits)
        self.limits.change(limits, self.engine.now_us + round(enforced_after_s * 1e6))

    def limit_peaks(self) -> dict[str, float]:
        """By limiter, the highest use in any window as a fraction of the limit; above 1 means that it refused."""
        return self.limits.peaks()

    # Time

    def next_us(self) -> int:
        return self.engine.next_us()

    def advance(self, now_us: int) -> None:
        self.engine.advance(now_us)

    def stirred(self, symbol: str, is_frozen: bool, now_us: int) -> None:
        """A market that is driven from outside has news, or has lost its source."""
        self.engine.stirred(symbol, is_frozen)
        self.engine.advance(now_us)

    # Requests

    def handle(self, request: Request, now_us: int) -> Response:
        """Answers a request that arrives now. Never raises for anything that a client could send."""
        self.engine.advance(now_us)
        now_us = self.engine.now_us
        self.limits.advance(now_us)
        address = self.limits.address(request.client)
        if address.is_shut_out(now_us):
            self.refused_403 += 1
            return _FORBIDDEN
        headers = {"content-type": "application/json"}
        try:
            body = self._answer(request, address, headers, now_us)
            status = 200
        except Refusal as refusal:
            body = payloads.encode(payloads.ErrorBody(refusal.code, refusal.message))
            status = refusal.status
            if refusal.retry_after_s is not None:
                headers["retry-after"] = str(refusal.retry_after_s)
        for name, used in address.used(now_us).items():
            headers[f"x-mbx-used-weight-{name.rpartition('_')[2].lower()}"] = str(used)
        return Response(status, headers, body)

    def _answer(self, request: Request, address: Address, headers: dict[str, str], now_us: int) -> bytes:
        if address.banned_s(now_us):
            address.went_on(now_us)
            raise self._banned(address, now_us)
        endpoint = ROUTES.get((request.method, request.path))
        params = _parameters(request)
        weight = _cost(endpoint.weight_of, params) if endpoint else 1
        self._charge(address, address, weight, now_us)
        if endpoint is None:
            message = f"Path {request.path}, Method {request.method} is invalid"
            raise Refusal(codes.INVALID_PATH, message, 404)
        if isinstance(params, Refusal):
            raise params
        public = PUBLIC.get(endpoint)
        if public is not None:
            return _encode(public(self.engine, params))
        account = self.engine.account(self._authenticate(endpoint, request, params, now_us))
        orders = _cost(endpoint.orders_of, params)
        if orders:
            limiter = self.limits.orders(account.address)
            self._charge(limiter, address, orders, now_us)
            for name, used in limiter.used(now_us).items():
                headers[f"x-mbx-order-count-{name.rpartition('_')[2].lower()}"] = str(used)
            self._expect_running(params)
        return _encode(SIGNED[endpoint](self.engine, account, params))

    def _authenticate(self, endpoint: Endpoint, request: Request, params: Params, now_us: int) -> str:
        if endpoint in BY_KEY_ALONE and "signature" not in params and API_KEY in request.headers:
            return self._gate.owner_of_key(request)
        return self._gate.authenticate(request, params, now_us + self.engine.clock_skew_us)

    def _expect_running(self, params: Params) -> None:
        """An order for a market that stands still for want of its source is refused, and nothing happened."""
        frozen = self.engine.frozen
        if frozen and any(symbol in frozen for symbol in _symbols(params)):
            raise Refusal(codes.DISCONNECTED, "Internal error; unable to process your request. Please try again.")

    def _charge(self, limiter: Limiter, address: Address, amount: int, now_us: int) -> None:
        """Counts a request, or refuses it: 429, and 418 when too many 429 have been ignored."""
        wait_us = limiter.wait_us(amount, now_us)
        if not wait_us:
            limiter.add(amount, now_us)
            return
        if address.refused(now_us):
            raise self._banned(address, now_us)
        self.refused_429 += 1
        retry_after_s = -(-wait_us // 1_000_000)
        name, limit = limiter.tightest(amount, now_us)
        if limiter is address:
            raise Refusal(codes.TOO_MANY_REQUESTS, TOO_MANY_REQUESTS.format(limit), 429, retry_after_s)
        message = f"Too many new orders; current limit is {limit} orders per {_PERIODS.get(name, name)}."
        raise Refusal(codes.TOO_MANY_ORDERS, message, 429, retry_after_s)

    def _banned(self, address: Address, now_us: int) -> Refusal:
        self.refused_418 += 1
        banned_s = address.banned_s(now_us)
        return Refusal(codes.TOO_MANY_REQUESTS, banned_text(now_us, banned_s), 418, banned_s)

    # Lines

    def open_line(self, target: str, now_us: int, client: str = "local") -> int:
        """A websocket at a path with its query; its id. Raises LineRefused, also while requests of `client` are."""
        self.engine.advance(now_us)
        address = self.limits.address(client)
        if address.is_shut_out(self.engine.now_us) or address.banned_s(self.engine.now_us):
            raise LineRefused("the address is banned")
        return self.engine.hub.open(target, self.engine.now_us)

    def receive(self, line_id: int, text: str | bytes, now_us: int) -> None:
        """A frame from the client."""
        self.engine.advance(now_us)
        self.engine.hub.receive(line_id, text, self.engine.now_us)

    def close_line(self, line_id: int) -> None:
        self.engine.hub.close(line_id)

    def take_pushes(self) -> list[Push]:
        """What has come up for the lines since the last call, in order."""
        return self.engine.hub.take_pushes()


def _parameters(request: Request) -> dict[str, str] | Refusal:
    """Refused after they were paid for: a request costs what it costs."""
    try:
        return parameters(request)
    except Refusal as refusal:
        return refusal


def _symbols(params: Params) -> list[object]:
    """All that an order request names."""
    if "batchOrders" not in params:
        return [params.get("symbol")]
    try:
        rows = decode_list(params["batchOrders"])
    except ValueError:
        # The handler will refuse it.
        return []
    return [cast("dict[str, object]", row).get("symbol") for row in rows if isinstance(row, dict)]


def _cost(rule: Callable[[Params], int], params: dict[str, str] | Refusal) -> int:
    if isinstance(params, Refusal):
        return 1
    try:
        return rule(params)
    except ValueError:
        # A malformed number, which the handler will refuse.
        return 1


def _encode(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else payloads.encode(answer)


def banned_text(now_us: int, banned_s: int) -> str:
    return _WAY_TOO_MANY.format(now_us // 1000 + banned_s * 1000)
