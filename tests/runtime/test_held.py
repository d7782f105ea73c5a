"""What a symbol may come to hold counts against the fleet's limits at every instant, whatever becomes of its worker."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, play_fleet

from exchange.errors import Unavailable
from exchange.model import Side
from fleet.control.state import Phase
from fleet.risk.checks import Reason
from fleet.runtime.mailbox import Crash
from fleet.runtime.status import fleet_state

LIMITED = {"risk": {"max_position_usd": 1000}}


class Scene(FleetWorld):
    """An order is worth 100 USD."""

    def held(self, symbol: str) -> Decimal:
        """As the fleet's limits count it."""
        other = next(each for each in (X, Y) if each != symbol)
        return self.fleet.risk.others(other).position_usd

    async def least_held(self, symbol: str, seconds: int) -> Decimal:
        least = self.held(symbol)
        for _ in range(seconds * 100):
            await anyio.sleep(0.01)
            least = min(least, self.held(symbol))
        return least


play = partial(play_fleet, Scene)


def test_what_filled_untold_counts_from_the_crash_of_its_worker_until_the_next_one_has_read_the_trades() -> None:
    async def scene(at: Scene) -> None:
        order = at.trading.one(Side.BUY, X)
        at.trading.fill(order.client_id, order.lots, tell=False)
        # One that fails as it begins knows no more than the one before it.
        at.trading.trouble("positions", ZeroDivisionError("ours"))
        at.fleet.slots[X].mailbox.put(Crash(ZeroDivisionError("ours")))
        assert await at.least_held(X, 8) >= at.instruments[X].notional(order.price_ticks, order.lots)
        assert at.fleet.slots[X].supervisor.restarts == 2

    play(fleet_config(X, Y, **LIMITED), scene)


def test_what_a_crash_left_unfilled_counts_no_more_once_the_trades_are_read() -> None:
    async def scene(at: Scene) -> None:
        assert at.held(X) > 0
        at.fleet.slots[X].mailbox.put(Crash(ZeroDivisionError("ours")))
        at.market_stream.silent.add(X)
        await anyio.sleep(4.5)
        assert at.fleet.slots[X].supervisor.restarts == 1
        assert at.held(X) == 0

    play(fleet_config(X, Y, **LIMITED), scene)


def test_what_an_earlier_run_had_sent_and_comes_late_counts_as_filled_until_its_symbol_has_begun() -> None:
    def leave(at: Scene) -> None:
        at.trading.move(X, 40)
        at.trading.latency_s = 0.4

    async def scene(at: Scene) -> None:
        # The list of open orders that begins the start is read by now, and that of the first snapshot is not.
        at.trading.put_order("f:X:old:1", X)
        for _ in range(1000):
            await anyio.sleep(0.01)
            if at.held(X):
                break
        assert at.held(X) == 40 + 45
        await anyio.sleep(6)
        # It is gone, and the position worked off.
        assert at.held(X) == 40

    play(fleet_config(X, Y, **LIMITED), scene, leave)


@pytest.mark.parametrize("was_there", [False, True])
def test_a_position_that_an_edit_brings_in_counts_from_then_on(was_there: bool) -> None:
    async def scene(at: Scene) -> None:
        if was_there:
            at.trading.fill(at.trading.one(Side.BUY, X).client_id, 50)
            at.fleet.apply(fleet_config(Y, **LIMITED))
            await anyio.sleep(1)
        at.fleet.apply(fleet_config(X, Y, **LIMITED))
        assert at.held(X) == (50 * 99 / 100 if was_there else 40)

    both = fleet_config(X, Y, **LIMITED)
    play(
        both if was_there else fleet_config(Y, **LIMITED),
        scene,
        lambda at: None if was_there else at.trading.move(X, 40),
    )


def test_a_position_that_was_there_before_counts_for_the_fleet_from_the_start() -> None:
    """Whichever worker is first to begin: what another has not taken up yet leaves no room."""

    def before(at: Scene) -> None:
        at.trading.move(Y, 100)
        at.trading.latency_s = 0.01
        at.trading.trouble("set_leverage", Unavailable("away"), symbol=Y)

    async def scene(at: Scene) -> None:
        assert at.phases()[Y] is Phase.BACKOFF
        assert at.trading.open() == []
        assert at.fleet.slots[X].risk.refusals == {Reason.FLEET_POSITION: 2}
        at.fleet.stalls = 3
        state = fleet_state(at.fleet)
        assert ([symbol.refusals for symbol in state.symbols], state.stalls) == ([{"fleet_position": 2}, {}], 3)

    play(fleet_config(X, Y, risk={"max_position_usd": 190}), scene, before)
