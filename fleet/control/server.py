"""The local HTTP endpoint of a running fleet: health, readiness, metrics and the whole state.

Owns: paths, methods and status codes. Must not know: how the state comes about, which server carries the app.
All but the commands only reads, and those ask for a secret. Plain ASGI, as so few answers need no framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fleet.control.commands import PATHS, Commands
from fleet.control.metrics import make_registry
from fleet.control.state import FleetState, not_ready

Message = MutableMapping[str, object]
Scope = Mapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, object], Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def make_app(state: Callable[[], FleetState], commands: Commands | None = None) -> App:
    """The ASGI app; `state` is asked once a request and must not block. Without `commands` it only tells."""
    registry = make_registry(state)
    routes: dict[str, Callable[[], Answer]] = {
        # Answered by the event loop itself: a loop that hangs does not answer.
        "/healthz": lambda: _json(200, {"status": "ok"}),
        "/readyz": lambda: _readiness(state()),
        "/metrics": lambda: Answer(200, generate_latest(registry), CONTENT_TYPE_LATEST),
        "/v1/state": lambda: _json(200, state()),
    }

    async def app(scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and commands is not None and scope["path"] in PATHS and scope["method"] == "POST":
            status, value = await commands.answer(scope, receive)
            await _respond(_json(status, value), scope, send)
        elif scope["type"] == "http":
            await _respond(_answer(routes, scope), scope, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    return app


def _answer(routes: Mapping[str, Callable[[], Answer]], scope: Scope) -> Answer:
    path = str(scope["path"])
    route = routes.get(path)
    if route is None and path in PATHS:
        return _json(405, {"error": "only POST, with a token"}, (b"allow", b"POST"))
    if route is None:
        return _json(404, {"error": f"no such path; there are {', '.join(routes)}"})
    if scope["method"] not in ("GET", "HEAD"):
        return _json(405, {"error": "only GET: this endpoint changes nothing"}, (b"allow", b"GET, HEAD"))
    return route()


def _readiness(state: FleetState) -> Answer:
    reasons = not_ready(state)
    return _json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})


def _json(status: int, value: object, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, msgspec.json.encode(value) + b"\n", "application/json", headers)


async def _respond(answer: Answer, scope: Scope, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
