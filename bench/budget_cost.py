"""What the scheduler itself takes to decide, in real time: both sides of 200 symbols want to go, and not all can.

Owns: driving the gate by hand. Must not know: fleets, venues.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random

import anyio

from bench.rows import percentile
from exchange.clock import Clock
from exchange.limits.budget import Budget
from exchange.paper.instruments import REAL_LIMITS
from exchange.ports import Cost, RequestClass
from fleet.scheduling.gate import Gate
from fleet.simulation.loop import run_virtual

SYMBOLS = 200
_AMEND = Cost(weight=1, orders=1)


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds."""

    refused_us: list[float]
    """Asking, and being told to wait."""
    granted_us: list[float]
    """Asking, being let go, and giving the answer in."""


def measure(policy: str, seconds: float) -> Costs:
    return run_virtual(_measure, policy, seconds)


async def _measure(policy: str, seconds: float) -> Costs:
    """In virtual time, of which a second takes as many decisions as the market has news: every quote asks four times a
    second, and once more when it is woken."""
    clock = Clock(0)
    gate = Gate(Budget(REAL_LIMITS), clock)
    keys = [(f"S{number}USDT", side) for number in range(SYMBOLS) for side in ("BUY", "SELL")]
    woken: list[tuple[str, str]] = []
    costs = Costs([], [])
    chance = Random(1)

    def ask(key: tuple[str, str]) -> None:
        began_ns = time.perf_counter_ns()
        ticket = gate.ask(key, RequestClass.REFRESH, _AMEND, lambda: woken.append(key))
        if ticket is not None:
            gate.settle(ticket, {})
        took_us = (time.perf_counter_ns() - began_ns) / 1000
        (costs.refused_us if ticket is None else costs.granted_us).append(took_us)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(gate.run)
        for _ in range(round(seconds * 100)):
            await anyio.sleep(0.01)
            answered, woken[:] = list(woken), []
            for key in [*answered, *chance.sample(keys, len(keys) * 4 // 100)]:
                ask(key)
        tasks.cancel_scope.cancel()
    return costs


def p50_p99(costs_us: list[float]) -> tuple[float, float]:
    return (percentile(costs_us, 0.5), percentile(costs_us, 0.99)) if costs_us else (0.0, 0.0)
