"""A paper exchange, run by us: its markets, customers, faults and sockets put together.

Owns: from a fleet file's `paper` section to a served exchange. Must not know: fleets.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import anyio
import msgspec

from exchange.asgi import serve
from exchange.aster.rest import Rest, http_client
from exchange.clock import Clock
from exchange.errors import Rejected, VenueError
from exchange.limits.budget import Budget
from exchange.model import Instrument
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
from exchange.protocol.hosts import MAINNET, Host
from fleet.config.accounts import AccountsFile
from fleet.config.models import Feed, Live, Paper, Replay
from fleet.config.paper_faults import Between, Faults, LogNormal
from fleet.live_feed import LEVELS, SYMBOLS_PER_LINE, LiveFeed
from fleet.scheduling.gate import Gate
from fleet.wiring.client import Address, address_of, at_gate, market_stream, open_venue

LIVE_CHANNELS = (streams.BOOK_TICKER, streams.DEPTH20, streams.AGG_TRADE, streams.MARK_PRICE)
"""What a paper exchange follows another by."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Whose accounts a paper exchange keeps; without a file, everybody's. `hmac_key`: the demonstration account's."""

    file: AccountsFile | None = None
    hmac_key: tuple[str, str] | None = field(default=None, repr=False)

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
    *,
    listen_key_secret: str | None = None,
) -> PaperVenue:
    """A paper exchange with a market for each of `symbols`; synthetic, it lists all the real one's others too.

    `feed` is what `open_feed` gave for the configuration; `listen_key_secret` is a new one for each process unless keys
    are to be the same again. Raises RecordingError.
    """
    is_synthetic = config.feed == "synthetic"
    settings = PaperSettings(
        symbols=tuple(symbols),
        listed=tuple(s for s in listed.trading_symbols() if s not in symbols) if is_synthetic else (),
        table=feed.table if feed else None,
        balances=config.balance,
        accounts=customers.known(),
        hmac_key=customers.hmac_key,
        listen_key_secret=secrets.token_hex(32) if listen_key_secret is None else listen_key_secret,
        seed=config.seed,
    )
    return PaperVenue(settings, feed.markets.open if feed else _market_maker(config), clock.now_us())


def fault_settings(faults: Faults) -> FaultSettings:
    """A fleet file's faults in the exchange's words."""
    told: dict[str, object] = {}
    for name, value in faults:
        stem = name.removesuffix("_ms")
        if stem in ("to_venue", "from_venue", "stream", "order_not_found_for", "event_delay"):
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

        def table(body: bytes) -> listed.Table:
            return listed.table_of(msgspec.json.decode(body, type=dict[str, Any]))

        return await at_gate(gate, lambda: rest.call(endpoints.EXCHANGE_INFO, [], table))


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
