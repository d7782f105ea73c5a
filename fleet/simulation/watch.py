"""Looks at exchange and fleet at every step, and holds the rules against what it sees.

Owns: when which rule is asked, and the way from their objects to the rules' values. Must not know: what goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from exchange.aster.signed import RESYNC
from exchange.model import OrderStatus, Side
from exchange.paper.accounts import Account
from exchange.paper.holding import Holding, OwnTrade
from exchange.paper.order import PaperOrder
from exchange.paper.venue import Venue as PaperVenue
from exchange.ports import Cost, RequestClass
from fleet.config.models import FleetConfig
from fleet.ledger import schema
from fleet.ledger.store import Store
from fleet.orders.ids import is_ours
from fleet.orders.lifecycle import NO_SUCH_ORDER_US
from fleet.runtime.clearing import ALL_OPEN_ORDERS_WEIGHT
from fleet.runtime.fleet import Fleet
from fleet.simulation import invariants
from fleet.simulation.beliefs import Beliefs
from fleet.simulation.invariants import Books, Resting, TradeRow
from fleet.simulation.standing import Standing


@dataclass(frozen=True, slots=True)
class Violation:
    at_us: int
    rule: str
    text: str


NEWS_LATE_S = 2.0
"""News of a trade or an order is with the fleet within this, where nothing goes wrong (`_way` draws the latencies)."""

HELD_UP_S = 5.0
"""For as long after something was in the way, what was asked in time may have no answer in time."""

DEAREST = Cost(weight=ALL_OPEN_ORDERS_WEIGHT)
"""Of what is asked about orders and positions. Who is behind one that has no room waits, though it wants less."""

OWNERS_SLACK = Decimal("1.02")
"""The mark may have moved since he traded."""

FOREIGN_HEARD_S = 30.0
"""Within this the fleet has heard of an order of its owner's, and ended the countdown that would cancel it too."""


class Watch:
    """Implements exchange.paper.order.News. `troubled_us`: when a request about a symbol last met a fault."""

    def __init__(self, paper: PaperVenue, config: FleetConfig, now_us: Callable[[], int]) -> None:
        self.violations: list[Violation] = []
        self.orders = 0
        self.fills = 0
        self.beliefs = Beliefs(paper.account())
        self.standing = Standing(paper, config.fleet, lambda: self._seen_fleet, self._expect)
        self.foreign: dict[str, PaperOrder] = {}
        self._excused: dict[str, None] = {}
        self.on_violation: Callable[[], None] = lambda: None
        self.troubled_us: Callable[[str], int] = lambda symbol: 0
        self._paper = paper
        self._account = paper.account()
        self._fleet_name = config.fleet
        self._now_us = now_us
        self._caps: dict[str, Decimal] = {}
        self._unwanted: dict[str, tuple[int, str]] = {}
        self._seen_fleet: Fleet | None = None
        self._traded: dict[str, None] = {}
        """Symbols in which the fleet's orders were filled."""
        self._owners_usd: dict[str, Decimal] = {}
        """What the owner has traded beside the fleet, for which no cap of the fleet's can stand."""
        self._own: set[int] = set()
        """Order ids of the fleet's."""
        self._changed_us: dict[str, int] = {}
        """When something last became of an order of the fleet's, by symbol."""
        self._held_up_us = 0
        """When looks at the account last had no room in the budget, or the gate was shut."""
        self._spent_us = 0
        """When even cancels had none."""
        self._known_us = 0
        """When a fleet last ran that knew the account."""
        self._dead_us: int | None = None
        """Since when no fleet has run."""
        self._told_running: list[str] = []
        """Symbols of which the fleet that stopped last has said that a countdown may run on."""
        self._late: dict[str, None] = {}
        """Open orders of an earlier run that came in after a later one had begun, or so shortly before that no list it
        began with need have had them."""
        self.note_caps(config)

    # --- after every change of an order

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None:
        if order.account is not self._account:
            return
        self.standing.order_changed(order, execution, trade, now_us)
        if trade is not None:
            self.fills += 1
        if not is_ours(self._fleet_name, order.client_id):
            self._excuse_foreign(order, now_us)
            if trade is not None:
                symbol, instrument = order.listing.symbol, order.listing.instrument
                usd = instrument.notional(trade.ticks, trade.lots)
                self._owners_usd[symbol] = self._owners_usd.get(symbol, Decimal(0)) + usd
            return
        self._changed_us[order.listing.symbol] = now_us
        if order.status.is_final:
            self.beliefs.note_over(order)
            self._late.pop(order.client_id, None)
        self._own.add(order.id)
        if trade is not None:
            self._traded[order.listing.symbol] = None
        if execution == "NEW":
            self.orders += 1
            self._note_late(order)
        if execution in ("NEW", "AMENDMENT"):
            # What an earlier process had sent and comes only now was in nobody's reckoning: it must go, and soon.
            resting = [each for each in self._resting(order.listing.symbol) if each.client_id not in self._late]
            self._expect("one order a side", invariants.one_order_a_side(resting))
            self._expect("within cap", self._within_cap(order.listing.symbol, resting))

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None:
        pass

    def note_caps(self, config: FleetConfig) -> None:
        """The greatest that the file ever gave: what an edit makes smaller is worked off, not thrown off."""
        for symbol, each in config.symbols.items():
            threshold_usd = getattr(each.parameters, "position_threshold_usd", Decimal(0))
            cap_usd = each.balance_fraction * each.leverage * self._account.wallet + threshold_usd
            self._caps[symbol] = max(cap_usd, self._caps.get(symbol, Decimal(0)))

    def _within_cap(self, symbol: str, resting: list[Resting]) -> str:
        listing = self._paper.engine.listing(symbol)
        position_usd = self._account.position_lots(symbol) * listing.instrument.step_size * listing.mark
        cap_usd = self._caps.get(symbol, Decimal(0)) + self._owners_usd.get(symbol, Decimal(0)) * OWNERS_SLACK
        return invariants.within_cap(symbol, position_usd, resting, cap_usd)

    # --- every moment

    def look(self, fleet: Fleet | None) -> None:
        """`fleet` is the one that runs; None while none does."""
        self._expect(
            "no limit overstepped",
            invariants.no_limit_overstepped(self._paper.refused_429, self._paper.refused_418),
        )
        now_us = self._now_us()
        if fleet is not self._seen_fleet:
            self._seen_fleet = fleet
            self._unwanted.clear()
            for order in self._paper.engine.orders.all_open_orders(self._account):
                is_young = now_us - order.created_ms * 1000 < NO_SUCH_ORDER_US
                if is_young and is_ours(self._fleet_name, order.client_id):
                    self._note_late(order)
        if fleet is None:
            self._look_at_the_dead(now_us)
            return
        self._dead_us = None
        if fleet.account.known:
            self._known_us = now_us
        gate = fleet.venue.gate
        if not gate.has_room(RESYNC, DEAREST):
            self._held_up_us = now_us
        if not gate.has_room(RequestClass.CANCEL, DEAREST):
            self._spent_us = now_us
        by_symbol: dict[str, list[PaperOrder]] = {}
        for order in self._paper.engine.orders.all_open_orders(self._account):
            if is_ours(self._fleet_name, order.client_id):
                by_symbol.setdefault(order.listing.symbol, []).append(order)
        for symbol in {**self._unwanted, **by_symbol, **fleet.slots}:
            why = _unwanted(fleet, symbol)
            if not why:
                self._unwanted.pop(symbol, None)
                continue
            since_us, _ = self._unwanted.setdefault(symbol, (now_us, why))
            orders = by_symbol.get(symbol)
            if orders:
                # One that came in since was wanted for a moment between two looks.
                since_us = max(since_us, min(order.created_ms for order in orders) * 1000)
                self._expect(
                    "nothing rests where none is wanted",
                    invariants.nothing_rests_where_none_is_wanted(
                        symbol,
                        why,
                        [_resting(order) for order in orders],
                        (now_us - since_us) / 1e6,
                        (now_us - max(since_us, self._spent_us, self.troubled_us(symbol))) / 1e6,
                        is_spent=self._spent_us >= since_us,
                    ),
                )

        if not self._paper.engine.user_streams.is_heard(self._account):
            self.beliefs.note_lost(now_us)
        self._look_at_beliefs(fleet, by_symbol, now_us)
        self.standing.look(fleet, by_symbol, lambda symbol: max(self._held_up_us, self.troubled_us(symbol)), now_us)

    def _look_at_the_dead(self, now_us: int) -> None:
        if self._dead_us is None:
            self._dead_us = now_us
        dead_s = (now_us - self._dead_us) / 1e6
        if dead_s > invariants.DEAD_BOUND_S:
            own = [each for each in self.all_resting() if is_ours(self._fleet_name, each.client_id)]
            unguarded = {order.listing.symbol for order in self.foreign.values()}
            complaint = invariants.nothing_rests_after_a_death(dead_s, own, unguarded)
            self._expect("nothing rests after a death", complaint)

    def _look_at_beliefs(self, fleet: Fleet, by_symbol: dict[str, list[PaperOrder]], now_us: int) -> None:
        self._expect("what is over stays over", invariants.what_is_over_stays_over(self.beliefs.come_back(fleet)))
        for error in self.beliefs.look(fleet, by_symbol, now_us):
            started_us = max(error.since_us, self._held_up_us, self.troubled_us(error.symbol))
            look_again_s = fleet.reconcile_every_s if error.is_untold else None
            complaint = invariants.belief_is_true(error.symbol, error.what, (now_us - started_us) / 1e6, look_again_s)
            self._expect("belief is true", complaint)

    def _note_late(self, order: PaperOrder) -> None:
        fleet = self._seen_fleet
        if fleet is not None and fleet.run_id.is_later_than(order.client_id):
            self._late[order.client_id] = None

    def _excuse_foreign(self, order: PaperOrder, now_us: int) -> None:
        """One may fall to the countdown of a fleet that died, when none has heard of it: it was placed just before, or
        later, and no other fleet has come as far as knowing the account; or to one of which its owner was told that it
        runs on. To a request it may not."""
        is_over = order.status is OrderStatus.CANCELED and self._paper.engine.countdowns.is_ending
        is_unheard = self._known_us - order.created_ms * 1000 < FOREIGN_HEARD_S * 1e6
        if is_over and (is_unheard or order.listing.symbol in self._told_running):
            self._excused[order.client_id] = None

    # --- at the end of a fleet

    def after_stop(self, fleet: Fleet) -> None:
        self._told_running = fleet.dead_man.left_running()
        own = [each for each in self.all_resting() if is_ours(self._fleet_name, each.client_id)]
        # One that could not confirm anything, but had looked once, is not excused.
        if fleet.drain.has_looked or not fleet.drain.left_unknown:
            self._expect("nothing left after a stop", invariants.nothing_left_after_a_stop(own, fleet.drain.left_open))

    def uncounted(self) -> None:
        """A fleet has stopped, and could not read the last trades and balances."""
        # Signed by a nonce that is ahead of a clock that was set back, no request is taken for as long.
        if self._now_us() - max(self._held_up_us, self.troubled_us("")) > HELD_UP_S * 1e6:
            self._expect("the last trades are counted", "they were not, though nothing stood in the way")

    def books(self, fleet: Fleet) -> None:
        """Once all is quiet, and trades and balances were read for the last time."""
        for symbol, book in fleet.account.books.items():
            if not fleet.account.has_begun(symbol):
                continue
            ours = Books(book.position_lots, book.fills, book.realised_pnl, book.fees)
            self._expect("books agree", invariants.books_agree(symbol, ours, self._books(symbol, book.fills)))
        self._expect("wallet agrees", invariants.wallet_agrees(fleet.account.wallet, self._account.wallet))
        untouched = {
            client_id: client_id in self._excused or order.status.value not in ("CANCELED", "EXPIRED")
            for client_id, order in self.foreign.items()
        }
        self._expect("foreign orders untouched", invariants.foreign_orders_untouched(untouched))

    def ledger(self, store: Store, fleet: Fleet) -> None:
        """The same once, and whatever crashes there were: what is on record is what was traded."""
        fills = schema.fills
        ours: dict[str, list[TradeRow]] = {}
        for row in store.connection.execute(select(fills).order_by(fills.c.symbol, fills.c.trade_id)).all():
            ours.setdefault(row.symbol, []).append(
                TradeRow(
                    row.trade_id,
                    row.order_id,
                    Side(row.side),
                    row.is_maker,
                    Decimal(row.price),
                    Decimal(row.quantity),
                    Decimal(row.fee),
                    row.fee_asset,
                    Decimal(row.realised_pnl),
                )
            )
        store.connection.rollback()
        for symbol, stake in self._account.stakes.items():
            instrument = stake.instrument
            theirs = [
                TradeRow(
                    each.trade_id,
                    each.order_id,
                    each.side,
                    each.is_maker,
                    instrument.price(each.ticks),
                    instrument.quantity(each.lots),
                    each.fee,
                    instrument.margin_asset,
                    each.realised,
                )
                for each in stake.trades
            ]
            # Where the owner alone has traded, and what he has where the fleet no longer is, it need not know of.
            if symbol not in fleet.slots or not fleet.account.has_begun(symbol):
                if symbol not in store.reads:
                    # A process died before it had written down that it trades there.
                    continue
                known = ours.get(symbol, [])
                theirs = [row for row in theirs if row.order_id in self._own or row in known]
            if symbol in ours or symbol in self._traded:
                self._expect("the ledger agrees", invariants.ledger_agrees(symbol, ours.get(symbol, []), theirs))

    def quiet(self, fleet: Fleet) -> None:
        """Nothing has gone wrong for a while, and the fleet runs: it believes what is, but for what is on its way."""
        for symbol, slot in fleet.slots.items():
            desk = slot.desk
            if desk is None or desk.pulled or any(order.phase.value != "open" for order in desk.working.live()):
                continue
            if self._now_us() - self._changed_us.get(symbol, 0) < NEWS_LATE_S * 1e6:
                continue
            own = [each for each in self._resting(symbol) if is_ours(self._fleet_name, each.client_id)]
            believed = [order.client_id for order in desk.working.live()]
            self._expect("working orders agree", invariants.working_orders_agree(believed, own))
            ours, theirs = slot.book.position_lots, self._account.position_lots(symbol)
            if ours != theirs:
                self._expect("position agrees", f"{symbol}: the fleet holds {ours} lots, the exchange has {theirs}")

    def say(self, rule: str, text: str) -> None:
        self._expect(rule, text)

    def all_resting(self) -> list[Resting]:
        return [_resting(order) for order in self._paper.engine.orders.all_open_orders(self._account)]

    def _resting(self, symbol: str) -> list[Resting]:
        orders = self._paper.engine.orders.open_orders(self._account, symbol)
        return [_resting(order) for order in orders if is_ours(self._fleet_name, order.client_id)]

    def _books(self, symbol: str, count: int) -> Books:
        """The exchange's, of so many of its newest trades."""
        stake = self._account.stakes.get(symbol)
        trades = list(stake.trades)[-count:] if stake and count else []
        return Books(
            self._account.position_lots(symbol),
            len(trades),
            sum((trade.realised for trade in trades), Decimal(0)),
            sum((trade.fee for trade in trades), Decimal(0)),
        )

    def _expect(self, rule: str, complaint: str) -> None:
        if complaint and not self.violations:
            self.violations.append(Violation(self._now_us(), rule, complaint))
            self.on_violation()


def _resting(order: PaperOrder) -> Resting:
    usd = order.listing.instrument.notional(order.ticks, order.left)
    return Resting(order.listing.symbol, order.client_id, order.side, order.reduce_only, usd)


def _unwanted(fleet: Fleet, symbol: str) -> str:
    """Why the fleet wants no order there; empty when it may want one."""
    if fleet.stopping:
        return "the fleet is stopping"
    if killed := fleet.kill.why(symbol):
        return killed
    slot = fleet.slots.get(symbol)
    if slot is None:
        return "the symbol is not in the fleet"
    if slot.ended.is_set() or slot.scope.cancel_called:
        return "the symbol is leaving the fleet"
    if slot.supervisor.phase is not None:
        return f"the worker is in {slot.supervisor.phase.value}"
    if slot.desk is None:
        return "the worker has not begun"
    return slot.desk.pulled
