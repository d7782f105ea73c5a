"""What is on record beside orders and trades: funding, what the account was worth, what it held, how the run ended."""

from __future__ import annotations

from decimal import Decimal

import anyio
from ledger_scene import Scene, nothing, paid, play
from runtime_fakes import EPOCH_US, fleet_config
from runtime_worlds import X, Y

from exchange.model import AccountUpdate, Position, Side
from fleet.ledger import schema
from fleet.runtime.bookkeeping import HOLDINGS_EVERY_S
from fleet.runtime.completion import FUNDING_AGAIN_S, FUNDING_EVERY_S, LOOK_EVERY_S
from fleet.runtime.fleet import Fleet


def test_how_it_ended_is_on_record() -> None:
    world = play(nothing)
    [run] = world.kept(schema.runs)
    assert run[-1] is True
    assert [row[1] for row in world.kept(schema.equity)] == [EPOCH_US // 1000, EPOCH_US // 1000 + 1000]


def test_what_is_held_is_on_record_from_the_start_and_at_the_end_as_the_venue_told_it() -> None:
    """In a run that is much shorter than the time between two such looks."""
    start_ms = EPOCH_US // 1000

    def hold(at: Scene) -> None:
        at.trading.held[X] = Position(X, 100, Decimal(100), exchange_ms=start_ms - 5, unrealised=Decimal("-2.5"))

    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        at.trading.put_order("web_1", side=Side.SELL)
        at.trading.fill("web_1", 40, tell=False)

    world = play(scene, hold)
    assert world.kept(schema.holdings) == [
        (1, start_ms, X, "1.00", "100", "97.50000000", start_ms - 5),
        (1, start_ms + 2000, X, "0.60", "100", "100", start_ms + 2000),
    ]
    assert [row[1:] for row in world.kept(schema.equity)] == [
        (start_ms, "1000", "-2.5"),
        (start_ms + 2000, "1000", "0.00000000"),
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


# --- funding


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
