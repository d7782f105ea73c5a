"""The estimate of how much a price moves, held against prices whose volatility is known."""

from __future__ import annotations

import random

import pytest

from strategies.signals.volatility import ASSUMED_BPS, Volatility


def walk(bps: float, seconds: float, every_ms: int, seed: int = 1) -> Volatility:
    rng, volatility, mid = random.Random(seed), Volatility(), 1000.0
    for step in range(int(seconds * 1000 / every_ms)):
        volatility.see(mid, step * every_ms * 1000)
        mid *= 1 + rng.gauss(0, bps * 1e-4) * (every_ms / 1000) ** 0.5
    return volatility


@pytest.mark.parametrize("bps", [0.2, 1, 5])
@pytest.mark.parametrize("every_ms", [50, 250, 1500])
def test_a_random_walk_is_recognised_at_any_cadence(bps: float, every_ms: int) -> None:
    found = [walk(bps, 600, every_ms, seed).bps for seed in range(8)]
    assert sum(found) / 8 == pytest.approx(bps, rel=0.15)


def test_until_something_is_seen_it_is_assumed() -> None:
    assert Volatility().bps == ASSUMED_BPS


def test_what_bounces_within_a_second_is_no_move() -> None:
    volatility = Volatility()
    for step in range(4000):
        volatility.see(1000.0 if step % 2 else 1001.0, step * 100_000)
    # It is seen once a second, always on the same side.
    assert volatility.bps < 0.3


def test_what_is_long_ago_is_forgotten() -> None:
    volatility = Volatility()
    for step in range(300):
        volatility.see(1000.0 + step % 2, step * 1_000_000)
    lively = volatility.bps
    for step in range(300, 1500):
        volatility.see(1000.0, step * 1_000_000)
    assert lively > 5
    assert volatility.bps < 0.1


def test_a_clock_that_steps_back_begins_anew() -> None:
    volatility = Volatility()
    volatility.see(1000.0, 10_000_000)
    volatility.see(2000.0, 5_000_000)
    assert volatility.bps == ASSUMED_BPS
