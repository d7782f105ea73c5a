"""The life of one order of ours, as a value: what it is believed to be after each thing that was sent or heard.

    PLACING ──answer──> OPEN ──amend sent──> AMENDING ──answer──> OPEN
       │                  └──cancel sent──> CANCELLING ──answer──> DONE
       └──no answer──> UNKNOWN <──no answer── AMENDING, CANCELLING
    UNKNOWN ──the venue has said what it is──> OPEN or DONE

"No such order" proves nothing of a young order: its placement may still be on its way, or the server that was asked
may not have heard of it yet. Until an UNKNOWN order is something else its side stays empty, and it is asked after, by
one query at a time. It counts as gone, or as never placed, when

 - the venue has answered "no such order" at least NO_SUCH_ORDERS times since it became UNKNOWN, and NO_SUCH_ORDER_US
   passed between the first of these answers and the sending of the last question; one without an answer counts for
   nothing;
 - and, if the venue never acknowledged it, that last question was sent when its placement could no longer be let in
   (SURELY_NOT_PLACED_US).

An order that the list of open ones lacks is not gone either: it becomes UNKNOWN, and is asked after like the others.

An amendment without an answer may arrive as long. Until it was seen, or the venue was asked what the order is once it
can no longer arrive, it counts with the order (`asked`), and the order is not amended again but replaced: there is
never more than one.

Owns: the states and every way between them. Must not know: sockets, tasks, clocks (`now_us` comes in).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from exchange.errors import OutcomeUnknown, Rejected, UnknownOrder, VenueError
from exchange.model import Amend, Order, OrderStatus, Place, Side

NONCE_WINDOW_US = 10_000_000
"""A request that arrives later than this after its signing is refused (api-docs V3: Nonce mechanism)."""

SURELY_NOT_PLACED_US = 2 * NONCE_WINDOW_US
"""After this long, "no such order" proves that a placement without an answer never was: it can no longer be let in.
Twice the window, as our clock may have been ahead of the venue's by a whole one and the request was let in."""

NO_SUCH_ORDERS = 5
NO_SUCH_ORDER_US = 1_500_000
"""Servers that are asked lag behind the one that matches, by less than this. Five, as the pauses between so many take
as long even when our clock, which is put right now and then, leaps over one of them."""

RETRY_PAUSE_US = 500_000
LONGEST_QUERY_PAUSE_US = 5_000_000


class Phase(StrEnum):
    PLACING = "placing"
    OPEN = "open"
    AMENDING = "amending"
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """`filled_lots` is what the venue says of the order, `seen_lots` what its fills add up to: the first may lead."""

    symbol: str
    client_id: str
    side: Side
    price_ticks: int
    lots: int
    reduce_only: bool
    phase: Phase
    placed_us: int
    changed_us: int
    order_id: int | None = None
    filled_lots: int = 0
    seen_lots: int = 0
    unseen_lots: int = 0
    """Of `seen_lots`, those that the venue vouched for and whose trades may still come."""
    venue_ms: int = 0
    status: OrderStatus | None = None
    reason: str = ""
    next_query_us: int = 0
    queries: int = 0
    """Sent since it became unknown."""
    query_us: int | None = None
    """When the query was sent that is under way."""
    absences: int = 0
    """How often "no such order" was the answer since it became unknown, """
    absent_us: int = 0
    """and when it first was."""
    retry_us: int = 0
    """Not to be asked for a change before: the last one was refused."""
    amends_refused: int = 0
    """In a row."""
    asked: tuple[int, int] | None = None
    """Price ticks and lots that an amendment under way, or without an answer, would give it."""
    is_earlier: bool = False
    """Placed by an earlier run of the fleet, which may live yet: it is cancelled, and not quoted with."""

    @property
    def remaining_lots(self) -> int:
        return max(self.lots - max(self.filled_lots, self.seen_lots), 0)

    @property
    def is_live(self) -> bool:
        return self.phase is not Phase.DONE

    @property
    def is_settled(self) -> bool:
        """Nothing more will be heard of it that matters."""
        return self.phase is Phase.DONE and self.seen_lots >= self.filled_lots

    @property
    def was_refused(self) -> bool:
        """It ended without the market or us having wanted it: rejected, post-only that would have crossed, or (status
        None) not even taken in."""
        return self.phase is Phase.DONE and self.status in (None, OrderStatus.REJECTED, OrderStatus.EXPIRED)


def placing(place: Place, now_us: int) -> WorkingOrder:
    return WorkingOrder(
        symbol=place.symbol,
        client_id=place.client_id,
        side=place.side,
        price_ticks=place.price_ticks,
        lots=place.lots,
        reduce_only=place.reduce_only,
        phase=Phase.PLACING,
        placed_us=now_us,
        changed_us=now_us,
    )


def adopted(told: Order, now_us: int, *, is_earlier: bool = False) -> WorkingOrder:
    """An order of the fleet that this worker has not placed: it is open."""
    return WorkingOrder(
        symbol=told.symbol,
        client_id=told.client_id,
        side=told.side,
        price_ticks=told.price_ticks,
        lots=told.lots,
        reduce_only=told.reduce_only,
        phase=Phase.OPEN,
        placed_us=now_us,
        changed_us=now_us,
        order_id=told.order_id,
        filled_lots=told.filled_lots,
        seen_lots=told.filled_lots,
        unseen_lots=told.filled_lots,
        venue_ms=told.exchange_ms,
        status=told.status,
        is_earlier=is_earlier,
    )


def amending(order: WorkingOrder, amend: Amend, now_us: int) -> WorkingOrder:
    assert order.asked is None, "an amendment of it may still arrive"
    return replace(order, phase=Phase.AMENDING, changed_us=now_us, asked=(amend.price_ticks, amend.lots))


def cancelling(order: WorkingOrder, now_us: int) -> WorkingOrder:
    return replace(order, phase=Phase.CANCELLING, changed_us=now_us)


def heard(order: WorkingOrder, told: Order, *, answer: bool, listed: bool = False) -> WorkingOrder:
    """After the venue told of the order: by an answer to our request, in a list of open orders, or by the user stream.

    All of these race. What is final stays final, what is filled never shrinks, and older news does not change a price.
    """
    filled_lots = max(order.filled_lots, told.filled_lots)
    order = replace(order, order_id=told.order_id, filled_lots=filled_lots)
    if told.status.is_final:
        order = replace(order, status=told.status)
    if order.phase is Phase.DONE:
        return order
    if told.status.is_final:
        return replace(order, phase=Phase.DONE, reason=told.status.value, venue_ms=told.exchange_ms)
    status = told.status if told.filled_lots == filled_lots else OrderStatus.PARTIALLY_FILLED
    is_newer = _is_newer(order, told, asked_for=answer or listed)
    # Seen as it was before an amendment without an answer: that one may still arrive.
    asked = None if _is_amend_over(order, told, answer=answer) else order.asked
    order = replace(order, status=status, asked=asked)
    if is_newer:
        order = replace(order, price_ticks=told.price_ticks, lots=told.lots, venue_ms=told.exchange_ms)
    awaits_answer = order.phase in (Phase.AMENDING, Phase.CANCELLING)
    if awaits_answer and not answer:
        return order
    is_amended = order.phase is Phase.AMENDING
    amends_refused = 0 if is_amended else order.amends_refused
    return replace(order, phase=Phase.OPEN, amends_refused=amends_refused)


def _is_newer(order: WorkingOrder, told: Order, *, asked_for: bool) -> bool:
    """Of one millisecond the stream may tell of a trade after the answer to an amendment did: its price is the one from
    before."""
    is_of_same_ms = told.exchange_ms == order.venue_ms
    return told.exchange_ms > order.venue_ms or (
        is_of_same_ms and (asked_for or order.asked == (told.price_ticks, told.lots))
    )


def _is_amend_over(order: WorkingOrder, told: Order, *, answer: bool) -> bool:
    """Whether an amendment was answered, is seen to have been carried out, or was not and will never be."""
    if answer and order.phase is Phase.AMENDING:
        return True
    if order.asked == (told.price_ticks, told.lots) and told.exchange_ms > order.venue_ms:
        return True
    return answer and order.query_us is not None and order.query_us - order.changed_us > SURELY_NOT_PLACED_US


def unanswered(order: WorkingOrder, error: VenueError, now_us: int) -> WorkingOrder:
    """After a request of ours for this order failed. What cannot be known is asked: UNKNOWN."""
    if order.phase is Phase.DONE:
        return order
    if isinstance(error, OutcomeUnknown):
        return missing(order, now_us)
    if order.phase is Phase.AMENDING:
        refused = order.amends_refused + isinstance(error, Rejected)
        order = replace(order, asked=None, amends_refused=refused)
    if order.phase is Phase.PLACING:
        status = OrderStatus.REJECTED if isinstance(error, Rejected) else None
        return replace(order, phase=Phase.DONE, status=status, reason=str(error))
    if isinstance(error, UnknownOrder):
        return missing(order, now_us)
    return replace(order, phase=Phase.OPEN, retry_us=now_us + RETRY_PAUSE_US)


def missing(order: WorkingOrder, now_us: int) -> WorkingOrder:
    """After it came in doubt, as by a list of open orders that lacks it: it is asked what it is."""
    return replace(order, phase=Phase.UNKNOWN, next_query_us=now_us, queries=0, absences=0)


def is_amend_forgotten(order: WorkingOrder, now_us: int) -> bool:
    """An amendment without an answer can no longer arrive: the venue must be asked whether it has."""
    is_pending = order.asked is not None and order.phase is Phase.OPEN
    return is_pending and now_us - order.changed_us > SURELY_NOT_PLACED_US


def cleared(order: WorkingOrder) -> WorkingOrder:
    """After all of the fleet's orders were cancelled and seen to be gone, and nobody told what this one had become."""
    return replace(order, phase=Phase.DONE, status=None, reason="cleared")


def fills_counted(order: WorkingOrder, lots: int) -> WorkingOrder:
    """After the trade list was read to its end: what the venue had said before that was filled, so many lots of it, has
    been seen, by whatever name."""
    late = max(min(lots, order.filled_lots) - order.seen_lots, 0)
    return replace(order, seen_lots=order.seen_lots + late, unseen_lots=order.unseen_lots + late)


def querying(order: WorkingOrder, now_us: int) -> WorkingOrder:
    pause_us = min(250_000 << order.queries, LONGEST_QUERY_PAUSE_US)
    return replace(order, queries=order.queries + 1, query_us=now_us, next_query_us=now_us + pause_us)


def queried(order: WorkingOrder) -> WorkingOrder:
    """After the query under way was answered, or failed."""
    return replace(order, query_us=None)


def not_found(order: WorkingOrder, now_us: int) -> WorkingOrder:
    """After the query under way was answered "no such order". See above for when this proves anything."""
    query_us = order.query_us
    # One that was sent before the order came in doubt tells of another time.
    if order.phase is not Phase.UNKNOWN or not order.queries or query_us is None:
        return order
    absent_us = order.absent_us if order.absences else now_us
    order = replace(order, absences=order.absences + 1, absent_us=absent_us)
    may_arrive = order.order_id is None and query_us - order.changed_us <= SURELY_NOT_PLACED_US
    if may_arrive or order.absences < NO_SUCH_ORDERS or query_us - absent_us < NO_SUCH_ORDER_US:
        return order
    return replace(order, phase=Phase.DONE, status=OrderStatus.CANCELED, reason="unknown to the venue")


def filled(order: WorkingOrder, lots: int) -> WorkingOrder:
    """After a fill of this order not seen before."""
    late = min(lots, order.unseen_lots)
    order = replace(order, seen_lots=order.seen_lots + lots - late, unseen_lots=order.unseen_lots - late)
    return replace(order, filled_lots=max(order.filled_lots, order.seen_lots))


def amend_of(order: WorkingOrder, price_ticks: int, remaining_lots: int) -> Amend:
    total_lots = remaining_lots + max(order.filled_lots, order.seen_lots)
    return Amend(order.symbol, order.client_id, order.side, price_ticks, total_lots)
