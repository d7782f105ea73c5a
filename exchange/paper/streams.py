"""Websocket lines and who listens to what on them (docs: Websocket Market Streams, Live Subscribing).

Owns: lines, subscriptions, their limits, and the pushes waiting to be delivered. Must not know: what the streams
carry, sockets, accounts. A frame is encoded once however many lines it goes to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import cast
from urllib.parse import parse_qsl, unquote

import msgspec

from exchange.protocol.streams import MAX_INBOUND_PER_S, MAX_LIFE_S, MAX_STREAMS

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ENOUGH = "Invalid request: too many streams, a connection can listen to at most 200"


class PushKind(Enum):
    MARKET = "market"
    """May be dropped when the line is slow: newer ones make it worthless."""
    ACCOUNT = "account"
    """Never dropped: a line that cannot take it is cut."""
    REPLY = "reply"
    CLOSE = "close"
    """The last of a line: `text` is the reason, `code` the websocket close code."""


@dataclass(frozen=True, slots=True)
class Push:
    line_id: int
    kind: PushKind
    text: str
    code: int = 1000


class LineRefused(Exception):
    """The path names no stream, or too many."""


class Line:
    __slots__ = ("combined", "id", "inbound", "opened_us", "streams")

    def __init__(self, line_id: int, combined: bool, opened_us: int) -> None:
        self.id = line_id
        self.combined = combined
        self.opened_us = opened_us
        self.streams: dict[str, None] = {}
        self.inbound: deque[int] = deque()


class Hub:
    """`on_subscribed` is told of each stream that somebody begins to listen to."""

    def __init__(self, on_subscribed: Callable[[str, int], None]) -> None:
        self.listeners: dict[str, dict[int, Line]] = {}
        """By stream name; a stream without listeners has no entry."""
        self._lines: dict[int, Line] = {}
        self._next_line_id = 1
        self._pushes: list[Push] = []
        self._on_subscribed = on_subscribed

    def take_pushes(self) -> list[Push]:
        """What has to go out since the last call, in order."""
        pushes = self._pushes
        if pushes:
            self._pushes = []
        return pushes

    def broadcast(self, stream: str, frame: bytes, kind: PushKind = PushKind.MARKET) -> None:
        lines = self.listeners.get(stream)
        if not lines:
            return
        raw = frame.decode()
        combined = ""
        for line in lines.values():
            if line.combined and not combined:
                combined = f'{{"stream":"{stream}","data":{raw}}}'
            self._pushes.append(Push(line.id, kind, combined if line.combined else raw))

    def open(self, target: str, now_us: int) -> int:
        """A line at a path with its query: `/ws`, `/ws/<stream>`, `/stream?streams=a/b`. Raises LineRefused."""
        path, _, query = target.partition("?")
        names: list[str] = []
        if path.rstrip("/") == "/stream":
            names = dict(parse_qsl(query)).get("streams", "").split("/")
        elif path == "/ws" or path.startswith("/ws/"):
            names = unquote(path[3:]).split("/")
        else:
            raise LineRefused(f"no stream at {path}")
        names = list(dict.fromkeys(name for name in names if name))
        if len(names) > MAX_STREAMS:
            raise LineRefused(_ENOUGH)
        line = Line(self._next_line_id, path.startswith("/stream"), now_us)
        self._next_line_id += 1
        self._lines[line.id] = line
        self._subscribe(line, names, now_us)
        return line.id

    def close(self, line_id: int) -> None:
        """The client's end is gone."""
        line = self._lines.pop(line_id, None)
        if line is not None:
            self._unsubscribe(line, list(line.streams))

    def cut(self, line_id: int, code: int, reason: str) -> None:
        """The venue ends the line."""
        if line_id in self._lines:
            self.close(line_id)
            self._pushes.append(Push(line_id, PushKind.CLOSE, reason, code))

    def cut_old(self, now_us: int) -> None:
        """Ends the lines that have reached their 24 hours."""
        oldest_us = now_us - MAX_LIFE_S * 1_000_000
        for line in [line for line in self._lines.values() if line.opened_us <= oldest_us]:
            self.cut(line.id, 1001, "a connection is valid for 24 hours")

    def drop_stream(self, stream: str) -> None:
        """Nobody listens to it any longer: it has ended."""
        for line in self.listeners.pop(stream, {}).values():
            del line.streams[stream]

    def receive(self, line_id: int, text: str | bytes, now_us: int) -> None:
        """A frame from the client."""
        line = self._lines.get(line_id)
        if line is None:
            return
        line.inbound.append(now_us)
        while line.inbound[0] <= now_us - 1_000_000:
            line.inbound.popleft()
        if len(line.inbound) > MAX_INBOUND_PER_S:
            self.cut(line_id, 1008, "more than 10 messages in a second")
            return
        self._pushes.append(
            Push(line_id, PushKind.REPLY, msgspec.json.encode(self._answer(line, text, now_us)).decode())
        )

    def _answer(self, line: Line, text: str | bytes, now_us: int) -> dict[str, object]:
        try:
            request: object = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        if not isinstance(request, dict):
            return {"code": 2, "msg": "Invalid request: expected an object"}
        fields = cast("dict[str, object]", request)
        request_id = fields.get("id")
        if request_id is not None and (
            isinstance(request_id, bool) or not isinstance(request_id, int) or request_id < 0
        ):
            return {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}
        method = fields.get("method")
        given = fields.get("params", [])
        params = cast("list[object]", given) if isinstance(given, list) else []
        if method is None:
            return {"code": 2, "msg": "Invalid request: missing field `method`", "id": request_id}
        if method not in _METHODS:
            expected = ", ".join(f"`{each}`" for each in _METHODS)
            return {
                "code": 2,
                "msg": f"Invalid request: unknown variant {method}, expected one of {expected}",
                "id": request_id,
            }
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(line.streams), "id": request_id}
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(line, method == "SET_PROPERTY", params, request_id)
        names = [name for name in params if isinstance(name, str)]
        if len(names) != len(params) or not names:
            return {"code": 2, "msg": "Invalid request: params must be a list of stream names", "id": request_id}
        if method == "UNSUBSCRIBE":
            self._unsubscribe(line, names)
        else:
            if len(line.streams | dict.fromkeys(names)) > MAX_STREAMS:
                return {"code": 2, "msg": _ENOUGH, "id": request_id}
            self._subscribe(line, names, now_us)
        return {"result": None, "id": request_id}

    def _property(self, line: Line, sets: bool, params: list[object], request_id: object) -> dict[str, object]:
        if not params or not isinstance(params[0], str):
            return {"code": 2, "msg": "Invalid request: property name must be a string", "id": request_id}
        if params[0] != "combined":
            return {"code": 0, "msg": "Unknown property", "id": request_id}
        if not sets:
            return {"result": line.combined, "id": request_id}
        if len(params) != 2 or not isinstance(params[1], bool):
            return {"code": 1, "msg": "Invalid value type: expected Boolean", "id": request_id}
        line.combined = params[1]
        return {"result": None, "id": request_id}

    def _subscribe(self, line: Line, names: Iterable[str], now_us: int) -> None:
        for name in names:
            if name not in line.streams:
                line.streams[name] = None
                self.listeners.setdefault(name, {})[line.id] = line
                self._on_subscribed(name, now_us)

    def _unsubscribe(self, line: Line, names: Iterable[str]) -> None:
        for name in names:
            if name in line.streams:
                del line.streams[name]
                lines = self.listeners[name]
                del lines[line.id]
                if not lines:
                    del self.listeners[name]
