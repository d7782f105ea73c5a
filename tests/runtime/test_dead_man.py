"""Which symbols the dead-man's switch of a running fleet guards: no order stands that it does not, but for the owner's."""

from __future__ import annotations

import anyio
from dead_man_scene import Scene, fleet, play
from runtime_fakes import symbol_config
from runtime_worlds import X, Y, Z

from exchange.errors import Unavailable
from exchange.model import OrderStatus, Side
from fleet.runtime.fleet import FIRST_LOOK_S
from fleet.runtime.status import fleet_state

# --- from the start to the end


def test_a_symbol_is_guarded_before_its_first_order_and_until_its_last_is_gone() -> None:
    async def scene(at: Scene) -> None:
        assert at.told(X)[:3] == ["countdown 10000", "Place", "Place"]
        await at.stop()
        assert at.told(X)[-2:] == ["cancel_many", "countdown 0"]
        assert at.trading.countdowns_us == {X: 0, Y: 0}
        assert at.trading.open() == []

    play(fleet(X, Y), scene)


def test_stopped_before_it_had_begun_it_ends_the_countdowns_of_a_run_that_was_killed() -> None:
    def before(at: Scene) -> None:
        at.trading.trouble("open_orders", Unavailable("no connection"))
        for _ in range(20):
            at.trading.trouble("mode", Unavailable("no connection"))
        at.trading.put_order("f:X:old:1")
        for symbol in (X, Y):
            at.trading.countdowns_us[symbol] = at.clock.now_us() + 100_000_000

    async def scene(at: Scene) -> None:
        await at.stop()
        assert at.trading.open() == []
        assert not at.runs(X)
        assert not at.runs(Y)

    play(fleet(X, Y), scene, before)


def test_stopped_before_it_had_begun_it_ends_a_countdown_that_would_cancel_its_owners_order() -> None:
    def before(at: Scene) -> None:
        at.trading.trouble("open_orders", Unavailable("no connection"))
        for _ in range(20):
            at.trading.trouble("mode", Unavailable("no connection"))
        at.trading.put_order("the-owners")
        at.trading.countdowns_us[X] = at.clock.now_us() + 100_000_000

    async def scene(at: Scene) -> None:
        await at.stop()
        assert not at.runs(X)

    play(fleet(X, Y), scene, before)


def test_a_run_without_countdowns_ends_the_one_that_a_killed_run_left_before_it_cancels_good_quotes() -> None:
    def before(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        at.trading.countdowns_us[X] = at.clock.now_us() + 10_000_000

    async def scene(at: Scene) -> None:
        assert (at.beats(X, what="0") != [], at.beats(Y)) == (True, [])
        assert not at.runs(X)
        assert len(at.trading.open(X)) == 2

    play(fleet(X, Y, dead_man=None), scene, before)


def test_switched_off_nothing_is_told() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(60)
        await at.stop()
        assert at.beats() == []
        assert fleet_state(at.fleet).symbols[0].guarded_until_ms is None

    play(fleet(X, dead_man=None), scene)


def test_orders_that_could_not_be_cancelled_are_left_to_the_countdown() -> None:
    async def scene(at: Scene) -> None:
        at.trading.refuses_cancels = True
        await at.stop()
        assert len(at.fleet.drain.left_open) == 2
        assert at.runs(X)
        assert at.said_times("the exchange cancels what is left when its countdown runs out") == 1
        assert "countdown 0" not in at.told(X)

    play(fleet(X), scene)


def test_an_end_that_cannot_be_told_is_told_to_the_owner() -> None:
    async def scene(at: Scene) -> None:
        for _ in range(100):
            at.trading.trouble("countdown", Unavailable("no"))
        await at.stop()
        assert at.said("the exchange's countdown may still run out")
        assert at.trading.open() == []

    play(fleet(X), scene)


# --- orders that are not ours


def test_where_the_owner_has_orders_no_countdown_runs_until_they_are_gone() -> None:
    async def scene(at: Scene) -> None:
        assert (at.runs(X), at.runs(Y)) == (True, True)
        await anyio.sleep(FIRST_LOOK_S)
        at.trading.put_order("web_1")
        await anyio.sleep(0.05)
        assert (at.runs(X), at.runs(Y)) == (False, True)
        # Before the next look at the account, which finds that the owner's order holds margin.
        await anyio.sleep(20)
        assert at.said_times("orders are open that are not ours") == 1
        assert len(at.trading.open(X)) == 3
        assert at.told(X)[-1] == "countdown 0"
        at.trading.end("web_1", OrderStatus.CANCELED)
        await anyio.sleep(0.05)
        assert at.runs(X)
        assert at.said_times("no orders but ours are open") == 1
        # Ours were there all the while.
        assert at.trading.actions(X)[2:] == []

    play(fleet(X, Y), scene)


def test_an_order_of_the_owners_that_was_there_at_the_start_ends_what_an_earlier_run_left_running() -> None:
    async def scene(at: Scene) -> None:
        assert at.told(X) == ["countdown 0", "Place", "Place"]
        assert at.said_times("orders are open that are not ours") == 1
        await at.stop()
        assert at.trading.orders["web_1"].status is OrderStatus.NEW

    play(fleet(X), scene, lambda at: at.trading.put_order("web_1") and None)


def test_one_that_the_line_did_not_tell_of_is_found_by_the_next_look_at_the_account() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(FIRST_LOOK_S)
        at.account_stream.is_up = False
        at.trading.put_order("web_1")
        at.account_stream.is_up = True
        await anyio.sleep(1)
        assert at.runs(X)
        await anyio.sleep(61)
        assert not at.runs(X)

    play(fleet(X), scene)


def test_at_the_end_the_countdown_goes_first_that_would_take_its_owners_order_though_no_news_told_of_that() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("the-owners", Z, tell=False)
        began_s = anyio.current_time()
        await at.stop()
        assert next(symbol for at_s, symbol in at.beats(what="0") if at_s >= began_s) == Z

    play(fleet(X, Y, Z), scene)


def test_an_order_that_comes_while_a_heartbeat_is_on_its_way_is_not_left_to_it() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 2.0
        await anyio.sleep(3)
        at.trading.put_order("web_1")
        await anyio.sleep(5)
        assert not at.runs(X)

    play(fleet(X), scene)


# --- an edit of the file


def test_switched_on_while_it_runs_it_touches_no_order() -> None:
    async def scene(at: Scene) -> None:
        before = [order.client_id for order in at.trading.open()]
        at.trading.latency_s = 1.0
        assert at.fleet.apply(fleet(X)) == ("dead_man",)
        await anyio.sleep(5)
        assert at.runs(X)
        assert [order.client_id for order in at.trading.open()] == before

    play(fleet(X, dead_man=None), scene)


def test_switched_off_while_it_runs_the_countdowns_end() -> None:
    async def scene(at: Scene) -> None:
        before = [order.client_id for order in at.trading.open()]
        at.fleet.apply(fleet(X, Y, dead_man=None))
        await anyio.sleep(0.1)
        assert at.trading.countdowns_us == {X: 0, Y: 0}
        at.trading.sent.clear()
        await anyio.sleep(60)
        await at.stop()
        assert at.beats() == []
        assert [name for name in before if at.trading.orders[name].status is OrderStatus.CANCELED] == before

    play(fleet(X, Y), scene)


def test_another_timeout_holds_at_once() -> None:
    async def scene(at: Scene) -> None:
        at.fleet.apply(fleet(X, dead_man={"timeout": "60s"}))
        await anyio.sleep(0.1)
        assert at.trading.countdowns_us[X] - at.clock.now_us() > 59_000_000
        await anyio.sleep(30)
        assert len(at.beats(X, what="60000")) == 3

    play(fleet(X), scene)


def test_symbols_come_and_go_with_their_countdowns() -> None:
    async def scene(at: Scene) -> None:
        at.fleet.apply(fleet(X, Z))
        await anyio.sleep(1)
        assert at.told(Y)[-2:] == ["cancel_many", "countdown 0"]
        assert at.told(Z)[:2] == ["countdown 10000", "Place"]
        at.fleet.apply(fleet(X, Y, Z))
        await anyio.sleep(3)
        assert [each for each in at.told(Y) if each != "countdown 10000"][-4:] == [
            "cancel_many",
            "countdown 0",
            "Place",
            "Place",
        ]
        assert at.runs(Y)

    play(fleet(X, Y), scene)


def test_a_symbol_that_works_its_position_off_is_guarded_until_it_has() -> None:
    async def scene(at: Scene) -> None:
        at.trading.fill(at.trading.one(Side.BUY, Y).client_id, 90)
        at.fleet.apply(fleet(X))
        await anyio.sleep(30)
        assert at.runs(Y)
        at.trading.fill(at.trading.one(Side.SELL, Y).client_id, 90)
        await anyio.sleep(1)
        assert at.trading.countdowns_us[Y] == 0

    play(fleet(X, symbol_config(Y, on_remove="close")), scene)
