"""The one account all workers trade on: its books, its collateral, and its news on the way to each worker.

Owns: the ledger's books, balances, and the snapshot that a resync starts from. Must not know: desks, quotes, the gate.
Fills are counted here, before anybody acts on them, so that a worker's crash cannot lose one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

import anyio

from exchange.clock import Clock
from exchange.model import (
    AccountEvent,
    AccountUpdate,
    Balance,
    Fill,
    Instrument,
    Order,
    OrderUpdate,
    Position,
    StreamDown,
    StreamUp,
)
from exchange.ports import Trading
from fleet.ledger.books import STABLE_ASSETS, SymbolBook
from fleet.ledger.entries import ListRead, NoLedger, Recorder, Traded
from fleet.ledger.markouts import Markouts
from fleet.orders.ids import Run
from fleet.runtime.capital import Capital
from fleet.runtime.foreign import ForeignOrders, NotOurs
from fleet.runtime.mailbox import Mailbox, Told
from fleet.runtime.snapshot import Begun, Snapshot, holds_all
from fleet.words import many

FILLS_PAGE = 500

MID_OF_US = 1_000_000
"""The market as it is so long after a trade, at most, stands for the market that the trade was made in."""

SNAPSHOT_WEIGHT = 50
"""Of open orders, positions and balances of the whole account (docs: 40, 5 and 5)."""

BALANCE_LATE_MS = 5000
"""So long after a balance changed its news has come, or will not any more."""


class Account:
    def __init__(
        self,
        run: Run,
        trading: Trading,
        clock: Clock,
        capital: Capital,
        instruments: dict[str, Instrument],
        ledger: Recorder | None = None,
        markouts: Markouts | None = None,
    ) -> None:
        self.capital = capital
        self.books: dict[str, SymbolBook] = {}
        self.funding_before = Decimal(0)
        """Of the positions in `books`, from before this run: for the loss limits. Counted by whoever reads the venue's
        list, as the funding since then is, in the books."""
        self.funded_ms = 0
        """The newest payment in those, or from when on they count."""
        self.line_up = anyio.Event()
        """Set while the user stream is open."""
        self.lines_opened = 0
        self.is_multi_assets = False
        self.known = False
        self.known_from_ms = 0
        """When it was first looked at: what it was then is what this run began with."""
        self.foreign = ForeignOrders()
        self.elsewhere: dict[str, Position] = {}
        """As the venue last told them, those that no worker follows."""
        self.balances_mended = 0
        self.on_mended: Callable[[str], None] = lambda text: None
        """Called with what a look at the account has found and mended that is no worker's."""
        self.funding_told = 0
        """Events that told of funding: not of which position, ours or another."""
        self._ledger = ledger or NoLedger()
        self._markouts = markouts
        self._run = run
        self._trading = trading
        self._clock = clock
        self._instruments = instruments
        self._mailboxes: dict[str, Mailbox] = {}
        self._wallets: dict[str, Balance] = {}
        self._begun: dict[str, None] = {}
        self._came_with: dict[str, Position] = {}
        """What each symbol held as it came into the fleet."""
        self._snapshot: Snapshot | None = None
        self._asked = 0
        self._answered = 0
        """The number of the last question that was answered."""
        self.on_missed: Callable[[], None] = lambda: None
        """Called when a look found what the line should have told of."""
        """How often the venue was asked for one."""
        self._asking = anyio.Lock()

    # --- routing

    def attach(self, symbol: str, mailbox: Mailbox) -> SymbolBook:
        """From now on the symbol's news goes to this mailbox. Its book is kept when a worker is started again."""
        self._mailboxes[symbol] = mailbox
        if symbol not in self.books:
            self.books[symbol] = SymbolBook(self._instruments[symbol])
            if self._snapshot is not None:
                self._came_with[symbol] = self._snapshot.position(symbol)
            if symbol not in self._ledger.symbols():
                # Before its first order: whoever comes after a crash must know where to look for trades.
                self._ledger.write(ListRead(symbol, 0, 0))
        return self.books[symbol]

    def detach(self, symbol: str) -> None:
        self._mailboxes.pop(symbol, None)

    def on_event(self, event: AccountEvent) -> None:
        match event:
            case OrderUpdate():
                self._on_order(event)
            case AccountUpdate():
                self._on_account(event)
            case StreamUp():
                self.lines_opened += 1
                self.line_up.set()
                self._wake_all()
            case StreamDown():
                if self.line_up.is_set():
                    # Never replaced while somebody waits for it.
                    self.line_up = anyio.Event()
                self._wake_all()

    def _on_order(self, event: OrderUpdate) -> None:
        symbol = event.order.symbol
        ours = self._run.owns(event.order.client_id)
        if not ours:
            self.foreign.heard(event.order, self._clock.now_us())
        book = self.books.get(symbol)
        is_new = event.fill is not None and book is not None and book.add(event.fill)
        mailbox = self._mailboxes.get(symbol)
        if event.fill is not None and book is not None:
            # Not only what is new to the book: its beginning is another than the ledger's.
            self._record(event.fill, mailbox)
        if mailbox is not None and (is_new or ours):
            mailbox.put(Told(event.order, event.fill if is_new else None))

    def _on_account(self, event: AccountUpdate) -> None:
        for balance in event.balances:
            self._wallet(balance)
        if event.reason == "FUNDING_FEE":
            self.funding_told += 1
        self._count_collateral()

    def _wake_all(self) -> None:
        for mailbox in self._mailboxes.values():
            mailbox.wake()

    def _record(self, fill: Fill, mailbox: Mailbox | None) -> None:
        """`mailbox`: where the market of now is, for a trade that the line told of."""
        now_us, instrument = self._clock.now_us(), self._instruments[fill.symbol]
        ticker = mailbox.ticker if mailbox else None
        mark = mailbox.mark.mark if mailbox and mailbox.mark else None
        # Told late, the market of now says nothing of the one it was made in.
        is_just_made = now_us - fill.exchange_ms * 1000 <= MID_OF_US
        self._ledger.write(Traded(instrument, fill, ticker, mark) if is_just_made else Traded(instrument, fill))
        if mailbox is not None and self._markouts is not None:
            self._markouts.traded(instrument, fill, ticker, now_us)

    # --- money

    @property
    def wallet(self) -> Decimal:
        """Collateral: all stable assets in multi-assets mode, else the margin asset's alone. Never available balances:
        in multi-assets mode each asset's counts the same collateral again."""
        return self.collateral(self.books)

    def collateral(self, symbols: Iterable[str]) -> Decimal:
        """As far as it may serve these: also before any of them is attached."""
        assets = STABLE_ASSETS if self.is_multi_assets else self._margin_assets(symbols)
        return sum((balance.wallet for asset, balance in self._wallets.items() if asset in assets), Decimal(0))

    @property
    def realised_pnl(self) -> Decimal:
        return sum((book.realised_pnl for book in self.books.values()), Decimal(0))

    @property
    def fees(self) -> Decimal:
        return sum((book.fees for book in self.books.values()), Decimal(0))

    @property
    def funding(self) -> Decimal:
        """Since this run began."""
        return sum((book.funding for book in self.books.values()), Decimal(0))

    @property
    def other_fees(self) -> dict[str, Decimal]:
        totals: dict[str, Decimal] = {}
        for book in self.books.values():
            for asset, amount in book.other_fees.items():
                totals[asset] = totals.get(asset, Decimal(0)) + amount
        return totals

    def _margin_assets(self, symbols: Iterable[str]) -> set[str]:
        known = (self._instruments.get(symbol) for symbol in symbols)
        return {instrument.margin_asset for instrument in known if instrument is not None} or {"USDT"}

    def _wallet(self, balance: Balance) -> None:
        known = self._wallets.get(balance.asset)
        if known is None or balance.exchange_ms >= known.exchange_ms:
            self._wallets[balance.asset] = balance

    def _mend(self, balance: Balance, asked_us: int) -> None:
        """As a look at the account tells it. One that changed so long ago that the line must have told of it, and has
        not, is a difference; of a younger one the news may be on its way."""
        known = self._wallets.get(balance.asset)
        self._wallet(balance)
        is_late = asked_us // 1000 - balance.exchange_ms > BALANCE_LATE_MS
        if known is None or known.wallet == balance.wallet or known.exchange_ms >= balance.exchange_ms or not is_late:
            return
        if self.lines_opened:
            self.balances_mended += 1
            self.on_mended(f"balance was not the exchange's: {known.wallet:f} {balance.asset} are {balance.wallet:f}")

    def _count_collateral(self) -> None:
        self.capital.wallet = self.wallet

    # --- resync

    @property
    def told(self) -> Snapshot | None:
        """The newest snapshot, as old as it may be; None while the account is not known."""
        return self._snapshot

    async def snapshot(self) -> Snapshot:
        """The account as it is now. Whoever asks while nobody has asked the venue yet shares one answer.

        Raises VenueError. SNAPSHOT_WEIGHT, however many workers resync at once.
        """
        asked_before = self._asked
        async with self._asking:
            # Counted, not timed: what was asked for in this very microsecond may have been before us.
            # And one that was not answered leaves nothing to share.
            if self._snapshot is None or self._answered <= asked_before:
                self._snapshot = await self._ask()
                self._answered = self._asked
            return self._snapshot

    @property
    def newest(self) -> Snapshot | None:
        """The last look at the whole account, however old."""
        return self._snapshot

    async def look(self, symbol: str) -> Snapshot:
        """The account as far as one symbol needs it. Raises VenueError. Weight 6: for one that resyncs by itself."""
        asked_us = self._clock.now_us()
        open_orders = await self._trading.open_orders(symbol)
        positions = await self._trading.positions()
        return Snapshot(asked_us, tuple(open_orders), {position.symbol: position for position in positions}, ())

    async def _ask(self) -> Snapshot:
        self._asked += 1
        asked_us = self._clock.now_us()
        open_orders = await self._trading.open_orders()
        positions = await self._trading.positions()
        balances = await self._trading.balances()
        for balance in balances:
            self._mend(balance, asked_us)
        found = {position.symbol: position for position in positions}
        self._count_foreign(open_orders, found)
        others = [order for order in open_orders if not self._run.owns(order.client_id)]
        self.foreign.listed(others, asked_us)
        self._count_collateral()
        if not self.known:
            self.known, self.known_from_ms = True, self._clock.now_ms()
        return Snapshot(asked_us, tuple(open_orders), found, tuple(balances))

    def _count_foreign(self, orders: list[Order], positions: dict[str, Position]) -> None:
        """The margin that the owner's other orders and positions hold: seen, reserved, left alone."""
        margin = Decimal(0)
        others = [each for each in positions.values() if each.symbol not in self._mailboxes]
        self.elsewhere = {each.symbol: each for each in others if each.lots}
        for position in others:
            if position.symbol in self._instruments:
                size = abs(position.lots) * self._instruments[position.symbol].step_size
                margin += size * position.entry_price / position.leverage
        for order in orders:
            instrument = self._instruments.get(order.symbol)
            if instrument is not None and not self._run.owns(order.client_id) and not order.reduce_only:
                margin += instrument.notional(order.price_ticks, order.lots - order.filled_lots)
        self.capital.foreign_margin = margin

    def not_ours(self) -> dict[str, NotOurs]:
        """What the account has beside the fleet's, in order of the symbols. A position that one left behind as it went
        is the fleet's."""
        positions = {symbol: each.lots for symbol, each in self.elsewhere.items() if symbol not in self.books}
        symbols = sorted({*positions, *self.foreign.symbols()})
        return {symbol: NotOurs(self.foreign.count(symbol), positions.get(symbol, 0)) for symbol in symbols}

    async def missed_fills(self, symbol: str) -> list[Fill]:
        """Reads the trade list on from where it was read to, and counts what was not counted before. Raises VenueError.

        Not from the newest trade known: the line may have told of that one after a gap.
        """
        book = self.books[symbol]
        missed: list[Fill] = []
        while True:
            after = book.read_to
            page = await self._trading.fills(symbol, from_id=after + 1, limit=FILLS_PAGE)
            missed += [fill for fill in page if book.add(fill)]
            book.list_read(max((fill.trade_id for fill in page), default=after))
            for fill in page:
                self._record(fill, None)
            self._ledger.write(ListRead(symbol, after, book.read_to))
            if len(page) < FILLS_PAGE:
                return missed

    async def catch_up(self) -> None:
        """Trades and balances, as the line may not have told of them yet. Raises VenueError.

        Only of symbols that had trades since the last one counted: a big fleet's lists would take more weight than
        there is.
        """
        snapshot = await self.snapshot()
        behind = [symbol for symbol in self._begun if self.books[symbol].has_missed(snapshot.position(symbol))]
        for symbol in behind:
            if missed := await self.missed_fills(symbol):
                trades = many(len(missed), "trade")
                self.on_mended(f"in the trade list: {trades} of {symbol} that the line had not told of")
        if behind:
            await self.snapshot()

    def has_begun(self, symbol: str) -> bool:
        """Whether its position is known: what its book makes of the market is a result."""
        return symbol in self._begun

    async def begin(self, symbol: str) -> Begun:
        """A worker's first resync: the position it starts from. To be called until it is done.

        The first time of all, trades up to the newest are in that position already; later, those that came while no
        worker ran are counted. Asked again when a trade comes in between. Raises VenueError.
        """
        if symbol in self._begun:
            return await self._begin_again(symbol)
        book = self.books[symbol]
        newest: list[Fill] | None = None
        while True:
            counted, before = book.fills, newest
            # At the fleet's start all begin at once, later one by one.
            snapshot = await (self.snapshot() if before is None else self.look(symbol))
            if own := self._own_orders(snapshot, symbol):
                return Begun(own)
            newest = await self._trading.fills(symbol, limit=2)
            # With no trade since the position was asked for it holds just those.
            is_whole = newest == before or holds_all(snapshot.position(symbol), newest)
            if is_whole and book.fills == counted:
                break
        newest_id = max((fill.trade_id for fill in newest), default=0)
        book.begin(self._as_it_came(snapshot.position(symbol)), newest_id, snapshot.asked_us // 1000)
        self._begun[symbol] = None
        return Begun(is_done=True)

    def _as_it_came(self, position: Position) -> Position:
        """With what it had made when it came into the fleet: what the market did until its worker could begin is the
        run's, as it is in equity. Not where it was traded meanwhile."""
        came = self._came_with.get(position.symbol)
        if came is None or (came.lots, came.entry_price) != (position.lots, position.entry_price):
            return position
        return replace(position, unrealised=came.unrealised)

    async def _begin_again(self, symbol: str) -> Begun:
        book = self.books[symbol]
        while True:
            counted = book.fills
            snapshot = await self.look(symbol)
            if own := self._own_orders(snapshot, symbol):
                return Begun(own)
            # Told at once, before the venue is asked again: it may not answer.
            if missed := await self.missed_fills(symbol):
                return Begun(missed=tuple(missed))
            if book.fills == counted:
                return Begun(is_corrected=book.correct(snapshot.position(symbol)), is_done=True)

    def _own_orders(self, snapshot: Snapshot, symbol: str) -> tuple[Order, ...]:
        return tuple(order for order in snapshot.own_orders(self._run) if order.symbol == symbol)
