"""The loss limits of a running fleet: its result is counted once a second, and what a limit asks for is done.

Owns: counting, closing positions where the file says so, and that a restart remembers. Must not know: when a limit is
hit (fleet.risk.loss).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anyio.abc import TaskGroup

from fleet.risk.officer import FleetRisk
from fleet.runtime.account import Account
from fleet.runtime.flatten import close_all
from fleet.runtime.journal import Journal
from fleet.runtime.memory import MemoryFile
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue


class Losses:
    def __init__(
        self, risk: FleetRisk, account: Account, venue: Venue, journal: Journal, memory: MemoryFile | None
    ) -> None:
        self._risk = risk
        self._account = account
        self._venue = venue
        self._journal = journal
        self._memory = memory

    def look(self, slots: Mapping[str, Slot], retired: Mapping[str, Slot], tasks: TaskGroup | None) -> None:
        """`tasks`: where positions are closed."""
        for symbol, slot in {**slots, **retired}.items():
            if slot.last_mark is not None and self._account.has_begun(symbol):
                self._risk.count(symbol, slot.book.realised_pnl + slot.unrealised_pnl - slot.book.fees)
        loss, limits = self._risk.loss, self._risk.limits
        was = loss.limit
        if loss.see(self._risk.result() + self._account.funding, limits, self._venue.clock.now_ms()):
            self._journal.incident("loss limit", f"a loss limit is hit, nothing is opened any more: {loss.limit}")
            if limits.on_loss == "close" and tasks is not None:
                tasks.start_soon(self._close, list(slots.values()))
        elif was and not loss.limit:
            self._journal.info("a new day: the loss limits begin anew")
        if was != loss.limit:
            _wake(slots.values())
        if self._memory is not None and (limits.daily_loss_usd or limits.drawdown_usd):
            problem = self._memory.keep(loss.memory)
            if problem:
                self._journal.warning(f"what the loss limits should not forget is not written down: {problem}")

    async def _close(self, slots: list[Slot]) -> None:
        for slot in slots:
            slot.risk.closing = "a loss limit is hit: closes its position"
        _wake(slots)
        try:
            closed = await close_all(self._venue, slots)
        finally:
            for slot in slots:
                slot.risk.closing = ""
        _wake(slots)
        for each in closed:
            if each.problem:
                self._journal.error(f"still holds {each.left:f}: {each.problem}", each.symbol)


def _wake(slots: Iterable[Slot]) -> None:
    for slot in slots:
        slot.mailbox.wake()
