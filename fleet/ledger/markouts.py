"""Where mid went after each trade: what a fill was worth a moment later.

Owns: the trades that are watched, and the mid in force at each horizon. Must not know: who feeds it, where it is kept.
Pure: time comes in. A symbol of which nothing is watched costs one look-up an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from exchange.model import BookTicker, Fill, Instrument
from fleet.ledger.entries import Marked

HORIZONS_S = (1, 10, 60)

WATCHED = 5000
"""Horizons of one symbol at most: what comes beyond is not watched, for nobody trades so often by intention."""


@dataclass(slots=True)
class _Watch:
    instrument: Instrument
    mid_sum: int | None
    """Bid and ask in ticks, as they are now; None while the market is not heard."""
    due: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    """(when, trade, horizon): a heap."""


class Markouts:
    def __init__(self) -> None:
        self._watched: dict[str, _Watch] = {}

    def traded(self, instrument: Instrument, fill: Fill, ticker: BookTicker | None, now_us: int) -> None:
        """A trade was told of; `ticker` is the market as it is now. A horizon that has passed by now is passed over."""
        watch = self._watched.get(instrument.symbol)
        if watch is None:
            watch = self._watched[instrument.symbol] = _Watch(instrument, None)
        if ticker is not None:
            watch.mid_sum = ticker.bid_ticks + ticker.ask_ticks
        if len(watch.due) < WATCHED:
            for horizon_s in HORIZONS_S:
                due_us = fill.exchange_ms * 1000 + horizon_s * 1_000_000
                if due_us > now_us:
                    heappush(watch.due, (due_us, fill.trade_id, horizon_s))

    def see(self, ticker: BookTicker, now_us: int) -> list[Marked]:
        """The market has moved: whatever was due before this stood at the mid before it."""
        watch = self._watched.get(ticker.symbol)
        if watch is None:
            return []
        marked = list(_due(watch, now_us)) if watch.due and watch.due[0][0] <= now_us else []
        watch.mid_sum = ticker.bid_ticks + ticker.ask_ticks
        return marked

    def pass_time(self, now_us: int) -> list[Marked]:
        """In a quiet market nothing is seen: the mid that stands is the mid."""
        marked: list[Marked] = []
        for symbol, watch in list(self._watched.items()):
            marked += _due(watch, now_us)
            if not watch.due:
                del self._watched[symbol]
        return marked

    def lose_market(self) -> None:
        """The line is down: of what falls due meanwhile nothing is known."""
        for watch in self._watched.values():
            watch.mid_sum = None


def _due(watch: _Watch, now_us: int) -> Iterator[Marked]:
    """What was due by now; it leaves the watch even where mid is not known."""
    instrument = watch.instrument
    while watch.due and watch.due[0][0] <= now_us:
        _, trade_id, horizon_s = heappop(watch.due)
        if watch.mid_sum is not None:
            yield Marked(instrument.symbol, trade_id, horizon_s, instrument.tick_size * watch.mid_sum / 2)
