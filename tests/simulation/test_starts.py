"""A fleet that starts on a bad day, or is stopped before it has come up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import anyio

from exchange.clock import Clock
from exchange.model import BookTicker, Place, Side
from exchange.paper.fault_settings import Requests
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from exchange.ports import Cost, RequestClass
from exchange.protocol.hosts import Host
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.venue import Venue
from fleet.simulation.loop import run_virtual
from fleet.wiring.client import Address, open_venue
from fleet.wiring.paper import paper_venue

SYMBOLS = ("ASTERUSDT", "SOLUSDT")
CONFIG: FleetConfig = parse(
    """
fleet: start-1
venue: paper
defaults: {buy_spread: 50bps, sell_spread: 50bps, balance_fraction: 0.3}
symbols: {ASTERUSDT: {}, SOLUSDT: {}}
""",
    "fleet.yaml",
    {},
).config

Scene = Callable[[Venue, PaperVenue, Runner], Awaitable[None]]


def play(scene: Scene, *before: Requests) -> float:
    """A venue opened by a client, after some troubles were ordered. Returns how many seconds opening it took."""
    took_s: list[float] = []

    async def main() -> None:
        clock = Clock(1_790_000_000_000_000)
        paper = paper_venue(CONFIG.paper, SYMBOLS, clock)
        runner = Runner(paper, clock.now_us)
        for once in before:
            runner.inject(once)
        host = Host("http://paper.test", "ws://paper.test", 1666)
        address = Address("paper", host, transport=PaperTransport(runner), connect=PaperLines(runner).connect)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            with anyio.fail_after(300):
                async with open_venue(address, paper.demo, clock, rng=Random(1)) as venue:
                    took_s.append(anyio.current_time())
                    await scene(venue, paper, runner)
            tasks.cancel_scope.cancel()

    run_virtual(main)
    return took_s[0]


async def nothing(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
    pass


def test_a_venue_opens_though_its_first_request_is_refused_for_its_number() -> None:
    assert 2 < play(nothing, Requests(answer="429")) < 4


async def leave_order(venue: Venue, symbol: str, client_id: str) -> None:
    tickers = {ticker.symbol: ticker for ticker in await venue.market_data.book_tickers()}
    ticker: BookTicker = tickers[symbol]
    instrument = venue.info.instruments[symbol]
    lots = instrument.floor_lots(20 / instrument.price(ticker.bid_ticks))
    low_ticks = instrument.floor_price(instrument.price(ticker.bid_ticks) * 99 / 100)
    await venue.trading.place(Place(symbol, client_id, Side.BUY, low_ticks, lots))


def open_ids(paper: PaperVenue) -> list[str]:
    return [order.client_id for order in paper.engine.orders.all_open_orders(paper.account())]


def test_a_fleet_stopped_before_it_is_up_still_cancels_what_an_earlier_run_left() -> None:
    async def scene(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
        await leave_order(venue, "SOLUSDT", "start-1:SOLUSDT:old:1")
        await leave_order(venue, "SOLUSDT", "somebody-elses")
        fleet = Fleet(CONFIG, venue, Journal(venue.clock))
        fleet.stop()
        await fleet.run()
        assert fleet.stopping
        assert (open_ids(paper), fleet.drain.left_open) == (["somebody-elses"], ())

    play(scene)


def test_one_that_cannot_cancel_them_tells_which() -> None:
    async def scene(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
        await leave_order(venue, "SOLUSDT", "start-1:SOLUSDT:old:1")
        runner.inject(Requests(answer="none", count=10_000, path="/fapi/v3/batchOrders"))
        fleet = Fleet(CONFIG, venue, Journal(venue.clock))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fleet.run)
            await anyio.sleep(5)
            fleet.stop()
        assert fleet.drain.left_open == ("start-1:SOLUSDT:old:1",)

    play(scene)


async def spend_weight(venue: Venue) -> None:
    """All of the minute's that quotes may have: as an earlier run has that died in the midst of trading."""
    (use,) = (use for use in venue.gate.usage() if use.name == "REQUEST_WEIGHT_1M")
    left = use.capacity * 9 // 10 - use.used
    venue.gate.settle(await venue.gate.admit(RequestClass.QUOTE, Cost(weight=left)), {})


def test_what_an_earlier_run_left_goes_at_once_though_the_minutes_weight_is_spent() -> None:
    async def scene(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
        await leave_order(venue, "SOLUSDT", "start-1:SOLUSDT:old:1")
        await spend_weight(venue)
        fleet = Fleet(CONFIG, venue, Journal(venue.clock))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fleet.run)
            await anyio.sleep(1)
            assert open_ids(paper) == []
            fleet.stop()

    play(scene)


def test_a_stop_waits_for_no_leave_to_ask_what_it_needs_no_more() -> None:
    async def scene(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
        await spend_weight(venue)
        fleet = Fleet(CONFIG, venue, Journal(venue.clock))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fleet.run)
            await anyio.sleep(1)
            stopped_s = anyio.current_time()
            fleet.stop()
            while not fleet.stopping:  # noqa: ASYNC110 as above
                await anyio.sleep(0.001)
            assert anyio.current_time() - stopped_s < 0.1

    play(scene)


def test_a_start_cancels_all_that_an_earlier_run_left_at_once_before_any_line_is_up() -> None:
    async def scene(venue: Venue, paper: PaperVenue, runner: Runner) -> None:
        for symbol in SYMBOLS:
            await leave_order(venue, symbol, f"start-1:{symbol}:old:1")
        fleet = Fleet(CONFIG, venue, Journal(venue.clock))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fleet.run)
            while not fleet.slots:  # noqa: ASYNC110 nobody tells of it, and virtual time costs nothing
                await anyio.sleep(0.001)
            assert open_ids(paper) == []
            fleet.stop()

    play(scene)
