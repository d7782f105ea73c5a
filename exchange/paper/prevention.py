"""Self-trade prevention: what becomes of an order that comes to one of the same account's (docs: STP Mode).

Owns: who goes by the taker's mode, and what that leaves of a book to fill with. Must not know: how an order ends.

Choices where the docs are silent: the mode of the taker counts. What is ahead of the account's own order in the queue
still trades. An order that goes by it is EXPIRED, with nothing left resting. For FOK the account's own orders are
nothing to fill with, nor where they stop the taker is what lies at their price and behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from exchange.model import StpMode
from exchange.paper.order import PaperOrder

FindOrder = Callable[[int], PaperOrder]
Expire = Callable[[PaperOrder], None]


class Prevention:
    """An exchange.paper.market.MayMeet for one taker."""

    __slots__ = ("_expire", "_find", "_taker", "is_stopped")

    def __init__(self, taker: PaperOrder, find: FindOrder, expire: Expire) -> None:
        self._taker = taker
        self._find = find
        self._expire = expire
        self.is_stopped = False
        """Whether the taker came to an own order that it must not pass."""

    def __call__(self, maker_id: int) -> bool:
        maker, mode = self._find(maker_id), self._taker.stp_mode
        if maker.account is not self._taker.account:
            return True
        if mode is not StpMode.EXPIRE_TAKER:
            self._expire(maker)
        self.is_stopped = mode is not StpMode.EXPIRE_MAKER
        return not self.is_stopped


def fillable(taker: PaperOrder, limit_ticks: int | None, open_orders: Iterable[PaperOrder]) -> int:
    """How much of the order there is to fill at once; `open_orders` are the account's in the symbol."""
    market, side = taker.listing.market, taker.side
    own = [
        each
        for each in open_orders
        if each.resting
        and each.side is not side
        and (limit_ticks is None or (limit_ticks - each.ticks) * side.sign >= 0)
    ]
    if not own:
        return market.fillable(side, limit_ticks, taker.left)
    if taker.stp_mode is StpMode.EXPIRE_MAKER:
        own_lots = sum(each.left for each in own)
        return market.fillable(side, limit_ticks, taker.left + own_lots) - own_lots
    first = min(each.ticks * side.sign for each in own) * side.sign
    return market.fillable(side, first - side.sign, taker.left)
