"""A venue that says yes: just enough of AsterDEX for a bot to quote on, and a stopwatch at its door.

Owns: two loopback ports (HTTP and websocket), answers without matching, limits or checks, and the time at which a
request's last byte came. Must not know: what is measured. It stands in the measuring process, the bot in another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import cast
from urllib.parse import parse_qsl

import httptools
import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.exceptions import ConnectionClosed

from bench import samples
from exchange.model import RateLimit
from exchange.paper.instruments import exchange_info
from exchange.protocol import frames, payloads, streams

LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 1_000_000), RateLimit("ORDERS", 60, 1_000_000))
"""So wide that nobody waits: how requests wait for a budget is not what is timed here."""


@dataclass(frozen=True, slots=True)
class Request:
    """`arrived_ns`: when the last of its bytes was read, on time.perf_counter_ns."""

    method: str
    path: str
    params: dict[str, str]
    arrived_ns: int


class StubVenue:
    """`on_order` hears of every request that places or amends; `prices` are what snapshots tell."""

    def __init__(self, prices: dict[str, Decimal]) -> None:
        self.prices = prices
        self.rest_port = self.stream_port = 0
        self.on_order: Callable[[Request], None] = _ignore
        self.orders = 0
        """Requests that placed or amended, so far."""
        self.placed: set[tuple[str, str]] = set()
        """Symbol and side of every order placed."""
        self._subscribed: set[str] = set()
        self._market: ServerConnection | None = None
        self._user: ServerConnection | None = None
        self._numbers = 0

    @property
    def is_heard(self) -> bool:
        return self._market is not None and self._user is not None

    @property
    def takes_all_books(self) -> bool:
        return streams.ALL_BOOK_TICKERS in self._subscribed

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- what the bot hears

    async def tell_market(self, frame: bytes) -> None:
        assert self._market is not None
        await self._market.send(frame, text=True)

    async def tell_account(self, frame: bytes) -> None:
        assert self._user is not None
        await self._user.send(frame, text=True)

    async def tell_marks(self) -> None:
        """Mark prices as they are, of every symbol: pushed each second, they show that the line is alive."""
        now_ms = time.time_ns() // 1_000_000
        rows = [samples.mark_price_frame(symbol, f"{price:f}", now_ms) for symbol, price in self.prices.items()]
        if streams.ALL_MARK_PRICES in self._subscribed:
            await self.tell_market(frames.combined(streams.ALL_MARK_PRICES, list[frames.MarkPriceFrame](rows)))
            return
        for row in rows:
            await self.tell_market(frames.combined(streams.mark_price(row.symbol), row))

    # --- what the bot asks

    def answer(self, request: Request) -> bytes:
        name = request.path.removeprefix("/fapi/v3/")
        if name == "order":
            return self._order(request)
        now_ms = time.time_ns() // 1_000_000
        symbol = request.params.get("symbol", "")
        match name:
            case "time":
                body: object = payloads.ServerTime(now_ms)
            case "exchangeInfo":
                return exchange_info(self.prices, LIMITS, ("USDT",), now_ms)
            case "ticker/bookTicker":
                body = [
                    payloads.BookTickerRow(each, f"{price:f}", "1", f"{price:f}", "1", now_ms)
                    for each, price in self.prices.items()
                ]
            case "premiumIndex":
                body = [
                    payloads.PremiumIndexRow(each, f"{price:f}", f"{price:f}", "0.0001", now_ms, now_ms)
                    for each, price in self.prices.items()
                ]
            case "balance":
                body = [payloads.BalanceRow("USDT", "1000000.00000000")]
            case "positionSide/dual":
                body = payloads.PositionModeBody(False)
            case "multiAssetsMargin":
                body = payloads.MultiAssetsBody(False)
            case "leverage":
                body = payloads.LeverageBody(symbol, int(request.params["leverage"]))
            case "listenKey":
                body = payloads.ListenKeyBody("bench")
            case _:
                body = list[str]()
        return msgspec.json.encode(body)

    def _order(self, request: Request) -> bytes:
        params = request.params
        body = payloads.OrderBody(
            symbol=params.get("symbol", ""),
            order_id=self.next_number(),
            client_order_id=params.get("newClientOrderId") or params.get("origClientOrderId", ""),
            side=params.get("side", "BUY"),
            status="CANCELED" if request.method == "DELETE" else "NEW",
            price=params.get("price", "0"),
            orig_qty=params.get("quantity", "0"),
            executed_qty="0",
            time_in_force="GTX",
            update_time=time.time_ns() // 1_000_000,
            reduce_only="reduceOnly" in params,
        )
        if request.method in ("POST", "PUT"):
            self.orders += 1
            self.placed.add((body.symbol, body.side))
            self.on_order(request)
        return payloads.encode(body)

    # --- its doors

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None]:
        loop = asyncio.get_running_loop()
        http = await loop.create_server(lambda: _HttpLine(self.answer), "127.0.0.1", 0)
        async with http, serve_websocket(self._hold, "127.0.0.1", 0, compression=None) as websocket:
            self.rest_port = http.sockets[0].getsockname()[1]
            self.stream_port = next(iter(websocket.sockets)).getsockname()[1]
            yield

    async def _hold(self, line: ServerConnection) -> None:
        path = line.request.path if line.request else ""
        if path.startswith("/ws/"):
            self._user = line
        else:
            self._market = line
            self._subscribed.update(path.partition("?streams=")[2].split("/"))
        with suppress(ConnectionClosed):
            async for message in line:
                request = frames.decode_request(message)
                self._subscribed.update(name for name in request.params if isinstance(name, str))
                await line.send(msgspec.json.encode(frames.StreamResponse(None, request.id)), text=True)


class _HttpLine(asyncio.Protocol):
    def __init__(self, answer: Callable[[Request], bytes]) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._arrived_ns = 0
        self._target = self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no asyncio class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._arrived_ns = time.perf_counter_ns()
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target, self._body = url, b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._transport is not None
        path, _, query = self._target.decode().partition("?")
        params = dict(parse_qsl(f"{query}&{self._body.decode()}"))
        body = self._answer(Request(self._parser.get_method().decode(), path, params, self._arrived_ns))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


def _ignore(_: Request) -> None:
    pass


def wants(symbols: Iterable[str], sides: Sequence[str]) -> set[tuple[str, str]]:
    """What `placed` holds once a bot quotes everywhere."""
    return {(symbol, side) for symbol in symbols for side in sides}
