"""The loss limits of a running fleet: its result is counted once a second, and what a limit asks for is done.

Owns: counting, closing positions where the file says so, and that a restart remembers. Must not know: when a limit is
hit (fleet.risk.loss).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from anyio.abc import TaskGroup

from exchange.clock import loop_s
from fleet.config.models import FleetConfig
from fleet.config.risk import Risk
from fleet.risk.loss import Basis, RiskMemory
from fleet.risk.officer import FleetRisk
from fleet.runtime.account import Account
from fleet.runtime.flatten import close_all
from fleet.runtime.journal import Journal
from fleet.runtime.memory import MemoryFile
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue

CLOSE_AGAIN_S = 60.0
"""As long as a limit is hit and a position is there."""

TAKEN_UP_WITHIN_S = 15.0
"""How long the result waits for what positions made while no process ran, so that it is not counted by halves."""

_UNTIL = "until the next UTC day, an edit of that limit, or `resume`"
_LIFTED_BY_EDIT = "by the edited limits the fleet may open positions again"


class Losses:
    def __init__(
        self, risk: FleetRisk, account: Account, venue: Venue, journal: Journal, memory: MemoryFile | None
    ) -> None:
        self._risk = risk
        self._account = account
        self._venue = venue
        self._journal = journal
        self._memory = memory
        self._problem = ""
        self._first_look_s: float | None = None
        self._is_closing = False
        self._close_from_s = float("-inf")
        self._is_first = True
        self._hit_before = risk.loss.limit
        if self._hit_before:
            # The file may have been edited while no process ran.
            risk.loss.reconsider(risk.limits)

    def look(
        self, config: FleetConfig, slots: Mapping[str, Slot], retired: Mapping[str, Slot], tasks: TaskGroup
    ) -> None:
        """`tasks`: where positions are closed."""
        if self._is_first:
            self._is_first = False
            self._tell_remembered()
        self._count(slots, retired)
        self._close_what_is_held(list(slots.values()), tasks)
        if self._memory is not None and self._is_kept(config):
            self._tell_problem(self._memory.keep(self._remembered))

    def finish(self, config: FleetConfig, slots: Mapping[str, Slot], retired: Mapping[str, Slot]) -> None:
        """The last look, which is on disk when this returns."""
        self._count(slots, retired)
        if self._memory is not None and self._is_kept(config):
            self._tell_problem(self._memory.finish(self._remembered))

    def change(self, limits: Risk, slots: Mapping[str, Slot]) -> None:
        """The owner has edited them."""
        self._risk.limits = limits
        was = self._risk.loss.limit
        self._risk.loss.reconsider(limits)
        self._tell(was, slots.values(), _LIFTED_BY_EDIT)

    # --- inside

    @property
    def _remembered(self) -> RiskMemory:
        return replace(self._risk.memory, funded_ms=self._account.funded_ms)

    def _count(self, slots: Mapping[str, Slot], retired: Mapping[str, Slot]) -> None:
        if self._first_look_s is None:
            self._first_look_s = loop_s()
        if self._risk.remembers(slots) and loop_s() < self._first_look_s + TAKEN_UP_WITHIN_S:
            return
        for symbol, slot in {**slots, **retired}.items():
            if slot.last_mark is not None and self._account.has_begun(symbol):
                book, unrealised = slot.book, slot.unrealised_pnl
                basis = Basis(book.position_lots, book.newest_trade, book.last_trade_ms, unrealised)
                self._risk.count(symbol, book.realised_pnl + unrealised - book.fees, book.began_pnl, basis)
        loss = self._risk.loss
        was = loss.limit
        funding = self._account.funding + self._account.funding_before
        loss.see(self._risk.result() + funding, self._risk.limits, self._venue.clock.now_ms())
        self._tell(was, slots.values(), "a new day: the loss limits begin anew")

    def _tell(self, was: str, slots: Iterable[Slot], ended: str) -> None:
        limit = self._risk.loss.limit
        if limit and not was:
            self._close_from_s = float("-inf")
            text = f"a loss limit is hit, nothing is opened {_UNTIL}: {limit}"
            self._journal.incident("loss limit", text)
        elif was and not limit:
            self._journal.info(ended)
        if was != limit:
            _wake(slots)

    def _is_kept(self, config: FleetConfig) -> bool:
        """Whether there is anything to remember, and what was remembered is not waiting for its owner."""
        limits = (config.risk.daily_loss_usd, config.risk.drawdown_usd, config.risk.max_position_usd)
        is_limited = any(limits) or any(symbol.max_fills for symbol in config.symbols.values())
        return is_limited and not self._risk.loss.lost

    def _tell_remembered(self) -> None:
        loss = self._risk.loss
        if loss.lost:
            self._journal.incident("loss limit", loss.lost)
        elif loss.limit:
            text = f"before the restart a loss limit was hit: {loss.limit}; nothing is opened {_UNTIL} (`up --resume`)"
            self._journal.warning(text)
        elif self._hit_before:
            self._journal.info(f"before the restart a loss limit was hit: {self._hit_before}; {_LIFTED_BY_EDIT}")

    def _tell_problem(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._journal.warning(f"what the risk limits should not forget is not written down: {problem}")
        self._problem = problem

    # --- closing

    def _close_what_is_held(self, slots: list[Slot], tasks: TaskGroup) -> None:
        loss = self._risk.loss
        is_wanted = loss.limit and not loss.lost and self._risk.limits.on_loss == "close"
        if not is_wanted or self._is_closing or loop_s() < self._close_from_s:
            return
        open_slots = [slot for slot in slots if slot.book.position_lots or slot.live_orders()]
        if open_slots:
            self._is_closing = True
            tasks.start_soon(self._close, open_slots)

    async def _close(self, slots: list[Slot]) -> None:
        for slot in slots:
            slot.risk.closing = "a loss limit is hit: closes its position"
        _wake(slots)
        try:
            closed = await close_all(self._venue, slots)
        finally:
            for slot in slots:
                slot.risk.closing = ""
            self._is_closing, self._close_from_s = False, loop_s() + CLOSE_AGAIN_S
        _wake(slots)
        for each in closed:
            if each.problem:
                self._journal.error(each.words, each.symbol)


def _wake(slots: Iterable[Slot]) -> None:
    for slot in slots:
        slot.mailbox.wake()
