"""Owns: leave to send, the one list of those who wait for it, and the waiting. Must not know: what is sent, or how.

Nothing waits in here but a wish: when its turn comes its owner is woken and asks again with its newest need, so that
nothing stale is ever sent. All methods belong to the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal

import anyio

from exchange.bell import Bell
from exchange.clock import Clock
from exchange.errors import Banned
from exchange.limits.budget import Budget, Lane, LimiterUse, Spend
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass, Ticket
from fleet.scheduling.meter import InLine, Meter
from fleet.scheduling.policies import Fifo, Policy
from fleet.scheduling.queue import Waiting, WaitingList
from fleet.scheduling.value import NOTHING, Stake

PATIENCE_US = 30_000_000
PATIENCE_ROUNDS = 3
"""Who has waited for 30 s, and for as long as it takes to serve everybody who waits three times over, goes before all
that is not urgent: nobody waits for ever."""

_ONE_ORDER = Cost(weight=1, orders=1)

RANK_ANEW_US = 1_000_000
"""Shares of the budget fade while nobody asks: so often everybody who waits is ranked anew."""


LANES = {
    RequestClass.CANCEL: Lane.URGENT,
    RequestClass.REDUCE: Lane.URGENT,
    RequestClass.QUOTE: Lane.OPENING,
    RequestClass.REFRESH: Lane.PACED,
    RequestClass.QUERY: Lane.PACED,
}


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
        policy: Policy | None = None,
        *,
        max_in_flight: int = 80,
        reserved_in_flight: int = 10,
        grace_s: float = 0.05,
    ) -> None:
        if not 0 <= reserved_in_flight < max_in_flight:
            raise ValueError("reserved_in_flight must be at least 0 and below max_in_flight")
        self._budget = budget
        self._clock = clock
        self._policy = policy or Fifo()
        self._max_in_flight = max_in_flight
        self._reserved_in_flight = reserved_in_flight
        self._grace_us = round(grace_s * 1e6)
        self._list = WaitingList(self._policy)
        self._woken: tuple[Hashable, int] | None = None
        """Who was told that it is their turn, and by when they must have answered."""
        self._changed = Bell()
        self._awaited: frozenset[Hashable] = frozenset()
        """Those whose turn `run` sleeps for: when these are others, or want something else, it must look again."""
        self._let_through: dict[Spend, Waiting] = {}
        """What is in flight."""
        self._ranked_us = 0
        self._order_interval_us = budget.interval_us(_ONE_ORDER)
        self._pause_ends_us = 0
        self._ban_ends_us = 0
        self.meter = Meter()
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
        self, key: Hashable, request_class: RequestClass, cost: Cost, wake: Callable[[], None], stake: Stake = NOTHING
    ) -> Ticket | None:
        """Leave to send now, or None: then `key` waits, with this as its newest wish.

        `wake` is called when its turn has come, perhaps more than once: ask again, or withdraw. It must not raise.
        Raises Banned, and ValueError for a cost that can never fit; `key` then waits no longer.
        """
        if self.banned.is_set():
            raise self._ban_error()
        now_us = self._clock.steady_us()
        is_new = self._list.get(key) is None
        waiting = self._list.upsert(key, request_class, cost, wake, stake, now_us)
        if self._woken is not None and self._woken[0] == key:
            self._woken = None
        heads = self._heads(now_us)
        if self._may_go(waiting, heads, now_us):
            spend = self._take(waiting, now_us)
            if spend is not None:
                self._forget(key, is_new=is_new)
                return spend
        try:
            self._budget.check(cost, LANES[request_class])
        except ValueError:
            self._forget(key, is_new=is_new)
            raise
        if key in self._awaited or any(head.key not in self._awaited for head in heads):
            self._changed.ring()
        return None

    async def admit(self, request_class: RequestClass, cost: Cost, symbol: str = "") -> Ticket:
        """Waits for leave to send. Raises Banned, and ValueError for a cost that can never fit."""
        key, stake = object(), Stake(symbol)
        try:
            while True:
                woken = anyio.Event()
                ticket = self.ask(key, request_class, cost, woken.set, stake)
                if ticket is not None:
                    return ticket
                await woken.wait()
        finally:
            self._forget(key)

    def withdraw(self, key: Hashable) -> None:
        """What `key` wanted has become pointless. No harm when it was not waiting."""
        waiting = self._forget(key)
        if waiting is not None:
            self.meter.withdrawn(waiting.stake.symbol)

    def withdraw_all(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Whoever wanted it is gone, for every key of which this holds."""
        for waiting in list(self._list):
            if is_gone(waiting.key):
                self._forget(waiting.key)

    def settle(self, ticket: Ticket, used: Mapping[str, int]) -> None:
        spend = _spend(ticket)
        self._budget.settle(spend, self._clock.steady_us(), used)
        self._let_through.pop(spend, None)
        self.in_flight -= 1
        self._changed.ring()

    def release(self, ticket: Ticket) -> None:
        spend = _spend(ticket)
        self._budget.release(spend)
        waiting = self._let_through.pop(spend)
        self.meter.not_sent(waiting.stake.symbol, waiting.request_class, waiting.cost, self._clock.steady_us())
        self.in_flight -= 1
        self._changed.ring()

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
            self._list.withdraw(waiting.key)
            waiting.wake()

    def restrict(self, limits: Sequence[RateLimit]) -> None:
        """The venue's limits from now on. ValueError as Budget.restrict."""
        self._budget.restrict(limits)
        self._order_interval_us = self._budget.interval_us(_ONE_ORDER)
        self._changed.ring()

    def follow(self, policy: Policy, safety: Decimal) -> None:
        """The fleet file's policy and share of the limits from now on."""
        self._budget.keep_to(safety)
        self._order_interval_us = self._budget.interval_us(_ONE_ORDER)
        self._policy = policy
        self._list.rank_anew(policy, self._clock.steady_us())
        self._changed.ring()

    @property
    def paused_until_us(self) -> int:
        """On the clock given; in the past, or 0, when there is no pause."""
        if not self._pause_ends_us:
            return 0
        return self._clock.now_us() + self._pause_ends_us - self._clock.steady_us()

    @property
    def is_paused(self) -> bool:
        return self._clock.steady_us() < self._pause_ends_us

    def waiting(self) -> int:
        return len(self._list)

    def wait_s(self) -> float | None:
        """Until the first of those who wait may go, if nothing but time happens; None: that cannot be said."""
        now_us = self._clock.steady_us()
        for head in self._heads(now_us):
            ready_us = self._ready_us(head.cost, head.request_class, now_us)
            return None if ready_us is None else (max(ready_us, self._pause_ends_us) - now_us) / 1e6
        return None

    def in_line(self) -> dict[str, InLine]:
        """What waits, by symbol; fleet-wide requests are of the symbol ""."""
        now_us = self._clock.steady_us()
        lines: dict[str, InLine] = {}
        for waiting in self._list:
            line = lines.get(waiting.stake.symbol, InLine())
            longest_us = max(line.longest_us, now_us - waiting.since_us)
            lines[waiting.stake.symbol] = InLine(line.count + 1, longest_us)
        return lines

    def has_room(self, request_class: RequestClass, cost: Cost) -> bool:
        """Whether such a request could go now if nobody else waited. ValueError for a cost that can never fit."""
        now_us = self._clock.steady_us()
        if now_us < self._pause_ends_us or not self._has_slot(request_class):
            return False
        return self._budget.ready_us(cost, now_us, LANES[request_class]) == now_us

    def usage(self) -> tuple[LimiterUse, ...]:
        return self._budget.usage(self._clock.steady_us())

    async def run(self) -> None:
        """Wakes those who wait, one at a time, in order, each when there is room for it. Until cancelled."""
        while True:
            # Before the look, not after it: what changes while we look must be seen.
            self._changed.hush()
            look_again_us = self._wake_next()
            if look_again_us is None:
                await self._changed.wait()
            else:
                wait_us = look_again_us - self._clock.steady_us()
                # Whole milliseconds: uvloop's timers know nothing finer.
                await self._changed.wait(-(-wait_us // 1000) * 1e-3)

    def _wake_next(self) -> int | None:
        """Wakes the one whose turn it is; when to look again, None: when something changes."""
        while True:
            now_us = self._clock.steady_us()
            if now_us - self._ranked_us >= RANK_ANEW_US:
                self._ranked_us = now_us
                self._list.rank_anew(self._policy, now_us)
            heads = self._heads(now_us)
            self._awaited = frozenset(head.key for head in heads)
            if not heads:
                return None
            if now_us < self._pause_ends_us:
                return self._pause_ends_us
            if self._woken is not None and self._woken[0] in self._awaited:
                if now_us < self._woken[1]:
                    return self._woken[1]
                self.overslept += 1
                self._list.send_back(self._woken[0])
                self._woken = None
                continue
            times_us: list[int] = []
            for head in heads:
                if not (self._has_slot(head.request_class) and self._may_go(head, heads, now_us)):
                    continue
                ready_us = self._ready_us(head.cost, head.request_class, now_us)
                if ready_us == now_us:
                    self._woken = (head.key, now_us + self._grace_us)
                    head.wake()
                    break
                if ready_us is not None:
                    times_us.append(ready_us)
            else:
                return min(times_us, default=None)

    def _heads(self, now_us: int) -> list[Waiting]:
        round_us = len(self._list) * self._order_interval_us
        return self._list.heads(now_us, max(PATIENCE_US, PATIENCE_ROUNDS * round_us))

    def _may_go(self, waiting: Waiting, heads: list[Waiting], now_us: int) -> bool:
        """Whether it is its turn: it is first, or the first waits for nothing that this one would take from it."""
        first = heads[0]
        if waiting.key == first.key:
            return True
        if waiting.key != heads[-1].key or not first.cost.orders:
            return False
        return self._ready_us(Cost(first.cost.weight), first.request_class, now_us) == now_us

    def _ready_us(self, cost: Cost, request_class: RequestClass, now_us: int) -> int | None:
        """When the budget will have room; None: when something is answered."""
        try:
            ready_us = self._budget.ready_us(cost, now_us, LANES[request_class])
        except ValueError:
            # The limits were lowered under it: asking again, its owner learns that it can never fit.
            return now_us
        return ready_us if ready_us is None else max(ready_us, now_us)

    def _take(self, waiting: Waiting, now_us: int) -> Spend | None:
        if now_us < self._pause_ends_us or not self._has_slot(waiting.request_class):
            return None
        spend = self._budget.take(waiting.cost, now_us, LANES[waiting.request_class])
        if spend is not None:
            self.in_flight += 1
            self._let_through[spend] = waiting
            stake = waiting.stake
            self._policy.spent(stake, waiting.cost.orders, now_us)
            waited_us = now_us - waiting.since_us
            self.meter.sent(stake.symbol, waiting.request_class, waiting.cost, waited_us, stake.refresh_us, now_us)
        return spend

    def _has_slot(self, request_class: RequestClass) -> bool:
        kept = 0 if request_class <= RequestClass.REDUCE else self._reserved_in_flight
        return self.in_flight < self._max_in_flight - kept

    def _forget(self, key: Hashable, *, is_new: bool = False) -> Waiting | None:
        """`is_new`: `run` has not heard of it, and need not."""
        waiting = self._list.withdraw(key)
        if waiting is not None and not is_new:
            self._changed.ring()
            if self._woken is not None and self._woken[0] == key:
                self._woken = None
        return waiting

    def _ban_error(self) -> Banned:
        left_us = max(0, self._ban_ends_us - self._clock.steady_us())
        return Banned(f"the venue has shut us out: {self.ban_reason}", retry_after_s=left_us / 1e6)


def _spend(ticket: Ticket) -> Spend:
    if not isinstance(ticket, Spend):
        raise TypeError("a ticket of another gate")
    return ticket
