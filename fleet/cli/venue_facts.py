"""What `validate` asks of the venue that a fleet file names: instruments, limits, prices, and no credentials.

Owns: where the facts come from. Must not know: what they are checked for.
"""

from __future__ import annotations

from decimal import Decimal

from exchange.model import ExchangeInfo, Instrument
from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from exchange.paper.config import STABLE_ASSETS
from fleet.config.models import FleetConfig
from fleet.config.venue_check import VenueFacts


class NotAsked(Exception):
    """There is no way to ask this venue; says why."""


async def venue_facts(config: FleetConfig) -> VenueFacts:
    """Raises NotAsked, or VenueError when the venue does not answer."""
    if config.venue == "paper":
        return _paper_facts(config)
    raise NotAsked("its client is not wired in yet")


def _paper_facts(config: FleetConfig) -> VenueFacts:
    """The paper exchange lists what the real one does; a synthetic market starts at a known price."""
    instruments: dict[str, Instrument] = {}
    for symbol in listed.all_symbols():
        try:
            instruments[symbol] = listed.instrument(symbol)
        except ValueError:  # announced, not priced yet: as good as not listed
            continue
    prices: dict[str, Decimal] = {}
    if config.paper.feed == "synthetic":
        traded = (instruments[symbol] for symbol in config.symbols if symbol in instruments)
        prices = {each.symbol: Decimal(str(parameters_for(each).price)) for each in traded}
    collateral = sum((amount for asset, amount in config.paper.balance.items() if asset in STABLE_ASSETS), Decimal(0))
    return VenueFacts(ExchangeInfo(instruments, listed.REAL_LIMITS, 0), prices, prices, collateral)
