"""What the owner tells a running fleet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.errors import OutcomeUnknown, Rejected, Unavailable
from exchange.model import Amend, Order, Place, Side, TimeInForce
from fleet.control.state import Phase
from fleet.orders.lifecycle import Phase as Phases
from fleet.runtime.beside import write_kills
from fleet.runtime.flatten import WITHIN_S, closing_order
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.owner import NoSuchSymbol

ONE_PERCENT = Decimal("0.01")


def play(scene: Callable[[FleetWorld], Awaitable[None]], kill: KillSwitch | None = None) -> None:
    play_fleet(lambda config: FleetWorld(config, kill=kill), fleet_config(X, Y), scene)


# --- kill and resume


def test_a_kill_cancels_and_lasts_until_it_is_resumed() -> None:
    async def scene(at: FleetWorld) -> None:
        done = await at.owner.kill(X)
        assert (done.symbols, done.cancelled, done.problems) == ((X,), 2, ())
        assert at.open_symbols() == [Y, Y]
        for _ in range(5):
            at.market_stream.tick(X, 1010)
            await anyio.sleep(1)
        assert at.open_symbols() == [Y, Y]
        assert at.phases() == {X: Phase.KILLED, Y: Phase.QUOTING}
        await at.owner.resume(X)
        await anyio.sleep(1)
        assert at.open_symbols() == [Y, Y, X, X]

    play(scene)


def test_of_a_fleet_that_was_killed_one_symbol_is_resumed_and_what_comes_later_is_killed_too() -> None:
    async def scene(at: FleetWorld) -> None:
        await at.owner.kill(None)
        await at.owner.resume(X)
        at.fleet.apply(fleet_config(X, Y, Z))
        await anyio.sleep(2)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.KILLED, Z: Phase.KILLED}

    play(scene)


def test_an_order_under_way_when_the_kill_comes_is_cancelled_when_it_arrives() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.latency_s = 0.5
        at.market_stream.tick(X, 1005)
        await anyio.sleep(0.1)
        await at.owner.kill(None)
        await anyio.sleep(3)
        assert at.open_symbols() == []
        assert set(at.phases().values()) == {Phase.KILLED}

    play(scene)


def slowly(at: FleetWorld, arrives_s: float, *, is_told: bool) -> None:
    """From now on an order that may open something arrives so late, and fills in part as it does. `is_told`: the answer
    comes after it; else it is given up at once."""
    place, new = at.trading.place, at.trading._new  # pyright: ignore[reportPrivateUsage]

    async def arrive(order: Place, ticket: Any = None) -> Order:
        if order.time_in_force is TimeInForce.IOC or order.reduce_only:
            return await place(order, ticket)
        if is_told:
            await anyio.sleep(arrives_s)
            told = await place(order, ticket)
            at.trading.fill(order.client_id, 10)
            return told
        at.gate.settle(ticket, {})
        at.tasks.start_soon(late, order)
        raise OutcomeUnknown("no answer")

    async def late(order: Place) -> None:
        await anyio.sleep(arrives_s)
        new(order)
        at.trading.fill(order.client_id, 10)

    at.trading.place = arrive


@pytest.mark.parametrize(("arrives_s", "is_told"), [(0.5, True), (4.0, True), (0.5, False), (4.0, False)])
def test_what_is_on_its_way_is_heard_out_before_anything_is_called_done(arrives_s: float, is_told: bool) -> None:
    async def scene(at: FleetWorld) -> None:
        slowly(at, arrives_s, is_told=is_told)
        at.trading.end(at.trading.one(Side.BUY, X).client_id)  # so that it is put again
        while not any(order.phase in (Phases.PLACING, Phases.UNKNOWN) for order in at.fleet.slots[X].live_orders()):
            at.market_stream.tick(X, 1001)
            await anyio.sleep(0.05)
        done = await at.owner.flatten(None, ONE_PERCENT)
        assert done.problems == ()
        assert (at.open_symbols(), at.lots_held()) == ([], {})
        await anyio.sleep(30)
        assert (at.open_symbols(), at.lots_held()) == ([], {})

    play(scene)


def test_an_order_whose_fate_stays_unknown_is_told() -> None:
    async def scene(at: FleetWorld) -> None:
        slowly(at, 1000, is_told=False)
        at.trading.end(at.trading.one(Side.BUY, X).client_id)
        while not any(order.phase is Phases.UNKNOWN for order in at.fleet.slots[X].live_orders()):
            at.market_stream.tick(X, 1001)
            await anyio.sleep(0.05)
        for _ in range(100):
            at.trading.trouble("order", Unavailable("away"))
        [problem] = (await at.owner.kill(X)).problems
        assert "not every order is known to be cancelled yet" in problem
        at.trading.troubles.clear()

    play(scene)


def test_orders_of_others_are_left_alone() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.put_order("by-hand", X)
        await at.owner.flatten(None, ONE_PERCENT)
        assert [order.client_id for order in at.trading.open()] == ["by-hand"]

    play(scene)


def test_where_the_exchange_is_away_the_owner_is_told_what_is_not_known() -> None:
    async def scene(at: FleetWorld) -> None:
        for _ in range(200):
            at.trading.trouble("open_orders", Unavailable("away"))
        [problem] = (await at.owner.kill(None)).problems
        assert "not every order is known to be cancelled" in problem
        at.trading.troubles.clear()

    play(scene)


def test_a_symbol_that_is_not_there() -> None:
    async def scene(at: FleetWorld) -> None:
        for say in (at.owner.kill, at.owner.resume):
            with pytest.raises(NoSuchSymbol, match=f"it trades {X}, {Y}"):
                await say("Z")

    play(scene)


def test_what_another_process_wrote_down_is_heard_though_no_news_come(tmp_path: Path) -> None:
    path = tmp_path / "kill"

    async def scene(at: FleetWorld) -> None:
        at.market_stream.silent |= {X, Y}
        write_kills(path, {X: "killed elsewhere"})
        await anyio.sleep(0.5)
        assert at.open_symbols() == [Y, Y]
        assert at.said("killed elsewhere")

    play(scene, kill=KillSwitch(path))


def test_a_fleet_that_is_killed_when_it_starts_quotes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kill"
    write_kills(path, {"*": "killed before"})

    async def scene(at: FleetWorld) -> None:
        await anyio.sleep(5)
        assert not any(isinstance(action, Place | Amend) for action in at.trading.actions())
        assert set(at.phases().values()) == {Phase.KILLED}

    play(scene, kill=KillSwitch(path))


# --- flatten


@pytest.mark.parametrize(("side", "expected"), [(Side.BUY, (Side.SELL, 990)), (Side.SELL, (Side.BUY, 1010))])
def test_flatten_closes_by_reduce_only_orders_within_the_slippage(side: Side, expected: tuple[Side, int]) -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(side, X).client_id, 60)
        await anyio.sleep(1)
        done = await at.owner.flatten(X, ONE_PERCENT)
        assert done.problems == ()
        assert at.trading.held[X].lots == 0
        [order] = at.closings()
        assert ((order.side, order.price_ticks), order.lots, order.reduce_only) == (expected, 60, True)
        await anyio.sleep(1)
        # No worker takes the closing order for one of its own, that it should cancel.
        assert not at.said("is taken up")
        assert at.fleet.slots[X].counters.differences == 0
        assert at.fleet.slots[X].book.position_lots == 0
        assert at.open_symbols() == [Y, Y]

    play(scene)


def test_a_thin_book_is_taken_bit_by_bit() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 60)
        at.trading.taken_at_once = 25
        assert (await at.owner.flatten(X, ONE_PERCENT)).problems == ()
        assert [order.lots for order in at.closings()] == [60, 35, 10]

    play(scene)


def test_what_cannot_be_closed_in_time_is_told() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 60)
        at.trading.taken_at_once = 0
        began_s = anyio.current_time()
        [problem] = (await at.owner.flatten(X, ONE_PERCENT)).problems
        assert problem == f"{X} still holds 0.60: nobody trades within 1% of the mark price"
        assert anyio.current_time() - began_s < WITHIN_S + 5

    play(scene)


def test_a_refusal_and_a_lost_answer_are_tried_again() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 60)
        await at.owner.kill(X)
        at.trading.trouble("place", Rejected("no"))
        at.trading.trouble("place", Unavailable("away"), happens=True)
        assert (await at.owner.flatten(X, ONE_PERCENT)).problems == ()
        assert at.trading.held[X].lots == 0

    play(scene)


def test_the_exchanges_own_band_bounds_the_slippage_too() -> None:
    from runtime_fakes import instrument

    order = closing_order(instrument(X), 10, Decimal(100), Decimal("0.5"), "a")
    assert (order.side, order.price_ticks) == (Side.SELL, 950)
