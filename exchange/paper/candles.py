"""What a price did, minute by minute: kept as minutes and hours, shown in every documented interval.

Owns: open, high, low, close, volumes and counts. Must not know: ticks from other units, decimals, JSON.
A sample costs the same however many intervals there are: it goes into the current minute, a minute that is over goes
into its hour, and longer intervals are put together when somebody asks. 1500 minutes and 1500 hours are kept, packed,
which is as far back as any answer reaches; nothing is made up for the time before the first sample.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace

from exchange.protocol.intervals import HOUR_MS, MINUTE_MS, Interval

MOST = 1500
"""Candles in an answer (docs: Kline/Candlestick Data, limit)."""
NO_ID = -1
"""Where there was no trade, as the family of this API has it."""


@dataclass(slots=True)
class Candle:
    """Prices in ticks, or in the unit of whatever else is sampled; `tick_lots` is the sum of ticks times lots."""

    opened_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    tick_lots: int = 0
    count: int = 0
    bought_lots: int = 0
    """Of `lots`, what takers bought."""
    bought_tick_lots: int = 0
    first_id: int = NO_ID
    last_id: int = NO_ID

    def flat(self, opened_ms: int) -> Candle:
        """A later one in which nothing happened."""
        return Candle(opened_ms, self.close, self.close, self.close, self.close)

    def append(self, later: Candle) -> None:
        self.close = later.close
        self._add(later)
        self.last_id = later.last_id

    def prepend(self, earlier: Candle) -> None:
        self.open = earlier.open
        self._add(earlier)
        self.first_id = earlier.first_id

    def _add(self, other: Candle) -> None:
        self.high = max(self.high, other.high)
        self.low = min(self.low, other.low)
        self.lots += other.lots
        self.tick_lots += other.tick_lots
        self.count += other.count
        self.bought_lots += other.bought_lots
        self.bought_tick_lots += other.bought_tick_lots


def pack(candle: Candle) -> bytes:
    """A quarter of the size: a venue of 300 symbols keeps a million of them. Exact, whatever the numbers' size."""
    return marshal.dumps(astuple(candle))


def unpack(packed: bytes) -> Candle:
    return Candle(*marshal.loads(packed))


class Candles:
    """`on_closed` is told of each minute that is over, as it is packed."""

    __slots__ = ("_hour", "_hours", "_minutes", "_on_closed", "minute")

    def __init__(self, on_closed: Callable[[Candle, bytes], None] | None = None) -> None:
        self.minute: Candle | None = None
        self._minutes: deque[bytes] = deque(maxlen=MOST)
        self._hour: Candle | None = None
        """The minutes of an hour that are over."""
        self._hours: deque[bytes] = deque(maxlen=MOST)
        self._on_closed = on_closed

    def sample(self, at_us: int, price: int) -> Candle:
        """The current minute, with a price taken into it."""
        opened_ms = at_us // 60_000_000 * MINUTE_MS
        minute = self.minute
        if minute is None or minute.opened_ms < opened_ms:
            if minute is not None:
                self._close(minute)
            minute = self.minute = Candle(opened_ms, price, price, price, price)
        elif price > minute.high:
            minute.high = price
        elif price < minute.low:
            minute.low = price
        minute.close = price
        minute.count += 1
        return minute

    def trade(self, at_us: int, ticks: int, lots: int, is_bought: bool, trade_id: int) -> None:
        minute = self.sample(at_us, ticks)
        minute.lots += lots
        minute.tick_lots += ticks * lots
        if is_bought:
            minute.bought_lots += lots
            minute.bought_tick_lots += ticks * lots
        if minute.first_id == NO_ID:
            minute.first_id = trade_id
        minute.last_id = trade_id

    def at(self, interval: Interval, start_ms: int) -> Candle | None:
        """The one that begins at `start_ms`; None when there was nothing yet."""
        for candle in self._newest_first(interval):
            if candle.opened_ms <= start_ms:
                return candle if candle.opened_ms == start_ms else candle.flat(start_ms)
        return None

    def history(self, interval: Interval, now_ms: int) -> list[Candle]:
        """All that is kept, oldest first, without gaps up to the interval that `now_ms` lies in."""
        last_ms = interval.start(now_ms)
        floor_ms = last_ms - (MOST - 1) * interval.ms
        found: list[Candle] = []
        for candle in self._newest_first(interval):
            found.append(candle)
            if candle.opened_ms <= floor_ms:
                break
        if not found:
            return []
        known = found.pop()
        start_ms = max(known.opened_ms, floor_ms)
        candles: list[Candle] = []
        while start_ms <= last_ms:
            if found and found[-1].opened_ms == start_ms:
                known = found.pop()
            candles.append(known if known.opened_ms == start_ms else known.flat(start_ms))
            start_ms = interval.end(start_ms)
        return candles

    def _close(self, minute: Candle) -> None:
        packed = pack(minute)
        self._minutes.append(packed)
        hour_ms = minute.opened_ms - minute.opened_ms % HOUR_MS
        if self._hour is None or self._hour.opened_ms != hour_ms:
            if self._hour is not None:
                self._hours.append(pack(self._hour))
            self._hour = replace(minute, opened_ms=hour_ms)
        else:
            self._hour.append(minute)
        if self._on_closed is not None:
            self._on_closed(minute, packed)

    def _newest_first(self, interval: Interval) -> Iterator[Candle]:
        """Those in which something happened."""
        joined: Candle | None = None
        for part in self._parts(is_hourly=interval.ms >= HOUR_MS):
            start_ms = interval.start(part.opened_ms)
            if joined is None:
                joined = replace(part, opened_ms=start_ms)
            elif joined.opened_ms == start_ms:
                joined.prepend(part)
            else:
                yield joined
                joined = replace(part, opened_ms=start_ms)
        if joined is not None:
            yield joined

    def _parts(self, *, is_hourly: bool) -> Iterator[Candle]:
        if self.minute is not None:
            yield self.minute
        if is_hourly and self._hour is not None:
            yield self._hour
        yield from map(unpack, reversed(self._hours if is_hourly else self._minutes))
