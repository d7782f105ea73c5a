"""Rows of what a client may say on a line (docs: Live Subscribing/Unsubscribing to streams, Error Messages).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from typing import Any

from conformance import docs_streams as docs
from conformance.row import Closed, Dial, Matches, Row, Say, Silence, Step
from conformance.writing import LOWER, PAPER, PUBLIC, SYMBOL, hear, row

_ERRORS = "Error Messages"
_SUBSCRIBE = "Subscribe to a stream"
_UNSUBSCRIBE = "Unsubscribe to a stream"
_LIST = "Listing Subscriptions"
_SET = "Setting Properties"
_GET = "Retrieving Properties"
_STREAM = f"{LOWER}@markPrice@1s"
_LINE = Dial("/ws")
_VARIANTS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


def _say(method: str, *params: Any, number: int = 1) -> Say:
    return Say({"method": method, "params": list(params), "id": number} if params else {"method": method, "id": number})


def _done(number: int = 1, result: Any = None) -> Step:
    return hear(
        {"id": number}, shape={"result": result if result is not None else None, "id": 1}, where={"result": result}
    )


_FAULTS: tuple[tuple[str, Any, int, str], ...] = (
    ("an unknown property", {"method": "GET_PROPERTY", "params": ["speed"], "id": 1}, 0, "Unknown property"),
    (
        "an unknown property to set",
        {"method": "SET_PROPERTY", "params": ["speed", True], "id": 1},
        0,
        "Unknown property",
    ),
    (
        "a property that is no truth value",
        {"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1},
        1,
        "Invalid value type: expected Boolean",
    ),
    (
        "a property's name that is no text",
        {"method": "GET_PROPERTY", "params": [1], "id": 1},
        2,
        "Invalid request: property name must be a string",
    ),
    (
        "no property's name",
        {"method": "GET_PROPERTY", "params": [], "id": 1},
        2,
        "Invalid request: property name must be a string",
    ),
    (
        "an id that is text",
        {"method": "LIST_SUBSCRIPTIONS", "id": "one"},
        2,
        "Invalid request: request ID must be an unsigned integer",
    ),
    (
        "an id below nought",
        {"method": "LIST_SUBSCRIPTIONS", "id": -1},
        2,
        "Invalid request: request ID must be an unsigned integer",
    ),
    (
        "a method that is none",
        {"method": "WISH", "params": ["x"], "id": 1},
        2,
        rf"Invalid request: unknown variant `?WISH`?, expected one of {_VARIANTS} at line 1 column \d+",
    ),
    (
        "too many parameters",
        {"method": "GET_PROPERTY", "params": ["combined", "speed"], "id": 1},
        2,
        "Invalid request: too many parameters",
    ),
    ("no method", {"params": ["x"], "id": 1}, 2, r"Invalid request: missing field `method` at line 1 column \d+"),
    ("what is no JSON", "hello", 3, r"Invalid JSON: expected value at line 1 column \d+"),
)

ROWS: tuple[Row, ...] = (
    row(
        _SUBSCRIBE,
        "is answered, and the stream begins",
        PUBLIC,
        _LINE,
        _say("SUBSCRIBE", _STREAM),
        _done(),
        hear({"e": "markPriceUpdate"}, shape=docs.MARK_PRICE),
    ),
    row(
        _SUBSCRIBE,
        "without an id",
        PUBLIC,
        _LINE,
        Say({"method": "SUBSCRIBE", "params": [_STREAM]}),
        hear({"e": "markPriceUpdate"}),
    ),
    row(
        _SUBSCRIBE,
        "twice is once",
        PUBLIC,
        _LINE,
        _say("SUBSCRIBE", _STREAM),
        _done(),
        _say("SUBSCRIBE", _STREAM, number=2),
        _done(2),
        _say("LIST_SUBSCRIPTIONS", number=3),
        _done(3, [_STREAM]),
    ),
    row(
        _UNSUBSCRIBE,
        "is answered, and the stream ends",
        PUBLIC,
        Dial(f"/ws/{_STREAM}"),
        hear({"e": "markPriceUpdate"}),
        _say("UNSUBSCRIBE", _STREAM),
        _done(),
        Silence(match={"e": "markPriceUpdate", "s": SYMBOL}, seconds=1.2),
    ),
    row(_UNSUBSCRIBE, "from what was not listened to", PUBLIC, _LINE, _say("UNSUBSCRIBE", _STREAM), _done()),
    row(_LIST, "by name", PUBLIC, Dial(f"/ws/{_STREAM}"), _say("LIST_SUBSCRIPTIONS", number=3), _done(3, [_STREAM])),
    row(_LIST, "none", PUBLIC, _LINE, _say("LIST_SUBSCRIPTIONS", number=3), _done(3, [])),
    row(_GET, "raw is not combined", PUBLIC, _LINE, _say("GET_PROPERTY", "combined", number=2), _done(2, False)),
    row(_GET, "combined is", PUBLIC, Dial("/stream"), _say("GET_PROPERTY", "combined", number=2), _done(2, True)),
    row(
        _SET,
        "a raw line becomes combined",
        PUBLIC,
        Dial(f"/ws/{_STREAM}"),
        _say("SET_PROPERTY", "combined", True, number=5),
        _done(5),
        hear({"stream": _STREAM}, where={"data.s": SYMBOL}),
    ),
    *(
        row(_ERRORS, name, PUBLIC, _LINE, Say(message), hear({"code": code}, where={"msg": Matches(text)}))
        for name, message, code, text in _FAULTS
    ),
    row(
        _ERRORS,
        "after an error the line lives on",
        PUBLIC,
        _LINE,
        Say("hello"),
        hear({"code": 3}),
        _say("LIST_SUBSCRIPTIONS"),
        _done(1, []),
    ),
    row(
        "Websocket Market Streams",
        "more than 200 streams on a line are refused",
        PAPER,
        _LINE,
        _say("SUBSCRIBE", *(f"{LOWER}@kline_{n}" for n in range(201))),
        hear({"code": 2}),
    ),
    row(
        "Websocket Market Streams",
        "ten messages in a second",
        PAPER,
        _LINE,
        Say({"method": "LIST_SUBSCRIPTIONS", "id": 7}, times=10),
        *(_done(7, []) for _ in range(10)),
    ),
    row(
        "Websocket Market Streams",
        "an eleventh ends the line",
        PAPER,
        _LINE,
        Say({"method": "LIST_SUBSCRIPTIONS", "id": 7}, times=11),
        Closed(),
    ),
)
