"""A ledger file, read: also while a fleet writes it.

Owns: the questions that reports ask, as SQL. Must not know: how an answer is shown. Nothing is written. Sums of money
are not SQL's to make: it would add floats.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Integer,
    Select,
    cast,
    create_engine,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from fleet.ledger import schema
from fleet.ledger.markouts import HORIZONS_S
from fleet.ledger.store import LedgerError

DAY_MS = 86_400_000

_TRADE = (
    "account", "symbol", "trade_id", "exchange_ms", "side", "price", "quantity", "is_maker", "fee", "fee_asset",
    "realised_pnl", "mid", "mark",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Times in [since, until), and whose. With `all_accounts` those before it too: positions are this one's alone."""

    since_ms: int
    until_ms: int
    account: int
    all_accounts: bool = False


@dataclass(frozen=True, slots=True)
class Trade:
    account: int
    symbol: str
    trade_id: int
    exchange_ms: int
    sign: int
    price: Decimal
    quantity: Decimal
    is_maker: bool
    fee: Decimal
    fee_asset: str
    realised_pnl: Decimal
    mid: Decimal | None
    mark: Decimal | None
    later: tuple[tuple[int, Decimal], ...]
    """(seconds after it, mid then), as far as mid is known."""


@dataclass(frozen=True, slots=True)
class Payment:
    symbol: str
    exchange_ms: int
    amount: Decimal
    asset: str


@dataclass(frozen=True, slots=True)
class Worth:
    at_ms: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    venue: str
    owner: str
    begun_ms: int


@dataclass(frozen=True, slots=True)
class IncidentOnRecord:
    """`program`: the version of the program whose it was. `is_recorded`: what led up to it was kept."""

    id: int
    at_ms: int
    kind: str
    symbol: str | None
    text: str
    program: str
    is_recorded: bool


class Reader:
    """Raises LedgerError when there is nothing to read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise LedgerError(f"there is no ledger at {path}: a fleet that runs writes one")
        self._engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=StaticPool)
        try:
            self._connection: Connection = self._engine.connect()
            version = int(self._connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            own = int(self._connection.exec_driver_sql("PRAGMA application_id").scalar_one())
        except (DBAPIError, sqlite3.Error) as error:
            self._engine.dispose()
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise LedgerError(f"ledger {path} cannot be read: {cause}") from None
        if own != schema.APPLICATION_ID:
            self.close()
            raise LedgerError(f"{path} is no ledger of ours")
        if version != schema.VERSION:
            self.close()
            advice = "use the newer program" if version > schema.VERSION else "start its fleet once, which renews it"
            raise LedgerError(f"ledger {path} is of version {version}, not {schema.VERSION}: {advice}")

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def newest_account(self) -> Account | None:
        accounts = schema.accounts
        found = self._rows(
            select(accounts.c.id, accounts.c.venue, accounts.c.owner, accounts.c.begun_ms)
            .order_by(accounts.c.id.desc())
            .limit(1)
        )
        return next((Account(*row) for row in found), None)

    def trades(self, span: Span) -> Iterator[Trade]:
        """In the order in which they were made; those before `since` too, for they make the position."""
        fills = schema.fills
        columns: list[ColumnElement[Any]] = [fills.c[name] for name in _TRADE]
        joined: FromClause = fills
        for horizon_s in HORIZONS_S:
            marks = schema.markouts.alias(f"after_{horizon_s}")
            same = (marks.c.account == fills.c.account) & (marks.c.symbol == fills.c.symbol)
            joined = joined.outerjoin(
                marks, same & (marks.c.trade_id == fills.c.trade_id) & (marks.c.horizon_s == horizon_s)
            )
            columns.append(marks.c.mid)
        asked = (
            select(*columns)
            .select_from(joined)
            .where(fills.c.exchange_ms < span.until_ms)
            .order_by(fills.c.exchange_ms, fills.c.symbol, fills.c.trade_id)
        )
        if not span.all_accounts:
            asked = asked.where(fills.c.account == span.account)
        for row in self._rows(asked):
            yield Trade(
                row.account,
                row.symbol,
                row.trade_id,
                row.exchange_ms,
                1 if row.side == "BUY" else -1,
                Decimal(row.price),
                Decimal(row.quantity),
                row.is_maker,
                Decimal(row.fee),
                row.fee_asset,
                Decimal(row.realised_pnl),
                None if row.mid is None else Decimal(row.mid),
                None if row.mark is None else Decimal(row.mark),
                tuple(
                    (horizon_s, Decimal(mid))
                    for horizon_s, mid in zip(HORIZONS_S, row[len(_TRADE) :], strict=True)
                    if mid is not None
                ),
            )

    def funding(self, span: Span) -> Iterator[Payment]:
        paid = schema.funding
        asked = (
            select(paid.c.symbol, paid.c.exchange_ms, paid.c.amount, paid.c.asset)
            .where(paid.c.exchange_ms >= span.since_ms, paid.c.exchange_ms < span.until_ms)
            .order_by(paid.c.exchange_ms, paid.c.payment_id)
        )
        if not span.all_accounts:
            asked = asked.where(paid.c.account == span.account)
        for row in self._rows(asked):
            yield Payment(row.symbol, row.exchange_ms, Decimal(row.amount), row.asset)

    def orders(self, span: Span) -> Iterator[tuple[str, int, int, int]]:
        """(symbol, day, orders placed, of them filled in whole or part)."""
        orders, fills = schema.orders, schema.fills
        day = orders.c.placed_us // (1000 * DAY_MS)
        is_traded = (
            select(fills.c.trade_id)
            .where(fills.c.account == orders.c.account, fills.c.symbol == orders.c.symbol)
            .where(fills.c.order_id == orders.c.order_id)
            .exists()
        )
        asked = (
            select(orders.c.symbol, func.min(orders.c.placed_us), func.count(), func.sum(cast(is_traded, Integer)))
            .where(orders.c.placed_us >= span.since_ms * 1000, orders.c.placed_us < span.until_ms * 1000)
            .group_by(orders.c.symbol, day)
        )
        if not span.all_accounts:
            asked = asked.where(orders.c.account == span.account)
        for symbol, placed_us, count, filled in self._rows(asked):
            yield symbol, placed_us // 1000 // DAY_MS, count, filled

    def symbols(self, fleet: str) -> list[str]:
        """All that a fleet ever had orders in."""
        orders, runs = schema.orders, schema.runs
        asked = select(orders.c.symbol).distinct().join(runs, runs.c.id == orders.c.run).where(runs.c.fleet == fleet)
        return [row.symbol for row in self._rows(asked.order_by(orders.c.symbol))]

    def equity(self, span: Span) -> tuple[Worth, Worth] | None:
        """What the account was worth first and last in that time."""
        equity = schema.equity
        asked = (
            select(equity.c.at_ms, equity.c.wallet, equity.c.unrealised)
            .where(equity.c.account == span.account)
            .where(equity.c.at_ms >= span.since_ms, equity.c.at_ms < span.until_ms)
            .limit(1)
        )
        ends = [
            Worth(row.at_ms, Decimal(row.wallet) + Decimal(row.unrealised))
            for order in (equity.c.at_ms, equity.c.at_ms.desc())
            for row in self._rows(asked.order_by(order))
        ]
        return (ends[0], ends[-1]) if ends else None

    def marks(self, span: Span) -> Iterator[tuple[str, int, Decimal]]:
        """(symbol, day, the last mark price of that day), of positions held."""
        held = schema.holdings
        day = held.c.at_ms // DAY_MS
        asked = (
            select(held.c.symbol, func.max(held.c.at_ms), held.c.mark)
            .where(held.c.mark.is_not(None), held.c.at_ms < span.until_ms)
            .group_by(held.c.symbol, day)
            .order_by(func.max(held.c.at_ms))
        )
        if not span.all_accounts:
            asked = asked.where(held.c.account == span.account)
        for symbol, at_ms, mark in self._rows(asked):
            yield symbol, at_ms // DAY_MS, Decimal(mark)

    def incidents(self, most: int) -> list[IncidentOnRecord]:
        """The newest, oldest first."""
        asked = _incidents().order_by(schema.incidents.c.id.desc()).limit(most)
        return [IncidentOnRecord(*row) for row in self._rows(asked)][::-1]

    def incident(self, number: int) -> IncidentOnRecord | None:
        found = self._rows(_incidents().where(schema.incidents.c.id == number))
        return next((IncidentOnRecord(*row) for row in found), None)

    def recorded_before(self, incident: IncidentOnRecord, within_ms: int) -> int | None:
        """The number of the newest one before it of which the same symbol's recording is there."""
        rows = schema.incidents
        asked = (
            select(rows.c.id)
            .where(rows.c.id < incident.id, rows.c.at_ms > incident.at_ms - within_ms)
            .where(rows.c.symbol.is_not_distinct_from(incident.symbol), rows.c.recording.is_not(None))
            .order_by(rows.c.id.desc())
            .limit(1)
        )
        return next((row[0] for row in self._rows(asked)), None)

    def recording(self, number: int) -> bytes | None:
        """What led up to an incident, as it was packed; None when that is not on record."""
        incidents = schema.incidents
        return next((row[0] for row in self._rows(select(incidents.c.recording).where(incidents.c.id == number))), None)

    def _rows(self, asked: Executable) -> Iterator[Any]:
        try:
            yield from self._connection.execution_options(yield_per=2000).execute(asked)
        except DBAPIError as error:
            raise LedgerError(f"ledger {self._path} cannot be read: {error.orig}") from None


def _incidents() -> Select[Any]:
    incidents, runs = schema.incidents, schema.runs
    columns = (incidents.c[name] for name in ("id", "at_ms", "kind", "symbol", "text"))
    is_recorded = incidents.c.recording.is_not(None)
    return select(*columns, runs.c.program, is_recorded).join(runs, runs.c.id == incidents.c.run)


def _connect(path: Path) -> sqlite3.Connection:
    """Where the directory is read-only, SQLite cannot share a log: then nobody writes it either."""
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").close()
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True)
    return connection
