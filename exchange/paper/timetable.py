"""What is due when: a heap of calls, the same order every time.

Owns: the order of things to come. Must not know: what they are, or what time it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

Due = Callable[[int], None]
"""Called with the time it was due at, µs."""


class Timetable:
    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Due]] = []
        self._sequence = 0

    def next_us(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def at(self, due_us: int, call: Due) -> None:
        """Of calls due at the same time the one entered first comes first."""
        self._sequence += 1
        heapq.heappush(self._heap, (due_us, self._sequence, call))

    def run(self, now_us: int) -> None:
        """Carries out all that is due by now, and what that in turn makes due by now, in order of time."""
        heap = self._heap
        while heap and heap[0][0] <= now_us:
            due_us, _, call = heapq.heappop(heap)
            call(due_us)
