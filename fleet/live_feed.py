"""The public streams of another exchange, poured into a paper exchange's markets.

Owns: which line carries which symbols, and what is done when one is lost or comes back. Must not know: which exchange
it is, how a market takes the news.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from loguru import logger

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import MarketEvent, StreamDown, StreamUp
from exchange.paper.instruments import Table
from exchange.paper.live import LiveMarkets, News
from exchange.paper.runner import Runner
from exchange.ports import MarketData, MarketStream

LEVELS = 20
SYMBOLS_PER_LINE = 45
"""So many symbols' books, trades, tickers and mark prices fit on one connection (200 streams)."""

Line = tuple[MarketStream, Sequence[str]]


class LiveFeed:
    """`table` is the source's exchangeInfo. `clock` is the paper exchange's, not the source's."""

    def __init__(
        self, lines: Sequence[Line], market_data: MarketData, markets: LiveMarkets, table: Table, clock: Clock
    ) -> None:
        self.markets = markets
        self.table = table
        self._lines = lines
        self._market_data = market_data
        self._clock = clock

    async def run(self, runner: Runner) -> None:
        async with anyio.create_task_group() as tasks:
            for stream, symbols in self._lines:
                tasks.start_soon(self._follow, stream, symbols, runner)

    def begin(self, runner: Runner) -> None:
        """To be called before anybody is served: until its line is up, a market stands still."""
        for _, symbols in self._lines:
            self._freeze(symbols, runner)

    async def _follow(self, stream: MarketStream, symbols: Sequence[str], runner: Runner) -> None:
        came_up = anyio.Event()

        def sink(event: MarketEvent) -> None:
            nonlocal came_up
            if isinstance(event, StreamDown):
                logger.warning(
                    "paper exchange: the live line is down ({}): its {} markets stand still, and take no orders",
                    event.reason,
                    len(symbols),
                )
                self._freeze(symbols, runner)
            elif isinstance(event, StreamUp):
                logger.info("paper exchange: the live line is up")
                came_up.set()
            else:
                self._tell(event, runner)

        stream.want(symbols)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.run, sink)
            while True:
                await came_up.wait()
                came_up = anyio.Event()
                await self._ask_for_books(symbols, runner)

    async def _ask_for_books(self, symbols: Sequence[str], runner: Runner) -> None:
        """A quiet market's stream may say nothing for long."""
        for symbol in symbols:
            if not self.markets.is_frozen(symbol):
                continue
            try:
                self._tell(await self._market_data.depth(symbol, LEVELS), runner)
            except VenueError as error:
                logger.warning("paper exchange: {} stands still until its stream speaks: {}", symbol, error)

    def _tell(self, news: News, runner: Runner) -> None:
        if self.markets.push(news, self._clock.now_us()):
            runner.stirred(news.symbol, self.markets.is_frozen(news.symbol))

    def _freeze(self, symbols: Sequence[str], runner: Runner) -> None:
        for symbol in symbols:
            self.markets.freeze(symbol)
            runner.stirred(symbol, is_frozen=True)
