"""A paper exchange that follows another one, which is its mainnet: in virtual time, with a fleet on it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import anyio
import msgspec
import pytest

from exchange.clock import Clock
from exchange.errors import Rejected, Unavailable, VenueError
from exchange.model import BookTicker, MarketEvent, MarkPrice, Place, Side, TimeInForce
from exchange.paper.answers import Request
from exchange.paper.fault_settings import CutLines
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.hosts import Host
from exchange.protocol.payloads import ExchangeInfoBody
from fleet.config.loader import parse
from fleet.config.models import FleetConfig, Paper
from fleet.control.state import Phase
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.status import fleet_state
from fleet.runtime.venue import Venue
from fleet.simulation.loop import run_virtual
from fleet.wiring.client import Address, open_venue
from fleet.wiring.paper import open_live, paper_venue

SYMBOLS = ("ASTERUSDT", "BTCUSDT")
FILE = """
fleet: live-1
venue: paper
paper: {feed: {live: mainnet}}
control: null
defaults: {buy_spread: 2bps, sell_spread: 2bps, balance_fraction: 0.3, refresh_interval: 500ms, price_change_threshold: 1bps}
symbols: {ASTERUSDT: {}, BTCUSDT: {}}
"""
CONFIG: FleetConfig = parse(FILE, "fleet.yaml", {}).config


@dataclass(frozen=True, slots=True)
class House:
    """The exchange that stands for mainnet, its lines, and the paper exchange that follows it."""

    source: PaperVenue
    source_lines: PaperLines
    source_runner: Runner
    paper: PaperVenue
    venue: Venue
    """The paper exchange as its client sees it."""


def in_memory(name: str, runner: Runner) -> tuple[Address, PaperLines]:
    lines = PaperLines(runner)
    host = Host(f"http://{name}.test", f"ws://{name}.test", 1666)
    return Address(name, host, transport=PaperTransport(runner), connect=lines.connect), lines


@asynccontextmanager
async def house(clock: Clock, symbols: tuple[str, ...] = SYMBOLS, seed: int = 1) -> AsyncGenerator[House]:
    source = paper_venue(Paper(seed=seed), SYMBOLS, clock)
    source_runner = Runner(source, clock.now_us)
    address, lines = in_memory("mainnet", source_runner)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source_runner.run)
        async with open_live(address, symbols, clock, Random(seed)) as feed:
            paper = paper_venue(CONFIG.paper, symbols, clock, feed)
            runner = Runner(paper, clock.now_us)
            feed.begin(runner)
            tasks.start_soon(runner.run)
            tasks.start_soon(feed.run, runner)
            own_address, _ = in_memory("paper", runner)
            async with open_venue(own_address, paper.demo, clock, rng=Random(seed)) as venue:
                yield House(source, lines, source_runner, paper, venue)
        tasks.cancel_scope.cancel()


def tops(paper: PaperVenue) -> list[object]:
    return [paper.engine.listing(symbol).touch() for symbol in SYMBOLS]


def test_the_markets_are_those_of_the_source() -> None:
    async def test() -> None:
        async with house(Clock(1_790_000_000_000_000)) as there:
            before = tops(there.paper)
            await anyio.sleep(20)
            assert tops(there.paper) != before
            for symbol in SYMBOLS:
                ours, theirs = there.paper.engine.listing(symbol), there.source.engine.listing(symbol)
                # A mark price and a book are at most a way and an interval old.
                assert abs(ours.mark / theirs.mark - 1) < Decimal("0.001")
                assert ours.market.instrument == theirs.market.instrument
                assert len(ours.market.levels(Side.BUY, 50)) == 20

    run_virtual(test)


def test_what_the_source_lists_is_what_is_listed() -> None:
    async def test() -> None:
        async with house(Clock(1_790_000_000_000_000), ("BTCUSDT",)) as there:
            body = there.paper.handle(Request("GET", "/fapi/v1/exchangeInfo"), there.venue.clock.now_us()).body
            (row,) = msgspec.json.decode(body, type=ExchangeInfoBody).symbols
            assert (row.symbol, row.status) == ("BTCUSDT", "TRADING")
            ours = there.venue.info.instruments["BTCUSDT"]
            assert ours == there.source.engine.listing("BTCUSDT").instrument

    run_virtual(test)


@pytest.mark.parametrize("symbol", ["NOSUCHUSDT", "SANDUSDT"])
def test_a_symbol_that_the_source_does_not_trade_is_told(symbol: str) -> None:
    async def test() -> None:
        clock = Clock(1_790_000_000_000_000)
        address, _ = in_memory("mainnet", Runner(paper_venue(Paper(), SYMBOLS, clock), clock.now_us))
        with pytest.raises(Rejected, match=f"{symbol} is not traded at mainnet"):
            async with open_live(address, (symbol,), clock):
                pass

    run_virtual(test)


def order(symbol: str, book: BookTicker, client_id: str, time_in_force: TimeInForce = TimeInForce.GTX) -> Place:
    return Place(symbol, client_id, Side.BUY, book.bid_ticks - 2, 1000, time_in_force=time_in_force)


async def placed(there: House, client_id: str) -> VenueError | None:
    books = {each.symbol: each for each in await there.venue.market_data.book_tickers()}
    try:
        await there.venue.trading.place(order("ASTERUSDT", books["ASTERUSDT"], client_id))
    except VenueError as error:
        return error
    return None


def test_without_its_source_no_order_is_taken_no_price_told_and_nothing_filled() -> None:
    async def test() -> None:
        async with house(Clock(1_790_000_000_000_000)) as there:
            heard: list[MarketEvent] = []
            there.venue.market_stream.want(SYMBOLS)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(there.venue.market_stream.run, heard.append)
                await anyio.sleep(3)
                assert await placed(there, "a") is None
                there.source_runner.inject(CutLines(refused_for_s=5))
                await anyio.sleep(1)
                heard.clear()
                standing = tops(there.paper)
                assert list(there.paper.engine.frozen) == list(SYMBOLS)
                assert isinstance(await placed(there, "b"), Unavailable)
                await anyio.sleep(4)
                assert tops(there.paper) == standing
                assert not any(isinstance(event, BookTicker | MarkPrice) for event in heard)
                # What rests can be taken out all the same.
                assert await there.venue.trading.cancel_many("ASTERUSDT", ["a"])
                assert await there.venue.trading.open_orders() == []
                await anyio.sleep(40)
                assert there.paper.engine.frozen == {}
                assert await placed(there, "c") is None
                assert any(isinstance(event, MarkPrice) for event in heard)
                tasks.cancel_scope.cancel()

    run_virtual(test)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fleet_trades_on_it_through_outages_of_the_source(seed: int) -> None:
    async def test() -> None:
        clock = Clock(1_790_000_000_000_000)
        async with house(clock, seed=seed) as there:
            fleet = Fleet(CONFIG, there.venue, Journal(clock))

            async def live() -> None:
                for _ in range(6):
                    await anyio.sleep(30)
                    there.source_runner.inject(CutLines())
                fleet.stop()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(live)
                await fleet.run()
            state, account = fleet_state(fleet), there.paper.account()
            assert sum(symbol.fills for symbol in state.symbols) > 0
            assert [symbol.phase for symbol in state.symbols] == [Phase.STOPPED] * 2
            assert (state.own_orders_left_open, state.http_429) == (0, 0)
            assert (state.wallet, state.realised_pnl, state.fees) == (account.wallet, account.realised, account.fees)
            # The source knows nothing of all this: only what is public was asked for.
            assert there.source.engine.accounts == {}
            assert (there.source.refused_429, there.source.refused_418) == (0, 0)

    run_virtual(test)
