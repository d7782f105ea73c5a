"""A paper exchange and the real client on it, by every way there is between the two; and somebody else to trade with."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Any, Generic, TypeVar

import anyio
import httpx
from anyio.abc import TaskGroup
from still_market import START_US, SYMBOL, StillMarket

from exchange.asgi import serve
from exchange.aster.market_stream import AsterMarketStream
from exchange.clock import Clock
from exchange.model import Fill, Instrument, Order, Place, Side, TimeInForce
from exchange.paper.config import DemoCredentials, PaperSettings, demo_credentials
from exchange.paper.engine import OpenMarket
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.hosts import Host
from fleet.config.credentials import Credentials
from fleet.runtime.venue import Venue
from fleet.simulation.loop import VirtualLoop
from fleet.wiring.client import Address, open_venue

Event = TypeVar("Event")
Kind = TypeVar("Kind")

PATIENCE_S = 15.0
CHAIN_ID = 1666


@dataclass(frozen=True, slots=True)
class Way:
    """How the client reaches the exchange, in which kind of time, and how it signs."""

    name: str
    backend: tuple[str, dict[str, Any]]
    is_memory: bool = False
    is_v1: bool = False

    def credentials(self, demo: DemoCredentials) -> DemoCredentials | Credentials:
        if not self.is_v1:
            return demo
        return Credentials("", "", "", v1_public_key=demo.api_key, v1_private_key=demo.api_secret)


MEMORY = Way("memory", ("asyncio", {"loop_factory": VirtualLoop}), is_memory=True)
MEMORY_V1 = replace(MEMORY, name="memory-v1", is_v1=True)
SOCKETS = Way("sockets", ("asyncio", {}))
UVLOOP = Way("sockets-uvloop", ("asyncio", {"use_uvloop": True}))
WAYS = (MEMORY, MEMORY_V1, SOCKETS, *(() if sys.platform == "win32" else (UVLOOP,)))


class Seen(Generic[Event]):
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = anyio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def all(self, kind: type[Kind], after: int = 0) -> list[Kind]:
        return [event for event in self.events[after:] if isinstance(event, kind)]

    async def first(self, kind: type[Kind], where: Callable[[Kind], bool] = lambda _: True, after: int = 0) -> Kind:
        """The first of its kind of which `where` holds, from that place on; waits for it."""
        return (await self.some(1, kind, where, after))[0]

    async def some(
        self, number: int, kind: type[Kind], where: Callable[[Kind], bool] = lambda _: True, after: int = 0
    ) -> list[Kind]:
        with anyio.fail_after(PATIENCE_S):
            while len(found := [event for event in self.all(kind, after) if where(event)]) < number:
                self._news = anyio.Event()
                await self._news.wait()
        return found[:number]


@dataclass(slots=True)
class House:
    """`venue` is the client under test. Its account's only symbol of note is ASTERUSDT: 2.0000 is tick 20,000."""

    way: Way
    address: Address
    clock: Clock
    paper: PaperVenue
    runner: Runner
    markets: dict[str, StillMarket]
    tasks: TaskGroup
    venue: Venue = field(init=False)
    rest_stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _ids: count[int] = field(default_factory=count)
    _somebody: Venue | None = None

    @property
    def client(self) -> str:
        """The address that the exchange counts our weight under."""
        return "memory" if self.way.is_memory else "127.0.0.1"

    @property
    def credentials(self) -> DemoCredentials | Credentials:
        return self.way.credentials(self.paper.demo)

    @property
    def instrument(self) -> Instrument:
        return self.venue.info.instruments[SYMBOL]

    def order(
        self,
        side: Side,
        ticks: int,
        lots: int = 500,
        time_in_force: TimeInForce = TimeInForce.GTX,
        *,
        reduce_only: bool = False,
        symbol: str = SYMBOL,
        client_id: str = "",
    ) -> Place:
        client_id = client_id or f"row-{next(self._ids)}"
        return Place(symbol, client_id, side, ticks, lots, reduce_only, time_in_force)

    async def place(self, side: Side, ticks: int, lots: int = 500, **more: Any) -> Order:
        return await self.venue.trading.place(self.order(side, ticks, lots, **more))

    async def somebody(self) -> Venue:
        """Another account on the same exchange."""
        if self._somebody is None:
            opened = open_venue(self.address, demo_credentials(99, CHAIN_ID), self.clock, rng=Random(1))
            self._somebody = await self.rest_stack.enter_async_context(opened)
        return self._somebody

    async def quote(self, side: Side, ticks: int, lots: int = 1000, symbol: str = SYMBOL) -> Order:
        """Somebody else rests an order."""
        order = self.order(side, ticks, lots, symbol=symbol)
        return await (await self.somebody()).trading.place(order)

    async def take(self, side: Side, ticks: int, lots: int) -> Order:
        """Somebody else takes what is there up to a price."""
        return await (await self.somebody()).trading.place(self.order(side, ticks, lots, TimeInForce.IOC))

    async def buy(self, lots: int, ticks: int = 20_010) -> list[Fill]:
        """We take from somebody else, at 2.0010; our newest trade with him is the last."""
        await self.quote(Side.SELL, ticks, lots)
        await self.place(Side.BUY, ticks, lots, time_in_force=TimeInForce.IOC)
        return await self.venue.trading.fills(SYMBOL)

    def market_stream(self, address: Address | None = None, **settings: Any) -> AsterMarketStream:
        address = address or self.address
        return AsterMarketStream(
            address.connect, address.host.stream, self.clock, self.venue.info.instruments, Random(2), **settings
        )

    def used(self) -> dict[str, int]:
        """What the exchange has counted of ours, by limiter."""
        now_us = self.clock.now_us()
        limits = self.paper.limits
        return limits.address(self.client).used(now_us) | limits.orders(self.paper.account().address).used(now_us)

    async def spend(self, requests: int) -> list[int]:
        """Requests from our address that our own gate knows nothing of; their statuses."""
        transport = PaperTransport(self.runner) if self.way.is_memory else None
        async with httpx.AsyncClient(transport=transport, base_url=self.address.host.rest, trust_env=False) as http:
            return [(await http.get("/fapi/v3/ping")).status_code for _ in range(requests)]


@asynccontextmanager
async def open_house(
    way: Way,
    *symbols: str,
    open_market: OpenMarket | None = None,
    credentials: DemoCredentials | Credentials | None = None,
    is_anonymous: bool = False,
    chain_id: int = CHAIN_ID,
    **settings: Any,
) -> AsyncGenerator[House]:
    """`chain_id` is the client's idea of it; `settings` are PaperSettings'."""
    clock = Clock(START_US if way.is_memory else time.time_ns() // 1000)
    markets: dict[str, StillMarket] = {}

    def open_still(instrument: Instrument, now_us: int) -> StillMarket:
        market = markets[instrument.symbol] = StillMarket(instrument)
        return market

    paper = PaperVenue(
        PaperSettings(symbols=symbols or (SYMBOL,), **settings),
        open_market or open_still,
        clock.now_us(),
    )
    runner = Runner(paper, clock.now_us)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        if way.is_memory:
            lines = PaperLines(runner)
            host = Host("http://paper.test", "ws://paper.test", chain_id)
            address = Address("paper", host, transport=PaperTransport(runner), connect=lines.connect)
        else:
            port: int = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
            address = Address("paper", Host(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", chain_id))
        house = House(way, address, clock, paper, runner, markets, tasks)
        keys = None if is_anonymous else credentials or house.credentials
        async with open_venue(address, keys, clock, rng=Random(0)) as house.venue, house.rest_stack:
            yield house
        tasks.cancel_scope.cancel()
