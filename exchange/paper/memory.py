"""The venue without sockets: an httpx transport and a websocket opener, for tests and virtual time.

Owns: the translation between httpx and the runner. Must not know: what requests mean, what goes wrong.
The way itself takes a millisecond each way: in virtual time, where nothing else takes any, it keeps time passing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

import anyio
import httpx

from exchange.paper.answers import Request
from exchange.paper.runner import PaperLine, Runner, Unanswered
from exchange.paper.streams import LineRefused
from exchange.protocol.wire import LineClosed

WAY_S = 0.001


class PaperTransport(httpx.AsyncBaseTransport):
    def __init__(self, runner: Runner, *, client: str = "memory") -> None:
        self._runner = runner
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = Request(
            method=request.method,
            path=request.url.path,
            query=request.url.query.decode("latin-1"),
            body=await request.aread(),
            headers={name.lower(): value for name, value in request.headers.items()},
            client=self._client,
        )
        timeouts = cast("dict[str, float | None]", request.extensions.get("timeout", {}))
        try:
            with anyio.fail_after(timeouts.get("read")):
                await anyio.sleep(WAY_S)
                response = await self._runner.request(sent)
                await anyio.sleep(WAY_S)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        except Unanswered as unanswered:
            kind = httpx.ConnectError if unanswered.was_refused else httpx.ReadError
            raise kind(str(unanswered), request=request) from None
        return httpx.Response(response.status, headers=response.headers, content=response.body, request=request)


class PaperLines:
    """Opens lines to the venue: `lines.connect` is an exchange.protocol.wire.Connect."""

    def __init__(self, runner: Runner, *, client: str = "memory") -> None:
        self._runner = runner
        self._client = client

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[PaperLine]:
        """Raises LineClosed when the venue refuses."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            line = await self._runner.connect(target, WAY_S, self._client)
        except (LineRefused, Unanswered) as refused:
            raise LineClosed(str(refused)) from None
        try:
            yield line
        finally:
            line.close()
