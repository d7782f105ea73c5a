"""What the watch of a bad day takes for a violation, and what not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from exchange.model import OrderStatus
from exchange.paper.calibration import parameters_for
from exchange.paper.config import PaperSettings
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue
from fleet.simulation.fleet_file import FLEET, FleetFile
from fleet.simulation.watch import Watch

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
