"""What is said of a long wait before there is a fleet that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from exchange.clock import Clock
from exchange.limits.budget import Budget
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass
from fleet.scheduling.gate import Gate
from fleet.scheduling.patience import tell_waits
from fleet.simulation.loop import run_virtual

SPENT = "for leave to ask: what the exchange allows in a minute is spent, by us or others"
ASKED = "as the exchange asked for a pause: 429"


async def spend(gate: Gate) -> None:
    ticket = await gate.admit(RequestClass.CANCEL, Cost(weight=100))
    gate.settle(ticket, {})


async def spend_and_do_not_answer(gate: Gate) -> None:
    await gate.admit(RequestClass.CANCEL, Cost(weight=100))


async def pause(gate: Gate) -> None:
    gate.pause(10, "429")


async def pause_briefly(gate: Gate) -> None:
    gate.pause(1, "429")


async def nothing(gate: Gate) -> None:
    pass


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (nothing, []),
        (pause_briefly, []),
        (pause, [(2.0, f"waits for 8 s, {ASKED}")]),
        (spend, [(2.0, f"waits for 58 s {SPENT}")]),
        (spend_and_do_not_answer, [(2.0, f"waits {SPENT}")]),
    ],
)
def test_a_long_wait_is_told_once_with_what_is_known_of_it(
    before: Callable[[Gate], Awaitable[None]], said: list[tuple[float, str]]
) -> None:
    told: list[tuple[float, str]] = []

    async def main() -> None:
        gate = Gate(Budget([RateLimit("REQUEST_WEIGHT", 60, 100)], safety=1, reserve=0), Clock(0))

        def tell(text: str) -> None:
            told.append((anyio.current_time(), text))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gate.run)
            await before(gate)
            tasks.start_soon(tell_waits, gate, tell)
            with anyio.move_on_after(30):
                await gate.admit(RequestClass.QUERY, Cost(weight=1))
            tasks.cancel_scope.cancel()

    run_virtual(main)
    assert told == said
