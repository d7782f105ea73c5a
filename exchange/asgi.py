"""An ASGI application served inside a task group: it lives as long as its task and leaves nothing behind.

Owns: the listening socket and the server's start and end. Must not know: what the application is.
"""

from __future__ import annotations

import socket
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus

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


async def serve(app: Any, host: str, port: int, *, task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED) -> None:
    """Serves until cancelled: `port = await tasks.start(serve, app, "127.0.0.1", 0)`. Raises OSError."""
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
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
