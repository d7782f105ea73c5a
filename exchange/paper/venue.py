"""The paper exchange, pure: a request and the time in, an answer and pushes out.

Owns: the way of a request (ban, route, weight, signature, order limits, handler) and its headers.
Must not know: sockets, tasks, clocks. Nothing here waits; the same calls give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper import rest_account, rest_market, rest_order_lists, rest_orders, rest_protection
from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, Request, Response
from exchange.paper.auth import Gate
from exchange.paper.config import DemoCredentials, PaperSettings, demo_credentials
from exchange.paper.engine import Engine, OpenMarket
from exchange.paper.limits import Address, Limiter, Limits
from exchange.paper.rest_market import Answer
from exchange.paper.streams import Push
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_PUBLIC = rest_market.HANDLERS
_SIGNED = {
    **rest_orders.HANDLERS,
    **rest_order_lists.HANDLERS,
    **rest_protection.HANDLERS,
    **rest_account.HANDLERS,
}
_LISTEN_KEY = (endpoints.START_LISTEN_KEY, endpoints.KEEP_LISTEN_KEY, endpoints.CLOSE_LISTEN_KEY)


def _routes() -> dict[tuple[str, str], Endpoint]:
    """Each endpoint at its own paths, and under the other version's name."""
    routes = dict(endpoints.BY_ROUTE)
    for endpoint in (*_PUBLIC, *_SIGNED):
        routes.setdefault((endpoint.method, endpoint.path.replace("/v3/", "/v1/")), endpoint)
    return routes


_ROUTES = _routes()


class Venue:
    """`open_market` makes each symbol's market when it is first needed; `now_us` is when the exchange opens."""

    def __init__(self, settings: PaperSettings, open_market: OpenMarket, now_us: int) -> None:
        self.settings = settings
        self.engine = Engine(settings, open_market, now_us)
        self.limits = Limits(settings.limits)
        self.demo: DemoCredentials = demo_credentials(settings.seed, settings.chain_id)
        self._gate = Gate(settings.chain_id, self.demo)
        self.refused_429 = 0
        self.refused_418 = 0

    def account(self, address: str | None = None) -> Account:
        """An account's own books; without an address the demonstration account's."""
        return self.engine.account(address or self.demo.user)

    def limit_peaks(self) -> dict[str, float]:
        """By limiter, the highest use in any window as a fraction of the limit; above 1 means that it refused."""
        return self.limits.peaks()

    # Time

    def next_us(self) -> int:
        return self.engine.next_us()

    def advance(self, now_us: int) -> None:
        self.engine.advance(now_us)

    # Requests

    def handle(self, request: Request, now_us: int) -> Response:
        """Answers a request that arrives now. Never raises for anything that a client could send."""
        self.engine.advance(now_us)
        now_us = self.engine.now_us
        address = self.limits.address(request.client)
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
        banned_s = address.banned_s(now_us)
        if banned_s:
            self.refused_418 += 1
            raise Refusal(codes.TOO_MANY_REQUESTS, _banned_text(now_us, banned_s), 418, banned_s)
        endpoint = _ROUTES.get((request.method, request.path))
        known = endpoint in _PUBLIC or endpoint in _SIGNED
        parameters = self._parameters(request)
        weight = _cost(endpoint.weight_of, parameters) if endpoint else 1
        self._charge(address, address, weight, now_us)
        if endpoint is None or not known:
            message = f"Path {request.path}, Method {request.method} is invalid"
            raise Refusal(-5000, message, 404)
        if isinstance(parameters, Refusal):
            raise parameters
        public = _PUBLIC.get(endpoint)
        if public is not None:
            return _encode(public(self.engine, parameters))
        account = self.engine.account(self._authenticate(endpoint, request, parameters, now_us))
        orders = _cost(endpoint.orders_of, parameters)
        if orders:
            limiter = self.limits.orders(account.address)
            self._charge(limiter, address, orders, now_us)
            for name, used in limiter.used(now_us).items():
                headers[f"x-mbx-order-count-{name.rpartition('_')[2].lower()}"] = str(used)
        return _encode(_SIGNED[endpoint](self.engine, account, parameters))

    def _parameters(self, request: Request) -> dict[str, str] | Refusal:
        try:
            return self._gate.parameters(request)
        except Refusal as refusal:
            return refusal

    def _authenticate(self, endpoint: Endpoint, request: Request, parameters: Params, now_us: int) -> str:
        if endpoint in _LISTEN_KEY and "signature" not in parameters:
            owner = self._gate.owner_of_key(request)
            if owner is not None:
                return owner
        return self._gate.authenticate(request, parameters, now_us)

    def _charge(self, limiter: Limiter, address: Address, amount: int, now_us: int) -> None:
        """Counts a request, or refuses it: 429, and 418 when too many 429 have been ignored."""
        wait_us = limiter.wait_us(amount, now_us)
        if not wait_us:
            limiter.add(amount, now_us)
            return
        if address.refused(now_us):
            self.refused_418 += 1
            banned_s = address.banned_s(now_us)
            raise Refusal(codes.TOO_MANY_REQUESTS, _banned_text(now_us, banned_s), 418, banned_s)
        self.refused_429 += 1
        retry_after_s = -(-wait_us // 1_000_000)
        if limiter is address:
            message = "Too many requests; please use the websocket for live updates to avoid polling the API."
            raise Refusal(codes.TOO_MANY_REQUESTS, message, 429, retry_after_s)
        raise Refusal(codes.TOO_MANY_ORDERS, "Too many new orders.", 429, retry_after_s)

    # Lines

    def open_line(self, target: str, now_us: int) -> int:
        """A websocket at a path with its query; its id. Raises LineRefused."""
        self.engine.advance(now_us)
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


def _cost(rule: Callable[[Params], int], parameters: dict[str, str] | Refusal) -> int:
    if isinstance(parameters, Refusal):
        return 1
    try:
        return rule(parameters)
    except ValueError:
        # A malformed number, which the handler will refuse.
        return 1


def _encode(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else payloads.encode(answer)


def _banned_text(now_us: int, banned_s: int) -> str:
    until_ms = now_us // 1000 + banned_s * 1000
    return (
        f"Way too many requests; IP banned until {until_ms}. Please use the websocket for live updates to avoid bans."
    )
