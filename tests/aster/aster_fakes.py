"""A venue of a few lines: an HTTP handler that records, and websockets held in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import httpx

from exchange.model import Instrument
from exchange.ports import Cost, RequestClass, Ticket
from exchange.protocol.signing import Signer
from exchange.protocol.wire import LineClosed

KEY = "0x4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"
USER = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
EPOCH_US = 1_700_000_000_000_000


def signer() -> Signer:
    return Signer(KEY, 1666, USER)


def instrument(symbol: str = "ASTERUSDT") -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        margin_asset="USDT",
        status="TRADING",
        tick_size=Decimal("0.0001"),
        step_size=Decimal("0.01"),
        min_ticks=1,
        max_ticks=2_000_000,
        min_lots=1,
        max_lots=200_000_000,
        min_notional=Decimal(5),
        percent_up=Decimal("1.05"),
        percent_down=Decimal("0.95"),
    )


def instruments(*symbols: str) -> dict[str, Instrument]:
    return {symbol: instrument(symbol) for symbol in symbols or ("ASTERUSDT",)}


@dataclass
class Leave:
    cost: Cost
    is_urgent: bool = False


@dataclass
class AlwaysYes:
    """Admission that grants everything and writes down what it was told."""

    asked: list[tuple[RequestClass, Cost]] = field(default_factory=list[tuple[RequestClass, Cost]])
    settled: list[Mapping[str, int]] = field(default_factory=list[Mapping[str, int]])
    released: int = 0
    paused: list[float] = field(default_factory=list[float])
    banned: list[float] = field(default_factory=list[float])

    async def admit(self, request_class: RequestClass, cost: Cost, symbol: str = "") -> Ticket:
        self.asked.append((request_class, cost))
        return Leave(cost)

    def settle(self, ticket: Ticket, used: Mapping[str, int]) -> None:
        self.settled.append(dict(used))

    def release(self, ticket: Ticket) -> None:
        self.released += 1

    def pause(self, seconds: float, reason: str) -> None:
        self.paused.append(seconds)

    def ban(self, seconds: float, reason: str) -> None:
        self.banned.append(seconds)


Handler = Callable[[httpx.Request], httpx.Response]


def answering(
    body: object = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> tuple[list[httpx.Request], Handler]:
    """A handler that always answers the same, and the requests it saw."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json=body, headers=headers)

    return seen, handle


class FakeSocket:
    """One in-memory line, seen from the client; `push`, `cut` and `asked` are the venue's side."""

    def __init__(self, url: str, confirms: bool) -> None:
        self.url = url
        self.confirms = confirms
        self.asked: list[tuple[float, dict[str, Any]]] = []
        self.carried: dict[str, None] = {}
        self.is_open = True
        self._send, self._receive = anyio.create_memory_object_stream[str | LineClosed](100_000)

    def push(self, frame: object) -> None:
        self._send.send_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def cut(self, reason: str = "cut") -> None:
        self._send.send_nowait(LineClosed(reason))

    async def recv(self) -> str | bytes:
        item = await self._receive.receive()
        if isinstance(item, LineClosed):
            raise item
        return item

    async def send(self, text: str) -> None:
        request = json.loads(text)
        self.asked.append((anyio.current_time(), request))
        for name in request["params"]:
            if request["method"] == "SUBSCRIBE":
                self.carried[name] = None
            else:
                self.carried.pop(name)
        if self.confirms:
            self.push({"result": None, "id": request["id"]})

    def close(self) -> None:
        self.is_open = False
        self._send.close()
        self._receive.close()


class FakeLines:
    """Hands out sockets; `refusals` says how many of the next attempts fail."""

    def __init__(self) -> None:
        self.sockets: list[FakeSocket] = []
        self.attempts: list[float] = []
        self.refusals = 0
        self.confirms = True

    @property
    def last(self) -> FakeSocket:
        return self.sockets[-1]

    def connect(self, url: str) -> AbstractAsyncContextManager[FakeSocket]:
        return self._open(url)

    @asynccontextmanager
    async def _open(self, url: str) -> AsyncGenerator[FakeSocket]:
        self.attempts.append(anyio.current_time())
        if self.refusals > 0:
            self.refusals -= 1
            raise LineClosed("refused")
        socket = FakeSocket(url, self.confirms)
        self.sockets.append(socket)
        try:
            yield socket
        finally:
            socket.close()


async def settle() -> None:
    """Lets everything that can happen now happen."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def book_ticker(symbol: str, update_id: int, bid: str = "0.7", ask: str = "0.8") -> dict[str, object]:
    data = {"e": "bookTicker", "u": update_id, "E": 9, "T": 8, "s": symbol, "b": bid, "B": "1", "a": ask, "A": "2"}
    return {"stream": f"{symbol.lower()}@bookTicker", "data": data}


def mark_price(symbol: str, at_ms: int, price: str = "0.75") -> dict[str, object]:
    return {
        "stream": f"{symbol.lower()}@markPrice@1s",
        "data": {
            "e": "markPriceUpdate",
            "E": at_ms,
            "s": symbol,
            "p": price,
            "i": price,
            "P": price,
            "r": "0.0001",
            "T": 99,
        },
    }
