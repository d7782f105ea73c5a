"""One fleet of many symbols with its paper exchange, in virtual time, under one policy and from one seed.

Owns: the fleet file, and putting the parts together. Must not know: what figure is wanted, other runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anyio

from bench.budget_baselines import file_policy, replaced
from bench.budget_market import Role, cast, recorded_markets, synthetic_markets
from bench.budget_watch import Seen, Watch
from exchange.clock import Clock
from exchange.paper.config import PaperSettings
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.simulation.loop import START_US, run_virtual
from fleet.simulation.scenario import CALM
from fleet.simulation.wire import HOST
from fleet.wiring.client import Address, open_venue

ORDER_USD = 1000
SAFETY = 0.9
THRESHOLD = "0.1bps"
SPREAD = "20bps"
REFRESH = "300ms"
_RESERVE = 1.03
"""The fleet keeps a little of the collateral back."""


@dataclass(frozen=True, slots=True)
class Task:
    policy: str
    """One of the fleet file's, or a baseline."""
    seed: int
    symbols: int
    seconds: float
    warm_up_s: float
    """Comes first and does not count: the fleet must come up, and then the windows fill."""
    recordings: Path | None
    """None: synthetic markets."""
    extra: str = ""
    """More lines of the fleet file's `budget`."""
    spread: str = SPREAD
    threshold: str = THRESHOLD
    sizes: tuple[int, ...] = (1,)
    """Of orders: how many times ORDER_USD, in turn among those that follow one recording."""


@dataclass(frozen=True, slots=True)
class Figures:
    task: Task
    roles: tuple[Role, ...]
    coming_up: Seen
    """The warm-up."""
    seen: Seen
    refused: int
    """429, 418 and 403 by the venue's own count, from the start."""
    fills: int
    restarts: int
    took_s: float
    """Of real time."""


def run(task: Task) -> Figures:
    with replaced(task.policy):
        return run_virtual(_run, task)


def config(task: Task, roles: tuple[Role, ...]) -> FleetConfig:
    whole = sum(role.size for role in roles)
    symbols = ", ".join(f"{role.symbol}: {{balance_fraction: {role.size / whole!r}}}" for role in roles)
    text = f"""
fleet: bench
venue: paper
paper: {{balance: {{USDT: {round(ORDER_USD * whole * _RESERVE)}}}}}
control: null
budget: {{safety: {SAFETY}, policy: {file_policy(task.policy)}{task.extra and ", " + task.extra}}}
defaults: {{buy_spread: {task.spread}, sell_spread: {task.spread},
  refresh_interval: {REFRESH}, price_change_threshold: {task.threshold}}}
symbols: {{{symbols}}}
"""
    return parse(text, "bench.yaml", {}).config


async def _run(task: Task) -> Figures:
    began_s = time.perf_counter()
    figures: Figures | None = None
    roles = cast(task.symbols, ORDER_USD, task.sizes)
    fleet_file = config(task, roles)
    # Two clocks: the fleet's follows what the venue tells it.
    clock, venue_clock = Clock(START_US), Clock(START_US)
    settings = PaperSettings(
        symbols=tuple(role.symbol for role in roles), balances=fleet_file.paper.balance, seed=task.seed
    )
    markets = (
        synthetic_markets(roles, task.seed)
        if task.recordings is None
        else recorded_markets(task.recordings, roles, task.seed)
    )
    paper = PaperVenue(settings, markets, venue_clock.now_us())
    runner = Runner(paper, venue_clock.now_us, FaultPlan(CALM, task.seed))
    address = Address("paper", HOST, transport=PaperTransport(runner), connect=PaperLines(runner).connect)
    async with anyio.create_task_group() as around:
        around.start_soon(runner.run)
        async with open_venue(
            address, paper.demo, clock, safety=fleet_file.budget.safety, rng=Random(f"{task.seed}:jitter")
        ) as venue:
            watch = Watch(venue, paper, clock, SAFETY)
            fleet = Fleet(fleet_file, venue, Journal(clock), chance=Random(f"{task.seed}:run"))
            around.start_soon(_watch, watch, fleet, task)
            await fleet.run()
            figures = Figures(
                task,
                roles,
                watch.before,
                watch.counted,
                refused=paper.refused_429 + paper.refused_418 + paper.refused_403,
                fills=sum(slot.book.fills for slot in fleet.slots.values()),
                restarts=sum(slot.supervisor.restarts for slot in fleet.slots.values()),
                took_s=time.perf_counter() - began_s,
            )
        around.cancel_scope.cancel()
    assert figures is not None
    return figures


async def _watch(watch: Watch, fleet: Fleet, task: Task) -> None:
    await anyio.sleep(task.warm_up_s)
    watch.begin()
    with anyio.move_on_after(task.seconds):
        await watch.run(fleet)
    watch.end()
    fleet.stop()
