"""Force orders: what liquidations did, for their owners and for the public.

Owns: each account's list, and the streams `<symbol>@forceOrder` and `!forceOrder@arr` (docs: Liquidation Order
Streams). Must not know: who is liquidated when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from exchange.paper.accounts import Account
from exchange.paper.order import PaperOrder
from exchange.paper.streams import Hub
from exchange.paper.user_stream import average_price
from exchange.protocol import frames
from exchange.protocol.margin_frames import ForceOrder, ForceOrderFrame

_KEPT = 1000
_ALL = "!forceOrder@arr"


class ForceOrders:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._by_account: dict[str, deque[PaperOrder]] = {}
        self._latest: dict[str, PaperOrder] = {}

    def of(self, account: Account) -> Sequence[PaperOrder]:
        """Oldest first."""
        return self._by_account.get(account.address, ())

    def add(self, order: PaperOrder) -> None:
        self._by_account.setdefault(order.account.address, deque(maxlen=_KEPT)).append(order)
        self._latest[order.listing.symbol] = order

    def push(self, now_us: int) -> None:
        """To be called each second: a symbol's latest force order since is the one that is told of."""
        latest, self._latest = self._latest, {}
        for symbol, order in latest.items():
            stream = f"{symbol.lower()}@forceOrder"
            if stream in self._hub.listeners or _ALL in self._hub.listeners:
                frame = frames.encode(_frame(order, now_us // 1000))
                self._hub.broadcast(stream, frame)
                self._hub.broadcast(_ALL, frame)


def _frame(order: PaperOrder, now_ms: int) -> ForceOrderFrame:
    instrument = order.listing.instrument
    trades = order.holding.stake.trades
    last = next(each for each in reversed(trades) if each.order_id == order.id)
    return ForceOrderFrame(
        event_ms=now_ms,
        order=ForceOrder(
            symbol=instrument.symbol,
            side=order.side.value,
            type="LIMIT",
            time_in_force=order.time_in_force.value,
            qty=instrument.quantity_text(order.lots),
            price=instrument.price_text(order.ticks),
            average_price=average_price(order),
            status=order.status.value,
            last_qty=instrument.quantity_text(last.lots),
            filled_qty=instrument.quantity_text(order.filled),
            trade_ms=order.updated_ms,
        ),
    )
