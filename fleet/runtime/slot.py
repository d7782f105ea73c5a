"""One symbol's place in the running fleet: what survives its worker's restarts.

Owns: the symbol's configuration, mailbox, counters and supervisor, and how a worker for it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import anyio

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, VenueError
from exchange.model import Instrument, Order
from exchange.ports import Trading
from fleet.config.models import SymbolConfig
from fleet.orders.ids import ClientIds, Run, owners_ids
from fleet.orders.lifecycle import SURELY_NOT_PLACED_US, Phase, WorkingOrder, adopted
from fleet.orders.working import Counters
from fleet.risk.exposure import position_usd, worst
from fleet.risk.kept_out import KeptOut
from fleet.risk.officer import FleetRisk, SymbolRisk
from fleet.runtime.account import Account
from fleet.runtime.clearing import clear
from fleet.runtime.desk import Desk
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.mailbox import Answer, Mailbox, Told
from fleet.runtime.recorded_desk import RecordedDesk
from fleet.runtime.sender import Sender
from fleet.runtime.snapshot import Snapshot
from fleet.runtime.supervisor import Supervisor
from fleet.runtime.worker import Worker, fill_text
from fleet.scheduling.gate import Gate
from strategies.registry import make_strategy


class Slot:
    def __init__(
        self,
        run: Run,
        config: SymbolConfig,
        instrument: Instrument,
        account: Account,
        trading: Trading,
        gate: Gate,
        sender: Sender,
        clock: Clock,
        journal: Journal,
        risk: FleetRisk,
        kill: KillSwitch,
        may_quote: Callable[[], bool],
        before: Slot | None = None,
    ) -> None:
        """`may_quote`: whether the dead-man's switch lets orders stand. `before`: the place that the symbol had when it
        was in the fleet earlier."""
        self.config = config
        self.instrument = instrument
        self.mailbox = Mailbox()
        self.book = account.attach(config.symbol, self.mailbox)
        self.counters = before.counters if before else Counters()
        self.risk = before.risk if before else SymbolRisk(config.symbol, risk)
        self.closing = False
        self._closing_ids = before._closing_ids if before else owners_ids(run.fleet, config.symbol, clock.now_ms())
        self.desk: Desk | None = None
        self._earlier = before._earlier if before else None
        """The last worker's desk."""
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self._worker: Worker | None = None
        self._last_mark: Decimal | None = None
        self._kept_out = KeptOut()
        self._kill = kill
        self._run = run
        self._account = account
        self._trading = trading
        self._gate = gate
        self._sender = sender
        self._clock = clock
        self._journal = journal
        self._may_quote = may_quote
        self._ids = ClientIds(run, config.symbol)
        self.supervisor = Supervisor(config.symbol, self._make, self.clear, clock, journal)
        self.supervisor.restarts = before.supervisor.restarts if before else 0

    async def run(self) -> None:
        """Until cancelled by `scope`, or until the position is closed. Raises Banned and BadCredentials."""
        try:
            with self.scope:
                await self.supervisor.run()
        finally:
            self.ended.set()

    def reconfigure(self, config: SymbolConfig) -> None:
        self.config = config
        self.closing = False
        if self._worker is not None:
            self._worker.reconfigure(config, make_strategy(config.strategy, config.parameters))
        self.supervisor.release()

    def close(self) -> None:
        """Works the position off; `ended` is set when it is flat."""
        self.closing = True
        if self._worker is not None:
            self._worker.close_position()
        self.supervisor.release()

    def doubt(self) -> None:
        """The venue's position is another than the book's: the worker should look."""
        if self._worker is not None:
            self._worker.doubt()

    def next_id(self) -> str:
        """A client order id for an order that no worker places: none takes it for one of its own."""
        return next(self._closing_ids)

    def compare(self, snapshot: Snapshot) -> None:
        """Holds the venue's open orders and position against what is believed, and has the worker look into what
        differs. Not while no worker runs, or one does not know yet where it begins."""
        symbol = self.config.symbol
        if self.desk is None or self.supervisor.phase is not None or not self._account.has_begun(symbol):
            return
        orders = [order for order in snapshot.open_orders if order.symbol == symbol]
        if self.desk.working.differing(orders, snapshot.asked_us, self._clock.now_us()) or self.book.differs(
            snapshot.position(symbol)
        ):
            self.doubt()

    def tell_kept_out(self) -> None:
        """Where limits have let no quote stand for a while. Of a loss limit the owner was told at once."""
        desk, risk = self.desk, self.risk
        is_let = is_refused = False
        if desk is not None and not desk.pulled and self.supervisor.phase is None:
            is_let, is_refused = bool(desk.decision.quotes), bool(risk.words) and not risk.fleet.loss.limit
        if self._kept_out.see(is_refused=is_refused, is_let=is_let, now_us=self._clock.steady_us()):
            text = f"limits have kept it out of the market for a while: {risk.words}"
            self._journal.warning(text, self.config.symbol)

    def live_orders(self) -> list[WorkingOrder]:
        return self.desk.working.live() if self.desk else []

    @property
    def last_mark(self) -> Decimal | None:
        if self.mailbox.mark is not None:
            self._last_mark = self.mailbox.mark.mark
        return self._last_mark

    @property
    def unrealised_pnl(self) -> Decimal:
        """Of its position as it stands, at the last mark price heard; as the venue last told it until that is known,
        and when the symbol has left the fleet."""
        symbol, mark, told = self.config.symbol, self.last_mark, self._account.newest
        if mark is None or not self._account.has_begun(symbol) or symbol in self._account.elsewhere:
            return told.position(symbol).unrealised if told else Decimal(0)
        return self.book.unrealised_pnl(mark)

    @property
    def began_pnl(self) -> Decimal:
        """What of that is no result of this run: its position had made it before."""
        return self.book.began_pnl if self._account.has_begun(self.config.symbol) else self.unrealised_pnl

    async def clear(self) -> None:
        """Cancels the symbol's own orders until none is left, those that may still arrive included.

        Raises Banned and BadCredentials; the caller bounds the time.
        """
        await self._sender.quiet(self.config.symbol)
        until_us = self._clock.now_us() + SURELY_NOT_PLACED_US
        with self._told_if_broken():
            self._hear_last()
            unknown = [order for order in self.live_orders() if order.phase is Phase.UNKNOWN and order.order_id is None]
            until_us = max((order.changed_us + SURELY_NOT_PLACED_US for order in unknown), default=0)
        while True:
            await clear(self._run, self._trading, self._gate, self.config.symbol, tell=self._hear_cancelled)
            left_us = until_us - self._clock.now_us()
            if left_us <= 0:
                break
            await anyio.sleep(min(left_us / 1e6, 1.0))
        if self.desk is not None:
            self._forget_orders(self.desk)
        # Nobody plans new ones now: only the position needs margin. Not the desk's to say, it may be what broke.
        price = self.last_mark or self.book.entry_price
        held_usd = abs(self.book.position_lots) * self.instrument.step_size * price
        self.hold_risk()
        leverage = self.desk.leverage if self.desk else self.config.leverage
        self._account.capital.commit(self.config.symbol, held_usd / leverage)

    async def unprotect(self) -> None:
        """Takes the exchange's own protection away again, where the file has set one: what comes after us trades by its
        own rules. Raises Banned and BadCredentials."""
        if self.config.mmp is None:
            return
        try:
            await self._trading.delete_protection(self.config.symbol)
        except (Banned, BadCredentials):
            raise
        except VenueError as error:
            text = f"the exchange's market maker protection is left as the file has it: {error}"
            self._journal.warning(text, self.config.symbol)

    def hold_risk(self) -> None:
        """Tells the fleet's limits what the symbol may come to hold, where no plan does."""
        symbol, position = self.config.symbol, position_usd(self.book, self.last_mark)
        orders = (*self.risk.owed, *(self.desk.orders.values() if self.desk else ()))
        told = self._account.newest
        if told is not None and not self._account.has_begun(symbol):
            # What an earlier run left may have filled since, and may fill until it is cancelled.
            held = told.position(symbol)
            position = held.lots * self.instrument.step_size * held.entry_price
            orders = tuple(adopted(order, 0) for order in told.own_orders(self._run) if order.symbol == symbol)
        self.risk.fleet.hold(symbol, worst(self.instrument, position, orders))

    def _forget_orders(self, desk: Desk) -> None:
        with self._told_if_broken():
            # What became of an order is told by its update alone, where the cancel had no answer.
            self._hear_last()
        with self._told_if_broken():
            self.risk.owed += tuple(desk.orders.values())
            desk.working.note_cleared(self._clock.now_us())
        desk.working.orders = {}

    def _hear_last(self) -> None:
        """The worker is gone: what its last requests brought is only in its mailbox. Fills are counted already, but the
        owner was not told of them."""
        now_us = self._clock.now_us()
        for news in self.mailbox.take():
            if isinstance(news, Told) and news.fill is not None:
                self._journal.info(fill_text(news.fill, self.instrument), self.config.symbol)
            match news:
                case Told(order, fill) if self.desk is not None:
                    if fill is not None:
                        self.desk.on_fill(fill, now_us)
                    # What is not known is of another run, and cancelled like the others.
                    if order.client_id in self.desk.orders:
                        self.desk.on_order(order, now_us)
                case Answer(action, VenueError() as error) if self.desk is not None:
                    self.desk.failed(action, error, now_us)
                case Answer(action, Order() as order) if self.desk is not None:
                    self.desk.answered(action, order, now_us)
                case _:
                    pass

    def _hear_cancelled(self, order: Order) -> None:
        with self._told_if_broken():
            if self.desk is not None:
                self.desk.on_order(order, self._clock.now_us())

    @contextmanager
    def _told_if_broken(self) -> Generator[None]:
        """What broke the worker may break here too: orders are cancelled all the same."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 whatever broke it, and it is told
            self._journal.traceback(error, self.config.symbol)

    def _make(self) -> Worker:
        strategy = make_strategy(self.config.strategy, self.config.parameters)
        # Made of what each desk is: one that nobody keeps incidents for notes nothing.
        is_kept = self._journal.ledger.is_kept
        make = partial(RecordedDesk, self._journal.flights.of(self.config.symbol)) if is_kept else Desk
        desk = make(
            self.config,
            self.instrument,
            strategy,
            self.book,
            self._account.capital,
            self._ids,
            self.counters,
            self.risk,
            self._journal.ledger,
        )
        if self._earlier is not None:
            desk.working.take_over(self._earlier.working)
        self._earlier = desk
        desk.closing = self.closing
        self.desk = desk
        self._worker = Worker(
            self._run,
            desk,
            self.mailbox,
            self._account,
            self._trading,
            self._gate,
            self._sender,
            self._clock,
            self._journal,
            self._kill,
            self._may_quote,
        )
        return self._worker
