"""The only file that names concrete parts and puts them together: a venue's client, a paper exchange, a running fleet.

Owns: which class stands behind which port, and what is open while a fleet runs. Must not know: commands, terminals.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import anyio
import httpx
import msgspec

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
from exchange.errors import Rejected, VenueError
from exchange.limits.budget import Budget
from exchange.model import ExchangeInfo, Instrument
from exchange.paper import instruments as listed
from exchange.paper.admin import AdminApp
from exchange.paper.calibration import parameters_for
from exchange.paper.config import DemoCredentials, KnownAccount, PaperSettings
from exchange.paper.fault_settings import FaultSettings
from exchange.paper.faults import FaultPlan
from exchange.paper.live import LiveMarkets
from exchange.paper.market import Market
from exchange.paper.markets import replay_markets
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol import endpoints, streams
from exchange.protocol.hosts import MAINNET, TESTNET, Host
from exchange.protocol.signing import Signer
from exchange.protocol.wire import Connect
from fleet.config.accounts import AccountsFile
from fleet.config.credentials import Credentials
from fleet.config.models import Feed, FleetConfig, Live, Paper, Replay, VenueAddress
from fleet.config.paper_faults import Between, Faults, LogNormal
from fleet.config.venue_check import VenueFacts
from fleet.live_feed import LEVELS, SYMBOLS_PER_LINE, LiveFeed
from fleet.runtime.account import STABLE_ASSETS
from fleet.runtime.venue import Venue
from fleet.scheduling.gate import Gate

FLEET_CHANNELS = (streams.BOOK_TICKER, streams.MARK_PRICE)
LIVE_CHANNELS = (streams.BOOK_TICKER, streams.DEPTH20, streams.AGG_TRADE, streams.MARK_PRICE)
"""What a paper exchange follows another by."""


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


@dataclass(frozen=True, slots=True)
class Customers:
    """Whose accounts a paper exchange keeps; without a file, everybody's. `hmac_key`: the demonstration account's."""

    file: AccountsFile | None = None
    hmac_key: tuple[str, str] | None = None

    def known(self) -> tuple[KnownAccount, ...] | None:
        if self.file is None:
            return None
        return tuple(
            KnownAccount(
                name=name,
                user=account.wallet,
                balances=account.balance,
                agents=account.agents,
                hmac_keys=account.hmac,
                maker_fee=account.fees.maker,
                taker_fee=account.fees.taker,
                parent=parent,
            )
            for name, parent, account in self.file.all()
        )


def paper_venue(
    config: Paper,
    symbols: Sequence[str],
    clock: Clock,
    feed: LiveFeed | None = None,
    customers: Customers = Customers(),
) -> PaperVenue:
    """A paper exchange with a market for each of `symbols`; synthetic, it lists all the real one's others too.

    `feed` is what `open_feed` gave for the configuration. Raises RecordingError.
    """
    is_synthetic = config.feed == "synthetic"
    settings = PaperSettings(
        symbols=tuple(symbols),
        listed=tuple(s for s in listed.trading_symbols() if s not in symbols) if is_synthetic else (),
        table=feed.table if feed else None,
        balances=config.balance,
        accounts=customers.known(),
        hmac_key=customers.hmac_key,
        seed=config.seed,
    )
    return PaperVenue(settings, feed.markets.open if feed else _market_maker(config), clock.now_us())


def fault_settings(faults: Faults) -> FaultSettings:
    """A fleet file's faults in the exchange's words."""
    told: dict[str, object] = {}
    for name, value in faults:
        stem = name.removesuffix("_ms")
        if stem in ("to_venue", "from_venue", "stream", "event_delay"):
            told[stem] = _latency(value)
        elif isinstance(value, Decimal):
            told[name] = float(value)
        elif name != stem and name != "clock_skew_ms":
            told[f"{stem}_s"] = value and value / 1000
        else:
            told[name] = value
    # Not strict: 2.0 seconds are 2 where whole ones are wanted.
    return msgspec.convert(told, FaultSettings, strict=False)


def _latency(value: int | Between | LogNormal) -> dict[str, object]:
    if isinstance(value, int):
        return {"shape": "constant", "ms": value}
    return {"shape": "uniform" if isinstance(value, Between) else "lognormal", **value.model_dump()}


def _market_maker(config: Paper) -> Callable[[Instrument, int], Market]:
    feed = config.feed
    if isinstance(feed, Replay):
        path, speed = feed.replay, feed.speed
        return lambda instrument, now_us: replay_markets(path, [instrument], now_us, speed)[instrument.symbol]
    return lambda instrument, now_us: SyntheticMarket(instrument, parameters_for(instrument), config.seed, now_us)


def source_of(feed: Live) -> Address:
    """Where a live feed comes from. Only what is public is asked for there."""
    if isinstance(feed.live, str):
        return address_of(feed.live)
    return Address(feed.live.rest, Host(feed.live.rest, feed.live.stream, MAINNET.chain_id))


async def rules_at(address: Address, clock: Clock) -> listed.Table:
    """Every symbol of an exchange, by its exchangeInfo. Raises VenueError."""
    async with http_client(address.transport) as http:
        gate = Gate(Budget(listed.REAL_LIMITS), clock)
        rest = Rest(http, address.host.rest, clock, gate, None)
        return await rest.call(
            endpoints.EXCHANGE_INFO, [], lambda body: listed.table_of(msgspec.json.decode(body, type=dict[str, Any]))
        )


@asynccontextmanager
async def open_feed(feed: Feed, symbols: Sequence[str], clock: Clock) -> AsyncGenerator[LiveFeed | None]:
    """What a paper exchange's markets are to be driven by; None when they go by themselves. Raises VenueError."""
    if isinstance(feed, Live):
        async with open_live(source_of(feed), symbols, clock) as live:
            yield live
    else:
        yield None


@asynccontextmanager
async def open_live(
    address: Address, symbols: Sequence[str], clock: Clock, rng: Random | None = None
) -> AsyncGenerator[LiveFeed]:
    """Markets that follow another exchange's, each begun with its book and mark price of now. Raises VenueError."""
    # A clock of its own: it is kept in step with the source, the paper exchange's is not.
    own_clock = Clock(clock.now_us())
    table = await rules_at(address, own_clock)
    for symbol in symbols:
        if symbol not in table.trading():
            raise Rejected(f"{symbol} is not traded at {address.name}")
    rng = rng or Random()
    failure: VenueError | None = None
    async with open_venue(address, None, own_clock, rng=rng, channels=LIVE_CHANNELS) as venue:
        try:
            marks = await venue.market_data.mark_prices()
            books = [await venue.market_data.depth(symbol, LEVELS) for symbol in symbols]
        except VenueError as error:
            failure = error
        else:
            parts = [symbols[start : start + SYMBOLS_PER_LINE] for start in range(0, len(symbols), SYMBOLS_PER_LINE)]
            lines = [(market_stream(address, venue, LIVE_CHANNELS, rng), part) for part in parts]
            yield LiveFeed(lines, venue.market_data, LiveMarkets(books, marks), table, clock)
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class RunningPaper:
    address: Address
    credentials: DemoCredentials
    venue: PaperVenue
    admin: str | None = None
    """Base URL of the admin API, when it was asked for."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Where a paper exchange's admin API is to be, and the token that opens it."""

    port: int
    token: str = field(repr=False)


@asynccontextmanager
async def run_paper(
    venue: PaperVenue,
    clock: Clock,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    feed: LiveFeed | None = None,
    faults: Faults | None = None,
    admin: Admin | None = None,
) -> AsyncGenerator[RunningPaper]:
    """Serves a paper exchange on a socket. Raises OSError when a port is taken."""
    settings = fault_settings(faults or Faults())
    runner = Runner(venue, clock.now_us, FaultPlan(settings, venue.settings.seed))
    async with anyio.create_task_group() as tasks:
        if feed is not None:
            feed.begin(runner)
            tasks.start_soon(feed.run, runner)
        tasks.start_soon(runner.run)
        bound: int = await tasks.start(serve, PaperApp(runner), host, port)
        shown = f"[{host}]" if ":" in host else host
        place = Host(f"http://{shown}:{bound}", f"ws://{shown}:{bound}", venue.settings.chain_id)
        admin_url: str | None = None
        if admin is not None:
            admin_port: int = await tasks.start(serve, AdminApp(runner, admin.token), host, admin.port)
            admin_url = f"http://{shown}:{admin_port}"
        yield RunningPaper(Address("paper", place), venue.demo, venue, admin_url)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_fleet_venue(config: FleetConfig, credentials: Credentials | None, clock: Clock) -> AsyncGenerator[Venue]:
    """The venue that a fleet file names; paper is run here, on loopback. Raises VenueError, RecordingError."""
    safety = config.budget.safety
    if config.venue == "paper":
        # A clock of its own: the fleet's follows what the venue tells it, right or wrong.
        venue_clock, symbols = Clock(clock.now_us()), list(config.symbols)
        async with open_feed(config.paper.feed, symbols, venue_clock) as feed:
            paper = paper_venue(config.paper, symbols, venue_clock, feed)
            async with (
                run_paper(paper, venue_clock, feed=feed, faults=config.paper.faults) as running,
                open_venue(running.address, running.credentials, clock, safety=safety) as venue,
            ):
                yield venue
    else:
        async with open_venue(address_of(config.venue), credentials, clock, safety=safety) as venue:
            yield venue


# --- what a fleet file is held against


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
    mids = {
        ticker.symbol: instruments[ticker.symbol].tick_size * (ticker.bid_ticks + ticker.ask_ticks) / 2
        for ticker in await venue.market_data.book_tickers()
    }
    marks = {each.symbol: each.mark for each in await venue.market_data.mark_prices()}
    return VenueFacts(venue.info, mids, marks, collateral_usd)
