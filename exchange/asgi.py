"""An ASGI application served inside a task group: it lives as long as its task and leaves nothing behind.

Owns: the listening socket, the server's start and end, and what an application may do to a connection beyond ASGI.
Must not know: what the application is.
"""

from __future__ import annotations

import socket
import struct
from asyncio import Transport
from collections.abc import MutableMapping
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

_GRACE_S = 1
"""What requests under way are given to end when the server is cancelled."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small writes at once only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


_CONNECTION = "connection"
"""The extension by which an application reaches its connection."""
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class _Http(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_CONNECTION: {"transport": self.transport}}


class _WebSocket(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        # Its task, which reads this, begins later.
        if not self.transport.is_closing():
            self.scope["extensions"] = {_CONNECTION: {"transport": self.transport}}


def reset(scope: MutableMapping[str, Any]) -> None:
    """Breaks the request's connection as a network does: at once, by a TCP reset, without a word."""
    transport = _transport(scope)
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()


def stop_reading(scope: MutableMapping[str, Any]) -> None:
    """From now on what comes on the connection is left lying, pings and farewells too."""
    transport = _transport(scope)
    if not transport.is_closing():
        transport.pause_reading()


def _transport(scope: MutableMapping[str, Any]) -> Transport:
    transport: Transport = scope["extensions"][_CONNECTION]["transport"]
    return transport


async def serve(app: Any, host: str, port: int, *, task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED) -> None:
    """Serves until cancelled: `port = await tasks.start(serve, app, "127.0.0.1", 0)`. Raises OSError."""
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        http=_Http,
        ws=_WebSocket,
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        ws_ping_interval=300,
        ws_ping_timeout=900,
        timeout_graceful_shutdown=_GRACE_S,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # startup, main_loop and shutdown are what Server.serve does between catching signals, which belong to the program.
    await server.startup(sockets=[listener])
    try:
        task_status.started(listener.getsockname()[1])
        await server.main_loop()
    finally:
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listener])
