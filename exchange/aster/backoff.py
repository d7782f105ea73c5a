"""How long to wait before trying again: exponential, with full jitter, so that many do not come back at once."""

from __future__ import annotations

from random import Random

LONGEST_S = 5.0
"""A venue that is back is found so soon, at the latest: while it is not known to be, nothing is quoted. Of a line that
finds nobody it makes some 24 attempts a minute."""


class Backoff:
    def __init__(self, rng: Random, *, base_s: float = 0.5, cap_s: float = LONGEST_S) -> None:
        self._rng = rng
        self._base_s = base_s
        self._cap_s = cap_s
        self._failures = 0

    def next_s(self) -> float:
        ceiling = min(self._cap_s, self._base_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._rng.uniform(0.0, ceiling)

    def reset(self) -> None:
        self._failures = 0
