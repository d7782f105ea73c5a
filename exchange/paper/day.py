"""What a market did in the last 24 hours, always at hand (docs: 24hr Ticker Price Change Statistics).

Owns: the rolling sums and extremes. Must not know: decimals, JSON, who asks. The window moves by whole minutes: one
leaves it when its beginning is 24 hours old. Each minute enters and leaves once, so that asking costs the same however
much was traded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from exchange.paper.candles import Candle, unpack
from exchange.protocol.intervals import DAY_MS, MINUTE_MS


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """Prices in ticks. `previous_close` is the last before the window, or the first in it when there is none."""

    candle: Candle
    previous_close: int
    opened_ms: int
    closed_ms: int


class Day:
    __slots__ = ("_count", "_highs", "_lots", "_lows", "_minutes", "_previous_close", "_tick_lots")

    def __init__(self) -> None:
        self._minutes: deque[bytes] = deque()
        self._lots = 0
        self._tick_lots = 0
        self._count = 0
        self._highs: deque[tuple[int, int]] = deque()
        """(minute, ticks), falling: the first is the highest, each other one of those that will be."""
        self._lows: deque[tuple[int, int]] = deque()
        self._previous_close: int | None = None

    def enter(self, minute: Candle, packed: bytes) -> None:
        """A minute that is over."""
        self._leave(minute.opened_ms + MINUTE_MS)
        self._minutes.append(packed)
        self._lots += minute.lots
        self._tick_lots += minute.tick_lots
        self._count += minute.count
        while self._highs and self._highs[-1][1] <= minute.high:
            self._highs.pop()
        self._highs.append((minute.opened_ms, minute.high))
        while self._lows and self._lows[-1][1] >= minute.low:
            self._lows.pop()
        self._lows.append((minute.opened_ms, minute.low))

    def statistics(self, minute: Candle | None, now_ms: int) -> DayStatistics | None:
        """With the current minute added to those that are over; None when nothing was ever traded."""
        self._leave(now_ms)
        opened_ms = now_ms - DAY_MS
        if minute is None:
            return None
        is_current = minute.opened_ms >= _oldest(now_ms)
        previous_close = self._previous_close
        if self._minutes:
            first, last = unpack(self._minutes[0]), unpack(self._minutes[-1])
            candle = Candle(
                opened_ms,
                first.open,
                self._highs[0][1],
                self._lows[0][1],
                last.close,
                self._lots,
                self._tick_lots,
                self._count,
                first_id=first.first_id,
                last_id=last.last_id,
            )
            candle.append(minute)
        elif is_current:
            candle = minute
        else:
            candle = minute.flat(opened_ms)
            previous_close = minute.close
        return DayStatistics(
            candle, candle.open if previous_close is None else previous_close, opened_ms, closed_ms=now_ms
        )

    def _leave(self, now_ms: int) -> None:
        oldest_ms = _oldest(now_ms)
        while self._minutes:
            minute = unpack(self._minutes[0])
            if minute.opened_ms >= oldest_ms:
                return
            self._minutes.popleft()
            self._previous_close = minute.close
            self._lots -= minute.lots
            self._tick_lots -= minute.tick_lots
            self._count -= minute.count
            for extremes in (self._highs, self._lows):
                if extremes and extremes[0][0] <= minute.opened_ms:
                    extremes.popleft()


def _oldest(now_ms: int) -> int:
    """The first minute of the window."""
    return -(-(now_ms - DAY_MS) // MINUTE_MS) * MINUTE_MS
