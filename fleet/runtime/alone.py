"""A lock between processes that ends with its holder, however that ends.

Owns: how it is held, and how others see that it is. Must not know: what for. A SQLite file: its locks are the same on
every system, and a process that is stopped keeps them.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path


class Alone:
    """Held from now on, unless somebody else holds it for longer than `wait_s`, or nothing can be written there."""

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        self._connection: sqlite3.Connection | None = None
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(sqlite3.Error):
            self._connection = _locked(str(path), wait_s)

    @property
    def is_held(self) -> bool:
        return self._connection is not None

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_held(path: Path) -> bool | None:
    """Whether somebody holds it; None: that cannot be known, nobody ever has, or cannot write there."""
    try:
        _locked(f"{path.absolute().as_uri()}?mode=rw", 0.0).close()
    except sqlite3.Error as error:
        return True if error.sqlite_errorcode == sqlite3.SQLITE_BUSY else None
    return False


def _locked(place: str, wait_s: float) -> sqlite3.Connection:
    """Raises sqlite3.Error."""
    connection = sqlite3.connect(place, timeout=wait_s, isolation_level=None, check_same_thread=False, uri=True)
    try:
        # Without a journal file: nothing is ever written.
        connection.execute("PRAGMA journal_mode = MEMORY").close()
        connection.execute("BEGIN EXCLUSIVE").close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
