"""Real websockets: exchange.protocol.wire.Connect over the websockets library.

Pings of the venue (every 5 min) are answered by the library. It also sends its own, so that a line that died without
a word is noticed even where silence is normal (the account's).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, WebSocketException

from exchange.protocol.wire import LineClosed

_MAX_FRAME_BYTES = 16 * 1024 * 1024
_MAX_WAITING_FRAMES = 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def recv(self) -> str | bytes:
        try:
            # Undecoded: the JSON decoder takes bytes.
            return await self._connection.recv(decode=False)
        except ConnectionClosed as closed:
            raise _line_closed(closed) from closed

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise _line_closed(closed) from closed


@asynccontextmanager
async def connect(url: str) -> AsyncGenerator[_Socket]:
    """Opens a websocket; raises LineClosed when that cannot be done in 10 s."""
    try:
        connection = await open_websocket(
            url,
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            max_queue=_MAX_WAITING_FRAMES,
            open_timeout=10,
            close_timeout=1,
            ping_interval=20,
            ping_timeout=20,
            proxy=None if urlsplit(url).hostname in _LOOPBACK else True,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        raise LineClosed(f"cannot open {url_without_key(url)}: {error or type(error).__name__}") from error
    try:
        yield _Socket(connection)
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


def url_without_key(url: str) -> str:
    """A listen key is as good as a password for the account's news: it is shown nowhere."""
    return f"{url.split('/ws/')[0]}/ws/…" if "/ws/" in url else url


def _line_closed(closed: ConnectionClosed) -> LineClosed:
    frame = closed.rcvd or closed.sent
    code = frame.code if frame else 1006
    return LineClosed((frame.reason if frame else "") or f"closed with code {code}", code)
