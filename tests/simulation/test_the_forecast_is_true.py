"""What `plan` foresees is what the whole fleet does, in virtual time, in synthetic markets whose volatility is known.

The volatility is measured on the very market that the fleet is going to meet (the same seed), so that what is left to
differ is the model. By parameters alone the figures are good to about a third: tests/research compares those.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from exchange.paper.market import Trade
from exchange.paper.synthetic import SyntheticMarket
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.planning.forecast import Forecast, Moves, forecast
from fleet.research.volatility import volatility_of
from fleet.simulation.loop import START_US
from fleet.simulation.scenario import simulate

FILE = """
fleet: seen
venue: paper
paper: {balance: {USDT: 1000000}}
defaults: {buy_spread: 60bps, sell_spread: 60bps, balance_fraction: 0.02, refresh_interval: 1s, price_change_threshold: 3bps}
symbols:
  ASTERUSDT: {refresh_interval: 300ms, price_change_threshold: 1bps}
  HYPEUSDT: {}
  SOLUSDT: {price_change_threshold: 1bps}
  DOGEUSDT: {price_change_threshold: 2bps, entry: short}
  LINKUSDT: {price_change_threshold: 2bps, refresh_interval: 3s}
  XRPUSDT: {price_change_threshold: 0, refresh_interval: 3s}
"""
"""Spreads so wide that nothing fills: fills are not foreseen."""

SATURATED = """
fleet: full
venue: paper
paper: {balance: {USDT: 1000000}}
budget: {safety: 0.3, policy: POLICY}
dead_man: null
defaults: {buy_spread: 60bps, sell_spread: 60bps, balance_fraction: 0.02, refresh_interval: 300ms, price_change_threshold: 1bps}
symbols:
  ASTERUSDT: {}
  HYPEUSDT: {balance_fraction: 0.03}
  DOGEUSDT: {}
  LINKUSDT: {}
  XRPUSDT: {}
  CAKEUSDT: {}
  SUIUSDT: {balance_fraction: 0.015}
"""
"""They want three times what there is."""


def moves(symbols: Iterable[str], seed: int, seconds: int) -> dict[str, Moves]:
    found: dict[str, Moves] = {}
    for symbol in symbols:
        instrument = listed.instrument(symbol)
        market = SyntheticMarket(instrument, parameters_for(instrument), seed, START_US)
        path: list[tuple[float, float]] = []
        for look in range(seconds * 20):
            market.advance(START_US + look * 50_000, _unseen)
            bid, ask = market.best_bid(), market.best_ask()
            if bid is not None and ask is not None:
                path.append((look / 20, (bid[0] + ask[0]) / 2))
        volatility = volatility_of([path])
        assert volatility is not None
        found[symbol] = Moves(volatility, "measured", 1e4 / path[0][1])
    return found


def _unseen(trade: Trade) -> None:
    """Nobody trades in it."""


def foreseen_and_done(text: str, seed: int, seconds: int) -> tuple[Forecast, dict[str, float]]:
    """The forecast, and amends a minute by symbol."""
    config: FleetConfig = parse(text, "fleet.yaml", {}).config
    outcome = simulate(config, seed, seconds)
    assert outcome.state.http_429 == 0
    done = {symbol.symbol: 60 * symbol.amended / seconds for symbol in outcome.state.symbols}
    return forecast(config, moves(config.symbols, seed, seconds), listed.REAL_LIMITS), done


@pytest.mark.parametrize("seed", [1, 2])
def test_unsaturated_a_symbol_gets_what_it_was_said_to_want_within_a_fifth(seed: int) -> None:
    result, done = foreseen_and_done(FILE, seed, 240)
    assert result.fits
    for each in result.symbols:
        # Of a few counts chance makes more than a fifth: one and a half times √n.
        chance = 1.5 * (each.granted * 4) ** 0.5 / 4
        assert done[each.symbol] == pytest.approx(each.granted, rel=0.2, abs=chance), each
    assert sum(done.values()) == pytest.approx(result.granted, rel=0.1)


@pytest.mark.parametrize("policy", ["value", "fair"])
def test_saturated_the_whole_is_foreseen_within_a_twentieth_and_a_symbol_within_a_half(policy: str) -> None:
    """In line, a quote whose price comes back gives its place up: the calm ones lose more than the model says."""
    result, done = foreseen_and_done(SATURATED.replace("POLICY", policy), 1, 240)
    assert not result.fits
    assert result.mean_stretch > 3
    assert sum(done.values()) == pytest.approx(result.granted, rel=0.05)
    for each in result.symbols:
        assert done[each.symbol] == pytest.approx(each.granted, rel=0.5), each
