"""A recorded market played again, with our orders standing in it (exchange.paper.displayed says how).

Owns: the pace of playing, and the mark price, which the recordings do not tell. Must not know: file formats, accounts.

Playing begins with the first recorded book, at `start_us`. After the last row the market has ended: the book stays as
it is, `next_us` is None, nothing trades but account orders against what is displayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from exchange.model import Depth, Instrument, PublicTrade
from exchange.paper.displayed import DisplayedMarket
from exchange.paper.market import OnTrade
from exchange.paper.recordings import Gap, Recorded, RecordingError

_MARK_S = 10.0
"""Over how long the mark price smooths mid."""


class ReplayMarket(DisplayedMarket):
    """Implements exchange.paper.market.Market. Raises RecordingError when the events hold no book."""

    def __init__(self, instrument: Instrument, events: Iterable[Recorded], start_us: int, speed: float = 1.0) -> None:
        if not (speed > 0 and math.isfinite(speed)):
            raise RecordingError(f"a recording cannot be played at speed {speed}")
        super().__init__(instrument)
        self._speed = speed
        self._start_us = start_us
        self._events = iter(events)
        first = next((event for event in self._events if isinstance(event, Depth)), None)
        if first is None:
            raise RecordingError(f"the recording of {instrument.symbol} holds no order book")
        self._first_ms = first.exchange_ms
        self._show(first)
        self._mid = self._mark = self._displayed_mid() or 0.0
        self._mark_us = start_us
        self._pending: tuple[int, Depth | PublicTrade] | None = None
        self._draw_next()

    def next_us(self) -> int | None:
        return self._pending[0] if self._pending else None

    def advance(self, now_us: int, on_trade: OnTrade) -> None:
        while self._pending and self._pending[0] <= now_us:
            at_us, event = self._pending
            self._draw_next()
            if isinstance(event, Depth):
                self._show(event)
                self._fill_passed(at_us, on_trade)
                self._update_mark(at_us)
            else:
                self._replay_trade(event, at_us, on_trade)

    def mark_price(self) -> Decimal:
        return self._price(self._mark)

    def index_price(self) -> Decimal:
        """The recordings tell of no index: mid stands for it."""
        return self._price(self._mid)

    def _draw_next(self) -> None:
        self._pending = None
        for event in self._events:
            if not isinstance(event, Gap):
                after_us = max(0, event.exchange_ms - self._first_ms) * 1000
                self._pending = self._start_us + round(after_us / self._speed), event
                return

    def _update_mark(self, at_us: int) -> None:
        self._mid = self._displayed_mid() or self._mid
        # Smoothed in recorded time: at any speed the mark price is as far behind mid.
        elapsed_s = (at_us - self._mark_us) * 1e-6 * self._speed
        self._mark += (self._mid - self._mark) * (1.0 - math.exp(-elapsed_s / _MARK_S))
        self._mark_us = at_us

    def _price(self, ticks: float) -> Decimal:
        return self.instrument.tick_size * round(ticks * 100) / 100
