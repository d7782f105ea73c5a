"""The venue's rate limits as it enforces them: sliding windows, counted when a request arrives.

Owns: how much of each limit an address or account has used, refusals, bans, the firewall, and the highest use ever
seen. Must not know: endpoints, HTTP. Sliding windows are stricter than the real exchange's clock minutes: who passes
here passes there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from exchange.model import RateLimit
from exchange.paper.config import Firewall

REFUSALS_BEFORE_BAN = 10
"""429 answers within one window before going on becomes a ban."""
_FIRST_BAN_S = 120
_LONGEST_BAN_S = 3 * 24 * 3600
"""Bans "scale in duration for repeat offenders, from 2 minutes to 3 days" (docs: IP Limits)."""


class Window:
    """What was used in the last `interval_us`."""

    __slots__ = ("_events", "_used", "interval_us", "limit", "peak")

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit.limit
        self.interval_us = limit.interval_s * 1_000_000
        self.peak = 0
        """The highest count that was ever asked for in one window, refused requests included."""
        self._events: deque[tuple[int, int]] = deque()
        self._used = 0

    def used(self, now_us: int) -> int:
        events = self._events
        while events and events[0][0] <= now_us - self.interval_us:
            self._used -= events.popleft()[1]
        return self._used

    def wait_us(self, amount: int, now_us: int) -> int:
        """How long until `amount` more fits; 0 when it does now, one interval when it never will."""
        too_many = self.used(now_us) + amount - self.limit
        self.peak = max(self.peak, self._used + amount)
        if too_many <= 0:
            return 0
        for at_us, count in self._events:
            too_many -= count
            if too_many <= 0:
                return at_us + self.interval_us - now_us
        return self.interval_us

    def add(self, amount: int, now_us: int) -> None:
        self._events.append((now_us, amount))
        self._used += amount


class Limiter:
    """All windows of one kind for one payer: an address's weight, or an account's orders."""

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self.windows = {limit.name: Window(limit) for limit in limits}

    def wait_us(self, amount: int, now_us: int) -> int:
        return max((window.wait_us(amount, now_us) for window in self.windows.values()), default=0)

    def tightest(self, amount: int, now_us: int) -> tuple[str, int]:
        """Name and limit of the window that keeps `amount` waiting longest."""
        name, window = max(self.windows.items(), key=lambda item: item[1].wait_us(amount, now_us))
        return name, window.limit

    def change(self, limits: Sequence[RateLimit]) -> None:
        """What was used stays used where the interval stays; a window that is new begins empty."""
        old = self.windows
        self.windows = {limit.name: old.get(limit.name) or Window(limit) for limit in limits}
        for limit in limits:
            self.windows[limit.name].limit = limit.limit

    def add(self, amount: int, now_us: int) -> None:
        for window in self.windows.values():
            window.add(amount, now_us)

    def used(self, now_us: int) -> dict[str, int]:
        return {name: window.used(now_us) for name, window in self.windows.items()}


class Recent:
    """How often something happened lately: counts up to `most`, beyond which it does not matter how often."""

    def __init__(self, most: int, within_us: int) -> None:
        self._within_us = within_us
        self._times: deque[int] = deque(maxlen=most + 1)
        self._most = most

    def add(self, now_us: int) -> bool:
        """True when that was one too many; the count then starts anew."""
        times = self._times
        times.append(now_us)
        while times[0] <= now_us - self._within_us:
            times.popleft()
        if len(times) <= self._most:
            return False
        times.clear()
        return True


class Address(Limiter):
    """One client address: its weight, and whether it has been shut out."""

    def __init__(self, limits: Sequence[RateLimit], firewall: Firewall) -> None:
        super().__init__(limits)
        self._banned_until_us = 0
        self._bans = 0
        memory_s = max((limit.interval_s for limit in limits), default=60)
        self._refusals = Recent(REFUSALS_BEFORE_BAN, memory_s * 1_000_000)
        self._flood = Recent(firewall.refusals, firewall.within_s * 1_000_000)
        self._shut_us = firewall.shut_s * 1_000_000
        self._shut_until_us = 0

    def banned_s(self, now_us: int) -> int:
        """Seconds of ban left, rounded up."""
        return max(0, -((now_us - self._banned_until_us) // 1_000_000))

    def is_shut_out(self, now_us: int) -> bool:
        """Whether the firewall answers in the venue's place."""
        return now_us < self._shut_until_us

    def went_on(self, now_us: int) -> None:
        """Notes a request that is refused for its number: too many of them are a flood."""
        if self._flood.add(now_us):
            self._shut_until_us = now_us + self._shut_us

    def refused(self, now_us: int) -> bool:
        """Notes a 429; True when it was one too many, and the address is now banned."""
        self.went_on(now_us)
        if not self._refusals.add(now_us):
            return False
        ban_s = min(_FIRST_BAN_S * 2**self._bans, _LONGEST_BAN_S)
        self._bans += 1
        self._banned_until_us = now_us + ban_s * 1_000_000
        return True


class Limits:
    """Everybody's: weight by client address, orders by account."""

    def __init__(self, limits: Sequence[RateLimit], firewall: Firewall) -> None:
        self._firewall = firewall
        self._addresses: dict[str, Address] = {}
        self._accounts: dict[str, Limiter] = {}
        self._coming: tuple[int, tuple[RateLimit, ...]] | None = None
        self._set(limits)

    def change(self, limits: Sequence[RateLimit], from_us: int) -> None:
        """What is enforced from then on."""
        self._coming = (from_us, tuple(limits))

    def advance(self, now_us: int) -> None:
        if self._coming is not None and self._coming[0] <= now_us:
            self._set(self._coming[1])
            self._coming = None

    def _set(self, limits: Sequence[RateLimit]) -> None:
        self._all = tuple(limits)
        self._weight = tuple(limit for limit in limits if limit.kind == "REQUEST_WEIGHT")
        self._orders = tuple(limit for limit in limits if limit.kind == "ORDERS")
        for address in self._addresses.values():
            address.change(self._weight)
        for account in self._accounts.values():
            account.change(self._orders)

    def address(self, client: str) -> Address:
        address = self._addresses.get(client)
        if address is None:
            address = self._addresses[client] = Address(self._weight, self._firewall)
        return address

    @property
    def weight_limit(self) -> int:
        """Of an address, in its first window."""
        return self._weight[0].limit if self._weight else 0

    def orders(self, account: str) -> Limiter:
        limiter = self._accounts.get(account)
        if limiter is None:
            limiter = self._accounts[account] = Limiter(self._orders)
        return limiter

    def peaks(self) -> dict[str, float]:
        """By limiter name, the highest use in any window as a fraction of the limit; above 1 means refusals."""
        peaks: dict[str, float] = {limit.name: 0.0 for limit in self._all}
        for limiter in (*self._addresses.values(), *self._accounts.values()):
            for name, window in limiter.windows.items():
                peaks[name] = max(peaks[name], window.peak / window.limit)
        return peaks
