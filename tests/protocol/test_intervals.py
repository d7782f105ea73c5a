from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.protocol.intervals import INTERVALS

NAMES = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_all_documented_intervals_are_there_shortest_first() -> None:
    assert list(INTERVALS) == NAMES
    assert sorted(NAMES, key=lambda name: INTERVALS[name].ms) == NAMES


@pytest.mark.parametrize(
    ("name", "at", "start", "end"),
    [
        ("1m", "2025-06-15 15:06:40", "2025-06-15 15:06", "2025-06-15 15:07"),
        ("1m", "2025-06-15 15:06:00", "2025-06-15 15:06", "2025-06-15 15:07"),
        ("15m", "2025-06-15 15:06:40", "2025-06-15 15:00", "2025-06-15 15:15"),
        ("8h", "2025-06-15 15:06:40", "2025-06-15 08:00", "2025-06-15 16:00"),
        ("1d", "2025-06-15 15:06:40", "2025-06-15 00:00", "2025-06-16 00:00"),
        ("1w", "2025-06-15 15:06:40", "2025-06-09 00:00", "2025-06-16 00:00"),
        ("1w", "2025-06-16 00:00:00", "2025-06-16 00:00", "2025-06-23 00:00"),
        ("1M", "2025-06-15 15:06:40", "2025-06-01 00:00", "2025-07-01 00:00"),
        ("1M", "2024-02-29 23:59:59", "2024-02-01 00:00", "2024-03-01 00:00"),
        ("1M", "2025-12-31 23:59:59", "2025-12-01 00:00", "2026-01-01 00:00"),
    ],
)
def test_where_an_interval_begins_and_ends(name: str, at: str, start: str, end: str) -> None:
    interval = INTERVALS[name]
    assert interval.start(ms(at)) == ms(start)
    assert interval.end(ms(start)) == ms(end)


@given(st.sampled_from(NAMES), st.integers(0, ms("2100-01-01 00:00")))
def test_every_moment_lies_in_one_interval(name: str, at_ms: int) -> None:
    interval = INTERVALS[name]
    start_ms = interval.start(at_ms)
    assert start_ms <= at_ms < interval.end(start_ms)
    assert interval.start(interval.end(start_ms)) == interval.end(start_ms)
    assert interval.start(interval.end(start_ms) - 1) == start_ms
