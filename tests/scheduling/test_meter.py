"""What went through the gate in the last minute, by class and by symbol, and how much longer than wished it took."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.ports import Cost, RequestClass
from fleet.scheduling.meter import MINUTE_S, Meter, Tally

SECOND = 1_000_000
START = 1_790_000_000 * SECOND
ORDER = Cost(weight=1, orders=1)
CANCEL, REDUCE, QUOTE, REFRESH, QUERY = RequestClass


def sends(meter: Meter, symbol: str, request_class: RequestClass, at_s: float, cost: Cost = ORDER) -> None:
    meter.sent(symbol, request_class, cost, 0, 0, START + round(at_s * SECOND))


def test_a_minute_by_class_and_by_symbol() -> None:
    meter = Meter()
    sends(meter, "X", QUOTE, 0)
    sends(meter, "X", CANCEL, 1, Cost(1))
    sends(meter, "Y", REFRESH, 2)
    sends(meter, "", QUERY, 2, Cost(40))
    minute = meter.last_minute(START + 3 * SECOND)
    assert minute.total == Tally(requests=4, orders=2, weight=43)
    assert [tally.requests for tally in minute.by_class.values()] == [1, 0, 1, 1, 1]
    assert minute.by_symbol == {"X": Tally(2, 1, 2), "Y": Tally(1, 1, 1), "": Tally(1, 0, 40)}
    assert [minute.share(symbol) for symbol in ("X", "Y", "Z")] == [0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("after_s", "expected"),
    [
        pytest.param(0, 1, id="at once"),
        pytest.param(59, 1, id="in the last of the minute's seconds"),
        pytest.param(60, 0, id="gone with its minute"),
        pytest.param(86_400, 0, id="after a day"),
    ],
)
def test_what_is_older_than_a_minute_is_no_share_but_stays_in_the_totals(after_s: int, expected: int) -> None:
    meter = Meter()
    sends(meter, "X", QUOTE, 0)
    minute = meter.last_minute(START + after_s * SECOND)
    assert (minute.total.requests, len(minute.by_symbol)) == (expected, expected)
    assert minute.share("X") == expected
    assert meter.totals() == {CANCEL: 0, REDUCE: 0, QUOTE: 1, REFRESH: 0, QUERY: 0}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("X", "Y", "Z", "")),
            st.sampled_from(tuple(RequestClass)),
            st.one_of(st.integers(0, 3 * SECOND), st.integers(0, 200 * SECOND)),
        ),
        max_size=60,
    )
)
def test_it_counts_what_a_list_of_all_would(requests: list[tuple[str, RequestClass, int]]) -> None:
    meter, log, now_us = Meter(), list[tuple[str, RequestClass, int]](), START
    for symbol, request_class, after_us in requests:
        now_us += after_us
        meter.sent(symbol, request_class, ORDER, 0, 0, now_us)
        log.append((symbol, request_class, now_us))
        minute = meter.last_minute(now_us)
        young = [each for each in log if each[2] // SECOND > now_us // SECOND - MINUTE_S]
        assert {symbol: tally.requests for symbol, tally in minute.by_symbol.items()} == Counter(e[0] for e in young)
        assert +Counter({each: tally.requests for each, tally in minute.by_class.items()}) == Counter(
            e[1] for e in young
        )
        assert minute.total.orders == len(young)


def test_its_memory_does_not_grow_with_the_rate() -> None:
    meter = Meter()
    for n in range(20_000):
        sends(meter, f"S{n % 3}", REFRESH, n / 100)
    kept = [len(counts) for _, counts in meter._seconds]  # pyright: ignore[reportPrivateUsage]
    assert len(kept) <= MINUTE_S
    assert max(kept) == 3
    assert meter.last_minute(START + 200 * SECOND).total.requests == 100 * (MINUTE_S - 1)


def test_what_was_withdrawn_is_counted() -> None:
    meter = Meter()
    for symbol in ("X", "X", "Y"):
        meter.withdrawn(symbol)
    assert [meter.withdrawn_total(symbol) for symbol in ("X", "Y", "Z", None)] == [2, 1, 0, 3]


# --- stretch


def amended(waits_us: list[int], refresh_us: int = SECOND) -> tuple[Meter, int]:
    """Amendments of X, each wished for when the refresh interval is over. The time of the last."""
    meter, now_us = Meter(), START
    for waited_us in waits_us:
        now_us += refresh_us + waited_us
        meter.sent("X", REFRESH, ORDER, waited_us, refresh_us, now_us)
    return meter, now_us


@pytest.mark.parametrize(
    ("waits_us", "expected"),
    [
        pytest.param([], 1, id="never amended"),
        pytest.param([0] * 10, 1, id="at once"),
        pytest.param([SECOND] * 60, 2, id="waits as long as the interval"),
        pytest.param([9 * SECOND] * 60, 10, id="ten times the interval, without fading between"),
        pytest.param([9 * SECOND] * 60 + [0] * 60, 1, id="back to nominal once they go at once"),
    ],
)
def test_the_stretch_is_how_many_intervals_an_amendment_takes(waits_us: list[int], expected: float) -> None:
    meter, now_us = amended(waits_us)
    assert meter.stretch("X", 0, SECOND, now_us) == pytest.approx(expected, rel=0.01)


def test_over_the_whole_run_each_amendment_counts_the_same() -> None:
    assert Meter().mean_stretch() == 1
    assert amended([0, 0, SECOND, 3 * SECOND])[0].mean_stretch() == 2


@pytest.mark.parametrize(
    ("waiting_s", "idle_s", "expected"),
    [
        pytest.param(0, 0, 3, id="just amended"),
        pytest.param(0, 1, 3, id="within the interval nothing is late"),
        pytest.param(0, 6, 2, id="five idle seconds: half"),
        pytest.param(0, 600, 1, id="long idle"),
        pytest.param(2, 3, 3, id="waiting is not idling"),
        pytest.param(7, 8, 8, id="what waits counts by now"),
    ],
)
def test_between_amendments(waiting_s: int, idle_s: int, expected: float) -> None:
    meter, now_us = amended([2 * SECOND] * 80)
    stretch = meter.stretch("X", waiting_s * SECOND, SECOND, now_us + idle_s * SECOND)
    assert stretch == pytest.approx(expected, rel=0.01)


def test_what_has_never_been_amended_is_stretched_by_its_waiting() -> None:
    assert Meter().stretch("X", 3 * SECOND, SECOND, START) == 4
    assert Meter().stretch("X", 3 * SECOND, 0, START) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100 * SECOND), max_size=30), st.integers(0, 10**9), st.integers(50_000, 10**9))
def test_a_stretch_is_never_below_one_nor_beyond_the_longest_wait(
    waits_us: list[int], waiting_us: int, refresh_us: int
) -> None:
    meter, now_us = amended(waits_us, refresh_us)
    stretch = meter.stretch("X", waiting_us, refresh_us, now_us + waiting_us)
    assert 1 <= stretch <= (1 + max([*waits_us, waiting_us]) / refresh_us) * (1 + 1e-9)
