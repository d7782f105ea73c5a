"""Fleets for the planning tests: as many symbols as wanted, in markets that are random walks."""

from __future__ import annotations

from exchange.model import RateLimit
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.planning.forecast import Moves

LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 60, 1200), RateLimit("ORDERS", 10, 300))

ROOM = 1200 * 0.9 * 0.98
"""Amends a minute that the tightest of them leaves: safety 0.9, and of orders a fortieth is kept for reductions."""


def fleet(
    symbols: int, defaults: str = "refresh_interval: 300ms, price_change_threshold: 1bps", more: str = ""
) -> FleetConfig:
    names = ", ".join(f"S{number}USDT: {{}}" for number in range(symbols))
    return fleet_of(names, defaults, more)


def fleet_of(symbols: str, defaults: str = "refresh_interval: 300ms", more: str = "") -> FleetConfig:
    text = f"""
fleet: a
venue: paper
defaults: {{buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1, {defaults}}}
symbols: {{{symbols}}}
{more}
"""
    return parse(text, "f", {}).config


def moves(config: FleetConfig, volatility_bps: float = 1.0) -> dict[str, Moves]:
    return {symbol: Moves(lambda threshold_bps: volatility_bps, "given") for symbol in config.symbols}
