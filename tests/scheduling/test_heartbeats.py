from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.scheduling.heartbeats import (
    CHANCES,
    heartbeat_interval_s,
    least_timeout_s,
    timeout_s,
    weight_a_minute,
)

WEIGHT = 2160


@pytest.mark.parametrize(
    ("symbols", "timeout_s", "interval_s", "why"),
    [
        (1, 120, 30, "the usual"),
        (27, 120, 30, "just affordable: 27 x 10 x 2 = 540"),
        (28, 120, 28 * 600 / 540, "rarer, as they would take more than their share"),
        (54, 120, 60, "the last that two in a timeout leave"),
        (1, 3600, 30, "a long patience is no reason to find out late that the exchange does not hear"),
        (1, 60, 15, "four in a timeout"),
        (1, 10, 2.5, "four in a timeout"),
        (4, 10, 4 * 600 / 540, "fewer than four, but two"),
    ],
)
def test_the_interval(symbols: int, timeout_s: float, interval_s: float, why: str) -> None:
    assert heartbeat_interval_s(symbols, timeout_s, 0.25, WEIGHT) == pytest.approx(interval_s), why


def test_a_hundred_and_fifty_symbols_want_a_longer_timeout_than_the_default() -> None:
    with pytest.raises(ValueError, match="heartbeats of 150 symbols can go every 167 s, which is over half of 120 s"):
        heartbeat_interval_s(150, 120, 0.25, WEIGHT)
    assert least_timeout_s(150, 0.25, WEIGHT) == 334


@given(st.integers(1, 500), st.floats(10, 3600), st.floats(0.01, 1), st.integers(1, 100_000))
def test_what_is_granted_fits_its_share_and_leaves_two_chances(
    symbols: int, timeout_s: float, share: float, weight: int
) -> None:
    least_s = least_timeout_s(symbols, share, weight)
    if timeout_s < least_s - 1:
        with pytest.raises(ValueError, match="over half"):
            heartbeat_interval_s(symbols, timeout_s, share, weight)
    elif timeout_s >= least_s:
        interval_s = heartbeat_interval_s(symbols, timeout_s, share, weight)
        assert interval_s * CHANCES <= timeout_s * (1 + 1e-9)
        assert weight_a_minute(symbols, interval_s) <= share * weight * (1 + 1e-9)


@pytest.mark.parametrize(
    ("given_ms", "symbols", "expected_s"),
    [
        (None, 1, 120),
        (None, 54, 120),
        (None, 55, 123),
        (None, 150, 334),
        (None, 1000, 600),
        (30_000, 150, 30),
    ],
)
def test_the_timeout_is_the_one_given_or_as_long_as_so_many_symbols_need(
    given_ms: int | None, symbols: int, expected_s: float
) -> None:
    assert timeout_s(given_ms, symbols, 0.25, 2160) == expected_s
