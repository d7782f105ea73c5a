"""The dead-man's switch of a running fleet, in virtual time: no order stands that it does not guard, but for the owner's."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import anyio
import pytest
from runtime_fakes import fleet_config, symbol_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.errors import Banned, OutcomeUnknown, Rejected, Unavailable
from exchange.model import OrderStatus, Side
from exchange.ports import RequestClass
from fleet.config.models import FleetConfig
from fleet.runtime.fleet import FIRST_LOOK_S
from fleet.runtime.status import fleet_state
from fleet.scheduling.meter import Tally

QUICK = {"timeout": "10s"}
"""A heartbeat every 2.5 s."""


class Scene(FleetWorld):
    def __init__(self, config: FleetConfig) -> None:
        super().__init__(config)
        self.trading.latency_s = 0.02

    def told(self, symbol: str) -> list[str]:
        """What the venue was told of the symbol's countdown and orders, in order."""
        return [
            sent.what if isinstance(sent.what, str) else type(sent.what).__name__
            for sent in self.trading.sent
            if sent.symbol == symbol
            and (not isinstance(sent.what, str) or sent.what.startswith(("countdown", "cancel")))
        ]

    def beats(self, *symbols: str, what: str = "") -> list[tuple[float, str]]:
        return [
            (sent.at_s, sent.symbol)
            for sent in self.trading.sent
            if isinstance(sent.what, str)
            and sent.what.startswith(f"countdown {what}")
            and (not symbols or sent.symbol in symbols)
        ]

    def runs(self, symbol: str) -> bool:
        return self.trading.countdowns_us.get(symbol, 0) > self.clock.now_us()

    def said_times(self, text: str) -> int:
        return sum(text in line.text for line in self.journal.lines)


play = partial(play_fleet, Scene, begins_s=2)


def fleet(*symbols: Any, dead_man: Any = QUICK, **changed: Any) -> FleetConfig:
    return fleet_config(*symbols, dead_man=dead_man, **changed)


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


def test_a_run_without_countdowns_ends_the_one_that_a_killed_run_left_before_it_cancels_good_quotes() -> None:
    def before(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        at.trading.countdowns_us[X] = at.clock.now_us() + 10_000_000

    async def scene(at: Scene) -> None:
        assert (at.beats(X, what="0") != [], at.beats(Y)) == (True, [])
        assert not at.runs(X)
        assert len(at.trading.open(X)) == 2

    play(fleet(X, Y, dead_man=None), scene, before)


def test_heartbeats_go_with_the_quotes_while_there_is_time_and_then_with_the_cancels() -> None:
    async def scene(at: Scene) -> None:
        def sent(request_class: RequestClass) -> int:
            return at.gate.meter.last_minute(at.clock.steady_us()).by_class.get(request_class, Tally()).weight

        look_at_start, placements = 40, 2
        assert (sent(RequestClass.CANCEL), sent(RequestClass.QUOTE)) == (look_at_start, 10 + placements)
        await anyio.sleep(1)
        assert (sent(RequestClass.CANCEL), sent(RequestClass.QUOTE)) == (look_at_start, 20 + placements)
        for _ in range(1000):
            at.trading.trouble("countdown", Unavailable("no connection"))
        await anyio.sleep(4)
        assert sent(RequestClass.CANCEL) == look_at_start
        await anyio.sleep(3)
        assert sent(RequestClass.CANCEL) > look_at_start

    play(fleet(X), scene)


def test_switched_off_nothing_is_told() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(60)
        await at.stop()
        assert at.beats() == []
        assert fleet_state(at.fleet).symbols[0].guarded_until_ms is None

    play(fleet(X, dead_man=None), scene)


@pytest.mark.parametrize("symbols", [1, 2, 3])
def test_heartbeats_come_in_their_interval_and_one_by_one(symbols: int) -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        await anyio.sleep(60)
        beats = at.beats()
        assert len(beats) == pytest.approx(60 / 2.5 * symbols, abs=symbols)
        gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(beats)]
        assert min(gaps) == pytest.approx(2.5 / symbols, rel=0.1)
        assert max(gaps) == pytest.approx(2.5 / symbols, rel=0.1)

    play(fleet(*[X, Y, Z][:symbols], dead_man={**QUICK, "share": 1}), scene)


def test_the_state_tells_until_when() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(30)
        [shown] = fleet_state(at.fleet).symbols
        assert shown.guarded_until_ms is not None
        # Sure is what follows from the sending; the venue counts from the arrival.
        assert shown.guarded_until_ms == at.trading.countdowns_us[X] // 1000 - 10
        assert 5000 < shown.guarded_until_ms - at.clock.now_ms() <= 10_000

    play(fleet(X), scene)


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


# --- heartbeats that fail


@pytest.mark.parametrize(
    "error", [Unavailable("no"), OutcomeUnknown("503"), Rejected("not now")], ids=["refused", "lost", "rejected"]
)
def test_without_the_first_heartbeat_no_order_is_placed(error: Exception) -> None:
    async def scene(at: Scene) -> None:
        assert at.trading.open(X) == []
        assert len(at.trading.open(Y)) == 2
        [shown, _] = fleet_state(at.fleet).symbols
        assert (str(shown.phase), shown.reason) == ("waiting", "dead-man's switch is not armed")
        await anyio.sleep(8)
        assert at.said_times("the exchange's countdown cannot be started") == 1
        at.trading.troubles.clear()
        await anyio.sleep(10)
        assert len(at.trading.open(X)) == 2
        assert at.said_times("heartbeats get through again") == 1

    def trouble(at: Scene) -> None:
        for _ in range(100):
            at.trading.trouble("countdown", error, symbol=X)

    play(fleet(X, Y), scene, trouble)


@pytest.mark.parametrize("error", [Unavailable("no"), OutcomeUnknown("503"), Rejected("not now")])
@pytest.mark.parametrize("happens", [True, False])
def test_a_heartbeat_that_fails_is_tried_again_soon_and_the_owner_need_not_know(
    error: Exception, happens: bool
) -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("countdown", error, happens=happens)
        await anyio.sleep(3)
        failed = next(at_s for at_s, _ in at.beats() if at_s > 2)
        again = next(at_s for at_s, _ in at.beats() if at_s > failed)
        assert again - failed == pytest.approx(0.52, abs=0.02)
        await anyio.sleep(30)
        assert not at.said("heartbeat")
        assert len(at.trading.open()) == 2

    play(fleet(X), scene)


def test_the_owner_is_warned_at_half_time_and_told_when_it_is_well_and_when_it_is_over() -> None:
    async def scene(at: Scene) -> None:
        for _ in range(1000):
            at.trading.trouble("countdown", Unavailable("no connection"))
        await anyio.sleep(3)
        assert not at.said("heartbeat")
        await anyio.sleep(0.15)
        assert at.said("no heartbeat gets through: no connection; the exchange cancels the orders in 5 s")
        assert len(at.trading.open()) == 2
        await anyio.sleep(5.1)
        # As the exchange does now; ours are pulled besides.
        assert at.said_times("has run out") == 1
        assert at.trading.open() == []
        at.trading.troubles.clear()
        await anyio.sleep(3.5)
        assert at.said_times("heartbeats get through again") == 1
        assert len(at.trading.open()) == 2

    play(fleet(X), scene)


def test_in_an_outage_heartbeats_take_no_more_than_one_symbols_tries() -> None:
    async def scene(at: Scene) -> None:
        for _ in range(1000):
            at.trading.trouble("countdown", Unavailable("no connection"))
        at.trading.sent.clear()
        await anyio.sleep(60)
        assert len(at.beats()) <= 60 / 2.5 + 5

    play(fleet(X, Y, Z), scene)


def test_a_ban_ends_the_fleet() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("countdown", Banned("418: too many", retry_after_s=60))
        with anyio.fail_after(60):
            await at.ended.wait()
        assert at.said("the fleet stops: 418: too many")

    play(fleet(X), scene, fails=True)


def test_a_pause_holds_heartbeats_too() -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        at.gate.pause(4, "429: too many requests")
        await anyio.sleep(3.9)
        assert at.beats() == []
        await anyio.sleep(0.2)
        assert len(at.beats()) == 1

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


def test_an_order_that_comes_while_a_heartbeat_is_on_its_way_is_not_left_to_it() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 2.0
        await anyio.sleep(3)
        at.trading.put_order("web_1")
        await anyio.sleep(5)
        assert not at.runs(X)

    play(fleet(X), scene)


def test_a_heartbeat_that_waits_for_room_says_what_is_true_when_there_is_some() -> None:
    async def scene(at: Scene) -> None:
        at.gate.pause(4, "429: too many requests")
        await anyio.sleep(3)
        at.trading.put_order("web_1")
        at.trading.sent.clear()
        await anyio.sleep(2)
        assert [each for each in at.told(X) if each.startswith("countdown")] == ["countdown 0"]

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


def test_where_the_venue_has_lowered_its_limits_a_heartbeat_is_still_sent_twice_in_a_timeout() -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        await anyio.sleep(600)
        assert len(at.beats(X)) == pytest.approx(600 / 60, abs=1)

    play(fleet(X, dead_man={"timeout": "120s", "share": "0.001"}), scene)
