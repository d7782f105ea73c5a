"""What a fleet file is held against: what its venue lists and allows.

Owns: asking for it, or for paper knowing it. Must not know: what is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import ExchangeInfo
from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from fleet.config.models import FleetConfig, Live
from fleet.config.venue_check import VenueFacts
from fleet.runtime.account import STABLE_ASSETS
from fleet.runtime.venue import Venue
from fleet.wiring.client import address_of, open_venue
from fleet.wiring.paper import source_of


async def venue_facts(config: FleetConfig, clock: Clock) -> VenueFacts:
    """What the file's venue lists and allows, asked without credentials. Raises VenueError."""
    feed = config.paper.feed
    address, collateral = address_of(config.venue), None
    if config.venue == "paper":
        if not isinstance(feed, Live):
            return paper_facts(config)
        address, collateral = source_of(feed), _paper_collateral(config)
    async with open_venue(address, None, clock) as venue:
        try:
            return await facts_of(venue, collateral)
        except VenueError as error:
            failure = error
    raise failure


def paper_facts(config: FleetConfig) -> VenueFacts:
    """The paper exchange lists what the real one does; a synthetic market starts at a known price."""
    instruments = {symbol: listed.instrument(symbol) for symbol in listed.trading_symbols()}
    prices: dict[str, Decimal] = {}
    if config.paper.feed == "synthetic":
        traded = (instruments[symbol] for symbol in config.symbols if symbol in instruments)
        prices = {each.symbol: Decimal(str(parameters_for(each).price)) for each in traded}
    collateral = _paper_collateral(config)
    return VenueFacts(ExchangeInfo(instruments, listed.REAL_LIMITS, 0), prices, prices, collateral)


async def collateral_of(venue: Venue, symbols: Iterable[str]) -> Decimal:
    """What the account has for these symbols, as Account.wallet counts it. Raises VenueError."""
    instruments = venue.info.instruments
    assets = {instruments[symbol].margin_asset for symbol in symbols if symbol in instruments}
    if await venue.trading.is_multi_assets_mode():
        assets = set(STABLE_ASSETS)
    balances = await venue.trading.balances()
    return sum((balance.wallet for balance in balances if balance.asset in assets), Decimal(0))


def _paper_collateral(config: FleetConfig) -> Decimal:
    return sum((amount for asset, amount in config.paper.balance.items() if asset in STABLE_ASSETS), Decimal(0))


async def facts_of(venue: Venue, collateral_usd: Decimal | None) -> VenueFacts:
    """Raises VenueError."""
    instruments = venue.info.instruments
    tickers = await venue.market_data.book_tickers()
    mids = {ticker.symbol: instruments[ticker.symbol].mid(ticker) for ticker in tickers}
    marks = {each.symbol: each.mark for each in await venue.market_data.mark_prices()}
    return VenueFacts(venue.info, mids, marks, collateral_usd)
