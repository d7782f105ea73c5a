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
from exchange.paper.fault_settings import FaultSettings, Uniform, latencies_only
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.models import FleetConfig
from fleet.control.state import FleetState
from fleet.ledger.entries import Recorder
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.status import fleet_state
from fleet.simulation.loop import START_US, run_virtual
from fleet.simulation.wire import HOST
from fleet.wiring.client import Address, open_venue
from fleet.wiring.paper import paper_venue

_FEW_MS = Uniform(low_ms=0, high_ms=19)
CALM = FaultSettings(to_venue=_FEW_MS, from_venue=_FEW_MS, stream=_FEW_MS)


@dataclass(slots=True)
class Running:
    """What a script may look at and do while the fleet runs."""

    fleet: Fleet
    paper: PaperVenue
    runner: Runner


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
    config: FleetConfig,
    seed: int,
    seconds: float,
    *,
    faults: FaultSettings = CALM,
    script: Script | None = None,
    ledger: Recorder | None = None,
) -> Outcome:
    """Runs the fleet for so many virtual seconds and stops it. Raises what the fleet raises."""
    return run_virtual(_run, config, seed, seconds, faults, script, ledger)


async def _run(
    config: FleetConfig,
    seed: int,
    seconds: float,
    faults: FaultSettings,
    script: Script | None,
    ledger: Recorder | None,
) -> Outcome:
    # Two clocks: the fleet's follows what the venue tells it.
    clock, venue_clock = Clock(START_US), Clock(START_US)
    seeded = config.paper.model_copy(update={"seed": seed})
    paper = paper_venue(seeded, list(config.symbols), venue_clock, listen_key_secret="")
    # While the fleet comes up nothing breaks: that it then gives up is another matter.
    runner = Runner(paper, venue_clock.now_us, FaultPlan(latencies_only(faults), seed))
    recorder = _Recorder(PaperTransport(runner), clock)
    address = Address("paper", HOST, transport=recorder, connect=PaperLines(runner).connect)
    state: FleetState | None = None
    async with anyio.create_task_group() as around:
        around.start_soon(runner.run)
        async with open_venue(
            address, paper.demo, clock, safety=config.budget.safety, rng=Random(f"{seed}:jitter")
        ) as venue:
            fleet = Fleet(config, venue, Journal(clock), ledger, chance=Random(f"{seed}:run"))
            around.start_soon(_live, Running(fleet, paper, runner), seconds, faults, script)
            await fleet.run()
            state = fleet_state(fleet)
        around.cancel_scope.cancel()
    assert state is not None
    return Outcome(state, paper, tuple(recorder.trace))


async def _live(running: Running, seconds: float, faults: FaultSettings, script: Script | None) -> None:
    """The faults end before the fleet is stopped: what is left after the drain is its own to answer for."""
    running.runner.set_faults(faults)
    async with anyio.create_task_group() as tasks:
        if script is not None:
            tasks.start_soon(script, running)
        await anyio.sleep(seconds)
        tasks.cancel_scope.cancel()
    running.runner.set_faults(latencies_only(faults))
    running.fleet.stop()
