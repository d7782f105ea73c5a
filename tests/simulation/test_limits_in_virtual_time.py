"""A fleet that would hold far more than it may, on bad days: the exchange's own books stay within the file's caps."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import anyio
import pytest

from exchange.model import Side
from exchange.paper.fault_settings import FaultSettings, LogNormal
from fleet.config.loader import parse
from fleet.control.state import Phase
from fleet.runtime.mailbox import Crash
from fleet.simulation.scenario import Running, simulate

FILE = """
fleet: sim-1
venue: paper
paper: {balance: {USDT: 100000}}
risk: {max_position_usd: 4000, max_open_usd: 5000}
defaults:
  buy_spread: 2bps
  sell_spread: 2bps
  balance_fraction: 0.3
  refresh_interval: 200ms
  price_change_threshold: 0
  position_threshold_usd: 100000
  max_order_usd: 1500
  max_open_usd: 2500
  max_position_usd: 2000
symbols: {ASTERUSDT: {}, HYPEUSDT: {}, SOLUSDT: {}}
"""
BAD_DAYS = FaultSettings(
    to_venue=LogNormal(median_ms=60, sigma=1),
    from_venue=LogNormal(median_ms=60, sigma=1),
    stream=LogNormal(median_ms=80, sigma=1),
    answer_503_executed=0.03,
    answer_503_not_executed=0.03,
    no_answer_executed=0.02,
    no_answer_not_executed=0.02,
    event_dropped=0.02,
    event_duplicated=0.05,
    event_delayed=0.05,
    event_reordered=0.05,
    reset_every_s=20,
)


class Watch:
    def __init__(self) -> None:
        self.most: dict[str, Decimal] = dict.fromkeys(
            ("order", "open", "position", "fleet_open", "fleet_position"), Decimal(0)
        )

    async def run(self, running: Running) -> None:
        while True:
            self._look(running)
            await anyio.sleep(0.01)

    def _look(self, running: Running) -> None:
        account, book = running.paper.account(), running.paper.engine.orders
        fleet_open = fleet_position = Decimal(0)
        for symbol in ("ASTERUSDT", "HYPEUSDT", "SOLUSDT"):
            holding = account.held(symbol)
            cost = holding.cost if holding else Decimal(0)
            sides = dict.fromkeys(Side, Decimal(0))
            for order in book.open_orders(account, symbol):
                if not order.reduce_only:
                    usd = order.listing.instrument.notional(order.ticks, order.lots - order.filled)
                    self._most("order", usd)
                    sides[order.side] += usd
            position = max(max(cost * side.sign, Decimal(0)) + usd for side, usd in sides.items())
            self._most("open", sum(sides.values(), Decimal(0)))
            self._most("position", position)
            fleet_open += sum(sides.values(), Decimal(0))
            fleet_position += position
        self._most("fleet_open", fleet_open)
        self._most("fleet_position", fleet_position)

    def _most(self, what: str, usd: Decimal) -> None:
        self.most[what] = max(self.most[what], usd)


CAPS = {"order": 1500, "open": 2500, "position": 2000, "fleet_open": 5000, "fleet_position": 4000}


@pytest.mark.parametrize("seed", range(6))
def test_the_exchange_never_holds_more_than_the_file_allows(seed: int) -> None:
    watch = Watch()
    outcome = simulate(parse(FILE, "f", {}).config, seed, 60, faults=BAD_DAYS, script=watch.run)
    over = {what: usd for what, usd in watch.most.items() if usd > CAPS[what]}
    assert over == {}
    # It was tried: the fleet went near its caps, and was held back.
    assert watch.most["position"] > 1900
    assert watch.most["fleet_position"] > 3000
    assert sum(sum(symbol.refusals.values()) for symbol in outcome.state.symbols) > 0
    assert outcome.state.own_orders_left_open == 0


@pytest.mark.parametrize("seed", [4, 14, 28])
def test_nor_while_one_worker_after_the_other_breaks(seed: int) -> None:
    """What filled untold before a worker broke is room that no other symbol has."""
    watch, rng = Watch(), Random(f"{seed}:crash")

    async def break_them(running: Running) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.run, running)
            while True:
                await anyio.sleep(rng.uniform(0.2, 4))
                slots = list(running.fleet.slots.values())
                if slots:
                    rng.choice(slots).mailbox.put(Crash(RuntimeError("planted")))
                for slot in slots:
                    slot.supervisor.release()

    simulate(parse(FILE, "f", {}).config, seed, 60, faults=BAD_DAYS, script=break_them)
    assert {what: usd for what, usd in watch.most.items() if usd > CAPS[what]} == {}
    assert watch.most["fleet_position"] > 3000


def test_a_killed_fleet_leaves_the_market_and_stays_out_of_it() -> None:
    seen: list[int] = []

    async def kill(running: Running) -> None:
        await anyio.sleep(15)
        running.fleet.kill.kill(None, "killed")
        await anyio.sleep(20)
        while True:
            seen.append(len(running.paper.engine.orders.all_open_orders(running.paper.account())))
            pulled = {slot.desk.pulled for slot in running.fleet.slots.values() if slot.desk}
            assert {"killed"} <= pulled <= {"killed", "starting"}, "a worker may have broken, and begin again"
            await anyio.sleep(1)

    outcome = simulate(parse(FILE, "f", {}).config, 1, 60, faults=BAD_DAYS, script=kill)
    assert seen
    assert not any(seen)
    assert {symbol.phase for symbol in outcome.state.symbols} == {Phase.STOPPED}


def test_the_exchanges_own_protection_is_set_and_what_it_freezes_is_lived_with() -> None:
    protected = FILE.replace(
        "symbols: {ASTERUSDT: {}",
        "symbols: {ASTERUSDT: {max_order_usd: 200, mmp: {window: 5s, frozen: 2s, value: 150}}",
    )
    seen: list[tuple[object, ...]] = []

    async def look(running: Running) -> None:
        await anyio.sleep(60)
        account, book = running.paper.account(), running.paper.engine.orders
        [(symbol, limits)] = book.protections.limits(account.address, None).items()
        seen.append((symbol, limits.window_ms, limits.frozen_ms, limits.value))

    outcome = simulate(parse(protected, "f", {}).config, 2, 120, script=look)
    assert seen == [("ASTERUSDT", 5000, 2000, 150)]
    frozen = [
        line.symbol for line in outcome.state.events if "has frozen it for up to 2s: no order is taken" in line.text
    ]
    assert set(frozen) == {"ASTERUSDT"}
    aster = next(each for each in outcome.state.symbols if each.symbol == "ASTERUSDT")
    # A freeze takes the orders away and refuses new ones; the symbol trades on after it.
    assert aster.rejected > 0
    assert aster.fills > 3
    assert outcome.state.own_orders_left_open == 0
