"""A ledger file, read: also while a fleet writes it.

Owns: the questions that reports ask, as SQL. Must not know: how an answer is shown. Nothing is written. Sums of money
are not SQL's to make: it would add floats.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    create_engine,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from fleet.ledger import schema
from fleet.ledger.markouts import HORIZONS_S
from fleet.ledger.positions import Told
from fleet.ledger.read_only import connect
from fleet.ledger.store import LedgerError
from fleet.orders.ids import is_ours

DAY_MS = 86_400_000

_TRADE = (
    "account", "symbol", "trade_id", "exchange_ms", "order_id", "client_id", "side", "price", "quantity", "is_maker",
    "fee", "fee_asset", "realised_pnl", "mid", "mark",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Times in [since, until), and whose. With `all_accounts` the others' too: positions are this one's alone."""

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
    is_ours: bool
    """By an order on record, or one of whose id the line told. Else another's, or not known whose: lists tell no ids,
    and a crash may have kept an order from being written down."""


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
        self._engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=StaticPool)
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
        """The one in use: the newest run's."""
        accounts, runs = schema.accounts, schema.runs
        found = self._rows(
            select(accounts.c.id, accounts.c.venue, accounts.c.owner, accounts.c.begun_ms)
            .join(runs, runs.c.account == accounts.c.id)
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        return next((Account(*row) for row in found), None)

    def has_others(self, account: Account) -> bool:
        """Whether trades of another key or user of the same venue are on record."""
        accounts, fills = schema.accounts, schema.fills
        other = (accounts.c.venue == account.venue) & (accounts.c.owner != account.owner)
        traded = select(fills.c.trade_id).where(fills.c.account == accounts.c.id).exists()
        return any(self._rows(select(accounts.c.id).where(other, traded).limit(1)))

    def begun_ms(self, account: Account, *, all_accounts: bool = False) -> int:
        """From when on what is on record is the fleet's: of trades from before, lists alone tell."""
        accounts, orders = schema.accounts, schema.orders
        begun, placed = select(func.min(accounts.c.begun_ms)), select(func.min(orders.c.placed_us))
        if not all_accounts:
            begun, placed = begun.where(accounts.c.id == account.id), placed.where(orders.c.account == account.id)
        # Times of orders are the venue's, and its clock may be behind the one that the ledger was begun by.
        [begun_ms], [placed_us] = *self._rows(begun), *self._rows(placed)
        return begun_ms if placed_us is None else min(begun_ms, placed_us // 1000)

    def trades(self, span: Span) -> Iterator[Trade]:
        """In the order in which they were made; those outside of the span too, as far as they make the position.

        An account that was used by a key, and later by its user, has its trades on record twice: they come once.
        """
        fills, accounts, orders = schema.fills, schema.accounts, schema.orders
        of_it = (orders.c.account == fills.c.account) & (orders.c.symbol == fills.c.symbol)
        has_order = select(orders.c.client_id).where(of_it, orders.c.order_id == fills.c.order_id).exists()
        columns: list[ColumnElement[Any]] = [*(fills.c[name] for name in _TRADE), accounts.c.venue]
        columns.append(has_order.label("has_order"))
        joined: FromClause = fills.join(accounts, accounts.c.id == fills.c.account)
        for horizon_s in HORIZONS_S:
            marks = schema.markouts.alias(f"after_{horizon_s}")
            same = (marks.c.account == fills.c.account) & (marks.c.symbol == fills.c.symbol)
            joined = joined.outerjoin(
                marks, same & (marks.c.trade_id == fills.c.trade_id) & (marks.c.horizon_s == horizon_s)
            )
            columns.append(marks.c.mid)
        until_ms = max([span.until_ms, *(told_ms + 1 for told_ms in self._first_told(span))])
        asked = (
            select(*columns)
            .select_from(joined)
            .where(fills.c.exchange_ms < until_ms)
            .order_by(fills.c.exchange_ms, fills.c.symbol, fills.c.trade_id, fills.c.order_id, accounts.c.venue)
            .order_by(fills.c.account)
        )
        if not span.all_accounts:
            asked = asked.where(fills.c.account == span.account)
        fleets = [row.fleet for row in self._rows(select(schema.runs.c.fleet).distinct())]
        for _, same in groupby(self._rows(asked), _identity):
            trades = [_trade(row, fleets) for row in same]
            yield trades[0] if len(trades) == 1 else _joined(trades, span.account)

    def _first_told(self, span: Span) -> list[int]:
        """From when the first word of each position is."""
        held = schema.holdings
        asked = select(func.min(held.c.as_of_ms)).where(held.c.account == span.account, held.c.as_of_ms.is_not(None))
        return [row[0] for row in self._rows(asked.group_by(held.c.symbol))]

    def funding(self, span: Span) -> Iterator[Payment]:
        paid, accounts = schema.funding, schema.accounts
        asked = (
            select(paid.c.symbol, paid.c.exchange_ms, paid.c.amount, paid.c.asset)
            .join(accounts, accounts.c.id == paid.c.account)
            .where(paid.c.exchange_ms >= span.since_ms, paid.c.exchange_ms < span.until_ms)
            # As with trades: one of each, whatever account it was learnt for.
            .group_by(paid.c.exchange_ms, paid.c.payment_id, accounts.c.venue)
            .order_by(paid.c.exchange_ms, paid.c.payment_id, accounts.c.venue)
        )
        if not span.all_accounts:
            asked = asked.where(paid.c.account == span.account)
        for row in self._rows(asked):
            yield Payment(row.symbol, row.exchange_ms, Decimal(row.amount), row.asset)

    def orders(self, span: Span) -> Iterator[tuple[str, int, int, int]]:
        """(symbol, day, orders that the exchange took in, of them filled in whole or part).

        Those placed in the span, and those filled in it: each once, on the day of its first fill there, or else of
        its placing.
        """
        orders, fills = schema.orders, schema.fills
        filled = (
            select(fills.c.account, fills.c.symbol, fills.c.order_id, func.min(fills.c.exchange_ms).label("first_ms"))
            .where(fills.c.exchange_ms >= span.since_ms, fills.c.exchange_ms < span.until_ms)
            .group_by(fills.c.account, fills.c.symbol, fills.c.order_id)
        )
        if not span.all_accounts:
            filled = filled.where(fills.c.account == span.account)
        traded = filled.subquery()
        same = (traded.c.account == orders.c.account) & (traded.c.symbol == orders.c.symbol)
        same &= traded.c.order_id == orders.c.order_id
        filled_day, placed_day = traded.c.first_ms // DAY_MS, orders.c.placed_us // (1000 * DAY_MS)
        for row in self._rows(
            select(orders.c.symbol, filled_day.label("day"), func.count().label("number"))
            .select_from(traded.join(orders, same))
            .group_by(orders.c.symbol, filled_day)
        ):
            yield row.symbol, row.day, row.number, row.number
        unfilled = (
            select(orders.c.symbol, placed_day.label("day"), func.count().label("number"))
            .select_from(orders.outerjoin(traded, same))
            .where(orders.c.placed_us >= span.since_ms * 1000, orders.c.placed_us < span.until_ms * 1000)
            .where(orders.c.order_id.is_not(None), traded.c.first_ms.is_(None))
            .group_by(orders.c.symbol, placed_day)
        )
        if not span.all_accounts:
            unfilled = unfilled.where(orders.c.account == span.account)
        for row in self._rows(unfilled):
            yield row.symbol, row.day, row.number, 0

    def positions(self, span: Span) -> list[Told]:
        """What the venue told of the account's positions, the oldest first, and without regard to the span's times."""
        held = schema.holdings
        asked = (
            select(held.c.symbol, held.c.as_of_ms, held.c.quantity, func.max(held.c.at_ms))
            .where(held.c.account == span.account, held.c.as_of_ms.is_not(None))
            .group_by(held.c.symbol, held.c.as_of_ms)
            .order_by(held.c.as_of_ms, held.c.symbol)
        )
        return [Told(row.symbol, row.as_of_ms, Decimal(row.quantity)) for row in self._rows(asked)]

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
        """(symbol, when, the last mark price of that day), of positions held."""
        held = schema.holdings
        asked = (
            select(held.c.symbol, func.max(held.c.at_ms).label("at_ms"), held.c.mark)
            .where(held.c.account == span.account, held.c.mark.is_not(None), held.c.at_ms < span.until_ms)
            .group_by(held.c.symbol, held.c.at_ms // DAY_MS)
        )
        for row in self._rows(asked):
            yield row.symbol, row.at_ms, Decimal(row.mark)

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


def _identity(row: Any) -> tuple[object, ...]:
    """Of a trade, whichever account it was learnt for. Both sides of one trade have its number: each has its order."""
    return row.venue, row.symbol, row.trade_id, row.exchange_ms, row.order_id


def _trade(row: Any, fleets: Sequence[str]) -> Trade:
    later = zip(HORIZONS_S, row[len(_TRADE) + 2 :], strict=True)
    return Trade(
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
        tuple((horizon_s, Decimal(mid)) for horizon_s, mid in later if mid is not None),
        row.has_order or any(is_ours(fleet, row.client_id) for fleet in fleets),
    )


def _joined(same: Sequence[Trade], account: int) -> Trade:
    """One trade as several accounts have it: the one in use, with what only the line told, whichever heard it."""
    first = next((each for each in same if each.account == account), same[0])
    mid = next((each.mid for each in same if each.mid is not None), None)
    mark = next((each.mark for each in same if each.mark is not None), None)
    later, ours = max((each.later for each in same), key=len), any(each.is_ours for each in same)
    return replace(first, mid=mid, mark=mark, later=later, is_ours=ours)
