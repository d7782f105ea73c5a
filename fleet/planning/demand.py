"""How often a quote wants to be amended in a market that moves so much. Pure.

Owns: the arithmetic of a quote that follows a random walk. Must not know: fleets, files, limits, where a volatility
comes from.

A quote is amended at the first instant, not sooner than the refresh interval r after the last time, at which mid has
moved by more than the threshold θ since then. For a mid B that walks at random, with volatility σ, from B(0) = 0:
when |B(r)| > θ the amend is due at r; else B stands at x = B(r) inside (-θ, θ), which it leaves after (θ² - x²)/σ² on
average (the exit time of a Brownian motion). So the expected time between two amends of a quote is

    E[T] = r + E[(θ² - B(r)²)⁺] / σ²

With s = σ√r, a = θ/s and B(r) = s·Z, Z standard normal with distribution function Φ and density φ, the expectation is
s² · E[(a² - Z²)⁺], and as E[Z²; |Z| < a] = (2Φ(a) - 1) - 2aφ(a),

    E[T] = r · (1 + (a² - 1)(2Φ(a) - 1) + 2aφ(a))

which is r where the market outruns the threshold (a → 0), and θ²/σ² where r does not matter (a → ∞).
"""

from __future__ import annotations

import math
from collections.abc import Callable

Volatility = Callable[[float], float]
"""Threshold in bps -> bps per square root of a second, as a quote with that threshold meets it: σ(θ) = θ/√E, where
E is the mean time in which mid moves by more than θ. A random walk has the same for all; a real market jitters in
the short run, trends in the long and jumps now and then, so that its variance alone would tell something else."""

LONGEST_S = 86_400.0
"""What moves less often than once a day is not worth telling apart."""


def seconds_between_amends(volatility_bps: float, threshold_bps: float, refresh_s: float) -> float:
    """E[T] as above, at most `LONGEST_S`. ValueError for a refresh interval that is none."""
    if refresh_s <= 0:
        raise ValueError("a refresh interval is more than 0")
    if threshold_bps <= 0:
        return min(LONGEST_S, refresh_s)
    if volatility_bps * LONGEST_S <= threshold_bps:
        return LONGEST_S
    a = threshold_bps / (volatility_bps * math.sqrt(refresh_s))
    if a > 1e3:
        # Their difference would drown in the floats' own error.
        return min(LONGEST_S, (threshold_bps / volatility_bps) ** 2)
    within = math.erf(a / math.sqrt(2))
    density = math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    return min(LONGEST_S, refresh_s * (1 + (a * a - 1) * within + 2 * a * density))
