"""Conditional orders that wait for a price.

Owns: who waits, and whom a price sets off, the longest waiting first. Must not know: what becomes of a triggered order.

Contract prices are gathered while a market matches and looked at when it has done: an order that one trade sets off
must not come into the book in the midst of another's matching.
"""

from __future__ import annotations

from collections.abc import Iterator

from exchange.paper.conditions import CONTRACT_PRICE, MARK_PRICE, better, is_kept_back, watched_ticks
from exchange.paper.listing import Listing
from exchange.paper.order import PaperOrder


class Triggers:
    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, PaperOrder]] = {}
        self._prices: dict[str, list[int]] = {}

    def add(self, order: PaperOrder) -> None:
        assert order.condition is not None
        order.best_ticks = watched_ticks(order.listing, order.condition.working_type)
        self._waiting.setdefault(order.listing.symbol, {})[order.id] = order

    def remove(self, order: PaperOrder) -> None:
        symbol = order.listing.symbol
        waiting = self._waiting[symbol]
        del waiting[order.id]
        if not waiting:
            del self._waiting[symbol]
            self._prices.pop(symbol, None)

    def traded(self, symbol: str, ticks: int) -> None:
        if symbol in self._waiting:
            self._prices.setdefault(symbol, []).append(ticks)

    def met_by_trades(self, listing: Listing) -> Iterator[PaperOrder]:
        """Those that trades since the last call set off, and those that trades while one looks at them set off."""
        while prices := self._prices.pop(listing.symbol, None):
            for ticks in prices:
                yield from self._met(listing, CONTRACT_PRICE, ticks)

    def met_by_mark(self, listing: Listing) -> Iterator[PaperOrder]:
        if listing.symbol in self._waiting:
            yield from self._met(listing, MARK_PRICE, watched_ticks(listing, MARK_PRICE))

    def _met(self, listing: Listing, working_type: str, ticks: int) -> Iterator[PaperOrder]:
        for order in list(self._waiting.get(listing.symbol, {}).values()):
            condition = order.condition
            if not order.is_waiting or condition is None or condition.working_type != working_type:
                continue
            order.best_ticks = better(order.side, ticks, order.best_ticks)
            if condition.is_met(order.side, ticks, order.best_ticks) and not is_kept_back(condition, listing):
                yield order
