"""The documented kline intervals, and where each begins (docs: ENUM definitions, Kline/Candlestick chart intervals).

Owns: names and boundaries. Must not know: candles. All boundaries are in UTC: weeks begin on Monday, months with their
first day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_FIRST_MONDAY_MS = 4 * DAY_MS
"""1 January 1970 was a Thursday."""


@dataclass(frozen=True, slots=True)
class Interval:
    name: str
    ms: int
    """How long it is; of a month, the longest that it can be."""
    origin_ms: int = 0
    is_month: bool = False

    def start(self, at_ms: int) -> int:
        """When the interval began that a time lies in."""
        if self.is_month:
            day = datetime.fromtimestamp(at_ms // 1000, UTC)
            return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 1000
        return at_ms - (at_ms - self.origin_ms) % self.ms

    def end(self, start_ms: int) -> int:
        """When the interval that began at `start_ms` ends, which is when the next begins."""
        return self.start(start_ms + self.ms) if self.is_month else start_ms + self.ms


INTERVALS: dict[str, Interval] = {
    each.name: each
    for each in (
        *(Interval(f"{count}m", count * MINUTE_MS) for count in (1, 3, 5, 15, 30)),
        *(Interval(f"{count}h", count * HOUR_MS) for count in (1, 2, 4, 6, 8, 12)),
        Interval("1d", DAY_MS),
        Interval("3d", 3 * DAY_MS),
        Interval("1w", 7 * DAY_MS, _FIRST_MONDAY_MS),
        Interval("1M", 31 * DAY_MS, is_month=True),
    )
}
