"""Notices when something keeps the event loop from its other work: a blocking call, a long computation.

Owns: the loop's heartbeat, and in development a thread that looks what the loop is at when the beat stays away. Must
not know: fleets. For real loops only: under virtual time nothing takes time.

A call that holds the interpreter itself keeps the thread waiting too: it is counted, without a stack.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import anyio

STALL_S = 0.05
BEAT_S = 0.01


@dataclass(frozen=True, slots=True)
class Stall:
    """`stack` is outermost first, empty when nobody looked, or could."""

    seconds: float
    stack: tuple[traceback.FrameSummary, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.stack[-1].filename}:{self.stack[-1].lineno} in {self.stack[-1].name}" if self.stack else ""


class StallWatch:
    """Calls `tell` on the loop's thread once a stall is over; every one of 50 ms, and some that are nearly as long."""

    def __init__(self, tell: Callable[[Stall], None], *, with_stacks: bool = False) -> None:
        self._tell = tell
        self._with_stacks = with_stacks
        self._beat_s = 0.0
        self._stack: tuple[traceback.FrameSummary, ...] = ()
        self._ended = threading.Event()

    async def run(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._beat_s = time.perf_counter()
        self._timer = self._loop.call_later(BEAT_S, self._beat)
        if self._with_stacks:
            threading.Thread(target=self._look, args=(threading.get_ident(),), name="stalls", daemon=True).start()
        try:
            await anyio.sleep_forever()
        finally:
            self._ended.set()
            self._timer.cancel()

    def _beat(self) -> None:
        now_s = time.perf_counter()
        late_s = now_s - self._beat_s - BEAT_S
        if late_s >= STALL_S - BEAT_S:
            stall = Stall(late_s, self._stack)
            self._stack = ()
            self._tell(stall)
        self._beat_s = time.perf_counter()
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _look(self, loop_thread: int) -> None:
        looked_at_s = 0.0
        while not self._ended.wait(BEAT_S):
            beat_s = self._beat_s
            if beat_s != looked_at_s and time.perf_counter() - beat_s >= STALL_S:
                looked_at_s = beat_s
                frame = sys._current_frames().get(loop_thread)  # pyright: ignore[reportPrivateUsage] documented
                self._stack = tuple(traceback.extract_stack(frame)) if frame else ()
