"""The venue without sockets: an httpx transport and a websocket opener, for tests and virtual time.

Owns: the way between client and venue and how long it takes. Must not know: what requests mean.

Each direction's latency is drawn anew for each request or frame. Frames of one line never overtake one another;
requests may, as they do over a pool of connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import httpx

from exchange.paper.answers import Request, Response
from exchange.paper.runner import Outbox, Runner
from exchange.paper.streams import LineRefused
from exchange.protocol.wire import LineClosed

LatencyS = Callable[[], float]
"""Seconds one message takes one way."""


def one_millisecond() -> float:
    return 0.001


class PaperTransport(httpx.AsyncBaseTransport):
    def __init__(
        self,
        runner: Runner,
        *,
        to_venue: LatencyS = one_millisecond,
        from_venue: LatencyS = one_millisecond,
        client: str = "memory",
    ) -> None:
        self._runner = runner
        self._to_venue = to_venue
        self._from_venue = from_venue
        self._client = client
        self._failures: deque[tuple[int, bool]] = deque()

    def fail_next(self, status: int, executed: bool) -> None:
        """The next request is answered with `status`, after being carried out or without. 0: no answer at all."""
        self._failures.append((status, executed))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = Request(
            method=request.method,
            path=request.url.path,
            query=request.url.query.decode("latin-1"),
            body=await request.aread(),
            headers={name.lower(): value for name, value in request.headers.items()},
            client=self._client,
        )
        await anyio.sleep(self._to_venue())
        status, executed = self._failures.popleft() if self._failures else (200, True)
        failing = status != 200
        response = self._runner.handle(sent) if executed else Response(status, {}, b"")
        await anyio.sleep(self._from_venue())
        if not failing:
            return httpx.Response(response.status, headers=response.headers, content=response.body, request=request)
        if not status:
            raise httpx.ReadError("no answer came", request=request)
        return httpx.Response(status, content=b"", request=request)


class MemoryLine:
    """One end of a line: implements exchange.protocol.wire.WebSocket."""

    def __init__(self, runner: Runner, line_id: int, outbox: Outbox, to_venue: LatencyS) -> None:
        self._runner = runner
        self._line_id = line_id
        self._outbox = outbox
        self._to_venue = to_venue
        self._last_arrival = 0.0

    async def recv(self) -> str | bytes:
        return await self._outbox.get()

    async def send(self, text: str) -> None:
        arrival = self._last_arrival = max(self._last_arrival, anyio.current_time() + self._to_venue())
        await anyio.sleep(arrival - anyio.current_time())
        if self._outbox.closed is not None:
            raise self._outbox.closed
        self._runner.receive(self._line_id, text)


class PaperLines:
    """Opens lines to the venue: `lines.connect` is an exchange.protocol.wire.Connect."""

    def __init__(
        self, runner: Runner, *, to_venue: LatencyS = one_millisecond, from_venue: LatencyS = one_millisecond
    ) -> None:
        self._runner = runner
        self._to_venue = to_venue
        self._from_venue = from_venue
        self.refusing = False
        """While true no line can be opened."""

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[MemoryLine]:
        """Raises LineClosed when the venue refuses."""
        await anyio.sleep(self._to_venue() + self._from_venue())
        if self.refusing:
            raise LineClosed("no connection to be had")
        parts = urlsplit(url)
        outbox = Outbox(self._from_venue)
        try:
            line_id = self._runner.open(parts.path + (f"?{parts.query}" if parts.query else ""), outbox)
        except LineRefused as refused:
            raise LineClosed(str(refused)) from None
        try:
            yield MemoryLine(self._runner, line_id, outbox, self._to_venue)
        finally:
            self._runner.close(line_id)
