"""Counts what the gate lets through, and how much longer than wished it takes.

Owns: requests, orders and weight of the last minute by class and by symbol, totals, and how far each symbol's refresh
interval is stretched. Must not know: clocks (`now_us` comes in, from one that does not go back), who asks, limits.
Memory is bounded by the symbols there have been, whatever the rate; a call costs the same however many went before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from exchange.ports import Cost, RequestClass

CLASS_NAMES: Mapping[RequestClass, str] = {
    RequestClass.CANCEL: "cancel",
    RequestClass.REDUCE: "reduce",
    RequestClass.QUOTE: "quote",
    RequestClass.REFRESH: "amend",
    RequestClass.QUERY: "query",
}
"""As people call them."""

SECOND_US = 1_000_000
MINUTE_S = 60

NEWEST_COUNTS = 1 / 8
"""How much of a symbol's stretch its newest amendment is: two dozen later the first has all but gone."""

FADES_BY_HALF_US = 5_000_000
"""A symbol that neither amends nor waits to is not stretched any more: what it was stretched halves in this time."""


@dataclass(slots=True)
class Tally:
    requests: int = 0
    orders: int = 0
    weight: int = 0

    def add(self, other: Tally, sign: int = 1) -> None:
        self.requests += sign * other.requests
        self.orders += sign * other.orders
        self.weight += sign * other.weight


@dataclass(frozen=True, slots=True)
class LastMinute:
    """In whole seconds, the one that runs included. Fleet-wide requests are of the symbol ""."""

    total: Tally
    by_class: dict[RequestClass, Tally]
    """Every class, in its order."""
    by_symbol: dict[str, Tally]
    """Those that sent anything."""

    def share(self, symbol: str) -> float:
        """Of the requests of all."""
        tally = self.by_symbol.get(symbol)
        return tally.requests / self.total.requests if tally else 0.0


@dataclass(frozen=True, slots=True)
class InLine:
    """What of one symbol waits at the gate: how many intents, and how long the one that waits longest does."""

    count: int = 0
    longest_us: int = 0


Counts = dict[tuple[str, RequestClass], Tally]


@dataclass(slots=True)
class _Stretch:
    value: float
    """As it was at the last amendment."""
    amended_us: int

    def faded(self, busy_us: int, now_us: int) -> float:
        """`busy_us`: for so long before now the symbol was not idle."""
        idle_us = now_us - self.amended_us - busy_us
        return self.value if idle_us <= 0 else 1 + (self.value - 1) * 0.5 ** (idle_us / FADES_BY_HALF_US)


class Meter:
    def __init__(self) -> None:
        self._second = 0
        self._newest: Counts = {}
        """Of the second that runs; it is in `_sums` only when it is over."""
        self._seconds: deque[tuple[int, Counts]] = deque()
        self._sums: Counts = {}
        self._totals = dict.fromkeys(RequestClass, 0)
        self._withdrawn: Counter[str] = Counter()
        self._stretches: dict[str, _Stretch] = {}
        self._amendments = 0
        self._intervals = 0.0
        """That all amendments took together."""

    def sent(
        self, symbol: str, request_class: RequestClass, cost: Cost, waited_us: int, refresh_us: int, now_us: int
    ) -> None:
        """One request was let through. `symbol` "": for the whole fleet; `refresh_us` 0: it is no amendment."""
        if now_us >= (self._second + 1) * SECOND_US:
            self._turn(now_us)
        key = (symbol, request_class)
        tally = self._newest.get(key)
        if tally is None:
            tally = self._newest[key] = Tally()
        tally.requests += 1
        tally.orders += cost.orders
        tally.weight += cost.weight
        self._totals[request_class] += 1
        if refresh_us:
            self._amended(symbol, waited_us, refresh_us, now_us)

    def not_sent(self, symbol: str, request_class: RequestClass, cost: Cost, now_us: int) -> None:
        """One that was let through a moment ago was given back."""
        self._turn(now_us)
        tally = self._newest.setdefault((symbol, request_class), Tally())
        tally.add(Tally(1, cost.orders, cost.weight), -1)
        self._totals[request_class] -= 1

    def withdrawn(self, symbol: str) -> None:
        """An intent that waited was withdrawn unsent."""
        self._withdrawn[symbol] += 1

    def last_minute(self, now_us: int) -> LastMinute:
        self._turn(now_us)
        total, by_symbol = Tally(), dict[str, Tally]()
        by_class = {request_class: Tally() for request_class in RequestClass}
        for counts in (self._sums, self._newest):
            for (symbol, request_class), tally in counts.items():
                total.add(tally)
                by_class[request_class].add(tally)
                by_symbol.setdefault(symbol, Tally()).add(tally)
        return LastMinute(total, by_class, by_symbol)

    def totals(self) -> dict[RequestClass, int]:
        """Requests since the start, every class."""
        return dict(self._totals)

    def withdrawn_total(self, symbol: str | None = None) -> int:
        """Since the start; None: of all symbols."""
        return self._withdrawn.total() if symbol is None else self._withdrawn[symbol]

    def stretch(self, symbol: str, waiting_us: int, refresh_us: int, now_us: int) -> float:
        """How many times its refresh interval the symbol's amendments take, lately; 1 when they go through at once.

        `waiting_us` is how long something of the symbol waits by now: it takes at least that long.
        """
        at_least = 1 + waiting_us / refresh_us if refresh_us else 1.0
        stretch = self._stretches.get(symbol)
        return at_least if stretch is None else max(at_least, stretch.faded(waiting_us + refresh_us, now_us))

    def mean_stretch(self) -> float:
        """Of all amendments since the start."""
        return self._intervals / self._amendments if self._amendments else 1.0

    def _amended(self, symbol: str, waited_us: int, refresh_us: int, now_us: int) -> None:
        stretch = self._stretches.get(symbol)
        if stretch is None:
            stretch = self._stretches[symbol] = _Stretch(1.0, now_us)
        took = 1 + waited_us / refresh_us
        before = stretch.faded(waited_us + refresh_us, now_us)
        stretch.value = before + (took - before) * NEWEST_COUNTS
        stretch.amended_us = now_us
        self._amendments += 1
        self._intervals += took

    def _turn(self, now_us: int) -> None:
        """What is over goes into the sums, what is older than a minute out of them."""
        second = now_us // SECOND_US
        if second <= self._second:
            return
        if self._newest:
            self._seconds.append((self._second, self._newest))
            for key, tally in self._newest.items():
                self._sums.setdefault(key, Tally()).add(tally)
            self._newest = {}
        self._second = second
        while self._seconds and self._seconds[0][0] <= second - MINUTE_S:
            for key, tally in self._seconds.popleft()[1].items():
                sums = self._sums.setdefault(key, Tally())
                sums.add(tally, -1)
                if not sums.requests:
                    del self._sums[key]
