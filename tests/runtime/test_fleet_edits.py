"""An edit of the fleet file: what runs comes to match it, and what it does not change is not touched."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.lowlevel
import pytest
from runtime_fakes import fleet_config, symbol_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.errors import Rejected
from exchange.model import Amend, Cancel, Place, Side
from fleet.config.models import FleetConfig
from fleet.control.state import Phase
from fleet.runtime.errors import FleetError
from fleet.runtime.status import fleet_state

CLOSES = symbol_config(Y, on_remove="close")
play = partial(play_fleet, FleetWorld)


def test_an_edit_touches_only_what_it_changes() -> None:
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
        assert at.fleet.apply(fleet_config(X, logging={"level": "error"})) == ("logging",)

    play(fleet_config(X), scene)


def buy_in(at: FleetWorld, symbol: str) -> None:
    at.trading.fill(at.trading.one(Side.BUY, symbol).client_id, 90)


def test_a_removed_symbol_cancels_its_orders_and_keeps_its_position() -> None:
    async def scene(at: FleetWorld) -> None:
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

    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
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


def test_the_complaint_about_an_edit_ends_when_it_is_taken_back() -> None:
    async def scene(at: FleetWorld) -> None:
        at.fleet.refuse("fleet.yaml:3:1: what: ever")
        at.fleet.apply(at.fleet.config)
        assert (at.fleet.last_reload_error, at.fleet.reloads_refused) == (None, 1)

    play(fleet_config(X), scene)


@pytest.mark.parametrize("pause_s", [0, 0.001, 0.1, 0.3, 2])
def test_removed_and_added_again_it_quotes_with_ids_that_were_never_used(pause_s: float) -> None:
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
        await anyio.sleep(100)
        assert at.phases() == {X: Phase.QUARANTINED, Y: Phase.QUOTING}
        at.fleet.apply(fleet_config(symbol_config(X, leverage=2), Y))
        await anyio.sleep(1)
        assert at.phases() == {X: Phase.QUOTING, Y: Phase.QUOTING}

    def trouble(at: FleetWorld) -> None:
        for _ in range(5):
            at.trading.trouble("set_leverage", ZeroDivisionError("ours"), symbol=X)

    play(fleet_config(X, Y), scene, trouble)
