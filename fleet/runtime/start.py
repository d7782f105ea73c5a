"""A fleet's start: what an earlier run left is cancelled, and the account is read, before anything may be opened.

Owns: their order, and trying again. Must not know: workers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from exchange.errors import VenueError
from exchange.model import Order
from exchange.ports import Cost, RequestClass
from fleet.orders.ids import Run
from fleet.runtime.bookkeeping import Bookkeeping
from fleet.runtime.clearing import ALL_OPEN_ORDERS_WEIGHT, clear
from fleet.runtime.dead_man import DeadMan
from fleet.runtime.errors import FleetError
from fleet.runtime.journal import Journal
from fleet.runtime.snapshot import Snapshot
from fleet.runtime.supervisor import OUTAGES
from fleet.runtime.venue import Venue
from fleet.words import many

START_PAUSES_S = (0.25, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0)
"""Between attempts to read the account at the start."""


class Start:
    """`stopped`: ends it at any time, and leaves what was found to whoever ends the fleet."""

    def __init__(
        self,
        run_id: Run,
        venue: Venue,
        books: Bookkeeping,
        dead_man: DeadMan,
        journal: Journal,
        stopped: anyio.Event,
    ) -> None:
        self.found_open: tuple[Order, ...] = ()
        """What an earlier run left, as long as it may be there."""
        self.has_looked = False
        """Whether it is known what an earlier run left."""
        self.was_killed = False
        """Whether an earlier run has left anything."""
        self._run_id = run_id
        self._venue = venue
        self._books = books
        self._dead_man = dead_man
        self._journal = journal
        self._stopped = stopped

    async def run(self) -> Snapshot | None:
        """What the account is; None when stopped. Raises FleetError; VenueError when the venue stays out of reach."""
        for pause_s in START_PAUSES_S:
            try:
                return await self._unless_stopped(self._look)
            except OUTAGES as error:
                self._journal.warning(f"the account could not be read, trying again: {error}")
                with anyio.move_on_after(pause_s):
                    await self._stopped.wait()
                    return None
        return await self._unless_stopped(self._look)

    async def _unless_stopped(self, look: Callable[[], Awaitable[Snapshot]]) -> Snapshot | None:
        """Or until then: with the minute's weight spent, leave to ask may be most of a minute away."""
        failure: VenueError | FleetError | None = None
        snapshot: Snapshot | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_stopped, tasks.cancel_scope)
            try:
                snapshot = await look()
            except (VenueError, FleetError) as error:
                # Not raised inside: the task group would wrap it.
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return snapshot

    async def _look(self) -> Snapshot:
        await self._clear_earlier()
        if await self._venue.trading.is_hedge_mode():
            raise FleetError(
                "the account is in hedge mode: switch its position mode to one-way, which this fleet trades in"
            )
        self._books.account.is_multi_assets = await self._venue.trading.is_multi_assets_mode()
        await self._books.completion.check()
        snapshot = await self._books.account.snapshot()
        self._run_id.begin_after(order.client_id for order in snapshot.open_orders)
        return snapshot

    async def _clear_earlier(self) -> None:
        """What an earlier run left goes first of all, and all together: nobody minds these orders, and symbol by symbol
        it would take several times the weight. In the class of cancels throughout: what that run has spent of the
        minute's weight must not keep them in the market. Raises VenueError."""
        ticket = await self._venue.gate.admit(RequestClass.CANCEL, Cost(ALL_OPEN_ORDERS_WEIGHT))
        found = await self._venue.trading.open_orders(ticket=ticket)
        self.has_looked = True
        self._run_id.begin_after(order.client_id for order in found)
        self.found_open = tuple(order for order in found if self._run_id.owns(order.client_id))
        if not self.found_open:
            return
        self.was_killed = True
        for order in self.found_open:
            self._dead_man.suspect(order.symbol)
        leftover = await clear(self._run_id, self._venue.trading, self._venue.gate, found=self.found_open)
        for symbol in dict.fromkeys(order.symbol for order in self.found_open):
            self._books.completion.also(symbol)
        self.found_open = ()
        self._journal.info(f"cancelled {many(leftover, 'order')} left by an earlier run")

    async def _cancel_when_stopped(self, scope: anyio.CancelScope) -> None:
        await self._stopped.wait()
        scope.cancel()
