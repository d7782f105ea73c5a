"""What a client might say on a websocket, and where it might open one: near the docs, and garbage.

Owns: targets and messages, drawn from a seeded source. Must not know: answers, how they get to the venue.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

_SYMBOLS = ("asterusdt", "btcusdt", "nosuchusdt", "ASTERUSDT", "")
_CHANNELS = (
    *("aggTrade", "trade", "bookTicker", "markPrice", "markPrice@1s", "kline_1m", "kline_1M", "kline_7x", "miniTicker"),
    *(
        "ticker",
        "forceOrder",
        "depth",
        "depth@100ms",
        "depth5",
        "depth10@500ms",
        "depth20@100ms",
        "depth7",
        "nosuch",
        "",
    ),
)
_ALL = ("!bookTicker", "!markPrice@arr", "!markPrice@arr@1s", "!miniTicker@arr", "!ticker@arr", "!forceOrder@arr", "!x")
_ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "one", [], {}, [[]], {"a": [1]}, "🙂", "x" * 3000)
_METHODS = ("SUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "WISH", "")
_TEXTS = ("", "{", "[", "null", "1", '"x"', "[1,2]", "{}", '{"method":', "\x00", "hello", '{"id":1}', "[" * 2000, "nan")
_TARGETS = ("/", "/ws", "/ws/", "/stream", "/stream?", "/stream?streams=", "/nowhere", "/ws/%zz", "/ws/a/b/c", "/wsx")


def stream(rng: Random) -> str:
    if rng.random() < 0.2:
        return rng.choice(_ALL)
    return f"{rng.choice(_SYMBOLS)}@{rng.choice(_CHANNELS)}"


def target(rng: Random) -> str:
    """A path and query to open a line at."""
    if rng.random() < 0.2:
        return rng.choice(_TARGETS)
    if rng.random() < 0.1:
        return "/stream?streams=" + "/".join(stream(rng) for _ in range(rng.choice((2, 199, 300))))
    return f"/ws/{stream(rng)}" if rng.random() < 0.5 else f"/stream?streams={stream(rng)}/{stream(rng)}"


def message(rng: Random) -> str | bytes:
    if rng.random() < 0.1:
        return rng.choice(_TEXTS)
    if rng.random() < 0.05:
        return rng.randbytes(rng.randint(0, 200))
    said: dict[str, Any] = {"method": rng.choice(_METHODS), "id": rng.randint(0, 10**6)}
    if said["method"].endswith("PROPERTY"):
        said["params"] = rng.choice((["combined"], ["combined", True], ["combined", "x"], ["speed"], [1], []))
    elif rng.random() < 0.9:
        said["params"] = [stream(rng) for _ in range(rng.choice((0, 1, 1, 2, 5, 250)))]
    if rng.random() < 0.1:
        said[rng.choice(("method", "id", "params", "x"))] = rng.choice(_ODD)
    if rng.random() < 0.05:
        said.pop(rng.choice(list(said)))
    return json.dumps(said)
