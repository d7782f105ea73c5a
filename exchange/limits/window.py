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

    __slots__ = (
        "_assumed_until_us",
        "_returning",
        "assumed",
        "capacity",
        "freed",
        "length_us",
        "now_us",
        "peak",
        "used",
    )

    def __init__(self, capacity: int, length_us: int, in_flight: int = 0) -> None:
        self.capacity = capacity
        self.length_us = length_us
        self.used = in_flight
        """Tokens held as of the last call: unsettled ones, and settled ones whose window has not passed."""
        self.assumed = 0
        """Those of them that nobody is known to have taken."""
        self.peak = in_flight
        """The most that were ever held, without those assumed."""
        self.freed = 0
        """Tokens that ever came back by the passing of their window."""
        self.now_us = 0
        """The latest time seen."""
        self._returning: deque[tuple[int, int]] = deque()
        self._assumed_until_us = 0

    def advance(self, now_us: int) -> None:
        """Takes back every token whose window has passed."""
        if now_us > self.now_us:
            self.now_us = now_us
        returning = self._returning
        while returning and returning[0][0] <= self.now_us:
            count = returning.popleft()[1]
            self.used -= count
            self.freed += count
        if self.assumed:
            self._advance_assumed()

    def take(self, count: int) -> None:
        """Holds `count` tokens. The caller has seen, after `advance`, that there is room."""
        self.used += count
        if self.used - self.assumed > self.peak:
            self.peak = self.used - self.assumed

    def settle(self, count: int) -> None:
        """Starts the window of `count` tokens held, at the time of the last `advance`."""
        # One past the length: a window with both its ends must not hold a token twice.
        free_us = self.now_us + self.length_us + 1
        returning = self._returning
        if returning and returning[-1][0] == free_us:
            count += returning.pop()[1]
        returning.append((free_us, count))

    def release(self, count: int) -> None:
        """Gives back tokens that were never sent."""
        self.used -= count

    def assume(self, count: int) -> None:
        """Holds so many tokens, instead of those assumed so far, for what may have been spent before the first
        `advance`: until a window's length after it. Not to be begun later than that."""
        if self._assumed_until_us:
            # They were settled before all others.
            free_us, first = self._returning[0]
            self._returning[0] = (free_us, first + count - self.assumed)
            self.used += count - self.assumed
        self.assumed = count

    def _advance_assumed(self) -> None:
        if not self._assumed_until_us:
            self.used += self.assumed
            self.settle(self.assumed)
            self._assumed_until_us = self._returning[0][0]
        elif self._assumed_until_us <= self.now_us:
            # They never were ours: no late answer's count is to be explained by them.
            self.freed -= self.assumed
            self.assumed = 0

    def ready_us(self, count: int, keep: int = 0) -> int | None:
        """When `count` more would leave `keep` free, if nothing but time happens; None when time alone is not enough.

        Walks at most as many entries as tokens are missing.
        """
        missing = self.used + count + keep - self.capacity
        if missing <= 0:
            return self.now_us
        for free_us, returned in self._returning:
            missing -= returned
            if missing <= 0:
                return free_us
        return None

    def even_us(self, keep: int, blur_us: int) -> int:
        """The shortest even distance at which single tokens can be taken for a window's length from now, `keep` left
        alone, on what is free and what comes back until then; at most the length.

        As tight as a string pulled under the staircase of what will have come back, but for its first `blur_us`: so
        short a hitch may be. Walks all entries.
        """
        free = self.capacity - keep - self.used
        even_us = 0
        for free_us, count in self._returning:
            ahead_us = free_us - self.now_us
            if ahead_us > blur_us and ahead_us > even_us * free:
                if free <= 0:
                    return self.length_us
                even_us = -(-ahead_us // free)
            free += count
        return max(even_us, -(-self.length_us // max(1, free)))
