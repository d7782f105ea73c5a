from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.paper.fault_settings import (
    LONGEST_MS,
    Constant,
    CutLines,
    Events,
    ExpireListenKeys,
    FaultSettings,
    HalfOpen,
    Latency,
    LogNormal,
    Once,
    Requests,
    Restart,
    Stall,
    Uniform,
    latencies_only,
)
from exchange.paper.faults import Answer, EventFate, FaultPlan, RequestFate

START_US = 1_750_000_000_000_000
SECOND_US = 1_000_000

MIXED = FaultSettings(
    to_venue=Uniform(low_ms=1, high_ms=9),
    answer_503_executed=0.1,
    answer_503_not_executed=0.1,
    no_answer_executed=0.1,
    no_answer_not_executed=0.1,
    answer_429=0.1,
    answer_418=0.1,
    event_dropped=0.2,
    event_duplicated=0.2,
    event_delayed=0.2,
    event_reordered=0.2,
    reset_every_s=10,
    stall_every_s=20,
    restart_every_s=30,
)


def requests(plan: FaultPlan, number: int) -> list[RequestFate | None]:
    return [plan.request_fate("/fapi/v3/order") for _ in range(number)]


def happenings(plan: FaultPlan, seconds: int, step_us: int = SECOND_US // 4) -> list[tuple[int, object]]:
    found: list[tuple[int, object]] = []
    for now_us in range(START_US, START_US + seconds * SECOND_US, step_us):
        found += [(now_us, each) for each in plan.due(now_us)]
    return found


def test_without_settings_nothing_happens() -> None:
    plan = FaultPlan()
    assert requests(plan, 100) == [None] * 100
    assert [plan.event_fate() for _ in range(100)] == [None] * 100
    assert (plan.to_venue_s(), plan.from_venue_s(), plan.stream_s()) == (0, 0, 0)
    assert plan.next_us(START_US) is None
    assert happenings(plan, 100) == []


def everything(seed: int) -> list[object]:
    plan = FaultPlan(MIXED, seed)
    drawn = [*requests(plan, 50), *(plan.event_fate() for _ in range(50)), *(plan.to_venue_s() for _ in range(50))]
    return [*drawn, *happenings(plan, 100)]


def test_the_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    assert everything(1) == everything(1)
    assert everything(1) != everything(2)


def test_switching_one_fault_on_changes_no_other() -> None:
    alone = FaultPlan(FaultSettings(reset_every_s=10), 3)
    among = FaultPlan(MIXED, 3)
    requests(among, 100)
    resets = [at_us for at_us, each in happenings(among, 200) if each == CutLines()]
    assert resets == [at_us for at_us, _ in happenings(alone, 200)]


def test_each_fault_comes_about_as_often_as_it_should() -> None:
    plan = FaultPlan(MIXED, 4)
    fates = Counter((fate.answer, fate.executed) if fate else None for fate in requests(plan, 20_000))
    left = 1.0
    for kind in (
        (Answer.THROTTLED, False),
        (Answer.BANNED, False),
        (Answer.UNAVAILABLE, True),
        (Answer.UNAVAILABLE, False),
        (Answer.NONE, True),
        (Answer.NONE, False),
    ):
        assert fates[kind] / 20_000 == pytest.approx(left * 0.1, rel=0.15)
        left *= 0.9
    events = Counter(plan.event_fate() for _ in range(20_000))
    assert events[EventFate.DROPPED] / 20_000 == pytest.approx(0.2, rel=0.1)
    assert len(happenings(FaultPlan(FaultSettings(reset_every_s=10), 5), 10_000)) == pytest.approx(1000, rel=0.15)


@pytest.mark.parametrize(
    ("changed", "happening"),
    [
        ({"reset_every_s": 10}, CutLines()),
        ({"close_every_s": 10}, CutLines(code=1001, reason="the server is going away")),
        ({"stall_every_s": 10, "stall_for_s": 3}, Stall(for_s=3)),
        ({"half_open_every_s": 10, "half_open_for_s": 4}, HalfOpen(for_s=4)),
        ({"restart_every_s": 10, "restart_for_s": 5}, Restart(for_s=5)),
        ({"listen_keys_expire_every_s": 10}, ExpireListenKeys()),
    ],
)
def test_what_happens_by_itself(changed: dict[str, Any], happening: object) -> None:
    plan = FaultPlan(FaultSettings(**changed), 1)
    due_us = plan.next_us(START_US)
    assert due_us is not None
    assert plan.due(due_us - 1) == []
    assert plan.due(due_us) == [happening]
    assert plan.due(due_us) == []


def test_a_young_key_ends_after_its_time() -> None:
    plan = FaultPlan(FaultSettings(listen_key_expires_young=1, listen_key_expires_after_s=2))
    plan.listened("0xabc", START_US)
    assert plan.next_us(START_US) == START_US + 2 * SECOND_US
    assert plan.due(START_US + 2 * SECOND_US - 1) == []
    assert plan.due(START_US + 2 * SECOND_US) == [ExpireListenKeys(address="0xabc")]
    assert plan.next_us(START_US) is None


def test_what_is_ordered_comes_first_in_order_and_stays_ordered_when_settings_change() -> None:
    plan = FaultPlan(FaultSettings(retry_after_s=9, ban_s=300))
    plan.order(Requests(answer="429", count=2))
    plan.order(Requests(answer="none", executed=True, path="/fapi/v3/order", after_s=5))
    plan.order(Requests(answer="418", executed=True))
    plan.order(Events(fate="reordered", count=2))
    assert plan.waiting == (4, 2)
    assert plan.request_fate("/fapi/v3/ping") == RequestFate(Answer.THROTTLED, retry_after_s=9)
    plan.change(FaultSettings(retry_after_s=8, ban_s=300))
    assert plan.request_fate("/fapi/v3/ping") == RequestFate(Answer.THROTTLED, retry_after_s=8)
    assert plan.request_fate("/fapi/v3/ping") == RequestFate(Answer.BANNED, retry_after_s=300)
    assert plan.request_fate("/fapi/v3/ping") is None
    assert plan.request_fate("/fapi/v3/order") == RequestFate(Answer.NONE, executed=True, retry_after_s=8, after_s=5)
    assert [plan.event_fate() for _ in range(3)] == [EventFate.REORDERED, EventFate.REORDERED, None]
    assert plan.waiting == (0, 0)


def test_an_order_is_not_found_for_a_while_and_then_the_next_who_asks_is_told() -> None:
    plan = FaultPlan(FaultSettings(order_not_found=1, order_not_found_for=Constant(ms=500)))
    asked = [(each, plan.is_not_found(7, START_US + each * 1000)) for each in (0, 499, 500, 501, 1000, 1001)]
    assert asked == [(0, True), (499, True), (500, False), (501, True), (1000, True), (1001, False)]
    assert plan.is_not_found(8, START_US)


def test_what_nobody_asks_after_again_is_not_kept_for_ever() -> None:
    plan = FaultPlan(FaultSettings(order_not_found=1, order_not_found_for=Constant(ms=500)))
    for each in range(300):
        plan.is_not_found(each, START_US + each * SECOND_US)
    assert len(plan._not_found_until_us) < 70  # pyright: ignore[reportPrivateUsage]


def test_a_list_lacks_an_order_until_it_is_so_old() -> None:
    plan = FaultPlan(FaultSettings(order_not_found=1, order_not_found_for=Constant(ms=500)))
    asked = [(each, plan.is_unlisted(7, START_US, START_US + each * 1000)) for each in (10, 499, 500, 501)]
    assert asked == [(10, True), (499, True), (500, False), (501, False)]
    assert not plan.is_unlisted(8, START_US - 90 * SECOND_US, START_US)
    for each in range(300):
        plan.is_unlisted(each, START_US + each * SECOND_US, START_US + each * SECOND_US)
    assert len(plan._unlisted_until_us) < 70  # pyright: ignore[reportPrivateUsage]


def test_orders_are_found_as_often_as_they_should() -> None:
    plan = FaultPlan(FaultSettings(order_not_found=0.2), 3)
    found = Counter(plan.is_not_found(each, START_US) for each in range(10_000))
    assert found[True] / 10_000 == pytest.approx(0.2, rel=0.1)
    assert not any(FaultPlan().is_not_found(each, START_US) for each in range(100))


def test_on_a_day_when_nothing_breaks_the_ways_are_as_slow() -> None:
    calm = latencies_only(MIXED)
    assert calm == FaultSettings(to_venue=MIXED.to_venue)


LATENCIES = st.one_of(
    st.builds(Constant, ms=st.floats(0, LONGEST_MS)),
    st.tuples(st.floats(0, LONGEST_MS), st.floats(0, LONGEST_MS)).map(
        lambda pair: Uniform(low_ms=min(pair), high_ms=max(pair))
    ),
    st.builds(LogNormal, median_ms=st.floats(0, LONGEST_MS), sigma=st.floats(0, 5)),
)


@settings(max_examples=100, deadline=None)
@given(LATENCIES, st.integers(0, 2**32))
def test_a_latency_lasts_neither_less_than_nothing_nor_too_long(latency: Latency, seed: int) -> None:
    drawn_ms = [latency.draw_ms(random.Random(seed + each)) for each in range(20)]
    assert all(0 <= each <= LONGEST_MS for each in drawn_ms)
    assert latency.is_none <= (not any(drawn_ms))


def test_half_of_a_log_normal_are_faster_than_the_median() -> None:
    rng = random.Random(1)
    drawn_ms = sorted(LogNormal(median_ms=40, sigma=0.5).draw_ms(rng) for _ in range(10_001))
    assert drawn_ms[5000] == pytest.approx(40, rel=0.05)
    assert drawn_ms[9900] == pytest.approx(40 * 3.2, rel=0.1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"to_venue":{"shape":"uniform","low_ms":5,"high_ms":1}}', FaultSettings),
        ('{"to_venue":{"shape":"gamma","ms":5}}', FaultSettings),
        ('{"to_venue":{"shape":"constant","ms":60001}}', FaultSettings),
        ('{"to_venue":{"shape":"constant","ms":-1}}', FaultSettings),
        ('{"event_dropped":1.1}', FaultSettings),
        ('{"event_dropt":0.1}', FaultSettings),
        ('{"reset_every_s":0}', FaultSettings),
        ('{"fault":"requests","answer":"500"}', Once),
        ('{"fault":"requests"}', Once),
        ('{"fault":"events","fate":"lost"}', Once),
        ('{"fault":"cut","code":5}', Once),
        ('{"fault":"flood"}', Once),
        ("{}", Once),
    ],
)
def test_what_is_out_of_bounds_or_not_known_is_refused(text: str, kind: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=kind)
