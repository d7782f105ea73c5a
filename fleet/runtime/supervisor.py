"""Keeps one symbol's worker going: a crash is its own, its orders are cancelled, it starts again, or is set aside.

Owns: isolation, backoff, quarantine. Must not know: what a worker does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Throttled, Unavailable, VenueError
from fleet.control.state import Phase
from fleet.runtime.journal import Journal

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
CRASHES_ALLOWED = 5
WITHIN_US = 600_000_000
"""So many crashes in ten minutes, and the symbol is quarantined until its configuration changes."""

OUTAGES = (Unavailable, OutcomeUnknown, Throttled)
"""The venue's trouble, not the worker's: it counts towards no quarantine."""


class Runs(Protocol):
    async def run(self) -> None: ...


class Supervisor:
    """`make` builds a fresh worker for each start; `clear` cancels what the crashed one left, until none is left."""

    def __init__(
        self,
        symbol: str,
        make: Callable[[], Runs],
        clear: Callable[[], Awaitable[object]],
        clock: Clock,
        journal: Journal,
    ) -> None:
        self.symbol = symbol
        self.restarts = 0
        self.phase: Phase | None = None
        """BACKOFF or QUARANTINED while no worker runs; None while one does."""
        self.reason = ""
        self._make = make
        self._clear = clear
        self._clock = clock
        self._journal = journal
        self._crashes_us: deque[int] = deque(maxlen=CRASHES_ALLOWED)
        self._released = anyio.Event()

    def release(self) -> None:
        """Ends a quarantine or a pause: the configuration has changed."""
        self._crashes_us.clear()
        self._released.set()

    async def run(self) -> None:
        """Until the worker ends by itself. Raises Banned and BadCredentials: no worker can go on after those."""
        pause_s = FIRST_PAUSE_S
        while True:
            started_us = self._clock.now_us()
            try:
                await self._make().run()
            except (Banned, BadCredentials):
                raise
            except Exception as error:  # noqa: BLE001 isolation: whatever breaks here must not reach the others
                self._crashed(error)
            else:
                return
            if self._clock.now_us() - started_us > WITHIN_US:
                pause_s = FIRST_PAUSE_S
            # Before the clearing, which may take long: a release meanwhile is not to be missed.
            self._released = anyio.Event()
            await self._clear()
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self.phase, self.reason = None, ""
            self.restarts += 1
            self._journal.info("starts again", self.symbol)

    def _crashed(self, error: Exception) -> None:
        is_venues = isinstance(error, VenueError)
        what = str(error) if is_venues else f"{type(error).__name__}: {error}"
        if not isinstance(error, OUTAGES):
            self._crashes_us.append(self._clock.now_us())
        self.phase, self.reason = Phase.BACKOFF, what
        kind = "outage" if isinstance(error, OUTAGES) else "crash"
        self._journal.incident(kind, f"worker stopped: {what}", self.symbol)
        if not is_venues:
            self._journal.traceback(error, self.symbol)

    async def _pause(self, seconds: float) -> None:
        full = len(self._crashes_us) == CRASHES_ALLOWED
        if full and self._clock.now_us() - self._crashes_us[0] < WITHIN_US:
            self.phase = Phase.QUARANTINED
            text = f"quarantined after {CRASHES_ALLOWED} crashes: {self.reason}"
            self._journal.incident("quarantine", text, self.symbol)
            await self._released.wait()
            return
        with anyio.move_on_after(seconds):
            await self._released.wait()
