"""What a running fleet tells its ledger beside orders and trades: the account's worth, markouts, pauses, its end.

Owns: when each is told, and that a ledger that breaks takes nothing along. Must not know: databases, who trades how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import anyio

from exchange.model import BookTicker, Position
from fleet.ledger.entries import Equity, Holding, NoLedger, Recorder, RunStopped
from fleet.ledger.markouts import Markouts
from fleet.orders.ids import Run
from fleet.runtime.account import Account
from fleet.runtime.capital import Capital
from fleet.runtime.completion import Completion
from fleet.runtime.foreign import ForeignNews
from fleet.runtime.journal import Journal
from fleet.runtime.venue import Venue

HOLDINGS_EVERY_S = 900.0
_MARK_DIGITS = Decimal("0.00000001")

FOREIGN_EVERY_S = 15.0
"""The owner is told of what is not the fleet's no more often, however much he trades beside it."""


class Bookkeeping:
    """Owns the account, whose trades it has written down as they come."""

    def __init__(self, run: Run, venue: Venue, capital: Capital, journal: Journal, ledger: Recorder | None) -> None:
        self.ledger = journal.ledger = ledger or NoLedger()
        self._markouts = Markouts() if self.ledger.is_kept else None
        instruments = venue.info.instruments
        self.account = Account(run, venue.trading, venue.clock, capital, instruments, self.ledger, self._markouts)
        self.completion = Completion(self.account, venue.trading, self.ledger, instruments, venue.clock, journal)
        self._venue = venue
        self._journal = journal
        self._is_paused = False
        self._holdings_due_s = 0.0
        self._held: dict[str, int] = {}
        """Lots, as they were last written down."""
        self._foreign = ForeignNews(instruments)
        self._foreign_due_s = 0.0
        self.account.on_mended = self._tell_mended

    async def run(self, symbols: Iterable[str]) -> None:
        """Until cancelled. What breaks here stays here: the fleet trades without it."""
        try:
            await self.completion.run(symbols)
        except Exception as error:  # noqa: BLE001 isolation, as above
            self._journal.incident("crash", f"completing the ledger broke: {type(error).__name__}; the fleet goes on")
            self._journal.traceback(error)

    def see(self, ticker: BookTicker) -> None:
        if self._markouts is not None:
            for marked in self._markouts.see(ticker, ticker.received_us):
                self.ledger.write(marked)

    def lose_market(self) -> None:
        if self._markouts is not None:
            self._markouts.lose_market()

    def look(self) -> None:
        """Once a second: what falls due by time alone, and what the owner should be told."""
        now_us, gate = self._venue.clock.now_us(), self._venue.gate
        if self._markouts is not None:
            for marked in self._markouts.pass_time(now_us):
                self.ledger.write(marked)
        self.completion.look()
        is_paused = gate.paused_until_us > now_us
        if is_paused and not self._is_paused:
            self._journal.incident("pause", f"the exchange asked for a pause: {gate.pause_reason}", level="WARNING")
        self._is_paused = is_paused
        self._tell_foreign()

    def _tell_foreign(self) -> None:
        if self.account.known and anyio.current_time() >= self._foreign_due_s:
            text = self._foreign.since_last(self.account.not_ours())
            if text:
                self._journal.info(text)
                self._foreign_due_s = anyio.current_time() + FOREIGN_EVERY_S

    def _tell_mended(self, text: str) -> None:
        self._journal.incident("difference", text, level="WARNING")

    def value(
        self,
        symbols: Iterable[str],
        unrealised: Decimal,
        mark: Callable[[str], Decimal | None],
        *,
        is_end: bool = False,
    ) -> None:
        """What the account is worth now; at the start, now and then, and at the end position by position, for a row
        each: those of `symbols`, and of what else is or was the fleet's."""
        snapshot = self.account.told
        if snapshot is None:
            return
        traded = [*symbols, *self.account.books]
        holdings: list[Holding] = []
        if is_end or anyio.current_time() >= self._holdings_due_s:
            self._holdings_due_s = anyio.current_time() + HOLDINGS_EVERY_S
            for position in map(snapshot.position, dict.fromkeys([*traded, *self.ledger.symbols()])):
                # That it is flat is written down once.
                if position.symbol in self._venue.info.instruments and (
                    position.lots or self._held.get(position.symbol) != 0
                ):
                    self._held[position.symbol] = position.lots
                    holdings.append(self._holding(position, mark(position.symbol)))
        wallet = self.account.collateral(traded)
        self.ledger.write(Equity(self._venue.clock.now_ms(), wallet, unrealised, tuple(holdings)))

    def _holding(self, position: Position, mark: Decimal | None) -> Holding:
        """As the venue told it, and not as the books have it: our own sums are not their own proof."""
        quantity = self._venue.info.instruments[position.symbol].quantity(position.lots)
        if mark is None and quantity:
            # Before the market was heard: where it stood by what the venue says that the position makes.
            mark = position.entry_price + (position.unrealised / quantity).quantize(_MARK_DIGITS)
        return Holding(position.symbol, quantity, position.entry_price, mark, position.exchange_ms)

    async def finish(self) -> None:
        """The last trades. Raises VenueError; the caller bounds the time."""
        await self.account.catch_up()
        if self.ledger.is_kept:
            await self.completion.finish()

    def close(self, *, is_clean: bool) -> None:
        self.ledger.write(RunStopped(self._venue.clock.now_ms(), is_clean))
