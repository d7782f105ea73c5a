"""A ledger file at the start of a run: opened, or moved aside when it cannot be read any more and begun anew.

Owns: what is done about a damaged file. Must not know: fleets, loops. A file is moved only when SQLite itself calls it
damaged: a full disk, missing rights or another process are told, and nothing is touched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fleet.ledger.store import Corrupt, LedgerError, Owner, Store

_COMPANIONS = ("", "-wal", "-shm")
"""What belongs to a SQLite file: its log and the log's index go with it."""


def open_store(path: Path, owner: Owner, *, now_ms: int, fleet: str, program: str = "") -> tuple[Store, str]:
    """The store, and what the owner should be told, empty when all is well. Raises LedgerError."""
    try:
        return Store(path, owner, now_ms=now_ms, fleet=fleet, program=program), ""
    except Corrupt as error:
        what = str(error)
    aside = _move_aside(path, now_ms)
    store = Store(path, owner, now_ms=now_ms, fleet=fleet, program=program)
    return store, f"{what}; it is kept as {aside.name}, and a new one is filled from the exchange's trade list"


def _move_aside(path: Path, now_ms: int) -> Path:
    aside = path.with_name(f"{path.name}.corrupt-{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%dT%H%M%S}")
    number = 1
    while aside.exists():
        number += 1
        aside = aside.with_name(f"{aside.name.partition('.again-')[0]}.again-{number}")
    try:
        for companion in _COMPANIONS:
            part = path.with_name(path.name + companion)
            if part.exists():
                part.rename(aside.with_name(aside.name + companion))
    except OSError as error:
        raise LedgerError(
            f"ledger {path} is damaged and cannot be moved aside: {(error.strerror or str(error)).lower()}"
        ) from None
    return aside
