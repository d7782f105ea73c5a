"""The shell around the pure venue: lets its time pass with the event loop's, and hands its pushes to connections.

Owns: when the venue is advanced, and the bounded queue of each connection. Must not know: sockets, HTTP.

A queue that is full drops its oldest market data, which newer data make worthless. News of an account is never
dropped: when there is no room for it the line is cut, and its owner resyncs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio

from exchange.paper.answers import Request, Response
from exchange.paper.streams import Push, PushKind
from exchange.paper.venue import Venue
from exchange.protocol.wire import LineClosed

_QUEUE_LIMIT = 2000
_SLOW = "the connection is too slow for its own news"


class Outbox:
    """What one connection is still to be sent, in order, each from `delay_s()` after it came up."""

    def __init__(self, delay_s: Callable[[], float] | None = None, limit: int = _QUEUE_LIMIT) -> None:
        self.closed: LineClosed | None = None
        self.dropped = 0
        self._limit = limit
        self._delay_s = delay_s
        self._queue: deque[tuple[float, Push]] = deque()
        self._last_due = 0.0
        self._news = anyio.Event()

    def put(self, push: Push) -> None:
        if self.closed is not None:
            return
        if len(self._queue) >= self._limit and not self._make_room(push):
            return
        due = 0.0
        if self._delay_s is not None:
            # No frame overtakes another on its way.
            due = self._last_due = max(self._last_due, anyio.current_time() + self._delay_s())
        self._queue.append((due, push))
        if len(self._queue) == 1:
            self._news.set()

    async def get(self) -> str:
        """The next frame once it has arrived. Raises LineClosed, after the last frame when the venue ended the line."""
        while True:
            if self.closed is not None:
                raise self.closed
            if not self._queue:
                self._news = anyio.Event()
                await self._news.wait()
                continue
            due, push = self._queue[0]
            wait_s = due - anyio.current_time()
            if wait_s > 0:
                # A cut meanwhile must be felt at once.
                self._news = anyio.Event()
                with anyio.move_on_after(wait_s):
                    await self._news.wait()
                continue
            self._queue.popleft()
            if push.kind is PushKind.CLOSE:
                self.cut(push.text, push.code)
                continue
            return push.text

    def cut(self, reason: str, code: int = 1006) -> None:
        """Ends the line now; what is in the queue is lost."""
        if self.closed is None:
            self.closed = LineClosed(reason, code)
        self._queue.clear()
        self._news.set()

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


class Runner:
    """Everything that reaches the venue goes through here, so that its time never lags behind.

    `now_us` is the wall clock as the loop tells it (exchange.clock.Clock.now_us).
    """

    def __init__(self, venue: Venue, now_us: Callable[[], int]) -> None:
        self.venue = venue
        self._now_us = now_us
        self._outboxes: dict[int, Outbox] = {}
        self._wake = anyio.Event()

    async def run(self) -> None:
        """Lets the venue live until cancelled."""
        while True:
            self.venue.advance(self._now_us())
            self._deliver()
            # Asked after the delivery: whoever acts on it is served by the same wake-up.
            self._wake = anyio.Event()
            wait_us = self.venue.next_us() - self._now_us()
            # Whole milliseconds: uvloop's timers know nothing finer, and anyio would spin through the rest. What is due
            # in between is done in one wake-up; frames carry their own times all the same.
            with anyio.move_on_after(max(-(-wait_us // 1000), 1) * 1e-3):
                await self._wake.wait()

    def handle(self, request: Request) -> Response:
        before_us = self.venue.next_us()
        response = self.venue.handle(request, self._now_us())
        self._after(before_us)
        return response

    def open(self, target: str, outbox: Outbox) -> int:
        """A websocket line whose pushes go to `outbox`. Raises LineRefused."""
        before_us = self.venue.next_us()
        line_id = self.venue.open_line(target, self._now_us())
        self._outboxes[line_id] = outbox
        self._after(before_us)
        return line_id

    def receive(self, line_id: int, text: str | bytes) -> None:
        before_us = self.venue.next_us()
        self.venue.receive(line_id, text, self._now_us())
        self._after(before_us)

    def close(self, line_id: int) -> None:
        self._outboxes.pop(line_id, None)
        self.venue.close_line(line_id)

    def stirred(self, symbol: str, is_frozen: bool) -> None:
        """A market that is driven from outside has news, or has lost its source."""
        before_us = self.venue.next_us()
        self.venue.stirred(symbol, is_frozen, self._now_us())
        self._after(before_us)

    def cut_lines(self, reason: str = "connection lost") -> None:
        """Every websocket breaks, as when a line goes dead: no close frame, what was on its way is lost."""
        for line_id, outbox in list(self._outboxes.items()):
            self.close(line_id)
            outbox.cut(reason)

    def _after(self, before_us: int) -> None:
        self._deliver()
        if self.venue.next_us() < before_us:
            self._wake.set()

    def _deliver(self) -> None:
        for push in self.venue.take_pushes():
            outbox = self._outboxes.get(push.line_id)
            if outbox is None:
                continue
            outbox.put(push)
            if push.kind is PushKind.CLOSE:
                del self._outboxes[push.line_id]
            elif outbox.closed is not None:
                self.close(push.line_id)
