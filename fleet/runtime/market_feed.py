"""The market on its way to the workers: each event to its symbol's mailbox, each turn of the line to all.

Owns: the market's line, and which symbols are followed. Must not know: what workers do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anyio.abc import TaskGroup

from exchange.errors import VenueError
from exchange.model import BookTicker, MarketEvent, MarkPrice, StreamDown, StreamUp
from fleet.runtime.bookkeeping import Bookkeeping
from fleet.runtime.journal import Journal
from fleet.runtime.lines import Line
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue


class MarketFeed:
    """`slots`: by symbol, as they are at any time. `tasks` are given once workers run."""

    def __init__(
        self,
        venue: Venue,
        journal: Journal,
        books: Bookkeeping,
        slots: Mapping[str, Slot],
        is_stopping: Callable[[], bool],
    ) -> None:
        self.line = Line("market")
        self.tasks: TaskGroup | None = None
        self._venue = venue
        self._journal = journal
        self._books = books
        self._slots = slots
        self._is_stopping = is_stopping

    def follow(self) -> None:
        """The symbols have changed."""
        self._venue.market_stream.want(list(self._slots))
        if self.line.up and self.tasks is not None:
            self.tasks.start_soon(self._seed_books)

    def on_event(self, event: MarketEvent) -> None:
        match event:
            case BookTicker() | MarkPrice():
                slot = self._slots.get(event.symbol)
                if slot is not None:
                    slot.mailbox.put_market(event)
                self.line.heard(event.exchange_ms, event.received_us)
                if isinstance(event, BookTicker):
                    self._books.see(event)
            case StreamUp() | StreamDown():
                self._turn(event)
            case _:
                pass

    def _turn(self, event: StreamUp | StreamDown) -> None:
        self.line.tell(event, self._venue.clock.now_ms(), self._journal, is_expected=self._is_stopping())
        if not self.line.up:
            self._books.lose_market()
        for slot in self._slots.values():
            slot.mailbox.put_line(up=self.line.up)
        if self.line.up and self.tasks is not None:
            self.tasks.start_soon(self._seed_books)

    async def _seed_books(self) -> None:
        """The book ticker is pushed only when it changes: in a quiet market the first would be long in coming."""
        try:
            tickers = await self._venue.market_data.book_tickers()
        except VenueError as error:
            self._journal.warning(f"first prices were not had, waiting for the stream: {error}")
            return
        for ticker in tickers:
            slot = self._slots.get(ticker.symbol)
            if slot is not None and slot.mailbox.ticker is None and slot.mailbox.market_up:
                slot.mailbox.put_market(ticker)
