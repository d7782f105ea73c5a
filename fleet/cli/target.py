"""What kill, flatten and resume are aimed at: a fleet file, the fleet that runs by it or did, and a symbol or all.

Owns: what can be known of it, whatever state file and fleet are in. Must not know: what is done to it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fleet.cli.main import Failure
from fleet.config.faults import ConfigError, nearest
from fleet.config.loader import UNNAMED, Examined, Loaded, examine
from fleet.config.models import FLEET_NAME_PATTERN
from fleet.ledger.reading import Reader
from fleet.ledger.store import LedgerError
from fleet.runtime.alone import is_held
from fleet.runtime.beside import Beside, RunFile, beside, read
from fleet.runtime.memory import MemoryFile
from fleet.wiring.client import address_of
from fleet.wiring.ledger import ledger_path


@dataclass(frozen=True, slots=True)
class Target:
    file: Path
    symbol: str | None
    beside: Beside
    run_file: RunFile | None
    """Of the fleet that runs, or did not end in order: who it is, though the fleet file be broken or gone."""
    lives: bool | None
    """Whether its process does, if only to hang; None: that cannot be known."""
    _examined: Examined

    @property
    def fleet(self) -> str:
        """The name may have been edited: what runs keeps the one that it was started with. Raises ConfigError."""
        return self.run_file.fleet if self.run_file else self.sound().config.fleet

    @property
    def words(self) -> str:
        return self.symbol or (f"fleet {self.fleet}" if self.run_file or self.is_sound else f"the fleet of {self.file}")

    @property
    def is_embedded(self) -> bool:
        """Its exchange is part of the fleet's own process."""
        return self._examined.sound is not None and self._examined.sound.config.venue == "paper"

    @property
    def has_ended(self) -> bool:
        """Nothing is left of it, not even its exchange."""
        return self.is_embedded and (self.lives is False or (self.lives is None and self.run_file is None))

    @property
    def is_real(self) -> bool:
        """Where the file does not say, it may be."""
        sound = self._examined.sound
        return sound is None or (not self.is_embedded and address_of(sound.config.venue).is_live)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those in the file, sound or not."""
        return (*self.sound().config.symbols, *self._examined.unsound)

    @property
    def left(self) -> tuple[str, ...]:
        """Those that are in it no more, and that the fleet held a position in when it last ran."""
        memory = MemoryFile(self.beside.risk).read()
        return tuple(each for each in memory.held if each not in self.symbols) if memory else ()

    def sound(self) -> Loaded:
        """A file that an edit has broken will do, as long as it says which fleet and venue. Raises ConfigError."""
        if self._examined.sound is None or not self.is_sound:
            raise ConfigError(self._examined.faults)
        return self._examined.sound

    @property
    def is_sound(self) -> bool:
        sound = self._examined.sound
        return sound is not None and (
            self.run_file is not None or not self._examined.faults or _is_name(sound.config.fleet)
        )

    def expect_symbol(self) -> None:
        """That it is one of the fleet's, by the file or, where it is in the file no more, by the ledger. Raises Failure
        and ConfigError."""
        if self.symbol is None or self.symbol in self.symbols or self.symbol in self._traded():
            return
        near = nearest(self.symbol, self.symbols)
        raise Failure(f"{self.symbol} is not in {self.file}" + (f": did you mean {near}?" if near else ""), 2)

    def _traded(self) -> list[str]:
        path = ledger_path(self.sound().config, self.file)
        try:
            with Reader(path or Path()) as ledger:
                return ledger.symbols(self.fleet)
        except LedgerError:
            return []


def aim(file: Path, symbol: str | None) -> Target:
    """Raises ConfigError and Failure where nobody runs by the file, and it does not say whose orders they are."""
    where = beside(file, os.environ)
    target = Target(file, symbol, where, read(where.run, RunFile), is_held(where.life), examine(file, os.environ))
    if target.run_file is None and not target.lives:
        target.sound()
    if target.is_sound and (target.run_file is None or target.lives is False):
        # There is no fleet to say so.
        target.expect_symbol()
    return target


def _is_name(name: str) -> bool:
    return name != UNNAMED and re.match(FLEET_NAME_PATTERN, name) is not None
