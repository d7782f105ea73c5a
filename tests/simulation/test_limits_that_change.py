"""The venue changes its limits under a fleet that lives at them."""

from __future__ import annotations

import anyio

from exchange.limits.stated import DOCUMENTED
from exchange.model import RateLimit
from exchange.paper.fault_settings import Requests
from exchange.paper.limits import Window
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.simulation.scenario import Outcome, Running, simulate

FILE = """
fleet: greedy
venue: paper
paper: {balance: {USDT: 10000}}
defaults: {buy_spread: 30bps, sell_spread: 30bps, balance_fraction: 0.3, refresh_interval: 300ms, price_change_threshold: 0}
symbols: {ASTERUSDT: {}, HYPEUSDT: {}, SOLUSDT: {}}
"""
LOWERED = (DOCUMENTED[0], RateLimit("ORDERS", 60, 100), RateLimit("ORDERS", 10, 40))


def greedy() -> FleetConfig:
    return parse(FILE, "fleet.yaml", {}).config


def orders_in_the_last_minute(running: Running) -> Window:
    paper = running.paper
    return paper.limits.orders(paper.account().address).windows["ORDERS_1M"]


def test_a_lowered_limit_is_obeyed_before_it_is_enforced_once_it_has_been_read() -> None:
    seen: dict[str, int] = {}

    async def lower(running: Running) -> None:
        await anyio.sleep(20)
        window = orders_in_the_last_minute(running)
        seen["before"] = window.used(running.paper.engine.now_us)
        running.paper.change_limits(LOWERED, enforced_after_s=95)
        # Else they would be read every ten minutes only.
        running.runner.inject(Requests(answer="429", retry_after_s=1))
        await anyio.sleep(100)
        seen["after"] = window.used(running.paper.engine.now_us)

    outcome = simulate(greedy(), 1, 130, script=lower)
    assert (outcome.paper.refused_429, outcome.state.http_429) == (0, 1)
    assert seen["before"] > 120
    assert 40 <= seen["after"] <= 90
    assert capacities(outcome) == {"REQUEST_WEIGHT_1M": 2160, "ORDERS_1M": 90, "ORDERS_10S": 36}


def test_one_that_is_lowered_without_notice_costs_no_ban_and_is_obeyed_when_it_has_been_read() -> None:
    refused: list[int] = []

    async def lower(running: Running) -> None:
        await anyio.sleep(20)
        running.paper.change_limits(LOWERED)
        await anyio.sleep(70)
        refused.append(running.paper.refused_429)

    outcome = simulate(greedy(), 2, 130, script=lower)
    assert 0 < refused[0] <= 10
    assert (outcome.paper.refused_429, outcome.paper.refused_418) == (refused[0], 0)
    assert capacities(outcome)["ORDERS_1M"] == 90


def capacities(outcome: Outcome) -> dict[str, int]:
    return {limiter.name: limiter.capacity for limiter in outcome.state.limiters}
