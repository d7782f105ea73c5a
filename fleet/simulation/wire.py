"""One process's way to the exchange in memory, which can be cut off as a process is: at once, with nothing said.

Owns: what was sent and heard, written down, and that what is on its way arrives though its sender is gone. Must not
know: what requests mean, why a process ends.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
from anyio.abc import TaskGroup

from exchange.clock import Clock
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import PaperLine
from exchange.protocol.hosts import Host
from exchange.protocol.wire import LineClosed, WebSocket

HOST = Host("http://paper.test", "ws://paper.test", 1666)
"""What the exchange in memory is called; the number is of its chain."""

WORLD = "world:"
"""How the names of tasks begin that are no process's."""

TRACED = 400
"""Characters of a line of the trace."""


@dataclass(frozen=True, slots=True)
class HeldUp:
    """Of the next request of this method about an order: it arrives so late, and its connection breaks before."""

    method: str
    late_s: float
    broken_after_s: float


@dataclass(slots=True)
class Trace:
    """What went over all wires, in order: the time in microseconds, and a line of text."""

    clock: Clock
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def add(self, text: str) -> None:
        self.lines.append((self.clock.now_us(), text[:TRACED]))


@dataclass(slots=True, eq=False)
class _Trip:
    symbol: str
    sent_us: int
    ended: anyio.Event
    response: httpx.Response | None = None
    error: httpx.TransportError | None = None


SLOW_US = 1_000_000
"""A request that is out for longer is held up: it takes a tenth of that on most ways."""

GIVEN_UP_US = 11_000_000
"""A request out for longer is out of the client's mind."""

_symbol = re.compile(r"\bsymbol=([A-Z0-9]+)").search


class Wire(httpx.AsyncBaseTransport):
    def __init__(
        self,
        transport: PaperTransport,
        lines: PaperLines,
        tasks: TaskGroup,
        trace: Trace,
        held_up: list[HeldUp],
    ) -> None:
        """`held_up`: what is to come of the next requests, of whichever process they are."""
        self.is_dead = False
        self.market_us = trace.clock.now_us()
        """When a line of the market's last brought anything."""
        self._held_up = held_up
        self._under_way: dict[_Trip, None] = {}
        self._troubled_us: dict[str, int] = {}
        self._transport = transport
        self._lines = lines
        self._tasks = tasks
        self._trace = trace

    def die(self) -> None:
        self.is_dead = True

    def troubled_us(self, symbol: str) -> int:
        """When a request about the symbol, or about all, was last held up or ended without a proper answer."""
        now_us = self._trace.clock.now_us()
        last_us = max(self._troubled_us.get(symbol, 0), self._troubled_us.get("", 0))
        for trip in self._under_way:
            if trip.symbol in (symbol, "") and now_us - trip.sent_us > SLOW_US:
                last_us = max(last_us, min(now_us, trip.sent_us + GIVEN_UP_US))
        return last_us

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_dead:
            raise httpx.ConnectError("the process is gone", request=request)
        body = (await request.aread()).decode()
        asked = request.url.query.decode() or body
        self._trace.add(f"> {request.method} {request.url.path} {asked}")
        found = _symbol(asked)
        trip = _Trip(found[1] if found else "", self._trace.clock.now_us(), anyio.Event())
        self._under_way[trip] = None
        held_up = self._held_up_next(request)
        self._tasks.start_soon(self._carry, request, trip, held_up.late_s if held_up else 0.0, name=WORLD + "trip")
        if held_up is not None:
            await anyio.sleep(held_up.broken_after_s)
            raise httpx.ReadError("connection lost", request=request)
        await trip.ended.wait()
        if trip.error is not None:
            raise trip.error
        assert trip.response is not None
        return trip.response

    def _held_up_next(self, request: httpx.Request) -> HeldUp | None:
        if request.url.path.endswith("/order"):
            for place, each in enumerate(self._held_up):
                if each.method == request.method:
                    return self._held_up.pop(place)
        return None

    async def _carry(self, request: httpx.Request, trip: _Trip, late_s: float) -> None:
        try:
            if late_s:
                await anyio.sleep(late_s)
                self._trace.add(f"~ {request.method} arrives late")
            trip.response = await self._transport.handle_async_request(request)
            self._trace.add(f"< {trip.response.status_code} {request.method} {trip.response.text}")
        except httpx.TransportError as error:
            trip.error = error
            self._trace.add(f"< {type(error).__name__} {request.method} {request.url.path}: {error}")
        if trip.response is None or trip.response.status_code != 200:
            self._troubled_us[trip.symbol] = self._trace.clock.now_us()
        del self._under_way[trip]
        trip.ended.set()

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[WebSocket]:
        """An exchange.protocol.wire.Connect. Raises LineClosed."""
        if self.is_dead:
            raise LineClosed("the process is gone")
        async with self._lines.connect(url) as line:
            is_account = "/ws/" in url
            self._trace.add(f"= {'account' if is_account else 'market'} line is open")
            yield _AccountLine(line, self._trace) if is_account else _MarketLine(line, self)

    def note_market(self) -> None:
        self.market_us = self._trace.clock.now_us()


class _AccountLine:
    """An account's news is written down as it is heard; the market's would be too much."""

    def __init__(self, line: PaperLine, trace: Trace) -> None:
        self._line = line
        self._trace = trace

    async def recv(self) -> str:
        text = await self._line.recv()
        self._trace.add(f"* {text}")
        return text

    async def send(self, text: str) -> None:
        await self._line.send(text)


class _MarketLine:
    """Only that there was news is noted."""

    def __init__(self, line: PaperLine, wire: Wire) -> None:
        self._line = line
        self._wire = wire

    async def recv(self) -> str:
        text = await self._line.recv()
        self._wire.note_market()
        return text

    async def send(self, text: str) -> None:
        await self._line.send(text)
