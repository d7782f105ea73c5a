"""The venue on real sockets: one ASGI application for REST and streams.

Owns: the translation between ASGI and the runner. Must not know: what requests mean, what goes wrong.
Serve it with exchange.asgi.serve, which lets it break connections; REST and streams share the port. While the venue
restarts the port still takes connections and resets them, as a balancer does that has no server behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
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
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > _MAX_BODY:
                break
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
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(self, request: Request) -> Response:
        """Raises Unanswered."""
        try:
            return await self._runner.request(request)
        except Unanswered:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault of ours: told in the log, and in an answer
            _log(f"{request.method} {request.path}", fault)
            body = payloads.encode(payloads.ErrorBody(codes.UNKNOWN, _UNKNOWN_ERROR))
            return Response(500, {"content-type": "application/json"}, body)

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
