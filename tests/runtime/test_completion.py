"""The ledger completed from the venue: trades that were missed, whose they are, and what is told of a ledger in trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest
from ledger_scene import Scene, nothing, paid, play
from runtime_worlds import X, Y

from exchange.errors import NotPermitted, Unavailable
from exchange.model import Fill
from fleet.ledger import schema
from fleet.runtime.completion import LISTED_MS, LOOK_EVERY_S
from fleet.runtime.status import fleet_state


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
