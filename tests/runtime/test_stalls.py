"""What keeps the event loop is noticed: for real, on the loop that a fleet runs on."""

from __future__ import annotations

import sys
import time

import anyio
import pytest

from fleet.runtime.stalls import Stall, StallWatch


def keep_the_loop(seconds: float) -> None:
    time.sleep(seconds)


def watched(block_s: float, *, with_stacks: bool) -> list[Stall]:
    stalls: list[Stall] = []

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(StallWatch(stalls.append, with_stacks=with_stacks).run)
            await anyio.sleep(0.05)
            # What the machine itself kept it from, as long as nothing blocked, is not the test's.
            stalls.clear()
            keep_the_loop(block_s)
            await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()

    anyio.run(main, backend="asyncio", backend_options={"use_uvloop": sys.platform != "win32"})
    return stalls


@pytest.mark.parametrize("with_stacks", [False, True])
def test_a_block_of_100_ms_is_told_once_with_how_long_it_was(with_stacks: bool) -> None:
    stall = max(watched(0.1, with_stacks=with_stacks), key=lambda each: each.seconds)
    assert stall.seconds >= 0.085
    assert bool(stall.stack) is with_stacks


def test_in_development_it_is_told_where() -> None:
    stall = max(watched(0.2, with_stacks=True), key=lambda each: each.seconds)
    assert stall.stack[-1].name == "keep_the_loop"
    assert "test_stalls.py" in stall.place
    assert "in keep_the_loop" in stall.place
    assert any(frame.name == "main" for frame in stall.stack)


def test_the_thread_ends_with_the_watch() -> None:
    import threading

    watched(0.01, with_stacks=True)
    for thread in threading.enumerate():
        if thread.name == "stalls":
            thread.join(2)
            assert not thread.is_alive()
