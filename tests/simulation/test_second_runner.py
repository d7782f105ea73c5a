"""Two fleets of one name on one account: the one started later is right, the other leaves, and nobody fights for ever."""

from __future__ import annotations

from random import Random

import anyio
import pytest

from exchange.clock import Clock
from exchange.paper.fault_settings import CutLines, Events
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.hosts import Host
from fleet.config.loader import parse
from fleet.orders.ids import Run
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.simulation.loop import run_virtual
from fleet.simulation.scenario import CALM
from fleet.wiring.client import Address, open_venue
from fleet.wiring.paper import paper_venue

START_US = 1_790_000_000_000_000
CONFIG = parse(
    """
fleet: twin
venue: paper
defaults: {buy_spread: 50bps, sell_spread: 50bps, balance_fraction: 0.3, price_change_threshold: 40bps}
symbols: {ASTERUSDT: {}, SOLUSDT: {}, HYPEUSDT: {}}
""",
    "fleet.yaml",
    {},
).config


class Pair:
    """`ended`: what each fleet said at its end, by number; empty for one that was told to stop. `is_copy`: the second one's
    run has the number of the first."""

    def __init__(self, *, is_copy: bool = False) -> None:
        self.is_copy = is_copy
        self.clock = Clock(START_US)
        self.paper: PaperVenue = paper_venue(CONFIG.paper, list(CONFIG.symbols), self.clock)
        # Two that sent in the very same microsecond would refuse each other's nonces.
        self.runner = Runner(self.paper, self.clock.now_us, FaultPlan(CALM, 1))
        self.fleets: dict[int, Fleet] = {}
        self.ended: dict[int, str] = {}

    async def live(self, number: int) -> None:
        host = Host("http://paper.test", "ws://paper.test", 1666)
        lines = PaperLines(self.runner)
        address = Address("paper", host, transport=PaperTransport(self.runner), connect=lines.connect)
        clock = Clock(self.clock.now_us())
        async with open_venue(address, self.paper.demo, clock, rng=Random(number)) as venue:
            fleet = self.fleets[number] = Fleet(CONFIG, venue, Journal(clock), chance=Random(number))
            if self.is_copy:
                fleet.run_id.number = self.fleets[1].run_id.number
            try:
                await fleet.run()
            except FleetError as error:
                self.ended[number] = str(error)
            else:
                self.ended[number] = ""

    def open_by_run(self) -> dict[int, int]:
        """How many orders of each fleet, by its number, are open."""
        orders = self.paper.engine.orders.all_open_orders(self.paper.account())
        ids = [order.client_id for order in orders]
        return {
            number: sum(fleet.run_id.owns(each) and not Run("twin", fleet.run_id.number - 1).owns(each) for each in ids)
            for number, fleet in self.fleets.items()
        }


@pytest.mark.parametrize("trouble", [None, CutLines(refused_for_s=3), Events(fate="dropped", count=60)])
def test_the_earlier_one_says_so_leaves_and_touches_nothing_of_the_later_ones(
    trouble: CutLines | Events | None,
) -> None:
    async def main() -> None:
        pair = Pair()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pair.runner.run)
            tasks.start_soon(pair.live, 1)
            await anyio.sleep(10)
            assert pair.open_by_run() == {1: 6}
            tasks.start_soon(pair.live, 2)
            if trouble is not None:
                await anyio.sleep(0.1)
                pair.runner.inject(trouble)
            await anyio.sleep(60)
            assert list(pair.ended) == [1]
            assert "another fleet of the name twin trades on this account" in pair.ended[1]
            assert pair.fleets[1].drain.left_open == ()
            assert pair.open_by_run() == {1: 0, 2: 6}
            # Not for ever, and not for long: as many as it takes, and a few that crossed.
            placed = sum(slot.counters.placed for slot in pair.fleets[1].slots.values())
            assert placed <= 24
            pair.fleets[2].stop()
            await anyio.sleep(10)
            assert (pair.ended[2], pair.open_by_run()) == ("", {1: 0, 2: 0})
            tasks.cancel_scope.cancel()

    run_virtual(main)


@pytest.mark.parametrize(
    ("gap_s", "is_copy"),
    [
        (0, False),
        (0.001, False),
        (0.02, False),
        (0.3, False),
        (1, False),
        (1.3, False),
        (3, False),
        (0.1, True),
        (0.3, True),
    ],
)
def test_of_two_that_start_together_exactly_one_goes_on(gap_s: float, is_copy: bool) -> None:
    async def main() -> None:
        pair = Pair(is_copy=is_copy)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pair.runner.run)
            tasks.start_soon(pair.live, 1)
            await anyio.sleep(gap_s)
            tasks.start_soon(pair.live, 2)
            await anyio.sleep(60)
            [(gone, said)] = pair.ended.items()
            assert "another fleet of the name twin trades on this account" in said
            assert pair.fleets[gone].drain.left_open == ()
            other = 3 - gone
            assert pair.fleets[other].run_id.number > pair.fleets[gone].run_id.number
            assert pair.open_by_run() == {gone: 0, other: 6}
            pair.fleets[other].stop()
            await anyio.sleep(10)
            assert (pair.ended[other], pair.open_by_run()) == ("", {1: 0, 2: 0})
            tasks.cancel_scope.cancel()

    run_virtual(main)


def test_what_a_run_finds_at_its_start_is_earlier_whatever_the_clocks_say() -> None:
    run = Run("twin", 1000)
    run.begin_after(["twin:SOLUSDT:zzz:1", "other:SOLUSDT:zzzz:1", "web_1"])
    assert run.number > int("zzz", 36)
    assert run.owns("twin:SOLUSDT:zzz:1")
    assert not run.owns("other:SOLUSDT:zzzz:1")
