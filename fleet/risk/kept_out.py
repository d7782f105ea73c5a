"""Whether limits have kept a symbol out of the market for so long that its owner should hear of it.

Owns: how long that is, and that it is told once. Must not know: which limits, who tells. Pure.
"""

from __future__ import annotations

PATIENCE_US = 60_000_000


class KeptOut:
    """One symbol's."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._is_told = False

    def see(self, *, is_refused: bool, is_let: bool, now_us: int) -> bool:
        """How it is now: limits refuse a quote, limits let one stand. Returns whether it is to be told: once until one
        is let stand again."""
        if is_let:
            self._is_told = False
        if is_let or not is_refused:
            self._since_us = None
            return False
        if self._since_us is None:
            self._since_us = now_us
        is_due = not self._is_told and now_us - self._since_us >= PATIENCE_US
        self._is_told |= is_due
        return is_due
