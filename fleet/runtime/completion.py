"""Completes the ledger from the venue: what was traded while nobody listened, and what funding was paid.

Owns: when the trade lists are read on for the ledger's sake, which funding is the fleet's, and what is done when the
venue is not the one on record. Must not know: databases, desks. Workers read the same lists for their positions' sake;
where both read, the ledger keeps one of each trade.
"""

from __future__ import annotations

from collections.abc import Iterable

import anyio

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, Rejected, VenueError
from exchange.model import FundingPayment, Instrument
from exchange.ports import Trading
from fleet.ledger.books import SymbolBook
from fleet.ledger.entries import FundingRead, ListRead, Recorder, Traded
from fleet.runtime.account import Account
from fleet.runtime.journal import Journal
from fleet.words import many

PAGE = 1000
LOOK_EVERY_S = 10.0
PAUSE_S = 5.0
"""After a venue that did not answer."""

WRITTEN_S = 0.1

LISTED_MS = 6 * 24 * 3_600_000
"""The venue lists a trade this long by default (docs: seven days): one that is younger and is not there never was."""

FUNDING_EVERY_S = 3600.0
"""Funding is looked for so often though no event told of any."""

FUNDING_AGAIN_S = 60.0
"""And once more so long after one did: the list may lag behind the line."""

FUNDING_LATE_MS = 3_600_000
"""Payments may be listed so long after they were made: they are read twice rather than not at all."""


class Completion:
    def __init__(
        self,
        account: Account,
        trading: Trading,
        ledger: Recorder,
        instruments: dict[str, Instrument],
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._account = account
        self._trading = trading
        self._ledger = ledger
        self._instruments = instruments
        self._clock = clock
        self._journal = journal
        self._funding_told = -1
        """Events of funding up to the last reading."""
        self._funding_due_s = anyio.current_time() + FUNDING_EVERY_S
        self._paid_from_ms = account.funded_ms = clock.now_ms()
        """Of the payments since then, which began with the start..."""
        self._paid: set[str] = set()
        """...these are counted."""
        self._also: dict[str, None] = {}
        self._unread: dict[str, None] = {}
        """Symbols that were to be read from the start, and have not been yet."""
        self._lost = 0
        self._problem = ""

    def count_funding_from(self, from_ms: int) -> None:
        """Up to then an earlier process has counted it."""
        self._paid_from_ms = self._account.funded_ms = from_ms
        self._funding_due_s = 0.0

    async def check(self) -> None:
        """Before anything is heard of the account: is it the one on record? An exchange that was begun anew numbers its
        trades anew too, and none of them may be taken for one that is known. Raises VenueError."""
        known = {symbol: self._ledger.last_trade_ms(symbol) for symbol in self._ledger.symbols()}
        newest = max(((ms, symbol) for symbol, ms in known.items() if ms and symbol in self._instruments), default=None)
        if newest is None:
            return
        known_ms, symbol = newest
        trade_id = self._ledger.read_to(symbol)
        try:
            is_same = await self._is_same(symbol, trade_id, known_ms)
        except Rejected:
            return
        if not is_same:
            text = f"the exchange has no trade {trade_id} of {symbol} as it is on record: another account is begun"
            self._ledger.begin_account(self._clock.now_ms())
            self._journal.incident("ledger", text, level="WARNING")

    def expect(self, symbols: Iterable[str]) -> None:
        """Their lists, and those of what else is on record, are to be read once in any case: what was traded while no
        fleet ran is in no other news."""
        self._unread |= dict.fromkeys([*symbols, *self._ledger.symbols()])

    def also(self, symbol: str) -> None:
        """Orders of an earlier run were found in it, which may have died before the ledger knew of them."""
        self._also[symbol] = None

    async def run(self, symbols: Iterable[str]) -> None:
        """Until cancelled. At first all of `symbols`, and what else is on record; then whatever fell behind. Where no
        ledger is kept funding alone is read: what the fleet makes is not known without."""
        if self._ledger.is_kept:
            self.expect([*symbols, *self._also])
        await self._persist(list(self._unread))
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            if self._ledger.problem:
                # What cannot be written now need not be read; what funding makes counts all the same.
                await self._persist([])
            elif self._ledger.reread():
                self._funding_due_s = 0.0
                await self._persist(dict.fromkeys([*self._account.books, *self._also, *self._ledger.symbols()]))
            else:
                await self._persist(self._behind())

    async def finish(self) -> None:
        """The last trades, of which the line may not have told. Raises VenueError; the caller bounds the time."""
        for symbol in [symbol for symbol in self._unread if symbol in self._instruments]:
            # Not even what an earlier life missed: this one was short, or the venue out of reach.
            await self._read_on(symbol)
        for symbol, book in self._account.books.items():
            if book.unlisted or self._is_behind(symbol, book):
                await self._read_on(symbol)
        # Whether it was told of any or not: that event may have been lost, too.
        self._funding_due_s = 0.0
        await self._read_funding()

    def look(self) -> None:
        """Tells the owner whether anything can be written. Often called, and cheap."""
        problem, lost = self._ledger.problem, self._ledger.lost
        if bool(problem) != bool(self._problem):
            if problem:
                text = f"{problem}; trading goes on, and what is missing is filled in from the exchange later"
                self._journal.incident("ledger", text, level="WARNING")
            else:
                self._journal.incident("ledger", "the ledger is written again", level="INFO")
        self._problem = problem
        if lost > self._lost:
            text = f"{many(lost - self._lost, 'entry', 'entries')} found no room; trades and funding will be read again"
            self._journal.incident("ledger", text, level="WARNING")
        self._lost = lost
        for text in self._ledger.refused():
            self._journal.incident("ledger", text, level="WARNING")

    # --- inside

    def _behind(self) -> list[str]:
        if not self._ledger.is_kept:
            return []
        return [symbol for symbol, book in self._account.books.items() if self._is_behind(symbol, book)]

    def _is_behind(self, symbol: str, book: SymbolBook) -> bool:
        """A worker read on from further than the ledger is complete to: something may lie between."""
        return self._ledger.read_to(symbol) < book.read_to

    async def _persist(self, symbols: Iterable[str]) -> None:
        """Each of them, and funding where there is news of it, however long that takes."""
        waiting = [symbol for symbol in symbols if symbol in self._instruments]
        while True:
            try:
                while waiting:
                    try:
                        await self._read_on(waiting[0])
                    except Rejected as error:
                        # Asking again would not help, and the others wait.
                        text = f"its trade list cannot be read, the ledger may lack some: {error}"
                        self._journal.incident("ledger", text, waiting[0], "WARNING")
                    del waiting[0]
                await self._read_funding()
            except (Banned, BadCredentials):
                # The workers meet the same, and end the fleet.
                return
            except VenueError as error:
                self._journal.debug(f"the ledger waits for the exchange's lists: {error}")
                await anyio.sleep(PAUSE_S)
            else:
                return

    async def _read_on(self, symbol: str) -> None:
        after = self._ledger.read_to(symbol)
        while True:
            page = await self._trading.fills(symbol, from_id=after + 1, limit=PAGE)
            for fill in page:
                self._ledger.write(Traded(self._instruments[symbol], fill))
            to = max((fill.trade_id for fill in page), default=after)
            self._ledger.write(ListRead(symbol, after, to))
            after = to
            if len(page) < PAGE:
                self._unread.pop(symbol, None)
                return
            # The next page is not asked for before this one is on disk: a long list is longer than the queue.
            while self._ledger.waiting:  # noqa: ASYNC110 a thread writes, and cannot set an event of the loop's
                await anyio.sleep(WRITTEN_S)

    async def _is_same(self, symbol: str, trade_id: int, known_ms: int) -> bool:
        """Whether the exchange has this trade as it is on record. When in doubt: yes."""
        listed = await self._trading.fills(symbol, from_id=trade_id, limit=1)
        if listed and listed[0].trade_id == trade_id:
            return listed[0].exchange_ms == known_ms
        newest = await self._trading.fills(symbol, limit=1)
        if newest:
            return newest[0].trade_id >= trade_id and newest[0].exchange_ms >= known_ms
        return self._clock.now_ms() - known_ms > LISTED_MS

    async def _read_funding(self) -> None:
        told, from_ms, now_s = self._account.funding_told, self._ledger.funding_from_ms(), anyio.current_time()
        # At first there is none to be read, where nothing was ever traded.
        is_told = told != self._funding_told and (told > 0 or from_ms is not None)
        if not is_told and now_s < self._funding_due_s:
            return
        now_ms = self._clock.now_ms()
        earliest_ms = self._paid_from_ms if from_ms is None else min(from_ms, self._paid_from_ms)
        payments = await self._trading.funding_payments(earliest_ms)
        self._count(payments, now_ms)
        if from_ms is not None:
            # The account's other positions are its owner's: what they bring is no result of the fleet's.
            on_record = {*self._account.books, *self._ledger.symbols()}
            ours = [each for each in payments if each.symbol in on_record]
            self._ledger.write(FundingRead(ours, max(from_ms, now_ms - FUNDING_LATE_MS)))
        self._funding_told = told
        self._funding_due_s = now_s + (FUNDING_AGAIN_S if is_told else FUNDING_EVERY_S)

    def _count(self, payments: Iterable[FundingPayment], now_ms: int) -> None:
        paid = {each.payment_id: each for each in payments if each.exchange_ms >= self._paid_from_ms}
        new = [each for payment_id, each in paid.items() if payment_id not in self._paid]
        for each in new:
            book = self._account.books.get(each.symbol)
            if book is not None and each.exchange_ms >= self._account.known_from_ms:
                book.funding += each.amount
            elif book is not None:
                self._account.funding_before += each.amount
        self._account.funded_ms = max([self._account.funded_ms, *(each.exchange_ms for each in new)])
        self._paid_from_ms = max(self._paid_from_ms, now_ms - FUNDING_LATE_MS)
        self._paid = {payment_id for payment_id, each in paid.items() if each.exchange_ms >= self._paid_from_ms}
