"""A fleet with risk limits, played again as a second process would: what it remembers lies in a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
from runtime_fakes import fleet_config, symbol_config
from runtime_worlds import FleetWorld, X, Y, play_fleet

from exchange.model import Fill, Position, Side
from fleet.config.models import FleetConfig
from fleet.runtime.memory import MemoryFile


class Scene(FleetWorld):
    """`memory`: the file, which a second play takes up as a second process would."""

    def __init__(self, config: FleetConfig, memory: Path | MemoryFile | None) -> None:
        file = MemoryFile(memory) if isinstance(memory, Path) else memory
        super().__init__(config, memory=file)
        remembered = file.read() if file else None
        if remembered is not None:
            self.clock.shift(60_000_000)
        basis = remembered and remembered.bases.get(X)
        self.first_trade = max(basis.trade_id, 1) if basis else 1
        """What the process before has seen is listed with that number."""

    async def buy(self, lots: int, mid: int) -> None:
        """By our bid, at 99, and a cent of fees; then the market is there."""
        self.trading.fill(self.trading.one(Side.BUY, X).client_id, lots)
        await anyio.sleep(1.5)
        self.market_stream.tick(X, mid)
        await anyio.sleep(3)

    @property
    def limit(self) -> str:
        return self.fleet.risk.loss.limit

    @property
    def day_result(self) -> Decimal:
        return self.fleet.risk.loss.day_result


def play(
    scene: Callable[[Scene], Awaitable[None]],
    config: FleetConfig,
    memory: Path | MemoryFile | None = None,
    before: Callable[[Scene], None] = lambda _: None,
) -> None:
    play_fleet(lambda config: Scene(config, memory), config, scene, before)


def losing(**risk: Any) -> FleetConfig:
    return fleet_config(symbol_config(X, balance_fraction="0.5", leverage=4), Y, risk=risk)


def holding(lots: int, mid: int) -> Callable[[Scene], None]:
    """The venue as the process before has left it: the fakes' trades begin anew."""

    def before(at: Scene) -> None:
        at.trading.held[X] = Position(X, lots, Decimal(99), exchange_ms=at.clock.now_ms())
        at.market_stream.mids[X] = mid
        trade(at, Side.BUY, lots)

    return before


def trade(at: Scene, side: Side, lots: int, realised: int = 0) -> Fill:
    trades = at.trading.trades[X]
    fill = Fill(X, at.first_trade + len(trades), 1, "", side, 990, lots, True, Decimal("0.01"), "USDT", Decimal(realised),
                at.clock.now_ms())  # fmt: skip
    trades.append(fill)
    return fill
