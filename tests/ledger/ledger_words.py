"""Trades, orders and stores for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from exchange.model import BookTicker, Fill, Instrument, Side
from fleet.ledger import schema
from fleet.ledger.entries import Traded
from fleet.ledger.store import Owner, Store

X = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**7, 1, 10**7,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip
OWNER = Owner("testnet", "0xabc")
MORNING_MS = 1_790_000_000_000


def trade(
    number: int,
    side: Side = Side.BUY,
    price: int = 1000,
    lots: int = 100,
    *,
    pnl: str = "0",
    fee: str = "0.01",
    asset: str = "USDT",
    at_ms: int | None = None,
    client_id: str = "",
    maker: bool = True,
) -> Fill:
    """Price 100, 1 X, made `number` milliseconds into the morning."""
    made_ms = MORNING_MS + number if at_ms is None else at_ms
    return Fill(
        "XUSDT", number, 1000 + number, client_id, side, price, lots, maker, Decimal(fee), asset, Decimal(pnl), made_ms
    )


def traded(*fills: Fill, ticker: BookTicker | None = None, mark: str | None = None) -> list[Traded]:
    return [Traded(X, fill, ticker, None if mark is None else Decimal(mark)) for fill in fills]


def market(bid: int, ask: int, at_us: int = 0) -> BookTicker:
    return BookTicker("XUSDT", 1, bid, 10, ask, 10, at_us // 1000, at_us)


def open_at(path: Path | None = None, owner: Owner = OWNER, now_ms: int = MORNING_MS) -> Store:
    return Store(path, owner, now_ms=now_ms, fleet="f", program="1")


def rows(store: Store, table: Table) -> Sequence[Any]:
    found = store.connection.execute(select(table)).all()
    store.connection.rollback()
    return found


def ids(store: Store) -> list[int]:
    return sorted(row.trade_id for row in rows(store, schema.fills))
