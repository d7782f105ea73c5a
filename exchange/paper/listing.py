"""One symbol as the venue holds it: its market, and what the venue remembers about it.

Owns: the mark price sampled each second, update ids, and the history of trades and prices. Must not know: accounts,
streams' names.
"""

from __future__ import annotations

from decimal import Decimal

from exchange.model import Side
from exchange.paper.candles import Candles
from exchange.paper.day import Day, DayStatistics
from exchange.paper.funding import Funding
from exchange.paper.instruments import Rules
from exchange.paper.market import Market, OnTrade, Trade
from exchange.paper.tape import Tape

INDEX_UNITS = 100_000_000
"""How many of the units of the mark and index prices' candles make 1: these prices move between the ticks."""

Touch = tuple[tuple[int, int] | None, tuple[int, int] | None]
"""Best bid and best ask, each as (ticks, lots)."""


class Listing:
    __slots__ = (
        "book_id",
        "candles",
        "day",
        "due_us",
        "funding",
        "index",
        "index_candles",
        "instrument",
        "last_ticks",
        "mark",
        "mark_candles",
        "market",
        "on_trade",
        "rules",
        "symbol",
        "tape",
        "update_id",
        "updated_us",
    )

    def __init__(self, rules: Rules, market: Market, funding: Funding, now_us: int, on_trade: OnTrade) -> None:
        self.rules = rules
        self.instrument = rules.instrument
        self.symbol = rules.instrument.symbol
        self.market = market
        self.funding = funding
        self.on_trade = on_trade
        self.mark: Decimal = Decimal(0)
        self.index: Decimal = Decimal(0)
        self.mark_candles = Candles()
        self.index_candles = Candles()
        self._sample(now_us)
        self.update_id = 1
        self.book_id = 1
        """The update that last changed the book; later ones were given to snapshots of it."""
        self.updated_us = now_us
        self.due_us: int | None = None
        """The market's next own event that is in the timetable."""
        self.tape = Tape()
        self.day = Day()
        self.candles = Candles(self.day.enter)
        self.last_ticks: int | None = None

    def tick(self, now_us: int) -> None:
        """To be called each second: the prices that are sampled."""
        self._sample(now_us)
        self.funding.sample(self.mark, self.index)

    def change(self, rules: Rules) -> None:
        """Other rules from now on, on the same grid."""
        self.rules = rules
        self.instrument = rules.instrument

    @property
    def goes_on(self) -> bool:
        """Whether there is trading: before it settles a symbol is reduce-only (PRE_SETTLE)."""
        return self.instrument.status in ("TRADING", "PRE_SETTLE")

    def touch(self) -> Touch:
        return self.market.best_bid(), self.market.best_ask()

    def changed(self, now_us: int) -> None:
        """An event of the market is over, and the book is another."""
        self.update_id = self.book_id = self.update_id + 1
        self.updated_us = now_us

    def snapshot_id(self) -> int:
        """An update of a snapshot's own, which changes nothing: so the next difference always begins at or before it.

        Whoever keeps a book as the docs say needs `U` <= `lastUpdateId` <= `u` (docs: How to manage a local order book
        correctly), also in a market that stood still from his subscription to his snapshot.
        """
        self.update_id += 1
        return self.update_id

    def traded(self, trade: Trade) -> None:
        self.last_ticks = trade.ticks
        self.tape.add(trade, self.update_id)
        self.candles.trade(trade.exchange_us, trade.ticks, trade.lots, trade.taker_side is Side.BUY, trade.trade_id)

    def statistics(self, now_ms: int) -> DayStatistics | None:
        """Of the last 24 hours; None when nothing was ever traded."""
        return self.day.statistics(self.candles.minute, now_ms)

    def _sample(self, now_us: int) -> None:
        self.mark = self.market.mark_price()
        self.index = self.market.index_price()
        self.mark_candles.sample(now_us, round(self.mark * INDEX_UNITS))
        self.index_candles.sample(now_us, round(self.index * INDEX_UNITS))
