"""A limit order book with price-time priority, in integer ticks and lots.

Owns: who stands where in which queue, and what trades when an order arrives. Must not know: accounts, time's passing,
where orders come from. Order ids above zero are accounts' orders, ids below zero the background's: both share the
queues, and only the ids in a Trade tell them apart.

A hidden order is in no figure that the book displays; at its price it trades after all that is displayed there.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import islice

from exchange.model import Side
from exchange.paper.market import MayMeet, OnTrade, Trade

_BUY = Side.BUY
_SELL = Side.SELL


class _Level:
    """The queue at one price. `orders` maps id to lots; a dict keeps arrival order, and so the priority.

    `lots` is what is displayed; `hidden` orders, of which most levels have none, wait behind `orders`.
    """

    __slots__ = ("hidden", "lots", "orders", "sign", "ticks")

    def __init__(self, ticks: int, sign: int) -> None:
        self.ticks = ticks
        self.sign = sign
        self.lots = 0
        self.orders: dict[int, int] = {}
        self.hidden: dict[int, int] = {}


class Book:
    """One symbol's two sides.

    Each side is a sorted list of keys (ticks for bids, minus ticks for asks), so that on both the best price is the
    last: looking at it and taking it away are O(1), and a new price is one memmove of a few hundred bytes.
    """

    def __init__(self, first_trade_id: int = 1) -> None:
        self.next_trade_id = first_trade_id
        self._bid_keys: list[int] = []
        self._ask_keys: list[int] = []
        self._bids: dict[int, _Level] = {}
        self._asks: dict[int, _Level] = {}
        self._where: dict[int, _Level] = {}
        self._hidden_count = 0

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._where

    def __len__(self) -> int:
        """How many orders rest."""
        return len(self._where)

    def best_bid(self) -> tuple[int, int] | None:
        """Displayed, as all levels are that the book tells of."""
        if not self._bid_keys:
            return None
        level = self._bids[self._bid_keys[-1]]
        return (level.ticks, level.lots) if level.lots else next(iter(self.levels(_BUY, 1)), None)

    def best_ask(self) -> tuple[int, int] | None:
        if not self._ask_keys:
            return None
        level = self._asks[self._ask_keys[-1]]
        return (level.ticks, level.lots) if level.lots else next(iter(self.levels(_SELL, 1)), None)

    def bid_ticks(self) -> int | None:
        """The best price at which anything rests, hidden or not: as matching sees it."""
        return self._bid_keys[-1] if self._bid_keys else None

    def ask_ticks(self) -> int | None:
        return -self._ask_keys[-1] if self._ask_keys else None

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """(ticks, lots) from the best price on."""
        if limit <= 0:
            return []
        keys, levels = (self._bid_keys, self._bids) if side is _BUY else (self._ask_keys, self._asks)
        if self._hidden_count:
            displayed = (levels[key] for key in reversed(keys) if levels[key].lots)
            return [(level.ticks, level.lots) for level in islice(displayed, limit)]
        return [(levels[key].ticks, levels[key].lots) for key in reversed(keys[-limit:])]

    def queue(self, side: Side, ticks: int) -> list[tuple[int, int]]:
        """(order id, lots) at a price, the next to trade first."""
        level = self._bids.get(ticks) if side is _BUY else self._asks.get(-ticks)
        return [*level.orders.items(), *level.hidden.items()] if level else []

    def lots_of(self, order_id: int) -> int:
        """What rests of an order; 0 if it is not there."""
        level = self._where.get(order_id)
        if level is None:
            return 0
        return level.orders.get(order_id) or level.hidden[order_id]

    def would_cross(self, side: Side, ticks: int) -> bool:
        if side is _BUY:
            return bool(self._ask_keys) and -self._ask_keys[-1] <= ticks
        return bool(self._bid_keys) and self._bid_keys[-1] >= ticks

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        """How many of `lots` would trade at once at `limit_ticks` or better (None: at any price)."""
        keys, levels = (self._ask_keys, self._asks) if side is _BUY else (self._bid_keys, self._bids)
        limit_key = None if limit_ticks is None else -side.sign * limit_ticks
        found = 0
        for key in reversed(keys):
            if found >= lots or (limit_key is not None and key < limit_key):
                break
            level = levels[key]
            found += level.lots
            if level.hidden:
                found += sum(level.hidden.values())
        return min(found, lots)

    def add(self, order_id: int, side: Side, ticks: int, lots: int, *, is_hidden: bool = False) -> None:
        """Puts an order at the end of its price's queue. ValueError when it crosses, is empty or is there already."""
        if lots <= 0 or order_id in self._where:
            raise ValueError(f"order {order_id} is empty or rests already")
        if side is _BUY:
            if self._ask_keys and -self._ask_keys[-1] <= ticks:
                raise ValueError(f"order {order_id} to buy at {ticks} would cross the book")
            keys, levels, key = self._bid_keys, self._bids, ticks
        else:
            if self._bid_keys and self._bid_keys[-1] >= ticks:
                raise ValueError(f"order {order_id} to sell at {ticks} would cross the book")
            keys, levels, key = self._ask_keys, self._asks, -ticks
        level = levels.get(key)
        if level is None:
            level = levels[key] = _Level(ticks, 1 if side is _BUY else -1)
            insort(keys, key)
        if is_hidden:
            level.hidden[order_id] = lots
            self._hidden_count += 1
        else:
            level.orders[order_id] = lots
            level.lots += lots
        self._where[order_id] = level

    def remove(self, order_id: int) -> int:
        """Takes an order out and returns the lots it still had; 0 if it is not there."""
        level = self._where.pop(order_id, None)
        if level is None:
            return 0
        if order_id in level.orders:
            lots = level.orders.pop(order_id)
            level.lots -= lots
        else:
            lots = level.hidden.pop(order_id)
            self._hidden_count -= 1
        if not level.orders and not level.hidden:
            self._drop(level)
        return lots

    def shrink(self, order_id: int, lots: int) -> None:
        """Lowers an order to `lots` without losing its place. ValueError when it is gone, or would not get smaller."""
        level = self._where.get(order_id)
        if level is None or not 0 < lots <= self.lots_of(order_id):
            raise ValueError(f"order {order_id} does not rest, or {lots} lots are no smaller size for it")
        self._lower(level, order_id, lots)

    def take(
        self,
        order_id: int,
        side: Side,
        limit_ticks: int | None,
        lots: int,
        now_us: int,
        on_trade: OnTrade,
        may_meet: MayMeet | None = None,
    ) -> int:
        """Trades what crosses, best price first and oldest order first; returns the lots left over. Rests nothing.

        `on_trade` and `may_meet` may remove or shrink orders of this book: after each call it is looked at anew.
        """
        keys, levels = (self._ask_keys, self._asks) if side is _BUY else (self._bid_keys, self._bids)
        limit_key = None if limit_ticks is None else -side.sign * limit_ticks
        taker_order_id = order_id if order_id > 0 else None
        while lots > 0 and keys:
            key = keys[-1]
            if limit_key is not None and key < limit_key:
                break
            level = levels[key]
            maker_id, resting = next(iter((level.orders or level.hidden).items()))
            if may_meet is not None and maker_id > 0:
                if not may_meet(maker_id):
                    break
                if maker_id not in self._where:
                    continue
            traded = min(resting, lots)
            lots -= traded
            if traded == resting:
                self.remove(maker_id)
            else:
                self._lower(level, maker_id, resting - traded)
            trade_id = self.next_trade_id
            self.next_trade_id = trade_id + 1
            on_trade(
                Trade(trade_id, level.ticks, traded, side, maker_id if maker_id > 0 else None, taker_order_id, now_us)
            )
        return lots

    def _lower(self, level: _Level, order_id: int, lots: int) -> None:
        if order_id in level.orders:
            level.lots -= level.orders[order_id] - lots
            level.orders[order_id] = lots
        else:
            level.hidden[order_id] = lots

    def _drop(self, level: _Level) -> None:
        keys, levels = (self._bid_keys, self._bids) if level.sign > 0 else (self._ask_keys, self._asks)
        key = level.ticks * level.sign
        if keys[-1] == key:
            keys.pop()
        else:
            del keys[bisect_left(keys, key)]
        del levels[key]
