"""Who goes first within a class, by the fleet file's budget.policy: `value`, `fair` or `fifo`.

Owns: the three orders. Must not know: classes, budgets, the loop. A smaller rank goes first, equal ranks by arrival.

Ranks stand still while nothing happens, so that a heap can hold them: `waiting` makes anything e times as valuable, and
the logarithm of value × e^((now − since) / waiting) is, but for a term in `now` that all have in common,
ln value − since / waiting.
"""

from __future__ import annotations

import math
from typing import Protocol

from fleet.config.models import Budget, Weights
from fleet.scheduling.shares import MOST_SHARES, Shares
from fleet.scheduling.value import Stake, value

STANDS_BACK = 1000.0
"""Added to the rank of a symbol that has had more than its share: behind every one that has not, whatever its value."""


class Policy(Protocol):
    def rank(self, stake: Stake, since_us: int, now_us: int) -> float: ...

    def spent(self, stake: Stake, requests: int, now_us: int) -> None:
        """So many requests of this symbol have just been let through."""
        ...


class Fifo:
    def rank(self, stake: Stake, since_us: int, now_us: int) -> float:
        return 0.0

    def spent(self, stake: Stake, requests: int, now_us: int) -> None:
        pass


class Fair:
    """Start-time fair queueing by symbol (Goyal, Vin, Cheng, SIGCOMM 1996, eqs. 4 and 5): each request is stamped with
    when it would start if every symbol had its share of the line to itself, and the earliest stamp goes first."""

    def __init__(self) -> None:
        self._virtual = 0.0
        self._finished: dict[str, float] = {}

    def rank(self, stake: Stake, since_us: int, now_us: int) -> float:
        return max(self._virtual, self._finished.get(stake.symbol, 0.0))

    def spent(self, stake: Stake, requests: int, now_us: int) -> None:
        start = self.rank(stake, now_us, now_us)
        self._virtual = start
        self._finished[stake.symbol] = start + requests / stake.priority


class Value:
    """The most valuable first, but nobody more than three fair shares while another waits."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._shares = Shares()
        self._begin_us: int | None = None

    def rank(self, stake: Stake, since_us: int, now_us: int) -> float:
        if self._begin_us is None:
            self._begin_us = since_us
        if stake.symbol:
            self._shares.wants(stake.symbol, stake.priority)
        patience = (since_us - self._begin_us) / (self._weights.waiting_ms * 1000)
        back = STANDS_BACK if self._shares.fair_shares(stake.symbol, now_us) > MOST_SHARES else 0.0
        return patience - math.log(value(stake, self._weights)) + back

    def spent(self, stake: Stake, requests: int, now_us: int) -> None:
        if stake.symbol:
            self._shares.spent(stake.symbol, requests, stake.priority, now_us)


def policy_of(budget: Budget) -> Policy:
    match budget.policy:
        case "fifo":
            return Fifo()
        case "fair":
            return Fair()
        case "value":
            return Value(budget.weights)
