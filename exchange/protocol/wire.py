"""The websocket as both ends see it: real sockets and the in-memory line are two makers of the same thing.

HTTP needs no such port: the client takes any httpx transport, and the paper venue offers one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class LineClosed(Exception):
    """The connection is gone: by close frame, by cut, or because it could not be opened."""

    def __init__(self, reason: str, code: int = 1006) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class WebSocket(Protocol):
    async def recv(self) -> str | bytes:
        """The next text frame. Raises LineClosed."""
        ...

    async def send(self, text: str) -> None:
        """Raises LineClosed."""
        ...


Connect = Callable[[str], AbstractAsyncContextManager[WebSocket]]
"""Opens a URL; raises LineClosed when it cannot be opened."""
