"""The paper exchange in a process of its own, all its limits lifted; with `bare`, the same server answering nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from bench.exchange_load import open_exchange
from exchange.asgi import serve
from exchange.clock import Clock
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp

_Message = MutableMapping[str, Any]


async def _bare(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def main() -> None:
    clock = Clock(time.time_ns() // 1000)
    runner = Runner(open_exchange(clock.now_us(), 1), clock.now_us)
    app = _bare if "bare" in sys.argv else PaperApp(runner)
    async with anyio.create_task_group() as tasks:
        if app is not _bare:
            tasks.start_soon(runner.run)
        port: int = await tasks.start(serve, app, "127.0.0.1", 0)
        print(port, flush=True)


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
