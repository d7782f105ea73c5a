"""A fleet's ledger on disk: where its file is, whose trades it holds, and the thread that writes it.

Owns: from a fleet file's `ledger` section to an open ledger. Must not know: what is written.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig
from fleet.ledger.ledger import Ledger
from fleet.ledger.opening import open_store
from fleet.ledger.store import Owner
from fleet.runtime.beside import directory_of

EVERY_S = 0.1
"""What is told is on disk so much later, at most: one fsync for all of it."""

RETRY_S = 1.0

LAST_S = 10.0
"""How long a disk that does not answer keeps the process from its end."""


def ledger_path(config: FleetConfig, file: Path, env: Mapping[str, str] = os.environ) -> Path | None:
    """The file of the ledger; None when there is to be none."""
    if config.ledger is None:
        return None
    if config.ledger.path is not None:
        return config.ledger.path
    venue = re.sub(r"^https?://", "", config.venue_name)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{config.fleet}-{venue}")
    return directory_of(file, env) / f"{name}.sqlite3"


def owner_of(config: FleetConfig, credentials: Credentials | None) -> Owner:
    """A paper exchange of our own begins anew with each run, and so does its account."""
    if config.venue == "paper":
        return Owner("paper", "demonstration", is_new=True)
    venue = config.venue_name
    if credentials is None or not credentials.has_v3:
        key = credentials.v1_public_key if credentials else ""
        return Owner(venue, f"key {hashlib.sha256(key.encode()).hexdigest()[:16]}")
    return Owner(venue, credentials.user.lower())


@contextmanager
def open_ledger(path: Path, owner: Owner, *, now_ms: int, fleet: str, program: str) -> Generator[tuple[Ledger, str]]:
    """The ledger, written by a thread of its own until the end, and what the owner should be told of its file.

    Raises LedgerError.
    """
    store, notice = open_store(path, owner, now_ms=now_ms, fleet=fleet, program=program)
    ledger = Ledger(store)
    writer = _Writer(ledger)
    writer.start()
    try:
        yield ledger, notice
    finally:
        if writer.end():
            store.close()


class _Writer(threading.Thread):
    """Looks every tenth of a second rather than be told: that would cost the hot path more than the queue does."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(name="ledger", daemon=True)
        self._ledger = ledger
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(RETRY_S if self._ledger.problem else EVERY_S):
            self._sync()

    def end(self) -> bool:
        """Writes what is left. False: it hangs in the disk, and is left alone there."""
        self._ended.set()
        self.join(LAST_S)
        if self.is_alive():
            return False
        self._sync()
        return True

    def _sync(self) -> None:
        try:
            self._ledger.sync()
        except Exception as error:  # noqa: BLE001 a thread that dies is not seen by anybody: the fleet tells its owner
            self._ledger.problem = f"ledger: a bug in astermm-fleet ({type(error).__name__})"
