"""What a symbol's position and orders may come to, whatever fills and whatever was carried out of what is not known.

Owns: the worst case of an order and of a side. Must not know: limits, who asks. All amounts are USD.

An order counts at its own price: when it fills, the market is there. While an amendment is under way, or has no answer,
it counts by the dearest way in which it can fill: before the amendment, after it, or both. What the venue calls filled
and no trade has told of yet is in no position, and so counts with its order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Amend, Instrument, Place, Side
from fleet.ledger.books import SymbolBook
from fleet.orders.lifecycle import WorkingOrder, amending, placing
from fleet.orders.plan import Action

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """The most that one symbol's position, or several symbols' together, may come to, and its opening orders."""

    position_usd: Decimal = ZERO
    open_usd: Decimal = ZERO


def order_usd(instrument: Instrument, order: WorkingOrder) -> Decimal:
    """What of it may still go into a position."""
    if not order.is_live:
        return instrument.notional(order.price_ticks, max(order.filled_lots - order.seen_lots, 0))
    lots = max(order.lots - order.seen_lots, 0)
    if order.asked is None:
        return instrument.notional(order.price_ticks, lots)
    ticks, asked = order.asked
    asked_lots = max(asked - order.seen_lots, 0)
    # As it was until all of that has filled, and then as asked for.
    in_turn = order.price_ticks * lots + ticks * max(asked_lots - lots, 0)
    return instrument.notional(1, max(in_turn, ticks * asked_lots))


def sides_usd(instrument: Instrument, orders: Iterable[WorkingOrder]) -> tuple[Decimal, Decimal]:
    """All orders that may open or add to a position: those that buy, those that sell."""
    buys = sells = ZERO
    for order in orders:
        if not order.reduce_only:
            if order.side is Side.BUY:
                buys += order_usd(instrument, order)
            else:
                sells += order_usd(instrument, order)
    return buys, sells


def after(orders: tuple[WorkingOrder, ...], action: Action) -> tuple[WorkingOrder, ...]:
    """The orders as they would be once the action has been sent. A cancel changes nothing before it is answered."""
    match action:
        case Place():
            return (*orders, placing(action, 0))
        case Amend():
            return tuple(amending(each, action, 0) if each.client_id == action.client_id else each for each in orders)
        case _:
            return orders


def price_range(order: WorkingOrder) -> tuple[int, int]:
    """The lowest and the highest price, in ticks, that it may have."""
    ticks = order.price_ticks if order.asked is None else order.asked[0]
    return min(order.price_ticks, ticks), max(order.price_ticks, ticks)


def position_usd(book: SymbolBook, mark: Decimal | None) -> Decimal:
    """Signed. The larger of what it was opened for, which no market changes, and what it is worth."""
    value = book.position_lots * book.instrument.step_size * (mark or ZERO)
    return max(book.cost, value) if book.position_lots > 0 else min(book.cost, value)


def worst(instrument: Instrument, position: Decimal, orders: Iterable[WorkingOrder]) -> Held:
    """A position gives the other side's orders no credit: it may be gone when they fill."""
    buys, sells = sides_usd(instrument, orders)
    return Held(max(max(position, ZERO) + buys, max(-position, ZERO) + sells), buys + sells)
