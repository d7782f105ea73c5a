"""Holds what a fleet has in the market, after every change of an order, against what its file's limits let it have.

Owns: what counts against which limit. Must not know: how the fleet keeps to it, what goes wrong.

A position counts for what it was opened for and an opening order at its own price, as docs/decisions/0015 has it; what
the file allows is the most that it ever has, as what an edit makes smaller is worked off. What no fleet can reckon with
is allowed beside it: orders of its owner's, orders of an earlier process that came in after the next had begun, and the
position that an edit brings in.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from exchange.paper.accounts import Account
from exchange.paper.holding import Holding, OwnTrade
from exchange.paper.order import PaperOrder
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.models import FleetConfig
from fleet.orders.ids import is_ours
from fleet.risk.exposure import ZERO
from fleet.runtime.fleet import Fleet
from fleet.simulation import invariants
from fleet.simulation.invariants import Exposure, Limits

NEAR = Decimal("1.02")


class Caps:
    """Implements exchange.paper.order.News. `running`: the fleet that runs, or starts; None while no process does."""

    def __init__(
        self, paper: PaperVenue, config: FleetConfig, running: Callable[[], Fleet | None], say: Callable[[str], None]
    ) -> None:
        """`say`: a complaint; empty when there is none."""
        self._account = paper.account()
        self._book = paper.engine.orders
        self._fleet_name = config.fleet
        self._running = running
        self._say = say
        self._limits: dict[str, Limits] = {}
        self._fleet_limits: Limits | None = None
        self._exposures: dict[str, Exposure] = {}
        self._beside: dict[str, Decimal] = {}
        """By symbol, what no fleet can reckon with."""
        self._brought: dict[str, Decimal] = {}
        self._late: set[str] = set()
        self._members: tuple[str, ...] = ()
        self._left: dict[str, None] = {}
        """Once members: what the fleet has left there counts as long as it is there."""
        self.note(config)

    def note(self, config: FleetConfig) -> None:
        """What the file says now."""
        for symbol, each in config.symbols.items():
            limits = Limits(each.max_order_usd, each.max_open_usd, each.max_position_usd)
            self._limits[symbol] = limits.or_more(self._limits.get(symbol, limits))
        limits = Limits(None, config.risk.max_open_usd, config.risk.max_position_usd)
        self._fleet_limits = limits.or_more(self._fleet_limits or limits)

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None:
        if order.account is not self._account:
            return
        symbol = order.listing.symbol
        if execution == "NEW" and not self._is_reckoned(order):
            self._late.add(order.client_id)
            instrument = order.listing.instrument
            # One at the market has no price of its own: it is filled near the mark.
            price = max(instrument.price(order.ticks), order.listing.mark * NEAR)
            self._beside[symbol] = self._beside.get(symbol, ZERO) + instrument.quantity(order.left) * price
        self._exposures[symbol] = exposure = self._exposure(symbol)
        limits = self._limits.get(symbol)
        if limits is not None:
            self._say(invariants.within_limits(symbol, exposure, limits, self._beside.get(symbol, ZERO)))
        self._follow()
        if self._fleet_limits is not None and self._members:
            traded = (*self._members, *self._left)
            together = invariants.together([self._exposures.get(each, Exposure()) for each in traded])
            beside = [*self._brought.values(), *(self._beside.get(each, ZERO) for each in traded)]
            self._say(invariants.within_limits("the fleet", together, self._fleet_limits, sum(beside, ZERO)))

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None:
        pass

    def _follow(self) -> None:
        """Symbols in the fleet; a dead one's until the next has some."""
        fleet = self._running()
        members = tuple(fleet.slots) if fleet is not None else ()
        if not members or members == self._members:
            return
        for symbol in members:
            if self._members and symbol not in self._members and symbol not in self._left:
                self._brought[symbol] = self._exposures.get(symbol, Exposure()).position_usd
        self._left = {each: None for each in (*self._left, *self._members) if each not in members}
        self._members = members

    def _is_reckoned(self, order: PaperOrder) -> bool:
        fleet = self._running()
        is_of_an_earlier_run = fleet is not None and fleet.run_id.is_later_than(order.client_id)
        return is_ours(self._fleet_name, order.client_id) and not is_of_an_earlier_run

    def _exposure(self, symbol: str) -> Exposure:
        holding = self._account.held(symbol)
        cost = holding.cost if holding is not None else ZERO
        largest = opening = ZERO
        held = {1: max(cost, ZERO), -1: max(-cost, ZERO)}
        for order in self._book.open_orders(self._account, symbol):
            if order.reduce_only or order.status.is_final or order.client_id in self._late:
                continue
            usd = order.listing.instrument.notional(order.ticks, order.left)
            largest, opening = max(largest, usd), opening + usd
            held[order.side.sign] += usd
        return Exposure(largest, opening, max(held.values()))
