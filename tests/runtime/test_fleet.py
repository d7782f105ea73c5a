"""The running fleet from its start to its end: nothing is left behind, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Unavailable
from exchange.model import OrderStatus, Position, Side
from fleet.control.state import Phase
from fleet.ledger.entries import Entry, NoLedger, OrderChanged
from fleet.orders.lifecycle import WorkingOrder
from fleet.runtime.drain import DRAIN_S
from fleet.runtime.fleet import Fleet
from fleet.runtime.status import fleet_state
from strategies.base import Decision, Situation

play = partial(play_fleet, FleetWorld)


# --- start and stop


def test_every_symbol_is_quoted_on_both_sides_and_cancelled_at_the_end() -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.open_symbols() == [X, X, Y, Y]
        await at.stop()
        assert at.open_symbols() == []
        assert at.fleet.drain.left_open == ()
        assert set(at.phases().values()) == {Phase.STOPPED}

    play(fleet_config(X, Y), scene)


def test_an_account_in_hedge_mode_is_refused() -> None:
    async def scene(at: FleetWorld) -> None:
        assert "hedge mode" in at.failure
        assert at.trading.actions() == []

    def hedge(at: FleetWorld) -> None:
        at.trading.hedge_mode = True

    play(fleet_config(X), scene, hedge, fails=True)


def test_the_account_is_looked_at_again_when_the_first_look_fails() -> None:
    async def scene(at: FleetWorld) -> None:
        await anyio.sleep(2)
        assert len(at.trading.open()) == 2

    def trouble(at: FleetWorld) -> None:
        for name in ("mode", "balances", "positions"):
            at.trading.trouble(name, Unavailable("no answer"))

    play(fleet_config(X), scene, trouble)


def test_stopped_while_the_account_cannot_be_read_it_ends_at_once_and_has_sent_nothing() -> None:
    async def scene(at: FleetWorld) -> None:
        await at.stop()
        assert at.ended_s == 1
        assert at.trading.actions() == []

    def out_of_reach(at: FleetWorld) -> None:
        for _ in range(20):
            at.trading.trouble("mode", Unavailable("no connection"))

    play(fleet_config(X), scene, out_of_reach)


@pytest.mark.parametrize(
    ("answers", "left", "told"), [(0, (), "what an earlier run left"), (1, ("f:X:old:1",), "f:X:old:1")]
)
def test_stopped_before_it_could_look_it_does_not_claim_that_nothing_is_left(
    answers: int, left: tuple[str, ...], told: str
) -> None:
    async def scene(at: FleetWorld) -> None:
        before = fleet_state(at.fleet)
        assert (before.own_orders_left_open, before.left_unknown) == (len(left), not answers)
        await at.stop()
        assert (at.fleet.drain.left_open, at.fleet.drain.has_looked) == (left, bool(answers))
        assert at.fleet.drain.left_unknown
        assert fleet_state(at.fleet).left_unknown
        assert at.said(f"may be open: {told}")

    def out_of_reach(at: FleetWorld) -> None:
        at.trading.put_order("f:X:old:1")
        for _ in range(answers):
            # It looks, cancels nothing, and is stopped while it tries again.
            at.trading.refuses_cancels = True
        for _ in range(200 * (not answers)):
            at.trading.trouble("open_orders", Unavailable("no connection"))

    play(fleet_config(X), scene, out_of_reach)


def test_what_an_earlier_run_left_is_cancelled_in_symbols_that_the_file_does_not_name_too() -> None:
    async def scene(at: FleetWorld) -> None:
        left = {name: order.status for name, order in at.trading.orders.items() if ":old:" in name or name == "web_1"}
        assert left == {
            "f:X:old:1": OrderStatus.CANCELED, "f:Z:old:1": OrderStatus.CANCELED,
            "g:Z:old:1": OrderStatus.NEW, "web_1": OrderStatus.NEW,
        }  # fmt: skip

    def leave(at: FleetWorld) -> None:
        at.trading.put_order("f:X:old:1")
        for name in ("f:Z:old:1", "g:Z:old:1", "web_1"):
            at.trading.put_order(name, Z)

    play(fleet_config(X), scene, leave)


def test_positions_from_before_are_taken_up_each_in_its_mode() -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.phases() == {X: Phase.REDUCING, Y: Phase.QUOTING}
        assert at.trading.one(Side.BUY, X).reduce_only

    def hold(at: FleetWorld) -> None:
        at.trading.held = {X: Position(X, -60, Decimal(100)), Y: Position(Y, 3, Decimal(100))}

    play(fleet_config(X, Y), scene, hold)


def test_the_last_trades_are_counted_though_no_line_told_of_them() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(Side.BUY).client_id, 98, tell=False)
        at.trading.wallet = Decimal(990)
        await at.stop()
        state = fleet_state(at.fleet)
        assert (state.symbols[0].position, state.symbols[0].fills, state.wallet) == (Decimal("0.98"), 1, 990)

    play(fleet_config(X), scene)


def test_what_cannot_be_cancelled_in_time_is_named() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.refuses_cancels = True
        stuck = tuple(order.client_id for order in at.trading.open())
        await at.stop()
        assert at.ended_s == pytest.approx(1 + DRAIN_S, abs=0.1)
        assert at.fleet.drain.left_open == stuck
        assert fleet_state(at.fleet).own_orders_left_open == len(stuck) == 4
        assert at.said("could not confirm that every order is cancelled: out of time")

    play(fleet_config(X, Y), scene)


def test_one_stuck_symbol_does_not_keep_the_others_orders_in_the_market() -> None:
    async def scene(at: FleetWorld) -> None:
        for _ in range(100):
            at.trading.trouble("cancel_many", Unavailable("no"), symbol=X)
        await at.stop()
        assert at.open_symbols() == [X, X]

    play(fleet_config(X, Y), scene)


def test_an_order_that_may_still_arrive_is_waited_for() -> None:
    async def scene(at: FleetWorld) -> None:
        await anyio.sleep(1)
        assert len(at.trading.open()) == 1
        at.fleet.stop()
        await anyio.sleep(5)
        assert at.ended_s is None
        [lost] = [order for order in at.fleet.roster.live_orders() if order.order_id is None]
        at.trading.put_order(lost.client_id)
        await at.stop()
        assert at.trading.open() == []

    def lose(at: FleetWorld) -> None:
        at.trading.trouble("place", OutcomeUnknown("503"))
        for _ in range(20):
            at.trading.trouble("order", Unavailable("no"))

    play(fleet_config(X), scene, lose)


# --- what ends it


def test_a_ban_stops_the_fleet_and_names_what_may_be_open() -> None:
    async def scene(at: FleetWorld) -> None:
        at.gate.ban(600, "418: too many requests")
        await anyio.sleep(0.1)
        assert at.failure == "418: too many requests"
        assert len(at.fleet.drain.left_open) == 4

    play(fleet_config(X, Y), scene, fails=True)


@pytest.mark.parametrize("error", [BadCredentials("signature refused"), Banned("418", retry_after_s=60)])
def test_what_no_worker_can_go_on_after_stops_them_all(error: Exception) -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.failure == str(error)
        assert at.ended_s is not None
        assert at.open_symbols() == []

    play(fleet_config(X, Y), scene, lambda at: at.trading.trouble("set_leverage", error, symbol=Y), fails=True)


@pytest.mark.parametrize("line", ["market_stream", "account_stream"])
def test_credentials_refused_on_a_line_stop_the_fleet_in_words(line: str) -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.failure == "signature refused"
        assert at.open_symbols() == []

    play(
        fleet_config(X),
        scene,
        lambda at: setattr(getattr(at, line), "breaks", BadCredentials("signature refused")),
        fails=True,
    )


def test_cancelled_from_outside_it_leaves_no_order_behind_either() -> None:
    async def scene(at: FleetWorld) -> None:
        assert at.open_symbols() == [X, X]
        at.scope.cancel()
        await at.ended.wait()
        assert at.open_symbols() == []

    play(fleet_config(X), scene)


class Kept(NoLedger):
    """What was told of each order last."""

    def __init__(self) -> None:
        self.orders: dict[str, WorkingOrder] = {}

    def write(self, entry: Entry) -> None:
        if isinstance(entry, OrderChanged):
            self.orders[entry.order.client_id] = entry.order


def nothing_else(at: FleetWorld) -> None:
    pass


def no_answer(at: FleetWorld) -> None:
    at.trading.trouble("cancel_many", OutcomeUnknown("503"), happens=True)


def nobody_tells(at: FleetWorld) -> None:
    for order in at.trading.open():
        at.trading.end(order.client_id, OrderStatus.CANCELED, tell=False)


def filled_meanwhile(at: FleetWorld) -> None:
    for order in at.trading.open():
        at.trading.fill(order.client_id, order.lots)


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        pytest.param(nothing_else, OrderStatus.CANCELED, id="by the answer"),
        pytest.param(no_answer, OrderStatus.CANCELED, id="by the stream"),
        pytest.param(filled_meanwhile, OrderStatus.FILLED, id="filled, as the stream told"),
        pytest.param(nobody_tells, None, id="nobody told"),
    ],
)
def test_after_a_stop_it_is_on_record_what_is_known_of_each_order(
    happens: Callable[[FleetWorld], None], status: OrderStatus | None
) -> None:
    kept = Kept()

    async def scene(at: FleetWorld) -> None:
        at.fleet.slots[X].scope.cancel()
        await at.fleet.slots[X].ended.wait()
        happens(at)
        await at.stop()
        assert {(order.phase.value, order.status) for order in kept.orders.values()} == {("done", status)}

    play(fleet_config(X), scene, lambda at: setattr(at, "fleet", Fleet(at.fleet.config, at.venue, at.journal, kept)))


class Broken:
    """A strategy with a fault of ours."""

    def start(self) -> None:
        return None

    def decide(self, state: None, situation: Situation) -> tuple[None, Decision]:
        raise ZeroDivisionError


def test_what_broke_a_worker_does_not_keep_its_orders_from_being_cleared() -> None:
    async def scene(at: FleetWorld) -> None:
        slot = at.fleet.slots[Y]
        assert slot.desk is not None
        slot.scope.cancel()
        slot.desk.working.orders = None  # type: ignore[assignment]  # a planted fault
        await slot.clear()
        assert at.open_symbols() == [X, X]

    play(fleet_config(X, Y), scene)


def test_a_worker_that_crashes_does_not_disturb_the_others() -> None:
    async def scene(at: FleetWorld) -> None:
        untouched = [order.client_id for order in at.trading.open(X)]
        desk = at.fleet.slots[Y].desk
        assert desk is not None
        desk.reconfigure(desk.config, Broken())
        at.market_stream.tick(Y, 1010)
        await anyio.sleep(0.5)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.BACKOFF}
        assert at.open_symbols() == [X, X]
        await anyio.sleep(2)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.QUOTING}
        assert [order.client_id for order in at.trading.open(X)] == untouched
        assert fleet_state(at.fleet).symbols[1].restarts == 1

    play(fleet_config(X, Y), scene)
