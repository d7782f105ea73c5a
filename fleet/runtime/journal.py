"""What the owner should know of, newest last: into the log, and the last few onto the screen.

Owns: the recent events. Must not know: who shows them.
"""

from __future__ import annotations

from collections import deque

from loguru import logger

from exchange.clock import Clock
from fleet.control.state import EventLine

KEPT = 200


class Journal:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: deque[EventLine] = deque(maxlen=KEPT)

    def info(self, text: str, symbol: str | None = None) -> None:
        self._add("INFO", text, symbol)

    def warning(self, text: str, symbol: str | None = None) -> None:
        self._add("WARNING", text, symbol)

    def error(self, text: str, symbol: str | None = None) -> None:
        self._add("ERROR", text, symbol)

    def debug(self, text: str, symbol: str | None = None) -> None:
        """Into the log only."""
        logger.bind(symbol=symbol).debug(text)

    def _add(self, level: str, text: str, symbol: str | None) -> None:
        self.lines.append(EventLine(self._clock.now_ms(), level, symbol, text))
        logger.bind(symbol=symbol).log(level, text)

    def traceback(self, error: Exception, symbol: str | None = None) -> None:
        """For whoever mends it: into the log at debug level, without the values of variables."""
        logger.bind(symbol=symbol).opt(exception=error).debug("where it broke")
