"""The dead-man's switch is kept alive: when heartbeats go, and what is when they do not get through."""

from __future__ import annotations

import itertools

import anyio
import pytest
from dead_man_scene import QUICK, Scene, fleet, play
from runtime_worlds import X, Y, Z, play_fleet

from exchange.errors import Banned, OutcomeUnknown, Rejected, Unavailable
from exchange.ports import Cost, RequestClass
from fleet.runtime.status import fleet_state
from fleet.scheduling.meter import Tally


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


def test_where_the_venue_has_lowered_its_limits_a_heartbeat_is_still_sent_twice_in_a_timeout() -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        await anyio.sleep(600)
        assert len(at.beats(X)) == pytest.approx(600 / 60, abs=1)

    play(fleet(X, dead_man={"timeout": "120s", "share": "0.001"}), scene)


def test_a_pause_holds_heartbeats_too() -> None:
    async def scene(at: Scene) -> None:
        at.trading.sent.clear()
        at.gate.pause(4, "429: too many requests")
        await anyio.sleep(3.9)
        assert at.beats() == []
        await anyio.sleep(0.2)
        assert len(at.beats()) == 1

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


def test_at_the_end_a_countdown_is_ended_among_the_cancels_though_its_heartbeat_waits_among_the_quotes() -> None:
    async def scene(at: Scene) -> None:
        # What quotes may spend is spent.
        while ticket := at.gate.ask("other", RequestClass.QUOTE, Cost(10), lambda: None):
            at.gate.settle(ticket, {})
        at.gate.withdraw("other")
        await anyio.sleep(1.5)
        assert len(at.beats(X)) == 1
        began_s = anyio.current_time()
        await at.stop()
        [(at_s, _)] = at.beats(X, what="0")
        assert at_s - began_s < 1

    play_fleet(lambda config: Scene(config, reserve=0.2), fleet(X), scene, begins_s=2)


def test_where_its_owner_has_an_order_a_countdown_is_ended_among_the_cancels_though_its_heartbeat_waits() -> None:
    async def scene(at: Scene) -> None:
        # What quotes may spend is spent.
        while ticket := at.gate.ask("other", RequestClass.QUOTE, Cost(10), lambda: None):
            at.gate.settle(ticket, {})
        at.gate.withdraw("other")
        await anyio.sleep(1.5)
        at.trading.put_order("the-owners", X)
        await anyio.sleep(0.5)
        assert len(at.beats(X, what="0")) == 1

    play_fleet(lambda config: Scene(config, reserve=0.2), fleet(X), scene, begins_s=2)


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
        # As the exchange does now, if it can; ours are pulled besides.
        assert at.said_times("has run out: it should have cancelled the orders") == 1
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
