"""What a client may ask on a websocket line, read from its text (docs: Live Subscribing/Unsubscribing to streams).

Owns: the shape of a request, and the documented error for each way to miss it. Must not know: lines, subscriptions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import msgspec

from exchange.protocol import json_text

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

UNKNOWN_PROPERTY = 0
INVALID_VALUE = 1
INVALID_REQUEST = 2
INVALID_JSON = 3

_MOST_PARAMS = {"LIST_SUBSCRIPTIONS": 0, "GET_PROPERTY": 1, "SET_PROPERTY": 2}
_LARGEST_ID = 2**64 - 1
_BYTE = re.compile(r"\(byte (\d+)\)")
_METHOD = re.compile(r'"method"\s*:\s*"(?:[^"\\]|\\.)*"')
_NO_STREAM = re.compile(r"\s|^$")


@dataclass(frozen=True, slots=True)
class LineRequest:
    """`streams` belong to SUBSCRIBE and UNSUBSCRIBE. A SET_PROPERTY has a `value`."""

    id: int | None
    method: str
    streams: tuple[str, ...] = ()
    value: bool = False


class LineError(Exception):
    """The documented answers carry a code and a message, and no `id`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse_line_request(raw: str | bytes) -> LineRequest:
    """Raises LineError. `id` may be left out, as some clients do, though the docs' table of errors demands it."""
    text, request = _decoded(raw)
    request_id = request.get("id")
    if request_id is not None and (
        isinstance(request_id, bool) or not isinstance(request_id, int) or not 0 <= request_id <= _LARGEST_ID
    ):
        raise _invalid("request ID must be an unsigned integer")
    method = request.get("method")
    if method is None:
        raise _invalid(f"missing field `method` at {_place(text, len(text))}")
    if not isinstance(method, str) or method not in METHODS:
        expected = ", ".join(f"`{each}`" for each in METHODS)
        written = _METHOD.search(text)
        place = _place(text, written.end() if written else len(text))
        raise _invalid(f"unknown variant `{method}`, expected one of {expected} at {place}")
    given = request.get("params")
    if given is not None and not isinstance(given, list):
        raise _invalid("params must be a list")
    params = cast("list[object]", given or [])
    if len(params) > _MOST_PARAMS.get(method, len(params)):
        raise _invalid("too many parameters")
    if method == "LIST_SUBSCRIPTIONS":
        return LineRequest(request_id, method)
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return LineRequest(request_id, method, value=_property(method, params))
    streams = tuple(name for name in params if isinstance(name, str) and not _NO_STREAM.search(name))
    if len(streams) != len(params):
        raise _invalid("invalid stream")
    return LineRequest(request_id, method, streams)


def _decoded(raw: str | bytes) -> tuple[str, dict[str, object]]:
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        if json_text.is_too_deep(text):
            place = _place(text, json_text.MOST_BRACKETS)
            raise LineError(INVALID_JSON, f"Invalid JSON: recursion limit exceeded at {place}")
        request: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        text = raw if isinstance(raw, str) else raw.decode(errors="replace")
        at = _BYTE.search(str(error))
        place = _place(text, int(at[1]) if at else len(text))
        raise LineError(INVALID_JSON, f"Invalid JSON: expected value at {place}") from None
    if not isinstance(request, dict):
        raise _invalid("expected an object")
    return text, cast("dict[str, object]", request)


def _property(method: str, params: list[object]) -> bool:
    """The value of the only property there is, `combined`; False where none is set."""
    if not params or not isinstance(params[0], str):
        raise _invalid("property name must be a string")
    if params[0] != "combined":
        raise LineError(UNKNOWN_PROPERTY, "Unknown property")
    if method == "GET_PROPERTY":
        return False
    value = params[1] if len(params) == 2 else None
    if not isinstance(value, bool):
        raise LineError(INVALID_VALUE, "Invalid value type: expected Boolean")
    return value


def _invalid(what: str) -> LineError:
    return LineError(INVALID_REQUEST, f"Invalid request: {what}")


def _place(text: str, offset: int) -> str:
    lines = text[:offset].split("\n")
    return f"line {len(lines)} column {len(lines[-1])}"
