"""What the watch of a bad day takes for a violation, and what not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from exchange.model import Order, OrderStatus, Side, TimeInForce
from exchange.paper.calibration import parameters_for
from exchange.paper.config import PaperSettings
from exchange.paper.fault_settings import Constant
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue
from fleet.orders.ids import Run
from fleet.runtime import clearing
from fleet.simulation.fleet_file import FLEET, FleetFile
from fleet.simulation.standing import Standing
from fleet.simulation.trouble import Day, Foreign, WorkerCrash
from fleet.simulation.watch import Watch
from fleet.simulation.world import live

X = "ASTERUSDT"


@pytest.mark.parametrize(("ago_s", "rules"), [(0.012, []), (5.0, ["position agrees"])])
def test_a_trade_that_the_fleet_cannot_have_heard_of_yet_is_none_that_it_missed(ago_s: float, rules: list[str]) -> None:
    """Seed 1235 filled an order 12 ms before the fleet's beliefs were looked at; its news took 20 ms."""
    paper = Venue(
        PaperSettings(symbols=(X,), seed=1), lambda each, us: SyntheticMarket(each, parameters_for(each), 1, us), 0
    )
    now_us = 60_000_000
    watch = Watch(paper, FleetFile(1, 1).config, lambda: now_us)
    order = SimpleNamespace(
        account=paper.account(),
        id=1,
        client_id=f"{FLEET}:{X}:r:1",
        listing=SimpleNamespace(symbol=X),
        status=OrderStatus.FILLED,
    )
    watch.order_changed(cast("Any", order), "TRADE", None, now_us - round(ago_s * 1e6))
    desk = SimpleNamespace(pulled="", working=SimpleNamespace(live=list))
    watch.quiet(
        cast("Any", SimpleNamespace(slots={X: SimpleNamespace(desk=desk, book=SimpleNamespace(position_lots=5))}))
    )
    assert [violation.rule for violation in watch.violations] == rules


@pytest.mark.parametrize("at_s", [2.0, 20.0, 45.0])
@pytest.mark.parametrize("is_planted", [True, False])
def test_the_owners_orders_are_touched_by_no_request_however_young_they_are(at_s: float, is_planted: bool) -> None:
    async def everybodys(run: Any, trading: Any, gate: Any, symbol: str, others: Any) -> list[Order]:
        return list(await trading.open_orders(symbol))

    ways = (Constant(ms=5), Constant(ms=5), Constant(ms=5))
    with pytest.MonkeyPatch.context() as patch:
        if is_planted:
            patch.setattr(clearing, "own_open_orders", everybodys)
        violations = live(Day(1, at_s + 5.0, 6, ways, (Foreign(at_s, 2), WorkerCrash(at_s + 2, 2)))).violations
    assert [violation.rule for violation in violations] == (["foreign orders untouched"] if is_planted else [])


@pytest.mark.parametrize(("sells_at", "met"), [(99, True), (100, True), (101, False)])
def test_an_order_that_would_trade_with_one_of_the_fleets_own_is_told_of(sells_at: int, *, met: bool) -> None:
    paper = Venue(
        PaperSettings(symbols=(X,), seed=1), lambda each, us: SyntheticMarket(each, parameters_for(each), 1, us), 0
    )
    said: list[str] = []
    fleet = SimpleNamespace(run_id=Run(FLEET, 36**4))
    standing = Standing(paper, FLEET, lambda: cast("Any", fleet), lambda rule, text: said.extend([rule] * bool(text)))

    def order(side: Side, ticks: int, number: int) -> Any:
        return SimpleNamespace(
            account=paper.account(),
            client_id=f"{FLEET}:{X}:10000:{number}",
            listing=SimpleNamespace(symbol=X),
            side=side,
            ticks=ticks,
            time_in_force=TimeInForce.GTX,
        )

    def open_orders(*_: Any) -> list[Any]:
        return [order(Side.SELL, sells_at, 1)]

    paper.engine.countdowns.start(paper.account(), cast("Any", SimpleNamespace(symbol=X)), 120_000, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper.engine.orders, "open_orders", open_orders)
        standing.order_changed(order(Side.BUY, 100, 2), "NEW", None, 0)
    assert said == ["no trade with oneself"] * met
