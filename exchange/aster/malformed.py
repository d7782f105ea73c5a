"""Frames that cannot be read: each is counted, each kind is logged once."""

from __future__ import annotations

from collections import Counter

import msgspec
from loguru import logger

_MAX_KINDS = 50


class Malformed:
    def __init__(self, line: str) -> None:
        self._line = line
        self.counts: Counter[str] = Counter()

    def add(self, error: Exception) -> None:
        kind = _kind(error)
        if kind not in self.counts and len(self.counts) >= _MAX_KINDS:
            kind = "any other"
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            logger.warning("{} stream: a frame that cannot be read: {}", self._line, kind)

    @property
    def total(self) -> int:
        return self.counts.total()


def _kind(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    if isinstance(error, msgspec.DecodeError):
        return "no JSON"
    return f"a value that is none ({type(error).__name__})"
