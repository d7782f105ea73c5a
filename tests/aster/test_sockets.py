"""Real websockets on loopback: opening, closing, being cut, and being cancelled without a trace."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from exchange.aster.sockets import connect, url_without_key
from exchange.protocol.wire import LineClosed


@asynccontextmanager
async def venue() -> AsyncGenerator[str]:
    """Echoes; closes with a reason when told `bye`, floods when told `flood`."""

    async def talk(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in connection:
                if text == "bye":
                    await connection.close(1008, "24 hours are over")
                elif text == "flood":
                    for _ in range(5000):
                        await connection.send("x" * 1000)
                elif text == "cut":
                    connection.transport.abort()
                else:
                    await connection.send(text)

    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ws/secretkey"


async def test_frames_go_both_ways() -> None:
    async with venue() as url, connect(url) as socket:
        await socket.send("币安人生")
        assert await socket.recv() == "币安人生".encode()


@pytest.mark.parametrize(("word", "code", "reason"), [("bye", 1008, "24 hours are over"), ("cut", 1006, "code 1006")])
async def test_a_line_that_ends_says_why(word: str, code: int, reason: str) -> None:
    async with venue() as url, connect(url) as socket:
        await socket.send(word)
        with pytest.raises(LineClosed) as raised:
            await socket.recv()
        assert raised.value.code == code
        assert reason in raised.value.reason
        with pytest.raises(LineClosed):
            await socket.send("anybody there?")


async def test_a_line_that_cannot_be_opened_names_no_key() -> None:
    async with venue() as url:
        pass
    with pytest.raises(LineClosed) as raised:
        async with connect(url):
            pass
    assert "cannot open ws://127.0.0.1" in raised.value.reason
    assert "secretkey" not in raised.value.reason


@pytest.mark.parametrize("url", ["ws://h/ws/abc", "wss://h/base/ws/abc"])
def test_a_listen_key_is_not_shown(url: str) -> None:
    assert "abc" not in url_without_key(url)


@pytest.mark.parametrize("word", ["hello", "flood"])
async def test_cancelling_a_reader_closes_the_line_in_good_time(word: str, caplog: pytest.LogCaptureFixture) -> None:
    async def read(url: str) -> None:
        async with connect(url) as socket:
            await socket.send(word)
            await socket.recv()
            await anyio.sleep_forever()

    with caplog.at_level(logging.WARNING):
        async with venue() as url:
            with anyio.fail_after(3):
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(read, url)
                    await anyio.sleep(0.05)
                    tasks.cancel_scope.cancel()
    assert caplog.records == []


async def test_cancelling_while_opening_leaves_nothing_behind() -> None:
    async def silent(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, silent)
        with anyio.move_on_after(0.05):
            async with connect(f"ws://127.0.0.1:{port}/stream"):
                pass
        tasks.cancel_scope.cancel()
    await listener.aclose()
