"""The daily loss and the drawdown: results over time -> whether a limit is hit, and until when."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.config.risk import MaxFills, Risk
from fleet.risk.fills import FillWindow
from fleet.risk.loss import LossWatch, RiskMemory

DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
TOMORROW_MS = NOON_MS + DAY_MS


def limits(daily: int | None = None, drawdown: int | None = None) -> Risk:
    return Risk.model_validate({"daily_loss_usd": daily, "drawdown_usd": drawdown})


@pytest.mark.parametrize(
    ("limit", "results", "hit_at"),
    [
        (limits(), (-(10**6),), None),
        (limits(daily=50), (-49, 10, -49), None),
        (limits(daily=50), (-49, -50), 1),
        (limits(daily=50), (100, 51), None),  # the day is still in the black
        (limits(drawdown=50), (100, 51), None),
        (limits(drawdown=50), (100, 50), 1),
        (limits(drawdown=50), (-50,), 0),  # a start counts as the best until there is a better
        (limits(daily=50, drawdown=80), (100, 20), 1),
    ],
)
def test_when_a_limit_is_hit(limit: Risk, results: tuple[int, ...], hit_at: int | None) -> None:
    watch = LossWatch(NOON_MS)
    hits = [at for at, result in enumerate(results) if watch.see(Decimal(result), limit, NOON_MS + at)]
    assert hits == ([] if hit_at is None else [hit_at])


def test_a_limit_lasts_although_the_result_recovers_until_the_day_turns() -> None:
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-50), limits(daily=50), NOON_MS)
    watch.see(Decimal(10), limits(daily=50), NOON_MS + 1)
    assert watch.limit == "lost 50.00 USD today, 50 are allowed"
    watch.see(Decimal(-60), limits(daily=50), TOMORROW_MS)
    assert (watch.limit, watch.day_result) == ("", 0)
    assert watch.see(Decimal(-110), limits(daily=50), TOMORROW_MS + 1)


def test_a_drawdown_begins_anew_when_the_day_turns_after_it_was_hit_and_only_then() -> None:
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-40), limits(drawdown=50), NOON_MS)
    assert watch.see(Decimal(-50), limits(drawdown=50), TOMORROW_MS)
    watch.see(Decimal(-50), limits(drawdown=50), TOMORROW_MS + DAY_MS)
    assert (watch.limit, watch.below_best) == ("", 0)


def test_the_owner_ends_a_limit_by_an_edit_or_by_saying_so() -> None:
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-50), limits(daily=50), NOON_MS)
    watch.reconsider(limits(daily=40))
    assert watch.limit
    watch.reconsider(limits(daily=60))
    assert not watch.limit
    assert watch.see(Decimal(-60), limits(daily=60), NOON_MS)
    watch.resume(NOON_MS)
    assert not watch.see(Decimal(-119), limits(daily=60), NOON_MS)
    assert watch.see(Decimal(-120), limits(daily=60), NOON_MS)


@given(before=st.lists(st.integers(-100, 100), max_size=8), after=st.lists(st.integers(-100, 100), max_size=8))
def test_a_restart_with_its_memory_changes_nothing(before: list[int], after: list[int]) -> None:
    """What a new process counts from zero goes on where the old one was."""
    limit = limits(daily=70, drawdown=90)
    whole = LossWatch(NOON_MS)
    for step in before:
        whole.see(whole.result + step, limit, NOON_MS)
    again = LossWatch(NOON_MS, whole.memory)
    for step in after:
        whole.see(whole.result + step, limit, NOON_MS)
        again.see(again.result + step, limit, NOON_MS)
        assert again.memory == whole.memory


@pytest.mark.parametrize(
    ("edited", "is_hit"),
    [
        (limits(daily=50, drawdown=80), True),  # another key than these two
        (limits(daily=51, drawdown=80), False),
        (limits(daily=50, drawdown=81), False),
        (limits(), False),
    ],
)
def test_only_an_edit_of_a_loss_limit_ends_one_when_the_result_has_recovered(edited: Risk, is_hit: bool) -> None:
    before = limits(daily=50, drawdown=80)
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-50), before, NOON_MS)
    watch.see(Decimal(-49), before, NOON_MS)
    edited = edited.model_copy(update={"max_open_usd": Decimal(1)})
    again = LossWatch(NOON_MS, watch.memory)
    for each in (watch, again):  # the file was edited while the process ran, or while none did
        each.reconsider(edited)
        assert bool(each.limit) is is_hit


def test_an_edit_may_bring_a_limit_below_what_is_lost_already() -> None:
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-45), limits(daily=50), NOON_MS)
    watch.reconsider(limits(daily=40))
    assert watch.limit == "lost 45.00 USD today, 40 are allowed"


def test_a_limit_that_an_earlier_version_wrote_down_alone_is_ended_by_the_next_edit() -> None:
    watch = LossWatch(NOON_MS, RiskMemory(NOON_MS // DAY_MS, Decimal(-50), Decimal(50), "lost"))
    for limit, is_hit in ((limits(daily=60), True), (limits(daily=60), True), (limits(daily=61), False)):
        watch.reconsider(limit)
        assert bool(watch.limit) is is_hit


RESUMED_MS = NOON_MS + 65 * 60_000


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (limits(daily=2), "lost 3.00 USD since the resume at 13:05 UTC, 2 are allowed"),
        (limits(drawdown=3), "3.00 USD below its best since the resume at 13:05 UTC, 3 are allowed"),
    ],
)
def test_what_was_lost_since_the_owner_said_so_is_not_called_the_days(limit: Risk, words: str) -> None:
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(-50), limits(daily=50), NOON_MS)
    watch.resume(RESUMED_MS)
    again = LossWatch(RESUMED_MS + 1, watch.memory)
    watch.see(Decimal(-53), limit, RESUMED_MS + 2)
    again.see(Decimal(-3), limit, RESUMED_MS + 2)
    assert (watch.limit, again.limit) == (words, words)
    # The day after it is the day's again.
    watch.see(Decimal(-60), limits(), TOMORROW_MS)
    watch.see(Decimal(-62), limits(daily=2), TOMORROW_MS)
    assert watch.limit == "lost 2.00 USD today, 2 are allowed"


@pytest.mark.parametrize("resumed_ms", [None, RESUMED_MS])
def test_a_memory_of_yesterday_says_today_of_today(resumed_ms: int | None) -> None:
    watch = LossWatch(TOMORROW_MS, RiskMemory(NOON_MS // DAY_MS, Decimal(-50), resumed_ms=resumed_ms))
    watch.see(Decimal(-3), limits(daily=2), TOMORROW_MS)
    assert watch.limit == "lost 3.00 USD today, 2 are allowed"


@pytest.mark.parametrize("day", [NOON_MS // DAY_MS, NOON_MS // DAY_MS - 1])
def test_resumed_while_no_process_ran_the_result_begins_with_the_next(day: int) -> None:
    watch = LossWatch(NOON_MS, RiskMemory(day, resumed_ms=0))
    watch.see(Decimal(-3), limits(daily=2), NOON_MS + 1)
    assert watch.limit == "lost 3.00 USD since the resume at 12:00 UTC, 2 are allowed"


def test_a_memory_of_another_day_keeps_the_drawdown_alone() -> None:
    watch = LossWatch(TOMORROW_MS, RiskMemory(NOON_MS // DAY_MS, Decimal(-50), Decimal(70)))
    assert (watch.limit, watch.day_result, watch.below_best) == ("", 0, 70)


@given(moved=st.integers(-100, 100), after=st.integers(-100, 100), hit=st.booleans())
def test_a_restart_over_midnight_is_as_running_over_it(moved: int, after: int, hit: bool) -> None:
    """`moved` is made while no process runs."""
    limit = limits(daily=90, drawdown=70)
    whole = LossWatch(NOON_MS)
    whole.see(Decimal(-70 if hit else -60), limit, NOON_MS)
    again = LossWatch(TOMORROW_MS, whole.memory)
    again.moved_since(whole.memory.day, Decimal(moved))
    whole.see(whole.result + moved, limit, TOMORROW_MS)
    again.see(Decimal(moved), limit, TOMORROW_MS)
    assert again.memory == whole.memory
    whole.see(whole.result + after, limit, TOMORROW_MS)
    again.see(again.result + after, limit, TOMORROW_MS)
    assert again.memory == whole.memory


@pytest.mark.parametrize(("now_ms", "from_ms"), [(NOON_MS + 9, NOON_MS + 1), (TOMORROW_MS, 20_001 * DAY_MS)])
def test_from_when_on_funding_is_in_no_result(now_ms: int, from_ms: int) -> None:
    assert RiskMemory(NOON_MS // DAY_MS, funded_ms=NOON_MS).funding_from_ms(now_ms) == from_ms


MIDNIGHT_MS = 20_001 * DAY_MS


def test_a_clock_that_steps_back_over_midnight_begins_no_day_anew() -> None:
    limit = limits(daily=50)
    watch = LossWatch(MIDNIGHT_MS - 1000)
    watch.see(Decimal(-40), limit, MIDNIGHT_MS + 10)
    watch.see(Decimal(-80), limit, MIDNIGHT_MS - 5)
    assert (watch.day_result, watch.memory.day) == (-40, 20_001)
    again = LossWatch(MIDNIGHT_MS - 4, watch.memory)
    for each, lost in ((watch, -90), (again, -10)):
        assert each.see(Decimal(lost), limit, MIDNIGHT_MS + 30)
        assert each.day_result == -50


def test_a_day_that_a_wrong_clock_was_in_is_not_waited_for() -> None:
    limit = limits(daily=50)
    watch = LossWatch(NOON_MS)
    watch.see(Decimal(0), limit, NOON_MS + 9 * DAY_MS)
    memory = watch.memory
    watch.see(Decimal(-50), limit, NOON_MS + 1)
    watch.see(Decimal(-50), limit, TOMORROW_MS)
    assert (watch.limit, watch.day_result) == ("", 0)
    assert LossWatch(NOON_MS, memory).memory.day == NOON_MS // DAY_MS


def test_what_is_not_known_any_more_pulls_until_the_owner_says_so() -> None:
    watch = LossWatch(NOON_MS, RiskMemory(0, lost="cannot be read"))
    watch.see(Decimal(-10), limits(daily=50), TOMORROW_MS)
    watch.reconsider(limits())
    assert watch.limit == "cannot be read"
    watch.resume(TOMORROW_MS)
    assert (watch.limit, watch.lost) == ("", "")


FIVE_IN_TEN = MaxFills.model_validate({"count": 5, "per": "10s", "pause": "30s"})


@pytest.mark.parametrize(
    ("fills_s", "paused_at_s"),
    [
        ((0, 1, 2, 3), []),
        ((0, 1, 2, 3, 4), [4]),
        ((0, 3, 6, 9, 10), []),  # ten seconds on, the first is out of the window
        ((0, 3, 6, 9, 9.5), [9.5]),
        ((0, 0, 0, 0, 0), [0]),
    ],
)
def test_too_many_fills_in_a_window_begin_a_pause(fills_s: tuple[float, ...], paused_at_s: list[float]) -> None:
    window = FillWindow()
    paused: list[float] = []
    for at_s in fills_s:
        now_us = round(at_s * 1_000_000)
        window.count(FIVE_IN_TEN, now_us)
        if window.is_paused(FIVE_IN_TEN, now_us) and at_s not in paused:
            paused.append(at_s)
            assert window.is_paused(FIVE_IN_TEN, now_us + 29_999_999)
            assert not window.is_paused(FIVE_IN_TEN, now_us + 30_000_000)
            assert not window.is_paused(None, now_us)
    assert paused == paused_at_s


@pytest.mark.parametrize(
    ("fills_s", "paused_until_s"),
    [
        ((20, 21, 22, 23, 19), 53),  # the list told of one that the line had not
        ((20, 21, 22, 23, 9), 0),
        ((0, 1, 2, 3, 4, 40, 41, 42, 43, 39), 73),
        ((40, 41, 42, 43, 44, 0, 1, 2, 3, 4), 74),
    ],
)
def test_fills_may_be_told_of_late(fills_s: tuple[int, ...], paused_until_s: int) -> None:
    window = FillWindow()
    for at_s in fills_s:
        window.count(FIVE_IN_TEN, at_s * 1_000_000)
    assert window.paused_until_us == paused_until_s * 1_000_000
