"""What the venue said of the account at one moment, and what a worker makes of it as it begins.

Owns: which trades a position that was told holds. Must not know: who asks, and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Balance, Fill, Order, Position
from fleet.orders.ids import Run

CLOCKS_APART_MS = 500
"""The venue's clock may be so far from how we know it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the venue said of the whole account. `asked_us`: what was done later may be missing in it."""

    asked_us: int
    open_orders: tuple[Order, ...]
    positions: dict[str, Position]
    """Flat ones too."""
    balances: tuple[Balance, ...]

    def position(self, symbol: str) -> Position:
        """One that the venue does not list is flat, as of asking, or a little before: two clocks are in this."""
        flat_ms = self.asked_us // 1000 - CLOCKS_APART_MS
        return self.positions.get(symbol) or Position(symbol, 0, Decimal(0), exchange_ms=flat_ms)

    def own_orders(self, run: Run) -> list[Order]:
        return [order for order in self.open_orders if run.owns(order.client_id)]


@dataclass(frozen=True, slots=True)
class Begun:
    """How far a worker has come with its beginning, and what was mended on the way."""

    left_open: tuple[Order, ...] = ()
    """Orders of ours: they must go first."""
    missed: tuple[Fill, ...] = ()
    """Trades that came while no worker ran, and were not told of."""
    is_corrected: bool = False
    """The position was another than those trades make it."""
    is_done: bool = False
    """What the worker starts from is known."""


def holds_all(position: Position, newest: list[Fill]) -> bool:
    """Whether a position that was asked for before the newest two trades holds these too, by when it last changed."""
    if not newest or newest[-1].exchange_ms < position.exchange_ms:
        return True
    # Of several that were made in that very millisecond, maybe not all.
    is_alone = len(newest) == 1 or newest[0].exchange_ms < newest[-1].exchange_ms
    return is_alone and newest[-1].exchange_ms == position.exchange_ms
