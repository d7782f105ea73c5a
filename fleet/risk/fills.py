"""Our own market maker protection: after too many fills in too short a time nothing is opened for a while.

Owns: one symbol's window of fills. Must not know: orders. Time comes in as an argument.
"""

from __future__ import annotations

from bisect import insort

from fleet.config.risk import MaxFills


class FillWindow:
    def __init__(self) -> None:
        self.paused_until_us = 0
        self._fills_us: list[int] = []

    @classmethod
    def of(cls, fills_us: tuple[int, ...], paused_until_us: int) -> FillWindow:
        """One that goes on from where another was `saved`."""
        window = cls()
        window._fills_us.extend(fills_us)
        window.paused_until_us = paused_until_us
        return window

    def saved(self) -> tuple[tuple[int, ...], int]:
        return tuple(self._fills_us), self.paused_until_us

    def count(self, limit: MaxFills | None, at_us: int) -> None:
        """A fill, which may be told of after later ones. Those of a pause count for the next one."""
        if limit is None:
            self._fills_us.clear()
            return
        insort(self._fills_us, at_us)
        newest_us = self._fills_us[-1]
        self._fills_us = [each for each in self._fills_us if each > newest_us - limit.per_ms * 1000]
        if len(self._fills_us) >= limit.count:
            self._fills_us.clear()
            self.paused_until_us = max(self.paused_until_us, newest_us + limit.pause_ms * 1000)

    def is_paused(self, limit: MaxFills | None, now_us: int) -> bool:
        return limit is not None and now_us < self.paused_until_us
