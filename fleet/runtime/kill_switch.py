"""Which symbols their owner has killed: asked before every decision, and written down where any process can say so.

Owns: looking at the kill file often enough. Must not know: what a kill leads to.

A process that was stopped and goes on (SIGSTOP, a suspended machine) finds its last look old, and looks before it
decides anything: what a `kill` from elsewhere has cancelled meanwhile is not quoted again.
"""

from __future__ import annotations

from pathlib import Path

import anyio

from fleet.runtime.beside import ALL, read_kills, with_kill, without_kill, write_kills

LOOK_EVERY_S = 0.25


class KillSwitch:
    """Without a `path` it is kept in memory, as long as the process lives."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kills: dict[str, str] = {} if path is None else read_kills(path)
        self._looked_s = float("-inf")

    def why(self, symbol: str) -> str:
        """Why no order of the symbol may stand; empty while they may."""
        now_s = anyio.current_time()
        if self._path is not None and now_s - self._looked_s >= LOOK_EVERY_S:
            self._kills, self._looked_s = read_kills(self._path), now_s
        return self._kills.get(symbol) or self._kills.get(ALL, "")

    def kill(self, symbol: str | None, why: str) -> None:
        """One symbol, or all. Raises OSError when it could not be written down: it holds all the same, in this process
        and until the file is looked at."""
        self._set(with_kill(self._now(), symbol, why))

    def resume(self, symbol: str | None, symbols: tuple[str, ...]) -> None:
        """`symbols`: all of the fleet's. Raises OSError."""
        self._set(without_kill(self._now(), symbol, symbols))

    def _now(self) -> dict[str, str]:
        return self._kills if self._path is None else read_kills(self._path)

    def _set(self, kills: dict[str, str]) -> None:
        self._kills = kills
        if self._path is not None:
            write_kills(self._path, kills)
