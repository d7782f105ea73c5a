"""Parameters and answers as the venue words them, wherever it does so alike.

Owns: that. Must not know: any single request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from exchange.protocol import payloads

Row = TypeVar("Row")

_raw_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_done = msgspec.json.Decoder[payloads.ErrorBody | bool](payloads.ErrorBody | bool).decode


def chosen(**params: object) -> list[tuple[str, str]]:
    """Those that are given, in order: the others are left to the venue's defaults."""
    return [(name, _text(value)) for name, value in params.items() if value is not None]


def listed(texts: Sequence[str]) -> str:
    """A list as the venue reads it: JSON without a space (docs: Cancel Multiple Orders)."""
    return msgspec.json.encode(list(texts)).decode()


def one_or_many(row: type[Row]) -> Callable[[bytes], list[Row]]:
    """Decodes what is one row where a symbol was asked for, and a list where none was."""
    decode = msgspec.json.Decoder[Row](row).decode

    def rows(body: bytes) -> list[Row]:
        if body.lstrip().startswith(b"["):
            return [decode(raw) for raw in _raw_rows(body)]
        return [decode(body)]

    return rows


def done(body: bytes) -> None:
    """The answer of requests that say no more than that they were carried out: `{"code": 200, …}`, or `true`."""
    _done(body)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
