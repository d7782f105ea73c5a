"""One symbol as the venue holds it: its market, and what the venue remembers about it.

Owns: the mark price sampled each second, update ids, recent trades. Must not know: accounts, streams' names.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from exchange.paper.funding import Funding
from exchange.paper.instruments import Rules
from exchange.paper.market import Market, OnTrade, Trade

_KEPT_TRADES = 1000

Touch = tuple[tuple[int, int] | None, tuple[int, int] | None]
"""Best bid and best ask, each as (ticks, lots)."""


class Listing:
    __slots__ = (
        "due_us",
        "funding",
        "index",
        "instrument",
        "last_ticks",
        "mark",
        "market",
        "on_trade",
        "recent",
        "rules",
        "symbol",
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
        self.mark: Decimal = market.mark_price()
        self.index: Decimal = market.index_price()
        self.update_id = 1
        self.updated_us = now_us
        self.due_us: int | None = None
        """The market's next own event that is in the timetable."""
        self.recent: deque[Trade] = deque(maxlen=_KEPT_TRADES)
        self.last_ticks: int | None = None

    def tick(self) -> None:
        """To be called each second: the prices that are sampled."""
        self.mark = self.market.mark_price()
        self.index = self.market.index_price()
        self.funding.sample(self.mark, self.index)

    def touch(self) -> Touch:
        return self.market.best_bid(), self.market.best_ask()
