"""Wall-clock time told by the event loop, so that a loop with virtual time makes the whole system virtual."""

from __future__ import annotations

import asyncio


def loop_s() -> float:
    """The running loop's own clock, in seconds: anyio.current_time, which looks first what kind of loop it is, for a
    fraction of its price."""
    return asyncio.get_running_loop().time()


class Clock:
    """Microseconds since the epoch: a start given once, then the loop's own clock, shifted by the venue's offset."""

    def __init__(self, epoch_us: int) -> None:
        self._loop_s = asyncio.get_running_loop().time
        self._base_us = epoch_us - round(self._loop_s() * 1e6)

    def now_us(self) -> int:
        return self._base_us + round(self._loop_s() * 1e6)

    def now_ms(self) -> int:
        return self.now_us() // 1000

    def steady_us(self) -> int:
        """The loop's own clock, which `shift` does not move: for windows and pauses, which a leap would cut short."""
        return round(self._loop_s() * 1e6)

    def shift(self, offset_us: int) -> None:
        """Moves the clock towards the venue's: `offset_us` is venue minus ours."""
        self._base_us += offset_us
