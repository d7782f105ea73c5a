"""How much of the budget each symbol has had lately, against what would be its fair share.

Owns: the account of that. Must not know: classes, values, budgets, clocks (`now_us` comes in).
"""

from __future__ import annotations

import math

MEMORY_US = 60_000_000
"""What was sent this long ago counts 1/e."""

MOST_SHARES = 3.0
"""A symbol that has had more than this many fair shares stands back while another waits. The wildest of the recorded
markets is worth a little more than two."""

GIVEN = 2.0
"""Requests that every symbol is taken to have had: of the first few that are sent nobody has had too many."""

_FORGOTTEN = 0.01
_RESCALE_AT = 100.0


class Shares:
    """Usage fades with time. All are faded at once, by counting new usage for more instead of old usage for less."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._priorities: dict[str, float] = {}
        self._total = 0.0
        self._priority_sum = 0.0
        self._scale_from_us = 0

    def wants(self, symbol: str, priority: float) -> None:
        """From now on it has its part, whether or not anything of it is let through."""
        if self._priorities.get(symbol) != priority:
            self._priority_sum += priority - self._priorities.get(symbol, 0.0)
            self._priorities[symbol] = priority

    def spent(self, symbol: str, requests: int, priority: float, now_us: int) -> None:
        unit = self._unit(now_us)
        self.wants(symbol, priority)
        self._used[symbol] = self._used.get(symbol, 0.0) + requests * unit
        self._total += requests * unit
        if unit > _RESCALE_AT:
            self._rescale(now_us)

    def fair_shares(self, symbol: str, now_us: int) -> float:
        """How many fair shares it has had: its part of all usage over its priority's part of all priorities."""
        priority = self._priorities.get(symbol)
        if priority is None:
            return 0.0
        given = GIVEN * self._unit(now_us)
        used = self._used.get(symbol, 0.0) + given
        return used / (self._total + given * len(self._priorities)) * self._priority_sum / priority

    def _unit(self, now_us: int) -> float:
        return math.exp(max(now_us - self._scale_from_us, 0) / MEMORY_US) if self._used else self._begin(now_us)

    def _begin(self, now_us: int) -> float:
        self._scale_from_us = now_us
        return 1.0

    def _rescale(self, now_us: int) -> None:
        """Also forgets those that have sent nothing for long: until they want something again they share no more."""
        unit = self._unit(now_us)
        self._used = {symbol: used / unit for symbol, used in self._used.items() if used / unit >= _FORGOTTEN}
        self._priorities = {symbol: self._priorities[symbol] for symbol in self._used}
        self._total = sum(self._used.values())
        self._priority_sum = sum(self._priorities.values())
        self._scale_from_us = now_us
