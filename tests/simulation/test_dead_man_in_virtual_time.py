"""Fleet and exchange cut off from each other, over many seeds: no order is left beyond the timeout, and all quote again."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import anyio
import pytest

from exchange.model import Place, Side
from exchange.paper.fault_settings import CutLines, FaultSettings, Requests, Uniform
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.simulation.scenario import CALM, Outcome, Running, simulate

TIMEOUT_S = 10
FILE = f"""
fleet: sim-1
venue: paper
paper: {{balance: {{USDT: 10000}}}}
dead_man: {{timeout: {TIMEOUT_S}s}}
defaults: {{buy_spread: 50bps, sell_spread: 50bps, balance_fraction: 0.3, refresh_interval: 500ms, price_change_threshold: 5bps}}
symbols:
  ASTERUSDT: {{}}
  HYPEUSDT: {{leverage: 2}}
  SOLUSDT: {{position_threshold_usd: 100}}
"""
WAY_S = 0.2
GONE = FaultSettings(no_answer_not_executed=1.0)
"""Nothing reaches the exchange any more: to it, the process is dead."""
FLAKY = FaultSettings(
    to_venue=Uniform(low_ms=0, high_ms=199),
    from_venue=Uniform(low_ms=0, high_ms=199),
    answer_503_executed=0.03,
    answer_503_not_executed=0.03,
    no_answer_executed=0.02,
    no_answer_not_executed=0.02,
    reset_every_s=30,
)


def config(text: str = FILE) -> FleetConfig:
    return parse(text, "fleet.yaml", {}).config


def open_by_symbol(running: Running) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for order in running.paper.engine.orders.all_open_orders(running.paper.account()):
        counts[order.listing.symbol] += 1
    return dict(counts)


def cut_off(running: Running, for_s: float) -> None:
    running.runner.set_faults(GONE)
    running.runner.inject(CutLines(refused_for_s=for_s))


@pytest.mark.parametrize("seed", range(40))
def test_who_dies_leaves_no_order_beyond_the_timeout_and_who_comes_back_quotes_again(seed: int) -> None:
    """The cut comes at another instant for each seed: while starting, placing, amending, between two heartbeats."""
    seen: dict[str, dict[str, int]] = {}

    async def die(running: Running) -> None:
        await anyio.sleep(2 + seed * 0.37)
        seen["before"] = open_by_symbol(running)
        cut_off(running, TIMEOUT_S + 5)
        await anyio.sleep(WAY_S)
        left = open_by_symbol(running)
        assert left, "nothing was there to be cancelled"
        await anyio.sleep(TIMEOUT_S)
        seen["dead"] = open_by_symbol(running)
        await anyio.sleep(5)
        running.runner.set_faults(CALM)
        await anyio.sleep(25)
        seen["after"] = open_by_symbol(running)

    outcome = simulate(config(), seed, 60, script=die)
    assert seen["dead"] == {}
    assert set(seen["after"]) == set(seen["before"]) == {"ASTERUSDT", "HYPEUSDT", "SOLUSDT"}
    assert_nothing_is_left(outcome)


@pytest.mark.parametrize("seed", range(10))
def test_a_bad_line_makes_no_countdown_run_out(seed: int) -> None:
    outcome = simulate(config(), seed, 120, faults=FLAKY)
    assert outcome.paper.engine.countdowns.ended == 0
    assert_nothing_is_left(outcome)


def test_fired_while_the_fleet_lives_the_orders_are_put_again() -> None:
    """Only the heartbeats are lost: the lines are up, and tell of the cancels."""
    seen: dict[str, set[str]] = {}

    def ids(running: Running) -> set[str]:
        orders = running.paper.engine.orders.all_open_orders(running.paper.account())
        return {order.client_id for order in orders}

    async def lose_heartbeats(running: Running) -> None:
        await anyio.sleep(5)
        running.runner.inject(Requests(answer="503", count=9, path="/fapi/v3/countdownCancelAll"))
        await anyio.sleep(3)
        seen["guarded"] = ids(running)
        await anyio.sleep(TIMEOUT_S)
        seen["run out"] = ids(running)
        await anyio.sleep(17)
        seen["again"] = ids(running)

    outcome = simulate(config(), 3, 40, script=lose_heartbeats)
    assert len(seen["guarded"]) >= 3
    assert seen["run out"] == set()
    assert len(seen["again"]) >= 3
    told = [event.text for event in outcome.state.events]
    assert any("has run out" in text for text in told)
    assert any("heartbeats get through again" in text for text in told)
    assert_nothing_is_left(outcome)


@pytest.mark.parametrize("seed", range(10))
def test_an_order_of_the_owners_outlives_the_fleet(seed: int) -> None:
    """Placed by hand while the countdown runs, and the process dies a second later."""
    seen: dict[str, dict[str, int]] = {}

    async def die(running: Running) -> None:
        await anyio.sleep(3 + seed * 0.41)
        slot = running.fleet.slots["SOLUSDT"]
        ticker = slot.mailbox.ticker
        assert ticker is not None
        ticks = ticker.bid_ticks * 985 // 1000
        lots = slot.instrument.floor_lots(Decimal(20) / slot.instrument.price(ticks))
        await running.fleet.venue.trading.place(Place("SOLUSDT", "by-hand", Side.BUY, ticks, lots))
        await anyio.sleep(1)
        cut_off(running, 2 * TIMEOUT_S)
        await anyio.sleep(TIMEOUT_S + WAY_S)
        seen["dead"] = open_by_symbol(running)
        assert "by-hand" in {
            order.client_id for order in running.paper.engine.orders.all_open_orders(running.paper.account())
        }

    simulate(config(), seed, 20, script=die)
    # Ours stay beside it: nothing guards them there, as the owner was told.
    assert set(seen["dead"]) == {"SOLUSDT"}


def assert_nothing_is_left(outcome: Outcome) -> None:
    account = outcome.paper.account()
    assert outcome.paper.engine.orders.all_open_orders(account) == []
    assert outcome.state.own_orders_left_open == 0
    assert (outcome.paper.refused_429, outcome.state.http_429) == (0, 0)
    assert outcome.paper.engine.countdowns.running(account) == []
