"""What a synthetic market of each symbol looks like: price, volatility, depth and order flow.

Owns: the parameters' meaning and their table, calibration.csv. Must not know: how the flow is made of them.
The rows with a `source` of `recorded` are fitted to recorded AsterDEX markets (tests compare the two), with one
deviation: the recorded minutes of BTC and ETH were unusually calm, their fair value moves about twice as much here.
The other rows are judgement: price and tick as listed, activity by the market's size.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from exchange.model import Instrument

_TABLE = Path(__file__).with_name("calibration.csv")


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """One symbol's order flow. Sizes are medians of log-normal distributions, in quote currency."""

    price: float
    """Where the fair value starts, and what it reverts to."""
    reversion_s: float
    """How long the fair value takes to come back to `price`: days for a coin, minutes for a pegged one."""
    volatility_bps: float
    """Of the fair value, per square root of a second; a slow log-normal factor around 1 multiplies it."""
    trend_bps: float
    """Standard deviation of its drift per second, which lasts some twenty seconds."""
    jumps_per_minute: float
    jump_bps: float
    """Median size of a jump of the fair value."""
    band_ticks: float
    """How far the fair value strays from the makers' reference before they move their quotes."""
    touch_usd: float
    touch_log_sd: float
    level_usd: float
    level_log_sd: float
    level_gap_ticks: float
    """Between two of the fourteen quotes nearest the touch; behind them gaps grow to half a per cent."""
    quotes_per_s: float
    """How often makers look after their quotes: each time they move a few orders."""
    attention: float
    """How likely they are then to look at a quote at the touch: the less, the longer a wide spread lasts."""
    takers_per_s: float
    taker_usd: float
    taker_log_sd: float
    informed: float
    """Share of the takers who know the fair value: they take the side it is moving to, level by level up to it."""
    sweep_bps: float
    """How far beyond the touch an uninformed taker is ready to go, on average."""


@cache
def _table() -> dict[str, MarketParameters]:
    with _TABLE.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {
        row["symbol"]: MarketParameters(**{f.name: float(row[f.name]) for f in fields(MarketParameters)})
        for row in rows
    }


def parameters_for(instrument: Instrument) -> MarketParameters:
    """The table's row, or the default's with a price that gives the instrument's tick about 0.5 bps."""
    known = _table().get(instrument.symbol)
    if known is not None:
        return known
    default = _table()["*"]
    ticks = min(max(20_000, instrument.min_ticks * 2), instrument.max_ticks // 2)
    return MarketParameters(
        **{f.name: getattr(default, f.name) for f in fields(MarketParameters) if f.name != "price"},
        price=float(instrument.price(ticks)),
    )
