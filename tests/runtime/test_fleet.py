"""The running fleet: what runs matches what the file asks for, and nothing is left behind, however it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from runtime_fakes import World, fleet_config, symbol_config

from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Rejected, Unavailable
from exchange.model import Amend, Cancel, OrderStatus, Place, Position, Side
from fleet.config.models import FleetConfig
from fleet.control.state import Phase
from fleet.ledger.entries import Entry, NoLedger, OrderChanged
from fleet.orders.lifecycle import WorkingOrder
from fleet.runtime.account import SNAPSHOT_WEIGHT
from fleet.runtime.drain import DRAIN_S
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import RECONCILE_SHARE, Fleet
from fleet.runtime.mailbox import Crash
from fleet.runtime.status import fleet_state
from fleet.simulation.loop import run_virtual
from strategies.base import Decision, Situation

X, Y, Z = "XUSDT", "YUSDT", "ZUSDT"
CLOSES = symbol_config(Y, on_remove="close")


class Scene(World):
    """A fleet on a venue that lists X, Y and Z."""

    def __init__(self, config: FleetConfig) -> None:
        super().__init__(X, Y, Z)
        self.fleet = Fleet(config, self.venue, self.journal)
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.ended_s: float | None = None
        self.failure: str = ""

    async def run(self) -> None:
        with self.scope:
            try:
                await self.fleet.run()
            except FleetError as error:
                self.failure = str(error)
        self.ended_s = anyio.current_time()
        self.ended.set()

    async def stop(self) -> None:
        """And waits for the end."""
        self.fleet.stop()
        await self.ended.wait()

    def phases(self) -> dict[str, Phase]:
        return {symbol.symbol: symbol.phase for symbol in fleet_state(self.fleet).symbols}

    def open_symbols(self) -> list[str]:
        return [order.symbol for order in self.trading.open()]


def play(
    config: FleetConfig,
    scene: Callable[[Scene], Awaitable[None]],
    before: Callable[[Scene], None] = lambda _: None,
) -> None:
    """The scene begins a second after the start."""

    async def main() -> None:
        world = Scene(config)
        before(world)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(world.gate.run)
            tasks.start_soon(world.run)
            await anyio.sleep(1)
            await scene(world)
            await world.stop()
            # Every leave to send was settled or given back, and nobody waits for one.
            assert (world.gate.in_flight, world.gate.waiting()) == (0, 0)
            tasks.cancel_scope.cancel()

    run_virtual(main)


# --- start and stop


def test_every_symbol_is_quoted_on_both_sides_and_cancelled_at_the_end() -> None:
    async def scene(at: Scene) -> None:
        assert at.open_symbols() == [X, X, Y, Y]
        await at.stop()
        assert at.open_symbols() == []
        assert at.fleet.drain.left_open == ()
        assert set(at.phases().values()) == {Phase.STOPPED}

    play(fleet_config(X, Y), scene)


def test_an_account_in_hedge_mode_is_refused() -> None:
    async def scene(at: Scene) -> None:
        assert "hedge mode" in at.failure
        assert at.trading.actions() == []

    def hedge(at: Scene) -> None:
        at.trading.hedge_mode = True

    play(fleet_config(X), scene, hedge)


def test_the_account_is_looked_at_again_when_the_first_look_fails() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(2)
        assert len(at.trading.open()) == 2

    def trouble(at: Scene) -> None:
        for name in ("mode", "balances", "positions"):
            at.trading.trouble(name, Unavailable("no answer"))

    play(fleet_config(X), scene, trouble)


def test_stopped_while_the_account_cannot_be_read_it_ends_at_once_and_has_sent_nothing() -> None:
    async def scene(at: Scene) -> None:
        await at.stop()
        assert at.ended_s == 1
        assert at.trading.actions() == []

    def out_of_reach(at: Scene) -> None:
        for _ in range(20):
            at.trading.trouble("mode", Unavailable("no connection"))

    play(fleet_config(X), scene, out_of_reach)


@pytest.mark.parametrize(("answers", "unknown"), [(0, True), (1, False)])
def test_stopped_before_it_could_look_it_does_not_claim_that_nothing_is_left(answers: int, unknown: bool) -> None:
    async def scene(at: Scene) -> None:
        await at.stop()
        assert at.fleet.drain.left_unknown == fleet_state(at.fleet).left_unknown == unknown
        assert at.said("may be open: what an earlier run left") == unknown

    def out_of_reach(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        for _ in range(answers):
            # It looks, cancels nothing, and is stopped while it tries again.
            at.trading.refuses_cancels = True
        for _ in range(200 * (not answers)):
            at.trading.trouble("open_orders", Unavailable("no connection"))

    play(fleet_config(X), scene, out_of_reach)


def test_what_an_earlier_run_left_is_cancelled_in_symbols_that_the_file_does_not_name_too() -> None:
    async def scene(at: Scene) -> None:
        left = {name: order.status for name, order in at.trading.orders.items() if ":old:" in name or name == "web_1"}
        assert left == {
            "f:X:old:1": OrderStatus.CANCELED, "f:Z:old:1": OrderStatus.CANCELED,
            "g:Z:old:1": OrderStatus.NEW, "web_1": OrderStatus.NEW,
        }  # fmt: skip

    def leave(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        for name in ("f:Z:old:1", "g:Z:old:1", "web_1"):
            at.trading.put_order(name, Z)

    play(fleet_config(X), scene, leave)


def test_the_last_trades_are_counted_though_no_line_told_of_them() -> None:
    async def scene(at: Scene) -> None:
        at.trading.fill(at.trading.one(Side.BUY).client_id, 98, tell=False)
        at.trading.wallet = Decimal(990)
        await at.stop()
        state = fleet_state(at.fleet)
        assert (state.symbols[0].position, state.symbols[0].fills, state.wallet) == (Decimal("0.98"), 1, 990)

    play(fleet_config(X), scene)


def test_what_cannot_be_cancelled_in_time_is_named() -> None:
    async def scene(at: Scene) -> None:
        at.trading.refuses_cancels = True
        stuck = tuple(order.client_id for order in at.trading.open())
        await at.stop()
        assert at.ended_s == pytest.approx(1 + DRAIN_S, abs=0.1)
        assert at.fleet.drain.left_open == stuck
        assert fleet_state(at.fleet).own_orders_left_open == len(stuck) == 4
        assert at.said("could not confirm that every order is cancelled: out of time")

    play(fleet_config(X, Y), scene)


def test_one_stuck_symbol_does_not_keep_the_others_orders_in_the_market() -> None:
    async def scene(at: Scene) -> None:
        for _ in range(100):
            at.trading.trouble("cancel_many", Unavailable("no"), symbol=X)
        await at.stop()
        assert at.open_symbols() == [X, X]

    play(fleet_config(X, Y), scene)


def test_an_order_that_may_still_arrive_is_waited_for() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        assert len(at.trading.open()) == 1
        at.fleet.stop()
        await anyio.sleep(5)
        assert at.ended_s is None
        [lost] = [order for order in at.fleet.roster.live_orders() if order.order_id is None]
        at.trading.put_order(lost.client_id)
        await at.stop()
        assert at.trading.open() == []

    def lose(at: Scene) -> None:
        at.trading.trouble("place", OutcomeUnknown("503"))
        for _ in range(20):
            at.trading.trouble("order", Unavailable("no"))

    play(fleet_config(X), scene, lose)


# --- what ends it


def test_a_ban_stops_the_fleet_and_names_what_may_be_open() -> None:
    async def scene(at: Scene) -> None:
        at.gate.ban(600, "418: too many requests")
        await anyio.sleep(0.1)
        assert at.failure == "418: too many requests"
        assert len(at.fleet.drain.left_open) == 4

    play(fleet_config(X, Y), scene)


@pytest.mark.parametrize("error", [BadCredentials("signature refused"), Banned("418", retry_after_s=60)])
def test_what_no_worker_can_go_on_after_stops_them_all(error: Exception) -> None:
    async def scene(at: Scene) -> None:
        assert at.failure == str(error)
        assert at.ended_s is not None
        assert at.open_symbols() == []

    play(fleet_config(X, Y), scene, lambda at: at.trading.trouble("set_leverage", error, symbol=Y))


@pytest.mark.parametrize("line", ["market_stream", "account_stream"])
def test_credentials_refused_on_a_line_stop_the_fleet_in_words(line: str) -> None:
    async def scene(at: Scene) -> None:
        assert at.failure == "signature refused"
        assert at.open_symbols() == []

    play(fleet_config(X), scene, lambda at: setattr(getattr(at, line), "breaks", BadCredentials("signature refused")))


def test_cancelled_from_outside_it_leaves_no_order_behind_either() -> None:
    async def scene(at: Scene) -> None:
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


def nothing_else(at: Scene) -> None:
    pass


def no_answer(at: Scene) -> None:
    at.trading.trouble("cancel_many", OutcomeUnknown("503"), happens=True)


def nobody_tells(at: Scene) -> None:
    for order in at.trading.open():
        at.trading.end(order.client_id, OrderStatus.CANCELED, tell=False)


def filled_meanwhile(at: Scene) -> None:
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
    happens: Callable[[Scene], None], status: OrderStatus | None
) -> None:
    kept = Kept()

    async def scene(at: Scene) -> None:
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
    async def scene(at: Scene) -> None:
        slot = at.fleet.slots[Y]
        assert slot.desk is not None
        slot.scope.cancel()
        slot.desk.orders = None  # type: ignore[assignment]  # a planted fault
        await slot.clear()
        assert at.open_symbols() == [X, X]

    play(fleet_config(X, Y), scene)


def test_a_worker_that_crashes_does_not_disturb_the_others() -> None:
    async def scene(at: Scene) -> None:
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


# --- reload


def test_an_edit_touches_only_what_it_changes() -> None:
    async def scene(at: Scene) -> None:
        untouched = [order.client_id for order in at.trading.open(X)]
        at.trading.sent.clear()
        at.fleet.apply(fleet_config(X, symbol_config(Y, entry="long"), Z))
        await anyio.sleep(1)
        assert [order.client_id for order in at.trading.open(X)] == untouched
        assert at.trading.actions(X) == []
        assert [type(action) for action in at.trading.actions(Y)] == [Cancel]
        assert len(at.trading.open(Z)) == 2
        assert at.market_stream.wanted == (X, Y, Z)
        assert (at.fleet.config_version, at.fleet.reloads_applied) == (2, 1)

    play(fleet_config(X, Y), scene)


def test_an_edit_that_changes_nothing_is_no_new_version() -> None:
    async def scene(at: Scene) -> None:
        assert at.fleet.apply(fleet_config(X)) == ()
        assert (at.fleet.config_version, at.fleet.reloads_applied) == (1, 0)

    play(fleet_config(X), scene)


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        (fleet_config(X, fleet="g"), "fleet cannot change"),
        (fleet_config(X, venue="testnet"), "venue cannot change"),
        (fleet_config(Z, "WUSDT"), "the exchange has no WUSDT"),
    ],
)
def test_what_cannot_be_applied_changes_nothing(edited: FleetConfig, reason: str) -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        with pytest.raises(FleetError, match=reason):
            at.fleet.apply(edited)
        at.fleet.refuse(reason)
        await anyio.sleep(2)
        assert at.trading.actions() == []
        assert at.fleet.config == fleet_config(X, Y)
        state = fleet_state(at.fleet)
        assert (state.reloads_applied, state.reloads_refused, state.last_reload_error) == (0, 1, reason)
        at.fleet.apply(fleet_config(X))
        assert fleet_state(at.fleet).last_reload_error is None

    play(fleet_config(X, Y), scene)


def test_settings_that_changed_are_given_back() -> None:
    async def scene(at: Scene) -> None:
        assert at.fleet.apply(fleet_config(X, logging={"level": "error"})) == ("logging",)

    play(fleet_config(X), scene)


def buy_in(at: Scene, symbol: str) -> None:
    at.trading.fill(at.trading.one(Side.BUY, symbol).client_id, 90)


def test_a_removed_symbol_cancels_its_orders_and_keeps_its_position() -> None:
    async def scene(at: Scene) -> None:
        buy_in(at, Y)
        await anyio.sleep(0.1)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(0.1)
        assert at.open_symbols() == [X, X]
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.STOPPED}
        assert at.market_stream.wanted == (X,)
        # Its margin is nobody else's to promise, at once and after the next look at the account.
        for _ in range(2):
            assert at.fleet.capital.foreign_margin == 90
            await anyio.sleep(61)

    play(fleet_config(X, Y), scene)


def test_the_exchanges_own_protection_is_taken_away_with_its_symbol_and_at_the_end() -> None:
    mmp = {"window": "5s", "frozen": "10s", "quantity": 20}

    async def scene(at: Scene) -> None:
        at.fleet.apply(fleet_config(symbol_config("YUSDT", mmp=mmp), "ZUSDT"))
        await anyio.sleep(2)
        assert at.trading.count("delete_protection", "XUSDT") == 1
        at.trading.trouble("delete_protection", Rejected("no"), symbol="YUSDT")
        await at.stop()
        assert at.trading.count("delete_protection", "YUSDT") == 1
        assert at.trading.count("delete_protection", "ZUSDT") == 0
        assert at.said("protection is left as the file has it: no")

    play(fleet_config(symbol_config("XUSDT", mmp=mmp), symbol_config("YUSDT", mmp=mmp), "ZUSDT"), scene)


def test_a_removed_symbol_that_is_to_close_works_its_position_off_first() -> None:
    async def scene(at: Scene) -> None:
        buy_in(at, Y)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(5)
        assert [(order.side, order.reduce_only) for order in at.trading.open(Y)] == [(Side.SELL, True)]
        at.trading.fill(at.trading.one(Side.SELL, Y).client_id, 90)
        await anyio.sleep(0.01)
        assert at.open_symbols() == [X, X]
        assert at.phases()[Y] is Phase.STOPPED
        assert list(at.fleet.slots) == [X]

    play(fleet_config(X, CLOSES), scene)


def test_taken_back_in_while_it_closes_it_quotes_on() -> None:
    async def scene(at: Scene) -> None:
        buy_in(at, Y)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(1)
        at.fleet.apply(fleet_config(X, CLOSES))
        at.trading.fill(at.trading.one(Side.SELL, Y).client_id, 90)
        await anyio.sleep(2)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.QUOTING}
        assert len(at.trading.open(Y)) == 2
        assert at.trading.count("set_leverage", Y) == 1

    play(fleet_config(X, CLOSES), scene)


def test_a_position_that_differs_without_a_gap_is_found_within_a_minute_or_so() -> None:
    async def scene(at: Scene) -> None:
        at.trading.move(X, 30)
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        assert at.fleet.account.books[X].position_lots == 30
        assert at.said("position was not the exchange's")

    play(fleet_config(X), scene)


def test_an_order_that_ended_unheard_is_found_by_looking_counted_and_put_again() -> None:
    async def scene(at: Scene) -> None:
        ended = at.trading.one(Side.BUY, X).client_id
        at.trading.end(ended, tell=False)
        await anyio.sleep(at.fleet.reconcile_every_s + 4)
        assert at.trading.one(Side.BUY, X).client_id != ended
        assert at.said(f"had told nothing of orders {ended}")
        [symbol] = fleet_state(at.fleet).symbols
        assert symbol.differences == 1

    play(fleet_config(X), scene)


def test_an_own_order_that_nobody_knows_of_is_found_by_looking_and_cancelled() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1", X, tell=False)
        await anyio.sleep(at.fleet.reconcile_every_s + 4)
        assert len(at.trading.open(X)) == 2
        [symbol] = fleet_state(at.fleet).symbols
        assert symbol.differences == 1

    play(fleet_config(X), scene)


@pytest.mark.parametrize("latency_s", [5, 20])
def test_the_result_is_counted_every_second_however_slow_the_venue_is(
    latency_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(at: Scene) -> None:
        counted_s: list[float] = []
        see = at.fleet.risk.loss.see

        def seen(*arguments: Any) -> bool:
            counted_s.append(anyio.current_time())
            return see(*arguments)

        monkeypatch.setattr(at.fleet.risk.loss, "see", seen)
        at.trading.latency_s = latency_s
        asked = at.trading.count("open_orders")
        await anyio.sleep(120)
        gaps_s = [after - before for before, after in pairwise(counted_s)]
        assert max(gaps_s) == pytest.approx(1)
        # And the account goes on being looked at, one look after the other.
        assert 1 <= at.trading.count("open_orders") - asked <= 120 / latency_s + 1
        at.trading.latency_s = 0.0

    play(fleet_config(X), scene)


def test_an_amendment_that_came_late_and_unheard_is_found_by_looking_and_mended() -> None:
    """Answered 503, queried as it was before, then carried out, and its event lost."""

    async def scene(at: Scene) -> None:
        order = at.trading.one(Side.BUY, X)
        late = replace(order, price_ticks=order.price_ticks + 9, lots=3 * order.lots, exchange_ms=at.clock.now_ms())
        at.trading.orders[order.client_id] = late
        await anyio.sleep(at.fleet.reconcile_every_s + 4)
        mended = at.trading.one(Side.BUY, X)
        assert (mended.client_id, mended.price_ticks, mended.lots) == (order.client_id, order.price_ticks, order.lots)
        assert at.said(f"had told nothing of orders {order.client_id}")
        assert at.fleet.slots[X].counters.differences == 1

    play(fleet_config(X), scene)


def test_an_own_order_that_only_the_line_knows_of_is_counted_and_told() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1", X)
        await anyio.sleep(1)
        assert at.said("the line told of an order of the fleet that was not known: f:X:old:1")
        assert at.fleet.slots[X].counters.differences == 1

    play(fleet_config(X), scene)


def _a_move(at: Scene) -> None:
    at.trading.move(X, 30)


def _a_fill(at: Scene) -> None:
    at.trading.fill(at.trading.one(Side.BUY, X).client_id, 30, tell=False)


@pytest.mark.parametrize(
    ("change", "told", "fills"),
    [
        (_a_move, "position was not the exchange's: corrected to 0.3", 0),
        (_a_fill, "had told nothing of 1 trades", 1),
    ],
)
def test_what_a_worker_that_starts_again_finds_is_counted_and_told(
    change: Callable[[Scene], None], told: str, fills: int
) -> None:
    async def scene(at: Scene) -> None:
        slot = at.fleet.slots[X]
        change(at)
        slot.mailbox.put(Crash(RuntimeError("planted")))
        await anyio.sleep(5)
        assert (slot.book.position_lots, slot.book.fills, slot.counters.differences) == (30, fills, 1)
        assert at.said(told)
        assert at.said("bought 0.30 at") is bool(fills)

    play(fleet_config(X), scene)


def test_what_was_filled_while_no_worker_ran_is_told_too() -> None:
    async def scene(at: Scene) -> None:
        at.fleet.slots[X].mailbox.put(Crash(RuntimeError("planted")))
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 30)
        await anyio.sleep(5)
        assert at.fleet.slots[X].counters.differences == 0
        assert at.said("bought 0.30 at")

    play(fleet_config(X), scene)


def test_looking_at_the_account_takes_no_more_than_its_share_of_the_weight() -> None:
    async def scene(at: Scene) -> None:
        weight_per_s = at.fleet.venue.info.limits[0].limit / at.fleet.venue.info.limits[0].interval_s * 0.9
        assert at.fleet.reconcile_every_s * weight_per_s * RECONCILE_SHARE >= SNAPSHOT_WEIGHT
        before = at.trading.count("open_orders")
        await anyio.sleep(10 * at.fleet.reconcile_every_s + 5)
        assert 9 <= at.trading.count("open_orders") - before <= 10

    play(fleet_config(X), scene)


def test_equity_counts_positions_that_no_worker_follows() -> None:
    async def scene(at: Scene) -> None:
        at.trading.held[Z] = Position(Z, 10, Decimal(100), unrealised=Decimal(-7))
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        assert fleet_state(at.fleet).equity == 1000 - 7
        at.trading.move(Y, 10)
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        at.fleet.apply(fleet_config(X))
        at.trading.held[Y] = replace(at.trading.held[Y], unrealised=Decimal(3))
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        state = fleet_state(at.fleet)
        assert state.equity == 1000 - 7 + 3
        assert {each.symbol: each.unrealised_pnl for each in state.symbols} == {X: 0, Y: 3}

    play(fleet_config(X, Y), scene)


def test_what_is_not_the_fleets_is_told_once_and_shown() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("web_1", X)
        at.trading.held[Z] = Position(Z, 77, Decimal(100))
        await anyio.sleep(3 * at.fleet.reconcile_every_s + 1)
        told = [line.text for line in at.journal.lines if "not the fleet's" in line.text]
        assert told == [f"not the fleet's, and left alone: {each}" for each in FOREIGN_TOLD]
        seen = [(each.symbol, each.orders, each.position) for each in fleet_state(at.fleet).foreign]
        assert seen == [(X, 1, 0), (Z, 0, Decimal("0.77"))]
        assert not at.trading.orders["web_1"].status.is_final

    play(fleet_config(X), scene)


FOREIGN_TOLD = ["XUSDT 1 open order", "ZUSDT a position of 0.77"]


def test_a_position_that_a_symbol_left_behind_is_the_fleets() -> None:
    async def scene(at: Scene) -> None:
        at.trading.fill(at.trading.one(Side.BUY, Y).client_id, 30)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(2 * at.fleet.reconcile_every_s + 1)
        assert at.fleet.account.elsewhere[Y].lots == 30
        assert fleet_state(at.fleet).foreign == ()

    play(fleet_config(X, Y), scene)


def test_the_complaint_about_an_edit_ends_when_it_is_taken_back() -> None:
    async def scene(at: Scene) -> None:
        at.fleet.refuse("fleet.yaml:3:1: what: ever")
        at.fleet.apply(at.fleet.config)
        assert (at.fleet.last_reload_error, at.fleet.reloads_refused) == (None, 1)

    play(fleet_config(X), scene)


@pytest.mark.parametrize("pause_s", [0, 0.001, 0.1, 0.3, 2])
def test_removed_and_added_again_it_quotes_with_ids_that_were_never_used(pause_s: float) -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.02
        for _ in range(2):
            at.fleet.apply(fleet_config(X))
            await anyio.sleep(pause_s)
            at.fleet.apply(fleet_config(X, Y))
            await anyio.sleep(0.25)
            at.market_stream.tick(Y)
            await anyio.sleep(0.05)
        await anyio.sleep(3)
        assert len(at.trading.open(Y)) == 2
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.QUOTING}
        used = [action.client_id for action in at.trading.actions() if isinstance(action, Place)]
        assert len(used) == len(set(used))
        assert fleet_state(at.fleet).symbols[1].placed == len(used) - 2

    play(fleet_config(X, Y), scene)


def test_stopped_while_a_symbol_that_was_taken_back_in_closes_nothing_starts_again() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.5
        at.fleet.apply(fleet_config(X))
        await anyio.lowlevel.checkpoint()
        at.fleet.apply(fleet_config(X, CLOSES))
        at.trading.sent.clear()
        await at.stop()
        assert not [action for action in at.trading.actions() if isinstance(action, Place | Amend)]
        assert at.trading.count("set_leverage") == 0
        assert at.trading.open() == []
        with pytest.raises(FleetError, match="stopping"):
            at.fleet.apply(fleet_config(X))

    play(fleet_config(X, CLOSES), scene)


def test_a_change_releases_a_symbol_that_was_set_aside() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(100)
        assert at.phases() == {X: Phase.QUARANTINED, Y: Phase.QUOTING}
        at.fleet.apply(fleet_config(symbol_config(X, leverage=2), Y))
        await anyio.sleep(1)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.QUOTING}

    def trouble(at: Scene) -> None:
        for _ in range(5):
            at.trading.trouble("set_leverage", ZeroDivisionError("ours"), symbol=X)

    play(fleet_config(X, Y), scene, trouble)


def test_positions_from_before_are_taken_up_each_in_its_mode() -> None:
    async def scene(at: Scene) -> None:
        assert at.phases() == {X: Phase.REDUCING, Y: Phase.QUOTING}
        assert at.trading.one(Side.BUY, X).reduce_only

    def hold(at: Scene) -> None:
        at.trading.held = {X: Position(X, -60, Decimal(100)), Y: Position(Y, 3, Decimal(100))}

    play(fleet_config(X, Y), scene, hold)
