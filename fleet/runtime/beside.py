"""The files that a fleet has in `.astermm` beside its fleet file, or in the directory that ASTERMM_LEDGERS names.

    fleet.yaml.kill   which symbols are killed: whoever says so writes it, the fleet looks before it decides
    fleet.yaml.risk   what the risk limits must not forget over a restart, and where the fleet held a position
    fleet.yaml.run    where the control endpoint is, and the secret that lets one command it (mode 600)
    fleet.yaml.life   locked while its process lives, whether it answers or not

Owns: where they are, their names and form. Must not know: who reads them, and what for. The ledger is there as well.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fleet.runtime.alone import Alone

DIRECTORY_VARIABLE = "ASTERMM_LEDGERS"
"""Where a fleet keeps what it writes: an image's fleet file is in a directory that is read-only."""
ALL = "*"
"""Stands for every symbol in a kill file."""

LOCK_WAIT_S = 1.0
"""Others hold it for a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Beside:
    kill: Path
    risk: Path
    run: Path
    life: Path


def directory_of(file: Path, env: Mapping[str, str]) -> Path:
    named = env.get(DIRECTORY_VARIABLE, "").strip()
    return Path(named) if named else file.parent / ".astermm"


def beside(file: Path, env: Mapping[str, str]) -> Beside:
    directory = directory_of(file, env)
    return Beside(*(directory / f"{file.name}.{name}" for name in ("kill", "risk", "run", "life")))


class RunFile(msgspec.Struct, frozen=True):
    fleet: str
    url: str
    pid: int
    token: str = field(repr=False)

    def __repr__(self) -> str:
        return f"RunFile({self.fleet!r}, {self.url!r}, {self.pid})"


def read_kills(path: Path) -> dict[str, str]:
    """Symbol -> why, empty for one that was resumed since all were killed; nothing when there is no file. A file that
    makes no sense kills all: it was not for nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, msgspec.DecodeError):
        return {ALL: f"killed: {path} cannot be read"}


def change_kills(path: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, str]:
    """What is written there now, changed. Of two who change it at once neither is lost. Raises OSError."""
    # Without the lock all the same, where it is not to be had: a kill that waits is worse than one that may be lost.
    alone = Alone(path.with_name(f"{path.name}.lock"), LOCK_WAIT_S)
    try:
        kills = change(read_kills(path))
        write_kills(path, kills)
    finally:
        alone.release()
    return kills


def write_kills(path: Path, kills: Mapping[str, str]) -> None:
    """Raises OSError."""
    if kills:
        write(path, msgspec.json.encode(kills))
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def with_kill(kills: Mapping[str, str], symbol: str | None, why: str) -> dict[str, str]:
    if symbol is None:
        return {**{name: each for name, each in kills.items() if each}, ALL: why}
    return {**kills, symbol: why}


def without_kill(kills: Mapping[str, str], symbol: str | None) -> dict[str, str]:
    """One symbol lets the others be as they are: what was said of all holds for whatever else there is or will be."""
    if symbol is None:
        return {}
    if ALL in kills:
        return {**kills, symbol: ""}
    return {name: why for name, why in kills.items() if name != symbol}


def why_killed(kills: Mapping[str, str], symbol: str) -> str:
    """Empty when it is not, or when it was resumed since all were killed."""
    return kills.get(symbol, kills.get(ALL, ""))


def read(path: Path, kind: type[Any]) -> Any:
    """None when there is none, or none that makes sense."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def write(path: Path, content: bytes) -> None:
    """All of it or nothing, for its owner's eyes alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # made with mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Renamed before its content is on disk, a power cut could leave an empty one.
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise
