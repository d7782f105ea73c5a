"""What was held at the end of each day: the exchange's word where there is one, and the trades from there.

Owns: how both are put together. Must not know: prices, tables, SQL. All trades up to the moment that a word is of are
in it, and none after: so a position from before the first trade on record is in the sums, and so is what no trade told
of. Before the first word the trades are taken back out of it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Told:
    symbol: str
    as_of_ms: int
    quantity: Decimal


@dataclass(slots=True)
class _Held:
    """One symbol's. Until the first word `quantity` and `ends` are short of what was held before the first trade."""

    told: deque[Told] = field(default_factory=deque[Told])
    quantity: Decimal = ZERO
    is_told: bool = False
    ends: dict[int, Decimal] = field(default_factory=dict[int, Decimal])
    """Day -> the position at its end, of those days on which it changed."""
    days: list[int] = field(default_factory=list[int])


class Positions:
    """Of one account, up to a time."""

    def __init__(self, told: Iterable[Told], until_ms: int, day_ms: int) -> None:
        """`told`: the oldest first. Trades are to be added in the order in which they were made, too."""
        self._until_ms = until_ms
        self._day_ms = day_ms
        self._held: dict[str, _Held] = {}
        for each in told:
            self._held.setdefault(each.symbol, _Held()).told.append(each)

    def add(self, symbol: str, at_ms: int, quantity: Decimal) -> None:
        """A trade: signed as its side is."""
        held = self._held.setdefault(symbol, _Held())
        self._take_words(held, at_ms)
        held.quantity += quantity
        self._note(held, at_ms)

    def end(self) -> None:
        """There are no more trades."""
        for held in self._held.values():
            self._take_words(held, None)

    def at(self, symbol: str, day: int) -> Decimal:
        """At its end, or at the end of the time asked for where that is before."""
        held = self._held.get(symbol)
        index = bisect_right(held.days, day) if held else 0
        return held.ends[held.days[index - 1]] if held and index else ZERO

    def symbols(self) -> list[str]:
        return sorted(self._held)

    def last_day(self) -> int | None:
        """On which anything changed."""
        return max((held.days[-1] for held in self._held.values() if held.days), default=None)

    def _take_words(self, held: _Held, before_ms: int | None) -> None:
        while held.told and (before_ms is None or held.told[0].as_of_ms < before_ms):
            told = held.told.popleft()
            if not held.is_told:
                before = told.quantity - held.quantity
                held.ends = {day: end + before for day, end in held.ends.items()}
                held.is_told = True
            held.quantity = told.quantity
            self._note(held, told.as_of_ms)

    def _note(self, held: _Held, at_ms: int) -> None:
        if at_ms < self._until_ms:
            day = at_ms // self._day_ms
            if day not in held.ends:
                insort(held.days, day)
            held.ends[day] = held.quantity
