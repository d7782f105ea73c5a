"""The ledger of a whole fleet under virtual time: equal to the exchange's lists, after faults, crashes and restarts."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import select

from exchange.clock import Clock
from exchange.paper.fault_settings import CutLines, FaultSettings, Uniform, latencies_only
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.wire import LineClosed
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.control.state import FleetState
from fleet.ledger import schema
from fleet.ledger.ledger import Ledger
from fleet.ledger.reading import Reader, Span
from fleet.ledger.report import report
from fleet.ledger.store import Owner, Store
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.status import fleet_state
from fleet.simulation.loop import run_virtual
from fleet.simulation.scenario import CALM
from fleet.simulation.wire import HOST
from fleet.wiring.client import Address, open_venue
from fleet.wiring.paper import paper_venue

FILE = """
fleet: sim-1
venue: paper
paper: {balance: {USDT: 10000}}
defaults: {buy_spread: 2bps, sell_spread: 2bps, balance_fraction: 0.3, refresh_interval: 500ms, price_change_threshold: 1bps}
symbols:
  ASTERUSDT: {}
  HYPEUSDT: {leverage: 2}
  SOLUSDT: {position_threshold_usd: 100}
"""
WITHOUT_HYPE = FILE.replace("  HYPEUSDT: {leverage: 2}\n", "")
_WAY = Uniform(low_ms=0, high_ms=199)
BAD_DAYS = FaultSettings(
    to_venue=_WAY,
    from_venue=_WAY,
    stream=_WAY,
    reset_every_s=15,
    answer_503_executed=0.01,
    no_answer_executed=0.01,
    no_answer_not_executed=0.01,
    event_dropped=0.05,
    event_duplicated=0.05,
    event_delayed=0.05,
    event_reordered=0.05,
    close_every_s=30,
)
BEFORE_FUNDING_US = 1_790_006_400_000_000 - 25_000_000
"""Funding is paid 25 seconds into the run."""
SYNC_EVERY_S = 0.5
"""Slower than in life, so that a crash loses something."""


def config(text: str = FILE) -> FleetConfig:
    return parse(text, "fleet.yaml", {}).config


@dataclass
class House:
    """An exchange that lives on while fleets on one ledger come and go."""

    seed: int
    faults: FaultSettings = CALM
    store: Store = field(init=False)
    paper: PaperVenue = field(init=False)
    runner: Runner = field(init=False)
    forgets: bool = False
    """Each life begins with an empty ledger."""
    lost: int = 0
    """Entries that crashes took along."""
    ends: list[FleetState] = field(default_factory=list[FleetState])
    """What each life came to."""

    async def open(self, lives: Sequence[tuple[str, float, bool]]) -> None:
        """Each life: its file, its seconds, and whether it ends by a crash."""
        clock = Clock(BEFORE_FUNDING_US)
        paper = config().paper.model_copy(update={"seed": self.seed})
        self.paper = paper_venue(paper, list(config().symbols), clock, listen_key_secret="")
        self.runner = Runner(self.paper, clock.now_us, FaultPlan(latencies_only(self.faults), self.seed))
        self.store = Store(None, Owner("paper", "sim"), now_ms=0, fleet="sim-1")
        async with anyio.create_task_group() as around:
            around.start_soon(self.runner.run)
            for number, (text, seconds, crashes) in enumerate(lives):
                await self._live(config(text), Clock(clock.now_us()), number, seconds, crashes)
            around.cancel_scope.cancel()

    async def _live(self, fleet_config: FleetConfig, clock: Clock, number: int, seconds: float, crashes: bool) -> None:
        if self.forgets:
            self.store = Store(None, Owner("paper", "sim"), now_ms=0, fleet="sim-1")
        self.store.begin_run(clock.now_ms())
        ledger = Ledger(self.store)
        wire = Wire(self.runner)
        address = Address("paper", HOST, transport=wire, connect=wire.connect)
        async with open_venue(address, self.paper.demo, clock, rng=Random(f"{self.seed}:{number}")) as venue:
            fleet = Fleet(fleet_config, venue, Journal(clock), ledger)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end, fleet, ledger, wire, seconds, crashes)
                await fleet.run()
            self.ends.append(fleet_state(fleet))
        if crashes:
            # What the dying fleet still told: nobody wrote it.
            ledger.lose_unsynced()
        assert ledger.sync()

    async def _end(self, fleet: Fleet, ledger: Ledger, wire: Wire, seconds: float, crashes: bool) -> None:
        self.runner.set_faults(self.faults)
        for _ in range(round(seconds / SYNC_EVERY_S)):
            await anyio.sleep(SYNC_EVERY_S)
            ledger.sync()
        self.runner.set_faults(latencies_only(self.faults))
        if crashes:
            await anyio.sleep(SYNC_EVERY_S * 0.9)
            self.lost += ledger.waiting
            ledger.lose_unsynced()
            wire.is_cut = True
            self.runner.inject(CutLines(refused_for_s=0))
        fleet.stop()


class Wire(httpx.AsyncBaseTransport):
    """The way to the exchange. Cut, nothing passes any more: for the exchange, the fleet is dead."""

    def __init__(self, runner: Runner) -> None:
        self.is_cut = False
        self._transport = PaperTransport(runner)
        self._lines = PaperLines(runner)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            await anyio.sleep(0.1)
            raise httpx.ConnectError("cut", request=request)
        return await self._transport.handle_async_request(request)

    def connect(self, *arguments: Any) -> Any:
        if self.is_cut:
            raise LineClosed("cut")
        return self._lines.connect(*arguments)


def run(house: House, *lives: tuple[str, float, bool]) -> House:
    run_virtual(house.open, lives)
    return house


Row = tuple[Any, ...]


def fills_on_record(house: House) -> dict[str, list[Row]]:
    fills = schema.fills
    found: dict[str, list[Row]] = {}
    rows = house.store.connection.execute(select(fills).order_by(fills.c.symbol, fills.c.trade_id)).all()
    house.store.connection.rollback()
    for row in rows:
        found.setdefault(row.symbol, []).append(
            (
                row.trade_id, row.exchange_ms, row.order_id, row.side, Decimal(row.price), Decimal(row.quantity),
                row.is_maker, Decimal(row.fee), row.fee_asset, Decimal(row.realised_pnl),
            )
        )  # fmt: skip
    return found


def fills_at_the_exchange(house: House) -> dict[str, list[Row]]:
    account = house.paper.account()
    found: dict[str, list[Row]] = {}
    for symbol, stake in sorted(account.stakes.items()):
        instrument = house.paper.engine.listing(symbol).instrument
        trades = [
            (
                each.trade_id, each.exchange_ms, each.order_id, each.side.value, instrument.price(each.ticks),
                instrument.quantity(each.lots), each.is_maker, each.fee, "USDT", each.realised,
            )
            for each in stake.trades
        ]  # fmt: skip
        if trades:
            found[symbol] = trades
    return found


def funding_on_record(house: House) -> list[Row]:
    funding = schema.funding
    rows = house.store.connection.execute(select(funding).order_by(funding.c.symbol, funding.c.exchange_ms)).all()
    house.store.connection.rollback()
    return [(row.symbol, row.exchange_ms, Decimal(row.amount), row.asset) for row in rows]


def funding_at_the_exchange(house: House) -> list[Row]:
    income = house.paper.account().income
    return sorted(
        (each.symbol, each.exchange_ms, each.amount, each.asset) for each in income if each.kind == "FUNDING_FEE"
    )


def assert_ledger_is_the_exchanges(house: House) -> None:
    assert fills_on_record(house) == fills_at_the_exchange(house)
    assert funding_on_record(house) == funding_at_the_exchange(house)
    assert_report_is_the_exchanges(house)


def assert_report_is_the_exchanges(house: House) -> None:
    account = house.paper.account()
    held = {
        symbol: sum(holding.lots for holding in stake.holdings.values()) for symbol, stake in account.stakes.items()
    }
    instruments = {symbol: house.paper.engine.listing(symbol).instrument for symbol in held}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.sqlite3"
        driver = house.store.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with closing(sqlite3.connect(path)) as copy:
            driver.backup(copy)
        with Reader(path) as reader:
            told = report(reader, Span(0, 10**15, house.store.account), by_symbol=True, by_day=False)
    assert {line.symbol: line.position for line in told.lines if line.position} == {
        symbol: instruments[symbol].quantity(lots) for symbol, lots in held.items() if lots
    }
    assert told.total.position_usd == sum(line.position_usd for line in told.lines)
    assert told.equity is not None
    assert told.equity[1].at_ms > told.equity[0].at_ms
    assert told.total.orders >= told.total.orders_filled > 0


@pytest.mark.parametrize("seed", range(6))
def test_after_a_run_with_faults_the_ledger_has_the_exchanges_trades(seed: int) -> None:
    house = run(House(seed, BAD_DAYS), (FILE, 60, False))
    assert sum(map(len, fills_on_record(house).values())) > 0
    assert_ledger_is_the_exchanges(house)


@pytest.mark.parametrize("seed", range(8))
def test_after_crashes_that_lose_what_was_not_written_it_is_completed(seed: int) -> None:
    """One of the symbols is no longer in the file when it starts again."""
    house = run(
        House(100 + seed, BAD_DAYS), (FILE, 12 + seed, True), (WITHOUT_HYPE, 15, True), (WITHOUT_HYPE, 30, False)
    )
    assert house.lost > 0
    assert_ledger_is_the_exchanges(house)


def test_a_ledger_that_is_gone_is_filled_again_from_the_exchange() -> None:
    house = run(House(7, BAD_DAYS, forgets=True), (FILE, 30, True), (FILE, 20, False))
    assert_ledger_is_the_exchanges(house)


def test_each_trade_of_a_quiet_run_is_followed_for_a_minute() -> None:
    house = run(House(3), (FILE, 100, False))
    followed: dict[tuple[str, int], set[int]] = {}
    for row in house.store.connection.execute(select(schema.markouts)).all():
        followed.setdefault((row.symbol, row.trade_id), set()).add(row.horizon_s)
    fills = house.store.connection.execute(select(schema.fills)).all()
    ended_ms = max(row.exchange_ms for row in fills)
    old = [row for row in fills if row.exchange_ms < ended_ms - 62_000]
    assert len(old) > 0
    assert all(row.mid is not None and row.client_id for row in fills)
    assert [followed.get((row.symbol, row.trade_id)) for row in old] == [{1, 10, 60}] * len(old)


def test_on_calm_days_too_crashes_leave_no_trace_in_the_sums() -> None:
    house = run(House(3), (FILE, 40, True), (FILE, 40, True), (FILE, 40, False))
    assert_ledger_is_the_exchanges(house)
    account, rows = house.paper.account(), fills_on_record(house).values()
    assert sum(row[9] for each in rows for row in each) == account.realised
    assert sum(row[7] for each in rows for row in each) == account.fees


@pytest.mark.parametrize("seed", range(6))
def test_what_a_run_made_is_what_equity_changed_by(seed: int) -> None:
    """Of runs that take up what the ones before them held, through funding, on good days and bad ones."""
    house = run(House(seed, BAD_DAYS if seed % 2 else CALM), (FILE, 40, False), (FILE, 40, False), (FILE, 40, False))
    equity = schema.equity
    rows = house.store.connection.execute(select(equity).order_by(equity.c.at_ms)).all()
    for each in house.ends:
        began = next(row for row in rows if row.at_ms >= each.started_ms)
        assert each.equity is not None
        assert each.net_pnl == each.equity - Decimal(began.wallet) - Decimal(began.unrealised)
        assert each.equity == (each.wallet or 0) + sum(symbol.unrealised_pnl for symbol in each.symbols)
        assert each.funding == sum(symbol.funding for symbol in each.symbols)
    assert any(each.began_pnl for each in house.ends)
    assert any(each.funding for each in house.ends)
