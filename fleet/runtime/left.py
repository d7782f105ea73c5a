"""What the fleet has left behind: symbols that it traded and that are not in it, by an edit while it ran or before.

Owns: their books, what they count for the fleet's limits, and how they are closed. Must not know: workers, when a limit
is hit. A position is the fleet's where a worker of this process followed it, or where an earlier one wrote down that it
held one: what the owner has in other symbols is not touched, nor in one that was flat when the process began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from functools import partial

import anyio

from exchange.bell import Bell
from exchange.errors import VenueError
from exchange.model import Position
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import Run, owners_ids
from fleet.risk.officer import FleetRisk
from fleet.runtime.account import Account
from fleet.runtime.clearing import clear
from fleet.runtime.downtime import is_as_left, take_up
from fleet.runtime.flatten import SLIPPAGE, Closed, Holding, close_all
from fleet.runtime.journal import Journal
from fleet.runtime.slot import Slot
from fleet.runtime.snapshot import Begun, Snapshot
from fleet.runtime.venue import Venue

AGAIN_S = 2.0
"""After a venue that did not answer."""

Asked = Mapping[str, int]
"""Symbols that were left when the venue was asked, and how often each had been by then."""


class LeftBehind:
    """`slots`: those of the symbols that are in the fleet. `look`: has the whole account looked at."""

    def __init__(
        self,
        run: Run,
        venue: Venue,
        account: Account,
        risk: FleetRisk,
        slots: Mapping[str, Slot],
        journal: Journal,
        look: Callable[[], None],
    ) -> None:
        self.retired: dict[str, Slot] = {}
        """Removed from the file; kept for what they made."""
        self._run = run
        self._venue = venue
        self._account = account
        self._risk = risk
        self._slots = slots
        self._journal = journal
        self._look = look
        self._news = Bell()
        self._times: Counter[str] = Counter()
        """How often each has been left, or traded by nobody."""
        self._doubted: dict[str, None] = {}
        """Their books are not as the venue last told them."""
        self._taking = ""
        self._scope = anyio.CancelScope()

    def symbols(self) -> list[str]:
        """What may hold a position of the fleet's and is not in it."""
        known = self._venue.info.instruments
        return [each for each in {**self.retired, **self._risk.left} if each not in self._slots and each in known]

    def asked(self, coming: Collection[str] = ()) -> Asked:
        """To be kept while the venue is asked, and handed on with its answer: a symbol that leaves meanwhile may have
        been traded after it. `coming`: these are about to be in the fleet."""
        return {symbol: self._times[symbol] for symbol in self.symbols() if symbol not in coming}

    def add(self, slot: Slot) -> None:
        """It has left."""
        self.retired[slot.config.symbol] = slot
        self.expect(slot.config.symbol)

    def expect(self, symbol: str) -> None:
        """An order of the fleet's may have traded there and no worker minds it: what it may hold by the last word of it
        counts until the venue was asked."""
        self._times[symbol] += 1
        self._risk.leave(symbol)
        self._look()

    def give_back(self, symbol: str) -> Slot | None:
        """It comes (again): its worker takes up what is there. Returns the place it had, if it had one."""
        if self._taking == symbol:
            self._scope.cancel()
        self._doubted.pop(symbol, None)
        return self.retired.pop(symbol, None)

    def hold(self, snapshot: Snapshot, asked: Asked) -> None:
        """Positions count for the fleet's limits as long as they are there."""
        for symbol, times in asked.items():
            if symbol in self._slots or self._times[symbol] != times:
                continue
            position = snapshot.position(symbol)
            self._risk.hold_left(symbol, self._worth(position))
            basis = self._risk.remembered(symbol)
            if position.lots or (basis is not None and basis.lots):
                # Before funding is read for the first time.
                self._account.keep(symbol)
            if self._account.has_begun(symbol) and self._account.books[symbol].differs(position):
                self._doubted[symbol] = None
        self._news.ring()

    def _worth(self, position: Position) -> Decimal:
        """As docs/decisions/0015 has it: what it was opened for or what it is worth, whichever is more."""
        cost = self._venue.info.instruments[position.symbol].quantity(position.lots) * position.entry_price
        return max(abs(cost), abs(cost + position.unrealised))

    # --- what they make

    async def run(self) -> None:
        """Until cancelled: takes up what an earlier process has left, and mends what the line did not tell."""
        while True:
            await self._account.line_up.wait()
            failed = [symbol for symbol in self._due() if not await self._take_up(symbol)]
            await self._news.wait(AGAIN_S if failed else None)
            self._news.hush()

    def results(self) -> list[tuple[str, SymbolBook, Decimal]]:
        """Each symbol's book, and what its position makes."""
        return [
            (symbol, book, self.retired[symbol].unrealised_pnl if symbol in self.retired else self._made(symbol))
            for symbol, book in self._account.books.items()
            if symbol not in self._slots
        ]

    @property
    def unrealised_pnl(self) -> Decimal:
        """Of positions that an earlier process left: no place in this one has them."""
        return sum(map(self._made, self._of_earlier()), Decimal(0))

    @property
    def began_pnl(self) -> Decimal:
        """What of that was made before this run."""
        books, account = self._account.books, self._account
        began = (books[each].began_pnl if account.has_begun(each) else self._made(each) for each in self._of_earlier())
        return sum(began, Decimal(0))

    def _of_earlier(self) -> list[str]:
        return [each for each in self._account.books if each not in self._slots and each not in self.retired]

    def _made(self, symbol: str) -> Decimal:
        return self._account.unrealised(symbol, None)

    def _due(self) -> list[str]:
        """A flat one too, where an earlier process counted its result: it may have been closed since."""
        account = self._account
        unbegun = [each for each in self.symbols() if each in account.elsewhere and not account.has_begun(each)]
        due = dict.fromkeys([*self._risk.untaken(), *unbegun, *self._doubted])
        return [symbol for symbol in due if symbol not in self._slots]

    async def _take_up(self, symbol: str) -> bool:
        """Returns whether it is done, or the symbol has come back meanwhile."""
        if symbol in self._slots:
            return True
        if symbol not in self._venue.info.instruments:
            self._risk.forget(symbol)
            return True
        self._taking = symbol
        with anyio.CancelScope() as self._scope:
            try:
                await self._begin(symbol)
            except VenueError as error:
                self._journal.debug(f"what was left is not known yet: {error}", symbol)
                return False
            finally:
                self._taking = ""
        return True

    async def _begin(self, symbol: str) -> None:
        basis, is_new = self._risk.remembered(symbol), not self._account.has_begun(symbol)
        if basis is not None and is_new and await is_as_left(basis, symbol, self._venue.trading):
            self._risk.forget(symbol)
            return
        book = self._account.keep(symbol)
        begun = Begun()
        while not begun.is_done:
            begun = await self._account.begin(symbol)
            if begun.left_open:
                await clear(self._run, self._venue.trading, self._venue.gate, symbol)
        self._doubted.pop(symbol, None)
        await take_up(self._risk, book, self._venue.trading, self._journal)
        if is_new and book.position_lots:
            held = book.instrument.quantity(book.position_lots)
            self._journal.warning(f"is not in the fleet, and holds a position of {held:f} that it has left", symbol)

    # --- closing

    def held(self) -> list[str]:
        """Where a position is: as the venue told it last, or by its book."""
        told, books = self._account.elsewhere, self._account.books
        return [each for each in self.symbols() if each in told or (each in books and books[each].position_lots)]

    async def close(self, slots: Iterable[Slot], symbols: Iterable[str], slippage: Decimal = SLIPPAGE) -> list[Closed]:
        """The positions of these: in the fleet and left."""
        now_ms, known = self._venue.clock.now_ms(), self._venue.info.instruments
        holdings = [Holding(known[each], partial(next, owners_ids(self._run.fleet, each, now_ms))) for each in symbols]
        try:
            return await close_all(self._venue, slots, slippage, holdings)
        finally:
            if holdings:
                self._look()
