from __future__ import annotations

import pytest
from planning_fleets import LIMITS, fleet, moves

from exchange.model import RateLimit
from fleet.config.models import FleetConfig
from fleet.planning.advice import Advisor
from fleet.planning.forecast import forecast


def changes(config: FleetConfig, limits: tuple[RateLimit, ...] = LIMITS, volatility_bps: float = 1.0) -> list[str]:
    return [each.change for each in Advisor(config, moves(config, volatility_bps), limits).advice()]


def test_what_fits_needs_no_advice() -> None:
    assert changes(fleet(3)) == []


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        (
            fleet(50),
            [
                "refresh_interval of at least 5.5s for every symbol",
                "price_change_threshold of at least 2.4bps for every symbol",
                "at most 9 of the 50 symbols: without S0USDT, S10USDT, S11USDT, S12USDT and 37 more of the busiest",
            ],
        ),
        (
            fleet(8, more="budget: {safety: 0.5}"),
            [
                "refresh_interval of at least 1.2s for every symbol",
                "price_change_threshold of at least 1.3bps for every symbol",
                "at most 5 of the 8 symbols: without S0USDT, S1USDT, S2USDT",
                "budget.safety 0.9 instead of 0.5, if nothing else uses the account",
            ],
        ),
    ],
)
def test_each_change_would_do_alone(config: FleetConfig, advice: list[str]) -> None:
    assert changes(config) == advice
    for each in Advisor(config, moves(config), LIMITS).advice():
        assert each.forecast.fits


def test_the_least_change_is_told() -> None:
    """A tenth less of it would not do; what is told is rounded up to two digits."""
    config = fleet(50)
    moved = moves(config)
    slower = Advisor(config, moved, LIMITS).advice()[0].forecast
    assert slower.fits
    assert not forecast(fleet(50, "refresh_interval: 5300ms, price_change_threshold: 1bps"), moved, LIMITS).fits


def test_heartbeats_that_eat_the_weight_can_be_rarer() -> None:
    """Weight 3600·0.9 - 324 - 50 leaves 2866, of which heartbeats take 810; orders are not limited."""
    config = fleet(46, "refresh_interval: 300ms, price_change_threshold: 1.7bps", "dead_man: {timeout: 5m}")
    weight = (RateLimit("REQUEST_WEIGHT", 60, 3000),)
    now = forecast(config, moves(config), weight)
    assert now.binding is not None
    assert not now.fits
    found = [each for each in Advisor(config, moves(config), weight).advice() if each.change.startswith("dead_man")]
    assert [each.change for each in found] == ["dead_man: {share: 0.17, timeout: 300s}"]
    assert found[0].forecast.heartbeat_weight < now.heartbeat_weight


def test_where_no_single_change_does_there_is_none() -> None:
    assert changes(fleet(1, more="budget: {safety: 0.9}"), (RateLimit("REQUEST_WEIGHT", 60, 60),)) == []
