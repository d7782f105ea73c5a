"""Whether an order may come in as things stand: symbol status, counterparty, margin, position, other orders.

Owns: the checks of an order against its symbol and its account, as pure questions. Must not know: an order's life,
parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.model import PositionSide, Side
from exchange.paper.answers import Refusal
from exchange.paper.listing import Listing
from exchange.paper.order import PaperOrder
from exchange.protocol import codes


def check_status(order: PaperOrder) -> None:
    """Before it settles a symbol is reduce-only; otherwise nothing is placed where there is no trading."""
    status = order.listing.instrument.status
    if status == "TRADING" or (status == "PRE_SETTLE" and order.only_reduces):
        return
    if status == "CLOSE":
        raise Refusal(codes.SYMBOL_ALREADY_CLOSED, "Symbol is closed")
    raise Refusal(codes.INVALID_OPENING_POSITION_STATUS, "Invalid symbol status for opening position")


def check_waiting(order: PaperOrder, open_orders: Iterable[PaperOrder]) -> None:
    """MAX_NUM_ALGO_ORDERS, and one order to close a position in each direction and of each type."""
    waiting = [each for each in open_orders if each.is_waiting]
    if len(waiting) >= order.listing.rules.max_algo_orders:
        raise Refusal(codes.MAX_STOP_ORDER_EXCEEDED, "Reach max stop order limit.")
    if not (order.condition and order.condition.closes_position):
        return
    for each in waiting:
        closes = each.condition is not None and each.condition.closes_position
        if closes and (each.type, each.side, each.holding) == (order.type, order.side, order.holding):
            raise Refusal(
                codes.CLOSE_POSITION_EXISTS,
                "An open stop or take profit order with GTE and closePosition in the direction is existing.",
            )


def admitted_lots(order: PaperOrder) -> int:
    """What of the order may come into the book now: a reduce-only one is cut to the position. Raises Refusal."""
    listing, holding, side = order.listing, order.holding, order.side
    if order.type == "MARKET":
        _check_counterparty(listing, side)
    if not order.only_reduces:
        check_margin(order, notional(listing, order.ticks, order.lots))
        return order.lots
    room = holding.reducible(side)
    if not room or (order.lots > room and order.position_side is not PositionSide.BOTH):
        raise Refusal(codes.REDUCE_ONLY_REJECT, "ReduceOnly Order is rejected.")
    return min(order.lots or room, room)


def check_margin(order: PaperOrder, more: Decimal) -> None:
    """Whether `more` notional of open orders may be."""
    if not order.account.can_hold(order.holding, order.side, more):
        raise Refusal(codes.MARGIN_NOT_SUFFICIENT, "Margin is insufficient.")
    if order.holding.over_cap(order.side, more):
        raise Refusal(codes.MAX_LEVERAGE_RATIO, "Exceeded the maximum allowable position at current leverage.")


def notional(listing: Listing, ticks: int, lots: int) -> Decimal:
    """At the mark price where there is no limit (0)."""
    return listing.instrument.notional(ticks, lots) if ticks else listing.mark * listing.instrument.quantity(lots)


def market_limit(listing: Listing, side: Side) -> int:
    """How far a market order may go from the mark price (docs: marketTakeBound)."""
    price = listing.mark * (1 + side.sign * listing.rules.take_bound)
    instrument = listing.instrument
    return max(1, instrument.floor_price(price) if side is Side.BUY else instrument.ceil_price(price))


def _check_counterparty(listing: Listing, side: Side) -> None:
    instrument, market = listing.instrument, listing.market
    best = market.best_ask() if side is Side.BUY else market.best_bid()
    if best is not None:
        price = instrument.price(best[0])
        if side is Side.BUY and price <= listing.mark * instrument.percent_up:
            return
        if side is Side.SELL and price >= listing.mark * instrument.percent_down:
            return
    message = "The counterparty's best price does not meet the PERCENT_PRICE filter limit"
    raise Refusal(codes.MARKET_ORDER_REJECT, message)
