"""One symbol's working orders: what each is believed to be, by all that was sent and all that was heard.

Owns: which orders there are, which are over for good, whose fills have still to come, how the venue's lists differ, and
how long a side rests after refusals. Must not know: quotes, the market, why something is sent. Each event comes in by a
method call with its time; what it makes of one order is the life cycle's to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from exchange.errors import UnknownOrder, VenueError
from exchange.model import Amend, Cancel, Fill, Instrument, Order, OrderStatus, Place, Side
from fleet.ledger.entries import OrderChanged, Recorder
from fleet.orders import lifecycle
from fleet.orders.ids import ClientIds
from fleet.orders.lifecycle import Phase, WorkingOrder
from fleet.orders.plan import Action, Query

FILL_PATIENCE_US = 1_000_000
"""How long the user stream may lag behind an answer that told of a fill before the trade list is asked."""

MAX_HOLD_US = 30_000_000

FINISHED_KEPT = 128

_recorded = attrgetter("phase", "status", "price_ticks", "lots", "filled_lots", "seen_lots")
"""What the ledger keeps of an order, as far as it changes."""


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


class WorkingOrders:
    """Mutable, but pure: the same calls in the same order leave them the same."""

    def __init__(
        self, instrument: Instrument, ids: ClientIds, counters: Counters, ledger: Recorder, pause_us: int
    ) -> None:
        """`pause_us`: how long a side rests after one refusal."""
        self.ids = ids
        self.counters = counters
        self.pause_us = pause_us
        self.orders: dict[str, WorkingOrder] = {}
        """By client id."""
        self.holds: dict[Side, int] = {}
        """No new order of a side before."""
        self.problem = ""
        """The last refusal, for the owner; empty again when an order was accepted."""
        self._instrument = instrument
        self._ledger = ledger
        self._refusals: dict[Side, int] = {}
        """In a row."""
        self._finished: deque[str] = deque(maxlen=FINISHED_KEPT)
        """Orders that the venue called over: news of them that comes late makes none of them live again."""
        self._cleared: deque[str] = deque(maxlen=FINISHED_KEPT)
        """Orders that were cancelled behind a worker's back, and of which the venue knew nothing any more. News on its
        way makes none of them live again, but a list that has one does."""
        self._fills_late_us: int | None = None

    @property
    def cleared(self) -> tuple[str, ...]:
        return tuple(self._cleared)

    def saved(self) -> tuple[tuple[WorkingOrder, ...], dict[Side, int], dict[Side, int], tuple[str, ...], int | None]:
        """All that `restore` asks for, `cleared` beside it."""
        orders, finished = tuple(self.orders.values()), tuple(self._finished)
        return orders, dict(self.holds), dict(self._refusals), finished, self._fills_late_us

    def restore(
        self,
        orders: tuple[WorkingOrder, ...],
        holds: dict[Side, int],
        refusals: dict[Side, int],
        finished: tuple[str, ...],
        fills_late_us: int | None,
        cleared: tuple[str, ...],
    ) -> None:
        """Goes on from where others were `saved`."""
        self.orders = {order.client_id: order for order in orders}
        self.holds, self._refusals = dict(holds), dict(refusals)
        self._finished = deque(finished, FINISHED_KEPT)
        self._cleared = deque(cleared, FINISHED_KEPT)
        self._fills_late_us = fills_late_us

    def take_over(self, before: WorkingOrders) -> None:
        """What was known to be over to an earlier worker stays over: late news of it may come to this one."""
        self._finished.extend(before._finished)
        self._cleared.extend(before._cleared)

    def is_over(self, client_id: str) -> bool:
        """Whether the venue has said so."""
        return client_id in self._finished

    def live(self) -> list[WorkingOrder]:
        return [order for order in self.orders.values() if order.is_live]

    # --- what is sent

    def sending(self, action: Action, now_us: int) -> Action:
        """It goes out now. A placement gets its client order id here."""
        match action:
            case Place():
                action = replace(action, client_id=self.ids.next())
                self._take(lifecycle.placing(action, now_us), now_us)
            case Amend():
                self._take(lifecycle.amending(self.orders[action.client_id], action, now_us), now_us)
            case Cancel():
                self._take(lifecycle.cancelling(self.orders[action.client_id], now_us), now_us)
            case Query():
                self.orders[action.client_id] = lifecycle.querying(self.orders[action.client_id], now_us)
        return action

    # --- what is heard

    def on_order(self, told: Order, now_us: int, *, answer: bool = False) -> bool:
        """News of an order. One of the fleet's that is not known (an earlier run's, a late arrival) is adopted: returns
        whether this was one."""
        is_adopted = self._hear(told, now_us, answer=answer)
        self.counters.differences += is_adopted
        return is_adopted

    def on_fill(self, fill: Fill, now_us: int) -> bool:
        """A fill that was not counted before. Returns whether it may be the fleet's: one that the trade list told of
        names no client id, and whether it was ours is not known any more."""
        order = self._order_of(fill)
        if order is None:
            return not fill.client_id or self.ids.are_of(fill.client_id)
        self._refusals.pop(order.side, None)
        # What was refused was refused before this: the other side must not wait.
        other = order.side.opposite
        self.holds[other] = min(self.holds.get(other, now_us), now_us)
        self._put(order, lifecycle.filled(order, fill.lots), now_us)
        return True

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
        self.on_order(told, now_us, answer=order is not None and not _is_overtaken(order, action))
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
        if not _is_overtaken(order, action):
            self._put(order, lifecycle.unanswered(order, error, now_us), now_us)

    # --- the venue's lists

    def differing(self, open_orders: list[Order], asked_us: int, now_us: int) -> list[str]:
        """Orders, by client id, of which the venue's list of open ones says another thing than we believe: it has ours
        no more, or as another one, or has one that we know nothing of. What was changed after it was asked for may be
        missing in it."""
        listed = {told.client_id: told for told in open_orders}
        idle = {id_: order for id_, order in self.orders.items() if _should_be_listed(order, asked_us, now_us)}
        gone = [id_ for id_ in idle if id_ not in listed]
        other = [id_ for id_, order in idle.items() if id_ in listed and _is_other(order, listed[id_])]
        unknown = [told.client_id for told in open_orders if self._is_unknown(told.client_id)]
        return gone + other + unknown

    @property
    def filled(self) -> dict[str, int]:
        """By client id, as far as the venue has told."""
        return {order.client_id: order.filled_lots for order in self.orders.values()}

    def reconcile(self, open_orders: list[Order], asked_us: int, now_us: int, filled: Mapping[str, int]) -> list[str]:
        """Holds the venue's list of open orders, asked for at `asked_us`, against ours. Then the trades were asked for:
        what was `filled` before is counted, what was told of meanwhile need not be.

        What it does not list any more is asked for one by one. Returns what `differing` says.
        """
        listed = {told.client_id: told.filled_lots for told in open_orders}
        differing = self.differing(open_orders, asked_us, now_us)
        self.counters.differences += len(differing)
        for told in open_orders:
            self._hear(told, now_us, is_listed=True)
        for order in list(self.orders.values()):
            if order.client_id not in listed and _should_be_listed(order, asked_us, now_us):
                order = lifecycle.missing(order, now_us)
            lots = max(filled.get(order.client_id, 0), listed.get(order.client_id, 0))
            self._put(order, lifecycle.fills_counted(order, lots), now_us)
        return differing

    # --- what time brings

    def await_fills(self, now_us: int) -> int | None:
        """Until when to wait for fills that the venue said there are and whose trades have not come; None: for none."""
        if all(order.seen_lots >= order.filled_lots for order in self.orders.values()):
            self._fills_late_us = None
            return None
        if self._fills_late_us is None:
            self._fills_late_us = now_us
        return self._fills_late_us + FILL_PATIENCE_US

    def fills_are_late(self, now_us: int) -> bool:
        """They were waited for in vain: the trade list must be asked."""
        return self._fills_late_us is not None and now_us - self._fills_late_us >= FILL_PATIENCE_US

    def doubt_amended(self, now_us: int) -> None:
        for order in list(self.orders.values()):
            if lifecycle.is_amend_forgotten(order, now_us):
                self._take(lifecycle.missing(order, now_us), now_us)

    def note_cleared(self, now_us: int) -> None:
        """None is left: all were cancelled behind its back."""
        for order in self.live():
            self._cleared.append(order.client_id)
            self._ledger.write(OrderChanged(self._instrument, lifecycle.cleared(order), now_us))

    def _hear(self, told: Order, now_us: int, *, answer: bool = False, is_listed: bool = False) -> bool:
        order = self.orders.get(told.client_id)
        is_late = not is_listed and told.client_id in self._cleared
        is_adopted = not told.status.is_final and not is_late and self._is_unknown(told.client_id)
        if order is not None:
            self._put(order, lifecycle.heard(order, told, answer=answer, listed=is_listed), now_us)
        elif is_adopted:
            is_earlier = self.ids.run.is_later_than(told.client_id)
            self._take(lifecycle.adopted(told, now_us, is_earlier=is_earlier), now_us)
        if told.status.is_final:
            # Whether it was known or not: an earlier worker's may end, and what was told before come after.
            self._finished.append(told.client_id)
        return is_adopted

    def _is_unknown(self, client_id: str) -> bool:
        """One of the fleet's that is not known, neither as working nor as over."""
        return client_id not in self.orders and client_id not in self._finished and self.ids.are_of(client_id)

    def _take(self, order: WorkingOrder, now_us: int) -> None:
        self.orders[order.client_id] = order
        self._ledger.write(OrderChanged(self._instrument, order, now_us))

    def _put(self, before: WorkingOrder, after: WorkingOrder, now_us: int) -> None:
        if _recorded(before) != _recorded(after):
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
            if now_us - self.holds.get(order.side, 0) > MAX_HOLD_US:
                count = 0
            self._refusals[order.side] = count + 1
            self.holds[order.side] = now_us + min(self.pause_us << min(count, 20), MAX_HOLD_US)

    def _order_of(self, fill: Fill) -> WorkingOrder | None:
        if fill.client_id:
            return self.orders.get(fill.client_id)
        return next((order for order in self.orders.values() if order.order_id == fill.order_id), None)


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
