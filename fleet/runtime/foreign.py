"""The account's open orders that are not ours, as the snapshots and the user stream tell of them.

Owns: which symbols have some. Must not know: whose they are, what is done about it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from exchange.model import Order

ENDED_KEPT = 1024

Key = tuple[str, int]
"""Symbol and order id: whoever placed it may have given no client id, or one that was used before."""


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
