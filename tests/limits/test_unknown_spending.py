"""What was spent before we could count is assumed to be all but a probe, until the venue's count tells better."""

from __future__ import annotations

import pytest

from exchange.limits.budget import Budget, Lane
from exchange.model import RateLimit
from exchange.ports import Cost

SECOND = 1_000_000
MINUTE = 60 * SECOND
ORDERS = RateLimit("ORDERS", 60, 1200)
BURST = RateLimit("ORDERS", 10, 300)
WEIGHT = RateLimit("REQUEST_WEIGHT", 60, 2400)
PLACE = Cost(0, 1)
QUERY = Cost(1, 0)


def started(*limits: RateLimit) -> Budget:
    return Budget(limits or (ORDERS,), assume_spent=True)


def volley(budget: Budget, lane: Lane, now_us: int, cost: Cost = PLACE) -> int:
    """How many go at once."""
    count = 0
    while budget.take(cost, now_us, lane) is not None:
        count += 1
    return count


def held(budget: Budget, now_us: int) -> tuple[int, int]:
    use = budget.usage(now_us)[0]
    return use.used, use.assumed


@pytest.mark.parametrize(
    ("limit", "urgent", "opening"),
    [
        pytest.param(WEIGHT, 216 + 21, 21, id="weight: the reserve, and a hundredth"),
        pytest.param(ORDERS, 21 + 10, 10, id="orders"),
        pytest.param(BURST, 5 + 2, 2, id="orders in ten seconds"),
        pytest.param(RateLimit("ORDERS", 10, 5), 2, 1, id="small: one each"),
        pytest.param(RateLimit("ORDERS", 10, 1), 1, 1, id="the least"),
    ],
)
def test_a_probe_goes_at_once(limit: RateLimit, urgent: int, opening: int) -> None:
    cost = QUERY if limit is WEIGHT else PLACE
    assert volley(started(limit), Lane.URGENT, 5 * SECOND, cost) == urgent
    assert volley(started(limit), Lane.OPENING, 5 * SECOND, cost) == opening
    assert volley(started(limit), Lane.PACED, 5 * SECOND, cost) >= 1


def test_without_any_count_it_ends_after_a_window() -> None:
    budget = started()
    volley(budget, Lane.URGENT, 5 * SECOND)
    assert budget.ready_us(Cost(0, 900), 6 * SECOND, Lane.OPENING) == 65 * SECOND + 1
    assert held(budget, 65 * SECOND) == (31, 1049)
    assert held(budget, 65 * SECOND + 1) == (31, 0)


@pytest.mark.parametrize(
    ("counts", "used", "assumed"),
    [
        pytest.param([1], 1, 0, id="nobody was there before"),
        pytest.param([400], 400, 0, id="somebody was"),
        pytest.param([5000], 5000, 0, id="he was over the limit"),
        pytest.param([0], 1, 1049, id="a count that lacks ours is of something else"),
        pytest.param([0, 1], 2, 1049, id="and so is one that lacks the one before"),
        pytest.param([0, 2], 2, 0, id="until one has both"),
        pytest.param([None, 1], 2, 0, id="a request whose answer was lost may not have been counted"),
        pytest.param([1, 0], 2, 0, id="what was believed stays believed"),
        pytest.param([300, 900], 900, 0, id="more comes to light later"),
    ],
)
def test_the_first_count_that_can_be_ours_ends_it(counts: list[int | None], used: int, assumed: int) -> None:
    budget = started()
    for counted in counts:
        spend = budget.take(PLACE, SECOND, Lane.OPENING)
        assert spend is not None
        budget.settle(spend, SECOND, {} if counted is None else {"ORDERS_1M": counted, "WEIGHT_1Y": 1})
    assert held(budget, SECOND) == (used, assumed)
    # What is found out is held for a window from then on, whatever was assumed.
    assert held(budget, 62 * SECOND) == (0, 0)


def test_what_is_on_its_way_is_not_taken_for_counted() -> None:
    budget = started()
    first, second = (budget.take(PLACE, SECOND, Lane.URGENT) for _ in range(2))
    assert first is not None
    assert second is not None
    budget.settle(first, 2 * SECOND, {"ORDERS_1M": 50})
    assert held(budget, 2 * SECOND) == (51, 0)
    budget.settle(second, 2 * SECOND, {"ORDERS_1M": 51})
    assert held(budget, 2 * SECOND) == (51, 0)


def test_what_was_assumed_explains_no_count_of_a_late_answer() -> None:
    budget = started(BURST)
    late = budget.take(PLACE, 0, Lane.URGENT)
    assert late is not None
    budget.settle(late, 11 * SECOND, {"ORDERS_10S": 200})
    assert held(budget, 11 * SECOND) == (200, 0)


def test_it_is_no_part_of_the_peak() -> None:
    budget = started()
    assert budget.take(PLACE, 0) is not None
    assert budget.usage(0)[0].peak == 1


@pytest.mark.parametrize(("limit", "opening"), [(2400, 21), (600, 5), (20, 1)])
def test_it_follows_a_limit_that_is_not_what_was_thought(limit: int, opening: int) -> None:
    for is_begun in (False, True):
        budget = started()
        if is_begun:
            budget.usage(0)
        budget.restrict([RateLimit("ORDERS", 60, limit)])
        assert volley(budget, Lane.OPENING, SECOND) == opening
        assert held(budget, MINUTE + SECOND + 1)[1] == 0


@pytest.mark.parametrize(
    ("known", "new", "assumed"),
    [
        pytest.param(ORDERS, BURST, 8, id="a longer one has counted all that the shorter must"),
        pytest.param(ORDERS, RateLimit("ORDERS", 3600, 9000), 8100 - 81 - 162, id="a shorter one has not"),
        pytest.param(WEIGHT, BURST, 270 - 7, id="one of another kind has counted something else"),
    ],
)
def test_a_limiter_that_appears_holds_what_is_known_or_else_assumes_the_worst(
    known: RateLimit, new: RateLimit, assumed: int
) -> None:
    budget = Budget([known])
    for _ in range(8):
        spend = budget.take(Cost(1, 1), 0)
        assert spend is not None
        budget.settle(spend, 0, {})
    assert budget.take(Cost(1, 1), 0) is not None
    budget.restrict([known, new])
    use = {each.name: (each.used, each.assumed) for each in budget.usage(0)}
    assert use[new.name] == (1, assumed)


def test_a_limiter_that_appears_while_the_worst_is_assumed_of_the_others_assumes_it_too() -> None:
    budget = started(ORDERS)
    budget.usage(0)
    budget.restrict([BURST])
    assert held(budget, 0) == (0, 270 - 7)


@pytest.mark.parametrize("limit", [1, 5, 50, 100, 1200])
def test_a_limit_lowered_below_what_is_spent_lets_nobody_through_until_enough_is_back(limit: int) -> None:
    budget = Budget([ORDERS])
    for at_s in range(100):
        spend = budget.take(PLACE, at_s * SECOND // 10)
        assert spend is not None
        budget.settle(spend, at_s * SECOND // 10, {})
    budget.restrict([RateLimit("ORDERS", 60, limit)])
    capacity = max(1, limit * 9 // 10)
    ready_us = budget.ready_us(PLACE, 10 * SECOND)
    assert ready_us == (10 * SECOND if capacity > 100 else (100 - capacity) * SECOND // 10 + MINUTE + 1)


@pytest.mark.parametrize("counted", [10**9, 10**14])
def test_an_absurd_count_holds_everybody_for_a_window_and_no_longer(counted: int) -> None:
    budget = Budget([ORDERS])
    for begin in (0, MINUTE + 1):
        spend = budget.take(PLACE, begin, Lane.PACED)
        assert spend is not None
        budget.settle(spend, begin, {"ORDERS_1M": counted})
        assert [budget.ready_us(PLACE, begin, lane) for lane in Lane] == [begin + MINUTE + 1] * 3


@pytest.mark.parametrize("counted", [-1, -(10**9), 0])
def test_a_count_below_ours_frees_nothing(counted: int) -> None:
    budget = Budget([ORDERS])
    spend = budget.take(Cost(0, 5), 0)
    assert spend is not None
    budget.settle(spend, 0, {"ORDERS_1M": counted})
    assert held(budget, 0) == (5, 0)


def test_a_clock_that_stands_still_or_goes_back_only_holds_longer() -> None:
    budget = Budget([ORDERS], safety=1, reserve=0)
    assert volley(budget, Lane.URGENT, 100 * SECOND) == 1200
    assert volley(budget, Lane.URGENT, 100 * SECOND) == 0
    assert budget.ready_us(PLACE, 40 * SECOND) is None
    budget = Budget([ORDERS])
    spend = budget.take(Cost(0, 1080), 100 * SECOND)
    assert spend is not None
    budget.settle(spend, 40 * SECOND, {})
    assert budget.ready_us(PLACE, 30 * SECOND, Lane.PACED) == 160 * SECOND + 1


@pytest.mark.parametrize(
    ("limit", "reserve", "opening"),
    [
        (WEIGHT, None, 2160 - 216),
        (ORDERS, None, 1080 - 21),
        (BURST, None, 270 - 5),
        (RateLimit("ORDERS", 10, 5), None, 3),
        (RateLimit("ORDERS", 10, 4), None, 3),
        (RateLimit("ORDERS", 10, 5), 0, 4),
        (ORDERS, 0.5, 540),
    ],
)
def test_the_reserve_is_small_where_the_fleet_lives_at_the_limit_and_never_nothing(
    limit: RateLimit, reserve: float | None, opening: int
) -> None:
    budget = Budget([limit], reserve=reserve)
    assert volley(budget, Lane.OPENING, 0, QUERY if limit is WEIGHT else PLACE) == opening
