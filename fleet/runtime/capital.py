"""One account's collateral, shared by the fleet, so that together the workers never promise more than there is.

Owns: who may commit how much margin. Must not know: orders, prices, the venue. All amounts are USD of margin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

RESERVE = Decimal("0.02")
"""Kept back for fees, and for what prices move between a decision and the exchange's own check."""


@dataclass(slots=True)
class Capital:
    """`wallet`: stable collateral. `unrealised_pnl`: of all positions. `foreign_margin`: held by what is not ours."""

    wallet: Decimal = Decimal(0)
    unrealised_pnl: Decimal = Decimal(0)
    foreign_margin: Decimal = Decimal(0)
    _fractions: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    _committed: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    _promised: Decimal = Decimal(0)
    """All fractions together, summed when one changes: each decision of each symbol asks."""

    @property
    def usable(self) -> Decimal:
        """Unrealised losses count, unrealised gains do not: they may be gone when the order fills."""
        free = self.wallet + min(self.unrealised_pnl, Decimal(0)) - self.foreign_margin
        return max(free * (1 - RESERVE), Decimal(0))

    def demand(self, symbol: str, fraction: Decimal) -> None:
        self._fractions[symbol] = fraction
        self._promised = sum(self._fractions.values(), Decimal(0))

    def share(self, symbol: str) -> Decimal:
        """What a symbol may commit to one side: its fraction, scaled down where the fractions add up to over one."""
        return self.usable * self._fractions.get(symbol, Decimal(0)) / max(self._promised, Decimal(1))

    def grant(self, symbol: str, held: Decimal = Decimal(0)) -> Decimal:
        """What it may commit now to a side, on top of the margin `held` by its position: its share, as far as there is
        as much left."""
        others = sum(self._committed.values(), Decimal(0)) - self._committed.get(symbol, Decimal(0))
        return max(min(self.share(symbol), self.usable - others - held), Decimal(0))

    def commit(self, symbol: str, margin: Decimal) -> None:
        """What its position and working orders need in the worst case, from now on."""
        self._committed[symbol] = margin

    def remove(self, symbol: str) -> None:
        """It has left. What it still holds counts as foreign, until the account is counted again."""
        self._fractions.pop(symbol, None)
        self._promised = sum(self._fractions.values(), Decimal(0))
        self.foreign_margin += self._committed.pop(symbol, Decimal(0))
