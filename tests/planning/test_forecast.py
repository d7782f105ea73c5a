from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning_fleets import LIMITS, ROOM, fleet, fleet_of, moves

from exchange.model import RateLimit
from fleet.planning.demand import seconds_between_amends
from fleet.planning.forecast import Moves, forecast

WALK = Moves(lambda threshold_bps: 1.0, "given")


def test_a_small_fleet_gets_what_it_wants() -> None:
    config = fleet(3)
    result = forecast(config, moves(config), LIMITS)
    assert result.fits
    assert [each.symbol for each in result.symbols] == ["S0USDT", "S1USDT", "S2USDT"]
    for each in result.symbols:
        assert each.wanted == each.granted == pytest.approx(120 / seconds_between_amends(1, 1, 0.3))
        assert (each.wait_s, each.stretch) == (0, 1)
    assert result.mean_stretch == 1


def test_a_large_one_is_stretched_until_it_fits() -> None:
    config = fleet(50)
    result = forecast(config, moves(config), LIMITS)
    binding = result.binding
    assert binding is not None
    assert not result.fits
    assert (binding.name, binding.room) == ("ORDERS_1M", pytest.approx(ROOM))
    assert result.granted == pytest.approx(ROOM)
    for each in result.symbols:
        assert each.granted == pytest.approx(ROOM / 50)
        assert each.every_s + each.wait_s == pytest.approx(120 / each.granted)
        assert each.stretch == pytest.approx(1 + each.wait_s / 0.3)


@pytest.mark.parametrize(
    ("symbols", "more", "heartbeat_s", "standing"),
    [
        (1, "", 30, 50 + 20),
        (10, "", 30, 50 + 200),
        (40, "", 40 * 600 / 540, 50 + 540),
        (150, "", 150 * 600 / 540, 50 + 540),
        (10, "dead_man: null", 0, 50),
        (10, "dead_man: {timeout: 40s}", 10 * 600 / 540, 50 + 540),
        (10, "budget: {safety: 0.1}\ndead_man: {timeout: 10m}", 10 * 600 / 60, 50 + 60),
    ],
)
def test_heartbeats_and_looks_at_the_account_stand_in_the_request_weight(
    symbols: int, more: str, heartbeat_s: float, standing: float
) -> None:
    config = fleet(symbols, more=more)
    result = forecast(config, moves(config), LIMITS)
    assert result.heartbeat_s == pytest.approx(heartbeat_s)
    assert {each.name: each.standing for each in result.limiters} == {
        "REQUEST_WEIGHT_1M": pytest.approx(standing),
        "ORDERS_1M": 0,
        "ORDERS_10S": 0,
    }


@pytest.mark.parametrize(
    ("limits", "binding"),
    [
        (LIMITS, "ORDERS_1M"),
        ((RateLimit("ORDERS", 60, 1200), RateLimit("ORDERS", 10, 100)), "ORDERS_10S"),
        ((RateLimit("REQUEST_WEIGHT", 60, 1200), RateLimit("ORDERS", 60, 1200)), "REQUEST_WEIGHT_1M"),
        ((RateLimit("RAW_REQUESTS", 60, 1), RateLimit("ORDERS", 60, 1200)), "ORDERS_1M"),
        ((), None),
    ],
)
def test_the_limiter_that_leaves_least_binds(limits: tuple[RateLimit, ...], binding: str | None) -> None:
    config = fleet(50)
    result = forecast(config, moves(config), limits)
    assert (result.binding and result.binding.name) == binding
    assert result.fits == (binding is None)
    if result.binding is not None:
        kept = result.binding.reserved / result.binding.allowed
        assert result.use(result.binding) == pytest.approx(1 - kept)


def test_one_sided_symbols_have_half_the_quotes() -> None:
    config = fleet_of("AUSDT: {entry: long}, BUSDT: {}")
    one, two = forecast(config, moves(config), LIMITS).symbols
    assert (one.quotes, two.quotes, two.wanted) == (1, 2, pytest.approx(2 * one.wanted))


def test_a_quote_cannot_follow_what_is_less_than_a_tick() -> None:
    config = fleet_of("AUSDT: {}, BUSDT: {}", "refresh_interval: 300ms, price_change_threshold: 0")
    coarse = Moves(lambda threshold_bps: 1.0, "given", tick_bps=4.0)
    fine, ticks = forecast(config, {"AUSDT": WALK, "BUSDT": coarse}, LIMITS).symbols
    assert fine.every_s == 0.3
    assert ticks.every_s == pytest.approx(seconds_between_amends(1, 2, 0.3))


@pytest.mark.parametrize(
    ("policy", "symbols", "shares"),
    [
        ("fair", "AUSDT: {priority: 2}, BUSDT: {}, CUSDT: {}", [2, 1, 1]),
        ("value", "AUSDT: {leverage: 3}, BUSDT: {}, CUSDT: {}", [3 ** (2 / 3), 1, 1]),
        ("value", "AUSDT: {balance_fraction: 0.05}, BUSDT: {}, CUSDT: {}", [0.5 ** (2 / 3), 1, 1]),
        ("value, weights: {size: 0}", "AUSDT: {leverage: 3}, BUSDT: {}, CUSDT: {}", [1, 1, 1]),
        ("value, weights: {volatility: 0}", "AUSDT: {leverage: 1}, BUSDT: {priority: 1.2}, CUSDT: {}", [1, 1.44, 1]),
        ("fifo", "AUSDT: {priority: 9}, BUSDT: {leverage: 9}, CUSDT: {}", [1, 1, 1]),
    ],
)
def test_the_policy_divides(policy: str, symbols: str, shares: list[float]) -> None:
    config = fleet_of(symbols, "refresh_interval: 50ms, price_change_threshold: 0", f"budget: {{policy: {policy}}}")
    result = forecast(config, moves(config), LIMITS)
    granted = [each.granted for each in result.symbols]
    assert sum(granted) == pytest.approx(ROOM)
    assert granted == pytest.approx([ROOM * share / sum(shares) for share in shares], rel=0.01)


@given(
    st.integers(1, 30), st.floats(0, 20), st.sampled_from(["value", "fair", "fifo"]), st.sampled_from(["0.02", "0.9"])
)
def test_no_limiter_is_promised_more_than_is_allowed(
    symbols: int, volatility_bps: float, policy: str, safety: str
) -> None:
    config = fleet(symbols, more=f"budget: {{policy: {policy}, safety: {safety}}}\ndead_man: {{timeout: 1h}}")
    result = forecast(config, moves(config, volatility_bps), LIMITS)
    for limiter in result.limiters:
        if limiter.room > 0:
            assert result.use(limiter) <= 1 - limiter.reserved / limiter.allowed + 1e-6
    assert result.granted <= result.wanted * (1 + 1e-9)


def test_where_nothing_is_left_quotes_never_move() -> None:
    config = fleet(3, more="budget: {safety: 0.02}")
    result = forecast(config, moves(config), LIMITS)
    assert result.binding is not None
    assert (result.binding.room, result.granted, result.mean_stretch) == (0, 0, float("inf"))
