"""Websocket lines and who listens to what on them (docs: Websocket Market Streams, Live Subscribing).

Owns: lines, subscriptions, their limits, and the pushes waiting to be delivered. Must not know: what the streams
carry, sockets, accounts. A frame is encoded once however many lines it goes to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl, unquote

import msgspec

from exchange.paper.line_requests import INVALID_REQUEST, LineError, LineRequest, parse_line_request
from exchange.protocol.streams import MAX_INBOUND_PER_S, MAX_LIFE_S, MAX_STREAMS

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
    """The path names no stream, or too many; or who asks is banned."""


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
            request = parse_line_request(text)
            return {"result": self._result(line, request, now_us), "id": request.id}
        except LineError as error:
            return {"code": error.code, "msg": error.message}

    def _result(self, line: Line, request: LineRequest, now_us: int) -> list[str] | bool | None:
        """Carries a request out. A stream that does not exist can be subscribed to: it is silent."""
        match request.method:
            case "SUBSCRIBE":
                if len(line.streams | dict.fromkeys(request.streams)) > MAX_STREAMS:
                    raise LineError(INVALID_REQUEST, _ENOUGH)
                self._subscribe(line, request.streams, now_us)
            case "UNSUBSCRIBE":
                self._unsubscribe(line, request.streams)
            case "LIST_SUBSCRIPTIONS":
                return list(line.streams)
            case "GET_PROPERTY":
                return line.combined
            case _:
                line.combined = request.value
        return None

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
