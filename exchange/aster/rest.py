"""The way of one request: leave to send, signature, wire, settlement, and what the answer means.

Owns: everything between an endpoint with its parameters and a decoded body or a VenueError.
Must not know: what orders or books are, nor when to try again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote
from urllib.request import getproxies

import anyio
import httpx
import msgspec

from exchange.aster.auth import Auth
from exchange.aster.http_sockets import SocketTransport
from exchange.aster.pauses import LONGEST_BAN_S, Pauses, told_s
from exchange.aster.unlisted import tell_once
from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Throttled, Unavailable, VenueError
from exchange.model import limiter_name
from exchange.ports import Admission, Cost, RequestClass, Ticket
from exchange.protocol.codes import INVALID_TIMESTAMP, NONCE_EXPIRED
from exchange.protocol.endpoints import Endpoint
from exchange.protocol.meanings import classify, is_error
from exchange.protocol.payloads import BatchRow

T = TypeVar("T")
Params = Sequence[tuple[str, str]]

_needs_no_encoding = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
_banned_until = re.compile(r"until (\d{13})").search
_count_of = re.compile(rb"x-mbx-(used-weight|order-count)-([0-9]{1,5})([smhd])").fullmatch
_COUNTED = {b"used-weight": "REQUEST_WEIGHT", b"order-count": "ORDERS"}
_UNIT_S = {b"s": 1, b"m": 60, b"h": 3600, b"d": 86400}
_MOST_DIGITS = 15
_decode_code = msgspec.json.Decoder(BatchRow).decode
_CONNECT_S = 5.0
_NO_LINE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_DEAD_LINE = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


def http_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client as Rest wants it: warm HTTP/1.1 connections, no redirects. Rest bounds a request's time.

    Where the environment names a proxy, httpx's own transport goes by it.
    """
    if transport is None and not getproxies():
        transport = SocketTransport()
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=120.0)
    timeout = httpx.Timeout(None, connect=_CONNECT_S, pool=_CONNECT_S)
    return httpx.AsyncClient(transport=transport, limits=limits, timeout=timeout)


def encode_params(params: Params) -> str:
    """The url-encoded string, encoded once, in the order given. Names are the docs' own and need no encoding."""
    return "&".join(f"{name}={value if _needs_no_encoding(value) else quote(value, safe='')}" for name, value in params)


@dataclass(slots=True)
class _Trip:
    """What a request has cost so far; `was_sent` unless it is certain that no byte of it was. `ticket` is what is still
    to be settled or released."""

    given_nonce: int | None
    request_class: RequestClass
    ticket: Ticket | None
    nonce: int | None = None
    was_sent: bool = False
    used: dict[str, int] = field(default_factory=dict[str, int])


class Rest:
    """Sends requests. `auth` is wanted for signed endpoints only. `timeout_s` bounds a request, from sending on.

    `on_error` is told of each error that the venue answers with, by itself or as a row of a batch. `on_stale` is called
    when it found the nonce or timestamp out of time: our clock may be off; `on_throttled` at a 429: its limits may be
    others than we think.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        clock: Clock,
        admission: Admission,
        auth: Auth | None = None,
        *,
        timeout_s: float = 10.0,
        on_error: Callable[[VenueError], None] = tell_once,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._admission = admission
        self._auth = auth
        self._timeout_s = timeout_s
        self.on_error = on_error
        self.on_stale: Callable[[], None] = lambda: None
        self.on_throttled: Callable[[], None] = lambda: None
        self._pauses = Pauses()
        self._urls: dict[str, httpx.URL] = {}
        host = httpx.URL(self._base_url).netloc
        # Firewalls refuse those who do not say what they are.
        self._headers = [(b"host", host), (b"user-agent", b"astermm-fleet"), *(auth.headers if auth else ())]
        self._form_headers = [*self._headers, (b"content-type", b"application/x-www-form-urlencoded")]
        self._get_headers = [*self._headers, (b"accept-encoding", b"gzip")]

    async def admit(self, request_class: RequestClass, endpoint: Endpoint, params: Params = ()) -> Ticket:
        given = dict(params)
        cost = Cost(weight=endpoint.weight_of(given), orders=endpoint.orders_of(given))
        return await self._admission.admit(request_class, cost, given.get("symbol", ""))

    async def call(
        self,
        endpoint: Endpoint,
        params: Params,
        decode: Callable[[bytes], T],
        request_class: RequestClass = RequestClass.QUERY,
        ticket: Ticket | None = None,
        *,
        nonce: int | None = None,
    ) -> T:
        """What `decode` makes of the answer; an answer that it refuses leaves a write's outcome unknown.

        `nonce` is given where it must be that of another request. Raises VenueError's subclasses. The ticket is
        settled or released, whatever happens.
        """
        if ticket is None:
            ticket = await self.admit(request_class, endpoint, params)
        trip = _Trip(nonce, request_class, ticket)
        try:
            response = await self._carry(endpoint, params, trip)
            _read_counts(response.headers.raw, trip.used)
            return self._answer(endpoint, response, decode)
        except OutcomeUnknown as error:
            error.nonce = trip.nonce
            raise
        finally:
            self._end(trip)

    def release(self, ticket: Ticket | None) -> None:
        """Gives back leave that a caller was given, and cannot use."""
        if ticket is not None:
            self._admission.release(ticket)

    async def _carry(self, endpoint: Endpoint, params: Params, trip: _Trip) -> httpx.Response:
        try:
            try:
                return await self._send(endpoint, params, trip)
            except _DEAD_LINE:
                if endpoint.method != "GET":
                    raise
                # Warm connections die unseen. A read may be asked twice: once more, signed and paid for afresh, as the
                # venue may have counted the first. What was urgent still is.
                is_urgent = trip.ticket is not None and trip.ticket.is_urgent
                request_class = RequestClass.CANCEL if is_urgent else trip.request_class
                trip.ticket = await self._admission.admit(request_class, self._end(trip))
                trip.was_sent = False
                return await self._send(endpoint, params, trip)
        except _NO_LINE as error:
            raise Unavailable(f"{endpoint.name}: no connection: {_reason(error)}") from error
        except (httpx.RequestError, TimeoutError) as error:
            raise _lost(endpoint, f"no answer: {_reason(error)}") from error

    def _end(self, trip: _Trip) -> Cost:
        """Settles or releases what the trip holds, once."""
        ticket, trip.ticket = trip.ticket, None
        if ticket is None:
            return Cost(0, 0)
        if trip.was_sent:
            self._admission.settle(ticket, trip.used)
        else:
            self._admission.release(ticket)
        return ticket.cost

    async def _send(self, endpoint: Endpoint, params: Params, trip: _Trip) -> httpx.Response:
        window = self._auth.window if self._auth is not None and endpoint.is_signed else None
        place = -1 if window is None else await window.enter()
        try:
            request = self._request(endpoint, params, trip)
            try:
                with anyio.fail_after(self._timeout_s):
                    response = await self._http.send(request)
            except _NO_LINE:
                raise
            except BaseException:
                trip.was_sent = True
                raise
            trip.was_sent = True
            return response
        finally:
            if window is not None:
                window.leave(place)

    def _request(self, endpoint: Endpoint, params: Params, trip: _Trip) -> httpx.Request:
        query = encode_params(params)
        path = endpoint.path
        if endpoint.is_signed:
            if self._auth is None:
                raise BadCredentials(f"{endpoint.name} wants credentials, and none are given")
            path = self._auth.path(endpoint)
            trip.nonce = self._auth.next_nonce() if trip.given_nonce is None else trip.given_nonce
            query = self._auth.sign(query, trip.nonce)
        if endpoint.method == "GET":
            url = httpx.URL(f"{self._base_url}{path}?{query}") if query else self._url(path)
            return httpx.Request("GET", url, headers=self._get_headers)
        return httpx.Request(endpoint.method, self._url(path), headers=self._form_headers, content=query.encode())

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self._base_url + path)
        return url

    def _answer(self, endpoint: Endpoint, response: httpx.Response, decode: Callable[[bytes], T]) -> T:
        body = response.content
        code, msg = _error_in(body)
        if response.status_code != 200 or is_error(code):
            raise self._refused(endpoint, response, code, msg)
        self._pauses.succeeded()
        try:
            return decode(body)
        except (msgspec.DecodeError, ValueError, ArithmeticError, LookupError) as error:
            raise _lost(endpoint, f"an answer that cannot be read: {_reason(error)}") from error

    def _refused(self, endpoint: Endpoint, response: httpx.Response, code: int | None, msg: str) -> VenueError:
        told = self._retry_after_s(response, msg)
        error = classify(response.status_code, code, msg, told)
        self.on_error(error)
        if error.code in (INVALID_TIMESTAMP, NONCE_EXPIRED):
            self.on_stale()
        if isinstance(error, Throttled):
            error.retry_after_s = self._pauses.after_429(self._clock.steady_us(), told)
            self.on_throttled()
            self._admission.pause(error.retry_after_s, str(error))
        elif isinstance(error, Banned):
            self._admission.ban(error.retry_after_s, str(error))
        elif isinstance(error, OutcomeUnknown) and endpoint.method == "GET":
            return Unavailable(error.message, code=error.code, http_status=error.http_status)
        return error

    def _retry_after_s(self, response: httpx.Response, msg: str) -> float | None:
        told = told_s(response.headers.get("retry-after", ""))
        until = _banned_until(msg)
        if told is not None or until is None:
            return told
        return min(max(1.0, int(until[1]) / 1000 - self._clock.now_us() / 1e6), LONGEST_BAN_S)


def _lost(endpoint: Endpoint, what: str) -> VenueError:
    """A read without an answer changed nothing; anything else may have been carried out."""
    kind = Unavailable if endpoint.method == "GET" else OutcomeUnknown
    return kind(f"{endpoint.name}: {what}")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _error_in(body: bytes) -> tuple[int | None, str]:
    """`code` and `msg` of a body that has them: errors come with HTTP 200 too."""
    if b'"code"' not in body or not body.lstrip().startswith(b"{"):
        return None, ""
    try:
        row = _decode_code(body)
        return (None if row.code is msgspec.UNSET else int(row.code)), row.msg
    except (msgspec.DecodeError, ValueError):
        return None, ""


def _read_counts(headers: Sequence[tuple[bytes, bytes]], used: dict[str, int]) -> None:
    """X-MBX-USED-WEIGHT-1M and X-MBX-ORDER-COUNT-10S, by RateLimit.name. What is no count is none at all."""
    for name, value in headers:
        found = _count_of(name.lower())
        if found is not None and value.isdigit() and len(value) <= _MOST_DIGITS:
            used[limiter_name(_COUNTED[found[1]], int(found[2]) * _UNIT_S[found[3]])] = int(value)
