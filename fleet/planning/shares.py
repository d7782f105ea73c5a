"""Who gets how many requests when not all that are wanted can go. Pure.

Owns: how each budget.policy divides a rate among symbols in the long run. Must not know: limiters, files, the gate.
All rates are requests a minute.

A quote whose turn has not come keeps following the market, and wants nothing any more when the price comes back. So
waiting is a longer refresh interval, or a wider threshold:

- `fair` lets each symbol have a request every κ/priority seconds: its refresh interval becomes at least that.
- `value` sends the quote with the largest score p·n^s·b·(b/σ)^(2v), b being its error. All are then sent at the same
  score, so the threshold becomes at least b ∝ (σ^(2v)/(p·n^s))^(1/(1+2v)). And nobody has more than three times his
  fair share while another waits.
- `fifo` keeps all in one line: every quote takes its own time, and the same wait on top.

For powers s = v = 1 that is the optimum. An error of b bps costs notional × b as long as it stands, and a random walk
that is set back when it has strayed by b stands at b/3 on average. So the fleet's cost is proportional to Σ nᵢ·bᵢ,
while it sends Σ σᵢ²/bᵢ² requests. Where it is least for so many requests, nᵢ = 2λσᵢ²/bᵢ³ for all (Lagrange), so that
bᵢ ∝ (σᵢ²/nᵢ)^(1/3) and the rate of each is ∝ (σᵢ·nᵢ)^(2/3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fleet.scheduling.shares import MOST_SHARES

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What one symbol asks for. `seconds_of` tells the time between two amends of a quote for a threshold in bps and a
    refresh interval in seconds; `worth` is p·n^s, the part of its score that does not change."""

    symbol: str
    quotes: int
    threshold_bps: float
    refresh_s: float
    seconds_of: Callable[[float, float], float]
    volatility_bps: float
    priority: float = 1.0
    worth: float = 1.0

    @property
    def seconds(self) -> float:
        """If it may go when it is due."""
        return self.seconds_of(self.threshold_bps, self.refresh_s)

    @property
    def rate(self) -> float:
        return 60 * self.quotes / self.seconds

    def rate_at(self, threshold_bps: float, refresh_s: float) -> float:
        seconds = self.seconds_of(max(self.threshold_bps, threshold_bps), max(self.refresh_s, refresh_s))
        return 60 * self.quotes / seconds


Grants = dict[str, float]


def total(wishes: Sequence[Wish]) -> float:
    return sum(wish.rate for wish in wishes)


def grants_in_turn(wishes: Sequence[Wish], capacity: float) -> Grants:
    """`fair`."""
    return _dividing(
        capacity, lambda turn_s: {wish.symbol: wish.rate_at(0, wish.quotes * turn_s / wish.priority) for wish in wishes}
    )


def grants_in_line(wishes: Sequence[Wish], capacity: float) -> Grants:
    """`fifo`."""
    seconds = {wish.symbol: wish.seconds for wish in wishes}
    return _dividing(
        capacity, lambda wait_s: {wish.symbol: 60 * wish.quotes / (seconds[wish.symbol] + wait_s) for wish in wishes}
    )


def grants_by_value(wishes: Sequence[Wish], capacity: float, power: float = 1.0) -> Grants:
    """`value`; `power` is that of the score's volatility."""
    units = {wish.symbol: (wish.volatility_bps ** (2 * power) / wish.worth) ** (1 / (1 + 2 * power)) for wish in wishes}
    priorities = sum(wish.priority for wish in wishes)
    fair = {wish.symbol: capacity * wish.priority / priorities for wish in wishes}
    rates = {wish.symbol: wish.rate for wish in wishes}
    most = MOST_SHARES
    # Where those who want less than their share leave so much, the others may have more than that.
    while sum(min(rates[symbol], most * share) for symbol, share in fair.items()) < min(capacity, sum(rates.values())):
        most *= 1.25

    def grants(level: float) -> Grants:
        return {
            wish.symbol: min(wish.rate_at(level * units[wish.symbol], 0), most * fair[wish.symbol]) for wish in wishes
        }

    return _dividing(capacity, grants)


def _dividing(capacity: float, grants: Callable[[float], Grants]) -> Grants:
    """The grants at the least level that keeps them within the capacity: the higher it is the less is granted."""
    low, high = 0.0, 1.0
    if sum(grants(low).values()) <= capacity:
        return grants(low)
    while sum(grants(high).values()) > capacity:
        low, high = high, 2 * high
        if high > 1e9:
            break
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum(grants(middle).values()) > capacity:
            low = middle
        else:
            high = middle
    return grants(high)
