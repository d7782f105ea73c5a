"""The daily loss and the drawdown of a fleet, and whether a limit on them has been hit.

Owns: what the result is measured against. Must not know: how it comes about, what is done about it. Pure.

The result is what the fleet has made since the process began: realised and unrealised, less fees, with funding. It is
made of trades, so that deposits and withdrawals are not in it, nor fees that were paid in assets that are no dollars. A
day is a UTC day; a fleet that starts in the middle of one begins at 0, unless its memory says what the day had brought
before.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fleet.config.risk import Risk

_DAY_MS = 86_400_000
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RiskMemory:
    """What a restart must not forget. `limit`: why nothing may be opened; empty when it may."""

    day: int
    """Days since the epoch."""
    day_result: Decimal = _ZERO
    below_best: Decimal = _ZERO
    limit: str = ""


class LossWatch:
    def __init__(self, now_ms: int, memory: RiskMemory | None = None) -> None:
        self.result = _ZERO
        self.limit = ""
        """Why nothing may be opened, from a limit's being hit until the day turns or the owner says so."""
        self._day = now_ms // _DAY_MS
        self._day_began = self._best = _ZERO
        if memory is not None:
            self._best = memory.below_best
            if memory.day == self._day:
                self._day_began, self.limit = -memory.day_result, memory.limit

    @property
    def day_result(self) -> Decimal:
        return self.result - self._day_began

    @property
    def below_best(self) -> Decimal:
        return self._best - self.result

    @property
    def memory(self) -> RiskMemory:
        return RiskMemory(self._day, self.day_result, self.below_best, self.limit)

    def see(self, result: Decimal, limits: Risk, now_ms: int) -> bool:
        """The result as it is now. Returns whether a limit was hit by it."""
        day = now_ms // _DAY_MS
        if day != self._day:
            # What moved between the last look and this one is the old day's.
            self._day, self._day_began = day, result
            if self.limit:
                self._best = result
            self.limit = ""
        self.result, self._best = result, max(self._best, result)
        if self.limit:
            return False
        self.limit = self._hit(limits)
        return bool(self.limit)

    def reconsider(self, limits: Risk) -> None:
        """The owner has changed the limits: they are held against the same result."""
        self.limit = self._hit(limits)

    def resume(self) -> None:
        """The owner says go on: both limits begin anew."""
        self._day_began = self._best = self.result
        self.limit = ""

    def _hit(self, limits: Risk) -> str:
        if limits.daily_loss_usd is not None and -self.day_result >= limits.daily_loss_usd:
            return f"lost {-self.day_result:.2f} USD today, {limits.daily_loss_usd.normalize():f} are allowed"
        if limits.drawdown_usd is not None and self.below_best >= limits.drawdown_usd:
            return f"{self.below_best:.2f} USD below its best, {limits.drawdown_usd.normalize():f} are allowed"
        return ""
