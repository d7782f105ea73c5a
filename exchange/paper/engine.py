"""The exchange without its counters: symbols, accounts, orders, and time passing over them.

Owns: what happens when. Must not know: HTTP, signatures, rate limits, sockets. Time comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from exchange.model import Instrument
from exchange.paper.accounts import Account
from exchange.paper.answers import Refusal
from exchange.paper.config import PaperSettings
from exchange.paper.countdown import Countdowns
from exchange.paper.feeds import Feeds
from exchange.paper.force_orders import ForceOrders
from exchange.paper.funding import Funding
from exchange.paper.instruments import real_table
from exchange.paper.liquidation import Liquidations
from exchange.paper.listing import Listing
from exchange.paper.market import Market, Trade
from exchange.paper.orders import Orders
from exchange.paper.rule_changes import Filters, RuleBook
from exchange.paper.timetable import Timetable
from exchange.paper.user_stream import UserStreams
from exchange.protocol import codes

OpenMarket = Callable[[Instrument, int], Market]
"""Makes a symbol's market at a time (µs since the epoch)."""

_SECOND_US = 1_000_000


class Engine:
    def __init__(self, settings: PaperSettings, open_market: OpenMarket, now_us: int) -> None:
        self.settings = settings
        self.stated_limits = settings.limits
        """What exchangeInfo says; whoever enforces limits does it elsewhere."""
        self.now_us = now_us
        self.clock_skew_us = 0
        """How far the clock that clients are told of, and held to, is ahead of the true one."""
        self.listings: dict[str, Listing] = {}
        """The symbols whose markets run."""
        self.accounts: dict[str, Account] = {}
        """By address, in lower case."""
        named = {*settings.symbols, *settings.listed}
        self.table = settings.table or real_table()
        self.symbols = tuple(symbol for symbol in self.table.rows if symbol in named)
        self.rule_book = RuleBook(self.table)
        self.frozen: dict[str, None] = {}
        """Symbols whose markets are driven from outside and have lost their source: there nothing is known, so nothing
        trades, and no price is told."""
        self._timetable = Timetable()
        self.feeds = Feeds(self._timetable, self._find_listing, self.listings)
        self.hub = self.feeds.hub
        self.user_streams = UserStreams(self.hub, self._timetable, settings.seed, settings.listen_key_secret)
        self.orders = Orders(settings, self.user_streams)
        self.countdowns = Countdowns(self._timetable, self._cancel_all)
        self.force_orders = ForceOrders(self.hub)
        self.liquidations = Liquidations(self.listings, self.orders, self.force_orders, self.user_streams, self.acted)
        self._open_market = open_market
        unknown = named - set(self.symbols)
        if unknown:
            raise ValueError(f"no such symbols: {', '.join(sorted(unknown))}")
        for symbol in settings.symbols:
            self.listing(symbol)
        self._timetable.at((now_us // _SECOND_US + 1) * _SECOND_US, self._second)

    def next_us(self) -> int:
        """When something next happens by itself."""
        due_us = self._timetable.next_us()
        return self.now_us + _SECOND_US if due_us is None else due_us

    def advance(self, now_us: int) -> None:
        """Lets everything happen that is due by now; a clock that went back stands still."""
        self._timetable.run(now_us)
        self.now_us = max(self.now_us, now_us)

    @property
    def told_us(self) -> int:
        """The time as clients are told it."""
        return self.now_us + self.clock_skew_us

    def listing(self, symbol: str) -> Listing:
        """The symbol's, its market opened if it has not been. Raises Refusal when there is none to be had."""
        listing = self.listings.get(symbol)
        if listing is not None:
            return listing
        if symbol not in self.symbols:
            raise Refusal(codes.BAD_SYMBOL, "Invalid symbol.")
        try:
            symbol_rules = self.rule_book.rules(symbol)
        except ValueError:
            raise Refusal(codes.WRONG_MARKET_STATUS, "market status sent is not valid.") from None
        if not symbol_rules.instrument.is_trading:
            raise Refusal(codes.INVALID_OPENING_POSITION_STATUS, "Invalid symbol status for opening position")
        market = self._open_market(symbol_rules.instrument, self.now_us)
        funding = Funding(symbol, self.settings, self.now_us)
        opened = Listing(symbol_rules, market, funding, self.now_us, lambda trade: self._traded(opened, trade))
        self.listings[symbol] = opened
        self._schedule(opened)
        return opened

    def account(self, address: str) -> Account:
        """An account by its wallet's address; a new one is funded as the settings say."""
        key = address.lower()
        account = self.accounts.get(key)
        if account is None:
            own = self.settings.of(key)
            account = Account(key, own, own.balances, self.now_us // 1000)
            account.own_fees = self.settings.own_fees(key)
            self.accounts[key] = account
        return account

    def acted(self, listing: Listing) -> None:
        """To be called after an account's orders went into or out of a market."""
        self.orders.trigger_by_trades(listing, self.now_us)
        self.feeds.touched(listing, self.now_us)
        self._schedule(listing)

    def transfer(self, account: Account, asset: str, amount: Decimal, reason: str | None = None) -> None:
        """Moves money into an account, or (negative) out of it; `reason` is ACCOUNT_UPDATE's.

        ValueError when so much may not leave.
        """
        account.transfer(asset, amount, self.now_us // 1000)
        reason = reason or ("DEPOSIT" if amount > 0 else "WITHDRAW")
        self.user_streams.balance_changed(account, asset, reason, amount, self.now_us)

    def stirred(self, symbol: str, is_frozen: bool) -> None:
        """To be called when a market that is driven from outside has been given news, or has lost its source."""
        if is_frozen:
            self.frozen[symbol] = None
        else:
            self.frozen.pop(symbol, None)
        listing = self.listings.get(symbol)
        if listing is not None:
            self._schedule(listing)

    def change_rules(self, symbol: str, status: str | None, filters: Filters) -> None:
        """Another status or other filters. A symbol that stops trading loses its orders, one that is about to settle
        those that do not reduce a position; else they stay.

        Raises KeyError for an unknown symbol, ValueError for a change that cannot be.
        """
        if symbol not in self.symbols:
            raise KeyError(symbol)
        changed = self.rule_book.change(symbol, status, filters)
        listing = self.listings.get(symbol)
        if listing is None:
            return
        listing.change(changed)
        if not changed.instrument.is_trading:
            for account in self.accounts.values():
                orders = self.orders.open_orders(account, symbol)
                gone = [order for order in orders if not (listing.goes_on and order.only_reduces)]
                self.orders.cancel_all(gone, self.now_us)
        self.acted(listing)

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
        if listing.goes_on:
            listing.market.advance(now_us, listing.on_trade)
            self.orders.trigger_by_trades(listing, now_us)
            self.feeds.touched(listing, now_us)
        else:
            # It goes on unseen, so that it need not catch up when it trades again.
            listing.market.advance(now_us, _unseen)
        self._schedule(listing)

    def _traded(self, listing: Listing, trade: Trade) -> None:
        listing.traded(trade)
        self.feeds.traded(listing, trade)
        self.orders.traded(listing, trade)

    def _second(self, now_us: int) -> None:
        """Each full second: mark prices, funding, what accounts are worth by them, and lines that are too old."""
        self.now_us = max(self.now_us, now_us)
        for listing in self.listings.values():
            listing.tick(now_us)
        for account in self.accounts.values():
            for symbol, stake in account.stakes.items():
                account.revalue(stake, self.listings[symbol].mark)
        for listing in self.listings.values():
            if listing.funding.next_us <= now_us:
                self._fund(listing, now_us)
        for account in self.accounts.values():
            self.liquidations.check(account, now_us)
        self.force_orders.push(now_us)
        for listing in self.listings.values():
            if self.orders.trigger_by_mark(listing, now_us):
                self.acted(listing)
        told = [listing for listing in self.listings.values() if listing.symbol not in self.frozen]
        if told or not self.frozen:
            self.feeds.marks(told, now_us, now_us + self.clock_skew_us)
        self.hub.cut_old(now_us)
        self._timetable.at(now_us + _SECOND_US, self._second)

    def _cancel_all(self, account: Account, listing: Listing, now_us: int) -> None:
        self.now_us = max(self.now_us, now_us)
        self.orders.cancel_all(self.orders.open_orders(account, listing.symbol), now_us)
        self.acted(listing)

    def _fund(self, listing: Listing, now_us: int) -> None:
        """Longs pay shorts (or the other way round) on the position's notional at mark."""
        rate = listing.funding.settle(listing.mark, now_us)
        for account in self.accounts.values():
            stake = account.stakes.get(listing.symbol)
            for holding in stake.holdings.values() if stake else ():
                if holding.lots:
                    amount = account.fund(holding, rate, now_us // 1000)
                    self.user_streams.funded(account, holding, amount, now_us)


def _unseen(trade: Trade) -> None:
    pass
