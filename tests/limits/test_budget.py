"""All limiters at once: what fits, what the venue's own count adds, what changes at run time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.limits.budget import Budget, Lane, LimiterUse, Spend
from exchange.model import RateLimit
from exchange.ports import Cost

SECOND = 1_000_000
WEIGHT = RateLimit("REQUEST_WEIGHT", 60, 2400)
ORDERS = RateLimit("ORDERS", 60, 1200)
BURST = RateLimit("ORDERS", 10, 300)
REAL = (WEIGHT, ORDERS, BURST)
QUERY = Cost(weight=1)
PLACE = Cost(weight=1, orders=1)


def whole(*limits: RateLimit) -> Budget:
    """No safety margin and no reserve: figures easy to follow."""
    return Budget(limits, safety=1, reserve=0)


def used(budget: Budget, now_us: int) -> dict[str, int]:
    return {use.name: use.used for use in budget.usage(now_us)}


def test_the_venues_limits_make_three_compartments() -> None:
    budget = Budget(REAL)
    assert budget.take(Cost(weight=5, orders=3), 0) is not None
    assert budget.usage(0) == (
        LimiterUse("REQUEST_WEIGHT_1M", 5, 2160, 2400, 5),
        LimiterUse("ORDERS_1M", 3, 1080, 1200, 3),
        LimiterUse("ORDERS_10S", 3, 270, 300, 3),
    )


@pytest.mark.parametrize(
    ("limit", "safety", "capacity"),
    [(300, 0.9, 270), (10, Decimal("0.29"), 2), (100, 0.29, 29), (1, 0.9, 1), (300, 1, 300)],
)
def test_a_capacity_is_the_safe_part_rounded_down_and_at_least_one(
    limit: int, safety: float | Decimal, capacity: int
) -> None:
    assert Budget([RateLimit("ORDERS", 10, limit)], safety).usage(0)[0].capacity == capacity


@pytest.mark.parametrize(
    ("limits", "safety", "reserve"),
    [
        ([RateLimit("ORDERS", 10, 0)], 0.9, 0.1),
        ([RateLimit("ORDERS", 0, 10)], 0.9, 0.1),
        ([BURST, BURST], 0.9, 0.1),
        (REAL, 0, 0.1),
        (REAL, 1.1, 0.1),
        (REAL, 0.9, 1),
        (REAL, 0.9, -0.1),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: Sequence[RateLimit], safety: float, reserve: float) -> None:
    with pytest.raises(ValueError, match=r"must be|twice"):
        Budget(limits, safety, reserve)


def test_what_no_limiter_covers_is_not_limited() -> None:
    budget = Budget([RateLimit("CONNECTIONS", 60, 1)])
    assert budget.usage(0) == ()
    assert all(budget.take(Cost(10**6, 10**6), 0) for _ in range(3))


def test_all_compartments_or_none() -> None:
    budget = whole(WEIGHT, RateLimit("ORDERS", 10, 1))
    assert budget.take(PLACE, 0) is not None
    assert budget.take(PLACE, 0) is None
    assert used(budget, 0) == {"REQUEST_WEIGHT_1M": 1, "ORDERS_10S": 1}


def test_what_costs_no_orders_passes_where_orders_are_spent() -> None:
    budget = whole(WEIGHT, RateLimit("ORDERS", 10, 1))
    spend = budget.take(PLACE, 0)
    assert spend is not None
    budget.settle(spend, 0, {"ORDERS_10S": 5})
    assert budget.take(PLACE, 0) is None
    assert budget.ready_us(QUERY, 0) == 0
    assert budget.take(QUERY, 0) is not None


def test_the_reserve_is_left_to_those_who_may_use_it() -> None:
    budget = Budget([RateLimit("REQUEST_WEIGHT", 60, 10)], safety=1, reserve=0.2)
    taken = [budget.take(QUERY, 0, Lane.OPENING) for _ in range(10)]
    assert [spend is not None for spend in taken] == [True] * 8 + [False] * 2
    assert budget.ready_us(QUERY, 0, Lane.OPENING) is None
    assert budget.ready_us(QUERY, 0) == 0
    assert budget.take(Cost(2), 0) is not None


def test_ready_when_the_slowest_compartment_is() -> None:
    budget = whole(RateLimit("REQUEST_WEIGHT", 60, 5), RateLimit("ORDERS", 10, 1))
    spend = budget.take(Cost(weight=5, orders=1), 0)
    assert spend is not None
    assert budget.ready_us(PLACE, 0) is None
    budget.settle(spend, 2 * SECOND, {})
    assert budget.ready_us(PLACE, 2 * SECOND) == 62 * SECOND + 1
    assert budget.ready_us(Cost(0, 1), 2 * SECOND) == 12 * SECOND + 1


@pytest.mark.parametrize("cost", [Cost(11, 0), Cost(1, 11)])
def test_what_can_never_fit_is_said_so(cost: Cost) -> None:
    budget = whole(RateLimit("REQUEST_WEIGHT", 60, 10), RateLimit("ORDERS", 10, 10))
    assert budget.take(cost, 0) is None
    with pytest.raises(ValueError, match="never fit"):
        budget.ready_us(cost, 0)


@pytest.mark.parametrize(
    ("venue_counts", "expected"),
    [
        pytest.param(3, 3, id="as we count"),
        pytest.param(1, 3, id="a fixed window has begun anew there: we keep our count"),
        pytest.param(8, 8, id="somebody else spends from the same address"),
        pytest.param(50, 50, id="more than all we may"),
    ],
)
def test_the_venues_count_corrects_ours_upward_only(venue_counts: int, expected: int) -> None:
    budget = whole(RateLimit("REQUEST_WEIGHT", 60, 10))
    spends = [budget.take(QUERY, 0) for _ in range(3)]
    assert spends[0] is not None
    budget.settle(spends[0], 5 * SECOND, {"REQUEST_WEIGHT_1M": venue_counts, "UNKNOWN_1H": 7})
    assert used(budget, 5 * SECOND) == {"REQUEST_WEIGHT_1M": expected}
    assert budget.usage(5 * SECOND)[0].peak == expected
    assert used(budget, 65 * SECOND + 1) == {"REQUEST_WEIGHT_1M": 2}


def test_the_same_foreign_spending_is_added_once() -> None:
    budget = whole(RateLimit("REQUEST_WEIGHT", 60, 100))
    for sent in range(1, 4):
        spend = budget.take(QUERY, sent)
        assert spend is not None
        budget.settle(spend, sent, {"REQUEST_WEIGHT_1M": 20 + sent})
        assert used(budget, sent) == {"REQUEST_WEIGHT_1M": 20 + sent}


def test_own_tokens_that_came_back_on_a_late_answers_way_are_not_taken_for_foreign() -> None:
    budget = whole(RateLimit("REQUEST_WEIGHT", 60, 10))
    early = budget.take(Cost(5), 0)
    assert early is not None
    budget.settle(early, 0, {})
    late = budget.take(QUERY, 59 * SECOND)
    assert late is not None
    budget.settle(late, 65 * SECOND, {"REQUEST_WEIGHT_1M": 6})
    assert used(budget, 65 * SECOND) == {"REQUEST_WEIGHT_1M": 1}


@pytest.mark.parametrize("end", ["settle", "release"])
def test_a_spend_ends_once(end: str) -> None:
    budget = whole(BURST)
    spend = budget.take(PLACE, 0)
    assert spend is not None
    if end == "settle":
        budget.settle(spend, 0, {})
    else:
        budget.release(spend)
    with pytest.raises(ValueError, match="twice"):
        budget.settle(spend, 0, {})
    with pytest.raises(ValueError, match="twice"):
        budget.release(spend)
    assert used(budget, 0) == {"ORDERS_10S": 1 if end == "settle" else 0}


def test_limits_change_at_run_time() -> None:
    budget = whole(RateLimit("ORDERS", 10, 4))
    spends = [budget.take(PLACE, 0) for _ in range(4)]
    for spend in spends[:2]:
        assert spend is not None
        budget.settle(spend, 0, {})
    minute = RateLimit("ORDERS", 60, 9)
    budget.restrict([RateLimit("ORDERS", 10, 3), minute])
    # What was spent stays spent; the new limiter knows of the two in flight, and assumes the rest but a probe.
    assert used(budget, 0) == {"ORDERS_10S": 4, "ORDERS_1M": 2}
    assert budget.usage(0)[1].assumed == 8
    assert budget.take(PLACE, 0) is None
    for spend in spends[2:]:
        assert spend is not None
        budget.settle(spend, SECOND, {"ORDERS_1M": 2})
    # The other one, in flight still, may not have been in that count: it is taken for somebody else's as well.
    assert used(budget, 11 * SECOND + 1) == {"ORDERS_10S": 0, "ORDERS_1M": 3}
    budget.restrict([minute])
    assert used(budget, 61 * SECOND + 1) == {"ORDERS_1M": 0}


def test_limits_that_are_refused_change_nothing() -> None:
    budget = whole(RateLimit("ORDERS", 10, 4))
    with pytest.raises(ValueError, match="at least 1"):
        budget.restrict([RateLimit("ORDERS", 10, 2), RateLimit("ORDERS", 60, 0)])
    assert budget.usage(0) == (LimiterUse("ORDERS_10S", 0, 4, 4, 0),)


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[int, int, int, int, int]]:
    """(pause before it, latency, weight, orders, how far the clock steps back before it), in µs."""
    duration = st.one_of(st.integers(0, 5), st.integers(0, 3 * SECOND), st.sampled_from([SECOND, SECOND + 1]))
    backward = st.one_of(st.just(0), st.integers(0, SECOND))
    step = st.tuples(duration, duration, st.integers(0, 3), st.integers(0, 2), backward)
    return draw(st.lists(step, max_size=60))


def fullest_window(sent: list[tuple[int, int, int]], length_us: int) -> int:
    """The most that a venue could count in any window, both ends included, when each request (sent, answered, count)
    arrives at the instant that suits the venue best."""
    starts = [answered for _, answered, _ in sent] + [at - length_us for at, _, _ in sent]
    return max(
        (sum(n for at, answered, n in sent if at <= start + length_us and answered >= start) for start in starts),
        default=0,
    )


@given(traffic())
def test_no_window_is_overstepped_and_what_was_spent_comes_back(steps: list[tuple[int, int, int, int, int]]) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 2, 7), RateLimit("ORDERS", 2, 5), RateLimit("ORDERS", 1, 3))
    budget = whole(*limits)
    now = backward = 0
    flying: list[tuple[int, int, Spend]] = []
    weights: list[tuple[int, int, int]] = []
    orders: list[tuple[int, int, int]] = []

    def answer_until(until: int) -> None:
        for answered, index, spend in sorted(flying, key=lambda item: item[:2]):
            if answered <= until:
                budget.settle(spend, answered - backward, {})
                flying.remove((answered, index, spend))

    for index, (pause, latency, weight, count, step_back) in enumerate(steps):
        now += pause
        answer_until(now)
        backward += step_back
        cost = Cost(weight, count)
        spend = budget.take(cost, now - backward)
        ready_us = budget.ready_us(cost, now - backward)
        if spend is None:
            assert ready_us is None or ready_us > now - backward
            continue
        flying.append((now + latency, index, spend))
        weights.append((now, now + latency, weight))
        orders.append((now, now + latency, count))
    for limit in limits:
        sent = weights if limit.kind == "REQUEST_WEIGHT" else orders
        assert fullest_window(sent, limit.interval_s * SECOND) <= limit.limit
    answer_until(now + 10 * SECOND)
    assert set(used(budget, now + 10 * SECOND).values()) == {0}


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=40), st.integers(1, 4), st.sampled_from(Lane))
def test_ready_is_the_first_instant_at_which_it_fits(pauses: list[int], weight: int, lane: Lane) -> None:
    budget = Budget([RateLimit("REQUEST_WEIGHT", 1, 6)], safety=1, reserve=0.2)
    now = 0
    for pause in pauses:
        now += pause
        spend = budget.take(QUERY, now)
        if spend is not None:
            budget.settle(spend, now, {})
    ready_us = budget.ready_us(Cost(weight), now, lane)
    assert ready_us is not None
    if ready_us > now:
        assert budget.take(Cost(weight), ready_us - 1, lane) is None
    assert budget.take(Cost(weight), ready_us, lane) is not None
