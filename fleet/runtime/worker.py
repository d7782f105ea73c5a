"""One symbol's worker: hears what happened, lets the desk decide, asks for leave, sends.

Owns: the loop around a desk, and its resync with the venue. Must not know: other workers. Whatever it raises is the
supervisor's to handle; a request on its way is the sender's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, DuplicateClientId, NoOrderNow, OutcomeUnknown, Rejected
from exchange.model import Fill, Instrument, Order, Side
from exchange.ports import Trading
from fleet.config.models import SymbolConfig
from fleet.orders.batches import together
from fleet.orders.ids import Run
from fleet.orders.plan import Change
from fleet.runtime.account import Account, Snapshot
from fleet.runtime.clearing import clear
from fleet.runtime.desk import Desk
from fleet.runtime.downtime import made_by, traded_since
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.mailbox import Answer, Crash, Mailbox, News, Told
from fleet.runtime.protection import ExchangeProtection
from fleet.runtime.sender import Sender
from fleet.runtime.snapshot import Begun
from fleet.scheduling.gate import Gate
from fleet.words import many
from strategies.base import Strategy

T = TypeVar("T")

AT_ONCE_S = 0.05
"""While the venue is asked, what is due by time alone may be so late: what that waits for may be the answer."""


class Worker:
    def __init__(
        self,
        run: Run,
        desk: Desk,
        mailbox: Mailbox,
        account: Account,
        trading: Trading,
        gate: Gate,
        sender: Sender,
        clock: Clock,
        journal: Journal,
        kill: KillSwitch,
        may_quote: Callable[[], bool] = lambda: True,
    ) -> None:
        self.desk = desk
        self.symbol = desk.config.symbol
        self._run = run
        self._mailbox = mailbox
        self._account = account
        self._trading = trading
        self._gate = gate
        self._sender = sender
        self._clock = clock
        self._journal = journal
        self._kill = kill
        self._may_quote = may_quote
        self._protection = ExchangeProtection(self.symbol, trading, clock, journal)
        self._asked: set[tuple[str, str]] = set()
        self._lines_seen = 0
        """The account line that we are in step with, by its number."""
        self._untold: list[Fill] = []
        """Fills that the owner has not been told of."""
        self._new_config: tuple[SymbolConfig, Strategy[Any]] | None = None
        self._is_doubted = False

    def reconfigure(self, config: SymbolConfig, strategy: Strategy[Any]) -> None:
        """New parameters: they are taken up between two decisions."""
        self._new_config = (config, strategy)
        self.desk.closing = False
        self._mailbox.wake()

    def close_position(self) -> None:
        """From now on only work the position off; `run` returns when it is flat."""
        self.desk.close()
        self._mailbox.wake()

    def doubt(self) -> None:
        """The venue's position is another than the book's: to be resynced."""
        self._is_doubted = True
        self._mailbox.wake()

    async def run(self) -> None:
        """Trades until cancelled, or until closed. Raises VenueError, and whatever a fault of ours raises."""
        try:
            await self._begin()
            while not self.desk.is_closed:
                await self._step()
        finally:
            self._gate.withdraw_all(self._asked.__contains__)

    async def _begin(self) -> None:
        """Takes up where an earlier run left: its orders are cancelled first, so that no fill can fall between."""
        # All workers wait for the line, and take what they begin from of one answer: leverage comes after.
        await self._account.line_up.wait()
        line = self._account.lines_opened
        begun = Begun()
        while not begun.is_done:
            begun = await self._account.begin(self.symbol)
            self._tell_found(begun.missed, [], is_corrected=begun.is_corrected)
            self._count_fills(begun.missed)
            if begun.left_open:
                leftover = await clear(self._run, self._trading, self._gate, self.symbol)
                self._journal.info(f"cancelled {many(leftover, 'order')} left by an earlier run", self.symbol)
        self.desk.risk.owed = ()
        await self._take_up_before()
        await self._set_leverage(self.desk.config.leverage)
        if self.desk.config.mmp is not None:
            await self._protection.put(self.desk.config.mmp)
        self._lines_seen = line
        position = self.desk.book.position_lots
        if position:
            self._journal.info(f"takes up a position of {self.desk.instrument.quantity(position):f}", self.symbol)

    async def _take_up_before(self) -> None:
        """What was traded while no process of the fleet ran counts for the limits as what was traded since."""
        risk = self.desk.risk.fleet
        basis = risk.remembered(self.symbol)
        if basis is None:
            return
        found = await traded_since(basis, self.desk.book, self._trading)
        if found is None:
            risk.forget(self.symbol)
            text = "what it made while no fleet ran is not known: its trades do not add up to its position"
            self._journal.warning(text, self.symbol)
        else:
            risk.take_up(self.symbol, made_by(found))
            self._count_fills(found)

    def _count_fills(self, fills: Sequence[Fill]) -> None:
        """Of which no desk heard."""
        for fill in fills:
            self.desk.risk.fills.count(self.desk.config.max_fills, fill.exchange_ms * 1000)

    async def _step(self) -> None:
        self._absorb()
        if self._new_config is not None:
            await self._take_up()
        if self._account.line_up.is_set() and (
            self._is_doubted
            or self._lines_seen != self._account.lines_opened
            or self.desk.working.fills_are_late(self._clock.now_us())
        ):
            await self._resync()
            self._absorb()
        wake_us = self._act()
        if self.desk.is_closed:
            return
        if self._untold:
            await self._tell_fills()
        timeout_s = None if wake_us is None else max(wake_us - self._clock.now_us(), 0) / 1e6
        await self._mailbox.wait(timeout_s)

    async def _meanwhile(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Goes on hearing and acting until the venue was asked: leave to ask may be most of a minute away, and what is
        in the market must not stay there for that. Raises what `ask` raises."""
        answers: list[T] = []
        failure: Exception | None = None

        async def carry() -> None:
            nonlocal failure
            try:
                answers.append(await ask())
            except Exception as error:  # noqa: BLE001 raised below, where no task group wraps it
                failure = error
            self._mailbox.wake()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(carry)
            try:
                while not answers and failure is None:
                    self._absorb()
                    wake_us = self._act()
                    timeout_s = None if wake_us is None else max((wake_us - self._clock.now_us()) / 1e6, AT_ONCE_S)
                    await self._mailbox.wait(timeout_s)
            except Exception as error:  # noqa: BLE001 raised below, where no task group wraps it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return answers[0]

    def _absorb(self) -> None:
        now_us = self._clock.now_us()
        for item in self._mailbox.take():
            self._hear(item, now_us)
        self.desk.see_market(self._mailbox.ticker, self._mailbox.mark, up=self._mailbox.market_up)

    def _hear(self, news: News, now_us: int) -> None:
        match news:
            case Told(order, fill):
                if fill is not None:
                    self._untold.append(fill)
                    self.desk.on_fill(fill, now_us)
                if self.desk.on_order(order, now_us):
                    text = f"the line told of an order of the fleet that was not known: {order.client_id} is taken up"
                    self._journal.incident("difference", text, self.symbol, "WARNING")
            case Answer():
                self._hear_answer(news, now_us)
            case Crash(error):
                raise error

    def _hear_answer(self, answer: Answer, now_us: int) -> None:
        action, result = answer.action, answer.result
        if isinstance(result, Order):
            self.desk.answered(action, result, now_us)
            return
        self.desk.failed(action, result, now_us)
        if isinstance(result, BadCredentials | Banned):
            raise result
        if isinstance(result, DuplicateClientId):
            # A copy of this process, say, has used the id. Which of the two goes on is for their next orders to show.
            self._run.begin_anew(self._clock.now_ms())
            text = f"another fleet of the name {self._run.fleet} has used an id of ours: {action.client_id}"
            self._journal.warning(text, self.symbol)
        if isinstance(result, NoOrderNow) and self.desk.config.mmp is not None:
            self._protection.took_no_order(self.desk.config.mmp, is_held=bool(self.desk.book.position_lots))
        what = type(action).__name__.lower()
        if isinstance(result, OutcomeUnknown):
            text = f"what became of the {what} of {action.client_id} is unknown: {result}"
            self._journal.incident("unknown outcome", text, self.symbol, "DEBUG")
        else:
            self._journal.debug(f"{what} refused: {result}", self.symbol)

    def _act(self) -> int | None:
        now_us = self._clock.now_us()
        self.desk.account_up = self._account.line_up.is_set() and self._lines_seen == self._account.lines_opened
        self.desk.guarded = self._may_quote()
        self.desk.risk.killed = self._kill.why(self.symbol)
        plan = self.desk.plan(now_us)
        requests = together(plan.changes)
        wanted = {first.key for first, *_ in requests}
        for key in self._asked - wanted:
            self._gate.withdraw(key)
        self._asked &= wanted
        for changes in requests:
            self._send(changes, now_us)
        return plan.wake_us

    def _send(self, changes: tuple[Change, ...], now_us: int) -> None:
        """One request. What several of them cost together is what one costs, and the first one's place is theirs."""
        first = changes[0]
        ticket = self._gate.ask(first.key, first.request_class, first.cost, self._mailbox.wake, first.stake)
        if ticket is None:
            self._asked.add(first.key)
            return
        self._asked.discard(first.key)
        self.desk.working.counters.requests += 1
        self._sender.send(tuple(self.desk.sending(change, now_us) for change in changes), ticket, self._mailbox)

    async def _take_up(self) -> None:
        assert self._new_config is not None
        config, strategy = self._new_config
        self._new_config = None
        before = self.desk.config

        async def tell() -> None:
            if config.leverage != before.leverage:
                await self._set_leverage(config.leverage)
            if config.mmp != before.mmp:
                await self._protection.put(config.mmp)

        if (config.leverage, config.mmp) != (before.leverage, before.mmp):
            await self._meanwhile(tell)
        self.desk.reconfigure(config, strategy)

    async def _set_leverage(self, leverage: int) -> None:
        """Where the venue refuses it (its bracket, margin), the symbol trades on with what it has."""
        try:
            self.desk.leverage = await self._trading.set_leverage(self.symbol, leverage)
        except Rejected as error:
            snapshot = await self._account.snapshot()
            self.desk.leverage = snapshot.position(self.symbol).leverage
            self._journal.warning(f"leverage stays {self.desk.leverage}: {leverage} was refused: {error}", self.symbol)

    async def _resync(self) -> None:
        """After a gap in the account's news: orders, trades and position as the venue has them."""
        line, fills, self._is_doubted = self._account.lines_opened, self.desk.book.fills, False
        is_everybodys = line != self._lines_seen

        async def ask() -> tuple[Snapshot, dict[str, int], list[Fill]]:
            snapshot = await (self._account.snapshot() if is_everybodys else self._account.look(self.symbol))
            return snapshot, self.desk.working.filled, await self._account.missed_fills(self.symbol)

        snapshot, filled, missed = await self._meanwhile(ask)
        # What the line brought meanwhile is counted already; the desk must have heard of it before it is compared.
        self._absorb()
        now_us = self._clock.now_us()
        for fill in missed:
            self.desk.on_fill(fill, now_us)
        orders = [order for order in snapshot.open_orders if order.symbol == self.symbol]
        differing = self.desk.reconcile(orders, snapshot.asked_us, now_us, filled)
        is_corrected = self.desk.book.fills == fills and self.desk.book.correct(snapshot.position(self.symbol))
        self._tell_found(missed, differing, is_corrected=is_corrected)
        self._lines_seen = line

    def _tell_found(self, missed: Sequence[Fill], orders: Sequence[str], *, is_corrected: bool) -> None:
        """What a look at the exchange has mended; its orders the desk has counted."""
        self.desk.working.counters.differences += len(missed) + is_corrected
        if missed or orders or is_corrected:
            self._account.on_missed()
        self._untold += missed
        if missed:
            text = f"in the trade list: {many(len(missed), 'trade')} that the line had not told of"
            self._journal.incident("missed trades", text, self.symbol, "DEBUG")
        if missed or orders:
            self._journal.info(_found(len(missed), orders), self.symbol)
        if is_corrected:
            position = self.desk.instrument.quantity(self.desk.book.position_lots)
            text = f"position was not the exchange's: corrected to {position:f}"
            self._journal.incident("difference", text, self.symbol, "WARNING")

    async def _tell_fills(self) -> None:
        """Tells the owner once the orders that the fills call for are out: a log line takes as long as an order."""
        try:
            # The sender's tasks write in the loop's first turn, and by the second the sockets have it.
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
        finally:
            for fill in self._untold:
                self._journal.info(fill_text(fill, self.desk.instrument), self.symbol)
            self._untold.clear()


def _found(trades: int, orders: Sequence[str]) -> str:
    """What a resync has mended."""
    found = [many(trades, "trade")] * bool(trades) + [f"orders {', '.join(orders)}"] * bool(orders)
    return f"reconciled with the exchange, which had told nothing of {' and '.join(found)}"


def fill_text(fill: Fill, instrument: Instrument) -> str:
    verb = "bought" if fill.side is Side.BUY else "sold"
    quantity, price = instrument.quantity_text(fill.lots), instrument.price_text(fill.price_ticks)
    pnl = f", realised {fill.realised_pnl:+.4f}" if fill.realised_pnl else ""
    return f"{verb} {quantity} at {price}{pnl}"
