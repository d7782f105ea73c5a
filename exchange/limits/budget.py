"""Owns: what the fleet may still send under all the limiters that exchangeInfo states. Must not know: clocks, waiting.

REQUEST_WEIGHT takes a request's weight, ORDERS its orders; a limiter of another kind is not ours to count and is left
out, and what no limiter covers is not limited. Times are microseconds of a clock that does not leap forward: a leap
would free what the venue still counts. The loop's clock is one (CLOCK_MONOTONIC: nobody sets it, and it stands still
while the machine sleeps); standing still or stepping back, a clock only holds longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum

from exchange.limits.pace import Pace
from exchange.limits.window import Window
from exchange.model import RateLimit
from exchange.ports import Cost

RESERVES = {"REQUEST_WEIGHT": Decimal("0.1"), "ORDERS": Decimal("0.02")}
"""By kind, the part that is kept for the urgent lane. Weight is rarely the tight limit and every cancel wants some, so
a tenth. Fleets live at the order limit, where each token kept lies idle: 21 of 1080 let as many positions be reduced at
one instant, and leave 98 % to quotes and amendments."""


class Lane(IntEnum):
    """How much of a capacity a request may use."""

    URGENT = 0
    """All of it: cancels, reductions."""
    OPENING = 1
    """All but the reserve: new quotes."""
    PACED = 2
    """All but the reserve, and no faster than can be kept up (exchange.limits.pace): amendments, queries."""


@dataclass(frozen=True, slots=True)
class LimiterUse:
    """`used` of `capacity` tokens are held now, `peak` is the most that ever were; `limit` is the venue's figure.

    `assumed` more are held for what may have been spent before the venue first told its count.
    """

    name: str
    used: int
    capacity: int
    limit: int
    peak: int
    assumed: int = 0


@dataclass(slots=True, eq=False)
class Spend:
    """What one request holds, until it is settled or released, once."""

    cost: Cost
    lane: Lane
    freed_before: dict[str, int] = field(repr=False)
    is_open: bool = True

    @property
    def is_urgent(self) -> bool:
        return self.lane is Lane.URGENT


@dataclass(slots=True)
class _Compartment:
    limit: RateLimit
    is_orders: bool
    window: Window
    pace: Pace
    reserve: int
    known: int = 0
    """What the other limiters of the kind held when this one appeared."""
    answered: int = 0
    """While something is assumed: own tokens whose answer told the venue's count, so that it holds them."""

    def probe(self) -> int:
        """What is not assumed to be spent: for the urgent lane the reserve, for the others a hundredth, so that one
        answer that gets lost does not cost a window's length."""
        return self.reserve + max(1, self.window.capacity // 100)

    def use(self) -> LimiterUse:
        window, limit = self.window, self.limit
        used = window.used - window.assumed
        return LimiterUse(limit.name, used, window.capacity, limit.limit, window.peak, window.assumed)


class Budget:
    """A strict window for each limiter.

    A capacity is `limit` × `safety`, rounded down, and at least 1, so that a tiny limit still lets something pass.
    `reserve` is the part of each capacity that only the urgent lane may use, rounded down but at least 1 of a capacity
    from 4 on, so that a cancel is never starved; 0 is none, None is RESERVES. With `assume_spent` each window begins
    full but for a probe: what another process has spent of it is not known. That ends with the venue's first count, or
    a window's length after the first look.
    ValueError for a limit or interval under 1 (the venue states none), a limiter named twice, a share out of range.
    """

    def __init__(
        self,
        limits: Sequence[RateLimit],
        safety: float | Decimal = 0.9,
        reserve: float | Decimal | None = None,
        *,
        assume_spent: bool = False,
    ) -> None:
        self._safety = _share(safety)
        self._reserves = RESERVES if reserve is None else dict.fromkeys(RESERVES, Decimal(str(reserve)))
        if not all(0 <= share < 1 for share in self._reserves.values()):
            raise ValueError(f"reserve must be at least 0 and below 1, not {reserve}")
        self._open_weight = 0
        self._open_orders = 0
        self._compartments: dict[str, _Compartment] = {}
        self._set(limits, assume_spent=assume_spent)

    def restrict(self, limits: Sequence[RateLimit]) -> None:
        """The limits from now on. What was spent stays spent. A limiter not known before holds what a longer one of its
        kind does; where there is none it begins as if all but a probe were spent. ValueError, and nothing changed, as
        above."""
        self._set(limits, assume_spent=True)

    def keep_to(self, safety: float | Decimal) -> None:
        """The part of each limit that may be used from now on. ValueError, and nothing changed, as above."""
        self._safety = _share(safety)
        self.restrict([compartment.limit for compartment in self._compartments.values()])

    def interval_us(self, cost: Cost) -> int:
        """How far apart such requests of the paced lane can be sent for ever."""
        intervals = [
            (cost.orders if each.is_orders else cost.weight)
            * each.window.length_us
            // max(1, each.window.capacity - each.reserve)
            for each in self._compartments.values()
        ]
        return max(intervals, default=0)

    def check(self, cost: Cost, lane: Lane = Lane.URGENT) -> None:
        """ValueError when the cost could not fit even if nothing were spent."""
        for compartment in self._compartments.values():
            amount = cost.orders if compartment.is_orders else cost.weight
            room = compartment.window.capacity - (compartment.reserve if lane else 0)
            if amount > room:
                raise ValueError(f"{cost} can never fit: {compartment.limit.name} has room for {room}")

    def take(self, cost: Cost, now_us: int, lane: Lane = Lane.URGENT) -> Spend | None:
        """Holds the cost in every compartment, or in none: then None."""
        for compartment in self._compartments.values():
            amount = cost.orders if compartment.is_orders else cost.weight
            window = compartment.window
            window.advance(now_us)
            # A cancel costs no orders: a compartment it takes nothing from must not hold it up, however full.
            if amount and amount > window.capacity - window.used - (compartment.reserve if lane else 0):
                return None
            if amount and lane is Lane.PACED and compartment.pace.next_us > window.now_us:
                return None
        freed_before: dict[str, int] = {}
        for name, compartment in self._compartments.items():
            amount = cost.orders if compartment.is_orders else cost.weight
            window = compartment.window
            freed_before[name] = window.freed
            if amount:
                window.take(amount)
                if lane is Lane.PACED:
                    compartment.pace.took(window, amount, compartment.reserve)
        self._open_weight += cost.weight
        self._open_orders += cost.orders
        return Spend(cost, lane, freed_before)

    def ready_us(self, cost: Cost, now_us: int, lane: Lane = Lane.URGENT) -> int | None:
        """The earliest time at which `take` would succeed if nothing but time happens; None: only a settle can free
        it. At most a window's length away. ValueError as `check`."""
        self.check(cost, lane)
        ready_us = now_us
        for compartment in self._compartments.values():
            amount = cost.orders if compartment.is_orders else cost.weight
            if not amount:
                continue
            compartment.window.advance(now_us)
            fits_us = compartment.window.ready_us(amount, compartment.reserve if lane else 0)
            if fits_us is None:
                return None
            ready_us = max(ready_us, fits_us, compartment.pace.next_us if lane is Lane.PACED else 0)
        return ready_us

    def settle(self, spend: Spend, now_us: int, used: Mapping[str, int]) -> None:
        """The request was answered, or given up for good: it leaves the budget a window's length from now.

        `used` is the venue's own count by limiter name. What it exceeds ours by, someone else has spent: it is held
        from now for a window's length, however absurd the figure. Never corrected downward, but for what was only
        assumed; and that by no count that lacks what the venue must have counted of ours: it is of something else.
        ValueError when the spend is over already.
        """
        self._close(spend)
        for name, compartment in self._compartments.items():
            amount = spend.cost.orders if compartment.is_orders else spend.cost.weight
            window = compartment.window
            window.advance(now_us)
            counted = used.get(name)
            foreign = 0
            if counted is not None:
                if window.assumed:
                    compartment.answered += amount
                    if counted >= compartment.answered:
                        # Ours in flight may not be in the count yet: all above what must be is taken for others'.
                        foreign = counted - compartment.answered
                        window.assume(0)
                        compartment.pace.changed()
                else:
                    # The venue counted while the request was on its way: what has come back since was still ours.
                    freed = max(0, window.freed - spend.freed_before.get(name, window.freed))
                    foreign = max(0, counted - window.used - freed)
            if foreign:
                window.take(foreign)
            if amount or foreign:
                window.settle(amount + foreign)

    def release(self, spend: Spend) -> None:
        """Nothing was sent. ValueError when the spend is over already."""
        self._close(spend)
        for compartment in self._compartments.values():
            amount = spend.cost.orders if compartment.is_orders else spend.cost.weight
            compartment.window.release(amount)
            if amount and spend.lane is Lane.PACED:
                compartment.pace.released(compartment.window.now_us)

    def usage(self, now_us: int) -> tuple[LimiterUse, ...]:
        for compartment in self._compartments.values():
            compartment.window.advance(now_us)
        return tuple(compartment.use() for compartment in self._compartments.values())

    def _set(self, limits: Sequence[RateLimit], *, assume_spent: bool) -> None:
        """`assume_spent` is for limiters not known before."""
        stated: dict[str, RateLimit] = {}
        for limit in limits:
            if limit.kind not in RESERVES:
                continue
            if limit.limit < 1 or limit.interval_s < 1:
                raise ValueError(f"a limit must be at least 1 in at least 1 s: {limit}")
            if limit.name in stated:
                raise ValueError(f"{limit.name} is stated twice")
            stated[limit.name] = limit
        self._compartments = {name: self._compartment(limit, assume_spent) for name, limit in stated.items()}

    def _compartment(self, limit: RateLimit, assume_spent: bool) -> _Compartment:
        capacity = max(1, int(limit.limit * self._safety))
        is_orders = limit.kind == "ORDERS"
        compartment = self._compartments.get(limit.name)
        is_new = compartment is None
        is_covered = False
        if compartment is None:
            in_flight = self._open_orders if is_orders else self._open_weight
            window = Window(capacity, limit.interval_s * 1_000_000, in_flight)
            others = [other.window for other in self._compartments.values() if other.is_orders == is_orders]
            known = max((other.used - other.assumed - in_flight for other in others), default=0)
            is_covered = any(other.length_us >= window.length_us and not other.assumed for other in others)
            compartment = _Compartment(limit, is_orders, window, Pace(), reserve=0, known=known)
        share = self._reserves[limit.kind]
        compartment.limit = limit
        compartment.window.capacity = capacity
        compartment.reserve = max(int(capacity * share), 1 if share and capacity >= 4 else 0)
        compartment.pace.changed()
        if is_covered:
            compartment.window.assume(compartment.known)
        elif compartment.window.assumed or (is_new and assume_spent):
            compartment.window.assume(max(compartment.known, capacity - compartment.probe()))
        return compartment

    def _close(self, spend: Spend) -> None:
        if not spend.is_open:
            raise ValueError(f"settled or released twice: {spend}")
        spend.is_open = False
        self._open_weight -= spend.cost.weight
        self._open_orders -= spend.cost.orders


def _share(safety: float | Decimal) -> Decimal:
    share = Decimal(str(safety))
    if not 0 < share <= 1:
        raise ValueError(f"safety must be above 0 and at most 1, not {safety}")
    return share
