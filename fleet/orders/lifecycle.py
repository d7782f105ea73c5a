"""The life of one order of ours, as a value: what it is believed to be after each thing that was sent or heard.

    PLACING ──answer──> OPEN ──amend sent──> AMENDING ──answer──> OPEN
       │                  └──cancel sent──> CANCELLING ──answer──> DONE
       └──no answer──> UNKNOWN <──no answer── AMENDING, CANCELLING
    UNKNOWN ──the venue has said what it is──> OPEN or DONE

"No such order" proves nothing of a young order: its placement may still be on its way, or the server that was asked
may not have heard of it yet. Until an UNKNOWN order is something else its side stays empty, and it is asked after. It
counts as never placed, or as gone, when

 - the venue had acknowledged it, and has said "no such order" at least three times, over more than a second and a half;
 - or, never acknowledged, since it was last sent for there passed as long as its request could still be let in
   (SURELY_NOT_PLACED_US), and the venue then says "no such order".

An order that the list of open ones lacks is not gone either: it becomes UNKNOWN, and is asked after like the others.

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

RETRY_PAUSE_US = 500_000


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
    retry_us: int = 0
    """Not to be asked for a change before: the last one was refused."""
    amends_refused: int = 0
    """In a row."""
    asked: tuple[int, int] | None = None
    """Price ticks and lots that an amendment under way, or without an answer, would give it."""

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


def adopted(told: Order, now_us: int) -> WorkingOrder:
    """An order of the fleet that this worker has not placed: it is open, and will be decided on like any other."""
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
        venue_ms=told.exchange_ms,
        status=told.status,
    )


def amending(order: WorkingOrder, amend: Amend, now_us: int) -> WorkingOrder:
    return replace(order, phase=Phase.AMENDING, changed_us=now_us, asked=(amend.price_ticks, amend.lots))


def cancelling(order: WorkingOrder, now_us: int) -> WorkingOrder:
    return replace(order, phase=Phase.CANCELLING, changed_us=now_us)


def heard(order: WorkingOrder, told: Order, *, answer: bool) -> WorkingOrder:
    """After the venue told of the order: by an answer to our request, or (`answer=False`) by the user stream.

    Both lines race. What is final stays final, what is filled never shrinks, and older news does not change a price.
    """
    order = replace(
        order, order_id=told.order_id, filled_lots=max(order.filled_lots, told.filled_lots), status=told.status
    )
    if order.phase is Phase.DONE:
        return order
    if told.status.is_final:
        return replace(order, phase=Phase.DONE, reason=told.status.value, venue_ms=told.exchange_ms)
    if told.exchange_ms >= order.venue_ms:
        order = replace(order, price_ticks=told.price_ticks, lots=told.lots, venue_ms=told.exchange_ms)
    awaits_answer = order.phase in (Phase.AMENDING, Phase.CANCELLING)
    if awaits_answer and not answer:
        return order
    is_amended = order.phase is Phase.AMENDING
    amends_refused = 0 if is_amended else order.amends_refused
    # Seen as it was before an amendment without an answer: that one may still arrive.
    asked = None if is_amended or order.asked == (told.price_ticks, told.lots) else order.asked
    return replace(order, phase=Phase.OPEN, queries=0, amends_refused=amends_refused, asked=asked)


def unanswered(order: WorkingOrder, error: VenueError, now_us: int) -> WorkingOrder:
    """After a request of ours for this order failed. What cannot be known is asked: UNKNOWN."""
    if order.phase is Phase.DONE:
        return order
    is_gone = isinstance(error, UnknownOrder) and order.phase is not Phase.PLACING
    if isinstance(error, OutcomeUnknown) or is_gone:
        return replace(order, phase=Phase.UNKNOWN, next_query_us=now_us, queries=0)
    if order.phase is Phase.PLACING:
        status = OrderStatus.REJECTED if isinstance(error, Rejected) else None
        return replace(order, phase=Phase.DONE, status=status, reason=str(error))
    amends_refused = order.amends_refused + (order.phase is Phase.AMENDING and isinstance(error, Rejected))
    return replace(order, phase=Phase.OPEN, retry_us=now_us + RETRY_PAUSE_US, amends_refused=amends_refused, asked=None)


def missing(order: WorkingOrder, now_us: int) -> WorkingOrder:
    """After the venue listed its open orders and this one was not among them: it is asked what it is."""
    return replace(order, phase=Phase.UNKNOWN, next_query_us=now_us, queries=0)


def cleared(order: WorkingOrder) -> WorkingOrder:
    """After all of the fleet's orders were cancelled and seen to be gone; what this one had become is not asked."""
    return replace(order, phase=Phase.DONE, reason="cleared")


def fills_counted(order: WorkingOrder, lots: int) -> WorkingOrder:
    """After the trade list was read to its end: what the venue had said before that was filled, so many lots of it, has
    been seen, by whatever name."""
    late = max(min(lots, order.filled_lots) - order.seen_lots, 0)
    return replace(order, seen_lots=order.seen_lots + late, unseen_lots=order.unseen_lots + late)


def query_due_us(order: WorkingOrder) -> int | None:
    return order.next_query_us if order.phase is Phase.UNKNOWN else None


def querying(order: WorkingOrder, now_us: int) -> WorkingOrder:
    pause_us = min(250_000 << order.queries, 5_000_000)
    return replace(order, queries=order.queries + 1, next_query_us=now_us + pause_us)


def not_found(order: WorkingOrder, now_us: int) -> WorkingOrder:
    """After a query was answered "no such order". Of a young order, or one never acknowledged, this proves nothing."""
    if order.phase is not Phase.UNKNOWN:
        return order
    acknowledged = order.order_id is not None
    if (acknowledged and order.queries >= 3) or now_us - order.changed_us > SURELY_NOT_PLACED_US:
        return replace(order, phase=Phase.DONE, status=OrderStatus.CANCELED, reason="unknown to the venue")
    return order


def filled(order: WorkingOrder, lots: int) -> WorkingOrder:
    """After a fill of this order not seen before."""
    late = min(lots, order.unseen_lots)
    order = replace(order, seen_lots=order.seen_lots + lots - late, unseen_lots=order.unseen_lots - late)
    return replace(order, filled_lots=max(order.filled_lots, order.seen_lots))


def amend_of(order: WorkingOrder, price_ticks: int, remaining_lots: int) -> Amend:
    total_lots = remaining_lots + max(order.filled_lots, order.seen_lots)
    return Amend(order.symbol, order.client_id, order.side, price_ticks, total_lots)
