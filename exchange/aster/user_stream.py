"""exchange.ports.AccountStream: the account's news over a listen key (docs: User Data Streams).

Owns: the listen key's life and the line that it opens. Must not know: what the listener makes of an event.

Events may be lost whenever the line is down: after every StreamUp the listener resyncs by REST. They may also come out
of order, and are passed on as they come, each with the venue's time. Silence alone is no reason to reconnect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import anyio
import msgspec
from loguru import logger

from exchange.aster import conversion
from exchange.aster.backoff import Backoff
from exchange.aster.listen_key import ListenKey
from exchange.aster.malformed import Malformed
from exchange.aster.rest import Rest
from exchange.bell import Bell
from exchange.errors import BadCredentials, Banned, Throttled, VenueError
from exchange.model import AccountEvent, Instrument, StreamDown, StreamUp
from exchange.protocol import frames, streams
from exchange.protocol.codes import INVALID_LISTEN_KEY
from exchange.protocol.wire import Connect, LineClosed, WebSocket

LINE = "account"
_PROVEN_S = 10.0
_DOUBTED_AGAIN_S = 5.0
_RETRY_KEEP_ALIVE_S = 60.0
_OPEN_S = 10.0


class AsterAccountStream:
    """`malformed` counts frames that could not be read. `reconnects` counts lines lost.

    By report a keep-alive right after the key was made can kill it, and a DELETE makes the next POST return the dying
    key: the first keep-alive comes after `keep_alive_s`, and the key is never deleted.
    """

    def __init__(
        self,
        rest: Rest,
        connect: Connect,
        stream_url: str,
        instruments: Mapping[str, Instrument],
        rng: Random,
        *,
        keep_alive_s: float = 25 * 60,
    ) -> None:
        self._key = ListenKey(rest)
        self._connect = connect
        self._stream_url = stream_url.rstrip("/")
        self._instruments = instruments
        self._backoff = Backoff(rng)
        self._keep_alive_s = keep_alive_s
        self.malformed = Malformed(LINE)
        self.reconnects = 0
        self._doubted = Bell()

    def doubt(self) -> None:
        self._doubted.ring()

    async def run(self, sink: Callable[[AccountEvent], None]) -> None:
        """Raises BadCredentials: trying again cannot help."""
        while True:
            started = anyio.current_time()
            at_least_s = 0.0
            try:
                reason = await self._hold(await self._key.start(), sink)
            except BadCredentials:
                raise
            except (Banned, Throttled) as error:
                reason, at_least_s = str(error), error.retry_after_s
            except VenueError as error:
                reason = str(error)
            except LineClosed as closed:
                reason = closed.reason
            self.reconnects += 1
            if anyio.current_time() - started >= _PROVEN_S:
                self._backoff.reset()
            delay_s = at_least_s + self._backoff.next_s()
            logger.warning("account stream: {}; connecting again in {:.1f} s", reason, delay_s)
            await anyio.sleep(delay_s)

    async def _hold(self, key: str, sink: Callable[[AccountEvent], None]) -> str:
        """Returns why the line was lost; raises LineClosed when it could not be opened."""
        line = _Line(self._key, self._instruments, self.malformed, sink, self._keep_alive_s)
        # A new line is looked at in any case.
        self._doubted.ring()
        with line.scope:
            line.scope.deadline = anyio.current_time() + _OPEN_S
            async with (
                self._connect(self._stream_url + streams.raw_path(key)) as socket,
                anyio.create_task_group() as tasks,
            ):
                line.scope.deadline = float("inf")
                sink(StreamUp(LINE))
                tasks.start_soon(line.watch_key, key, self._doubted)
                tasks.start_soon(line.keep_alive)
                await line.read(socket)
        if line.reason is None:
            raise LineClosed(f"could not be opened in {_OPEN_S:.0f} s")
        return line.reason


class _Line:
    def __init__(
        self,
        key: ListenKey,
        instruments: Mapping[str, Instrument],
        malformed: Malformed,
        sink: Callable[[AccountEvent], None],
        keep_alive_s: float,
    ) -> None:
        self._key = key
        self._instruments = instruments
        self._malformed = malformed
        self._sink = sink
        self._keep_alive_s = keep_alive_s
        self.scope = anyio.CancelScope()
        self.reason: str | None = None

    def _end(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self._sink(StreamDown(LINE, reason))
            self.scope.cancel()

    async def read(self, socket: WebSocket) -> None:
        try:
            while self.reason is None:
                self._take(await socket.recv())
        except LineClosed as closed:
            self._end(closed.reason)

    def _take(self, text: str | bytes) -> None:
        try:
            frame = frames.decode_user(text)
            if isinstance(frame, frames.OrderTradeUpdateFrame):
                instrument = self._instruments.get(frame.order.symbol)
                event = conversion.order_update_from(frame, instrument) if instrument else None
            elif isinstance(frame, frames.AccountUpdateFrame):
                event = conversion.account_update_from(frame, self._instruments)
            elif isinstance(frame, frames.ListenKeyExpiredFrame):
                self._end("the listen key has expired")
                return
            else:
                return
        except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
            self._not_understood(text, error)
            return
        if event is not None:
            self._sink(event)

    def _not_understood(self, text: str | bytes, error: Exception) -> None:
        """Kinds that we do not follow (margin calls, announcements) are no fault. A frame that may have been an order
        is a gap: the line is given up, so that the listener resyncs.
        """
        try:
            kind = frames.decode_kind(text).e
        except msgspec.DecodeError:
            kind = "unreadable"
        if kind in frames.USER_KINDS or kind == "unreadable":
            self._malformed.add(error)
            self._end(f"a frame could not be read: {kind}")

    async def watch_key(self, key: str, doubted: Bell) -> None:
        """Whether it is still the account's, once the line is open and whenever that is doubted: with one that expired,
        and whose end nobody told, it is deaf. Not by a keep-alive, which may kill a key that is young."""
        while True:
            await doubted.wait()
            doubted.hush()
            try:
                if await self._key.start() != key:
                    self._end("the listen key is gone")
            except VenueError as error:
                logger.warning("account stream: whether its listen key lives could not be asked: {}", error)
                doubted.ring()
            await anyio.sleep(_DOUBTED_AGAIN_S)

    async def keep_alive(self) -> None:
        wait_s = self._keep_alive_s
        while True:
            await anyio.sleep(wait_s)
            wait_s = self._keep_alive_s
            try:
                await self._key.keep()
            except VenueError as error:
                if error.code == INVALID_LISTEN_KEY:
                    self._end("the listen key is gone")
                    return
                logger.warning("account stream: keep-alive failed, trying again: {}", error)
                wait_s = _RETRY_KEEP_ALIVE_S
