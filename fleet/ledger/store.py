"""One ledger file, open for writing: batches of entries become rows, all of a batch or none, on disk when it returns.

Owns: the connection, the lock that keeps a second writer out, which version the file is of, and what of the trade lists
is on record. Must not know: queues, threads, whose turn it is. In WAL mode, so that reports read it meanwhile.

synchronous=FULL: a commit returns when the log is on the disk. With NORMAL the last ones may be gone after a power cut,
though they had been called known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, CursorResult, Engine, create_engine, event, func, select
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from fleet.ledger import rows, schema
from fleet.ledger.entries import Entry
from fleet.words import one_line

CHANGES_KEPT_US = 7 * 86_400_000_000
"""Each change of an order is kept so long; the order as it ended, and all else, for ever."""

RECORDINGS_KEPT = 500
"""Of the steps that led up to incidents, the newest; the incidents themselves for ever."""

PRUNE_EVERY_US = 60_000_000
PRUNED_AT_ONCE = 5000
"""More than come in that time: a fleet may change 30 orders a second."""

BUSY_S = 2.0
"""How long a reader that is in the way is waited for."""


class LedgerError(Exception):
    """In words for the owner."""


class Corrupt(LedgerError):
    """The file is no database any more, or its pages do not fit together."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose trades: `name` tells accounts of one venue apart. `is_new`: the account begins now, like a paper one that
    lives as long as the process."""

    venue: str
    name: str
    is_new: bool = False


class Store:
    """`path` None keeps it in memory. Raises LedgerError when it cannot be opened, Corrupt where it is damaged."""

    def __init__(self, path: Path | None, owner: Owner, *, now_ms: int, fleet: str, program: str = "") -> None:
        self.path = path
        self.account = self.run = 0
        self.reads: dict[str, int] = {}
        """Symbol -> the trade up to which none is missing."""
        self.traded: dict[str, int] = {}
        """Symbol -> when the trade of `reads` was made, where that is on record; 0 where it is not."""
        self.funding_read_ms: int | None = None
        self.oldest_ms: int | None = None
        self._pruned_us = 0
        self._owner = owner
        self._fleet, self._program = fleet, program
        self._lock = None if path is None else _Lock(path)
        self._engine = _engine(path)
        self._connection: Connection | None = None
        try:
            self._connection = self._engine.connect()
            self._open(self._connection)
            self.begin_run(now_ms)
        except (sqlite3.Error, DBAPIError) as error:
            self.close()
            raise _told(path, error) from None
        except BaseException:
            self.close()
            raise

    def write(self, batch: Sequence[Entry]) -> None:
        """All of it, or nothing and a LedgerError; any other exception means that an entry makes no sense."""
        drawn = rows.draw(batch, self.account, self.run, self.reads)
        with self._transaction() as connection:
            for statement, values in drawn.statements:
                connection.execute(statement, values)
            traded = {symbol: self._traded_ms(connection, symbol, to) for symbol, to in drawn.reads.items()}
            if drawn.newest_us > self._pruned_us + PRUNE_EVERY_US:
                self._prune(connection, drawn.newest_us)
                self._pruned_us = drawn.newest_us
        # Only now: what was called known must be on the disk.
        self.reads = {**self.reads, **drawn.reads}
        self.traded = {**self.traded, **traded}
        if drawn.funding_read_ms is not None:
            self.funding_read_ms = drawn.funding_read_ms
        if drawn.oldest_ms is not None:
            self.oldest_ms = min(drawn.oldest_ms, self.oldest_ms or drawn.oldest_ms)

    def begin_run(self, now_ms: int) -> None:
        """A process starts on this ledger, on whatever account of its owner there is. Raises LedgerError."""
        accounts, runs, owner = schema.accounts, schema.runs, self._owner
        same = (accounts.c.venue == owner.venue) & (accounts.c.owner == owner.name)
        with self._transaction() as connection:
            known = connection.execute(select(func.max(accounts.c.id)).where(same)).scalar_one()
            self.account = self._add_account(now_ms) if known is None or owner.is_new else known
            row = {"account": self.account, "fleet": self._fleet, "program": self._program, "started_ms": now_ms}
            self.run = _key(connection.execute(runs.insert().values(row)))
            self._recall(connection)

    def begin_account(self, now_ms: int) -> None:
        """The trades to come are another account's, or another exchange's. Raises LedgerError, and nothing changes."""
        runs = schema.runs
        with self._transaction() as connection:
            account = self._add_account(now_ms)
            connection.execute(runs.update().where(runs.c.id == self.run).values(account=account))
        self.account = account
        self.reads, self.traded = {}, {}
        self.funding_read_ms = self.oldest_ms = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> Connection:
        assert self._connection is not None
        return self._connection

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        """Raises LedgerError where the file or the disk is to blame."""
        try:
            with self.connection.begin():
                yield self.connection
        except DBAPIError as error:
            if type(error) not in (OperationalError, DatabaseError):
                raise
            raise _told(self.path, error) from None

    def _open(self, connection: Connection) -> None:
        """Nothing is changed in a file that turns out not to be ours."""
        plain = connection.connection.driver_connection
        assert plain is not None
        check = _told_by(plain, "quick_check(1)")
        if check != "ok":
            raise Corrupt(f"{_name(self.path)} is damaged: {_finding(check)}")
        version, is_empty = _told_by(plain, "user_version"), not _told_by(plain, "schema_version")
        if version > schema.VERSION:
            raise LedgerError(
                f"{_name(self.path)} is of version {version}, this program's is {schema.VERSION}: "
                "use the newer program, or name another ledger"
            )
        if not is_empty and _told_by(plain, "application_id") != schema.APPLICATION_ID:
            raise LedgerError(f"{self.path} is a database, but no ledger of ours: name another file")
        _told_by(plain, "journal_mode = WAL")
        _told_by(plain, "synchronous = FULL")
        with connection.begin():
            if is_empty:
                schema.create(connection)
            else:
                schema.migrate(connection, version)

    def _add_account(self, now_ms: int) -> int:
        row = {"venue": self._owner.venue, "owner": self._owner.name, "begun_ms": now_ms}
        return _key(self.connection.execute(schema.accounts.insert().values(row)))

    def _recall(self, connection: Connection) -> None:
        lists, fills, accounts = schema.trade_lists, schema.fills, schema.accounts
        traded = connection.execute(
            select(fills.c.symbol).where(fills.c.account == self.account).distinct().order_by(fills.c.symbol)
        )
        read = connection.execute(
            select(lists.c.symbol, lists.c.read_to).where(lists.c.account == self.account).order_by(lists.c.symbol)
        )
        self.reads = {**dict.fromkeys(traded.scalars(), 0), **{row.symbol: row.read_to for row in read}}
        self.traded = {symbol: self._traded_ms(connection, symbol, to) for symbol, to in self.reads.items()}
        self.funding_read_ms = connection.execute(
            select(accounts.c.funding_read_ms).where(accounts.c.id == self.account)
        ).scalar_one()
        self.oldest_ms = connection.execute(
            select(func.min(fills.c.exchange_ms)).where(fills.c.account == self.account)
        ).scalar_one()

    def _prune(self, connection: Connection, now_us: int) -> None:
        """Looks at the oldest alone, which stand first: never at the whole table."""
        changes = schema.order_changes
        oldest = select(changes.c.id).order_by(changes.c.id).limit(PRUNED_AT_ONCE)
        connection.execute(changes.delete().where(changes.c.id.in_(oldest), changes.c.at_us < now_us - CHANGES_KEPT_US))
        incidents = schema.incidents
        recorded = select(incidents.c.id).where(incidents.c.recording.is_not(None)).order_by(incidents.c.id.desc())
        first_gone = recorded.limit(1).offset(RECORDINGS_KEPT).scalar_subquery()
        is_old = incidents.c.recording.is_not(None) & (incidents.c.id <= first_gone)
        connection.execute(incidents.update().where(is_old).values(recording=None))

    def _traded_ms(self, connection: Connection, symbol: str, trade_id: int) -> int:
        """0 where it is not on record."""
        fills = schema.fills
        found = connection.execute(
            select(fills.c.exchange_ms).where(
                fills.c.account == self.account, fills.c.symbol == symbol, fills.c.trade_id == trade_id
            )
        )
        return found.scalar_one_or_none() or 0


class _Lock:
    """Held as long as the process lives. A SQLite file of its own: its locks are the same on every system, and the
    ledger's own must stay free for readers."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _cannot_write(path, error) from None
        try:
            self._connection.execute("PRAGMA journal_mode = MEMORY").close()
            self._connection.execute("BEGIN EXCLUSIVE").close()
        except sqlite3.Error as error:
            self._connection.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise LedgerError(
                    f"ledger {path} is being written by another process: stop that fleet, or give this one a ledger of "
                    "its own"
                ) from None
            raise _cannot_write(path, error) from None

    def release(self) -> None:
        self._connection.close()


def _engine(path: Path | None) -> Engine:
    """One connection, used by one thread at a time."""
    engine = create_engine(
        URL.create("sqlite", database=":memory:" if path is None else str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_S, "isolation_level": None},
    )

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        # The driver would begin late, and DDL not at all: a migration has to be undone as a whole.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _told_by(connection: Any, pragma: str) -> Any:
    """Outside any transaction."""
    row = connection.execute(f"PRAGMA {pragma}").fetchone()
    return None if row is None else row[0]


def _finding(check: str) -> str:
    """The check's words in one line, without its heading of stars for which of several databases it is."""
    words = one_line(check.rpartition("***")[2])
    return words[:1].lower() + words[1:]


def _key(inserted: CursorResult[Any]) -> int:
    assert inserted.inserted_primary_key is not None
    return int(inserted.inserted_primary_key[0])


def _told(path: Path | None, error: DBAPIError | sqlite3.Error) -> LedgerError:
    cause = error if isinstance(error, sqlite3.Error) else error.orig
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Corrupt(f"{_name(path)} is damaged: {cause}")
    return _cannot_write(path, cause)


def _cannot_write(path: Path | None, cause: BaseException | None) -> LedgerError:
    what = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return LedgerError(f"{_name(path)} cannot be written: {what.lower()}")


def _name(path: Path | None) -> str:
    return f"ledger {path or 'in memory'}"
