"""The venue on real sockets: one ASGI application for REST and streams.

Owns: the translation between ASGI and the runner. Must not know: what requests mean, what goes wrong.
Serve it with exchange.asgi.serve, which lets it break connections; REST and streams share the port. While the venue
restarts the port still takes connections and resets them, as a balancer does that has no server behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import anyio
from anyio.abc import TaskGroup
from loguru import logger

from exchange.asgi import reset, stop_reading
from exchange.paper.answers import Request, Response
from exchange.paper.runner import PaperLine, Runner, Unanswered
from exchange.paper.streams import LineRefused
from exchange.protocol import codes, payloads
from exchange.protocol.wire import LineClosed

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_MAX_BODY = 1_000_000
_MAX_READ = 16_000_000
"""A client that sends all of it before it listens would find its connection reset instead of the answer: what is too
long is read and thrown away, up to here."""
_TOO_LONG = "Too many parameters sent for this endpoint."
"""As the exchange spells it (docs: Error Codes, -1101). It tells of no longest body."""
_UNKNOWN_ERROR = "An unknown error occured while processing the request."
"""As the exchange spells it (docs: Error Codes, -1000)."""


class PaperApp:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        try:
            body = await _read(receive)
        except _Gone:
            return
        if body is None:
            await _respond(send, _error(413, codes.TOO_MANY_PARAMETERS, _TOO_LONG), [(b"connection", b"close")])
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            body=body,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            client=_client(scope),
        )
        try:
            response = await self._answer(request)
        except Unanswered:
            await _break(scope, receive)
            return
        await _respond(send, response)

    async def _answer(self, request: Request) -> Response:
        """Raises Unanswered."""
        try:
            return await self._runner.request(request)
        except Unanswered:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault of ours: told in the log, and in an answer
            _log(f"{request.method} {request.path}", fault)
            return _error(500, codes.UNKNOWN, _UNKNOWN_ERROR)

    async def _websocket(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        await receive()
        query = scope["query_string"].decode("latin-1")
        try:
            target = scope["path"] + (f"?{query}" if query else "")
            line = await self._runner.connect(target, client=_client(scope))
        except LineRefused:
            # Before it is accepted, a close becomes HTTP 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        except Unanswered:
            await _break(scope, receive)
            return
        except Exception as fault:  # noqa: BLE001 - as above: the server would tell nobody
            _log("a websocket's opening", fault)
            await send({"type": "websocket.close", "code": 1011})
            return
        try:
            await send({"type": "websocket.accept"})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, scope, line, receive, tasks)
                tasks.start_soon(self._hear, line)
                line.when_silent(lambda: stop_reading(scope))
                await self._speak(scope, line, send)
                tasks.cancel_scope.cancel()
        finally:
            line.close()

    async def _listen(self, scope: _Message, line: PaperLine, receive: _Receive, tasks: TaskGroup) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                tasks.cancel_scope.cancel()
                return
            if line.is_silent:
                # The server reads on when the last message has been taken.
                stop_reading(scope)
            line.post(message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))

    async def _hear(self, line: PaperLine) -> None:
        while True:
            try:
                await line.hear()
            except LineClosed:
                return
            except Exception as fault:  # noqa: BLE001 - as above
                _log("a websocket's message", fault)
                line.cut("internal error", 1011)
                return

    async def _speak(self, scope: _Message, line: PaperLine, send: _Send) -> None:
        while True:
            try:
                text = await line.recv()
            except LineClosed as closed:
                # 1006 stands for a line that ends without a close frame.
                if closed.code == 1006:
                    reset(scope)
                else:
                    await send({"type": "websocket.close", "code": closed.code, "reason": closed.reason})
                return
            await send({"type": "websocket.send", "text": text})


class _Gone(Exception):
    """The client is, before its request was whole."""


async def _read(receive: _Receive) -> bytes | None:
    """A request's body; None for one that is too long. Raises _Gone."""
    parts: list[bytes] = []
    length = 0
    while length <= _MAX_READ:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part: bytes = message.get("body", b"")
        length += len(part)
        if length <= _MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            break
    return b"".join(parts) if length <= _MAX_BODY else None


async def _respond(send: _Send, response: Response, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers += [(b"content-length", str(len(response.body)).encode()), *more]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _error(status: int, code: int, message: str) -> Response:
    return Response(status, {"content-type": "application/json"}, payloads.encode(payloads.ErrorBody(code, message)))


def _client(scope: _Message) -> str:
    return scope["client"][0] if scope.get("client") else "unknown"


async def _break(scope: _Message, receive: _Receive) -> None:
    reset(scope)
    # The server wants an answer from an application that returns before it has seen the end.
    while not (await receive())["type"].endswith(".disconnect"):
        pass


def _log(what: str, fault: Exception) -> None:
    """One line for whoever reads the log, the traceback for whoever mends it."""
    logger.error("paper exchange: a fault of its own at {}: {}: {}", what, type(fault).__name__, fault)
    logger.opt(exception=fault).debug("paper exchange: where it came from")
