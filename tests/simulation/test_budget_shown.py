"""A fleet that wants more than it may, in virtual time: what it shows of its budget is what went over the wire."""

from __future__ import annotations

import anyio
import pytest

from fleet.config.loader import parse
from fleet.control.state import FleetState
from fleet.runtime.status import fleet_state
from fleet.simulation.scenario import Running, simulate

FILE = """
fleet: sim-1
venue: paper
paper: {balance: {USDT: 10000}}
defaults:
  {buy_spread: 20bps, sell_spread: 20bps, balance_fraction: 0.05, refresh_interval: 100ms, price_change_threshold: 0.1bps}
symbols: {ASTERUSDT: {}, BTCUSDT: {}, ETHUSDT: {}, BNBUSDT: {}, SOLUSDT: {}, XRPUSDT: {}, DOGEUSDT: {}, HYPEUSDT: {}}
"""


def test_each_request_is_shown_once_and_that_intervals_are_stretched() -> None:
    seen: list[FleetState] = []

    async def script(running: Running) -> None:
        while True:
            await anyio.sleep(5)
            seen.append(fleet_state(running.fleet))

    outcome = simulate(parse(FILE, "fleet.yaml", {}).config, 1, 30, script=script)
    assert sum(outcome.state.budget.totals.values()) == len(outcome.trace)
    busy = seen[-2]
    sent_us = [int(line.split()[0]) for line in outcome.trace]
    by_then = sum(at_us // 1000 <= busy.now_ms for at_us in sent_us)
    assert sum(busy.budget.by_class.values()) == by_then
    assert 0.8 < sum(symbol.share for symbol in busy.symbols) <= 1
    assert busy.budget.by_class["amend"] > busy.budget.by_class["quote"]
    assert busy.budget.stretch == pytest.approx(sum(symbol.stretch for symbol in busy.symbols) / 8)
    assert not busy.budget.is_nominal
    assert outcome.state.budget.mean_stretch > 1.1
    assert busy.budget.waiting == sum(symbol.waiting for symbol in busy.symbols)
    assert max(symbol.error_bps or 0 for symbol in busy.symbols) == busy.budget.worst_error_bps
