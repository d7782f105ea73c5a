"""Virtual time: hours pass in no time, in the order of their timers, and a deadlock is told rather than waited for."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from fleet.simulation.loop import Deadlock, Livelock, run_virtual


def test_a_day_passes_at_once_and_in_order() -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        woken.append((name, anyio.current_time()))

    async def main() -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleeper, "late", 86_400.0)
            tasks.start_soon(sleeper, "soon", 0.25)
        return anyio.current_time()

    assert run_virtual(main) == 86_400.0
    assert woken == [("soon", 0.25), ("late", 86_400.0)]


def test_waiting_for_nobody_is_a_deadlock() -> None:
    async def main() -> None:
        await anyio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(main)


def test_what_keeps_time_from_going_on_is_a_livelock() -> None:
    async def main() -> None:
        while True:
            await checkpoint()

    with pytest.raises(Livelock, match=r"again and again at 0\.000000 s"):
        run_virtual(main)


def test_each_instant_may_take_its_turns() -> None:
    async def main() -> None:
        for _ in range(30):
            for _ in range(1000):
                await checkpoint()
            await anyio.sleep(0.001)

    run_virtual(main)
