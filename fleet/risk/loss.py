"""The daily loss and the drawdown of a fleet, and whether a limit on them has been hit.

Owns: what the result is measured against, and what a restart must not forget of it. Must not know: how it comes about,
what is done about it, files. Pure.

The result is what the fleet has made since the process began: realised and unrealised, less fees, with funding. It is
made of trades, so that deposits and withdrawals are not in it, nor fees that were paid in assets that are no dollars. A
day is a UTC day; a fleet that starts in the middle of one begins at 0, unless its memory says what the day had brought
before. What a position makes while no process runs is of the day it was last looked at, as over midnight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from fleet.config.risk import Risk

_DAY_MS = 86_400_000
_ZERO = Decimal(0)

Allowed = tuple[Decimal | None, Decimal | None]
"""The daily loss and the drawdown that a file allows."""


@dataclass(frozen=True, slots=True)
class Basis:
    """How far a symbol's result was counted: to this position, the newest trade in it, and what it was worth then."""

    lots: int
    trade_id: int
    traded_ms: int
    unrealised: Decimal
    day: int = 0


@dataclass(frozen=True, slots=True)
class RiskMemory:
    """What a restart must not forget. `limit`: why nothing may be opened; empty when it may."""

    day: int
    """Days since the epoch."""
    day_result: Decimal = _ZERO
    below_best: Decimal = _ZERO
    limit: str = ""
    bases: dict[str, Basis] = field(default_factory=dict[str, Basis])
    """By symbol: the results above go on from there."""
    fills: dict[str, tuple[tuple[int, ...], int]] = field(default_factory=dict[str, tuple[tuple[int, ...], int]])
    """By symbol: its fill window, as it is saved."""
    funded_ms: int = 0
    """The newest funding payment in the result, or from when on they count."""
    held: tuple[str, ...] = ()
    """Symbols in which the fleet held a position."""
    lost: str = ""
    """Why none of this is known, where something was written down: for the owner. Never written itself."""
    hit: Allowed | None = None
    """By which loss limits `limit` was hit; None: by none, or an earlier version wrote it down."""
    resumed_ms: int | None = None
    """When the owner last said `resume`, if that was on this day: the results are since then. 0: while no process ran,
    so that they begin with the next one."""

    def funding_from_ms(self, now_ms: int) -> int:
        """From when on funding is in no result. An earlier day's is that day's."""
        return max(self.funded_ms + 1, now_ms // _DAY_MS * _DAY_MS)


class LossWatch:
    def __init__(self, now_ms: int, memory: RiskMemory | None = None) -> None:
        self.result = _ZERO
        self.limit = ""
        """Why nothing may be opened, from a limit's being hit until the day turns or the owner says so."""
        self.lost = memory.lost if memory else ""
        """The same while nobody knows whether a limit was hit: only the owner ends it."""
        self._day = now_ms // _DAY_MS
        self._day_began = self._best = _ZERO
        self._was_hit_before = False
        """On an earlier day."""
        self._hit: Allowed | None = None
        """By which limits; None while none is."""
        self._resumed_ms: int | None = None
        """On this day."""
        if self.lost:
            self.limit = self.lost
        elif memory is not None:
            self._take_up(memory, now_ms)

    def _take_up(self, memory: RiskMemory, now_ms: int) -> None:
        if memory.resumed_ms == 0:
            self._resumed_ms = now_ms
        if memory.day >= self._day:
            self._day_began, self.limit, self._hit = -memory.day_result, memory.limit, memory.hit
            self._resumed_ms = memory.resumed_ms or self._resumed_ms
            if memory.day == self._day + 1:
                self._day = memory.day
        elif memory.limit:
            # As when the day turns while a fleet runs: the drawdown begins anew.
            self._was_hit_before = True
            return
        self._best = memory.below_best

    @property
    def day_result(self) -> Decimal:
        return self.result - self._day_began

    @property
    def below_best(self) -> Decimal:
        return self._best - self.result

    @property
    def memory(self) -> RiskMemory:
        results = (self._day, self.day_result, self.below_best, self.limit)
        return RiskMemory(*results, hit=self._hit, resumed_ms=self._resumed_ms)

    def see(self, result: Decimal, limits: Risk, now_ms: int) -> bool:
        """The result as it is now. Returns whether a limit was hit by it."""
        day = now_ms // _DAY_MS
        if day > self._day:
            # What moved between the last look and this one is the old day's.
            self._day, self._day_began = day, result
            if self.limit and not self.lost:
                self._best = result
            self.limit, self._hit, self._resumed_ms = self.lost, None, None
        elif day < self._day - 1:
            # A clock that steps back over midnight begins no day anew; one that was days ahead was wrong.
            self._day = day
        self.result, self._best = result, max(self._best, result)
        if self.limit:
            return False
        self._hold_against(limits)
        return bool(self.limit)

    def moved_since(self, day: int, moved: Decimal) -> None:
        """So much of the result came about between a memory of that day and this process."""
        if day < self._day:
            self._day_began += moved
            if self._was_hit_before:
                self._best += moved

    def reconsider(self, limits: Risk) -> None:
        """The owner may have edited the file: loss limits that are others than those which were hit are held against
        the same result. Which those were an earlier version did not write down: they count as the ones of now."""
        if self.lost:
            return
        if self.limit and self._hit is None:
            self._hit = _allowed(limits)
        elif self._hit != _allowed(limits):
            self._hold_against(limits)

    def resume(self, now_ms: int) -> None:
        """The owner says go on: both limits begin anew."""
        self._day_began = self._best = self.result
        self.limit = self.lost = ""
        self._hit, self._resumed_ms = None, now_ms

    def _hold_against(self, limits: Risk) -> None:
        self.limit = self._over(limits)
        self._hit = _allowed(limits) if self.limit else None

    def _over(self, limits: Risk) -> str:
        since = "" if self._resumed_ms is None else f"since the resume at {_time_of_day(self._resumed_ms)} UTC"
        if limits.daily_loss_usd is not None and -self.day_result >= limits.daily_loss_usd:
            allowed = f"{limits.daily_loss_usd.normalize():f} are allowed"
            return f"lost {-self.day_result:.2f} USD {since or 'today'}, {allowed}"
        if limits.drawdown_usd is not None and self.below_best >= limits.drawdown_usd:
            best = f"its best {since}".rstrip()
            return f"{self.below_best:.2f} USD below {best}, {limits.drawdown_usd.normalize():f} are allowed"
        return ""


def _allowed(limits: Risk) -> Allowed:
    return limits.daily_loss_usd, limits.drawdown_usd


def _time_of_day(at_ms: int) -> str:
    minutes = at_ms % _DAY_MS // 60_000
    return f"{minutes // 60:02}:{minutes % 60:02}"
