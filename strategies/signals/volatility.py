"""How much a price moves: an estimate fed by its books, one after the other.

Owns: the estimate. Must not know: clocks (`now_us` comes in), strategies, orders.
"""

from __future__ import annotations

import math

SAMPLE_US = 1_000_000
"""Moves are taken over at least this long: what bounces between bid and ask within is no move to follow."""

MEMORY_S = 20.0
"""A move this old counts 1/e of a new one. Short, so that a burst is known for one while it lasts."""

ASSUMED_BPS = 1.0
GIVEN_S = 5.0
"""What is assumed until enough has been seen, and how much that counts: as if it had been seen for so long."""


class Volatility:
    """`bps`: standard deviation of the mid over one second, in basis points; over t seconds it is √t times that.

    An exponentially weighted mean of squared returns by time (RiskMetrics Technical Document, 1996, eq. 5.3, with
    weights by elapsed time instead of by count), begun with ASSUMED_BPS at the weight of GIVEN_S.
    """

    __slots__ = ("_last", "_last_us", "_seconds", "_squares", "bps")

    def __init__(self) -> None:
        self.bps = ASSUMED_BPS
        self._last = 0.0
        self._last_us = 0
        self._seconds = GIVEN_S
        self._squares = GIVEN_S * ASSUMED_BPS**2

    @classmethod
    def of(cls, saved: tuple[float, float, int, float, float]) -> Volatility:
        """One that goes on from where another was `saved`."""
        volatility = cls()
        volatility.bps, volatility._last, volatility._last_us, volatility._seconds, volatility._squares = saved
        return volatility

    def saved(self) -> tuple[float, float, int, float, float]:
        return self.bps, self._last, self._last_us, self._seconds, self._squares

    def see(self, mid: float, now_us: int) -> None:
        """`mid` in any unit, above 0."""
        elapsed_us = now_us - self._last_us
        if not self._last or elapsed_us < 0:
            self._last, self._last_us = mid, now_us
        elif elapsed_us >= SAMPLE_US:
            elapsed_s = elapsed_us / 1e6
            move_bps = (mid / self._last - 1) * 1e4
            kept = math.exp(-elapsed_s / MEMORY_S)
            self._seconds = self._seconds * kept + elapsed_s
            self._squares = self._squares * kept + move_bps * move_bps
            self.bps = math.sqrt(self._squares / self._seconds)
            self._last, self._last_us = mid, now_us
