"""Our orders in a market that is known by what it displays: books and trades of elsewhere, recorded or live.

Owns: where our orders would stand in the displayed queues, and when trades would reach them. Must not know: where books
and trades come from, when they are due, accounts. Its participants do not react to us, so all doubt is resolved against
us:

 - An order stands behind all that is displayed at its price when it arrives. What is ahead shrinks by the trades at
   that price, and to the displayed size once less is displayed; cancels of others are otherwise taken to be behind.
   Beyond the displayed levels the queue is unknown: the order waits until its price is displayed, and then stands last.
 - A trade at the order's price fills it with what is left after the queue ahead; a trade beyond it, or a book
   whose other side has reached it, fills all of it, at its own price.
 - A hidden order is in no figure shown, and always stands behind all that is displayed at its price.
 - An order that takes gets the displayed sizes. What it took stays away until the next book.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange.model import Depth, Instrument, PublicTrade, Side
from exchange.paper.market import MayMeet, OnTrade, Trade


@dataclass(slots=True)
class _Own:
    order_id: int
    side: Side
    ticks: int
    lots: int
    ahead: int | None
    """Displayed lots that trade before it; None while its price lies beyond the displayed levels."""
    is_hidden: bool


class DisplayedMarket:
    """All of exchange.paper.market.Market but its time and its prices, which are for those to add who know them."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._own: dict[int, _Own] = {}
        self._displayed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._next_trade_id = 1

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def best_bid(self) -> tuple[int, int] | None:
        return next(iter(self.levels(Side.BUY, 1)), None)

    def best_ask(self) -> tuple[int, int] | None:
        return next(iter(self.levels(Side.SELL, 1)), None)

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        sizes = dict(self._displayed[side])
        for own in self._own.values():
            if own.side is side and not own.is_hidden:
                sizes[own.ticks] = sizes.get(own.ticks, 0) + own.lots
        return sorted(sizes.items(), reverse=side is Side.BUY)[:limit]

    def would_cross(self, side: Side, ticks: int) -> bool:
        best = self._best_ticks(side.opposite)
        return best is not None and _reaches(side, ticks, best)

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        found = sum(q for t, q in self.levels(side.opposite, 1 << 30) if _reaches(side, limit_ticks, t))
        found += sum(
            own.lots
            for own in self._own.values()
            if own.is_hidden and own.side is side.opposite and _reaches(side, limit_ticks, own.ticks)
        )
        return min(found, lots)

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
        while lots > 0:
            ticks = self._best_ticks(side.opposite)
            if ticks is None or not _reaches(side, limit_ticks, ticks):
                break
            maker = self._first_in_queue(side.opposite, ticks)
            displayed = self._displayed[side.opposite].get(ticks, 0)
            ahead = displayed
            if maker is not None and maker.ahead is not None and not maker.is_hidden:
                ahead = min(maker.ahead, displayed)
            if maker is None or ahead > 0:
                traded = min(lots, ahead)
                self._take_displayed(side.opposite, ticks, traded)
                self._report(on_trade, ticks, traded, side, None, order_id, now_us)
            else:
                if may_meet is not None:
                    if not may_meet(maker.order_id):
                        break
                    if maker.order_id not in self._own:
                        continue
                traded = min(lots, maker.lots)
                self._fill(maker, traded)
                self._report(on_trade, ticks, traded, side, maker.order_id, order_id, now_us)
            lots -= traded
        return lots

    def rest(self, order_id: int, side: Side, ticks: int, lots: int, now_us: int, *, is_hidden: bool = False) -> None:
        displayed = self._displayed[side]
        ahead = displayed.get(ticks, 0) if _within(side, ticks, displayed) else None
        self._own[order_id] = _Own(order_id, side, ticks, lots, ahead, is_hidden)

    def remove(self, order_id: int) -> int:
        own = self._own.pop(order_id, None)
        return own.lots if own else 0

    def shrink(self, order_id: int, lots: int) -> None:
        """ValueError when the order is gone, or would not get smaller."""
        own = self._own.get(order_id)
        if own is None or not 0 < lots <= own.lots:
            raise ValueError(f"order {order_id} does not rest, or {lots} lots are no smaller size for it")
        own.lots = lots

    def _show(self, depth: Depth) -> None:
        self._displayed = {
            Side.BUY: {ticks: lots for ticks, lots in depth.bids if lots > 0},
            Side.SELL: {ticks: lots for ticks, lots in depth.asks if lots > 0},
        }
        for own in self._own.values():
            displayed = self._displayed[own.side]
            if _within(own.side, own.ticks, displayed):
                size = displayed.get(own.ticks, 0)
                own.ahead = size if own.ahead is None or own.is_hidden else min(own.ahead, size)

    def _fill_passed(self, at_us: int, on_trade: OnTrade) -> None:
        """Fills the orders that the other side of the book has reached."""
        best = {
            Side.BUY: min(self._displayed[Side.SELL], default=None),
            Side.SELL: max(self._displayed[Side.BUY], default=None),
        }
        for own in list(self._own.values()):
            other = best[own.side]
            if other is not None and other * own.side.sign <= own.ticks * own.side.sign and own.order_id in self._own:
                self._fill_and_report(own, own.lots, at_us, on_trade)

    def _replay_trade(self, trade: PublicTrade, at_us: int, on_trade: OnTrade) -> None:
        side = trade.side.opposite
        left = trade.lots
        gone = 0
        for own in self._queue(side):
            if own.order_id not in self._own:
                continue
            distance = (own.ticks - trade.price_ticks) * side.sign
            if distance > 0:
                left -= self._fill_and_report(own, own.lots, at_us, on_trade)
            elif distance == 0 and own.ahead is not None:
                # `gone` is what earlier own orders at this price took; the queue ahead is displayed size alone.
                reached = trade.lots - own.ahead - gone
                own.ahead = max(0, own.ahead - trade.lots)
                if reached > 0:
                    filled = self._fill_and_report(own, min(reached, own.lots), at_us, on_trade)
                    gone += filled
                    left -= filled
        if left > 0:
            self._report(on_trade, trade.price_ticks, left, trade.side, None, None, at_us)

    def _queue(self, side: Side) -> list[_Own]:
        """Own orders of a side, best price first, displayed before hidden, then by age."""
        mine = [own for own in self._own.values() if own.side is side]
        return sorted(mine, key=lambda own: (-own.ticks * side.sign, own.is_hidden))

    def _first_in_queue(self, side: Side, ticks: int) -> _Own | None:
        there = [own for own in self._own.values() if own.side is side and own.ticks == ticks]
        return min(there, key=lambda own: own.is_hidden, default=None)

    def _best_ticks(self, side: Side) -> int | None:
        """The best price at which anything rests, hidden or not."""
        own = [each.ticks for each in self._own.values() if each.side is side]
        best = max if side is Side.BUY else min
        return best((*self._displayed[side], *own), default=None)

    def _take_displayed(self, side: Side, ticks: int, lots: int) -> None:
        displayed = self._displayed[side]
        displayed[ticks] -= lots
        if displayed[ticks] == 0:
            del displayed[ticks]
        for own in self._own.values():
            if own.side is side and own.ticks == ticks and own.ahead is not None:
                own.ahead = max(0, own.ahead - lots)

    def _fill(self, own: _Own, lots: int) -> None:
        own.lots -= lots
        if own.lots == 0:
            del self._own[own.order_id]

    def _fill_and_report(self, own: _Own, lots: int, at_us: int, on_trade: OnTrade) -> int:
        self._fill(own, lots)
        self._report(on_trade, own.ticks, lots, own.side.opposite, own.order_id, None, at_us)
        return lots

    def _report(
        self, on_trade: OnTrade, ticks: int, lots: int, taker: Side, maker_id: int | None, taker_id: int | None, us: int
    ) -> None:
        trade_id = self._next_trade_id
        self._next_trade_id += 1
        on_trade(Trade(trade_id, ticks, lots, taker, maker_id, taker_id, us))

    def _displayed_mid(self) -> float | None:
        bids, asks = self._displayed[Side.BUY], self._displayed[Side.SELL]
        return (max(bids) + min(asks)) / 2 if bids and asks else None


def _reaches(side: Side, limit_ticks: int | None, ticks: int) -> bool:
    return limit_ticks is None or ticks * side.sign <= limit_ticks * side.sign


def _within(side: Side, ticks: int, displayed: dict[int, int]) -> bool:
    """Whether a price is no farther away than the last displayed one."""
    if not displayed:
        return False
    return ticks >= min(displayed) if side is Side.BUY else ticks <= max(displayed)
