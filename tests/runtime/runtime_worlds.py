"""Worlds in virtual time: a venue in memory with its gate, and a fleet on it; and how a scene is played in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
from fake_trading import FakeTrading
from runtime_fakes import EPOCH_US, LIMITS, FakeAccountStream, FakeMarketData, FakeMarketStream, instrument

from exchange.clock import Clock
from exchange.limits.budget import Budget
from exchange.model import ExchangeInfo, Place, RateLimit, TimeInForce
from fleet.config.models import FleetConfig
from fleet.control.state import Phase
from fleet.ledger.entries import Recorder
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.memory import MemoryFile
from fleet.runtime.owner import Owner
from fleet.runtime.status import fleet_state
from fleet.runtime.venue import Venue
from fleet.scheduling.gate import Gate
from fleet.simulation.loop import run_virtual

X, Y, Z = "XUSDT", "YUSDT", "ZUSDT"


class World:
    """A venue with its gate, to be made inside the loop."""

    def __init__(self, *symbols: str, limits: Sequence[RateLimit] = LIMITS, reserve: float = 0) -> None:
        self.tasks = anyio.create_task_group()
        """Whatever runs beside the scene, and ends with it."""
        self.clock = Clock(EPOCH_US)
        self.gate = Gate(Budget(limits, safety=1, reserve=reserve), self.clock)
        self.account_stream = FakeAccountStream()
        self.market_stream = FakeMarketStream(self.clock)
        self.trading = FakeTrading(self.clock, self.gate, self.account_stream)
        self.trading.mids = self.market_stream.mids
        self.journal = Journal(self.clock)
        self.instruments = {symbol: instrument(symbol) for symbol in (symbols or ("XUSDT",))}
        self.venue = Venue(
            "fake", False, self.trading, FakeMarketData(self.instruments, self.gate), self.market_stream, self.account_stream, self.gate,
            self.clock, ExchangeInfo(self.instruments, tuple(limits), EPOCH_US // 1000),
        )  # fmt: skip

    def said(self, text: str) -> bool:
        return any(text in line.text for line in self.journal.lines)

    def lots_held(self) -> dict[str, int]:
        return {symbol: position.lots for symbol, position in self.trading.held.items() if position.lots}


class FleetWorld(World):
    """A fleet on a venue that lists X, Y and Z."""

    def __init__(
        self,
        config: FleetConfig,
        ledger: Recorder | None = None,
        kill: KillSwitch | None = None,
        memory: MemoryFile | None = None,
        reserve: float = 0,
    ) -> None:
        super().__init__(X, Y, Z, reserve=reserve)
        self.fleet = Fleet(config, self.venue, self.journal, ledger, kill, memory)
        self.owner = Owner(self.fleet)
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.ended_s: float | None = None
        self.failure: str = ""

    async def run(self) -> None:
        with self.scope:
            try:
                await self.fleet.run()
            except FleetError as error:
                self.failure = str(error)
        self.ended_s = anyio.current_time()
        self.ended.set()

    async def stop(self) -> None:
        """And waits for the end."""
        self.fleet.stop()
        await self.ended.wait()

    def phases(self) -> dict[str, Phase]:
        return {symbol.symbol: symbol.phase for symbol in fleet_state(self.fleet).symbols}

    def open_symbols(self) -> list[str]:
        return [order.symbol for order in self.trading.open()]

    def closings(self) -> list[Place]:
        return [
            each for each in self.trading.actions() if isinstance(each, Place) and each.time_in_force is TimeInForce.IOC
        ]


W = TypeVar("W", bound=World)
F = TypeVar("F", bound=FleetWorld)


def play_world(make: Callable[[], W], scene: Callable[[W], Awaitable[None]]) -> W:
    """The world as the scene has left it."""

    async def main() -> W:
        world = make()
        async with world.tasks:
            world.tasks.start_soon(world.gate.run)
            await scene(world)
            world.tasks.cancel_scope.cancel()
        return world

    return run_virtual(main)


def play_fleet(
    make: Callable[[FleetConfig], F],
    config: FleetConfig,
    scene: Callable[[F], Awaitable[None]],
    before: Callable[[F], object] = lambda _: None,
    *,
    begins_s: float = 1,
    fails: bool = False,
) -> F:
    """The scene begins so long after the fleet's start; then the fleet is stopped. `fails`: it ends by an error, as it
    should."""

    async def whole(at: F) -> None:
        before(at)
        at.tasks.start_soon(at.run)
        if begins_s:
            await anyio.sleep(begins_s)
        await scene(at)
        await at.stop()
        assert bool(at.failure) is fails, at.failure
        # Every leave to send was settled or given back, and nobody waits for one.
        assert (at.gate.in_flight, at.gate.waiting()) == (0, 0)

    return play_world(lambda: make(config), whole)
