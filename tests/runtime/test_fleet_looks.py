"""The fleet looks at its account from time to time: what nobody told it of is found, mended, counted and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.model import Position, Side
from fleet.runtime.account import SNAPSHOT_WEIGHT
from fleet.runtime.fleet import RECONCILE_SHARE
from fleet.runtime.mailbox import Crash
from fleet.runtime.status import fleet_state

play = partial(play_fleet, FleetWorld)


def test_a_position_that_differs_without_a_gap_is_found_within_a_minute_or_so() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.move(X, 30)
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        assert at.fleet.account.books[X].position_lots == 30
        assert at.said("position was not the exchange's")

    play(fleet_config(X), scene)


def test_an_order_that_ended_unheard_is_found_by_looking_counted_and_put_again() -> None:
    async def scene(at: FleetWorld) -> None:
        ended = at.trading.one(Side.BUY, X).client_id
        at.trading.end(ended, tell=False)
        await anyio.sleep(at.fleet.reconcile_every_s + 4)
        assert at.trading.one(Side.BUY, X).client_id != ended
        assert at.said(f"had told nothing of orders {ended}")
        [symbol] = fleet_state(at.fleet).symbols
        assert symbol.differences == 1

    play(fleet_config(X), scene)


def test_an_own_order_that_nobody_knows_of_is_found_by_looking_and_cancelled() -> None:
    async def scene(at: FleetWorld) -> None:
        at.trading.put_order("f:X:old:1", X, tell=False)
        await anyio.sleep(at.fleet.reconcile_every_s + 4)
        assert len(at.trading.open(X)) == 2
        [symbol] = fleet_state(at.fleet).symbols
        assert symbol.differences == 1

    play(fleet_config(X), scene)


def test_an_amendment_that_came_late_and_unheard_is_found_by_looking_and_mended() -> None:
    """Answered 503, queried as it was before, then carried out, and its event lost."""

    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
        at.trading.put_order("f:X:old:1", X)
        await anyio.sleep(1)
        assert at.said("the line told of an order of the fleet that was not known: f:X:old:1")
        assert at.fleet.slots[X].counters.differences == 1

    play(fleet_config(X), scene)


def _a_move(at: FleetWorld) -> None:
    at.trading.move(X, 30)


def _a_fill(at: FleetWorld) -> None:
    at.trading.fill(at.trading.one(Side.BUY, X).client_id, 30, tell=False)


@pytest.mark.parametrize(
    ("change", "told", "fills"),
    [
        (_a_move, "position was not the exchange's: corrected to 0.3", 0),
        (_a_fill, "had told nothing of 1 trade", 1),
    ],
)
def test_what_a_worker_that_starts_again_finds_is_counted_and_told(
    change: Callable[[FleetWorld], None], told: str, fills: int
) -> None:
    async def scene(at: FleetWorld) -> None:
        slot = at.fleet.slots[X]
        change(at)
        slot.mailbox.put(Crash(RuntimeError("planted")))
        await anyio.sleep(5)
        assert (slot.book.position_lots, slot.book.fills, slot.counters.differences) == (30, fills, 1)
        assert at.said(told)
        assert at.said("bought 0.30 at") is bool(fills)

    play(fleet_config(X), scene)


def test_what_was_filled_while_no_worker_ran_is_told_too() -> None:
    async def scene(at: FleetWorld) -> None:
        at.fleet.slots[X].mailbox.put(Crash(RuntimeError("planted")))
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 30)
        await anyio.sleep(5)
        assert at.fleet.slots[X].counters.differences == 0
        assert at.said("bought 0.30 at")

    play(fleet_config(X), scene)


def test_what_is_not_the_fleets_is_told_once_and_shown() -> None:
    async def scene(at: FleetWorld) -> None:
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
    async def scene(at: FleetWorld) -> None:
        at.trading.fill(at.trading.one(Side.BUY, Y).client_id, 30)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(2 * at.fleet.reconcile_every_s + 1)
        assert at.fleet.account.elsewhere[Y].lots == 30
        assert fleet_state(at.fleet).foreign == ()

    play(fleet_config(X, Y), scene)


def test_equity_counts_positions_that_no_worker_follows() -> None:
    async def scene(at: FleetWorld) -> None:
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


@pytest.mark.parametrize("latency_s", [5, 20])
def test_the_result_is_counted_every_second_however_slow_the_venue_is(
    latency_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(at: FleetWorld) -> None:
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


def test_looking_at_the_account_takes_no_more_than_its_share_of_the_weight() -> None:
    async def scene(at: FleetWorld) -> None:
        weight_per_s = at.fleet.venue.info.limits[0].limit / at.fleet.venue.info.limits[0].interval_s * 0.9
        assert at.fleet.reconcile_every_s * weight_per_s * RECONCILE_SHARE >= SNAPSHOT_WEIGHT
        before = at.trading.count("open_orders")
        await anyio.sleep(10 * at.fleet.reconcile_every_s + 5)
        assert 9 <= at.trading.count("open_orders") - before <= 10

    play(fleet_config(X), scene)
