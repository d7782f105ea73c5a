"""Which symbols their owner has killed: asked before every decision, and written down where any process can say so.

Owns: looking at the kill file often enough. Must not know: what a kill leads to.

A process that was stopped and goes on (SIGSTOP, a suspended machine) finds its last look old, and looks before it
decides anything: what a `kill` from elsewhere has cancelled meanwhile is not quoted again.
"""

from __future__ import annotations

from pathlib import Path

from exchange.clock import loop_s
from fleet.runtime.beside import change_kills, read_kills, why_killed, with_kill, without_kill

LOOK_EVERY_S = 0.25


class KillSwitch:
    """Without a `path`, and as far as nothing can be written there, it is kept in memory while the process lives."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._written: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}
        self._looked_s = float("-inf")

    def why(self, symbol: str) -> str:
        """Why no order of the symbol may stand; empty while they may."""
        if self._path is not None:
            now_s = loop_s()
            if now_s - self._looked_s >= LOOK_EVERY_S:
                self._written, self._looked_s = read_kills(self._path), now_s
        if not self._written and not self._unwritten:
            return ""
        return why_killed(self._written, symbol) or why_killed(self._unwritten, symbol)

    def kill(self, symbol: str | None, why: str) -> None:
        """One symbol, or all. Raises OSError when it could not be written down: then it holds in this process."""
        self._unwritten = with_kill(self._unwritten, symbol, why)
        if self._path is not None:
            self._written = change_kills(self._path, lambda kills: with_kill(kills, symbol, why))
            self._unwritten = {}

    def resume(self, symbol: str | None) -> None:
        """One symbol, or all. Raises OSError."""
        self._unwritten = without_kill(self._unwritten, symbol)
        if self._path is not None:
            self._written = change_kills(self._path, lambda kills: without_kill(kills, symbol))
