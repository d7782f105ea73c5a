"""What the scheduler itself takes to decide, in real time: both sides of 200 symbols want to go, and not all can.

Owns: driving the gate by hand. Must not know: fleets, venues.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from random import Random

import anyio

from bench.rows import percentile
from exchange.clock import Clock
from exchange.limits.budget import Budget
from exchange.paper.instruments import REAL_LIMITS
from exchange.ports import Cost, RequestClass
from fleet.config import models
from fleet.scheduling.gate import Gate
from fleet.scheduling.policies import policy_of
from fleet.scheduling.value import Stake
from fleet.simulation.loop import run_virtual

SYMBOLS = 200
_AMEND = Cost(weight=1, orders=1)
_ASKING_A_SECOND = 4


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds."""

    refused_us: list[float]
    """Asking, and being told to wait."""
    granted_us: list[float]
    """Asking, being let go, and giving the answer in."""


def measure(policy: str, seconds: float) -> Costs:
    return run_virtual(_measure, models.Budget.model_validate({"policy": policy}), seconds)


async def _measure(config: models.Budget, seconds: float) -> Costs:
    """In virtual time, of which a second takes as many decisions as the market has news: every quote asks four times,
    each time a little more wrong, and once more when it is woken."""
    clock = Clock(0)
    gate = Gate(Budget(REAL_LIMITS), clock, policy_of(config))
    keys = [(f"S{number}USDT", side) for number in range(SYMBOLS) for side in ("BUY", "SELL")]
    errors = dict.fromkeys(keys, 0.0)
    woken: list[tuple[str, str]] = []
    costs = Costs([], [])
    chance = Random(1)

    def ask(key: tuple[str, str]) -> None:
        errors[key] = abs(errors[key] + chance.gauss(0, 1))
        stake = Stake(key[0], errors[key], key[1] == "BUY", 1000.0, 2.0, refresh_us=300_000)
        began_ns = time.perf_counter_ns()
        ticket = gate.ask(key, RequestClass.REFRESH, _AMEND, lambda: woken.append(key), stake)
        if ticket is not None:
            gate.settle(ticket, {})
        took_us = (time.perf_counter_ns() - began_ns) / 1000
        (costs.refused_us if ticket is None else costs.granted_us).append(took_us)
        if ticket is not None:
            errors[key] = 0.0

    gc.collect()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(gate.run)
        for _ in range(round(seconds * 100)):
            await anyio.sleep(0.01)
            answered, woken[:] = list(woken), []
            for key in [*answered, *chance.sample(keys, len(keys) * _ASKING_A_SECOND // 100)]:
                ask(key)
        tasks.cancel_scope.cancel()
    return costs


def p50_p99(costs_us: list[float]) -> tuple[float, float]:
    return (percentile(costs_us, 0.5), percentile(costs_us, 0.99)) if costs_us else (0.0, 0.0)
