"""What the running fleet believes of its orders and positions, held against what is, at every step.

Owns: since when a belief has been another than the truth, and what the fleet has known to be over. Must not know: what
goes wrong, how long a false belief may last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exchange.paper.accounts import Account
from exchange.paper.money import ZERO
from exchange.paper.order import PaperOrder
from fleet.orders.lifecycle import Phase
from fleet.runtime.desk import Desk
from fleet.runtime.fleet import Fleet
from fleet.simulation import invariants
from fleet.simulation.invariants import Resting

LOST_BEFORE_US = 2_000_000
"""News that was lost so long before a belief went wrong may be why: an answer may have come later than the news."""


@dataclass(frozen=True, slots=True)
class Error:
    """A belief that is not so. `is_untold`: news that the fleet had no way to miss may be why."""

    symbol: str
    what: str
    since_us: int
    is_untold: bool


class Beliefs:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._fleet: Fleet | None = None
        self._since_us: dict[tuple[str, str], int] = {}
        self._lost_us = 0
        """When news of the account was last lost on a line that stayed up."""
        self._lines = 0
        self._line_us = 0
        self._over: dict[str, dict[str, None]] = {}
        """By symbol, orders that are over and that the fleet believes to be live, as far as was last seen."""
        self._known_over: dict[str, None] = {}

    def note_lost(self, until_us: int) -> None:
        self._lost_us = max(self._lost_us, until_us)

    def note_over(self, order: PaperOrder) -> None:
        self._over.setdefault(order.listing.symbol, {})[order.client_id] = None

    def look(self, fleet: Fleet, by_symbol: Mapping[str, list[PaperOrder]], now_us: int) -> Iterator[Error]:
        """All that is not so now, and since when. Only of symbols whose worker says that it has heard all."""
        if fleet.account.lines_opened != self._lines:
            self._lines, self._line_us = fleet.account.lines_opened, now_us
        since_us: dict[tuple[str, str], int] = {}
        if fleet.account.line_up.is_set():
            for symbol, what in self._differences(fleet, by_symbol):
                key = (symbol, what)
                started_us = since_us[key] = self._since_us.get(key, now_us)
                is_untold = self._lost_us > max(started_us - LOST_BEFORE_US, self._line_us)
                yield Error(symbol, what, started_us, is_untold)
        self._since_us = since_us

    def come_back(self, fleet: Fleet) -> list[str]:
        """Orders that the fleet knew to be over, and believes to be live again."""
        if fleet is not self._fleet:
            self._fleet = fleet
            self._over.clear()
            self._known_over.clear()
        found: list[str] = []
        for symbol, slot in fleet.slots.items():
            desk = slot.desk
            if desk is None:
                continue
            over = self._over.get(symbol)
            if over:
                for client_id in [each for each in over if not _is_live(desk, each)]:
                    del over[client_id]
                    self._known_over[client_id] = None
            found += [each for each in desk.orders if each in self._known_over and _is_live(desk, each)]
        return found

    def _differences(self, fleet: Fleet, by_symbol: Mapping[str, list[PaperOrder]]) -> Iterable[tuple[str, str]]:
        for symbol, slot in fleet.slots.items():
            desk = slot.desk
            if desk is None or not desk.account_up or slot.supervisor.phase is not None or slot.ended.is_set():
                continue
            orders = by_symbol.get(symbol, ())
            is_open = {order.client_id for order in orders}
            if len(orders) > 1 and (complaint := _two_on_a_side(orders)):
                yield symbol, complaint
            for client_id in is_open:
                if not _is_live(desk, client_id):
                    yield symbol, f"{client_id} is open, and not believed to be"
            for order in desk.orders.values():
                if order.phase is Phase.OPEN and order.client_id not in is_open:
                    yield symbol, f"{order.client_id} is believed to be open, and is not"
            lots = slot.book.position_lots - self._account.position_lots(symbol)
            if lots:
                yield symbol, f"the position is believed to be {lots:+} lots from what it is"


def _two_on_a_side(orders: Iterable[PaperOrder]) -> str:
    return invariants.one_order_a_side(
        Resting(each.listing.symbol, each.client_id, each.side, each.reduce_only, ZERO) for each in orders
    )


def _is_live(desk: Desk, client_id: str) -> bool:
    order = desk.orders.get(client_id)
    return order is not None and order.is_live
