"""The exchange without its counters: symbols, accounts, orders, and time passing over them.

Owns: what happens when. Must not know: HTTP, signatures, rate limits, sockets. Time comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.model import Instrument
from exchange.paper.accounts import ZERO, Account
from exchange.paper.answers import Refusal
from exchange.paper.config import PaperSettings
from exchange.paper.countdown import Countdowns
from exchange.paper.feeds import Feeds
from exchange.paper.instruments import all_symbols, rules
from exchange.paper.listing import Listing
from exchange.paper.market import Market, Trade
from exchange.paper.orders import Orders
from exchange.paper.timetable import Timetable
from exchange.paper.user_stream import UserStreams
from exchange.protocol import codes

OpenMarket = Callable[[Instrument, int], Market]
"""Makes a symbol's market at a time (µs since the epoch)."""

_SECOND_US = 1_000_000


class Engine:
    def __init__(self, settings: PaperSettings, open_market: OpenMarket, now_us: int) -> None:
        self.settings = settings
        self.now_us = now_us
        self.listings: dict[str, Listing] = {}
        """The symbols whose markets run."""
        self.accounts: dict[str, Account] = {}
        """By address, in lower case."""
        named = {*settings.symbols, *settings.listed}
        self.symbols = tuple(symbol for symbol in all_symbols() if symbol in named)
        self._timetable = Timetable()
        self.feeds = Feeds(self._timetable, self._find_listing)
        self.hub = self.feeds.hub
        self.user_streams = UserStreams(self.hub, self._timetable, settings.seed)
        self.orders = Orders(settings, self.user_streams)
        self.countdowns = Countdowns(self._timetable, self._cancel_all)
        self._open_market = open_market
        self._funding_us = settings.funding_interval_s * _SECOND_US
        self.next_funding_us = (now_us // self._funding_us + 1) * self._funding_us
        unknown = named - set(self.symbols)
        if unknown:
            raise ValueError(f"no such symbols: {', '.join(sorted(unknown))}")
        for symbol in settings.symbols:
            self.listing(symbol)
        self._timetable.at((now_us // _SECOND_US + 1) * _SECOND_US, self._second)
        self._timetable.at(self.next_funding_us, self._fund)

    def next_us(self) -> int:
        """When something next happens by itself."""
        due_us = self._timetable.next_us()
        return self.now_us + _SECOND_US if due_us is None else due_us

    def advance(self, now_us: int) -> None:
        """Lets everything happen that is due by now; a clock that went back stands still."""
        self._timetable.run(now_us)
        self.now_us = max(self.now_us, now_us)

    def listing(self, symbol: str) -> Listing:
        """The symbol's, its market opened if it has not been. Raises Refusal when there is none to be had."""
        listing = self.listings.get(symbol)
        if listing is not None:
            return listing
        if symbol not in self.symbols:
            raise Refusal(codes.BAD_SYMBOL, "Invalid symbol.")
        try:
            symbol_rules = rules(symbol)
        except ValueError:
            raise Refusal(codes.WRONG_MARKET_STATUS, "market status sent is not valid.") from None
        if not symbol_rules.instrument.is_trading:
            raise Refusal(-4140, "Invalid symbol status for opening position")
        market = self._open_market(symbol_rules.instrument, self.now_us)
        opened = Listing(symbol_rules, market, self.now_us, lambda trade: self._traded(opened, trade))
        self.listings[symbol] = opened
        self._schedule(opened)
        return opened

    def account(self, address: str) -> Account:
        """An account by its wallet's address; a new one is funded with the settings' balances."""
        key = address.lower()
        account = self.accounts.get(key)
        if account is None:
            account = Account(key, self.settings, self.settings.balances, self.now_us // 1000)
            self.accounts[key] = account
        return account

    def acted(self, listing: Listing) -> None:
        """To be called after an account's orders went into or out of a market."""
        self.orders.trigger_by_trades(listing, self.now_us)
        self.feeds.touched(listing, self.now_us)
        self._schedule(listing)

    def _find_listing(self, symbol: str) -> Listing | None:
        try:
            return self.listing(symbol)
        except Refusal:
            return None

    def _schedule(self, listing: Listing) -> None:
        due_us = listing.market.next_us()
        if due_us is None or due_us == listing.due_us:
            return
        listing.due_us = due_us
        self._timetable.at(due_us, lambda at_us: self._run_market(listing, at_us))

    def _run_market(self, listing: Listing, now_us: int) -> None:
        if listing.due_us != now_us:
            return
        listing.due_us = None
        self.now_us = max(self.now_us, now_us)
        listing.market.advance(now_us, listing.on_trade)
        self.orders.trigger_by_trades(listing, now_us)
        self.feeds.touched(listing, now_us)
        self._schedule(listing)

    def _traded(self, listing: Listing, trade: Trade) -> None:
        listing.recent.append(trade)
        listing.last_ticks = trade.ticks
        self.feeds.traded(listing, trade)
        self.orders.traded(listing, trade)

    def _second(self, now_us: int) -> None:
        """Each full second: mark prices, what accounts are worth by them, and lines that are too old."""
        self.now_us = max(self.now_us, now_us)
        for listing in self.listings.values():
            listing.mark = listing.market.mark_price()
            listing.index = listing.market.index_price()
        for account in self.accounts.values():
            for symbol, stake in account.stakes.items():
                account.revalue(stake, self.listings[symbol].mark)
            if account.unrealised < ZERO and account.equity < account.maintenance:
                self._liquidate(account, now_us)
        for listing in self.listings.values():
            if self.orders.trigger_by_mark(listing, now_us):
                self.acted(listing)
        self.feeds.marks(self.listings.values(), self.settings.funding_rate, self.next_funding_us, now_us)
        self.hub.cut_old(now_us)
        self._timetable.at(now_us + _SECOND_US, self._second)

    def _cancel_all(self, account: Account, listing: Listing, now_us: int) -> None:
        self.now_us = max(self.now_us, now_us)
        self.orders.cancel_all(self.orders.open_orders(account, listing.symbol), now_us)
        self.acted(listing)

    def _liquidate(self, account: Account, now_us: int) -> None:
        self.orders.cancel_all(self.orders.all_open_orders(account), now_us)
        for holding in account.holdings:
            if holding.lots:
                listing = self.listings[holding.instrument.symbol]
                self.orders.liquidate(account, listing, holding, now_us)
                self.acted(listing)

    def _fund(self, now_us: int) -> None:
        """Longs pay shorts (or the other way round) on the position's notional at mark."""
        self.now_us = max(self.now_us, now_us)
        self.next_funding_us = now_us + self._funding_us
        for account in self.accounts.values():
            for holding in account.holdings:
                if holding.lots:
                    amount = account.fund(holding, self.settings.funding_rate, now_us)
                    self.user_streams.funded(account, holding, amount, now_us)
        self._timetable.at(self.next_funding_us, self._fund)
