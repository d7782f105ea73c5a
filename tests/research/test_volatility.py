"""Volatility is measured as a quote meets it, and a synthetic market's is about what its parameters say."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from exchange.paper.synthetic import SyntheticMarket
from fleet.research.volatility import Path, calibrated, volatility_of


def walk(volatility_bps: float, seconds: float, step_s: float = 0.05, seed: int = 1, mid: float = 100.0) -> Path:
    random, path = Random(seed), [(0.0, mid)]
    for number in range(1, int(seconds / step_s)):
        mid *= math.exp(random.gauss(0, volatility_bps * 1e-4 * math.sqrt(step_s)))
        path.append((number * step_s, mid))
    return path


@pytest.mark.parametrize("volatility_bps", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_a_random_walk_has_one_volatility(volatility_bps: float, times: float) -> None:
    """Seen every 50 ms it is late at its barrier, by 0.58·σ·√Δ."""
    volatility = volatility_of([walk(volatility_bps, 1200)])
    assert volatility is not None
    threshold_bps = times * volatility_bps
    late = 1 + 0.58 * math.sqrt(0.05) / times
    assert volatility(threshold_bps) * late == pytest.approx(volatility_bps, rel=0.12)


def there_and_back(size_bps: float, every_s: float, seconds: float) -> Path:
    """The mid of a market that jumps to and fro between two prices."""
    return [(time, 100 * (1 + size_bps * 1e-4 * (int(time / every_s) % 2))) for time in map(float, range(int(seconds)))]


@pytest.mark.parametrize(
    ("path", "threshold_bps", "volatility_bps", "why"),
    [
        (there_and_back(10, 5, 600), 5, 5 / math.sqrt(5), "a quote with a threshold of 5 bps goes every 5 s"),
        (there_and_back(10, 5, 600), 2, 2 / math.sqrt(5), "and so it does with one of 2 bps"),
        (there_and_back(10, 5, 600), 100, 8 / math.sqrt(5), "beyond the jumps: as at the widest that is ever left"),
        (there_and_back(10, 1, 600), 5, 10, "too coarse to tell of moves: its variance"),
        (there_and_back(10, 500, 600), 5, 10 / math.sqrt(599), "one move is no mean: its variance"),
        ([(0.0, 1.0), (10.0, 1.0)], 5, 0, "it does not move"),
    ],
)
def test_what_is_measured_is_how_often_a_quote_would_go(
    path: Path, threshold_bps: float, volatility_bps: float, why: str
) -> None:
    volatility = volatility_of([path])
    assert volatility is not None
    assert volatility(threshold_bps) == pytest.approx(volatility_bps, rel=0.01), why


def test_what_is_between_two_stretches_is_not_counted() -> None:
    first, second = walk(1, 300, seed=1), [(time + 10_000, 2 * mid) for time, mid in walk(1, 300, seed=2)]
    apart, joined = volatility_of([first, second]), volatility_of([[*first, *second]])
    assert apart is not None
    assert joined is not None
    assert apart(3) > 3 * joined(3)


@pytest.mark.parametrize("paths", [[], [[]], [[(0.0, 1.0)]], [[(5.0, 1.0), (5.0, 2.0)]]])
def test_no_time_tells_nothing(paths: list[Path]) -> None:
    assert volatility_of(paths) is None


def synthetic(symbol: str, seed: int, seconds: int = 300) -> Path:
    instrument = listed.instrument(symbol)
    market = SyntheticMarket(instrument, parameters_for(instrument), seed, 0)
    path: list[tuple[float, float]] = []
    for tenth in range(seconds * 10):
        market.advance(tenth * 100_000, _unseen)
        bid, ask = market.best_bid(), market.best_ask()
        if bid is not None and ask is not None:
            path.append((tenth / 10, (bid[0] + ask[0]) / 2))
    return path


_unseen: Callable[[object], None] = lambda trade: None  # noqa: E731


@pytest.mark.parametrize("symbol", ["ASTERUSDT", "SOLUSDT", "HYPEUSDT", "LINKUSDT", "DOGEUSDT", "CAKEUSDT", "ETHUSDT"])
def test_a_synthetic_markets_volatility_follows_from_its_parameters(symbol: str) -> None:
    instrument = listed.instrument(symbol)
    parameters = parameters_for(instrument)
    reckoned = calibrated(parameters, float(instrument.tick_size) / parameters.price * 1e4)
    measured = volatility_of([synthetic(symbol, seed) for seed in range(3)])
    assert measured is not None
    for threshold_bps in (1, 3):
        assert reckoned(threshold_bps) == pytest.approx(measured(threshold_bps), rel=0.35)
