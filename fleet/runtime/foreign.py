"""What the account has that is not ours: open orders, as the snapshots and the user stream tell of them, and positions.

Owns: which symbols have some, and what was told to the owner of it. Must not know: whose they are, what is done about
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from exchange.model import Instrument, Order
from fleet.words import many

ENDED_KEPT = 1024

Key = tuple[str, int]
"""Symbol and order id: whoever placed it may have given no client id, or one that was used before."""

NAMED_MOST = 10
"""Symbols, in one line of the log."""


@dataclass(frozen=True, slots=True)
class NotOurs:
    """In one symbol. The position counts only where no worker ever followed it."""

    orders: int = 0
    lots: int = 0


class ForeignOrders:
    """`changed` is called after news that left something different."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._told_us: dict[Key, int] = {}
        """The open ones, and when we last heard of each."""
        self._ended: deque[Key] = deque(maxlen=ENDED_KEPT)
        """Called over: neither an older event nor a list that was on its way makes them open again."""

    def heard(self, order: Order, now_us: int) -> None:
        """By the user stream."""
        key = (order.symbol, order.order_id)
        if order.status.is_final:
            self._ended.append(key)
            if self._told_us.pop(key, None) is not None:
                self.changed()
        elif key not in self._ended:
            is_new = key not in self._told_us
            self._told_us[key] = now_us
            if is_new:
                self.changed()

    def listed(self, orders: Iterable[Order], asked_us: int) -> None:
        """All that the venue said are open. What the stream told of since `asked_us` may be missing among them."""
        found = {(order.symbol, order.order_id): asked_us for order in orders}
        recent = {key: told_us for key, told_us in self._told_us.items() if told_us >= asked_us}
        now = {key: told_us for key, told_us in (found | recent).items() if key not in self._ended}
        has_changed = now.keys() != self._told_us.keys()
        self._told_us = now
        if has_changed:
            self.changed()

    def count(self, symbol: str) -> int:
        return sum(key[0] == symbol for key in self._told_us)

    def symbols(self) -> set[str]:
        return {symbol for symbol, _ in self._told_us}


class ForeignNews:
    """Says what is not ours when it is first seen, and when it has changed since."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._told: dict[str, NotOurs] = {}

    def since_last(self, seen: Mapping[str, NotOurs]) -> str:
        """In words; empty when nothing has changed."""
        changed = {symbol: each for symbol, each in seen.items() if self._told.get(symbol) != each}
        changed |= {symbol: NotOurs() for symbol in self._told if symbol not in seen}
        self._told = dict(seen)
        if not changed:
            return ""
        named = [self._words(symbol, each) for symbol, each in list(changed.items())[:NAMED_MOST]]
        more = f"; and in {many(len(changed) - len(named), 'more symbol')}" if len(named) < len(changed) else ""
        return f"not the fleet's, and left alone: {'; '.join(named)}{more}"

    def _words(self, symbol: str, seen: NotOurs) -> str:
        instrument = self._instruments.get(symbol)
        size = f"{instrument.quantity(seen.lots):f}" if instrument else many(seen.lots, "lot")
        words = [many(seen.orders, "open order")] * bool(seen.orders) + [f"a position of {size}"] * bool(seen.lots)
        return f"{symbol} {' and '.join(words) or 'nothing any more'}"
