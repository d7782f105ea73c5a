"""One connection that carries market streams: opened, brought to what is wanted, read, and given up when it dies.

Owns: one line's life. Must not know: what the frames mean, nor what happens after its end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import anyio
import msgspec

from exchange.aster.malformed import Malformed
from exchange.aster.subscriptions import Change, changes
from exchange.protocol import frames, streams
from exchange.protocol.wire import Connect, LineClosed, WebSocket

_OPEN_S = 10.0
_ANSWER_S = 10.0
_PACE_S = 0.2
"""Between two messages: 5 a second, where more than 10 would have the line cut."""
_MAX_EARLY = 20_000
"""Frames kept until the line may speak; past that the oldest go."""


class Wanted:
    """The streams that every line should carry, and an event that is set when they change."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.changed = anyio.Event()

    def set(self, names: tuple[str, ...]) -> None:
        if names != self.names:
            self.names = names
            self.changed.set()
            self.changed = anyio.Event()


class MarketLine:
    """`is_ready` once the first subscriptions are confirmed, `reason` says why it ended: `on_news` tells of both.

    `early` holds frames, with their microsecond of arrival, that came before this line was the one that speaks.
    """

    def __init__(
        self,
        connect: Connect,
        url: str,
        wanted: Wanted,
        malformed: Malformed,
        on_data: Callable[[MarketLine, frames.MarketData], None],
        on_news: Callable[[], None],
        silent_after_s: float,
    ) -> None:
        self._connect = connect
        self._url = url
        self._wanted = wanted
        self._malformed = malformed
        self._on_data = on_data
        self._on_news = on_news
        self._silent_after_s = silent_after_s
        self._scope = anyio.CancelScope()
        self._carried: dict[str, None] = {}
        self._request_id = 0
        self._may_send_at = 0.0
        self._answered = anyio.Event()
        self._frames = 0
        self.early: deque[tuple[frames.MarketData, int]] = deque(maxlen=_MAX_EARLY)
        self.is_ready = False
        self.reason: str | None = None

    async def run(self) -> None:
        try:
            with self._scope:
                self._scope.deadline = anyio.current_time() + _OPEN_S
                async with self._connect(self._url) as socket, anyio.create_task_group() as tasks:
                    self._scope.deadline = math.inf
                    tasks.start_soon(self._subscribe, socket)
                    if math.isfinite(self._silent_after_s):
                        tasks.start_soon(self._listen_for_silence)
                    await self._read(socket)
        except LineClosed as closed:
            self._end(closed.reason)
        finally:
            self._end(f"could not be opened in {_OPEN_S:.0f} s")

    def retire(self) -> None:
        self._end("another line has taken over")

    def _end(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self._scope.cancel()
            self._on_news()

    async def _read(self, socket: WebSocket) -> None:
        try:
            while True:
                frame = await socket.recv()
                self._frames += 1
                try:
                    envelope = frames.decode_envelope(frame)
                except msgspec.DecodeError as error:
                    self._malformed.add(error)
                    continue
                if envelope.data is not None:
                    self._on_data(self, envelope.data)
                else:
                    self._take_answer(envelope)
        except LineClosed as closed:
            self._end(closed.reason)

    def _take_answer(self, envelope: frames.Envelope) -> None:
        error = envelope.error or (frames.StreamError(envelope.code, envelope.msg) if envelope.code else None)
        if error is not None:
            self._end(f"the venue refuses a subscription: {error.msg} ({error.code})")
        elif envelope.id == self._request_id:
            self._answered.set()

    async def _subscribe(self, socket: WebSocket) -> None:
        """Brings the line to what is wanted, now and whenever that changes."""
        try:
            while True:
                changed = self._wanted.changed
                for change in changes(self._carried, self._wanted.names):
                    if not await self._ask(socket, change):
                        self._end(f"no answer to {change.method} in {_ANSWER_S:.0f} s")
                        return
                if not changed.is_set():
                    if not self.is_ready:
                        self.is_ready = True
                        self._on_news()
                    await changed.wait()
        except LineClosed as closed:
            self._end(closed.reason)

    async def _ask(self, socket: WebSocket, change: Change) -> bool:
        await anyio.sleep_until(self._may_send_at)
        self._may_send_at = anyio.current_time() + _PACE_S
        self._request_id += 1
        self._answered = anyio.Event()
        request = frames.StreamRequest(change.method, list(change.params), self._request_id)
        await socket.send(frames.encode(request).decode())
        with anyio.move_on_after(_ANSWER_S):
            await self._answered.wait()
            for name in change.params:
                if change.method == "SUBSCRIBE":
                    self._carried[name] = None
                else:
                    self._carried.pop(name, None)
            return True
        return False

    async def _listen_for_silence(self) -> None:
        """Mark prices come every second: a line that carries them and says nothing is dead."""
        parts = 5
        heard, silent = self._frames, 0
        while silent < parts:
            await anyio.sleep(self._silent_after_s / parts)
            silent = silent + 1 if self._frames == heard and self._carries_heartbeat() else 0
            heard = self._frames
        self._end(f"silent for {self._silent_after_s:g} s")

    def _carries_heartbeat(self) -> bool:
        return any(name == streams.ALL_MARK_PRICES or name.endswith(streams.MARK_PRICE) for name in self._carried)
