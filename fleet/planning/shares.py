"""Who gets how many requests when not all that are wanted can go. Pure.

Owns: how each budget.policy divides a rate among symbols in the long run. Must not know: limiters, files, the gate.
All rates are requests a minute.

For `value`: an error of b bps costs notional × b as long as it stands, and between two amends at errors of ±b a random
walk stands at b/3 on average, so a fleet's cost is proportional to Σ nᵢ·bᵢ while it sends Σ σᵢ²/bᵢ² requests. The least
cost for a given number of requests has nᵢ = 2λσᵢ²/bᵢ³ for all i (Lagrange), that is bᵢ ∝ (σᵢ²/nᵢ)^(1/3) and

    rateᵢ = σᵢ²/bᵢ² ∝ (σᵢ·nᵢ)^(2/3)

The gate gets there by sending the quote with the largest score, priority × n^size × b × (b/σ)^(2·volatility): all are
then sent at the same score, b^(1+2v) ∝ σ^(2v)/(p·n^s) and rate ∝ (p·n^s·σ)^(2/(1+2v)), the optimum when s = v = 1. It
lets nobody have more than twice his fair share while another waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_SHARES = 2.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What one symbol asks for. `seconds`: between two amends of a quote, if it may go when it is due."""

    symbol: str
    quotes: int
    seconds: float
    priority: float = 1.0
    worth: float = 1.0
    """Of an error of one bps: notional^size × σ."""

    @property
    def rate(self) -> float:
        return 60 * self.quotes / self.seconds


def total(wishes: Sequence[Wish]) -> float:
    return sum(wish.rate for wish in wishes)


def grants_by_value(wishes: Sequence[Wish], capacity: float, power_of_volatility: float = 1.0) -> dict[str, float]:
    power = 2 / (1 + 2 * power_of_volatility)
    weights = {wish.symbol: (wish.priority * wish.worth) ** power for wish in wishes}
    priorities = sum(wish.priority for wish in wishes)
    fair = {wish.symbol: capacity * wish.priority / priorities for wish in wishes}
    caps = {wish.symbol: min(wish.rate, MOST_SHARES * fair[wish.symbol]) for wish in wishes}
    grants = _filled(weights, caps, capacity)
    # All that have not had twice their share are served by now: what is left is for the others.
    left = max(0.0, capacity - sum(grants.values()))
    more = _filled(weights, {wish.symbol: wish.rate - grants[wish.symbol] for wish in wishes}, left)
    return {symbol: granted + more[symbol] for symbol, granted in grants.items()}


def grants_in_turn(wishes: Sequence[Wish], capacity: float) -> dict[str, float]:
    """`fair`: equal shares by priority, and what one does not want is the others'."""
    return _filled(
        {wish.symbol: wish.priority for wish in wishes}, {wish.symbol: wish.rate for wish in wishes}, capacity
    )


def grants_in_line(wishes: Sequence[Wish], capacity: float) -> dict[str, float]:
    """`fifo`: every quote waits in the same line, so each takes its own time and the same wait on top."""
    wait_s = 0.0
    if total(wishes) > capacity:
        low, high = 0.0, 60 * sum(wish.quotes for wish in wishes) / capacity
        for _ in range(60):
            wait_s = (low + high) / 2
            if sum(60 * wish.quotes / (wish.seconds + wait_s) for wish in wishes) > capacity:
                low = wait_s
            else:
                high = wait_s
        wait_s = high
    return {wish.symbol: 60 * wish.quotes / (wish.seconds + wait_s) for wish in wishes}


def _filled(weights: Mapping[str, float], caps: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Each min(cap, level × weight), with the level at which all is given out."""
    grants: dict[str, float] = {}
    left, weight_left = capacity, sum(weights.values())
    for symbol in sorted(caps, key=lambda symbol: caps[symbol] / weights[symbol]):
        share = left * weights[symbol] / weight_left if weight_left > 0 else 0.0
        grants[symbol] = max(0.0, min(caps[symbol], share))
        left -= grants[symbol]
        weight_left -= weights[symbol]
    return {symbol: grants[symbol] for symbol in caps}
