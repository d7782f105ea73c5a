"""What it is worth to mend a quote, as a table: which of two goes first."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.config.models import Weights
from fleet.scheduling.value import NOTHING, Stake, value

ONE = Stake("A", error_bps=2, notional_usd=100, volatility_bps=1)
WEIGHTS = Weights()


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({"error_bps": 4}, 8),
        ({"notional_usd": 200}, 2),
        ({"volatility_bps": 2}, 1 / 4),
        ({"is_too_close": True}, 2),
        ({"priority": 3}, 3),
        ({"refresh_us": 300_000}, 1),
        ({"symbol": "B"}, 1),
    ],
)
def test_each_term_counts_as_documented(change: dict[str, float], factor: float) -> None:
    assert value(replace(ONE, **change), WEIGHTS) / value(ONE, WEIGHTS) == pytest.approx(factor)


def test_at_the_default_weights_it_is_what_a_request_saves_in_usd_bps_seconds() -> None:
    # 100 USD, 2 bps off, and with 1 bps a root second it takes 4 s until it is as far off again.
    assert value(ONE, WEIGHTS) == 100 * 2 * 4


@pytest.mark.parametrize(
    ("weights", "one", "other", "factor"),
    [
        (Weights(size=0), ONE, replace(ONE, notional_usd=900), 1),
        (Weights(size=2), ONE, replace(ONE, notional_usd=200), 4),
        (Weights(volatility=0), ONE, replace(ONE, volatility_bps=7), 1),
        (Weights(volatility=0), ONE, replace(ONE, error_bps=6), 3),
        (Weights(too_close=1, too_far=4), replace(ONE, is_too_close=True), ONE, 4),
    ],
)
def test_weights_change_what_counts(weights: Weights, one: Stake, other: Stake, factor: float) -> None:
    assert value(other, weights) / value(one, weights) == pytest.approx(factor)


stakes = st.builds(
    Stake,
    symbol=st.just("A"),
    error_bps=st.floats(0, 1e4),
    is_too_close=st.booleans(),
    notional_usd=st.floats(0, 1e9),
    volatility_bps=st.floats(0, 1e4),
    priority=st.floats(0.1, 10),
)
weights = st.builds(
    Weights,
    too_close=st.floats(0.01, 100),
    too_far=st.floats(0.01, 100),
    size=st.floats(0, 4),
    volatility=st.floats(0, 4),
)


@given(stakes, weights)
def test_it_is_always_a_positive_number(stake: Stake, weights: Weights) -> None:
    assert 0 < value(stake, weights) < math.inf


@given(stakes, st.floats(1, 100), weights)
def test_a_greater_error_is_never_worth_less_to_mend(stake: Stake, times: float, weights: Weights) -> None:
    assert value(replace(stake, error_bps=stake.error_bps * times), weights) >= value(stake, weights)


def test_a_stake_in_nothing_is_worth_next_to_nothing() -> None:
    assert value(NOTHING, WEIGHTS) < value(Stake("A", error_bps=0.1), WEIGHTS)
