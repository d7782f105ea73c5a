"""One symbol's trading desk: all that is known of it, and which requests that calls for.

Owns: the symbol's market, working orders and counters, and when quotes must not stand. Must not know: tasks, sockets,
the gate. Events come in by method calls with their time; `plan` says what should be sent; nothing here waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from exchange.errors import UnknownOrder, VenueError
from exchange.model import (
    Amend,
    BookTicker,
    Cancel,
    Fill,
    Instrument,
    MarkPrice,
    Order,
    OrderStatus,
    Place,
    Side,
)
from fleet.config.models import SymbolConfig
from fleet.ledger.books import SymbolBook
from fleet.ledger.entries import NoLedger, OrderChanged, Recorder
from fleet.orders import lifecycle
from fleet.orders.ids import ClientIds
from fleet.orders.lifecycle import Phase, WorkingOrder
from fleet.orders.plan import Action, Change, Plan, Policy, Query, plan
from fleet.risk.checks import Known, room_usd
from fleet.risk.exposure import Held
from fleet.risk.officer import SymbolRisk
from fleet.runtime.capital import Capital
from strategies.base import Decision, Quote, Situation, Strategy
from strategies.signals.volatility import Volatility

FILL_PATIENCE_US = 1_000_000
"""How long the user stream may lag behind an answer that told of a fill before the trade list is asked."""

MAX_HOLD_US = 30_000_000

FINISHED_KEPT = 128


@dataclass(slots=True)
class Counters:
    placed: int = 0
    amended: int = 0
    cancelled: int = 0
    rejected: int = 0
    expired: int = 0
    requests: int = 0
    differences: int = 0
    """That a look at the exchange found between it and us, and mended: orders, trades, positions."""


class Desk:
    """Mutable, but pure: the same calls in the same order leave it the same."""

    def __init__(
        self,
        config: SymbolConfig,
        instrument: Instrument,
        strategy: Strategy[Any],
        book: SymbolBook,
        capital: Capital,
        ids: ClientIds,
        counters: Counters,
        risk: SymbolRisk,
        ledger: Recorder | None = None,
    ) -> None:
        self.config = config
        self.instrument = instrument
        self.book = book
        self.capital = capital
        self.counters = counters
        self.risk = risk
        self.orders: dict[str, WorkingOrder] = {}
        self.ticker: BookTicker | None = None
        self.mark: MarkPrice | None = None
        self.market_up = False
        self.account_up = False
        self.closing = False
        self.guarded = True
        """If we died, the exchange would cancel what we have in the market; or nobody asked for that."""
        self.leverage = config.leverage
        """As the venue has it."""
        self.decision = Decision(())
        self.pulled = "starting"
        """Why no quote may stand; empty while they may."""
        self.problem = ""
        """The last refusal, for the owner; empty again when an order was accepted."""
        self.others = Held()
        self.granted_usd = Decimal(0)
        """What the last decision was made by of what belongs to all symbols: what the others hold, and the margin."""
        self._ids = ids
        self._ledger = ledger or NoLedger()
        self._holds: dict[Side, int] = {}
        self._refusals: dict[Side, int] = {}
        self._finished: deque[str] = deque(maxlen=FINISHED_KEPT)
        """Orders that the venue called over: news of them that comes late makes none of them live again."""
        self._strategy = strategy
        self._state: Any = strategy.start()
        self._fills_late_us: int | None = None
        self._volatility = Volatility()
        self._usd_per_tick_lot = float(instrument.tick_size * instrument.step_size)
        capital.demand(config.symbol, config.balance_fraction)

    def reconfigure(self, config: SymbolConfig, strategy: Strategy[Any]) -> None:
        """New parameters, between two decisions. Orders and their queue places stay as far as they still fit."""
        if config.strategy != self.config.strategy:
            self._state = strategy.start()
        self.config, self._strategy = config, strategy
        self.capital.demand(config.symbol, config.balance_fraction)

    def close(self) -> None:
        """From now on only work the position off."""
        self.closing = True
        # What was decided before does not tell whether there is anything to work off.
        self.pulled = "closing"

    # --- what is heard

    def see_market(self, ticker: BookTicker | None, mark: MarkPrice | None, *, up: bool) -> None:
        """The newest that is known; `up`: the line it comes by is open."""
        self.ticker, self.mark, self.market_up = ticker, mark, up

    def on_order(self, told: Order, now_us: int, *, answer: bool = False) -> bool:
        """News of an order. One of the fleet's that is not known (an earlier run's, a late arrival) is adopted: returns
        whether this was one."""
        is_adopted = self._hear(told, now_us, answer=answer)
        self.counters.differences += is_adopted
        return is_adopted

    def _hear(self, told: Order, now_us: int, *, answer: bool = False) -> bool:
        order = self.orders.get(told.client_id)
        is_over = told.status.is_final or told.client_id in self._finished
        is_adopted = order is None and not is_over and self._ids.are_of(told.client_id)
        if order is not None:
            self._put(order, lifecycle.heard(order, told, answer=answer), now_us)
        elif is_adopted:
            is_earlier = self._ids.run.is_later_than(told.client_id)
            self._take(lifecycle.adopted(told, now_us, is_earlier=is_earlier), now_us)
        if told.status.is_final:
            # Whether it was known or not: an earlier worker's may end, and what was told before come after.
            self._finished.append(told.client_id)
        return is_adopted

    def on_fill(self, fill: Fill, now_us: int) -> None:
        """A fill that the ledger had not seen before."""
        order = self._order_of(fill)
        if order is not None or not fill.client_id or self._ids.are_of(fill.client_id):
            # One that the trade list told of names no client id: whether it was ours is not known any more.
            self.risk.fills.count(self.config.max_fills, min(fill.exchange_ms * 1000, now_us))
        if order is not None:
            self._refusals.pop(order.side, None)
            # What was refused was refused before this: the other side must not wait.
            other = order.side.opposite
            self._holds[other] = min(self._holds.get(other, now_us), now_us)
            self._put(order, lifecycle.filled(order, fill.lots), now_us)

    def answered(self, action: Action, told: Order, now_us: int) -> None:
        match action:
            case Amend():
                self.counters.amended += 1
            case Cancel():
                self.counters.cancelled += 1
            case Place():
                self.counters.placed += 1
            case Query():
                pass
        if isinstance(action, Place | Amend) and not told.status.is_final:
            self.problem = ""
        order = self.orders.get(told.client_id)
        is_answer = order is not None and not _is_overtaken(order, action)
        self.counters.differences += self._hear(told, now_us, answer=is_answer)
        if isinstance(action, Query) and told.client_id in self.orders:
            self.orders[told.client_id] = lifecycle.queried(self.orders[told.client_id])

    def failed(self, action: Action, error: VenueError, now_us: int) -> None:
        order = self.orders.get(action.client_id)
        if order is None:
            return
        if isinstance(action, Query):
            after = lifecycle.not_found(order, now_us) if isinstance(error, UnknownOrder) else order
            self._put(order, lifecycle.queried(after), now_us)
            return
        self.problem = str(error)
        if _is_overtaken(order, action):
            return
        self._put(order, lifecycle.unanswered(order, error, now_us), now_us)

    def differing(self, open_orders: list[Order], asked_us: int, now_us: int) -> list[str]:
        """Orders, by client id, of which the venue's list of open ones says another thing than we believe: it has ours
        no more, or as another one, or has one that we know nothing of. What was changed after it was asked for may be
        missing in it."""
        listed = {told.client_id: told for told in open_orders}
        idle = {id_: order for id_, order in self.orders.items() if _should_be_listed(order, asked_us, now_us)}
        gone = [id_ for id_ in idle if id_ not in listed]
        other = [id_ for id_, order in idle.items() if id_ in listed and _is_other(order, listed[id_])]
        unknown = [
            told.client_id
            for told in open_orders
            if self._ids.are_of(told.client_id)
            and told.client_id not in self.orders
            and told.client_id not in self._finished
        ]
        return gone + other + unknown

    @property
    def filled(self) -> dict[str, int]:
        """By client id, as far as the venue has told."""
        return {order.client_id: order.filled_lots for order in self.orders.values()}

    def reconcile(
        self, open_orders: list[Order], asked_us: int, now_us: int, filled: Mapping[str, int] | None = None
    ) -> list[str]:
        """Holds the venue's list of open orders, asked for at `asked_us`, against ours. Then the trades were asked for:
        what was `filled` before (None: what is now) is counted, what was told of meanwhile need not be.

        What it does not list any more is asked for one by one. Returns what `differing` says.
        """
        listed = {told.client_id: told.filled_lots for told in open_orders}
        filled = self.filled if filled is None else filled
        differing = self.differing(open_orders, asked_us, now_us)
        self.counters.differences += len(differing)
        for told in open_orders:
            self._hear(told, now_us)
        for order in list(self.orders.values()):
            if order.client_id not in listed and _should_be_listed(order, asked_us, now_us):
                order = lifecycle.missing(order, now_us)
            lots = max(filled.get(order.client_id, 0), listed.get(order.client_id, 0))
            self._put(order, lifecycle.fills_counted(order, lots), now_us)
        return differing

    # --- what should be sent

    def plan(self, now_us: int) -> Plan:
        self.pulled, stale_us = self._pull_reason(now_us)
        awaits_fills = self._awaits_fills(now_us)
        if awaits_fills and not self.pulled:
            # The position is about to change: what is quoted on the old one would be wrong.
            return Plan((), (self._fills_late_us or now_us) + FILL_PATIENCE_US)
        if not self.pulled:
            self._doubt_amended(now_us)
        mark = self.mark.mark if self.mark else None
        known = self.risk.known(self.config, self.book, self.ticker, mark, now_us)
        self.others = known.others
        quotes = self.risk.permitted(known, (), ()) if self.pulled else self._quotes(known, now_us)
        if not awaits_fills:
            self._commit(quotes)
        policy = Policy(
            self.config.symbol,
            self.config.price_change_threshold,
            self.config.refresh_interval_ms * 1000,
            self._holds,
            self._usd_per_tick_lot,
            self._volatility.bps,
            self.config.priority,
        )
        planned = plan(quotes, self.orders.values(), policy, now_us)
        changes = self.risk.let_through(known, self.orders.values(), planned.changes)
        wakes = [wake for wake in (planned.wake_us, stale_us) if wake is not None]
        return replace(planned, changes=changes, wake_us=min(wakes, default=None))

    def sending(self, change: Change, now_us: int) -> Action:
        """The change goes out now. A placement gets its client order id here."""
        match change.action:
            case Place() as place:
                place = replace(place, client_id=self._ids.next())
                self._take(lifecycle.placing(place, now_us), now_us)
                return place
            case Amend() as action:
                self._take(lifecycle.amending(self.orders[action.client_id], action, now_us), now_us)
            case Cancel() as action:
                self._take(lifecycle.cancelling(self.orders[action.client_id], now_us), now_us)
            case Query() as action:
                self.orders[action.client_id] = lifecycle.querying(self.orders[action.client_id], now_us)
        return change.action

    def take_over(self, before: Desk) -> None:
        """What an earlier worker's desk knew to be over stays over: late news of it may come to this one."""
        self._finished.extend(before._finished)

    def note_cleared(self, now_us: int) -> None:
        """None of its orders is left: all were cancelled behind its back."""
        for order in self.live_orders():
            self._finished.append(order.client_id)
            self._ledger.write(OrderChanged(self.instrument, lifecycle.cleared(order), now_us))

    def fills_are_late(self, now_us: int) -> bool:
        """The venue said that an order filled, and its trades have not come: the trade list must be asked."""
        return self._fills_late_us is not None and now_us - self._fills_late_us >= FILL_PATIENCE_US

    @property
    def is_closed(self) -> bool:
        """Asked to close, and nothing is left to work off."""
        is_held_back = self.pulled or self.risk.words
        return self.closing and not is_held_back and not self.decision.quotes and not self.orders

    @property
    def mid(self) -> Decimal | None:
        ticker = self.ticker
        return None if ticker is None else self.instrument.tick_size * (ticker.bid_ticks + ticker.ask_ticks) / 2

    def live_orders(self) -> list[WorkingOrder]:
        return [order for order in self.orders.values() if order.is_live]

    def _quotes(self, known: Known, now_us: int) -> tuple[Quote, ...]:
        ticker, mark = self.ticker, self.mark
        if ticker is None or mark is None:
            return ()
        self.granted_usd = self.capital.grant(self.config.symbol, self._position_margin)
        granted_usd = self.granted_usd * self.leverage
        room = room_usd(self.config, known.position_usd)
        self._volatility.see(ticker.bid_ticks + ticker.ask_ticks, now_us)
        situation = Situation(
            now_us=now_us,
            instrument=self.instrument,
            book=ticker,
            mark=mark.mark,
            position_lots=self.book.position_lots,
            entry_price=self.book.entry_price,
            order_usd=granted_usd if room is None else min(granted_usd, room),
            closing=self.closing,
        )
        self._state, decision = self._strategy.decide(self._state, situation)
        quotes = self.risk.permitted(known, self.orders.values(), decision.quotes)
        if len(quotes) < len(decision.quotes):
            note = decision.note if quotes or decision.note else self.risk.words
            decision = replace(decision, quotes=quotes, note=note)
        self.decision = decision
        return quotes

    def _pull_reason(self, now_us: int) -> tuple[str, int | None]:
        """Why no quote may stand now, and else when the data will have become stale."""
        ticker, mark, config = self.ticker, self.mark, self.config
        if self.risk.killed or self.risk.closing:
            return self.risk.killed or self.risk.closing, None
        if not self.market_up:
            return "market data line is down", None
        if not self.account_up:
            return "account line is down", None
        if ticker is None or mark is None or ticker.bid_ticks >= ticker.ask_ticks:
            return "waiting for market data", None
        # By the venue's own time too: a line that lags steadily is no fresher for being alive.
        stale_us = min(mark.received_us, mark.exchange_ms * 1000) + config.stale_after_ms * 1000
        if now_us >= stale_us:
            return "market data is stale", None
        mid = self.instrument.tick_size * (ticker.bid_ticks + ticker.ask_ticks) / 2
        if abs(mid - mark.mark) > config.max_mark_deviation * mark.mark:
            return "mid is far from mark price", stale_us
        if not self.instrument.is_trading:
            return f"symbol is {self.instrument.status}", None
        if not self.guarded:
            return "dead-man's switch is not armed", stale_us
        return "", stale_us

    def _awaits_fills(self, now_us: int) -> bool:
        late = any(order.seen_lots < order.filled_lots for order in self.orders.values())
        if not late:
            self._fills_late_us = None
        elif self._fills_late_us is None:
            self._fills_late_us = now_us
        return late

    def _doubt_amended(self, now_us: int) -> None:
        for order in list(self.orders.values()):
            if lifecycle.is_amend_forgotten(order, now_us):
                self._take(lifecycle.missing(order, now_us), now_us)

    def _commit(self, quotes: tuple[Quote, ...]) -> None:
        """The margin of the position and of the larger side of all that is or is about to be working."""
        sides = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
        working: dict[Side, Decimal] = dict(sides)
        for order in self.orders.values():
            if order.is_live and not order.reduce_only:
                working[order.side] += self.instrument.notional(order.price_ticks, order.remaining_lots)
        for quote in quotes:
            if not quote.reduce_only:
                sides[quote.side] = self.instrument.notional(quote.price_ticks, quote.lots)
        orders_usd = max(max(sides[side], working[side]) for side in Side)
        self.capital.commit(self.config.symbol, self._position_margin + orders_usd / self.leverage)

    @property
    def _position_margin(self) -> Decimal:
        price = self.mark.mark if self.mark else self.book.entry_price
        return abs(self.book.position_lots) * self.instrument.step_size * price / self.leverage

    def _take(self, order: WorkingOrder, now_us: int) -> None:
        self.orders[order.client_id] = order
        self._ledger.write(OrderChanged(self.instrument, order, now_us))

    def _put(self, before: WorkingOrder, after: WorkingOrder, now_us: int) -> None:
        if _differs(before, after):
            self._take(after, now_us)
        else:
            self.orders[after.client_id] = after
        if after.is_live:
            return
        if before.is_live:
            is_unasked = before.phase in (Phase.PLACING, Phase.OPEN, Phase.AMENDING)
            self._ended(after, now_us, is_unasked=is_unasked and after.status is OrderStatus.CANCELED)
        if after.is_settled:
            del self.orders[after.client_id]

    def _ended(self, order: WorkingOrder, now_us: int, *, is_unasked: bool) -> None:
        """A refused order is not put again at once: the pause doubles while refusals follow each other. Nor is one that
        was cancelled and not by us: whoever did it, two runners would fight for ever.
        """
        if order.status is OrderStatus.FILLED:
            self._refusals.pop(order.side, None)
        elif order.was_refused or is_unasked:
            if order.status is OrderStatus.REJECTED:
                self.counters.rejected += 1
            elif order.status is OrderStatus.EXPIRED:
                self.counters.expired += 1
            count = self._refusals.get(order.side, 0)
            if now_us - self._holds.get(order.side, 0) > MAX_HOLD_US:
                count = 0
            self._refusals[order.side] = count + 1
            pause_us = min((self.config.refresh_interval_ms * 1000) << min(count, 20), MAX_HOLD_US)
            self._holds[order.side] = now_us + pause_us

    def _order_of(self, fill: Fill) -> WorkingOrder | None:
        if fill.client_id:
            return self.orders.get(fill.client_id)
        return next((order for order in self.orders.values() if order.order_id == fill.order_id), None)


def _differs(before: WorkingOrder, after: WorkingOrder) -> bool:
    """In what is kept of it."""
    return (before.phase, before.status, before.price_ticks, before.lots, before.filled_lots, before.seen_lots) != (
        after.phase,
        after.status,
        after.price_ticks,
        after.lots,
        after.filled_lots,
        after.seen_lots,
    )


def _should_be_listed(order: WorkingOrder, asked_us: int, now_us: int) -> bool:
    """What was changed later than now was changed before our clock was set back with the venue's."""
    return order.phase is Phase.OPEN and not asked_us <= order.changed_us <= now_us


def _is_other(order: WorkingOrder, told: Order) -> bool:
    """An amendment that came late, or fills, of which nothing was told; not what is only older than we know it."""
    is_amended = (told.price_ticks, told.lots) != (order.price_ticks, order.lots)
    is_filled = told.filled_lots > max(order.filled_lots, order.seen_lots)
    return told.exchange_ms >= order.venue_ms and (is_amended or is_filled)


def _is_overtaken(order: WorkingOrder, action: Action) -> bool:
    """The stream told of the order before this request was answered, and by now another one is under way."""
    match order.phase:
        case Phase.AMENDING:
            return not isinstance(action, Amend)
        case Phase.CANCELLING:
            return not isinstance(action, Cancel)
        case _:
            return False
