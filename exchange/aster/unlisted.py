"""Codes that no table knows: each is told once, however often it comes; its class tells what it is taken as."""

from __future__ import annotations

from loguru import logger

from exchange.errors import VenueError
from exchange.protocol.meanings import MEANINGS

_MAX_CODES = 100
_told: set[int] = set()


def tell_once(error: VenueError) -> None:
    code = error.code
    if code is None or code in MEANINGS or code in _told or len(_told) >= _MAX_CODES:
        return
    _told.add(code)
    logger.warning(
        "the venue answers with a code that is in no table: {} {} (taken as {})",
        code,
        error.message,
        type(error).__name__,
    )
