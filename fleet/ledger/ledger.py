"""The ledger of a running fleet: what is told is queued at once, and known when it is on disk.

Owns: the bounded queue in front of a store, what happens when it is full, and what is told while nothing can be
written. Must not know: threads, loops: `sync` is called by whoever has the time (a thread of its own, in a simulation a
task), and `lose_unsynced` is what a crash does.

Full, it takes nothing more. Trades and funding that are lost by it are read again from the venue: how far the lists
were read is noted only behind what they held, and after a loss not at all until `reread` was answered. Orders,
incidents and snapshots that are lost are counted, and that is told.
"""

from __future__ import annotations

from collections import deque
from threading import Lock

from fleet.ledger.entries import Entry, FundingRead, ListRead
from fleet.ledger.store import LedgerError, Store

MOST = 50_000
"""Entries that wait at most: minutes of the busiest trading, some 30 MB."""

BATCH = 1000
"""Entries written at once, so that a long queue is no long transaction."""


class Ledger:
    is_kept = True

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self.store = store
        self.problem = ""
        self.lost = 0
        self._most = most
        self._pending: deque[Entry] = deque()
        self._batch: list[Entry] = []
        """Taken out of the queue, not yet on disk."""
        self._must_reread = False
        self._writing = Lock()

    # --- the hot path

    def write(self, entry: Entry) -> None:
        if len(self._pending) >= self._most:
            self.lost += 1
            self._must_reread = True
        elif not (self._must_reread and isinstance(entry, ListRead | FundingRead)):
            self._pending.append(entry)

    # --- what is known

    def symbols(self) -> list[str]:
        return list(self.store.reads)

    def read_to(self, symbol: str) -> int:
        return self.store.reads.get(symbol, 0)

    def last_trade_ms(self, symbol: str) -> int | None:
        return self.store.traded.get(symbol) or None

    def funding_from_ms(self) -> int | None:
        read_ms = self.store.funding_read_ms
        return self.store.oldest_ms if read_ms is None else read_ms

    def reread(self) -> bool:
        must, self._must_reread = self._must_reread, False
        return must

    def begin_account(self, now_ms: int) -> None:
        """What was told so far is the old one's. Raises nothing: what cannot be written now is tried again at the start
        to come."""
        self.sync()
        with self._writing:
            try:
                self.store.begin_account(now_ms)
            except LedgerError as error:
                self.problem = str(error)

    # --- onto the disk

    @property
    def waiting(self) -> int:
        return len(self._pending) + len(self._batch)

    def sync(self) -> bool:
        """Writes what waits. True: all is on disk. False: `problem` says why not, and it is kept for the next time."""
        with self._writing:
            while self._batch or self._pending:
                # One at a time: the queue grows meanwhile, by another thread.
                while self._pending and len(self._batch) < BATCH:
                    self._batch.append(self._pending.popleft())
                try:
                    self._write_batch()
                except LedgerError as error:
                    self.problem = str(error)
                    return False
                self._batch.clear()
            self.problem = ""
            return True

    def lose_unsynced(self) -> None:
        """As when the process is killed: what is not on disk was never told."""
        with self._writing:
            self._pending.clear()
            self._batch.clear()

    def _write_batch(self) -> None:
        try:
            self.store.write(self._batch)
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001 one entry that makes no sense must not keep all others from the disk
            while self._batch:
                self._write_alone(self._batch[0])
                del self._batch[0]

    def _write_alone(self, entry: Entry) -> None:
        try:
            self.store.write([entry])
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001 as above; that it is missing is told
            self.lost += 1
