"""How much a market moves, as a quote with a threshold meets it (fleet.planning.demand says what that is). Pure.

Owns: measuring it on a path of mids, and reckoning it from a synthetic market's parameters. Must not know: where paths
come from, fleets.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from itertools import pairwise

from exchange.paper.calibration import MarketParameters
from fleet.planning.demand import Volatility

Path = Sequence[tuple[float, float]]
"""(seconds, mid), in order of time, without a hole in it."""

ENOUGH = 10
"""Moves that make a mean worth believing."""

_SMALLEST_BPS, _LARGEST_BPS, _STEP = 0.25, 400.0, math.sqrt(2)
_SAMPLES_A_MOVE = 4
"""A path with fewer samples between two moves than this is too coarse to tell of so small ones."""


def volatility_of(paths: Sequence[Path]) -> Volatility | None:
    """Of one market, seen in one or several stretches; None when they hold no time.

    Thresholds for which there are too few moves, or that the samples are too coarse for, have the volatility of the
    nearest one that can be told.
    """
    seconds = sum(path[-1][0] - path[0][0] for path in paths if path)
    steps = sum(max(0, len(path) - 1) for path in paths)
    if seconds <= 0:
        return None
    logs = [[math.log(mid) * 1e4 for _, mid in path] for path in paths]
    known: list[tuple[float, float]] = []
    threshold_bps = _SMALLEST_BPS
    while threshold_bps <= _LARGEST_BPS:
        moves = sum(_moves(each, threshold_bps) for each in logs)
        if moves < ENOUGH:
            break
        if moves * _SAMPLES_A_MOVE <= steps:
            known.append((threshold_bps, threshold_bps / math.sqrt(seconds / moves)))
        threshold_bps *= _STEP
    if known:
        return _between(known)
    squares = sum((after - before) ** 2 for each in logs for before, after in pairwise(each))
    return constant(math.sqrt(squares / seconds))


def constant(volatility_bps: float) -> Volatility:
    """A random walk's: the same for every threshold."""
    return lambda threshold_bps: volatility_bps


def _moves(mids_bps: Sequence[float], threshold_bps: float) -> int:
    moves, since = 0, mids_bps[0] if mids_bps else 0.0
    for mid in mids_bps:
        if abs(mid - since) > threshold_bps:
            moves, since = moves + 1, mid
    return moves


def _between(known: Sequence[tuple[float, float]]) -> Volatility:
    thresholds = [threshold_bps for threshold_bps, _ in known]

    def volatility(threshold_bps: float) -> float:
        above = bisect.bisect_left(thresholds, threshold_bps)
        if above in (0, len(known)):
            return known[min(above, len(known) - 1)][1]
        (low, low_bps), (high, high_bps) = known[above - 1], known[above]
        part = math.log(threshold_bps / low) / math.log(high / low)
        return low_bps * (high_bps / low_bps) ** part

    return volatility


_TREND_S = 20.0
_USUAL_FACTOR = math.exp(0.4**2)
"""Of the variance: the log-normal factor of a synthetic market's volatility, between its median and its mean."""
_LOOK_SHIFT = 0.58
"""A barrier looked at every Δ seconds is met as one further off by 0.58·σ·√Δ (Broadie, Glasserman, Kou, A Continuity
Correction for Discrete Barrier Options, 1997)."""
_LOOKS = 2.0
"""Makers look this many times before they have moved."""
_JUMP_LOG_SD = 0.5
_NORMAL = ((-2.857, 0.01126), (-1.3556, 0.22208), (0.0, 0.53333), (1.3556, 0.22208), (2.857, 0.01126))
"""Gauss and Hermite's five points and weights of a standard normal."""


def calibrated(parameters: MarketParameters, tick_bps: float) -> Volatility:
    """A synthetic market's, reckoned: mostly within a quarter of what is measured on one (tests compare them)."""
    own = parameters.volatility_bps**2 * _USUAL_FACTOR

    def volatility(threshold_bps: float) -> float:
        if threshold_bps <= 0:
            return math.sqrt(own)
        variance = own
        for _ in range(8):
            seconds = threshold_bps**2 / variance
            variance = own + _trend(parameters, seconds) + _jumps(parameters, threshold_bps)
        spread = math.sqrt(variance)
        late = _LOOK_SHIFT * spread * math.sqrt(_LOOKS / parameters.quotes_per_s)
        band = parameters.band_ticks * tick_bps / 2
        return spread * threshold_bps / (threshold_bps + late + band)

    return volatility


def _trend(parameters: MarketParameters, seconds: float) -> float:
    """Variance a second of a drift that is forgotten in `_TREND_S`, over so many seconds (Ornstein and Uhlenbeck)."""
    times = seconds / _TREND_S
    forgotten = times - 1 + math.exp(-times) if times > 1e-4 else times * times / 2
    return 2 * (parameters.trend_bps * _TREND_S) ** 2 * forgotten / seconds


def _jumps(parameters: MarketParameters, threshold_bps: float) -> float:
    """Variance a second; a jump beyond the threshold is one move, however far it goes."""
    return (
        parameters.jumps_per_minute
        / 60
        * sum(
            weight * min(parameters.jump_bps * math.exp(_JUMP_LOG_SD * z), threshold_bps) ** 2 for z, weight in _NORMAL
        )
    )
