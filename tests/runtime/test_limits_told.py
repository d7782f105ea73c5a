"""What the owner is told where limits let a symbol stand in no market."""

from __future__ import annotations

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, X, Y, play_fleet

from exchange.model import Side

KEPT_OUT = "limits have kept it out of the market for a while: the fleet's open orders would come to"


def told(at: FleetWorld) -> list[tuple[str, str | None]]:
    return [(line.level, line.symbol) for line in at.journal.lines if KEPT_OUT in line.text]


def test_limits_that_keep_a_symbol_out_of_the_market_are_told_once_until_it_quotes_again() -> None:
    """An order is worth 100 USD."""

    async def scene(at: FleetWorld) -> None:
        await anyio.sleep(55)
        assert told(at) == []
        await anyio.sleep(120)
        assert told(at) == [("WARNING", X), ("WARNING", Y)]
        at.fleet.apply(fleet_config(X, Y, risk={"max_open_usd": 400}))
        await anyio.sleep(5)
        assert len(at.trading.open()) == 4
        at.fleet.apply(fleet_config(X, Y, risk={"max_open_usd": 50}))
        await anyio.sleep(62)
        assert len(told(at)) == 4

    play_fleet(FleetWorld, fleet_config(X, Y, risk={"max_open_usd": 50}), scene)


@pytest.mark.parametrize("risk", [{"daily_loss_usd": 1}, {"max_open_usd": 120}])
def test_nothing_is_told_of_a_loss_limit_again_nor_where_one_side_stands(risk: dict[str, int]) -> None:
    async def scene(at: FleetWorld) -> None:
        if "daily_loss_usd" in risk:
            bid = at.trading.one(Side.BUY, X)
            at.trading.fill(bid.client_id, bid.lots)
            at.market_stream.tick(X, 900)
            await anyio.sleep(3)
            assert at.said("a loss limit is hit")
        await anyio.sleep(100)
        assert not [line for line in at.journal.lines if "kept it out" in line.text and line.symbol == X]

    play_fleet(FleetWorld, fleet_config(X, Y, risk=risk), scene)
