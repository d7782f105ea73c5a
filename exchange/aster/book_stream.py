"""exchange.ports.MarketStream for whole books: each diff of a symbol's book becomes the book after it.

Owns: which books want a snapshot, and getting it. Must not know: how a diff is applied (local_book), how a line is held
(market_stream). A book is told from its first snapshot on, and after a gap from the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

import anyio
from loguru import logger

from exchange.aster.local_book import SNAPSHOT_LEVELS, Applied, LocalBook
from exchange.aster.malformed import Malformed
from exchange.aster.market_events import Event, MarketEvents
from exchange.aster.market_stream import AsterMarketStream
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import Depth, Instrument, MarketEvent, StreamDown
from exchange.ports import MarketData
from exchange.protocol import streams
from exchange.protocol.frames import DepthFrame, MarketFrame
from exchange.protocol.wire import Connect

_AGAIN_S = 1.0
"""After a snapshot that could not be had, or was too old."""


class BookEvents(MarketEvents):
    """Diffs as books of at most `levels` on a side. `lost` holds the symbols that want a snapshot, in order."""

    def __init__(self, instruments: Mapping[str, Instrument], levels: int) -> None:
        super().__init__(instruments)
        self._levels = levels
        self._books: dict[str, LocalBook] = {}
        self.lost: dict[str, None] = {}
        self.on_lost = anyio.Event()
        self.gaps = 0

    def forget(self) -> None:
        super().forget()
        self.lost.clear()
        for book in self._books.values():
            book.forget()

    def load(self, snapshot: Depth) -> Depth | None:
        """The book as it stands now, or None while it wants a newer snapshot. Raises as LocalBook.apply."""
        book = self._books[snapshot.symbol]
        if book.load(snapshot) is Applied.GAP:
            return None
        self.lost.pop(snapshot.symbol, None)
        return book.depth(self._levels, snapshot.received_us)

    def _event(self, frame: MarketFrame, received_us: int) -> Event | None:
        if not isinstance(frame, DepthFrame):
            return super()._event(frame, received_us)
        symbol = frame.symbol
        known = self._instruments.get(symbol)
        if known is None or symbol not in self.wanted:
            return None
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = LocalBook(known)
        try:
            applied = book.apply(frame)
        except (ValueError, ArithmeticError):
            self._lose(symbol)
            raise
        if applied is Applied.OK:
            return book.depth(self._levels, received_us)
        self.gaps += applied is Applied.GAP
        if applied is not Applied.STALE:
            self._lose(symbol)
        return None

    def _lose(self, symbol: str) -> None:
        if symbol not in self.lost:
            self.lost[symbol] = None
            self.on_lost.set()


class AsterBookStream:
    """`gaps` counts diffs that did not follow on, `snapshots` what was asked for (weight 20 each, one at a time)."""

    def __init__(
        self,
        connect: Connect,
        stream_url: str,
        clock: Clock,
        instruments: Mapping[str, Instrument],
        rng: Random,
        market_data: MarketData,
        *,
        channels: Sequence[str] = (streams.DIFF_DEPTH, streams.MARK_PRICE),
        levels: int = SNAPSHOT_LEVELS,
    ) -> None:
        self._events = BookEvents(instruments, levels)
        self._stream = AsterMarketStream(
            connect, stream_url, clock, instruments, rng, channels=channels, events=self._events
        )
        self._market_data = market_data
        self.snapshots = 0

    @property
    def malformed(self) -> Malformed:
        return self._stream.malformed

    @property
    def gaps(self) -> int:
        return self._events.gaps

    def want(self, symbols: Sequence[str]) -> None:
        """Raises ValueError when one connection cannot carry them all."""
        self._stream.want(symbols)

    async def run(self, sink: Callable[[MarketEvent], None]) -> None:
        def take(event: MarketEvent) -> None:
            if isinstance(event, StreamDown):
                # A snapshot that is on its way belongs to the line that is gone.
                self._events.forget()
            sink(event)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._load, sink)
            await self._stream.run(take)

    async def _load(self, sink: Callable[[MarketEvent], None]) -> None:
        while True:
            self._events.on_lost = anyio.Event()
            still_lost = False
            for symbol in tuple(self._events.lost):
                book = await self._snapshot(symbol)
                if book is not None:
                    sink(book)
                still_lost |= symbol in self._events.lost
            if still_lost:
                await anyio.sleep(_AGAIN_S)
            elif not self._events.lost:
                await self._events.on_lost.wait()

    async def _snapshot(self, symbol: str) -> Depth | None:
        if symbol not in self._events.wanted:
            self._events.lost.pop(symbol, None)
            return None
        self.snapshots += 1
        try:
            snapshot = await self._market_data.depth(symbol, SNAPSHOT_LEVELS)
            if symbol not in self._events.lost:
                return None
            return self._events.load(snapshot)
        except VenueError as error:
            logger.warning("no snapshot of {}'s book, asking again in {:g} s: {}", symbol, _AGAIN_S, error)
        except (ValueError, ArithmeticError) as error:
            self.malformed.add(error)
        return None
