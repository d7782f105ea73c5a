"""The running fleet: makes what runs match what the fleet file asks for, and leaves nothing behind when it stops.

Owns: the task group of all workers, reload and drain. Must not know: how a worker decides, which venue it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

from exchange.bell import Bell
from exchange.errors import BadCredentials, Banned, VenueError
from exchange.model import (
    AccountEvent,
    OrderUpdate,
    StreamDown,
    StreamUp,
)
from fleet.config.diff import diff
from fleet.config.models import FleetConfig
from fleet.ledger.entries import Recorder
from fleet.orders.ids import Run
from fleet.risk.loss import LossWatch
from fleet.risk.officer import FleetRisk
from fleet.runtime.account import SNAPSHOT_WEIGHT
from fleet.runtime.bookkeeping import Bookkeeping
from fleet.runtime.capital import Capital
from fleet.runtime.dead_man import DeadMan
from fleet.runtime.drain import Drain
from fleet.runtime.errors import FleetError
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import LOOK_EVERY_S, KillSwitch
from fleet.runtime.left import LeftBehind
from fleet.runtime.lines import Line
from fleet.runtime.losses import Losses
from fleet.runtime.market_feed import MarketFeed
from fleet.runtime.memory import MemoryFile
from fleet.runtime.roster import Roster
from fleet.runtime.sender import Sender
from fleet.runtime.slot import Slot
from fleet.runtime.start import Start
from fleet.runtime.strays import Strays
from fleet.runtime.venue import Venue
from fleet.scheduling.policies import policy_of

UNLISTED_MOST = 200
"""Trades of a symbol that are counted and were not read in the trade list yet."""

HOUSEKEEPING_S = 1.0
RECONCILE_SHARE = 0.05
"""The part of the request weight that looking at the whole account again and again may take."""

RECONCILE_EVERY_S = 15.0
"""Not more often, however much weight there is."""

FIRST_LOOK_S = 2.0
"""But for the first time: an order that an earlier run placed just before it died may be in no list at the start, and
is in all of them by then."""


T = TypeVar("T")


class Fleet:
    def __init__(
        self,
        config: FleetConfig,
        venue: Venue,
        journal: Journal,
        ledger: Recorder | None = None,
        kill: KillSwitch | None = None,
        memory: MemoryFile | None = None,
        chance: Random | None = None,
    ) -> None:
        """Without `kill` and `memory` what they hold lasts as long as the process. `chance`: for the run's name."""
        self.config = config
        self.venue = venue
        self.journal = journal
        self.capital = Capital()
        self.run_id = Run.beginning(config.fleet, venue.clock.now_ms(), chance)
        self.books = Bookkeeping(self.run_id, venue, self.capital, journal, ledger)
        self.account = self.books.account
        self.account.on_missed = venue.account_stream.doubt
        self.kill = kill or KillSwitch()
        remembered = memory.read() if memory else None
        self.risk = FleetRisk(config.risk, LossWatch(venue.clock.now_ms(), remembered), remembered)
        if remembered is not None and remembered.funded_ms:
            self.books.completion.count_funding_from(remembered.funding_from_ms(venue.clock.now_ms()))
        self.dead_man = DeadMan(
            config,
            venue.trading,
            venue.gate,
            venue.info.limits,
            venue.clock,
            journal,
            self.account.foreign,
            self._fail,
        )
        self.slots: dict[str, Slot] = {}
        self._look_due = Bell()
        self.left = LeftBehind(self.run_id, venue, self.account, self.risk, self.slots, journal, self._look_due.ring)
        self.retired = self.left.retired
        self.feed = MarketFeed(venue, journal, self.books, self.slots, lambda: self.stopping)
        self.account_line = Line("account")
        self._keep_to_budget()
        self.started_ms = venue.clock.now_ms()
        self.created_s = anyio.current_time()
        self.config_version = 1
        self.reloads_applied = 0
        self.reloads_refused = 0
        self.last_reload_error: str | None = None
        self.stopping = False
        self.failure: FleetError | None = None
        self.loop_lag_ms = 0.0
        self.stalls = 0
        """Counted by whoever watches the loop."""
        self.sender: Sender | None = None
        self._stop = anyio.Event()
        self.roster = Roster(
            self.run_id,
            venue,
            self.account,
            self.risk,
            self.kill,
            self.dead_man,
            self.feed,
            self.slots,
            self.left,
            journal,
            self._fail,
        )
        self._losses = Losses(self.risk, self.account, self.left, venue, journal, memory)
        self.strays = Strays(self.run_id, venue, self.books, self.left, journal, self.roster, self._fail)
        self._start_up = Start(self.run_id, venue, self.books, self.dead_man, journal, self._stop)
        self.drain = Drain(
            self.run_id, venue, self.books, self.dead_man, self._start_up, self.roster, self.strays, journal
        )
        self._workers: TaskGroup | None = None

    @property
    def reconcile_every_s(self) -> float:
        """Between two looks at the whole account, within RECONCILE_SHARE of the weight that the fleet may use."""
        limits = [limit for limit in self.venue.info.limits if limit.kind == "REQUEST_WEIGHT"]
        weights_per_s = [limit.limit / limit.interval_s * float(self.config.budget.safety) for limit in limits]
        return max([RECONCILE_EVERY_S, *(SNAPSHOT_WEIGHT / (RECONCILE_SHARE * each) for each in weights_per_s)])

    # --- running

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Until `stop`. Own orders are then cancelled and confirmed gone. Raises FleetError when it cannot go on."""
        if self.books.ledger.is_kept:
            self.books.completion.expect(self.config.symbols)
        for symbol in self.left.asked(coming=self.config.symbols):
            # A run that was killed may have left its countdown running there, for its owner's orders to fall to.
            self.dead_man.suspect(symbol)
        snapshot = await self._start_up.run()
        if snapshot is not None:
            self._value()
            self.left.hold(snapshot, self.left.asked(coming=self.config.symbols))
        if self._stop.is_set():
            # Before anything was sent. What an earlier run left is ours all the same.
            with anyio.CancelScope(shield=True):
                await self._drain()
            return
        async with anyio.create_task_group() as lines:
            self.sender = Sender(self.venue.trading, lines)
            lines.start_soon(self._hold, self.venue.market_stream.run, self.feed.on_event)
            lines.start_soon(self._hold, self.venue.account_stream.run, self._on_account)
            lines.start_soon(self._housekeeping)
            lines.start_soon(self._watch_account)
            lines.start_soon(self.left.run)
            lines.start_soon(self._watch_ban)
            lines.start_soon(self.books.run, self.config.symbols)
            lines.start_soon(self._watch_kills)
            lines.start_soon(self.dead_man.run)
            lines.start_soon(self.strays.run)
            async with anyio.create_task_group() as workers:
                self._workers = workers
                self.feed.tasks = workers
                try:
                    self.roster.begin(self.config.symbols, self.sender, workers)
                    await self._stop.wait()
                finally:
                    # However it ends: a fault of ours in a line must not leave orders behind either.
                    with anyio.CancelScope(shield=True):
                        await self._drain()
                    workers.cancel_scope.cancel()
            lines.cancel_scope.cancel()
        if self.failure is not None:
            raise self.failure

    async def _hold(self, run: Callable[[Callable[[T], None]], Awaitable[None]], sink: Callable[[T], None]) -> None:
        try:
            await run(sink)
        except (Banned, BadCredentials) as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        if self.failure is None:
            self.failure = FleetError(reason)
            self.journal.incident("fleet stopped", f"the fleet stops: {reason}")
        self.stop()

    async def _watch_ban(self) -> None:
        await self.venue.gate.banned.wait()
        self._fail(self.venue.gate.ban_reason)

    async def _housekeeping(self) -> None:
        due_s = anyio.current_time() + FIRST_LOOK_S
        while True:
            before_s = anyio.current_time()
            await anyio.sleep(HOUSEKEEPING_S)
            self.loop_lag_ms = (anyio.current_time() - before_s - HOUSEKEEPING_S) * 1000
            self.capital.unrealised_pnl = self.unrealised_pnl
            self.books.look()
            if self._workers is not None:
                self._losses.look(self.slots, self._workers)
            self.roster.tell_kept_out()
            if anyio.current_time() >= due_s:
                due_s = anyio.current_time() + self.reconcile_every_s
                self._look_due.ring()

    async def _watch_account(self) -> None:
        """Where nobody waits for it: a slow venue takes as long as a request may. Never two at once."""
        while True:
            await self._look_due.wait()
            self._look_due.hush()
            await self._look_again()

    async def _watch_kills(self) -> None:
        """A worker that waits for news hears of a kill that somebody else has written down."""
        killed: dict[str, str] = {}
        while True:
            now = {symbol: self.kill.why(symbol) for symbol in self.slots}
            for symbol, why in now.items():
                if killed.get(symbol, "") != why:
                    if why:
                        self.journal.incident("killed", why, symbol, level="WARNING")
                    else:
                        self.journal.info("may quote again", symbol)
                    self.slots[symbol].mailbox.wake()
            killed = now
            await anyio.sleep(LOOK_EVERY_S)

    async def _look_again(self) -> None:
        """Balances, what is not ours, and whether every order and position is the venue's."""
        left = self.left.asked()
        try:
            snapshot = await self.account.snapshot()
        except VenueError as error:
            self.journal.warning(f"balances were not refreshed: {error}")
            return
        for order in snapshot.open_orders:
            self._expect_no_second_runner(order.client_id)
        self.left.hold(snapshot, left)
        self.strays.look(snapshot.open_orders)
        for slot in list(self.slots.values()):
            slot.compare(snapshot)
            # What the line told of is read in the list as well, before it is more than one wants to remember.
            if len(slot.book.unlisted) > UNLISTED_MOST:
                slot.doubt()
        self._value()

    def _value(self, *, is_end: bool = False) -> None:
        """Writes down what the account is worth now."""
        self.books.value(self.config.symbols, self.unrealised_pnl, self._mark, is_end=is_end)

    def _mark(self, symbol: str) -> Decimal | None:
        slot = self.slots.get(symbol) or self.retired.get(symbol)
        return slot.last_mark if slot else None

    def _on_account(self, event: AccountEvent) -> None:
        if isinstance(event, StreamUp | StreamDown):
            self.account_line.tell(event, self.venue.clock.now_ms(), self.journal, is_expected=self.stopping)
        elif isinstance(event, OrderUpdate):
            self._expect_no_second_runner(event.order.client_id)
        self.account.on_event(event)

    def _expect_no_second_runner(self, client_id: str) -> None:
        if self.run_id.is_repeated_by(client_id) and not self._stop.is_set():
            # A copy of this process, say. Which of the two goes on is for their next orders to show.
            self.run_id.begin_anew(self.venue.clock.now_ms())
            self.journal.warning(f"another fleet of the name {self.config.fleet} has used an id of ours: {client_id}")
        elif self.run_id.is_newer(client_id):
            self._fail(
                f"another fleet of the name {self.config.fleet} trades on this account, and was started later (order "
                f"{client_id}): this one leaves it to that one"
            )

    # --- what the file asks for

    def apply(self, config: FleetConfig) -> tuple[str, ...]:
        """Makes the running fleet match; what did not change is not touched. Returns the settings that changed.

        Raises FleetError, and nothing changes.
        """
        change = diff(self.config, config)
        if change.refused:
            raise FleetError("; ".join(change.refused))
        if change.is_empty:
            self.last_reload_error = None
            self.journal.info("the fleet file was read again: nothing has changed in it")
            return ()
        if self.stopping:
            raise FleetError("the fleet is stopping")
        unknown = [symbol for symbol in change.added if symbol not in self.venue.info.instruments]
        if unknown:
            raise FleetError(f"the exchange has no {', '.join(unknown)}")
        self.config = config
        if "risk" in change.settings:
            self._losses.change(config.risk, self.slots)
            for slot in self.slots.values():
                slot.hold_risk()
                slot.mailbox.wake()
        self.dead_man.reconfigure(config)
        if "budget" in change.settings:
            self._keep_to_budget()
        self.roster.change(change, config.symbols)
        self.config_version += 1
        self.reloads_applied += 1
        self.last_reload_error = None
        self.journal.info(
            f"config v{self.config_version}: {len(change.added)} added, {len(change.removed)} removed, "
            f"{len(change.changed)} changed"
        )
        return change.settings

    def _keep_to_budget(self) -> None:
        self.venue.gate.follow(policy_of(self.config.budget), self.config.budget.safety)

    def refuse(self, reason: str) -> None:
        """An edit that cannot be applied: the running configuration stays."""
        self.reloads_refused += 1
        self.last_reload_error = reason
        self.journal.incident("reload refused", f"the edited fleet file is refused, nothing has changed: {reason}")

    # --- the end

    async def _drain(self) -> None:
        self.stopping = True
        self.journal.info("stopping: cancels its orders")
        self.roster.close()
        is_gone = await self.drain.run(self.config)
        self._value(is_end=True)
        self._losses.finish(self.slots)
        self.books.close(is_clean=is_gone and self.failure is None)

    @property
    def unrealised_pnl(self) -> Decimal:
        """Of all positions of the account: equity is the account's, not the fleet's alone."""
        slots = [*self.slots.values(), *self.retired.values()]
        return sum((slot.unrealised_pnl for slot in slots), self.left.unrealised_pnl + self.other_unrealised_pnl)

    @property
    def other_unrealised_pnl(self) -> Decimal:
        """Of the positions that are not the fleet's, and no symbol's that was in it."""
        told = self.account.elsewhere.items()
        return sum((each.unrealised for symbol, each in told if symbol not in self.account.books), Decimal(0))
