"""Looks on while a fleet runs: what goes out, what waits, what stands wrong and by how much.

Owns: the counting. Must not know: how the markets are made, what figure is wanted. It wraps methods of the objects that
it watches, so that nothing in the fleet is there for its sake. Times are virtual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import anyio

from exchange.clock import Clock
from exchange.model import Amend, Cancel, Order, Place, Side
from exchange.paper.limits import Window
from exchange.paper.venue import Venue as PaperVenue
from exchange.ports import RequestClass
from fleet.runtime.desk import Desk
from fleet.runtime.fleet import Fleet
from fleet.runtime.venue import Venue

SAMPLE_S = 0.1
_PAIR_S = 1.0
"""An order placed where one was cancelled so shortly before takes its place."""


@dataclass(slots=True)
class Seen:
    """Since `begin`. An error is in basis points of the wanted price, times the quote's worth in USD."""

    amends: Counter[str] = field(default_factory=Counter[str])
    """Sent, by symbol."""
    changed: int = 0
    """Quotes that were made others."""
    change_requests: int = 0
    """What was sent for it, in vain or not."""
    withdrawn: int = 0
    sent: int = 0
    waits_us: list[int] = field(default_factory=list[int])
    """Of cancels and reductions, from the first asking to the leave, or to when they were given up."""
    used: dict[str, float] = field(default_factory=dict[str, float])
    """Summed over samples, by limiter: the venue's own count as a part of what may be used."""
    samples: int = 0
    error_usd_bps: float = 0.0
    wanted_usd: float = 0.0
    absent_usd: float = 0.0
    """Of `wanted_usd`, what had no order."""
    reducing_usd: float = 0.0
    waiting: int = 0


class Watch:
    def __init__(self, venue: Venue, paper: PaperVenue, clock: Clock, safety: float) -> None:
        self.seen = self.counted = self.before = Seen()
        self._paper = paper
        self._clock = clock
        self._safety = safety
        self._gate = venue.gate
        self._asked: dict[Hashable, tuple[int, bool, bool]] = {}
        """Since when, whether it is a cancel or reduction, whether it is a quote's."""
        self._cancelled_us: dict[tuple[str, Side], int] = {}
        self._sides: dict[str, Side] = {}
        for name in ("ask", "withdraw"):
            _wrap(venue.gate, name, getattr(self, f"_{name}"))
        for name in ("place", "amend", "cancel"):
            _wrap(venue.trading, name, getattr(self, f"_{name}"))

    def begin(self) -> None:
        """What came before does not count: the windows had to fill first."""
        self.seen = self.counted = Seen()

    def end(self) -> None:
        """What comes after does not count: stopping costs cancels."""
        self.seen = Seen()

    # --- requests

    def _ask(self, real: Callable[..., Any], key: Hashable, request_class: RequestClass, *rest: Any) -> Any:
        now_us = self._clock.steady_us()
        is_urgent = request_class <= RequestClass.REDUCE
        known = self._asked.pop(key, None)
        # A wait begins anew when the wish becomes urgent.
        since_us = known[0] if known is not None and known[1] is is_urgent else now_us
        ticket = real(key, request_class, *rest)
        if ticket is None:
            self._asked[key] = since_us, is_urgent, isinstance(key, tuple)
        elif is_urgent:
            self.seen.waits_us.append(now_us - since_us)
        return ticket

    def _withdraw(self, real: Callable[[Hashable], None], key: Hashable) -> None:
        known = self._asked.pop(key, None)
        if known is not None:
            since_us, is_urgent, is_quote = known
            self.seen.withdrawn += is_quote
            if is_urgent:
                self.seen.waits_us.append(self._clock.steady_us() - since_us)
        real(key)

    async def _place(self, real: Callable[..., Awaitable[Order]], order: Place, *rest: Any) -> Order:
        self.seen.sent += 1
        self._sides[order.client_id] = order.side
        cancelled_us = self._cancelled_us.pop((order.symbol, order.side), None)
        if cancelled_us is not None and self._clock.steady_us() - cancelled_us <= _PAIR_S * 1e6:
            self.seen.changed += 1
            self.seen.change_requests += 2
        return await real(order, *rest)

    async def _amend(self, real: Callable[..., Awaitable[Order]], order: Amend, *rest: Any) -> Order:
        self.seen.sent += 1
        self.seen.amends[order.symbol] += 1
        self.seen.change_requests += 1
        answer = await real(order, *rest)
        self.seen.changed += 1
        return answer

    async def _cancel(self, real: Callable[..., Awaitable[Order]], order: Cancel, *rest: Any) -> Order:
        self.seen.sent += 1
        side = self._sides.get(order.client_id)
        if side is not None:
            self._cancelled_us[(order.symbol, side)] = self._clock.steady_us()
        return await real(order, *rest)

    # --- what stands

    async def run(self, fleet: Fleet) -> None:
        while True:
            await anyio.sleep(SAMPLE_S)
            self.seen.samples += 1
            self.seen.waiting += len(self._asked)
            self._sample_limits()
            for slot in fleet.slots.values():
                if slot.desk is not None and not slot.desk.pulled:
                    self._sample_quotes(slot.desk)

    def _sample_limits(self) -> None:
        now_us, used = self._paper.engine.now_us, self.seen.used
        windows: dict[str, Window] = {
            **self._paper.limits.address("memory").windows,
            **self._paper.limits.orders(self._paper.account().address).windows,
        }
        for name, window in windows.items():
            used[name] = used.get(name, 0.0) + window.used(now_us) / (self._safety * window.limit)

    def _sample_quotes(self, desk: Desk) -> None:
        """A quote without an order is as wrong as it is away from the middle: so much the market may move unmet."""
        seen, ticker, instrument = self.seen, desk.ticker, desk.instrument
        if ticker is None:
            return
        live = {order.side: order.price_ticks for order in desk.orders.values() if order.is_live}
        tick_lot_usd = float(instrument.tick_size) * float(instrument.step_size)
        for quote in desk.decision.quotes:
            usd = quote.price_ticks * quote.lots * tick_lot_usd
            stands = live.get(quote.side)
            if stands is None:
                seen.absent_usd += usd
                stands = (ticker.bid_ticks + ticker.ask_ticks) / 2
            seen.wanted_usd += usd
            seen.reducing_usd += usd * quote.reduce_only
            seen.error_usd_bps += abs(stands - quote.price_ticks) / quote.price_ticks * 1e4 * usd


def _wrap(watched: object, name: str, wrapper: Callable[..., Any]) -> None:
    real = getattr(watched, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        return wrapper(real, *args, **named)

    setattr(watched, name, wrapped)
