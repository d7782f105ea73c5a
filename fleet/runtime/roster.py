"""The symbols that the fleet trades: each in its slot from the moment the file names it until it has left in order.

Owns: who comes, who changes and who goes, one symbol at a time. Must not know: files, how a slot's worker decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from anyio.abc import TaskGroup

from exchange.errors import BadCredentials, Banned
from fleet.config.diff import Change
from fleet.config.models import SymbolConfig
from fleet.orders.ids import Run
from fleet.orders.lifecycle import WorkingOrder
from fleet.risk.officer import FleetRisk
from fleet.runtime.account import Account
from fleet.runtime.dead_man import DeadMan
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.market_feed import MarketFeed
from fleet.runtime.sender import Sender
from fleet.runtime.slot import Slot
from fleet.runtime.venue import Venue


class Roster:
    """`slots`: filled here, by symbol. `fail`: ends the fleet. `on_left`: a symbol has left it."""

    def __init__(
        self,
        run_id: Run,
        venue: Venue,
        account: Account,
        risk: FleetRisk,
        kill: KillSwitch,
        dead_man: DeadMan,
        feed: MarketFeed,
        slots: dict[str, Slot],
        journal: Journal,
        fail: Callable[[str], None],
        on_left: Callable[[], None],
    ) -> None:
        self.slots = slots
        self.retired: dict[str, Slot] = {}
        """Removed from the file; kept for what they made."""
        self._run_id = run_id
        self._venue = venue
        self._account = account
        self._risk = risk
        self._kill = kill
        self._dead_man = dead_man
        self._feed = feed
        self._journal = journal
        self._fail = fail
        self._on_left = on_left
        self._wanted: Mapping[str, SymbolConfig] = {}
        self._tasks: TaskGroup | None = None
        self._sender: Sender | None = None

    def begin(self, wanted: Mapping[str, SymbolConfig], sender: Sender, tasks: TaskGroup) -> None:
        """`tasks`: where the workers run."""
        self._wanted, self._sender, self._tasks = wanted, sender, tasks
        for config in wanted.values():
            self._start(config)
        self._feed.follow()

    def change(self, change: Change, wanted: Mapping[str, SymbolConfig]) -> None:
        self._wanted = wanted
        for symbol in change.removed:
            self._remove(symbol)
        for symbol in change.changed:
            self.slots[symbol].reconfigure(wanted[symbol])
            self._journal.info("takes up its new parameters", symbol)
        for symbol in change.added:
            self._start(wanted[symbol])
        self._feed.follow()

    def close(self) -> None:
        """Nobody comes any more."""
        self._wanted = {}

    def tell_kept_out(self) -> None:
        """Of the symbols that are to be quoted, those of which limits let no quote stand."""
        for symbol, slot in self.slots.items():
            if symbol in self._wanted:
                slot.tell_kept_out()

    def live_orders(self) -> list[WorkingOrder]:
        """Own orders that may be in the market, as far as is known without asking."""
        return [order for slot in self.slots.values() for order in slot.live_orders()]

    # --- inside

    def _start(self, config: SymbolConfig) -> None:
        assert self._tasks is not None
        assert self._sender is not None
        closing = self.slots.get(config.symbol)
        if closing is not None:
            closing.reconfigure(config)
            return
        slot = Slot(
            self._run_id,
            config,
            self._venue.info.instruments[config.symbol],
            self._account,
            self._venue.trading,
            self._venue.gate,
            self._sender,
            self._venue.clock,
            self._journal,
            self._risk,
            self._kill,
            partial(self._dead_man.may_quote, config.symbol),
            self.retired.pop(config.symbol, None),
        )
        if self._feed.line.up:
            slot.mailbox.put_line(up=True)
        self.slots[config.symbol] = slot
        # Before any of them may open anything: each will say for itself with its plans.
        slot.hold_risk()
        self._dead_man.watch(config.symbol, slot.mailbox.wake)
        self._tasks.start_soon(self._run, slot)

    async def _run(self, slot: Slot) -> None:
        try:
            await slot.run()
        except (Banned, BadCredentials) as error:
            self._fail(str(error))

    def _remove(self, symbol: str) -> None:
        assert self._tasks is not None
        slot = self.slots[symbol]
        if slot.config.on_remove == "close":
            self._journal.info("removed from the file: works off its position", symbol)
            slot.close()
        else:
            self._journal.info("removed from the file: keeps its position", symbol)
            slot.scope.cancel()
        self._tasks.start_soon(self._retire, slot)

    async def _retire(self, slot: Slot) -> None:
        await slot.ended.wait()
        symbol = slot.config.symbol
        try:
            await slot.clear()
            await slot.unprotect()
        except (Banned, BadCredentials) as error:
            self._fail(str(error))
            return
        if self.slots.get(symbol) is slot:
            del self.slots[symbol]
            self.retired[symbol] = slot
            self._account.detach(symbol)
            self._account.capital.remove(symbol)
            self._risk.leave(symbol, abs(slot.book.cost))
            self._journal.flights.drop(symbol)
            self._dead_man.forget(symbol)
            self._journal.info("has left the fleet", symbol)
            if symbol in self._wanted:
                self._start(self._wanted[symbol])
            self._feed.follow()
            self._on_left()
