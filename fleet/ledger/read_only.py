"""A ledger file, opened to be read: also while a fleet writes it, and where nothing can be written.

Owns: that what is read is all there is, or that it is told. Must not know: tables.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from fleet.ledger.store import LedgerError

_NO_LOG_CAN_BE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def connect(path: Path) -> sqlite3.Connection:
    """Where the directory is read-only SQLite cannot share a log: then nobody writes it either, and what a log from
    before holds cannot be read. Raises LedgerError for that, and sqlite3.Error."""
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").close()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in _NO_LOG_CAN_BE or os.access(path.parent, os.W_OK):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise LedgerError(
                f"ledger {path} cannot be read where nothing can be written: its newest entries are in {log.name}; "
                "copy both to another directory, and name that one with --ledger"
            ) from None
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True)
    return connection
