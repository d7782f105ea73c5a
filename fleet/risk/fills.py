"""Our own market maker protection: after too many fills in too short a time nothing is opened for a while.

Owns: one symbol's window of fills. Must not know: orders. Time comes in as an argument.
"""

from __future__ import annotations

from collections import deque

from fleet.config.risk import MaxFills


class FillWindow:
    def __init__(self) -> None:
        self.paused_until_us = 0
        self._fills_us: deque[int] = deque()

    @classmethod
    def of(cls, fills_us: tuple[int, ...], paused_until_us: int) -> FillWindow:
        """One that goes on from where another was `saved`."""
        window = cls()
        window._fills_us.extend(fills_us)
        window.paused_until_us = paused_until_us
        return window

    def saved(self) -> tuple[tuple[int, ...], int]:
        return tuple(self._fills_us), self.paused_until_us

    def count(self, limit: MaxFills | None, now_us: int) -> None:
        """A fill. Those of a pause count for the next one."""
        if limit is None:
            self._fills_us.clear()
            return
        self._fills_us.append(now_us)
        while self._fills_us[0] <= now_us - limit.per_ms * 1000:
            self._fills_us.popleft()
        if len(self._fills_us) >= limit.count:
            self._fills_us.clear()
            self.paused_until_us = now_us + limit.pause_ms * 1000

    def is_paused(self, limit: MaxFills | None, now_us: int) -> bool:
        return limit is not None and now_us < self.paused_until_us
