"""`astermm-fleet up fleet.yaml`, with two counters: market events handled, decisions made."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.bots import open_counts
from exchange.model import MarketEvent
from fleet.cli.main import main
from fleet.orders.plan import Plan
from fleet.runtime.desk import Desk
from fleet.runtime.market_feed import MarketFeed

_counts = open_counts(Path("counts"))
_on_market, _plan = MarketFeed.on_event, Desk.plan


def _counted_on_market(self: MarketFeed, event: MarketEvent) -> None:
    _counts[0] += 1
    _on_market(self, event)


def _counted_plan(self: Desk, now_us: int) -> Plan:
    _counts[1] += 1
    return _plan(self, now_us)


if __name__ == "__main__":
    MarketFeed.on_event, Desk.plan = _counted_on_market, _counted_plan
    sys.argv = ["astermm-fleet", "up", "fleet.yaml", "--plain"]
    main()
