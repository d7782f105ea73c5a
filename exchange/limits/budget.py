"""Owns: what the fleet may still send under all the limiters that exchangeInfo states. Must not know: clocks, waiting.

REQUEST_WEIGHT takes a request's weight, ORDERS its orders; a limiter of another kind is not ours to count and is left
out, and what no limiter covers is not limited. Times are microseconds of any clock that does not leap forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from exchange.limits.window import Window
from exchange.model import RateLimit
from exchange.ports import Cost

_KINDS = ("REQUEST_WEIGHT", "ORDERS")


@dataclass(frozen=True, slots=True)
class LimiterUse:
    """`used` of `capacity` tokens are held now, `peak` is the most that ever were; `limit` is the venue's figure."""

    name: str
    used: int
    capacity: int
    limit: int
    peak: int


@dataclass(slots=True, eq=False)
class Spend:
    """What one request holds, until it is settled or released, once."""

    cost: Cost
    freed_before: dict[str, int] = field(repr=False)
    is_open: bool = True


@dataclass(slots=True)
class _Compartment:
    limit: RateLimit
    window: Window
    reserve: int

    def amount(self, cost: Cost) -> int:
        return cost.orders if self.limit.kind == "ORDERS" else cost.weight


class Budget:
    """A strict window for each limiter.

    A capacity is `limit` × `safety`, rounded down, and at least 1, so that a tiny limit still lets something pass.
    `reserve` is the part of each capacity, rounded down, that a `take` with `spare_reserve` leaves alone.
    ValueError for a limit or interval under 1 (the venue states none), a limiter named twice, a share out of range.
    """

    def __init__(
        self, limits: Sequence[RateLimit], safety: float | Decimal = 0.9, reserve: float | Decimal = 0.1
    ) -> None:
        self._safety = Decimal(str(safety))
        self._reserve = Decimal(str(reserve))
        if not 0 < self._safety <= 1:
            raise ValueError(f"safety must be above 0 and at most 1, not {safety}")
        if not 0 <= self._reserve < 1:
            raise ValueError(f"reserve must be at least 0 and below 1, not {reserve}")
        self._open_weight = 0
        self._open_orders = 0
        self._compartments: dict[str, _Compartment] = {}
        self.restrict(limits)

    def restrict(self, limits: Sequence[RateLimit]) -> None:
        """The limits from now on. What was spent stays spent. A limiter not known before starts with the requests in
        flight; what was settled before, the venue's next count tells it. ValueError, and nothing changed, as above."""
        compartments: dict[str, _Compartment] = {}
        for limit in limits:
            if limit.kind not in _KINDS:
                continue
            if limit.limit < 1 or limit.interval_s < 1:
                raise ValueError(f"a limit must be at least 1 in at least 1 s: {limit}")
            if limit.name in compartments:
                raise ValueError(f"{limit.name} is stated twice")
            capacity = self._capacity(limit)
            known = self._compartments.get(limit.name)
            if known is None:
                in_flight = self._open_orders if limit.kind == "ORDERS" else self._open_weight
                window = Window(capacity, limit.interval_s * 1_000_000, in_flight)
            else:
                window = known.window
            compartments[limit.name] = _Compartment(limit, window, int(capacity * self._reserve))
        for compartment in compartments.values():
            compartment.window.capacity = self._capacity(compartment.limit)
        self._compartments = compartments

    def check(self, cost: Cost, *, spare_reserve: bool = False) -> None:
        """ValueError when the cost could not fit even if nothing were spent."""
        for compartment in self._compartments.values():
            amount = compartment.amount(cost)
            room = compartment.window.capacity - (compartment.reserve if spare_reserve else 0)
            if amount > room:
                raise ValueError(f"{cost} can never fit: {compartment.limit.name} has room for {room}")

    def take(self, cost: Cost, now_us: int, *, spare_reserve: bool = False) -> Spend | None:
        """Holds the cost in every compartment, or in none: then None."""
        for compartment in self._compartments.values():
            amount = compartment.amount(cost)
            window = compartment.window
            window.advance(now_us)
            room = window.capacity - window.used - (compartment.reserve if spare_reserve else 0)
            # A cancel costs no orders: a compartment it takes nothing from must not hold it up, however full.
            if amount and amount > room:
                return None
        freed_before: dict[str, int] = {}
        for name, compartment in self._compartments.items():
            compartment.window.take(compartment.amount(cost))
            freed_before[name] = compartment.window.freed
        self._open_weight += cost.weight
        self._open_orders += cost.orders
        return Spend(cost, freed_before)

    def ready_us(self, cost: Cost, now_us: int, *, spare_reserve: bool = False) -> int | None:
        """The earliest time at which `take` would succeed if nothing but time happens; None: only a settle can free
        it. ValueError as `check`."""
        self.check(cost, spare_reserve=spare_reserve)
        ready_us = now_us
        for compartment in self._compartments.values():
            amount = compartment.amount(cost)
            if not amount:
                continue
            compartment.window.advance(now_us)
            fits_us = compartment.window.ready_us(amount, compartment.reserve if spare_reserve else 0)
            if fits_us is None:
                return None
            ready_us = max(ready_us, fits_us)
        return ready_us

    def settle(self, spend: Spend, now_us: int, used: Mapping[str, int]) -> None:
        """The request was answered, or given up for good: it leaves the budget a window's length from now.

        `used` is the venue's own count by limiter name. What it exceeds ours by, someone else has spent: it is held
        from now for a window's length. Never corrected downward. ValueError when the spend is over already.
        """
        self._close(spend)
        for name, compartment in self._compartments.items():
            window = compartment.window
            window.advance(now_us)
            # The venue counted while the request was on its way: what has come back to us since then was still ours.
            accountable = window.used + window.freed - spend.freed_before.get(name, 0)
            foreign = max(0, used.get(name, 0) - accountable)
            window.take(foreign)
            settled = compartment.amount(spend.cost) + foreign
            if settled:
                window.settle(settled)

    def release(self, spend: Spend) -> None:
        """Nothing was sent. ValueError when the spend is over already."""
        self._close(spend)
        for compartment in self._compartments.values():
            compartment.window.release(compartment.amount(spend.cost))

    def usage(self, now_us: int) -> tuple[LimiterUse, ...]:
        for compartment in self._compartments.values():
            compartment.window.advance(now_us)
        return tuple(
            LimiterUse(name, c.window.used, c.window.capacity, c.limit.limit, c.window.peak)
            for name, c in self._compartments.items()
        )

    def _capacity(self, limit: RateLimit) -> int:
        return max(1, int(limit.limit * self._safety))

    def _close(self, spend: Spend) -> None:
        if not spend.is_open:
            raise ValueError(f"settled or released twice: {spend}")
        spend.is_open = False
        self._open_weight -= spend.cost.weight
        self._open_orders -= spend.cost.orders
