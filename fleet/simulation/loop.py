"""An event loop whose time is virtual: it stands still while anything can run and jumps when nothing can.

Owns: virtual time. Must not know: what runs in it. Code that waits by `anyio.sleep` and reads `anyio.current_time` runs
in it unchanged, as fast as the machine can, and the same way every time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import anyio

START_US = 1_790_000_000_000_000
"""What clocks show when virtual time begins."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Deadlock(Exception):
    """Every task waits for another one, and no timer will ever end it."""


class Livelock(Exception):
    """Something runs again and again, and time does not go on."""


MOST_TURNS = 20_000
"""Of the loop in one instant: a fleet with everything to do at once takes hundreds."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time on by as much as it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None:
            # Nothing outside the loop has a part in virtual time: asking the system each time is the dearest of it all.
            if timeout > 0:
                self.now += timeout
                self._turns = 0
                return []
            self._turns += 1
            if self._turns == MOST_TURNS:
                raise Livelock(f"the same is done again and again at {self.now:.6f} s")
            return []
        ready = super().select(0)
        if not ready:
            raise Deadlock("nothing is ready and no timer is set")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtual(main: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
    """Runs an async function to its end in virtual time, which starts at 0. Raises Deadlock and Livelock."""
    return anyio.run(main, *args, backend="asyncio", backend_options={"loop_factory": VirtualLoop})
