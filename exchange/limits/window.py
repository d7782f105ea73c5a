"""Owns: how many tokens of one limiter are taken, and when each comes back. Must not know: clocks, costs, the venue.

The venue counts a request at some instant between our sending it and our reading its answer. So its token is held from
`take` until a window's length after `settle`, and no window of that length, wherever it is laid, both ends included,
holds more requests than the capacity. A plain bucket's burst plus its refill would.
"""

from __future__ import annotations

from collections import deque


class Window:
    """At most `capacity` tokens in any `length_us`. Time never runs backward in here: an earlier `now_us` counts as
    the latest one seen, which can hold a token longer and never frees one early."""

    __slots__ = ("_now_us", "_returning", "capacity", "freed", "length_us", "peak", "used")

    def __init__(self, capacity: int, length_us: int, in_flight: int = 0) -> None:
        self.capacity = capacity
        self.length_us = length_us
        self.used = in_flight
        """Tokens held as of the last call: unsettled ones, and settled ones whose window has not passed."""
        self.peak = in_flight
        self.freed = 0
        """Tokens that ever came back by the passing of their window."""
        self._now_us = 0
        self._returning: deque[tuple[int, int]] = deque()

    def advance(self, now_us: int) -> None:
        """Takes back every token whose window has passed."""
        self._now_us = max(self._now_us, now_us)
        returning = self._returning
        while returning and returning[0][0] <= self._now_us:
            count = returning.popleft()[1]
            self.used -= count
            self.freed += count

    def take(self, count: int) -> None:
        """Holds `count` tokens. The caller has seen, after `advance`, that there is room."""
        self.used += count
        self.peak = max(self.peak, self.used)

    def settle(self, count: int) -> None:
        """Starts the window of `count` tokens held, at the time of the last `advance`."""
        # One past the length: a window with both its ends must not hold a token twice.
        free_us = self._now_us + self.length_us + 1
        returning = self._returning
        if returning and returning[-1][0] == free_us:
            count += returning.pop()[1]
        returning.append((free_us, count))

    def release(self, count: int) -> None:
        """Gives back tokens that were never sent."""
        self.used -= count

    def ready_us(self, count: int, keep: int = 0) -> int | None:
        """When `count` more would leave `keep` free, if nothing but time happens; None when time alone is not enough.

        Walks at most as many entries as tokens are missing.
        """
        missing = self.used + count + keep - self.capacity
        if missing <= 0:
            return self._now_us
        for free_us, returned in self._returning:
            missing -= returned
            if missing <= 0:
                return free_us
        return None
