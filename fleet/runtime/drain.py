"""A fleet's end: no worker sends any more, every own order is cancelled and seen gone, the last trades are counted.

Owns: their order, how long each may take, and what is known to be left. Must not know: why it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from exchange.errors import BadCredentials, Banned, VenueError
from exchange.model import Order
from fleet.config.models import FleetConfig
from fleet.orders.ids import Run
from fleet.orders.lifecycle import NONCE_WINDOW_US, WorkingOrder
from fleet.runtime.bookkeeping import Bookkeeping
from fleet.runtime.clearing import clear
from fleet.runtime.dead_man import DeadMan
from fleet.runtime.journal import Journal
from fleet.runtime.roster import Roster
from fleet.runtime.slot import Slot
from fleet.runtime.start import Start
from fleet.runtime.strays import Strays
from fleet.runtime.venue import Venue

DRAIN_S = 30.0
"""How long stopping may take: cancelling every own order and seeing it gone."""

STAND_DOWN_S = 15.0
"""How long ending the exchange's countdowns may take, once no order is left: a lost request can arrive 10 s later."""

LAST_LOOK_S = 10.0
"""How long counting the last trades may take, once no order is left."""


class Drain:
    def __init__(
        self,
        run_id: Run,
        venue: Venue,
        books: Bookkeeping,
        dead_man: DeadMan,
        start: Start,
        roster: Roster,
        strays: Strays,
        journal: Journal,
    ) -> None:
        self.left_open: tuple[str, ...] = ()
        """Client ids of own orders that may remain."""
        self.left_unknown = False
        """Whether others may remain: nobody has seen that none does."""
        self.has_counted_all = False
        """Whether the last trades and balances were read."""
        self._seen: dict[str, None] = {}
        """Symbols in which orders were left in the end."""
        self._run_id = run_id
        self._venue = venue
        self._books = books
        self._dead_man = dead_man
        self._start = start
        self._roster = roster
        self._strays = strays
        self._journal = journal

    async def run(self, config: FleetConfig) -> bool:
        """Whether every own order is seen to be gone."""
        try:
            with anyio.fail_after(DRAIN_S):
                cancelled = await self._clear()
        except (VenueError, TimeoutError) as error:
            self._tell_left(error)
            return False
        if not self._roster.slots and config.dead_man is not None:
            # Stopped before it had begun, perhaps after a run that was killed: its countdowns would cancel its owner's
            # orders, those that he has and, where it has left some, those that he places next.
            was_killed, foreign = cancelled or self._start.was_killed, self._books.account.foreign.symbols()
            for symbol in dict.fromkeys([*config.symbols, *self._seen]):
                if was_killed or symbol in foreign:
                    self._dead_man.suspect(symbol)
        with anyio.move_on_after(STAND_DOWN_S):
            await self._dead_man.stand_down()
        for symbol in self._dead_man.left_running():
            self._journal.warning("the exchange's countdown may still run out, and cancel what you place here", symbol)
        try:
            with anyio.fail_after(LAST_LOOK_S):
                await self._books.finish()
            self.has_counted_all = True
        except (VenueError, TimeoutError) as error:
            self._journal.warning(f"the last trades may not all be counted: {str(error) or 'out of time'}")
        return True

    @property
    def has_looked(self) -> bool:
        """Whether it is known what an earlier run left."""
        return self._start.has_looked

    def may_be_open(self) -> list[Order | WorkingOrder]:
        """Own orders, those that an earlier run left included, of which no worker knows."""
        return [*self._start.found_open, *self._strays.open(), *self._roster.live_orders()]

    # --- inside

    async def _clear(self) -> int:
        """Workers first, so that nothing new is sent; then every own order, in a fixed order of symbols. Raises
        VenueError."""
        slots = list(self._roster.slots.values())
        for slot in slots:
            slot.scope.cancel()
            await slot.ended.wait()
        async with anyio.create_task_group() as clearing:
            for slot in slots:
                clearing.start_soon(self._clear_slot, slot)
        cancelled = await self._clear_all()
        late_until_s = self._start.late_until_s
        if cancelled and not self._start.has_looked:
            late_until_s = anyio.current_time() + NONCE_WINDOW_US / 1e6
        if late_until_s > anyio.current_time():
            self._journal.info("waits for orders of a run that was killed, which may come yet")
            await anyio.sleep_until(late_until_s)
            cancelled += await self._clear_all()
        for slot in slots:
            await slot.unprotect()
        return cancelled

    async def _clear_all(self) -> int:
        """Whatever of ours is open in any symbol, then seen to be gone. Where others have orders is where a countdown
        must be ended above all."""
        asked_us = self._venue.clock.now_us()
        cancelled = await clear(
            self._run_id,
            self._venue.trading,
            self._venue.gate,
            seen=self._see,
            others=lambda orders: self._books.account.foreign.listed(orders, asked_us),
            tell=self._strays.hear,
            believed=[*self._start.found_open, *self._strays.open()],
        )
        self._start.found_open = ()
        self._strays.forget()
        return cancelled

    def _see(self, orders: Sequence[Order]) -> None:
        self._seen.update(dict.fromkeys(order.symbol for order in orders))
        if self._roster.slots:
            self._strays.look(orders)

    async def _clear_slot(self, slot: Slot) -> None:
        try:
            await slot.clear()
        except (Banned, BadCredentials) as error:
            self._journal.error(f"its orders cannot be cancelled: {error}", slot.config.symbol)

    def _tell_left(self, error: VenueError | TimeoutError) -> None:
        """The countdowns are left to run: they are what cancels these orders yet."""
        self.left_open = tuple(order.client_id for order in self.may_be_open())
        self.left_unknown = True
        text = f"could not confirm that every order is cancelled: {str(error) or 'out of time'}; may be open: "
        text += ", ".join(self.left_open) or ("none known" if self.has_looked else "what an earlier run left")
        self._journal.incident("orders left", text)
        for symbol in dict.fromkeys(order.symbol for order in self.may_be_open()):
            if self._dead_man.guarded_until_ms(symbol) is not None:
                self._journal.info("the exchange cancels what is left when its countdown runs out", symbol)
