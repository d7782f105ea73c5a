"""What the loss limits must not forget over a restart, in a file.

Owns: reading and writing it, and how often. Must not know: what is in it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from exchange.clock import loop_s
from fleet.risk.loss import RiskMemory
from fleet.runtime.beside import read, write

EVERY_S = 10.0


class MemoryFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: RiskMemory | None = None
        self._due_s = float("-inf")

    def read(self) -> RiskMemory | None:
        return read(self._path, RiskMemory)

    def forget(self) -> None:
        """Raises OSError."""
        self._path.unlink(missing_ok=True)

    def keep(self, memory: RiskMemory) -> str:
        """Writes it down when it is time, and at once when a limit was hit or ended. Returns what went wrong."""
        now_s = loop_s()
        is_other = self._written is None or self._written.limit != memory.limit
        if memory == self._written or (now_s < self._due_s and not is_other):
            return ""
        self._written, self._due_s = memory, now_s + EVERY_S
        try:
            write(self._path, msgspec.json.encode(memory))
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return ""
