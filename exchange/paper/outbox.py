"""What one line is still to be sent, in order, and when each frame has made its way.

Owns: the bounded queue of a line. Must not know: the venue, sockets, why anything is late.

A queue that is full drops its oldest market data, which newer data make worthless. News of an account is never
dropped: when there is no room for it the line is cut, and its owner resyncs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from exchange.bell import Bell
from exchange.clock import loop_s
from exchange.paper.streams import Push, PushKind
from exchange.protocol.wire import LineClosed

_QUEUE_LIMIT = 2000
_SLOW = "the connection is too slow for its own news"
_SWAPPED_WITHIN_S = 1.0


def _at_once() -> float:
    return 0.0


class Outbox:
    """Each frame arrives `delay_s()` after it came up; no frame overtakes another on its way."""

    def __init__(self, delay_s: Callable[[], float] = _at_once, limit: int = _QUEUE_LIMIT) -> None:
        self.closed: LineClosed | None = None
        self.dropped = 0
        self._limit = limit
        self._delay_s = delay_s
        self._queue: deque[tuple[float, Push]] = deque()
        self._last_due = 0.0
        self.on_silence: Callable[[], None] | None = None
        self._dead_from: float | None = None
        self._swapped: Push | None = None
        self._news = Bell()

    def put(self, push: Push) -> None:
        if not self._may_enter(push):
            return
        delay_s = self._delay_s()
        if delay_s:
            self._last_due = max(self._last_due, loop_s() + delay_s)
        self._enter(self._last_due, push)
        if push.kind is PushKind.ACCOUNT and self._swapped is not None:
            self._hasten(self._swapped, self._last_due)

    def put_late(self, push: Push, late_s: float) -> None:
        """Comes so much later than it would have, and lets others go first."""
        if self._may_enter(push):
            self._enter(max(self._last_due, loop_s() + self._delay_s()) + late_s, push)

    def put_swapped(self, push: Push) -> None:
        """Lets the next news of an account go first; if there is none within a second, comes then."""
        self._swapped = None
        self.put_late(push, _SWAPPED_WITHIN_S)
        self._swapped = push

    async def get(self) -> str:
        """The next frame once it has arrived. Raises LineClosed, after the last frame when the venue ended the line."""
        while True:
            if self.closed is not None:
                raise self.closed
            if self._dead_from is not None:
                await self._wait_until(self._dead_from)
                if loop_s() >= self._dead_from:
                    self.cut("connection lost")
                continue
            if not self._queue:
                await self._wait_until(None)
                continue
            due, push = self._queue[0]
            if due and due > loop_s():
                # A cut meanwhile must be felt at once.
                await self._wait_until(due)
                continue
            self._queue.popleft()
            if push is self._swapped:
                self._swapped = None
            if push.kind is PushKind.CLOSE:
                self.cut(push.text, push.code)
                continue
            return push.text

    def cut(self, reason: str, code: int = 1006) -> None:
        """Ends the line now; what is in the queue is lost."""
        if self.closed is None:
            self.closed = LineClosed(reason, code)
        self._queue.clear()
        self._news.ring()

    def go_silent(self, until: float) -> None:
        """Nothing comes any more, as on a line that is half open, until it breaks at that time of the loop."""
        self._queue.clear()
        self._dead_from = until
        if self.on_silence is not None:
            self.on_silence()
        self._news.ring()

    @property
    def is_silent(self) -> bool:
        return self._dead_from is not None

    async def _wait_until(self, due: float | None) -> None:
        self._news.hush()
        await self._news.wait(None if due is None else due - loop_s())

    def _may_enter(self, push: Push) -> bool:
        if self.closed is not None or self._dead_from is not None:
            return False
        return len(self._queue) < self._limit or self._make_room(push)

    def _enter(self, due: float, push: Push) -> None:
        queue = self._queue
        place = len(queue)
        while place and queue[place - 1][0] > due:
            place -= 1
        if place == len(queue):
            queue.append((due, push))
        else:
            queue.insert(place, (due, push))
        if not place:
            self._news.ring()

    def _hasten(self, push: Push, due: float) -> None:
        """Brings a frame that waits forward to that time, behind what is due then."""
        self._swapped = None
        for place, (was_due, waiting) in enumerate(self._queue):
            if waiting is push:
                if was_due > due:
                    del self._queue[place]
                    self._enter(due, push)
                return

    def _make_room(self, push: Push) -> bool:
        """Whether `push` may enter a full queue, for which the oldest market data go."""
        for place, (_, waiting) in enumerate(self._queue):
            if waiting.kind is PushKind.MARKET:
                del self._queue[place]
                self.dropped += 1
                return True
        if push.kind is PushKind.MARKET:
            self.dropped += 1
            return False
        self.cut(_SLOW, 1008)
        return False
