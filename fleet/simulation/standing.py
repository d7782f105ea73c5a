"""Holds what stands in the market, and what does not, against what the exchange knows and no fleet can talk away.

Owns: whether a countdown runs behind each order, whether prices still reach the fleet, whether an order would trade
with another of the fleet's, and since when a symbol that may be quoted has no order. Must not know: what goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exchange.paper.accounts import Account
from exchange.paper.holding import Holding, OwnTrade
from exchange.paper.order import PaperOrder
from exchange.paper.venue import Venue as PaperVenue
from exchange.ports import RequestClass
from fleet.orders.ids import is_ours
from fleet.orders.plan import PLACE_COST
from fleet.runtime.fleet import Fleet
from fleet.runtime.slot import Slot
from fleet.simulation import invariants

JUSTIFIED = ("mid is far from mark price", "symbol is ")
"""How those reasons to pull quotes begin that are the market's own."""


class Standing:
    """Implements exchange.paper.order.News."""

    def __init__(
        self, paper: PaperVenue, fleet_name: str, running: Callable[[], Fleet | None], say: Callable[[str, str], None]
    ) -> None:
        """`running`: the fleet that runs, or starts; None while no process does. `say`: a rule, and a complaint."""
        self.heard_us: Callable[[], int] = lambda: 0
        """When the market's line last brought anything to the fleet."""
        self._account = paper.account()
        self._engine = paper.engine
        self._fleet_name = fleet_name
        self._running = running
        self._say = say
        self._owners: dict[str, None] = {}
        """Symbols in which the owner has done something: there the fleet ends its countdown, sooner or later."""
        self._idle_us: dict[str, int] = {}
        self._fleet: Fleet | None = None
        self._no_room_us = 0

    # --- after every change of an order

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None:
        if order.account is not self._account:
            return
        symbol = order.listing.symbol
        if not is_ours(self._fleet_name, order.client_id):
            self._owners[symbol] = None
            return
        fleet = self._running()
        if execution != "NEW" or fleet is None or fleet.run_id.is_later_than(order.client_id):
            return
        if symbol not in self._owners:
            self._say("a countdown runs", invariants.a_countdown_runs(order.client_id, self._left_s(symbol, now_us)))
        if order.time_in_force.is_post_only:
            others = [each for each in self._engine.orders.open_orders(self._account, symbol) if each is not order]
            own = [each for each in others if is_ours(self._fleet_name, each.client_id)]
            met = [
                each.client_id for each in own if _meet(order, each) and not fleet.run_id.is_later_than(each.client_id)
            ]
            self._say("no trade with oneself", invariants.no_trade_with_oneself(order.client_id, met))

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None:
        pass

    # --- every moment

    def look(
        self, fleet: Fleet, by_symbol: Mapping[str, list[PaperOrder]], disturbed_us: Callable[[str], int], now_us: int
    ) -> None:
        """`by_symbol`: the fleet's open orders. `disturbed_us`: until when something was in the way of a request about
        a symbol."""
        if fleet is not self._fleet:
            self._fleet = fleet
            self._idle_us.clear()
        # One that the exchange has shut out, say, has yet to find what an earlier one left.
        for symbol in by_symbol if fleet.slots else ():
            if symbol not in self._owners:
                undisturbed_s = (now_us - disturbed_us(symbol)) / 1e6
                complaint = invariants.a_heartbeat_comes(symbol, self._left_s(symbol, now_us), undisturbed_s)
                self._say("a heartbeat comes", complaint)
        self._look_at_prices(fleet, by_symbol, disturbed_us, now_us)
        if not fleet.venue.gate.has_room(RequestClass.QUOTE, PLACE_COST):
            self._no_room_us = now_us
        for symbol, slot in fleet.slots.items():
            if symbol in by_symbol or self._is_hindered(fleet, slot, now_us):
                self._idle_us.pop(symbol, None)
                continue
            since_us = self._idle_us.setdefault(symbol, now_us)
            idle_s = (now_us - max(since_us, self._no_room_us, disturbed_us(symbol))) / 1e6
            pulled = slot.desk.pulled if slot.desk is not None else "the worker has not begun"
            self._say("what may be quoted is quoted", invariants.what_may_be_quoted_is_quoted(symbol, idle_s, pulled))

    def _look_at_prices(
        self, fleet: Fleet, by_symbol: Mapping[str, list[PaperOrder]], disturbed_us: Callable[[str], int], now_us: int
    ) -> None:
        silent_us = now_us - self.heard_us()
        for symbol, slot in fleet.slots.items() if silent_us > 1e6 else ():
            blind_s = (silent_us - slot.config.stale_after_ms * 1000) / 1e6
            own = [each for each in by_symbol.get(symbol, ()) if not fleet.run_id.is_later_than(each.client_id)]
            if own and blind_s > 0:
                ids = [each.client_id for each in own]
                undisturbed_s = (now_us - disturbed_us(symbol)) / 1e6
                complaint = invariants.nothing_rests_unseen(symbol, ids, blind_s, undisturbed_s)
                self._say("nothing rests unseen", complaint)

    def _is_hindered(self, fleet: Fleet, slot: Slot, now_us: int) -> bool:
        """By what the exchange shows, or the fleet was told; or it waits for what it has sent."""
        desk = slot.desk
        is_killed = bool(fleet.kill.why(slot.config.symbol))
        if fleet.stopping or is_killed or slot.closing or slot.ended.is_set() or slot.supervisor.phase is not None:
            return True
        is_deaf = now_us - self.heard_us() > 1e6 or not self._engine.user_streams.is_heard(self._account)
        # Until it learns what the venue's clock shows, prices look too old to it, or requests are refused.
        is_astray = abs(self._engine.told_us - fleet.venue.clock.now_us()) > 1e6
        if is_deaf or is_astray:
            return True
        if desk is None:
            return False
        if desk.pulled:
            return bool(desk.risk.closing) or desk.pulled.startswith(JUSTIFIED)
        if desk.working.live() or not desk.decision.quotes:
            return True
        return all(now_us < desk.working.holds.get(quote.side, 0) for quote in desk.decision.quotes)

    def _left_s(self, symbol: str, now_us: int) -> float | None:
        ends_us = self._engine.countdowns.ends_us(self._account, symbol)
        return None if ends_us is None else (ends_us - now_us) / 1e6


def _meet(one: PaperOrder, other: PaperOrder) -> bool:
    return one.side is not other.side and (one.ticks - other.ticks) * one.side.sign >= 0
