"""How long nothing is sent after a 429 or 418.

Owns: what is believed of Retry-After, and what is done without one. Must not know: HTTP, gates, clocks.
"""

from __future__ import annotations

import re

LONGEST_S = 600.0
"""Whatever a 429 asks for, and however often it comes: the longest window is a minute, so more is a slip."""
LONGEST_BAN_S = 3 * 86400.0
"""docs: bans last "from 2 minutes to 3 days"."""
_UNTOLD_S = 60.0
"""After the longest window what was too much no longer is. To try sooner, by the dozen, is what gets an IP banned."""

_number = re.compile(r"[0-9]+(\.[0-9]*)?").fullmatch


def told_s(retry_after: str) -> float | None:
    """Seconds that a Retry-After header names; None when it names none above 0: a date, a word, a negative number."""
    seconds = float(retry_after) if _number(retry_after.strip()) else 0.0
    return min(seconds, LONGEST_BAN_S) if seconds else None


class Pauses:
    """Doubles the pause as long as nothing succeeds in between: who is told a second, over and over, is told wrong."""

    def __init__(self) -> None:
        self._refusals = 0
        self._until_us = 0

    def after_429(self, now_us: int, retry_after_s: float | None) -> float:
        """Seconds from now."""
        if now_us >= self._until_us:
            # Else it was on its way when the pause began, and says nothing new.
            self._refusals += 1
        base_s = _UNTOLD_S if retry_after_s is None else retry_after_s
        pause_s = min(LONGEST_S, base_s * 2.0 ** min(self._refusals - 1, 20))
        self._until_us = max(self._until_us, now_us + round(pause_s * 1e6))
        return pause_s

    def succeeded(self) -> None:
        self._refusals = 0
