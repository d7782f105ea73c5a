"""The simulator bites: each of these small wrong changes is noticed on the day named (`make sim PLANTED=1` finds it)."""

from __future__ import annotations

import planted
import pytest

from exchange.paper.fault_settings import Constant, Requests
from fleet.simulation.trouble import Blow, Crash, Day, Edit, Late, Spell, Stop
from fleet.simulation.world import live

WAYS = (Constant(ms=5), Constant(ms=5), Constant(ms=5))
NOTICED = {
    "unknown is taken for rejected": 21,
    "an unknown order leaves its side free": 2,
    "no such order is believed of what was asked after three times": 16,
    "cancels are forgotten when quotes are pulled": 2,
    "orders of others are taken for ours": 23,
    "late news revives an order": 6,
    "no such order is believed at once": 43,
    "a fill told twice counts twice": 5,
    "missed fills are not read": 5,
    "the fee of each trade is rounded": 5,
    "fills without an order known are dropped": 5,
    "what a gap has swallowed is not asked for": 5,
    "the countdown is told ten times the time": 0,
    "what an earlier run left is not cancelled": 3,
    "a stop does not look again": 2,
    "a symbol that leaves or crashes is not cleared": 7,
    "a crash is not kept to its symbol": 0,
    "nothing is ever quoted": 5,
    "a countdown is never put off": 105,
    "a kill is not heard": 17,
    "prices are never too old": 26,
    "the fleets limits forget orders in flight": 15,
    "the fleets limits count no positions": 15,
    "the budget is a little more than the limit": 24,
    "the window is too short": 8,
    "the ledger is not completed": 3,
    "the ledger drops a trade now and then": 1,
}


@pytest.mark.parametrize(("name", "seed"), NOTICED.items())
def test_a_planted_bug_is_noticed(name: str, seed: int) -> None:
    assert planted.first_day(name, range(seed, seed + 1)) is not None


@pytest.mark.parametrize("seed", sorted(set(NOTICED.values())))
def test_without_it_the_same_day_is_a_good_one(seed: int) -> None:
    assert planted.live(planted.day(seed)).violations == ()


MADE: dict[planted.Plant, Day] = {
    # Placements of a dead process come in after the next one has begun...
    planted.an_order_of_ours_that_is_not_known_is_not_adopted: Day(
        1, 20.0, 8, WAYS, (Late(0.0, "POST", 16, 4.0, 0.0), Crash(1.5, 0.3))
    ),
    # ...and in a symbol that has just been edited away.
    planted.own_orders_that_nobody_minds_are_left_alone: Day(
        1, 20.0, 4, WAYS, (Late(6.0, "POST", 2, 4.0, 0.0), Crash(6.5, 0.3), Edit(6.6, 1, 0))
    ),
    # Every order is in no list at first.
    planted.only_what_is_listed_is_cleared: Day(
        1, 10.0, 4, WAYS, (Spell(0.0, 10.0, "order_not_found", 1.0), Stop(1.5, 1.0))
    ),
    planted.a_placement_is_never_on_its_way_for_long: Day(8, 25.0, 8, WAYS, (Late(5.0, "POST", 4, 9.9, 0.0),)),
    planted.quotes_do_not_wait_for_the_countdown: Day(
        1, 10.0, 8, WAYS, (Blow(0.0, Requests(answer="503", count=16, path="/fapi/v1/countdownCancelAll")),)
    ),
}
"""Of the days drawn hardly any brings the fleet there."""


@pytest.mark.parametrize("bug", MADE, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("is_planted", [True, False])
def test_a_planted_bug_is_noticed_on_a_day_made_for_it(bug: planted.Plant, *, is_planted: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if is_planted:
            bug(patch)
        assert bool(live(MADE[bug]).violations) is is_planted


def test_every_planted_bug_is_on_the_list_and_there_are_enough() -> None:
    assert list(NOTICED) == list(planted.PLANTS)
    assert len(planted.PLANTS) >= 15
    assert max(NOTICED.values()) < planted.WITHIN
