"""A whole fleet with its paper exchange in memory, under virtual time, from one seed.

Owns: putting them together, the seeded trouble between them, and the trace of all that was sent. The fleet is the one
that trades live: only its lines and its clock are others. The same seed gives the same trace, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

import anyio
import httpx

from exchange.clock import Clock
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.hosts import Host
from fleet.config.models import FleetConfig
from fleet.control.state import FleetState
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.status import fleet_state
from fleet.simulation.loop import run_virtual
from fleet.wiring import Address, open_venue, paper_venue

START_US = 1_790_000_000_000_000
HOST = Host("http://paper.test", "ws://paper.test", 1666)


@dataclass(frozen=True, slots=True)
class Troubles:
    """What goes wrong on the way: latency one way in seconds (lowest, highest), and how often what breaks."""

    latency_s: tuple[float, float] = (0.001, 0.02)
    cut_every_s: float | None = None
    """All websocket lines are cut, on average so often."""
    lose_every_s: float | None = None
    """A request's answer is lost or becomes 503, on average so often; every other one was carried out."""


@dataclass(slots=True)
class Running:
    """What a script may look at and do while the fleet runs."""

    fleet: Fleet
    paper: PaperVenue
    runner: Runner
    transport: PaperTransport
    lines: PaperLines


@dataclass(frozen=True, slots=True)
class Outcome:
    state: FleetState
    paper: PaperVenue
    trace: tuple[str, ...]
    """Every request as it went out, with its time."""


Script = Callable[[Running], Coroutine[Any, Any, None]]


class _Recorder(httpx.AsyncBaseTransport):
    """Writes down each request that goes out and when."""

    def __init__(self, inner: PaperTransport, clock: Clock) -> None:
        self.trace: list[str] = []
        self._inner = inner
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = (await request.aread()).decode()
        self.trace.append(f"{self._clock.now_us()} {request.method} {request.url} {body}")
        return await self._inner.handle_async_request(request)


def simulate(
    config: FleetConfig, seed: int, seconds: float, *, troubles: Troubles | None = None, script: Script | None = None
) -> Outcome:
    """Runs the fleet for so many virtual seconds and stops it. Raises what the fleet raises."""
    return run_virtual(_run, config, seed, seconds, troubles or Troubles(), script)


async def _run(config: FleetConfig, seed: int, seconds: float, troubles: Troubles, script: Script | None) -> Outcome:
    clock = Clock(START_US)
    rng = Random(f"{seed}:ways")
    paper = paper_venue(config.paper.model_copy(update={"seed": seed}), list(config.symbols), clock)
    runner = Runner(paper, clock.now_us)

    def latency_s() -> float:
        return rng.uniform(*troubles.latency_s)

    transport = PaperTransport(runner, to_venue=latency_s, from_venue=latency_s)
    lines = PaperLines(runner, to_venue=latency_s, from_venue=latency_s)
    recorder = _Recorder(transport, clock)
    address = Address("paper", HOST, transport=recorder, connect=lines.connect)
    state: FleetState | None = None
    async with anyio.create_task_group() as around:
        around.start_soon(runner.run)
        async with open_venue(
            address, paper.demo, clock, safety=config.budget.safety, rng=Random(f"{seed}:jitter")
        ) as venue:
            fleet = Fleet(config, venue, Journal(clock))
            running = Running(fleet, paper, runner, transport, lines)
            around.start_soon(_live, running, seed, seconds, troubles, script)
            await fleet.run()
            state = fleet_state(fleet)
        around.cancel_scope.cancel()
    assert state is not None
    return Outcome(state, paper, tuple(recorder.trace))


async def _live(running: Running, seed: int, seconds: float, troubles: Troubles, script: Script | None) -> None:
    """The troubles end before the fleet is stopped: what is left after the drain is its own to answer for."""
    async with anyio.create_task_group() as tasks:
        if troubles.cut_every_s:
            tasks.start_soon(_cut_lines, running.runner, Random(f"{seed}:cuts"), troubles.cut_every_s)
        if troubles.lose_every_s:
            tasks.start_soon(_lose_answers, running.transport, Random(f"{seed}:losses"), troubles.lose_every_s)
        if script is not None:
            tasks.start_soon(script, running)
        await anyio.sleep(seconds)
        tasks.cancel_scope.cancel()
    running.fleet.stop()


async def _cut_lines(runner: Runner, rng: Random, every_s: float) -> None:
    while True:
        await anyio.sleep(rng.expovariate(1 / every_s))
        runner.cut_lines()


async def _lose_answers(transport: PaperTransport, rng: Random, every_s: float) -> None:
    while True:
        await anyio.sleep(rng.expovariate(1 / every_s))
        transport.fail_next(rng.choice((0, 503)), executed=rng.random() < 0.5)
