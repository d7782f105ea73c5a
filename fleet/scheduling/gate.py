"""Owns: leave to send, the one list of those who wait for it, and the waiting. Must not know: what is sent, or how.

Nothing waits in here but a wish: when its turn comes its owner is woken and asks again with its newest need, so that
nothing stale is ever sent. All methods belong to the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import cast

import anyio

from exchange.clock import Clock
from exchange.errors import Banned
from exchange.limits.budget import Budget, LimiterUse, Spend
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass, Ticket
from fleet.scheduling.meter import InLine, Meter
from fleet.scheduling.queue import WaitingList, may_use_reserve


class Gate:
    """Implements ports.Admission. `run` must be running for anybody who waits to be woken.

    `max_in_flight`: unsettled requests at once, of which the last `reserved_in_flight` are for cancels and reductions.
    The venue keeps the 100 most recent nonces: with more in flight the late ones die.
    `grace_s`: how long a woken waiter may take to ask or withdraw before it is sent to the end of its class.
    """

    def __init__(
        self,
        budget: Budget,
        clock: Clock,
        *,
        max_in_flight: int = 80,
        reserved_in_flight: int = 10,
        grace_s: float = 0.05,
    ) -> None:
        if not 0 <= reserved_in_flight < max_in_flight:
            raise ValueError("reserved_in_flight must be at least 0 and below max_in_flight")
        self._budget = budget
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._reserved_in_flight = reserved_in_flight
        self._grace_us = round(grace_s * 1e6)
        self._list = WaitingList()
        self._since_us: dict[Hashable, int] = {}
        self.meter = Meter()
        self._woken: tuple[Hashable, int] | None = None
        """Who was told that it is their turn, and by when they must have answered."""
        self._changed = anyio.Event()
        self._pause_ends_us = 0
        self._ban_ends_us = 0
        self.in_flight = 0
        self.http_429 = 0
        self.http_418 = 0
        self.overslept = 0
        """Woken waiters that neither asked nor withdrew in time."""
        self.pause_reason = ""
        self.ban_reason = ""
        self.banned = anyio.Event()
        """Set by the first ban and never cleared: the fleet must stop."""

    def ask(
        self, key: Hashable, request_class: RequestClass, cost: Cost, wake: Callable[[], None], refresh_us: int = 0
    ) -> Ticket | None:
        """Leave to send now, or None: then `key` waits, with this as its newest wish. `refresh_us`: of an amendment.

        `wake` is called when its turn has come, perhaps more than once: ask again, or withdraw. It must not raise.
        Raises Banned, and ValueError for a cost that can never fit; `key` then waits no longer.
        """
        if self.banned.is_set():
            raise self._ban_error()
        known = self._list.get(key)
        if known is not None:
            known = self._list.upsert(key, request_class, cost, wake)
            if self._woken is not None and self._woken[0] == key:
                self._woken = None
        head = self._list.head()
        is_next = head is None or head.key == key or head.request_class > request_class
        if known is not None and head is not None and known.missed_turn:
            # Else two that are slow to answer would send each other back for ever.
            is_next = head.request_class >= request_class
        if is_next:
            ticket = self._take(request_class, cost)
            if ticket is not None:
                now_us = self._clock.steady_us()
                waited_us = now_us - self._since_us.get(key, now_us)
                self.meter.sent(_symbol(key), request_class, cost, waited_us, refresh_us, now_us)
                self._forget(key)
                return ticket
        try:
            self._budget.check(cost, spare_reserve=not may_use_reserve(request_class))
        except ValueError:
            self._forget(key)
            raise
        if known is None:
            self._list.upsert(key, request_class, cost, wake)
            self._since_us[key] = self._clock.steady_us()
        if is_next or known is not None:
            self._changed.set()
        return None

    async def admit(self, request_class: RequestClass, cost: Cost) -> Ticket:
        """Waits for leave to send. Raises Banned, and ValueError for a cost that can never fit."""
        key = object()
        try:
            while True:
                woken = anyio.Event()
                ticket = self.ask(key, request_class, cost, woken.set)
                if ticket is not None:
                    return ticket
                await woken.wait()
        finally:
            self.withdraw(key)

    def withdraw(self, key: Hashable) -> None:
        """`key` wants nothing any more. No harm when it was not waiting."""
        if self._list.get(key) is not None:
            self.meter.withdrawn(_symbol(key))
        self._forget(key)

    def withdraw_all(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Withdraws every key of which this holds."""
        for waiting in list(self._list):
            if is_gone(waiting.key):
                self.withdraw(waiting.key)

    def settle(self, ticket: Ticket, used: Mapping[str, int]) -> None:
        self._budget.settle(_spend(ticket), self._clock.steady_us(), used)
        self.in_flight -= 1
        self._changed.set()

    def release(self, ticket: Ticket) -> None:
        self._budget.release(_spend(ticket))
        self.in_flight -= 1
        self._changed.set()

    def pause(self, seconds: float, reason: str) -> None:
        """429: nobody is let through for so long; of several pauses the one that ends last counts."""
        self.http_429 += 1
        ends_us = self._clock.steady_us() + round(seconds * 1e6)
        if ends_us > self._pause_ends_us:
            self._pause_ends_us = ends_us
            self.pause_reason = reason

    def ban(self, seconds: float, reason: str) -> None:
        """418: for good. Whoever waits is woken, and asking learns of it."""
        self.http_418 += 1
        ends_us = self._clock.steady_us() + round(seconds * 1e6)
        if ends_us > self._ban_ends_us:
            self._ban_ends_us = ends_us
            self.ban_reason = reason
        self.banned.set()
        for waiting in list(self._list):
            self._forget(waiting.key)
            waiting.wake()

    def restrict(self, limits: Sequence[RateLimit]) -> None:
        """The venue's limits from now on. ValueError as Budget.restrict."""
        self._budget.restrict(limits)
        self._changed.set()

    @property
    def paused_until_us(self) -> int:
        """On the clock given; in the past, or 0, when there is no pause."""
        if not self._pause_ends_us:
            return 0
        return self._clock.now_us() + self._pause_ends_us - self._clock.steady_us()

    def waiting(self) -> int:
        return len(self._list)

    def in_line(self) -> dict[str, InLine]:
        """What waits, by symbol; fleet-wide requests are of the symbol ""."""
        now_us = self._clock.steady_us()
        lines: dict[str, InLine] = {}
        for waiting in self._list:
            symbol = _symbol(waiting.key)
            line = lines.get(symbol, InLine())
            lines[symbol] = InLine(line.count + 1, max(line.longest_us, now_us - self._since_us[waiting.key]))
        return lines

    def usage(self) -> tuple[LimiterUse, ...]:
        return self._budget.usage(self._clock.steady_us())

    async def run(self) -> None:
        """Wakes those who wait, one at a time, in order, each when there is room for it. Until cancelled."""
        while True:
            # Before the look, not after it: what changes while we look must be seen.
            self._changed = anyio.Event()
            look_again_us = self._wake_next()
            if look_again_us is None:
                await self._changed.wait()
            else:
                wait_us = look_again_us - self._clock.steady_us()
                # Whole milliseconds: uvloop's timers know nothing finer, and anyio would spin through the rest.
                with anyio.move_on_after(-(-wait_us // 1000) * 1e-3):
                    await self._changed.wait()

    def _wake_next(self) -> int | None:
        """Wakes the head if its turn has come; when to look again, None: when something changes."""
        while (head := self._list.head()) is not None:
            now_us = self._clock.steady_us()
            if now_us < self._pause_ends_us:
                return self._pause_ends_us
            if self._woken is not None and self._woken[0] == head.key:
                if now_us < self._woken[1]:
                    return self._woken[1]
                self.overslept += 1
                self._woken = None
                self._list.send_back(head.key)
                continue
            if not self._has_slot(head.request_class):
                return None
            try:
                ready_us = self._budget.ready_us(
                    head.cost, now_us, spare_reserve=not may_use_reserve(head.request_class)
                )
            except ValueError:
                # The limits were lowered under it: asking again, its owner learns that it can never fit.
                ready_us = now_us
            if ready_us is None or ready_us > now_us:
                return ready_us
            self._woken = (head.key, now_us + self._grace_us)
            head.wake()
        return None

    def _take(self, request_class: RequestClass, cost: Cost) -> Spend | None:
        now_us = self._clock.steady_us()
        if now_us < self._pause_ends_us or not self._has_slot(request_class):
            return None
        spend = self._budget.take(cost, now_us, spare_reserve=not may_use_reserve(request_class))
        if spend is not None:
            self.in_flight += 1
        return spend

    def _has_slot(self, request_class: RequestClass) -> bool:
        reserved = 0 if may_use_reserve(request_class) else self._reserved_in_flight
        return self.in_flight < self._max_in_flight - reserved

    def _forget(self, key: Hashable) -> None:
        self._since_us.pop(key, None)
        if self._list.withdraw(key):
            self._changed.set()
            if self._woken is not None and self._woken[0] == key:
                self._woken = None

    def _ban_error(self) -> Banned:
        left_us = max(0, self._ban_ends_us - self._clock.steady_us())
        return Banned(f"the venue has shut us out: {self.ban_reason}", retry_after_s=left_us / 1e6)


def _symbol(key: Hashable) -> str:
    """A worker's keys begin with its symbol, others are of the whole fleet."""
    first = cast("tuple[object, ...]", key)[0] if isinstance(key, tuple) else ""
    return first if isinstance(first, str) else ""


def _spend(ticket: Ticket) -> Spend:
    if not isinstance(ticket, Spend):
        raise TypeError("a ticket of another gate")
    return ticket
