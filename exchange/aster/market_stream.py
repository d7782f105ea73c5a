"""exchange.ports.MarketStream: any number of symbols over one connection, renewed before the venue cuts it.

Owns: which line delivers, when one takes over from another, and what is told of gaps.
Must not know: what a strategy does with an event. The sink is called at once, on this task, for every event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

import anyio
from anyio.abc import TaskGroup
from loguru import logger

from exchange.aster.backoff import Backoff
from exchange.aster.malformed import Malformed
from exchange.aster.market_events import MarketEvents
from exchange.aster.market_line import MarketLine, Wanted
from exchange.aster.subscriptions import wanted_streams
from exchange.clock import Clock
from exchange.model import Instrument, MarketEvent, StreamDown, StreamUp
from exchange.protocol import frames, streams
from exchange.protocol.wire import Connect

LINE = "market"
_PROVEN_S = 10.0
"""A line that lived this long was a good one: the next failure starts the backoff anew."""
_OVERLAP_S = 1.0
"""How long an old line still speaks when the new one is ready: it may lag, and what it still has is not to be lost."""


class AsterMarketStream:
    """`malformed` counts frames that could not be read. `reconnects` counts lines lost.

    `events` makes events of frames: whole books of diffs, where it is given (exchange.aster.book_stream).
    """

    def __init__(
        self,
        connect: Connect,
        stream_url: str,
        clock: Clock,
        instruments: Mapping[str, Instrument],
        rng: Random,
        *,
        channels: Sequence[str] = (streams.BOOK_TICKER, streams.MARK_PRICE),
        life_s: float = 23.5 * 3600,
        silent_after_s: float = 5.0,
        events: MarketEvents | None = None,
    ) -> None:
        self._connect = connect
        self._url = stream_url.rstrip("/") + streams.combined_path()
        self._clock = clock
        self._channels = tuple(channels)
        self._life_s = life_s
        self._silent_after_s = silent_after_s if streams.MARK_PRICE in self._channels else math.inf
        self._backoff = Backoff(rng)
        self._events = events or MarketEvents(instruments)
        self._wanted = Wanted()
        self._news = anyio.Event()
        self._speaking: MarketLine | None = None
        self.malformed = Malformed(LINE)
        self.reconnects = 0

    def want(self, symbols: Sequence[str]) -> None:
        """Raises ValueError when the channels have no all-market stream, and one connection cannot carry them all."""
        distinct = tuple(dict.fromkeys(symbols))
        names = wanted_streams(distinct, self._channels)
        self._events.wanted = frozenset(distinct)
        self._wanted.set(names)

    async def run(self, sink: Callable[[MarketEvent], None]) -> None:
        while True:
            started, reason = anyio.current_time(), ""
            async with anyio.create_task_group() as tasks:
                reason = await self._hold(tasks, sink)
                if self._speaking is not None:
                    self._speaking = None
                    sink(StreamDown(LINE, reason))
                tasks.cancel_scope.cancel()
            self.reconnects += 1
            self._events.forget()
            if anyio.current_time() - started >= _PROVEN_S:
                self._backoff.reset()
            delay_s = self._backoff.next_s()
            logger.warning("market stream: {}; connecting again in {:.1f} s", reason, delay_s)
            await anyio.sleep(delay_s)

    async def _hold(self, tasks: TaskGroup, sink: Callable[[MarketEvent], None]) -> str:
        """Keeps a line up, through as many take-overs as it takes, and returns why it was lost in the end."""
        line = self._open(tasks, sink)
        successor: MarketLine | None = None
        renew_at, switch_at = anyio.current_time() + self._life_s, math.inf
        while True:
            now = anyio.current_time()
            if line.is_ready and self._speaking is not line and line.reason is None:
                self._let_speak(line, sink)
            if successor is None and now >= renew_at:
                successor, renew_at = self._open(tasks, sink), math.inf
            elif successor is not None and successor.reason is not None:
                logger.warning("market stream: the next line failed: {}", successor.reason)
                successor, renew_at, switch_at = None, now + self._backoff.next_s(), math.inf
            elif successor is not None and successor.is_ready:
                switch_at = min(switch_at, now + _OVERLAP_S)
                if now >= switch_at or line.reason is not None:
                    line.retire()
                    line, successor, renew_at, switch_at = successor, None, now + self._life_s, math.inf
                    self._let_speak(line, sink)
            if line.reason is not None:
                return line.reason
            # Made before the first await after the checks, so that no news is missed.
            self._news = anyio.Event()
            with anyio.move_on_after(min(renew_at, switch_at) - now):
                await self._news.wait()

    def _open(self, tasks: TaskGroup, sink: Callable[[MarketEvent], None]) -> MarketLine:
        def take(line: MarketLine, data: frames.MarketData) -> None:
            received_us = self._clock.now_us()
            if line is self._speaking:
                self._deliver(data, received_us, sink)
            else:
                line.early.append((data, received_us))

        line = MarketLine(
            self._connect,
            self._url,
            self._wanted,
            self.malformed,
            take,
            lambda: self._news.set(),
            self._silent_after_s,
        )
        tasks.start_soon(line.run)
        return line

    def _let_speak(self, line: MarketLine, sink: Callable[[MarketEvent], None]) -> None:
        """From now on this line's frames are delivered, first those it was early with."""
        if self._speaking is None:
            sink(StreamUp(LINE))
        self._speaking = line
        while line.early:
            self._deliver(*line.early.popleft(), sink)

    def _deliver(self, data: frames.MarketData, received_us: int, sink: Callable[[MarketEvent], None]) -> None:
        try:
            events = self._events.events(data, received_us)
        except (ValueError, ArithmeticError) as error:
            self.malformed.add(error)
            return
        for event in events:
            sink(event)
