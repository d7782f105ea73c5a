"""The venue's list of open orders lacks those that are young: what we know of them ourselves counts as much."""

from __future__ import annotations

from functools import partial

import anyio
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, play_fleet

from exchange.model import Order, Place, Side
from exchange.ports import Ticket
from fleet.orders.ids import base36
from fleet.orders.lifecycle import Phase
from fleet.runtime.mailbox import Crash
from fleet.runtime.status import fleet_state

LAG_S = 1.4

play = partial(play_fleet, FleetWorld)


def lag(at: FleetWorld) -> None:
    at.trading.list_lag_s = LAG_S


def test_a_stop_cancels_what_no_list_has() -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.open_symbols() == [X, X, Y, Y]
        stopped_s = anyio.current_time()
        await at.stop()
        assert (at.open_symbols(), at.fleet.drain.left_open) == ([], ())
        assert anyio.current_time() == stopped_s

    play(fleet_config(X, Y), scene, lag, begins_s=0.5)


def test_a_symbol_that_leaves_takes_along_what_no_list_has() -> None:
    async def scene(at: FleetWorld) -> None:
        at.fleet.apply(fleet_config(Y))
        await anyio.sleep(1)
        assert at.open_symbols() == [Y, Y]

    play(fleet_config(X, Y), scene, lag, begins_s=0.5)


def test_a_worker_that_breaks_just_after_its_placements_leaves_none_of_them() -> None:
    async def scene(at: FleetWorld) -> None:
        while len(at.trading.open(X)) < 2:  # noqa: ASYNC110 the fake venue tells nobody
            await anyio.sleep(0.01)
        await anyio.sleep(0.05)
        before = [order.client_id for order in at.trading.open(X)]
        at.fleet.slots[X].mailbox.put(Crash(ZeroDivisionError("ours")))
        await anyio.sleep(3)
        assert [order.side for order in at.trading.open(X)] == [Side.BUY, Side.SELL]
        assert not {*before} & {order.client_id for order in at.trading.open(X)}

    play(fleet_config(X, Y), scene, lag, begins_s=0)


def test_a_symbol_that_leaves_waits_for_what_is_on_its_way() -> None:
    async def scene(at: FleetWorld) -> None:
        place = at.trading.place

        async def slow(order: Place, ticket: Ticket | None = None) -> Order:
            await anyio.sleep(3)
            return await place(order, ticket)

        at.trading.place = slow
        at.fleet.apply(fleet_config(X, Y))
        await anyio.sleep(0.5)
        assert [order.phase for order in at.fleet.slots[X].live_orders()] == [Phase.PLACING] * 2
        at.fleet.apply(fleet_config(Y))
        await anyio.sleep(4)
        assert at.open_symbols() == [Y, Y]
        # Before it had left, and not found later as if nobody had sent it.
        assert fleet_state(at.fleet).strays_found == 0

    play(fleet_config(Y), scene)


def test_what_an_earlier_run_placed_just_before_it_died_is_found_as_soon_as_a_list_must_have_it() -> None:
    def leave(at: FleetWorld) -> None:
        lag(at)
        for symbol in (X, Y):
            at.trading.put_order(f"f:{symbol[0]}:{base36(at.fleet.run_id.number - 36**3)}:1", symbol)

    async def scene(at: FleetWorld) -> None:
        assert at.open_symbols() == [Y, Y]

    play(fleet_config(Y), scene, leave, begins_s=3)
