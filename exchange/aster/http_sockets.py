"""Real HTTP: an httpx transport over plain sockets, HTTP/1.1 on warm connections, one write a request.

Owns: connections to the venue and the bytes on them. Must not know: endpoints, signatures, when to try again.

httpx's own transport writes head and body apart and looks for its backend anew at each step: that is most of the time
between a decision and its order on the wire (`make bench`). What is not needed here is not here: HTTP/2, proxies,
streamed bodies.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import sys
from collections import defaultdict
from typing import cast

import anyio
import httptools
import httpx

_CONNECT_S = 5.0
_IDLE_S = 120.0
"""A connection that waited for longer is not trusted any more."""
_MAX_CONNECTIONS = 128
"""More than nonces may be in flight (exchange.aster.nonce_window): a signed request does not wait for its like here."""
_KEEP_ALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""So that the system notices within half a minute when the other end of an idle connection is gone without a word."""

Origin = tuple[str, str, int]


class SocketTransport(httpx.AsyncBaseTransport):
    """A connection for each request at once, up to `max_connections`; then they wait, first in, first out.

    Raises httpx.ConnectError, ConnectTimeout and PoolTimeout when nothing was sent, ReadError and RemoteProtocolError
    when the request may have been carried out. It tries nothing twice: what may be tried again its caller knows.
    """

    def __init__(self, *, max_connections: int = _MAX_CONNECTIONS) -> None:
        self._idle: defaultdict[Origin, list[_Line]] = defaultdict(list)
        self._room = anyio.Semaphore(max_connections, fast_acquire=True)
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        origin = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        data = _as_bytes(request, await request.aread())
        await self._take_room()
        try:
            line = self._idle_line(origin) or await self._open(origin)
            return await self._ask(origin, line, data)
        finally:
            self._room.release()

    async def _take_room(self) -> None:
        try:
            self._room.acquire_nowait()
        except anyio.WouldBlock:
            try:
                with anyio.fail_after(_CONNECT_S):
                    await self._room.acquire()
            except TimeoutError as error:
                raise httpx.PoolTimeout(f"no connection was free in {_CONNECT_S:g} s") from error

    async def _ask(self, origin: Origin, line: _Line, data: bytes) -> httpx.Response:
        try:
            response = await line.ask(data)
        except httpx.TransportError:
            line.abort()
            raise
        except BaseException:
            # Cancelled: what may still come on this line would be taken for the answer to another request. If it was
            # for want of an answer, the way itself may be dead, and the lines that wait on it with it.
            line.abort()
            self._close_idle(origin)
            raise
        if line.is_reusable:
            self._idle[origin].append(line)
        else:
            line.abort()
        return response

    async def aclose(self) -> None:
        lines = [line for idle in self._idle.values() for line in idle]
        self._idle.clear()
        for line in lines:
            line.abort()
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            for line in lines:
                await line.closed.wait()

    def _idle_line(self, origin: Origin) -> _Line | None:
        """The one used last: those that are spare grow old, and go."""
        idle = self._idle[origin]
        oldest = anyio.current_time() - _IDLE_S
        while idle and (idle[0].idle_since <= oldest or not idle[0].is_reusable):
            idle.pop(0).abort()
        while idle:
            line = idle.pop()
            if line.is_reusable and not line.has_news():
                return line
            line.abort()
        return None

    def _close_idle(self, origin: Origin) -> None:
        for line in self._idle.pop(origin, []):
            line.abort()

    async def _open(self, origin: Origin) -> _Line:
        scheme, host, port = origin
        tls = self._tls_context() if scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            with anyio.fail_after(_CONNECT_S):
                _, line = await loop.create_connection(_Line, host, port, ssl=tls)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {host} in {_CONNECT_S:g} s") from error
        except OSError as error:
            raise httpx.ConnectError(str(error) or type(error).__name__) from error
        return line

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self.closed = anyio.Event()
        self.is_reusable = True
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answered = anyio.Event()
        self._waits = False
        self._outcome: tuple[int, list[tuple[bytes, bytes]], bytes] | httpx.TransportError = (0, [], b"")
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._ends_with_line = False

    async def ask(self, data: bytes) -> httpx.Response:
        assert self._transport is not None
        self._answered = anyio.Event()
        self._waits, self.is_reusable = True, False
        self._transport.write(data)
        await self._answered.wait()
        if isinstance(self._outcome, httpx.TransportError):
            raise self._outcome
        self.idle_since = anyio.current_time()
        status, headers, body = self._outcome
        return httpx.Response(status, headers=headers, content=body)

    def has_news(self) -> bool:
        """Whether something can be read of which the loop has not told yet. On a line that waits it is the other end's
        goodbye: asked for now, it is still certain that nothing was sent.
        """
        assert self._transport is not None
        return _is_readable(self._transport.get_extra_info("socket").fileno())

    def abort(self) -> None:
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no asyncio class.
        self._transport = cast("asyncio.Transport", transport)
        _keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if not self._waits:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(f"no HTTP: {error}"))
            self.abort()

    def eof_received(self) -> None:
        # Of such an end the parser is not told.
        if self._waits and self._ends_with_line:
            self._answer(is_reusable=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        self.closed.set()
        self._fail(httpx.ReadError(str(exc) if exc else "closed without an answer"))

    # --- what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._ends_with_line = not any(_tells_length(name.lower(), value.lower()) for name, value in self._headers)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._waits:
            self.abort()
        elif self._parser.get_status_code() >= 200:
            self._answer(is_reusable=self._parser.should_keep_alive())
        self._headers, self._body, self._ends_with_line = [], [], False

    def _answer(self, *, is_reusable: bool) -> None:
        self._waits = False
        self._outcome = self._parser.get_status_code(), self._headers, b"".join(self._body)
        self.is_reusable = is_reusable
        self._answered.set()

    def _fail(self, failure: httpx.TransportError) -> None:
        if self._waits:
            self._waits = False
            self._outcome = failure
            self._answered.set()


def _tells_length(name: bytes, value: bytes) -> bool:
    """Whether an answer with that header ends before its line does."""
    return name == b"content-length" or (name == b"transfer-encoding" and value.endswith(b"chunked"))


def _is_readable(descriptor: int) -> bool:
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    # Not select, which knows no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _keep_alive(each: socket.socket) -> None:
    each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            each.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _as_bytes(request: httpx.Request, body: bytes) -> bytes:
    head = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    head += [b"%s: %s" % (name, value) for name, value in request.headers.raw]
    return b"\r\n".join((*head, b"", body))
