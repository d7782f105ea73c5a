from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.planning.demand import LONGEST_S, seconds_between_amends

VOLATILITIES = st.floats(0.01, 50)
THRESHOLDS = st.floats(0, 500)
REFRESHES = st.floats(0.05, 3600)


@pytest.mark.parametrize(
    ("volatility_bps", "threshold_bps", "refresh_s", "seconds", "why"),
    [
        (2, 0, 0.5, 0.5, "whatever it moves, it is amended"),
        (100, 0.01, 0.5, 0.5, "the market outruns the threshold"),
        (0, 1, 0.5, LONGEST_S, "it does not move"),
        (1e-9, 1, 0.5, LONGEST_S, "it hardly moves"),
        (1, 10, 0.05, 100, "the refresh interval is nothing beside the exit time 10²/1²"),
        (2, 10, 0.05, 25, "twice the volatility, a quarter of the time"),
        (1, 1, 1, 1 + 2 * math.exp(-0.5) / math.sqrt(2 * math.pi), "a = 1: r(1 + 2φ(1))"),
        (1, 2, 4, 4 + 8 * math.exp(-0.5) / math.sqrt(2 * math.pi), "the same at twice the scale"),
    ],
)
def test_the_time_between_two_amends(
    volatility_bps: float, threshold_bps: float, refresh_s: float, seconds: float, why: str
) -> None:
    assert seconds_between_amends(volatility_bps, threshold_bps, refresh_s) == pytest.approx(seconds, rel=1e-4), why


@pytest.mark.parametrize(("threshold_bps", "refresh_s"), [(1, 0.3), (3, 0.5), (3, 5), (1, 5)])
def test_the_formula_is_what_a_random_walk_does(threshold_bps: float, refresh_s: float) -> None:
    """A walk in steps of 5 ms meets its barrier late by 0.58·σ·√Δ: 4 % of the smallest threshold here."""
    step_s, random = 0.005, Random(1)
    deviation = math.sqrt(step_s)
    amends, elapsed, since, at = 0, 0.0, 0.0, 0.0
    while amends < 500:
        elapsed += step_s
        at += deviation * random.gauss(0, 1)
        if elapsed - since >= refresh_s - 1e-9 and abs(at) > threshold_bps:
            amends, since, at = amends + 1, elapsed, 0.0
    assert elapsed / amends == pytest.approx(seconds_between_amends(1, threshold_bps, refresh_s), rel=0.12)


@given(VOLATILITIES, THRESHOLDS, REFRESHES)
def test_it_is_never_sooner_than_the_refresh_interval_nor_than_the_exit_alone(
    volatility_bps: float, threshold_bps: float, refresh_s: float
) -> None:
    seconds = seconds_between_amends(volatility_bps, threshold_bps, refresh_s)
    exit_s = min(LONGEST_S, (threshold_bps / volatility_bps) ** 2)
    assert max(refresh_s, exit_s) * (1 - 1e-6) <= seconds <= (refresh_s + exit_s) * (1 + 1e-6)


@given(VOLATILITIES, THRESHOLDS, REFRESHES, st.floats(1, 10))
def test_more_patience_asks_for_less_and_a_wilder_market_for_more(
    volatility_bps: float, threshold_bps: float, refresh_s: float, more: float
) -> None:
    seconds = seconds_between_amends(volatility_bps, threshold_bps, refresh_s) * (1 - 1e-6)
    assert seconds_between_amends(volatility_bps, threshold_bps * more, refresh_s) >= seconds
    assert seconds_between_amends(volatility_bps, threshold_bps, refresh_s * more) >= seconds
    assert seconds_between_amends(volatility_bps / more, threshold_bps, refresh_s) >= seconds


def test_there_is_no_interval_of_nothing() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        seconds_between_amends(1, 1, 0)
