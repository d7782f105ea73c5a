"""The ledger completed from the venue: what was missed, whose trades they are, and what is told of a ledger in trouble."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import anyio
import pytest
from runtime_fakes import EPOCH_US, fleet_config
from runtime_worlds import FleetWorld, X, Y, play_fleet
from sqlalchemy import Table, select

from exchange.errors import NotPermitted, Unavailable
from exchange.model import AccountUpdate, Fill, FundingPayment, Position, Side
from fleet.config.models import FleetConfig
from fleet.ledger import schema
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Owner, Store
from fleet.runtime.bookkeeping import HOLDINGS_EVERY_S
from fleet.runtime.completion import FUNDING_AGAIN_S, FUNDING_EVERY_S, LISTED_MS, LOOK_EVERY_S
from fleet.runtime.fleet import Fleet
from fleet.runtime.status import fleet_state


class Scene(FleetWorld):
    """With a ledger in memory that is written ten times a second."""

    def __init__(self, config: FleetConfig, store: Store | None, most: int) -> None:
        self.store = store or Store(None, Owner("fake", "a"), now_ms=EPOCH_US // 1000, fleet="f")
        self.ledger = Ledger(self.store, most=most)
        self.writes = True
        super().__init__(config, self.ledger)

    async def run(self) -> None:
        self.tasks.start_soon(self._write)
        await super().run()

    async def stop(self) -> None:
        await super().stop()
        self.ledger.sync()

    async def _write(self) -> None:
        while True:
            await anyio.sleep(0.1)
            if self.writes:
                self.ledger.sync()

    def traded(self, symbol: str = X, lots: int = 5, *, ago_ms: int = 0) -> Fill:
        """Somebody's order of ours was filled, and the line tells nothing."""
        name = f"f:{symbol}:r:{len(self.trading.orders)}"
        self.trading.put_order(name, symbol)
        fill = self.trading.fill(name, lots, tell=False)
        del self.trading.orders[name]
        trades = self.trading.trades[symbol]
        trades[-1] = fill = replace(fill, exchange_ms=fill.exchange_ms - ago_ms)
        return fill

    def kept(self, table: Table = schema.fills) -> list[tuple[object, ...]]:
        found = [tuple(row) for row in self.store.connection.execute(select(table)).all()]
        self.store.connection.rollback()
        return found

    def ids(self) -> list[tuple[object, ...]]:
        """(account, symbol, trade)"""
        return sorted(row[:3] for row in self.kept())

    def incidents(self) -> list[str]:
        return [str(row[3]) for row in self.kept(schema.incidents)]


def play(
    scene: Callable[[Scene], Awaitable[None]],
    before: Callable[[Scene], None] = lambda _: None,
    *,
    store: Store | None = None,
    most: int = 1000,
) -> Scene:
    return play_fleet(lambda config: Scene(config, store, most), fleet_config(X), scene, before)


async def nothing(_: Scene) -> None:
    pass


def _fills(at: Scene, symbol: str) -> None:
    at.traded(symbol)


def test_what_was_traded_before_the_start_is_on_record_a_moment_after_it() -> None:
    fills: list[Fill] = []

    async def scene(at: Scene) -> None:
        assert at.ids() == [(1, X, fills[0].trade_id), (1, X, fills[1].trade_id)]
        assert at.ledger.read_to(X) == fills[1].trade_id

    play(scene, lambda at: fills.extend([at.traded(), at.traded()]))


def test_a_symbol_that_has_left_the_file_is_completed_too_when_it_is_on_record() -> None:
    first = play(nothing, lambda at: at.fleet.books.completion.also(Y))
    later = play(nothing, lambda at: _fills(at, Y), store=first.store)
    assert [row[1] for row in later.ids()] == [Y]


def test_what_the_line_tells_is_on_record_with_what_only_it_knows() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:r:1")
        at.trading.fill("f:X:r:1", 5)
        await anyio.sleep(1)
        [row] = at.kept()
        assert row[6] == "f:X:r:1"

    play(scene)


def test_a_venue_that_does_not_answer_is_asked_again() -> None:
    async def scene(at: Scene) -> None:
        assert at.kept() == []
        await anyio.sleep(20)
        assert len(at.kept()) == 1

    def before(at: Scene) -> None:
        at.traded()
        for _ in range(3):
            at.trading.trouble("fills", Unavailable("down"))

    play(scene, before)


def test_what_the_line_tells_of_is_read_in_the_list_before_it_is_too_much_to_remember(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.runtime.fleet.UNLISTED_MOST", 5)

    async def scene(at: Scene) -> None:
        book = at.fleet.account.books[X]
        at.trading.put_order("f:X:r:1")
        for _ in range(6):
            at.trading.fill("f:X:r:1", 1)
        assert len(book.unlisted) == 6
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert (len(book.unlisted), book.fills, book.position_lots) == (0, 6, 6)

    play(scene)


def test_a_symbol_whose_list_is_refused_keeps_no_other_waiting() -> None:
    def before(at: Scene) -> None:
        at.fleet.books.completion.also(Y)
        at.traded(Y)
        paid(1, at)
        for _ in range(3):
            at.trading.trouble("fills", NotPermitted("no such list"), symbol=X)

    async def scene(at: Scene) -> None:
        assert [row[1] for row in at.ids()] == [Y]
        assert at.said("its trade list cannot be read, the ledger may lack some: no such list")

    play(scene, before)


# --- whose trades they are


def _same(_: Scene) -> None:
    pass


def _no_trade(at: Scene) -> None:
    at.trading.trades.clear()


def _another_trade(at: Scene) -> None:
    at.trading.trades[X] = [replace(at.trading.trades[X][0], exchange_ms=1)]


def _too_old_to_be_listed(at: Scene) -> None:
    at.trading.trades.clear()
    at.store.traded[X] -= LISTED_MS + 10_000


@pytest.mark.parametrize(
    ("change", "accounts"), [(_same, 1), (_no_trade, 2), (_another_trade, 2), (_too_old_to_be_listed, 1)]
)
def test_an_exchange_that_was_begun_anew_is_told_from_the_one_on_record(
    change: Callable[[Scene], None], accounts: int
) -> None:
    first = play(nothing, lambda at: _fills(at, X))

    def before(at: Scene) -> None:
        at.trading.trades = first.trading.trades.copy()
        change(at)

    async def trade(at: Scene) -> None:
        at.traded()

    world = play(trade, before, store=first.store)
    assert len(world.kept(schema.accounts)) == accounts
    assert ("ledger" in world.incidents()) is (accounts == 2)
    # Each account's trades are its exchange's.
    newest = [row[2] for row in world.ids() if row[0] == accounts]
    assert {fill.trade_id for fill in world.trading.trades[X]} <= set(newest)


# --- funding


def paid(number: int, at: Scene, symbol: str = X, *, ago_ms: int = 0) -> FundingPayment:
    payment = FundingPayment(f"{number}:{symbol}", symbol, Decimal("-0.1"), "USDT", at.clock.now_ms() - ago_ms)
    at.trading.paid.append(payment)
    return payment


def test_funding_is_read_when_the_line_tells_of_it_and_from_time_to_time_when_it_does_not() -> None:
    async def scene(at: Scene) -> None:
        def known() -> int:
            return len(at.kept(schema.funding))

        # The first trades must be on disk: funding is read from then on.
        await anyio.sleep(LOOK_EVERY_S)
        assert known() == 1
        paid(2, at)
        told_of_funding(at)
        await anyio.sleep(LOOK_EVERY_S + 1)
        assert known() == 2
        paid(3, at)
        # The list may lag behind the line.
        await anyio.sleep(FUNDING_AGAIN_S + LOOK_EVERY_S)
        assert known() == 3
        paid(4, at)
        await anyio.sleep(FUNDING_AGAIN_S + LOOK_EVERY_S)
        assert known() == 3
        await anyio.sleep(FUNDING_EVERY_S)
        assert known() == 4
        paid(5, at)

    def before(at: Scene) -> None:
        at.traded(ago_ms=10_000)
        paid(1, at, ago_ms=5_000)

    world = play(scene, before)
    # The last one by the look at the end.
    assert len(world.kept(schema.funding)) == 5


def told_of_funding(at: Scene) -> None:
    at.account_stream.tell(AccountUpdate("FUNDING_FEE", (), {"USDT": Decimal("-0.1")}, (), at.clock.now_ms()))


def test_funding_of_positions_that_are_not_the_fleets_is_no_result_of_its() -> None:
    """The news of it does not say whose it is; the list does."""

    async def scene(at: Scene) -> None:
        paid(2, at)
        paid(3, at, Y)
        told_of_funding(at)
        await anyio.sleep(2 * LOOK_EVERY_S)
        assert at.fleet.account.funding == Decimal("-0.1")
        paid(4, at)
        await anyio.sleep(FUNDING_AGAIN_S + LOOK_EVERY_S)
        assert at.fleet.account.funding == Decimal("-0.2")
        await anyio.sleep(2 * FUNDING_EVERY_S)
        assert at.fleet.account.funding == Decimal("-0.2")

    def before(at: Scene) -> None:
        at.traded(ago_ms=10_000)
        paid(1, at, ago_ms=5_000)

    world = play(scene, before)
    assert len(world.kept(schema.funding)) == 3


def test_without_a_ledger_funding_counts_too() -> None:
    async def scene(at: Scene) -> None:
        paid(1, at)
        paid(2, at, Y)
        await anyio.sleep(2 * LOOK_EVERY_S)
        assert (at.fleet.account.funding, at.trading.count("funding_payments")) == (0, 0)
        told_of_funding(at)
        await anyio.sleep(LOOK_EVERY_S)
        assert at.fleet.account.funding == Decimal("-0.1")
        paid(3, at)
        await anyio.sleep(FUNDING_AGAIN_S + FUNDING_EVERY_S)
        assert at.fleet.account.funding == Decimal("-0.2")
        # No list of trades is read for a ledger that is not kept: this is where the worker began.
        assert at.trading.count("fills") == 1

    def before(at: Scene) -> None:
        at.fleet = Fleet(fleet_config(X), at.venue, at.journal)

    play(scene, before)


# --- a ledger in trouble


def test_while_nothing_can_be_written_the_fleet_trades_and_the_owner_knows() -> None:
    async def scene(at: Scene) -> None:
        at.ledger.problem = "ledger a cannot be written: database or disk is full"
        at.writes = False
        await anyio.sleep(2)
        assert at.said("cannot be written: database or disk is full; trading goes on, and what is missing is filled in")
        assert len(at.trading.open()) == 2
        state = fleet_state(at.fleet)
        assert state.ledger_problem == at.ledger.problem
        assert state.ledger_waiting == at.ledger.waiting > 0
        at.writes = True
        await anyio.sleep(2)
        assert at.said("the ledger is written again")
        assert at.incidents() == ["ledger", "ledger"]

    play(scene)


def test_trades_that_found_no_room_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.runtime.completion.PAGE", 30)

    async def scene(at: Scene) -> None:
        at.writes = False
        at.trading.put_order("f:X:r:1")
        at.trading.orders["f:X:r:1"] = replace(at.trading.orders["f:X:r:1"], lots=10**6)
        for _ in range(60):
            at.trading.fill("f:X:r:1", 1)
        assert at.ledger.lost > 0
        at.writes = True
        await anyio.sleep(2 * LOOK_EVERY_S)
        assert [row[2] for row in at.ids()] == [fill.trade_id for fill in at.trading.trades[X]]
        assert at.said("entries found no room; trades and funding will be read again")

    play(scene, most=40)


def test_how_it_ended_is_on_record() -> None:
    world = play(nothing)
    [run] = world.kept(schema.runs)
    assert run[-1] is True
    assert [row[1] for row in world.kept(schema.equity)] == [EPOCH_US // 1000, EPOCH_US // 1000 + 1000]


# --- what it was worth, and what was held


def test_what_is_held_is_on_record_from_the_start_and_at_the_end_as_the_venue_told_it() -> None:
    """In a run that is much shorter than the time between two such looks."""
    start_ms = EPOCH_US // 1000

    def hold(at: Scene) -> None:
        at.trading.held[X] = Position(X, 100, Decimal(100), exchange_ms=start_ms - 5, unrealised=Decimal("-2.5"))

    async def scene(at: Scene) -> None:
        await anyio.sleep(0.5)
        at.trading.put_order("web_1", side=Side.SELL)
        at.trading.fill("web_1", 40, tell=False)

    world = play(scene, hold)
    assert world.kept(schema.holdings) == [
        (1, start_ms, X, "1.00", "100", "97.50000000", start_ms - 5),
        (1, start_ms + 1500, X, "0.60", "100", "100", start_ms + 1500),
    ]
    assert [row[1:] for row in world.kept(schema.equity)] == [
        (start_ms, "1000", "-2.5"),
        (start_ms + 1500, "1000", "0.00000000"),
    ]


def test_that_nothing_is_held_is_on_record_once_of_all_that_is_and_was_the_fleets() -> None:
    def before(at: Scene) -> None:
        at.fleet.books.completion.also(Y)
        at.traded(Y)

    async def scene(at: Scene) -> None:
        looks_s = 2 * (HOLDINGS_EVERY_S + at.fleet.reconcile_every_s)
        await anyio.sleep(looks_s)
        at.trading.move(Y, -5)
        await anyio.sleep(looks_s)

    rows = play(scene, before).kept(schema.holdings)
    assert [(row[2], row[3]) for row in rows] == [(X, "0.00"), (Y, "0.05"), (Y, "0.05"), (Y, "0.00")]


def test_what_makes_no_sense_is_told_once() -> None:
    async def scene(at: Scene) -> None:
        fill = at.traded()
        at.trading.trades[X][-1] = replace(fill, order_id=2**63)
        at.fleet.slots[X].doubt()
        await anyio.sleep(5 * LOOK_EVERY_S)
        assert at.ids() == []
        assert [line.text for line in at.journal.lines if "cannot be written down" in line.text] == [
            f"trade {fill.trade_id} of {X}, and how far its list was read, cannot be written down: a bug in astermm-fleet "
            "(OverflowError)"
        ]
        at.trading.trades[X][-1] = fill
        await anyio.sleep(2 * LOOK_EVERY_S)
        assert at.ids() == [(1, X, fill.trade_id)]
        assert at.ledger.read_to(X) == fill.trade_id

    play(scene)
