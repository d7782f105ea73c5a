"""Orders of a run that is gone, in symbols that no worker minds: whenever they come, they go."""

from __future__ import annotations

from functools import partial

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.model import Order, OrderUpdate, Side
from exchange.ports import Ticket
from fleet.orders.ids import base36
from fleet.runtime.status import fleet_state


class Scene(FleetWorld):
    """The fleet file has Y; X was in it once."""

    def earlier(self, number: int, symbol: str = X) -> str:
        return f"f:{symbol[0]}:{base36(self.fleet.run_id.number - 36**3)}:{number}"

    def put(self, number: int, symbol: str = X, *, tell: bool = True) -> Order:
        return self.trading.put_order(self.earlier(number, symbol), symbol, tell=tell)

    def strays(self) -> list[str]:
        return [order.symbol for order in self.trading.open() if order.symbol != Y]


play = partial(play_fleet, Scene, fleet_config(Y))


@pytest.mark.parametrize("tell", [True, False])
def test_one_that_comes_late_is_cancelled_and_told_of(tell: bool) -> None:
    async def scene(at: Scene) -> None:
        at.put(1, tell=tell)
        at.put(2, Z, tell=tell)
        await anyio.sleep(0.01 if tell else at.fleet.reconcile_every_s + 1)
        assert at.strays() == []
        assert at.open_symbols() == [Y, Y]
        assert at.said(f"{at.earlier(1)} is cancelled")
        assert fleet_state(at.fleet).strays_found == 2

    play(scene, begins_s=3)


def test_in_the_class_of_cancels_and_without_a_look_at_all_symbols() -> None:
    async def scene(at: Scene) -> None:
        at.put(1)
        await anyio.sleep(0.01)
        assert [sent.what for sent in at.trading.sent if sent.symbol == X] == [
            "open_orders",
            "cancel_many",
            "open_orders",
        ]

    play(scene, begins_s=3)


def test_it_is_tried_until_it_is_gone_and_may_be_open_until_then() -> None:
    async def scene(at: Scene) -> None:
        at.trading.refuses_cancels = True
        at.put(1)
        await anyio.sleep(20)
        assert [order.client_id for order in at.fleet.drain.may_be_open() if order.symbol == X] == [at.earlier(1)]
        at.trading.refuses_cancels = False
        await anyio.sleep(3)
        assert at.strays() == []
        assert [order for order in at.fleet.drain.may_be_open() if order.symbol == X] == []

    play(scene, begins_s=3)


def test_a_stop_that_cannot_cancel_it_says_so() -> None:
    async def scene(at: Scene) -> None:
        at.trading.refuses_cancels = True
        at.put(1)
        await at.stop()
        assert at.earlier(1) in at.fleet.drain.left_open

    play(scene, begins_s=3)


def test_what_it_holds_counts_and_its_trades_are_looked_for() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        at.put(1)
        at.trading.fill(at.earlier(1), 20)
        await anyio.sleep(2)
        assert at.strays() == []
        assert at.fleet.risk.others(Y).position_usd == 0  # no limit of the fleet's
        assert X in at.fleet.risk.left

    play(scene, begins_s=3)


def test_a_worker_that_comes_meanwhile_keeps_its_orders() -> None:
    async def scene(at: Scene) -> None:
        ask, quick = at.trading.open_orders, [X]

        async def open_orders(symbol: str | None = None, ticket: Ticket | None = None) -> list[Order]:
            if symbol == X and not quick:
                await anyio.sleep(2)
            elif symbol == X:
                quick.clear()
            return await ask(symbol, ticket)

        at.trading.open_orders = open_orders
        at.put(1)
        await anyio.sleep(0.01)
        # Its first quotes are in the list that is to prove that nothing is left.
        at.fleet.apply(fleet_config(X, Y))
        await anyio.sleep(5)
        assert [(order.side, order.symbol) for order in at.trading.open(X)] == [(Side.BUY, X), (Side.SELL, X)]
        assert at.fleet.slots[X].counters.placed == 2

    play(scene, begins_s=3)


def test_late_news_of_what_ended_with_its_symbol_is_no_stray() -> None:
    async def scene(at: Scene) -> None:
        before = at.trading.one(Side.BUY, X)
        at.fleet.apply(fleet_config(Y))
        await anyio.sleep(1)
        at.account_stream.tell(OrderUpdate(before, "NEW", None))
        await anyio.sleep(1)
        assert fleet_state(at.fleet).strays_found == 0

    play_fleet(Scene, fleet_config(X, Y), scene)


@pytest.mark.parametrize("client_id", ["web_1", "g:X:r:1", "f:X:.r:1"])
def test_what_the_owner_placed_is_left_alone(client_id: str) -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order(client_id, X)
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert at.strays() == [X]

    play(scene, begins_s=3)


# --- what a killed run left


def test_the_countdown_that_a_killed_run_left_goes_on_as_long_as_more_may_come() -> None:
    def leave(at: Scene) -> None:
        at.put(1)
        at.trading.countdowns_us[X] = at.clock.now_us() + 120_000_000

    async def scene(at: Scene) -> None:
        assert at.strays() == []
        await anyio.sleep(8)
        assert at.trading.countdowns_us[X]
        at.put(2)
        await anyio.sleep(3)
        assert (at.strays(), at.trading.countdowns_us[X]) == ([], 0)

    play(scene, leave)


def test_not_over_what_is_the_owners() -> None:
    def leave(at: Scene) -> None:
        at.put(1)
        at.trading.put_order("web_1", X)
        at.trading.countdowns_us[X] = at.clock.now_us() + 120_000_000

    async def scene(at: Scene) -> None:
        assert at.trading.countdowns_us[X] == 0

    play(scene, leave)


@pytest.mark.parametrize("before_s", [0.0, 1.0])
def test_a_stop_waits_for_what_may_come_yet(before_s: float) -> None:
    def leave(at: Scene) -> None:
        at.put(1)
        at.trading.countdowns_us[X] = at.clock.now_us() + 120_000_000

    async def scene(at: Scene) -> None:
        at.fleet.stop()
        await anyio.sleep(5)
        assert at.strays() == []
        at.put(2)
        await at.ended.wait()
        assert (at.trading.open(), at.trading.countdowns_us[X]) == ([], 0)
        assert anyio.current_time() < 11

    play(scene, leave, begins_s=before_s)
