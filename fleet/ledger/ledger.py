"""The ledger of a running fleet: what is told is queued at once, and known when it is on disk.

Owns: the bounded queue in front of a store, what happens when it is full, and what is told while nothing can be
written. Must not know: threads, loops: `sync` is called by whoever has the time (a thread of its own, in a simulation a
task), and `lose_unsynced` is what a crash does.

Full, it takes nothing more. Trades and funding that are lost by it are read again from the venue: how far the lists
were read is noted only behind what they held, and after a loss not at all until `reread` was answered. Orders,
incidents and snapshots that are lost are counted, and that is told.

An entry that makes no sense is left out, and told. Where it is a trade, its list counts as read no further than before
it, until it was told again and could be written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass
from threading import Lock

from fleet.ledger.entries import Entry, FundingRead, ListRead, Traded
from fleet.ledger.store import LedgerError, Store

MOST = 50_000
"""Entries that wait at most: minutes of the busiest trading, some 30 MB."""

BATCH = 1000
"""Entries written at once, so that a long queue is no long transaction."""


@dataclass(frozen=True, slots=True)
class _AccountBegins:
    """In the queue between what is told of one account and of the next."""

    now_ms: int


class Ledger:
    is_kept = True

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self.store = store
        self.problem = ""
        self.lost = 0
        self._most = most
        self._pending: deque[Entry | _AccountBegins] = deque()
        self._batch: list[Entry] = []
        """Taken out of the queue, not yet on disk."""
        self._must_reread = False
        self._begins: _AccountBegins | None = None
        """Told, and not yet on disk: of the account to come nothing is known."""
        self._gaps: set[tuple[str, int]] = set()
        """(symbol, trade): told, and could not be written."""
        self._refused: deque[str] = deque()
        self._refused_before: set[str] = set()
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
        return [] if self._begins else list(self.store.reads)

    def read_to(self, symbol: str) -> int:
        return 0 if self._begins else self.store.reads.get(symbol, 0)

    def last_trade_ms(self, symbol: str) -> int | None:
        return None if self._begins else self.store.traded.get(symbol) or None

    def funding_from_ms(self) -> int | None:
        if self._begins:
            return None
        read_ms = self.store.funding_read_ms
        return self.store.oldest_ms if read_ms is None else read_ms

    def reread(self) -> bool:
        must, self._must_reread = self._must_reread, False
        return must

    def refused(self) -> list[str]:
        return [self._refused.popleft() for _ in range(len(self._refused))]

    def begin_account(self, now_ms: int) -> None:
        """What was told so far is the old one's, and what is told from now on the new one's, whenever it is written."""
        self._begins = _AccountBegins(now_ms)
        self._pending.append(self._begins)

    # --- onto the disk

    @property
    def waiting(self) -> int:
        return len(self._pending) + len(self._batch)

    def sync(self) -> bool:
        """Writes what waits. True: all is on disk. False: `problem` says why not, and it is kept for the next time."""
        with self._writing:
            while self._batch or self._pending:
                self._fill_batch()
                try:
                    if self._batch:
                        self._write_batch()
                    else:
                        self._begin_account()
                except LedgerError as error:
                    self.problem = str(error)
                    return False
            self.problem = ""
            return True

    def lose_unsynced(self) -> None:
        """As when the process is killed: what is not on disk was never told."""
        with self._writing:
            self._pending.clear()
            self._batch.clear()
            self._begins = None

    def _fill_batch(self) -> None:
        """One at a time: the queue grows meanwhile, by another thread."""
        while self._pending and len(self._batch) < BATCH:
            entry = self._pending[0]
            if isinstance(entry, _AccountBegins):
                return
            self._batch.append(entry)
            self._pending.popleft()

    def _begin_account(self) -> None:
        begins = self._pending[0]
        assert isinstance(begins, _AccountBegins)
        self.store.begin_account(begins.now_ms)
        self._gaps.clear()
        self._pending.popleft()
        if self._begins is begins:
            self._begins = None

    def _write_batch(self) -> None:
        if self._gaps:
            told = {(entry.fill.symbol, entry.fill.trade_id) for entry in self._batch if isinstance(entry, Traded)}
            self._batch = [entry for entry in self._batch if not self._is_over_a_gap(entry, told)]
        try:
            self.store.write(self._batch)
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001 one entry that makes no sense must not keep all others from the disk
            while self._batch:
                self._write_alone(self._batch[0])
                del self._batch[0]
        else:
            self._are_written(self._batch)
            self._batch.clear()

    def _write_alone(self, entry: Entry) -> None:
        if self._is_over_a_gap(entry):
            return
        try:
            self.store.write([entry])
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 one entry must not hold up the others; that it is missing is told
            self._refuse(entry, error)
        else:
            self._are_written([entry])

    def _are_written(self, batch: list[Entry]) -> None:
        if self._gaps:
            self._gaps -= {(entry.fill.symbol, entry.fill.trade_id) for entry in batch if isinstance(entry, Traded)}

    def _is_over_a_gap(self, entry: Entry, filled: Container[tuple[str, int]] = ()) -> bool:
        """Whether it calls a trade known that is not on record, nor among those about to be."""
        return isinstance(entry, ListRead) and any(
            symbol == entry.symbol and entry.after < trade_id <= entry.to and (symbol, trade_id) not in filled
            for symbol, trade_id in self._gaps
        )

    def _refuse(self, entry: Entry, error: Exception) -> None:
        what = f"an entry ({type(entry).__name__})"
        if isinstance(entry, Traded):
            fill = entry.fill
            self._gaps.add((fill.symbol, fill.trade_id))
            what = f"trade {fill.trade_id} of {fill.symbol}, and how far its list was read,"
        text = f"{what} cannot be written down: a bug in astermm-fleet ({type(error).__name__})"
        if text not in self._refused_before:
            # A trade is read again and again: its owner hears of it once.
            self._refused_before.add(text)
            self._refused.append(text)
