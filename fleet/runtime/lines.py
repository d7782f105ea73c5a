"""How a line to the venue has been: up or down, since when, how late its news is."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.model import StreamDown, StreamUp
from fleet.runtime.journal import Journal


@dataclass(slots=True)
class Line:
    name: str
    up: bool = False
    since_ms: int = 0
    times_opened: int = 0
    lag_ms: int | None = None
    """Between the venue's time of the newest event and its arrival."""

    def opened(self, now_ms: int) -> None:
        self.up, self.since_ms = True, now_ms
        self.times_opened += 1

    def closed(self, now_ms: int) -> None:
        self.up, self.since_ms, self.lag_ms = False, now_ms, None

    def tell(self, turn: StreamUp | StreamDown, now_ms: int, journal: Journal, *, is_expected: bool) -> None:
        """`is_expected`: that it goes down is nothing to warn of."""
        if isinstance(turn, StreamUp):
            self.opened(now_ms)
            journal.info(f"{self.name} stream is up")
        else:
            self.closed(now_ms)
            if not is_expected:
                journal.warning(f"{self.name} stream is down: {turn.reason}")

    def heard(self, exchange_ms: int, received_us: int) -> None:
        self.lag_ms = max(received_us // 1000 - exchange_ms, 0)
