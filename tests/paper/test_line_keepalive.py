"""Pings and pongs on a real line (docs: Websocket Market Streams: every 5 minutes, an answer within 15)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
import pytest
import uvicorn
from still_market import START_US, Bench
from websockets.asyncio.client import connect

from exchange.asgi import serve
from exchange.clock import Clock
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
PING, CLOSE = b"\x89\x04", b"\x88"
"""A ping of four bytes, and a close frame's first."""
LIST = '{"method":"LIST_SUBSCRIPTIONS","id":1}'


def app() -> PaperApp:
    return PaperApp(Runner(Bench().venue, Clock(START_US).now_us))


async def test_a_clients_pings_are_answered_and_its_unsolicited_pongs_allowed() -> None:
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, app(), "127.0.0.1", 0)
            async with connect(f"ws://127.0.0.1:{port}/ws/asterusdt@trade", proxy=None, ping_interval=None) as line:
                for _ in range(30):
                    await line.pong(b"nobody asked")
                    await (await line.ping())
                await line.send(LIST)
                assert await line.recv() == '{"result":["asterusdt@trade"],"id":1}'
            tasks.cancel_scope.cancel()


async def test_a_line_is_pinged_and_ends_when_no_pong_comes_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented minutes, a thousand times as fast."""
    given: list[tuple[float, float]] = []
    heard = bytearray()

    class Config(uvicorn.Config):
        def __init__(self, *args: Any, **settings: Any) -> None:
            given.append((settings["ws_ping_interval"], settings["ws_ping_timeout"]))
            fast = {name: settings[name] / 1000 for name in ("ws_ping_interval", "ws_ping_timeout")}
            super().__init__(*args, **settings | fast)

    monkeypatch.setattr(uvicorn, "Config", Config)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, app(), "127.0.0.1", 0)
            async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, ping_interval=None) as answering:
                async with await anyio.connect_tcp("127.0.0.1", port) as deaf:
                    await deaf.send(HANDSHAKE)
                    with suppress(anyio.EndOfStream):
                        while True:
                            heard += await deaf.receive()
                await answering.send(LIST)
                assert await answering.recv() == '{"result":[],"id":1}'
            tasks.cancel_scope.cancel()
    assert given == [(300, 900)]
    frames = heard.partition(b"\r\n\r\n")[2]
    assert frames[:2] == PING
    assert frames[6:7] == CLOSE
