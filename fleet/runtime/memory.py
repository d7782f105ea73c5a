"""What the risk limits must not forget over a restart, in a file.

Owns: reading and writing it, beside the event loop. Must not know: what is in it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from fleet.risk.loss import RiskMemory
from fleet.runtime.beside import write


class MemoryFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: RiskMemory | None = None
        """What was handed over to be written, and did not fail."""
        self._writer = ThreadPoolExecutor(1, "risk-memory")
        self._writing: Future[str] | None = None

    def read(self) -> RiskMemory | None:
        """None when there is none. One that makes no sense is lost: a limit may have been hit."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=RiskMemory)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.DecodeError):
            return RiskMemory(
                0,
                lost=f"{self._path} cannot be read, and whether a loss limit was hit is not known: nothing is opened "
                "until its owner says `resume`",
            )

    def resume(self) -> None:
        """The owner says so, and no fleet runs: the loss limits begin anew with the next one. Raises OSError."""
        memory = self.read()
        if memory is not None and memory.lost:
            self._path.unlink(missing_ok=True)
        elif memory is not None:
            begun_anew = RiskMemory(memory.day, fills=memory.fills, held=memory.held, resumed_ms=0)
            write(self._path, msgspec.json.encode(begun_anew))

    def keep(self, memory: RiskMemory) -> str:
        """Has it written when it is another, and the one before is on disk. Returns what went wrong with that one."""
        problem = ""
        if self._writing is not None:
            if not self._writing.done():
                return ""
            problem = self._writing.result()
            if problem:
                self._written = None
        if memory != self._written:
            self._written, self._writing = memory, self._writer.submit(self._write, memory)
        return problem

    def finish(self, memory: RiskMemory) -> str:
        """The last one: on disk when this returns, unless it returns what went wrong."""
        if self._writing is not None:
            self._writing.result()
        self._written, self._writing = memory, None
        return self._write(memory)

    def _write(self, memory: RiskMemory) -> str:
        try:
            write(self._path, msgspec.json.encode(memory))
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return ""
