"""One symbol's trades, and what they add up to (docs: Recent Trades List, Compressed/Aggregate Trades List).

Owns: the newest trades, and which of them make one aggregate: those of one taker at one moment and one price. The
stream and the request number them alike. Must not know: decimals, JSON, lines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from exchange.model import Side
from exchange.paper.market import Trade

KEPT = 2000
"""Twice as many as a request may have."""


@dataclass(slots=True)
class Aggregate:
    agg_id: int
    ticks: int
    lots: int
    first_id: int
    last_id: int
    exchange_us: int
    taker_side: Side


class Tape:
    __slots__ = ("_agg_ids", "_event", "agg_id", "trades")

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=KEPT)
        self._agg_ids: deque[int] = deque(maxlen=KEPT)
        self.agg_id = 0
        """The newest aggregate's; 0: nothing was traded yet."""
        self._event = 0

    def add(self, trade: Trade, event: int) -> None:
        """`event` tells one event of the market from the next: what a taker takes is one."""
        last = self.trades[-1] if self.trades else None
        if (
            last is None
            or last.ticks != trade.ticks
            or event != self._event
            or last.taker_order_id != trade.taker_order_id
            or last.taker_side is not trade.taker_side
            or last.exchange_us != trade.exchange_us
        ):
            self.agg_id += 1
        self._event = event
        self.trades.append(trade)
        self._agg_ids.append(self.agg_id)

    def newest(self, limit: int) -> list[Trade]:
        """Oldest first, like all the others here."""
        return list(self.trades)[-limit:]

    def since(self, trade_id: int, limit: int) -> list[Trade]:
        trades = list(self.trades)
        first = bisect_left(trades, trade_id, key=lambda trade: trade.trade_id)
        return trades[first : first + limit]

    def aggregates(self, after: int = 0) -> list[Aggregate]:
        """Those above an id. The oldest is left out when the tape may have forgotten where it began."""
        found = list(self._newest_first(after))
        if len(self.trades) == KEPT and found and found[-1].first_id == self.trades[0].trade_id:
            found.pop()
        return found[::-1]

    def _newest_first(self, after: int) -> Iterator[Aggregate]:
        current: Aggregate | None = None
        for agg_id, trade in zip(reversed(self._agg_ids), reversed(self.trades), strict=True):
            if agg_id <= after:
                break
            if current is not None and current.agg_id == agg_id:
                current.lots += trade.lots
                current.first_id = trade.trade_id
                continue
            if current is not None:
                yield current
            trade_id = trade.trade_id
            current = Aggregate(
                agg_id, trade.ticks, trade.lots, trade_id, trade_id, trade.exchange_us, trade.taker_side
            )
        if current is not None:
            yield current
