"""The markets of a paper exchange, made by name: synthetic or replayed, one for each instrument.

Owns: which class stands for which symbol. Must not know: accounts, configuration files.
"""

from __future__ import annotations

from collections.abc import Iterable

from exchange.model import Instrument
from exchange.paper.calibration import parameters_for
from exchange.paper.market import Market
from exchange.paper.synthetic import SyntheticMarket


def synthetic_markets(instruments: Iterable[Instrument], seed: int, start_us: int) -> dict[str, Market]:
    """A market for each instrument, each with its own stream of chance: adding one changes no other."""
    return {i.symbol: SyntheticMarket(i, parameters_for(i), seed, start_us) for i in instruments}
