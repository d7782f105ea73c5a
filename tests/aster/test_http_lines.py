"""Lines to the venue that die, expire, are too many, or are encrypted: what it costs, and that no write goes twice."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from aster_fakes import EPOCH_US, AlwaysYes, signer

from exchange.aster import http_sockets
from exchange.aster.auth import SignerAuth
from exchange.aster.http_sockets import SocketTransport
from exchange.aster.rest import Rest, http_client
from exchange.clock import Clock
from exchange.errors import OutcomeUnknown, Unavailable, VenueError
from exchange.protocol import endpoints
from exchange.protocol.endpoints import Endpoint

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


def rest_to(port: int, transport: SocketTransport, *, timeout_s: float = 5.0, host: str = "127.0.0.1") -> Rest:
    clock = Clock(EPOCH_US)
    auth = SignerAuth(signer(), clock)
    return Rest(http_client(transport), f"http://{host}:{port}", clock, AlwaysYes(), auth, timeout_s=timeout_s)


class ThreadedDoor:
    """A venue outside the loop: `script` says for each connection how many requests it answers before it hangs up."""

    def __init__(self, *script: int, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.hung_up = [threading.Event() for _ in script]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        with self._listener:
            for answers, hung_up in zip(self._script, self.hung_up, strict=True):
                line, _ = self._listener.accept()
                with self._tls.wrap_socket(line, server_side=True) if self._tls else line as wrapped:
                    for _ in range(answers):
                        self.requests.append(wrapped.recv(65536))
                        wrapped.sendall(OK)
                hung_up.set()


@contextmanager
def threaded(*script: int, tls: ssl.SSLContext | None = None) -> Generator[ThreadedDoor]:
    at = ThreadedDoor(*script, tls=tls)
    at.thread.start()
    yield at
    at.thread.join(5)
    assert not at.thread.is_alive()


async def test_a_goodbye_that_the_loop_has_not_read_yet_is_heard_before_a_write_goes_out() -> None:
    async with SocketTransport() as transport:
        with threaded(1, 1) as at:
            rest = rest_to(at.port, transport)
            await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
            # Blocks the loop too: when the next request is made, the loop knows nothing yet of the line's end.
            assert at.hung_up[0].wait(5)
            await rest.call(endpoints.NEW_ORDER, [("symbol", "B")], bytes)
        assert [request.split(b" HTTP")[0] for request in at.requests] == [
            b"DELETE /fapi/v3/allOpenOrders",
            b"POST /fapi/v3/order",
        ]


@asynccontextmanager
async def door(hold: Callable[[ByteStream], Awaitable[None]], tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """Serves every connection by `hold`, until it is left."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    served = TLSListener(listener, tls, standard_compatible=False) if tls else listener
    async with served, anyio.create_task_group() as tasks:
        tasks.start_soon(served.serve, hold)
        yield port
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("endpoint", "kind"), [(endpoints.NEW_ORDER, OutcomeUnknown), (endpoints.QUERY_ORDER, Unavailable)]
)
async def test_a_half_open_line_ends_a_write_in_doubt_and_is_used_no_more(
    endpoint: Endpoint, kind: type[VenueError]
) -> None:
    connections = 0
    is_dead = True

    async def hold(line: ByteStream) -> None:
        nonlocal connections
        connections += 1
        async with line:
            try:
                while True:
                    await line.receive()
                    if not is_dead:
                        await line.send(OK)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with door(hold) as port, SocketTransport() as transport:
        rest = rest_to(port, transport, timeout_s=0.05)
        with pytest.raises(kind):
            await rest.call(endpoint, [("symbol", "A")], bytes)
        is_dead = False
        patient = rest_to(port, transport)
        await patient.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
        assert connections == 2


async def test_lines_beside_one_that_gave_no_answer_are_not_trusted() -> None:
    connections: list[int] = []

    async def hold(line: ByteStream) -> None:
        connections.append(0)
        async with line:
            try:
                while True:
                    if b"batchOrders" not in await line.receive():
                        await line.send(OK)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with door(hold) as port, SocketTransport() as transport:
        rest = rest_to(port, transport, timeout_s=0.2)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(rest.call, endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
        assert len(connections) == 2
        with pytest.raises(OutcomeUnknown):
            await rest.call(endpoints.NEW_BATCH, [("batchOrders", "[]")], bytes)
        await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
        assert len(connections) == 3


@pytest.mark.parametrize(("idle_s", "expected"), [(60.0, 1), (0.0, 3)])
async def test_a_line_that_waited_too_long_is_not_used(
    idle_s: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sockets, "_IDLE_S", idle_s)
    connections: list[int] = []

    async def hold(line: ByteStream) -> None:
        connections.append(0)
        async with line:
            try:
                while True:
                    await line.receive()
                    await line.send(OK)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with door(hold) as port, SocketTransport() as transport:
        rest = rest_to(port, transport)
        for _ in range(3):
            await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
    assert len(connections) == expected


async def test_more_requests_than_lines_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    connections, go = 0, anyio.Event()
    both = anyio.Event()

    async def hold(line: ByteStream) -> None:
        nonlocal connections
        connections += 1
        async with line:
            try:
                while True:
                    await line.receive()
                    if connections == 2:
                        both.set()
                    await go.wait()
                    await line.send(OK)
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with door(hold) as port, SocketTransport(max_connections=2) as transport:
        rest = rest_to(port, transport)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(rest.call, endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
            await both.wait()
            monkeypatch.setattr(http_sockets, "_CONNECT_S", 0.01)
            with pytest.raises(Unavailable, match="no connection was free"):
                await rest.call(endpoints.NEW_ORDER, [("symbol", "A")], bytes)
            monkeypatch.undo()
            go.set()
        assert connections == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_name_that_cannot_be_resolved_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    async with SocketTransport() as transport:
        with pytest.raises(Unavailable, match="Name or service not known"):
            await rest_to(80, transport, host="venue.invalid").call(endpoints.NEW_ORDER, [("symbol", "A")], bytes)


# --- encrypted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a venue at 127.0.0.1, signed by itself, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    made = tmp_path_factory.mktemp("tls")
    wanted = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=venue",
    ]
    wanted += ["-addext", "subjectAltName=IP:127.0.0.1"]
    wanted += ["-keyout", str(made / "key.pem"), "-out", str(made / "cert.pem")]
    subprocess.run([openssl, *wanted], check=True, capture_output=True)
    both = made / "both.pem"
    both.write_text((made / "key.pem").read_text() + (made / "cert.pem").read_text())
    return both


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_an_encrypted_line_is_kept_and_its_end_is_noticed(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    async with httpx.AsyncClient(transport=SocketTransport()) as client:
        with threaded(2, 1, tls=server_tls(certificate)) as at:
            url = f"https://127.0.0.1:{at.port}/x"
            for _ in range(2):
                assert (await client.post(url)).content == b"{}"
            assert at.hung_up[0].wait(5)
            assert (await client.post(url)).content == b"{}"
        assert len(at.requests) == 3


async def test_a_certificate_that_nobody_vouches_for_is_no_connection(certificate: Path) -> None:
    async def hang_up(line: ByteStream) -> None:
        await line.aclose()

    async with (
        door(hang_up, server_tls(certificate)) as port,
        httpx.AsyncClient(transport=SocketTransport()) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(f"https://127.0.0.1:{port}/x")
