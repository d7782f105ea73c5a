"""Where an order is found: by id, by client id, among an account's open ones, among the finished ones.

Owns: which orders are open and how long finished ones are remembered. Must not know: why an order ends.
"""

from __future__ import annotations

from collections import deque

from exchange.model import OrderStatus
from exchange.paper.accounts import Account
from exchange.paper.order import PaperOrder

KEPT_DONE = 5000
"""Finished orders remembered for each account and symbol."""
UNFILLED_KEPT_MS = 7 * 86_400_000
"""Docs, Query Order: cancelled or expired without a fill, an order is found for seven days after it came in."""

Key = tuple[str, str]
"""Account address and symbol."""


class Register:
    def __init__(self) -> None:
        self._all: dict[int, PaperOrder] = {}
        self._open: dict[Key, dict[int, PaperOrder]] = {}
        self._done: dict[Key, deque[PaperOrder]] = {}
        self._by_client_id: dict[tuple[str, str, str], PaperOrder] = {}

    def __getitem__(self, order_id: int) -> PaperOrder:
        return self._all[order_id]

    def find(self, account: Account, symbol: str, order_id: int | None, client_id: str | None) -> PaperOrder | None:
        """By order id if there is one, else by client id; of several that had it the newest."""
        if order_id is not None:
            order = self._all.get(order_id)
            return order if order and order.account is account and order.listing.symbol == symbol else None
        return self._by_client_id.get((account.address, symbol, client_id or ""))

    def open_count(self, account: Account, symbol: str) -> int:
        return len(self._open.get((account.address, symbol), ()))

    def open_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        return list(self._open.get((account.address, symbol), {}).values())

    def all_open_orders(self, account: Account) -> list[PaperOrder]:
        found = [order for symbol in account.stakes for order in self.open_orders(account, symbol)]
        return sorted(found, key=lambda order: order.id)

    def all_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        """Open ones and the finished ones still remembered, by id."""
        done = self._done.get((account.address, symbol), ())
        return sorted([*done, *self.open_orders(account, symbol)], key=lambda order: order.id)

    def enter(self, order: PaperOrder) -> None:
        key = (order.account.address, order.listing.symbol)
        self._all[order.id] = order
        self._open.setdefault(key, {})[order.id] = order
        self._by_client_id[*key, order.client_id] = order

    def retire(self, order: PaperOrder) -> None:
        """An open order is over."""
        key = (order.account.address, order.listing.symbol)
        del self._open[key][order.id]
        done = self._done.setdefault(key, deque())
        done.append(order)
        if len(done) > KEPT_DONE:
            forgotten = done.popleft()
            del self._all[forgotten.id]
            if self._by_client_id.get((*key, forgotten.client_id)) is forgotten:
                del self._by_client_id[*key, forgotten.client_id]


def is_past(order: PaperOrder, now_ms: int) -> bool:
    """Whether queries no longer find the order (docs: Query Order)."""
    ended_unfilled = order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) and not order.filled
    return ended_unfilled and order.created_ms + UNFILLED_KEPT_MS < now_ms
