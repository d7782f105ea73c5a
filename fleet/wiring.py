"""The only file that names concrete parts and puts them together: a venue's client, a paper exchange, a running fleet.

Owns: which class stands behind which port, and what is open while a fleet runs. Must not know: commands, terminals.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import anyio
import httpx

from exchange.asgi import serve
from exchange.aster import sockets
from exchange.aster.auth import Auth, HmacAuth, SignerAuth
from exchange.aster.book_stream import AsterBookStream
from exchange.aster.clock_sync import ClockSync
from exchange.aster.market_data import AsterMarketData
from exchange.aster.market_stream import AsterMarketStream
from exchange.aster.rest import Rest, http_client
from exchange.aster.trading import AsterTrading
from exchange.aster.user_stream import AsterAccountStream
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.limits.budget import Budget
from exchange.model import ExchangeInfo, Instrument
from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from exchange.paper.config import DemoCredentials, PaperSettings
from exchange.paper.market import Market
from exchange.paper.markets import replay_markets
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol import streams
from exchange.protocol.hosts import MAINNET, TESTNET, Host
from exchange.protocol.signing import Signer
from exchange.protocol.wire import Connect
from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig, Paper, Replay, VenueAddress
from fleet.config.venue_check import VenueFacts
from fleet.runtime.account import STABLE_ASSETS
from fleet.runtime.venue import Venue
from fleet.scheduling.gate import Gate

FLEET_CHANNELS = (streams.BOOK_TICKER, streams.MARK_PRICE)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a venue is, and by which way: `transport` and `connect` are sockets, or a paper venue's in-memory lines."""

    name: str
    host: Host
    is_live: bool = False
    transport: httpx.AsyncBaseTransport | None = None
    connect: Connect = sockets.connect


def address_of(venue: str | VenueAddress) -> Address:
    """testnet, mainnet, or an address of the owner's own. Orders on mainnet, or on a host not known, are real money."""
    if isinstance(venue, VenueAddress):
        return Address(venue.rest, Host(venue.rest, venue.stream, venue.chain_id), is_live=not _is_local(venue.rest))
    if venue == "mainnet":
        return Address("mainnet", MAINNET, is_live=True)
    return Address("testnet", TESTNET)


def _is_local(url: str) -> bool:
    return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")


# --- a venue, seen from its client


@asynccontextmanager
async def open_venue(
    address: Address,
    credentials: Credentials | DemoCredentials | None,
    clock: Clock,
    *,
    safety: Decimal = Decimal("0.9"),
    rng: Random | None = None,
    channels: Sequence[str] = FLEET_CHANNELS,
) -> AsyncGenerator[Venue]:
    """A venue's ports, its clock in step with ours and its instruments loaded. Raises VenueError.

    With the channel of a book's differences the market stream tells whole books.
    """
    rng = rng or Random()
    gate = Gate(Budget(listed.REAL_LIMITS, safety), clock)
    instruments: dict[str, Instrument] = {}
    async with http_client(address.transport) as http:
        rest = Rest(http, address.host.rest, clock, gate, _auth(credentials, address.host.chain_id, clock))
        market_data = AsterMarketData(rest, clock, instruments)
        clock_sync = ClockSync(rest, clock)
        await clock_sync.sync()
        info = await market_data.exchange_info()
        instruments.update(info.instruments)
        gate.restrict(info.limits)
        stream_url = address.host.stream
        lines = (address.connect, stream_url, clock, instruments, rng)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gate.run)
            tasks.start_soon(clock_sync.run)
            yield Venue(
                name=address.name,
                is_live=address.is_live,
                trading=AsterTrading(rest, instruments),
                market_data=market_data,
                market_stream=AsterBookStream(*lines, market_data, channels=channels)
                if streams.DIFF_DEPTH in channels
                else AsterMarketStream(*lines, channels=channels),
                account_stream=AsterAccountStream(rest, address.connect, stream_url, instruments, rng),
                gate=gate,
                clock=clock,
                info=info,
            )
            tasks.cancel_scope.cancel()


def market_stream(
    address: Address, venue: Venue, channels: Sequence[str], rng: Random | None = None
) -> AsterMarketStream:
    """A line beside the venue's own, for other channels, or for more symbols than one connection carries."""
    return AsterMarketStream(
        address.connect, address.host.stream, venue.clock, venue.info.instruments, rng or Random(), channels=channels
    )


def _auth(credentials: Credentials | DemoCredentials | None, chain_id: int, clock: Clock) -> Auth | None:
    """V3 where there are keys for it, else V1."""
    if credentials is None:
        return None
    if isinstance(credentials, Credentials) and not credentials.has_v3:
        return HmacAuth(credentials.v1_public_key, credentials.v1_private_key, clock)
    return SignerAuth(Signer(credentials.private_key, chain_id, credentials.user), clock)


# --- a paper exchange, run by us


def paper_venue(config: Paper, symbols: Sequence[str], clock: Clock) -> PaperVenue:
    """A paper exchange with a market for each of `symbols`; synthetic, it lists all the real one's others too.

    Raises RecordingError.
    """
    feed = config.feed
    others = () if isinstance(feed, Replay) else tuple(s for s in listed.trading_symbols() if s not in symbols)
    settings = PaperSettings(symbols=tuple(symbols), listed=others, balances=config.balance, seed=config.seed)
    return PaperVenue(settings, _market_maker(config), clock.now_us())


def _market_maker(config: Paper) -> Callable[[Instrument, int], Market]:
    feed = config.feed
    if isinstance(feed, Replay):
        path, speed = feed.replay, feed.speed
        return lambda instrument, now_us: replay_markets(path, [instrument], now_us, speed)[instrument.symbol]
    return lambda instrument, now_us: SyntheticMarket(instrument, parameters_for(instrument), config.seed, now_us)


@dataclass(frozen=True, slots=True)
class RunningPaper:
    address: Address
    credentials: DemoCredentials
    venue: PaperVenue


@asynccontextmanager
async def run_paper(
    venue: PaperVenue, clock: Clock, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[RunningPaper]:
    """Serves a paper exchange on a socket. Raises OSError when the port is taken."""
    runner = Runner(venue, clock.now_us)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        bound: int = await tasks.start(serve, PaperApp(runner), host, port)
        shown = f"[{host}]" if ":" in host else host
        place = Host(f"http://{shown}:{bound}", f"ws://{shown}:{bound}", venue.settings.chain_id)
        yield RunningPaper(Address("paper", place), venue.demo, venue)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_fleet_venue(config: FleetConfig, credentials: Credentials | None, clock: Clock) -> AsyncGenerator[Venue]:
    """The venue that a fleet file names; paper is run here, on loopback. Raises VenueError, RecordingError."""
    safety = config.budget.safety
    if config.venue == "paper":
        paper = paper_venue(config.paper, list(config.symbols), clock)
        async with (
            run_paper(paper, clock) as running,
            open_venue(running.address, running.credentials, clock, safety=safety) as venue,
        ):
            yield venue
    else:
        async with open_venue(address_of(config.venue), credentials, clock, safety=safety) as venue:
            yield venue


# --- what a fleet file is held against


async def venue_facts(config: FleetConfig, clock: Clock) -> VenueFacts:
    """What the file's venue lists and allows, asked without credentials. Raises VenueError."""
    if config.venue == "paper":
        return paper_facts(config)
    async with open_venue(address_of(config.venue), None, clock) as venue:
        try:
            return await facts_of(venue, None)
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
    collateral = sum((amount for asset, amount in config.paper.balance.items() if asset in STABLE_ASSETS), Decimal(0))
    return VenueFacts(ExchangeInfo(instruments, listed.REAL_LIMITS, 0), prices, prices, collateral)


async def facts_of(venue: Venue, collateral_usd: Decimal | None) -> VenueFacts:
    """Raises VenueError."""
    instruments = venue.info.instruments
    mids = {
        ticker.symbol: instruments[ticker.symbol].tick_size * (ticker.bid_ticks + ticker.ask_ticks) / 2
        for ticker in await venue.market_data.book_tickers()
    }
    marks = {each.symbol: each.mark for each in await venue.market_data.mark_prices()}
    return VenueFacts(venue.info, mids, marks, collateral_usd)
