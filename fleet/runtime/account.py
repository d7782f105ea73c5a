"""The one account all workers trade on: its books, its collateral, and its news on the way to each worker.

Owns: the ledger's books, balances, and the snapshot that a resync starts from. Must not know: desks, quotes, the gate.
Fills are counted here, before anybody acts on them, so that a worker's crash cannot lose one.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from fleet.runtime.foreign import ForeignOrders
from fleet.runtime.mailbox import Mailbox, Told

FILLS_PAGE = 500

SNAPSHOT_WEIGHT = 50
"""Of open orders, positions and balances of the whole account (docs: 40, 5 and 5)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the venue said of the whole account. `asked_us`: what was done later may be missing in it."""

    asked_us: int
    open_orders: tuple[Order, ...]
    positions: dict[str, Position]
    """Flat ones too."""
    balances: tuple[Balance, ...]

    def position(self, symbol: str) -> Position:
        """One that the venue does not list is flat, as of asking."""
        return self.positions.get(symbol) or Position(symbol, 0, Decimal(0), exchange_ms=self.asked_us // 1000)

    def own_orders(self, run: Run) -> list[Order]:
        return [order for order in self.open_orders if run.owns(order.client_id)]


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
        self.funding = Decimal(0)
        self.line_up = anyio.Event()
        """Set while the user stream is open."""
        self.lines_opened = 0
        self.is_multi_assets = False
        self.known = False
        self.foreign = ForeignOrders()
        self.elsewhere: dict[str, Decimal] = {}
        """Unrealised PnL, as the venue last told it, of positions that no worker follows."""
        self.funding_told = 0
        """Events that told of funding."""
        self._ledger = ledger or NoLedger()
        self._markouts = markouts
        self._run = run
        self._trading = trading
        self._clock = clock
        self._instruments = instruments
        self._mailboxes: dict[str, Mailbox] = {}
        self._wallets: dict[str, Balance] = {}
        self._begun: dict[str, None] = {}
        self._snapshot: Snapshot | None = None
        self._asked = 0
        """How often the venue was asked for one."""
        self._asking = anyio.Lock()

    # --- routing

    def attach(self, symbol: str, mailbox: Mailbox) -> SymbolBook:
        """From now on the symbol's news goes to this mailbox. Its book is kept when a worker is started again."""
        self._mailboxes[symbol] = mailbox
        if symbol not in self.books:
            self.books[symbol] = SymbolBook(self._instruments[symbol])
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
            self.funding += sum(event.balance_changes.values(), Decimal(0))
        self._count_collateral()

    def _wake_all(self) -> None:
        for mailbox in self._mailboxes.values():
            mailbox.wake()

    def _record(self, fill: Fill, mailbox: Mailbox | None) -> None:
        """`mailbox`: where the market of now is, for a trade that has just been made."""
        ticker = mailbox.ticker if mailbox else None
        mark = mailbox.mark.mark if mailbox and mailbox.mark else None
        self._ledger.write(Traded(self._instruments[fill.symbol], fill, ticker, mark))
        if mailbox is not None and self._markouts is not None:
            self._markouts.traded(self._instruments[fill.symbol], fill, ticker, self._clock.now_us())

    # --- money

    @property
    def wallet(self) -> Decimal:
        """Collateral: all stable assets in multi-assets mode, else the margin asset's alone. Never available balances:
        in multi-assets mode each asset's counts the same collateral again."""
        assets = STABLE_ASSETS if self.is_multi_assets else self._margin_assets()
        return sum((balance.wallet for asset, balance in self._wallets.items() if asset in assets), Decimal(0))

    @property
    def realised_pnl(self) -> Decimal:
        return sum((book.realised_pnl for book in self.books.values()), Decimal(0))

    @property
    def fees(self) -> Decimal:
        return sum((book.fees for book in self.books.values()), Decimal(0))

    @property
    def other_fees(self) -> dict[str, Decimal]:
        totals: dict[str, Decimal] = {}
        for book in self.books.values():
            for asset, amount in book.other_fees.items():
                totals[asset] = totals.get(asset, Decimal(0)) + amount
        return totals

    def _margin_assets(self) -> set[str]:
        return {self._instruments[symbol].margin_asset for symbol in self.books} or {"USDT"}

    def _wallet(self, balance: Balance) -> None:
        known = self._wallets.get(balance.asset)
        if known is None or balance.exchange_ms >= known.exchange_ms:
            self._wallets[balance.asset] = balance

    def _count_collateral(self) -> None:
        self.capital.wallet = self.wallet

    # --- resync

    async def snapshot(self) -> Snapshot:
        """The account as it is now. Whoever asks while nobody has asked the venue yet shares one answer.

        Raises VenueError. SNAPSHOT_WEIGHT, however many workers resync at once.
        """
        asked_before = self._asked
        async with self._asking:
            # Counted, not timed: what was asked for in this very microsecond may have been before us.
            if self._snapshot is None or self._asked == asked_before:
                self._snapshot = await self._ask()
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
            self._wallet(balance)
        found = {position.symbol: position for position in positions}
        self._count_foreign(open_orders, found)
        others = [order for order in open_orders if not self._run.owns(order.client_id)]
        self.foreign.listed(others, asked_us)
        self._count_collateral()
        self.known = True
        return Snapshot(asked_us, tuple(open_orders), found, tuple(balances))

    def _count_foreign(self, orders: list[Order], positions: dict[str, Position]) -> None:
        """The margin that the owner's other orders and positions hold: seen, reserved, left alone."""
        margin = Decimal(0)
        others = [each for each in positions.values() if each.symbol not in self._mailboxes]
        self.elsewhere = {each.symbol: each.unrealised for each in others if each.lots}
        for position in others:
            if position.symbol in self._instruments:
                size = abs(position.lots) * self._instruments[position.symbol].step_size
                margin += size * position.entry_price / position.leverage
        for order in orders:
            instrument = self._instruments.get(order.symbol)
            if instrument is not None and not self._run.owns(order.client_id) and not order.reduce_only:
                margin += instrument.notional(order.price_ticks, order.lots - order.filled_lots)
        self.capital.foreign_margin = margin

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
            await self.missed_fills(symbol)
        if behind:
            await self.snapshot()

    def has_begun(self, symbol: str) -> bool:
        """Whether its position is known: what its book makes of the market is a result."""
        return symbol in self._begun

    async def begin(self, symbol: str) -> list[Order]:
        """A worker's first resync: the position it starts from. Nothing of ours may be open meanwhile: returns what is,
        and then nothing has begun.

        The first time of all, trades up to the newest are in that position already; later, those that came while no
        worker ran are counted. Raises VenueError. Asked again when a trade comes in between.
        """
        book = self.books[symbol]
        newest: list[Fill] = []
        while True:
            counted = book.fills
            # At the fleet's start all begin at once, later one by one.
            snapshot = await (self.look(symbol) if symbol in self._begun else self.snapshot())
            own = [each for each in snapshot.own_orders(self._run) if each.symbol == symbol]
            if own:
                return own
            if symbol in self._begun:
                await self.missed_fills(symbol)
            else:
                newest = await self._trading.fills(symbol, limit=1)
            if book.fills == counted:
                break
        position = snapshot.position(symbol)
        if symbol in self._begun:
            book.correct(position)
        else:
            newest_id = max((fill.trade_id for fill in newest), default=0)
            book.begin(position, newest_id, snapshot.asked_us // 1000)
            self._begun[symbol] = None
        return []
