"""The venues that rows are played at: a paper exchange in memory or on sockets, and AsterDEX's testnet.

Owns: opening them, and what rows may know of each. Must not know: rows' contents, answers.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import anyio
import httpx
from still_market import START_US, SYMBOL, StillMarket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from conformance.row import Row
from conformance.signing import Keys, keys_from
from exchange.asgi import serve
from exchange.clock import Clock
from exchange.model import Instrument, RateLimit
from exchange.paper.config import PaperSettings
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import PaperLine, Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.venue import Venue
from exchange.protocol.wire import LineClosed

TESTNET_REST = "https://fapi.asterdex-testnet.com"
TESTNET_STREAM = "wss://fstream.asterdex-testnet.com"
TESTNET_CHAIN = 714
_PAPER_CHAIN = 1666


class LineEnded(Exception):
    """`code`: the close frame's, or the HTTP status that stood in its way."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the line ended with {code}")
        self.code = code


class Line(Protocol):
    async def recv(self) -> str | bytes: ...
    async def send(self, text: str) -> None: ...
    async def ping(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    http: httpx.AsyncClient
    open_line: Callable[[str], AbstractAsyncContextManager[Line]]
    """By path and query. Raises LineEnded."""
    keys: Mapping[str, Keys]
    chain_id: int
    now_us: Callable[[], int]
    mark: Decimal
    tick: Decimal
    move_mark: Callable[[Decimal], None] | None = None
    patience_s: float = 3.0


class _Memory:
    def __init__(self, line: PaperLine) -> None:
        self._line = line

    async def recv(self) -> str | bytes:
        try:
            return await self._line.recv()
        except LineClosed as closed:
            raise LineEnded(closed.code) from None

    async def send(self, text: str) -> None:
        try:
            await self._line.send(text)
        except LineClosed as closed:
            raise LineEnded(closed.code) from None

    async def ping(self) -> None:
        pass


class _Socket:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def recv(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            raise LineEnded(closed.rcvd.code if closed.rcvd else 1006) from None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed as closed:
            raise LineEnded(closed.rcvd.code if closed.rcvd else 1006) from None

    async def ping(self) -> None:
        await (await self._socket.ping())


def _socket_lines(base: str) -> Callable[[str], AbstractAsyncContextManager[Line]]:
    @asynccontextmanager
    async def open_line(target: str) -> AsyncGenerator[Line]:
        try:
            socket = await connect(base + target, proxy=None, open_timeout=10, close_timeout=1)
        except InvalidStatus as refused:
            raise LineEnded(refused.response.status_code) from None
        try:
            yield _Socket(socket)
        finally:
            await socket.close()

    return open_line


def _memory_lines(runner: Runner) -> Callable[[str], AbstractAsyncContextManager[Line]]:
    lines = PaperLines(runner)

    @asynccontextmanager
    async def open_line(target: str) -> AsyncGenerator[Line]:
        async with AsyncExitStack() as stack:
            try:
                line = await stack.enter_async_context(lines.connect("ws://paper.test" + target))
            except LineClosed:
                # On sockets a line that the venue will not have is refused before it is one.
                raise LineEnded(403) from None
            yield _Memory(line)

    return open_line


@asynccontextmanager
async def paper(settings: Mapping[str, Any], *, in_memory: bool) -> AsyncGenerator[Place]:
    """ASTERUSDT, whose mark price is 2.0000, and an empty book."""
    clock = Clock(START_US if in_memory else time.time_ns() // 1000)
    markets: list[StillMarket] = []

    def open_market(instrument: Instrument, now_us: int) -> StillMarket:
        markets.append(StillMarket(instrument))
        return markets[-1]

    def move_mark(price: Decimal) -> None:
        for market in markets:
            market.mark_ticks = market.instrument.ticks(price)

    given: dict[str, Any] = {"symbols": (SYMBOL,)} | dict(settings)
    if "limits" in given:
        given["limits"] = tuple(RateLimit(*each) for each in given["limits"])
    venue = Venue(PaperSettings(**given), open_market, clock.now_us())
    demo = venue.demo
    us = Keys(demo.user, demo.signer, demo.private_key, demo.api_key, demo.api_secret)
    runner = Runner(venue, clock.now_us)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        base, stream = "http://paper.test", ""
        if not in_memory:
            port: int = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
            base, stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        transport = PaperTransport(runner) if in_memory else None
        async with httpx.AsyncClient(transport=transport, base_url=base, trust_env=False, timeout=10) as http:
            yield Place(
                http=http,
                open_line=_memory_lines(runner) if in_memory else _socket_lines(stream),
                keys={"us": us, "somebody": keys_from("somebody")},
                chain_id=_PAPER_CHAIN,
                now_us=clock.now_us,
                mark=Decimal(2),
                tick=Decimal("0.0001"),
                move_mark=move_mark,
            )
        tasks.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class Host:
    """A venue that is not ours to set up."""

    rest: str = TESTNET_REST
    stream: str = TESTNET_STREAM
    chain_id: int = TESTNET_CHAIN


@asynccontextmanager
async def abroad(host: Host, env: Mapping[str, str]) -> AsyncGenerator[Place]:
    """With the keys of the environment, if it has any."""
    ours = Keys(
        env.get("API_USER", ""),
        env.get("API_SIGNER", ""),
        env.get("API_PRIVATE_KEY", ""),
        env.get("APIV1_PUBLIC_KEY", ""),
        env.get("APIV1_PRIVATE_KEY", ""),
    )
    async with httpx.AsyncClient(base_url=host.rest, timeout=10) as http:
        mark = (await http.get("/fapi/v3/premiumIndex", params={"symbol": SYMBOL})).json()["markPrice"]
        info = (await http.get("/fapi/v3/exchangeInfo")).json()
        filters = next(each["filters"] for each in info["symbols"] if each["symbol"] == SYMBOL)
        yield Place(
            http=http,
            open_line=_socket_lines(host.stream),
            keys={"us": ours},
            chain_id=host.chain_id,
            now_us=lambda: time.time_ns() // 1000,
            mark=Decimal(mark),
            patience_s=15.0,
            tick=Decimal(next(each["tickSize"] for each in filters if each["filterType"] == "PRICE_FILTER")),
        )


def is_playable(row: Row, *, in_memory: bool) -> bool:
    """Whether a paper exchange can be asked so."""
    return not (row.on_sockets_only if in_memory else row.is_long)
