from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from exchange.aster.http_sockets import SocketTransport
from exchange.aster.rest import http_client

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
GZIPPED = gzip.compress(b'{"a":1}')


@dataclass
class Door:
    """Answers each request that arrives on any connection with the next of `answers`; b"" closes without a word."""

    answers: list[bytes]
    seen: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    port: int = 0
    closes: bool = False
    """Each connection after its first answer, ..."""
    resets: bool = False
    """... or breaks it."""
    waiting: anyio.Event = field(default_factory=anyio.Event)
    hung_up: anyio.Event = field(default_factory=anyio.Event)

    async def hold(self, line: SocketStream) -> None:
        self.connections += 1
        async with line:
            try:
                while True:
                    self.seen.append(await line.receive())
                    if not self.answers:
                        self.waiting.set()
                        continue
                    answer = self.answers.pop(0)
                    if not answer:
                        return
                    await line.send(answer)
                    if self.resets:
                        raw = line.extra(SocketAttribute.raw_socket)
                        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if self.closes or self.resets:
                        return
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self.hung_up.set()


@asynccontextmanager
async def door(
    *answers: bytes, closes: bool = False, resets: bool = False
) -> AsyncGenerator[tuple[Door, httpx.AsyncClient]]:
    at = Door(list(answers), closes=closes, resets=resets)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    at.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, at.hold)
        async with httpx.AsyncClient(transport=SocketTransport(), base_url=f"http://127.0.0.1:{at.port}") as client:
            yield at, client
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"{}"),
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 429, b""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED,
            200,
            b'{"a":1}',
        ),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", 200, b"{}"),
    ],
    ids=["length", "no body", "chunked", "gzip", "early hints", "http 1.0"],
)
async def test_an_answer_is_read_whole(answer: bytes, status: int, body: bytes) -> None:
    async with door(answer) as (_, client):
        response = await client.get("/x")
        assert (response.status_code, response.content) == (status, body)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n<html>", 403, b"<html>"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", 403, b""),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}", 200, b"{}"),
    ],
    ids=["firewall", "no body", "http 1.0", "early hints"],
)
async def test_an_answer_that_tells_no_length_ends_with_its_connection(answer: bytes, status: int, body: bytes) -> None:
    async with door(answer, OK, closes=True) as (at, client):
        response = await client.get("/x")
        assert (response.status_code, response.content) == (status, body)
        assert (await client.get("/x")).content == b"{}"
        assert at.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
    ids=["length", "chunked", "headers", "early hints"],
)
async def test_an_answer_cut_short_is_lost(answer: bytes) -> None:
    async with door(answer, OK, closes=True) as (_, client):
        with pytest.raises(httpx.ReadError):
            await client.get("/x")


async def test_an_answer_without_a_length_is_lost_with_a_reset() -> None:
    async with door(b"HTTP/1.0 200 OK\r\n\r\n{", resets=True) as (_, client):
        with pytest.raises(httpx.ReadError):
            await client.get("/x")


async def test_headers_of_an_answer_are_told() -> None:
    async with door(b"HTTP/1.1 200 OK\r\nX-MBX-USED-WEIGHT-1M: 12\r\ncontent-length: 0\r\n\r\n") as (_, client):
        assert (await client.get("/x")).headers["x-mbx-used-weight-1m"] == "12"


async def test_a_request_is_one_write_head_and_body() -> None:
    async with door(OK) as (at, client):
        url = f"http://127.0.0.1:{at.port}/fapi/v3/order?x=%20"
        await client.send(httpx.Request("PUT", url, headers=[(b"host", b"venue")], content=b"a=1&b=2"))
        assert at.seen == [b"PUT /fapi/v3/order?x=%20 HTTP/1.1\r\nhost: venue\r\nContent-Length: 7\r\n\r\na=1&b=2"]


@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (OK, 1),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}", 2),
        (OK + b"surplus", 2),
        (OK + OK, 2),
    ],
    ids=["kept alive", "close", "surplus", "two answers"],
)
async def test_a_connection_serves_again_when_the_answer_lets_it(first: bytes, connections: int) -> None:
    async with door(first, OK) as (at, client):
        assert [(await client.get("/x")).content for _ in range(2)] == [b"{}", b"{}"]
        assert at.connections == connections


async def test_requests_at_once_do_not_wait_for_each_other() -> None:
    async with door(OK, OK, OK) as (at, client), anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(client.get, "/x")
    assert at.connections == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.ReadError),
        (b"SSH-2.0-hello\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", httpx.RemoteProtocolError),
    ],
    ids=["closed", "no http", "bad length"],
)
async def test_what_is_no_answer_is_an_error_of_the_line_alone(answer: bytes, error: type[Exception]) -> None:
    async with door(answer, OK) as (_, client):
        with pytest.raises(error):
            await client.get("/x")
        assert (await client.get("/x")).content == b"{}"


async def test_an_idle_connection_that_the_venue_closed_is_not_used() -> None:
    async with door(OK, OK) as (at, client):
        await client.get("/x")
        at.answers.insert(0, b"")
        with pytest.raises(httpx.ReadError):
            await client.get("/x")
        assert (await client.get("/x")).content == b"{}"
        assert at.connections == 2


async def test_a_request_given_up_takes_its_connection_with_it() -> None:
    async with door() as (at, client):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get, "/x")
                await at.waiting.wait()
                scope.cancel()
        await at.hung_up.wait()
        at.answers.append(OK)
        assert (await client.get("/y")).content == b"{}"
        assert at.connections == 2


async def test_nobody_at_home_is_a_connect_error() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    await listener.aclose()
    async with http_client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/x")
