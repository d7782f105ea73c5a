"""Own orders where no worker minds them: sent by a run that is gone, they came when nobody looked for them any more, in
a symbol that is not in the fleet, or has left it.

Owns: which there are, and that each is cancelled, told of, and its trades looked for. Must not know: workers, how a
fleet starts and ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import anyio

from exchange.bell import Bell
from exchange.errors import BadCredentials, Banned
from exchange.model import Order
from fleet.orders.ids import Run, is_by_owner
from fleet.runtime.bookkeeping import Bookkeeping
from fleet.runtime.clearing import clear
from fleet.runtime.journal import Journal
from fleet.runtime.left import LeftBehind
from fleet.runtime.roster import Roster
from fleet.runtime.venue import Venue

OVER_KEPT = 1024


class Strays:
    """`fail`: ends the fleet."""

    def __init__(
        self,
        run_id: Run,
        venue: Venue,
        books: Bookkeeping,
        left: LeftBehind,
        journal: Journal,
        roster: Roster,
        fail: Callable[[str], None],
    ) -> None:
        self.found = 0
        """Since the start."""
        self._run_id = run_id
        self._venue = venue
        self._books = books
        self._left = left
        self._journal = journal
        self._roster = roster
        self._fail = fail
        self._open: dict[str, Order] = {}
        """By client id, until each is seen to be gone."""
        self._over: deque[str] = deque(maxlen=OVER_KEPT)
        self._under_way: set[str] = set()
        self._due = Bell()
        books.account.on_unminded = self.hear

    def open(self) -> list[Order]:
        return list(self._open.values())

    def forget(self) -> None:
        """Whatever was open is seen to be gone."""
        self._open.clear()

    def hear(self, order: Order) -> None:
        """What the line tells of one in a symbol that no worker minds, or the answer to its cancel."""
        if is_by_owner(order.client_id):
            return
        if order.filled_lots:
            self._look_for_trades(order.symbol)
        if order.status.is_final:
            self._over.append(order.client_id)
            self._open.pop(order.client_id, None)
        else:
            self._take(order)

    def look(self, open_orders: Iterable[Order]) -> None:
        """All that the venue lists."""
        for order in open_orders:
            is_ours = self._run_id.owns(order.client_id) and not is_by_owner(order.client_id)
            if is_ours and not self._roster.minds(order.symbol):
                self._take(order)

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._due.wait()
                self._due.hush()
                for symbol in dict.fromkeys(order.symbol for order in self._open.values()):
                    if symbol not in self._under_way:
                        self._under_way.add(symbol)
                        tasks.start_soon(self._clear, symbol)

    # --- inside

    def _take(self, order: Order) -> None:
        is_known = order.client_id in self._open or order.client_id in self._over or self._roster.knows_over(order)
        if is_known:
            return
        self._open[order.client_id] = order
        self.found += 1
        text = f"an order of the fleet that nobody minds has come to rest: {order.client_id} is cancelled"
        self._journal.incident("difference", text, order.symbol, "WARNING")
        self._look_for_trades(order.symbol)
        self._due.ring()

    def _look_for_trades(self, symbol: str) -> None:
        self._books.completion.also(symbol)
        if not self._roster.minds(symbol):
            self._left.expect(symbol)

    async def _clear(self, symbol: str) -> None:
        """Not by what is listed where a worker has come meanwhile: its own orders are among those."""
        trading, gate = self._venue.trading, self._venue.gate
        try:
            while orders := [order for order in self._open.values() if order.symbol == symbol]:
                await clear(
                    self._run_id,
                    trading,
                    gate,
                    symbol,
                    tell=self.hear,
                    believed=orders,
                    spares=lambda order: self._roster.minds(order.symbol),
                )
                for order in orders:
                    self._open.pop(order.client_id, None)
        except (Banned, BadCredentials) as error:
            self._fail(str(error))
            return
        finally:
            self._under_way.discard(symbol)
        # Up to its cancel it may have traded, told of or not.
        self._look_for_trades(symbol)
