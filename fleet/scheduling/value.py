"""What it is worth to mend a quote now: one pure function. Its terms are weighted in the fleet file (budget.weights).

Owns: the score. Must not know: who waits, budgets, time.

A quote that stands `error` away from where it should be costs its notional times that distance for as long as it stands
there. Mended, it is right until the market has moved as far again: a random walk of volatility σ takes (error/σ)²
seconds on average to leave a band of ± error (Karatzas & Shreve, Brownian Motion and Stochastic Calculus, 1991, problem
2.8.14: first exit of Brownian motion). What one request saves is the product:

    value = priority × direction × notional^size × error × (error/σ)^(2 × volatility)

with `direction` too_close or too_far. USD·bps·seconds at the default powers of 1. So a quiet symbol that has drifted by
3 bps goes before a wild one that will be 3 bps off again a second later, and twice the notional counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet.config.models import Weights

LEAST_VOLATILITY_BPS = 0.05
LEAST_ERROR_BPS = 0.01
"""So that a symbol that has stood still neither divides by nothing nor outweighs all others together."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What is at stake with one request: whose it is, and how wrong the order is that it would mend.

    `error_bps`: distance between the live order's price and the wanted one. `volatility_bps`: of mid, over a second.
    `refresh_us`: the interval at which this quote may be amended; 0 for what is no amendment.
    """

    symbol: str
    error_bps: float = 0.0
    is_too_close: bool = False
    notional_usd: float = 0.0
    volatility_bps: float = 1.0
    priority: float = 1.0
    refresh_us: int = 0


NOTHING = Stake("")


def value(stake: Stake, weights: Weights) -> float:
    """Never negative; bigger goes first."""
    error = max(stake.error_bps, LEAST_ERROR_BPS)
    direction = weights.too_close if stake.is_too_close else weights.too_far
    seconds = error / max(stake.volatility_bps, LEAST_VOLATILITY_BPS)
    return (
        stake.priority
        * direction
        * max(stake.notional_usd, 1.0) ** weights.size
        * error
        * seconds ** (2 * weights.volatility)
    )
