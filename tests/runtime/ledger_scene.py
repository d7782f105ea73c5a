"""A fleet with a ledger in memory, and what it has written there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import anyio
from runtime_fakes import EPOCH_US, fleet_config
from runtime_worlds import FleetWorld, X, play_fleet
from sqlalchemy import Table, select

from exchange.model import Fill, FundingPayment
from fleet.config.models import FleetConfig
from fleet.ledger import schema
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Owner, Store


class Scene(FleetWorld):
    """With a ledger in memory that is written ten times a second."""

    def __init__(self, config: FleetConfig, store: Store | None, most: int) -> None:
        self.store = store or Store(None, Owner("fake", "a"), now_ms=EPOCH_US // 1000, fleet="f")
        self.ledger = Ledger(self.store, most=most)
        self.writes = True
        super().__init__(config, self.ledger)

    async def run(self) -> None:
        self.tasks.start_soon(self._write)
        await super().run()

    async def stop(self) -> None:
        await super().stop()
        self.ledger.sync()

    async def _write(self) -> None:
        while True:
            await anyio.sleep(0.1)
            if self.writes:
                self.ledger.sync()

    def traded(self, symbol: str = X, lots: int = 5, *, ago_ms: int = 0) -> Fill:
        """Somebody's order of ours was filled, and the line tells nothing."""
        name = f"f:{symbol}:r:{len(self.trading.orders)}"
        self.trading.put_order(name, symbol)
        fill = self.trading.fill(name, lots, tell=False)
        del self.trading.orders[name]
        trades = self.trading.trades[symbol]
        trades[-1] = fill = replace(fill, exchange_ms=fill.exchange_ms - ago_ms)
        return fill

    def kept(self, table: Table = schema.fills) -> list[tuple[object, ...]]:
        found = [tuple(row) for row in self.store.connection.execute(select(table)).all()]
        self.store.connection.rollback()
        return found

    def ids(self) -> list[tuple[object, ...]]:
        """(account, symbol, trade)"""
        return sorted(row[:3] for row in self.kept())

    def incidents(self) -> list[str]:
        return [str(row[3]) for row in self.kept(schema.incidents)]


def play(
    scene: Callable[[Scene], Awaitable[None]],
    before: Callable[[Scene], None] = lambda _: None,
    *,
    store: Store | None = None,
    most: int = 1000,
) -> Scene:
    return play_fleet(lambda config: Scene(config, store, most), fleet_config(X), scene, before)


async def nothing(_: Scene) -> None:
    pass


def paid(number: int, at: Scene, symbol: str = X, *, ago_ms: int = 0) -> FundingPayment:
    payment = FundingPayment(f"{number}:{symbol}", symbol, Decimal("-0.1"), "USDT", at.clock.now_ms() - ago_ms)
    at.trading.paid.append(payment)
    return payment
