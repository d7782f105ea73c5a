"""Market maker protection (docs: Update User MMP): too much filled in too short a time, and the symbol is frozen.

Owns: each account's limits by symbol, what was filled in the window, and until when it is frozen. Must not know:
orders. Time comes in as an argument.

Choices where the docs are silent: no order is marked as being under the protection, so all of the account's orders of
the symbol are. A limit of 0, or none sent, is no limit; a frozen time of 0 lasts until the reset. Setting the limits
anew begins a new window.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Side
from exchange.paper.money import ZERO
from exchange.paper.register import Key


@dataclass(frozen=True, slots=True)
class MmpLimits:
    """Quantities in the base asset, value in the quote asset."""

    window_ms: int
    frozen_ms: int
    quantity: int = 0
    value: int = 0
    delta: int = 0


class _Guard:
    __slots__ = ("delta", "fills", "frozen_until_us", "limits", "quantity", "value")

    def __init__(self, limits: MmpLimits) -> None:
        self.limits = limits
        self.clear()

    def clear(self) -> None:
        self.fills: deque[tuple[int, Decimal, Decimal, Decimal]] = deque()
        """(µs, quantity, value, signed quantity)"""
        self.quantity = self.value = self.delta = ZERO
        self.frozen_until_us: int | None = 0
        """None: until the reset."""

    def count(self, now_us: int, quantity: Decimal, value: Decimal, sign: int) -> None:
        self.fills.append((now_us, quantity, value, quantity * sign))
        self._add(quantity, value, quantity * sign, 1)
        while self.fills[0][0] <= now_us - self.limits.window_ms * 1000:
            _, gone, its_value, its_delta = self.fills.popleft()
            self._add(gone, its_value, its_delta, -1)

    def is_reached(self) -> bool:
        limits = self.limits
        pairs = ((self.quantity, limits.quantity), (self.value, limits.value), (abs(self.delta), limits.delta))
        return any(limit and used >= limit for used, limit in pairs)

    def _add(self, quantity: Decimal, value: Decimal, delta: Decimal, sign: int) -> None:
        self.quantity += quantity * sign
        self.value += value * sign
        self.delta += delta * sign


class Protections:
    def __init__(self) -> None:
        self._guards: dict[Key, _Guard] = {}

    def __len__(self) -> int:
        return len(self._guards)

    def set(self, key: Key, limits: MmpLimits) -> None:
        self._guards[key] = _Guard(limits)

    def drop(self, key: Key) -> None:
        self._guards.pop(key, None)

    def reset(self, key: Key) -> None:
        """Ends a freeze, and begins a new window."""
        if key in self._guards:
            self._guards[key].clear()

    def limits(self, address: str, symbol: str | None) -> dict[str, MmpLimits]:
        """By symbol: an account's, in the order they were set."""
        return {
            key[1]: guard.limits
            for key, guard in self._guards.items()
            if key[0] == address and (symbol is None or key[1] == symbol)
        }

    def is_frozen(self, key: Key, now_us: int) -> bool:
        guard = self._guards.get(key)
        return guard is not None and (guard.frozen_until_us is None or now_us < guard.frozen_until_us)

    def filled(self, key: Key, side: Side, quantity: Decimal, value: Decimal, now_us: int) -> bool:
        """Counts a fill; True when the symbol is frozen with it."""
        guard = self._guards.get(key)
        if guard is None or self.is_frozen(key, now_us):
            return False
        guard.count(now_us, quantity, value, side.sign)
        if not guard.is_reached():
            return False
        frozen_ms = guard.limits.frozen_ms
        guard.clear()
        guard.frozen_until_us = now_us + frozen_ms * 1000 if frozen_ms else None
        return True
