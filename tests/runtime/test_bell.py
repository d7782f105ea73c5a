"""Waiting until rung or until a time, under virtual time and on real loops."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest

from exchange.bell import Bell
from fleet.simulation.loop import run_virtual


async def later(bell: Bell, seconds: float) -> None:
    await anyio.sleep(seconds)
    bell.ring()


async def rung_meanwhile(bell: Bell) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later, bell, 2)
        await bell.wait(5)


async def rung_before(bell: Bell) -> None:
    bell.ring()
    await bell.wait(5)


async def rung_and_hushed(bell: Bell) -> None:
    bell.ring()
    bell.hush()
    await bell.wait(5)


async def rung_twice_at_once(bell: Bell) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later, bell, 2)
        tasks.start_soon(later, bell, 2)
        await bell.wait()


async def in_no_time(bell: Bell) -> None:
    await bell.wait(0)


async def rung_when_its_time_comes(bell: Bell) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later, bell, 5)
        await bell.wait(5)


@pytest.mark.parametrize(
    ("scene", "seconds"),
    [
        (rung_meanwhile, 2),
        (rung_before, 0),
        (rung_and_hushed, 5),
        (rung_twice_at_once, 2),
        (in_no_time, 0),
        (rung_when_its_time_comes, 5),
    ],
)
def test_a_wait_ends_when_rung_or_when_its_time_has_come(
    scene: Callable[[Bell], Awaitable[None]], seconds: int
) -> None:
    async def main() -> None:
        await scene(Bell())
        assert anyio.current_time() == seconds

    run_virtual(main)


def test_a_wait_that_is_cancelled_leaves_the_bell_fit_for_the_next() -> None:
    async def main() -> None:
        bell = Bell()
        with anyio.move_on_after(1) as scope:
            await bell.wait(5)
        assert scope.cancelled_caught
        await rung_meanwhile(bell)
        assert anyio.current_time() == 3

    run_virtual(main)


def test_whoever_finds_it_rung_can_still_be_cancelled() -> None:
    async def main() -> None:
        bell = Bell()
        bell.ring()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await bell.wait()
        assert scope.cancelled_caught

    run_virtual(main)


@pytest.mark.parametrize("uses_uvloop", [False, True])
def test_a_real_loop_wakes_by_ring_and_by_time(uses_uvloop: bool) -> None:
    if uses_uvloop and sys.platform == "win32":
        pytest.skip("uvloop is not to be had on Windows")

    async def main() -> None:
        bell = Bell()
        await bell.wait(0.001)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(later, bell, 0)
            await bell.wait()

    anyio.run(main, backend_options={"use_uvloop": uses_uvloop})
