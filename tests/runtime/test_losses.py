"""What loss limits do to a running fleet."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from loss_scene import Scene, holding, losing, play
from runtime_worlds import X, Y

from exchange.errors import VenueError
from exchange.model import Cancel, Order, Place, Side, TimeInForce
from fleet.control.state import Phase
from fleet.runtime.losses import CLOSE_AGAIN_S
from fleet.runtime.status import fleet_state

# --- hit


@pytest.mark.parametrize("on_loss", ["pull", "close"])
def test_a_loss_limit_pulls_or_closes_and_ends_when_the_owner_says_so(on_loss: str) -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert set(at.phases().values()) == {Phase.LIMIT}
        assert "are allowed" in fleet_state(at.fleet).loss_limit
        assert not [order for order in at.trading.open() if not order.reduce_only]
        if on_loss == "close":
            assert at.trading.held[X].lots == 0
            assert at.trading.open() == []
        else:
            assert at.closings() == []
            assert [(order.symbol, order.side) for order in at.trading.open()] == [(X, Side.SELL)]
        await at.owner.resume(None)
        await anyio.sleep(2)
        assert at.trading.open(Y)

    play(scene, losing(daily_loss_usd=10, on_loss=on_loss))


def test_an_edit_that_brings_the_limit_below_the_loss_is_told_and_closes() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert at.limit == ""
        at.fleet.apply(losing(daily_loss_usd=5, on_loss="close"))
        assert at.said(
            "a loss limit is hit, nothing is opened until the next UTC day, an edit of that limit, or `resume`: lost"
        )
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=12, on_loss="close"))


def test_an_edit_of_what_is_no_loss_limit_lifts_none() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        at.market_stream.tick(X, 1000)
        await anyio.sleep(2)
        at.fleet.apply(losing(daily_loss_usd=10, max_open_usd=10**6))
        assert at.limit
        at.fleet.apply(losing(daily_loss_usd=11, max_open_usd=10**6))
        assert at.limit == ""

    play(scene, losing(daily_loss_usd=10))


def test_an_edit_to_close_closes_what_a_limit_has_pulled_before() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert at.trading.held[X].lots == 1000
        at.fleet.apply(losing(daily_loss_usd=10, on_loss="close"))
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10))


def test_what_a_position_had_lost_before_is_no_loss_of_this_run() -> None:
    def before(at: Scene) -> None:
        at.trading.move(X, 1000)
        at.market_stream.mids[X] = 980
        at.trading.latency_s = 0.01

    async def scene(at: Scene) -> None:
        await anyio.sleep(3)
        assert at.fleet.unrealised_pnl == -20
        assert set(at.phases().values()) == {Phase.REDUCING, Phase.QUOTING}
        at.market_stream.tick(X, 960)
        await anyio.sleep(3)
        assert set(at.phases().values()) == {Phase.LIMIT}

    play(scene, losing(daily_loss_usd=12), before=before)


def test_a_trade_of_the_first_moment_is_a_result_all_the_same() -> None:
    async def scene(at: Scene) -> None:
        # Before the first look.
        await at.buy(1000, 980)
        assert at.day_result == Decimal("-10.01")

    play(scene, losing(daily_loss_usd=1000))


# --- closing


def test_a_loss_limit_closes_a_symbol_when_none_of_its_own_orders_could_be_what_it_trades_with() -> None:
    """The closing orders go past the check against self-trades."""
    standing: list[list[Order]] = []

    async def scene(at: Scene) -> None:
        new, cancel_many = at.trading._new, at.trading.cancel_many  # pyright: ignore[reportPrivateUsage]
        cancel = at.trading.cancel

        async def late(order: Cancel, ticket: Any = None) -> Order:
            await anyio.sleep(1)
            return await cancel(order, ticket)

        async def late_many(symbol: str, client_ids: Sequence[str], ticket: Any = None) -> list[Order | VenueError]:
            await anyio.sleep(1)
            return await cancel_many(symbol, client_ids, ticket)

        def note(place: Place, *, tell: bool = True) -> Order:
            if place.time_in_force is TimeInForce.IOC:
                standing.append(at.trading.open(place.symbol))
            return new(place, tell=tell)

        at.trading._new = note  # pyright: ignore[reportPrivateUsage]
        at.trading.cancel, at.trading.cancel_many = late, late_many
        await at.buy(1000, 980)
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10, on_loss="close"))
    assert standing
    assert not any(standing)


def test_closing_is_tried_again_as_long_as_limit_and_position_are_there() -> None:
    async def scene(at: Scene) -> None:
        at.trading.taken_at_once = 0
        await at.buy(1000, 980)
        await anyio.sleep(40)
        assert at.trading.held[X].lots == 1000
        assert at.said("still holds 10.00")
        at.trading.taken_at_once = 10**6
        await anyio.sleep(CLOSE_AGAIN_S)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10, on_loss="close"))


def test_a_restart_takes_closing_up_again(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        at.trading.taken_at_once = 0
        await at.buy(1000, 980)

    async def second(at: Scene) -> None:
        await anyio.sleep(3)
        assert at.limit
        assert at.trading.held[X].lots == 0

    config = losing(daily_loss_usd=10, on_loss="close")
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=holding(1000, 980))
