"""The venue on real sockets: one ASGI application for REST and streams.

Owns: the translation between ASGI and the runner. Must not know: what requests mean.
Serve it with exchange.asgi.serve; REST and streams share the port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio
from anyio.abc import TaskGroup

from exchange.paper.answers import Request
from exchange.paper.runner import Outbox, Runner
from exchange.paper.streams import LineRefused
from exchange.protocol.wire import LineClosed

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_MAX_BODY = 1_000_000


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
            client=scope["client"][0] if scope.get("client") else "unknown",
        )
        response = self._runner.handle(request)
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _websocket(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        await receive()
        query = scope["query_string"].decode("latin-1")
        outbox = Outbox()
        try:
            line_id = self._runner.open(scope["path"] + (f"?{query}" if query else ""), outbox)
        except LineRefused:
            # Before it is accepted, a close becomes HTTP 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, line_id, receive, tasks)
                await self._speak(outbox, send)
                tasks.cancel_scope.cancel()
        finally:
            self._runner.close(line_id)

    async def _listen(self, line_id: int, receive: _Receive, tasks: TaskGroup) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                tasks.cancel_scope.cancel()
                return
            self._runner.receive(line_id, message.get("text") or message.get("bytes") or "")

    async def _speak(self, outbox: Outbox, send: _Send) -> None:
        while True:
            try:
                text = await outbox.get()
            except LineClosed as closed:
                # 1006 stands for a line without a close frame, and may not be sent as one.
                code = 1011 if closed.code == 1006 else closed.code
                await send({"type": "websocket.close", "code": code, "reason": closed.reason})
                return
            await send({"type": "websocket.send", "text": text})
