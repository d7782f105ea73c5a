"""What the owner should know of, newest last: into the log, the last few onto the screen, incidents into the ledger.

Owns: the recent events. Must not know: who shows them.
"""

from __future__ import annotations

from collections import deque

from loguru import logger

from exchange.clock import Clock
from fleet.control.state import EventLine
from fleet.ledger.entries import Incident, NoLedger, Recorder
from fleet.runtime.flight import Flights

KEPT = 200


class Journal:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: deque[EventLine] = deque(maxlen=KEPT)
        self.ledger: Recorder = NoLedger()
        self.flights = Flights()
        """What led up to an incident, symbol by symbol."""

    def info(self, text: str, symbol: str | None = None) -> None:
        self._add("INFO", text, symbol)

    def warning(self, text: str, symbol: str | None = None, *, stack: str = "") -> None:
        """`stack`: lines beneath it, into the log only."""
        self._add("WARNING", text, symbol, stack)

    def error(self, text: str, symbol: str | None = None) -> None:
        self._add("ERROR", text, symbol)

    def debug(self, text: str, symbol: str | None = None) -> None:
        """Into the log only."""
        logger.bind(symbol=symbol).debug(text)

    def incident(self, kind: str, text: str, symbol: str | None = None, level: str = "ERROR") -> None:
        """Something to look into later: told like the others (at level DEBUG in the log only), and kept."""
        if level == "DEBUG":
            self.debug(text, symbol)
        else:
            self._add(level, text, symbol)
        now_ms = self._clock.now_ms()
        self.ledger.write(Incident(now_ms, kind, text, symbol, self.flights.cut(symbol, kind, now_ms)))

    def _add(self, level: str, text: str, symbol: str | None, beneath: str = "") -> None:
        self.lines.append(EventLine(self._clock.now_ms(), level, symbol, text))
        logger.bind(symbol=symbol).log(level, f"{text}\n{beneath}" if beneath else text)

    def traceback(self, error: Exception, symbol: str | None = None) -> None:
        """For whoever mends it: into the log at debug level, without the values of variables."""
        logger.bind(symbol=symbol).opt(exception=error).debug("where it broke")
