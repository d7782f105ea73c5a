"""A lane that always wants more: it uses all that the windows give, and neither a burst nor a pause stays in the rhythm."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.limits.budget import Budget, Lane, Spend
from exchange.limits.pace import Pace
from exchange.limits.window import Window
from exchange.model import RateLimit
from exchange.ports import Cost

SECOND = 1_000_000
MINUTE = 60 * SECOND
REAL = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 60, 1200), RateLimit("ORDERS", 10, 300))
AMEND = Cost(1, 1)


@dataclass
class Saturated:
    """A budget whose paced lane takes whatever it gets; `bursts` are orders of the other lanes, by second.

    While it stands idle, `idle` (from, to) in seconds, nothing paced is wanted.
    """

    latency_us: Callable[[], int] = lambda: 50_000
    limits: tuple[RateLimit, ...] = REAL
    bursts: Mapping[int, tuple[Lane, int]] = field(default_factory=dict[int, tuple[Lane, int]])
    idle: tuple[int, int] = (0, 0)
    sent_us: list[int] = field(default_factory=list[int])
    all_us: list[int] = field(default_factory=list[int])

    def run(self, minutes: int) -> Saturated:
        budget = Budget(self.limits)
        flying: list[tuple[int, int, Spend]] = []
        bursts = sorted(self.bursts.items(), reverse=True)
        idle_from_us, idle_until_us = (at * SECOND for at in self.idle)
        now_us = 0

        def take(lane: Lane) -> bool:
            spend = budget.take(AMEND, now_us, lane)
            if spend is not None:
                heapq.heappush(flying, (now_us + self.latency_us(), len(self.all_us), spend))
                self.all_us.append(now_us)
            return spend is not None

        while now_us < minutes * MINUTE:
            while flying and flying[0][0] <= now_us:
                answered_us, _, spend = heapq.heappop(flying)
                budget.settle(spend, answered_us, {})
            while bursts and bursts[-1][0] * SECOND <= now_us:
                lane, count = bursts.pop()[1]
                for _ in range(count):
                    take(lane)
            is_idle = idle_from_us <= now_us < idle_until_us
            while not is_idle and take(Lane.PACED):
                self.sent_us.append(now_us)
            ready_us = idle_until_us if is_idle else budget.ready_us(AMEND, now_us, Lane.PACED)
            known = [at for at in (ready_us, flying[0][0] if flying else None) if at is not None]
            known += [bursts[-1][0] * SECOND] if bursts else []
            now_us = max(now_us + 1, min(known))
        return self

    def minute(self, number: int) -> int:
        return sum(number * MINUTE <= at < (number + 1) * MINUTE for at in self.all_us)

    def longest_gap_s(self, from_s: int = 0) -> float:
        sent = [at for at in self.sent_us if at >= from_s * SECOND]
        return max(later - sooner for sooner, later in pairwise(sent)) / SECOND


def of_lognormal(seed: int) -> Callable[[], int]:
    rng = Random(seed)
    return lambda: int(rng.lognormvariate(11, 0.7))


OPENING, URGENT = Lane.OPENING, Lane.URGENT


@pytest.mark.parametrize(
    ("scene", "longest_gap_s", "first_full_minute"),
    [
        pytest.param(Saturated(), 0.5, 0, id="from an empty window"),
        pytest.param(Saturated(latency_us=of_lognormal(1)), 0.7, 0, id="answers take now long, now short"),
        pytest.param(Saturated(bursts={0: (OPENING, 120)}), 0.7, 0, id="120 placements at the start"),
        pytest.param(Saturated(bursts={0: (URGENT, 240)}), 0.7, 0, id="240 at the start"),
        pytest.param(Saturated(bursts=dict.fromkeys((5, 20, 21, 45), (OPENING, 50))), 0.7, 0, id="bursts all along"),
        pytest.param(Saturated(idle=(30, 32)), 2.1, 2, id="two seconds of nothing"),
        pytest.param(Saturated(limits=REAL[1:2], bursts={0: (OPENING, 1000)}), 2, 0, id="nearly all at the start"),
    ],
)
def test_it_uses_the_limit_and_never_stands_still(
    scene: Saturated, longest_gap_s: float, first_full_minute: int
) -> None:
    scene.run(5)
    # What safety allows is 1080 a minute; the rest is the reserve, and the way of the answers.
    assert all(scene.minute(number) >= 0.97 * 1080 for number in range(first_full_minute, 5))
    assert scene.longest_gap_s() <= longest_gap_s
    # After two windows nothing is left of what happened in the first.
    assert scene.longest_gap_s(from_s=125) <= 0.25


def test_after_a_burst_it_goes_slower_for_one_window_instead_of_standing_still() -> None:
    scene = Saturated(limits=REAL[1:2], bursts={0: (OPENING, 520)}).run(2)

    def rate(from_s: int, until_s: int) -> float:
        return sum(from_s * SECOND <= at < until_s * SECOND for at in scene.sent_us) / (until_s - from_s)

    even = 1059 / 60
    # After 520 at once the even distance is twice as long, and a quarter of a window's worth of it had been saved up.
    left = 1059 - 520 - 520 / 4
    assert all(rate(at, at + 10) == pytest.approx(left / 60, rel=0.2) for at in (10, 20, 30, 40))
    assert all(rate(at, at + 10) == pytest.approx(even, rel=0.1) for at in (70, 80, 90, 100))


def test_idle_time_is_saved_up_to_a_quarter_of_a_window() -> None:
    budget = Budget([RateLimit("ORDERS", 60, 1200)], safety=1, reserve=0)
    volley = 0
    while budget.take(Cost(0, 1), 3600 * SECOND, Lane.PACED) is not None:
        volley += 1
    assert volley == pytest.approx(300, rel=0.02)


def test_what_was_not_sent_does_not_keep_the_next_back() -> None:
    window, pace = Window(10, 10 * SECOND), Pace()
    window.advance(SECOND)
    for _ in range(4):
        window.take(1)
        pace.took(window, 1, 0)
    assert pace.next_us > SECOND
    window.release(1)
    pace.released(SECOND)
    assert pace.next_us <= SECOND


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 60),
    st.sampled_from([10, 60]),
    st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(1, 5)), max_size=40),
    st.integers(1, 5),
)
def test_the_pace_keeps_nobody_back_longer_than_a_window(
    capacity: int, length_s: int, taken: list[tuple[int, int]], count: int
) -> None:
    window, pace = Window(capacity, length_s * SECOND), Pace()
    now_us = 0
    for pause_us, amount in taken:
        now_us += pause_us
        window.advance(now_us)
        window.take(amount)
        if amount % 2:
            pace.took(window, amount, 0)
        if amount > 1:
            window.settle(amount)
        assert pace.next_us <= now_us + max(length_s * SECOND, pause_us) * len(taken)
    window.advance(now_us)
    before_us = pace.next_us
    pace.took(window, count, 0)
    assert 0 <= pace.next_us - max(before_us, now_us - length_s * SECOND // 4) <= length_s * SECOND
