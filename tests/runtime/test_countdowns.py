"""Which countdown is to be told something now, and what is believed of it after: tables, and what must hold always."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.orders.lifecycle import NONCE_WINDOW_US
from fleet.runtime import countdowns
from fleet.runtime.countdowns import Beat, Countdown, Round, Terms, Way, due

S = 1_000_000
NOW = 1000 * S
TERMS = Terms(120 * S, 30 * S)
NEW = Countdown("X")
RESTED = Way(last_us=NOW - 30 * S)


def armed(symbol: str = "X", age_s: float = 0, **changed: object) -> Countdown:
    sent_us = NOW - round(age_s * S)
    counting = Countdown(symbol, may_run=True, sent_us=sent_us, until_us=sent_us + 120 * S, timeout_us=120 * S)
    return replace(counting, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("countdown", "is_wanted", "beat", "wake_s"),
    [
        pytest.param(NEW, True, 120, None, id="what does not run yet is started at once"),
        pytest.param(NEW, False, None, None, id="what is not wanted and never ran is left alone"),
        pytest.param(replace(NEW, may_run=True), False, 0, None, id="what may run and is not wanted is ended at once"),
        pytest.param(replace(NEW, may_run=True), True, 120, None, id="what an earlier run left is taken over"),
        pytest.param(armed(age_s=29), True, None, 1, id="nothing before the interval is over"),
        pytest.param(armed(age_s=30), True, 120, None, id="then it is told again"),
        pytest.param(armed(age_s=500), True, 120, None, id="what has run out is started anew"),
        pytest.param(armed(timeout_us=60 * S), True, 120, None, id="another timeout is told at once"),
        pytest.param(armed(age_s=99, under_way=True), True, None, None, id="one request at a time"),
        pytest.param(armed(under_way=True), False, None, None, id="one request at a time, the end too"),
        pytest.param(armed(age_s=40, not_before_us=NOW + 2 * S), True, None, 2, id="what was refused has to wait"),
        pytest.param(
            armed(stray_us=NOW + 3 * S), True, None, 3, id="an end that may still arrive is overruled when it cannot any more"
        ),
    ],
)  # fmt: skip
def test_what_is_due(countdown: Countdown, is_wanted: bool, beat: int | None, wake_s: int | None) -> None:
    found = due([countdown], {"X"} if is_wanted else set(), TERMS, replace(RESTED, last_us=countdown.sent_us), NOW)
    beats = () if beat is None else (Beat("X", beat * S),)
    assert found == Round(beats, None if wake_s is None else NOW + wake_s * S)


@pytest.mark.parametrize(
    ("countdown", "is_urgent"),
    [
        pytest.param(NEW, False, id="a first one is a new quote's business"),
        pytest.param(armed(age_s=29), False, id="one ahead of its time can wait"),
        pytest.param(armed(age_s=30), False, id="so can one that is due, while there is time"),
        pytest.param(armed(age_s=60), True, id="when half of it is over it goes with the cancels"),
        pytest.param(armed(age_s=119), True, id="to the last"),
        pytest.param(armed(age_s=120), False, id="what has run out guards nothing"),
    ],
)
def test_which_go_with_the_cancels(countdown: Countdown, is_urgent: bool) -> None:
    from_us = countdowns.urgent_us(countdown, TERMS, NOW)
    assert (from_us is not None and from_us <= NOW) is is_urgent


def test_one_that_is_made_rare_goes_with_the_cancels_when_it_is_due() -> None:
    assert countdowns.urgent_us(armed(), Terms(120 * S, 55 * S), NOW) == NOW + 60 * S
    assert countdowns.urgent_us(armed(), Terms(120 * S, 61 * S), NOW) == NOW + 61 * S


def test_the_turn_goes_to_whom_it_has_been_longest() -> None:
    known = [armed("A", 12), armed("B", 20), armed("C", 11)]
    assert due(known, {"A", "B", "C"}, TERMS, Way(last_us=NOW - 9 * S), NOW) == Round((), NOW + 1 * S)
    assert due(known, {"A", "B", "C"}, TERMS, Way(last_us=NOW - 10 * S), NOW).beats == (Beat("B", 120 * S),)


def test_the_most_urgent_is_first() -> None:
    known = [armed("A", 40), armed("B", 70), armed("C"), Countdown("D")]
    assert [beat.symbol for beat in due(known, {"A", "B", "D"}, TERMS, RESTED, NOW).beats] == ["D", "B", "A", "C"]


def test_in_an_outage_one_at_a_time_tries_each_in_turn() -> None:
    known = [armed("A", 70, tried_us=2), armed("B", 40, tried_us=1)]
    way = countdowns.failed(Way(), TERMS, NOW - 500_000)
    assert due(known, {"A", "B"}, TERMS, way, NOW - 1) == Round((), NOW)
    found = due(known, {"A", "B"}, TERMS, way, NOW)
    assert found.beats == (Beat("B", 120 * S),)
    way = countdowns.left(way, found.beats, TERMS, NOW)
    known[1] = replace(known[1], under_way=True)
    assert due(known, {"A", "B"}, TERMS, way, NOW) == Round((), NOW + 500_000)


@pytest.mark.parametrize(("interval_s", "pauses"), [(30, [0.5, 1, 2, 4, 5, 5]), (2, [0.5, 1, 2, 2, 2, 2])])
def test_it_is_tried_again_ever_more_patiently_but_within_an_interval(interval_s: int, pauses: list[float]) -> None:
    way, terms, found = Way(), Terms(120 * S, interval_s * S), list[float]()
    for _ in pauses:
        way = countdowns.failed(way, terms, NOW)
        found.append((way.not_before_us - NOW) / S)
    assert found == pauses


# --- what is believed after a heartbeat

START, END = Beat("X", 120 * S), Beat("X", 0)


def test_it_is_sure_from_the_sending_not_from_the_answer() -> None:
    started = countdowns.confirmed(countdowns.sending(NEW, START, NOW), START, NOW)
    assert (started.until_us, started.may_run, started.under_way) == (NOW + 120 * S, True, False)


@pytest.mark.parametrize(
    ("beat", "until_s"),
    [(START, 80), (Beat("X", 10 * S), 10), (END, None)],
    ids=["the same again", "a shorter one", "the end"],
)
def test_while_it_is_not_answered_only_the_worse_case_is_sure(beat: Beat, until_s: int | None) -> None:
    sent = countdowns.sending(armed(age_s=40), beat, NOW)
    for after in (sent, countdowns.lost(sent, beat, NOW, NOW), countdowns.not_carried_out(sent, NOW)):
        assert after.until_us == (0 if until_s is None else NOW + until_s * S)


def test_a_start_that_was_lost_may_run_and_arrives_no_later_than_its_nonce_is_good() -> None:
    lost = countdowns.lost(countdowns.sending(NEW, START, NOW), START, NOW, NOW)
    assert (lost.may_run, lost.until_us) == (True, 0)
    # Ended before that, it must be ended once more.
    ended = countdowns.confirmed(countdowns.sending(lost, END, NOW + S), END, NOW + S)
    assert due([ended], set(), TERMS, RESTED, NOW + S) == Round((), NOW + NONCE_WINDOW_US)
    later_us = NOW + NONCE_WINDOW_US
    again = countdowns.confirmed(countdowns.sending(ended, END, later_us), END, later_us)
    assert not again.may_run


def test_an_end_that_was_lost_is_followed_by_a_second_start() -> None:
    lost = countdowns.lost(countdowns.sending(armed(), END, NOW), END, NOW, NOW)
    started = countdowns.confirmed(countdowns.sending(lost, START, NOW + S), START, NOW + S)
    way = Way(last_us=NOW + S)
    assert due([started], {"X"}, TERMS, way, NOW + S) == Round((), NOW + NONCE_WINDOW_US)
    later_us = NOW + NONCE_WINDOW_US
    again = countdowns.confirmed(countdowns.sending(started, START, later_us), START, later_us)
    assert due([again], {"X"}, TERMS, Way(last_us=later_us), later_us) == Round((), later_us + 30 * S)


def test_what_is_refused_waits_by_itself_and_what_cannot_be_ended_is_given_up() -> None:
    poison, at_us = armed(age_s=40), NOW
    for _ in range(countdowns.REFUSED_OFTEN):
        assert due([poison, armed("Y", 40)], {"Y"}, TERMS, RESTED, at_us).beats[0] == END
        poison = countdowns.refused(countdowns.sending(poison, END, at_us), END, at_us)
        assert [beat.symbol for beat in due([poison, armed("Y", 40)], {"Y"}, TERMS, RESTED, at_us).beats] == ["Y"]
        at_us = poison.not_before_us
    assert due([poison], set(), TERMS, RESTED, at_us) == Round((), None)


# --- what must hold always


def run(symbols: int, terms: Terms, seconds: int, rng: Random, lost: float) -> dict[str, list[int]]:
    """The times of each symbol's heartbeats, each answered within 200 ms, some of them with nothing."""
    known = {str(number): Countdown(str(number)) for number in range(symbols)}
    sent: dict[str, list[int]] = {symbol: [] for symbol in known}
    answers: list[tuple[int, Beat, int]] = []
    way: Way = Way()
    now_us = NOW
    while now_us < NOW + seconds * S:
        for answer in [each for each in answers if each[0] <= now_us]:
            answers.remove(answer)
            _, beat, sent_us = answer
            # None has run out before it is answered for.
            assert not known[beat.symbol].until_us or known[beat.symbol].until_us > now_us
            if rng.random() < lost:
                known[beat.symbol] = countdowns.lost(known[beat.symbol], beat, sent_us, now_us)
                way = countdowns.failed(way, terms, now_us)
            else:
                known[beat.symbol] = countdowns.confirmed(known[beat.symbol], beat, sent_us)
                way = replace(way, failures=0)
        found = due(known.values(), known.keys(), terms, way, now_us)
        way = countdowns.left(way, found.beats, terms, now_us)
        for beat in found.beats:
            known[beat.symbol] = countdowns.sending(known[beat.symbol], beat, now_us)
            sent[beat.symbol].append(now_us)
            answers.append((now_us + rng.randrange(200_000), beat, now_us))
        if not found.beats:
            now_us = min([each[0] for each in answers] + [found.wake_us or now_us + 10**12])
    return sent


@settings(max_examples=40, deadline=None)
@given(symbols=st.integers(1, 60), interval_s=st.integers(10, 60), seed=st.integers(0, 10**6))
def test_each_symbol_has_its_turn_in_an_interval_and_bursts_there_are_none(
    symbols: int, interval_s: int, seed: int
) -> None:
    sent = run(symbols, Terms(120 * S, interval_s * S), 5 * interval_s, Random(seed), lost=0)
    for times in sent.values():
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert max(gaps) <= interval_s * S
    times = sorted(at_us for each in sent.values() for at_us in each if at_us > NOW)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= interval_s * S // symbols // 2


@settings(max_examples=40, deadline=None)
@given(symbols=st.integers(1, 30), lost=st.floats(0, 0.4), seed=st.integers(0, 10**6))
def test_lost_heartbeats_let_no_countdown_run_out(symbols: int, lost: float, seed: int) -> None:
    terms = Terms(120 * S, 30 * S)
    sent = run(symbols, terms, 600, Random(seed), lost)
    # Each is lost so often on average, and nobody hurries more than that needs.
    total, usual = sum(len(times) for times in sent.values()), symbols * (600 / 30 + 1)
    assert total <= 1.5 * usual / (1 - lost) + 20
