"""Order entry: from a request's parameters to an order that passes the symbol's filters, or the reason why not.

Owns: parameter rules and filters (docs: New Order, Filters, Error Codes). Must not know: accounts, queues.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Side, TimeInForce
from exchange.paper.answers import Params, Refusal, required, truth
from exchange.paper.listing import Listing
from exchange.protocol import codes

_CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_STOP_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")


@dataclass(frozen=True, slots=True)
class NewOrder:
    side: Side
    type: str
    time_in_force: TimeInForce
    ticks: int
    """0 for a market order."""
    lots: int
    reduce_only: bool
    client_id: str
    """Empty: to be made up."""
    wants_result: bool


def check_status(listing: Listing) -> None:
    """Raises Refusal when the symbol takes no orders."""
    if not listing.instrument.is_trading:
        raise Refusal(codes.INVALID_OPENING_POSITION_STATUS, "Invalid symbol status for opening position")


def parse_new_order(params: Params, listing: Listing) -> NewOrder:
    """Raises Refusal."""
    check_status(listing)
    side = parse_side(params)
    kind = required(params, "type")
    if kind in _STOP_TYPES:
        raise Refusal(-4084, "Method is not allowed currently. Upcoming soon.")
    if kind not in ("LIMIT", "MARKET"):
        raise Refusal(codes.INVALID_ORDER_TYPE, "Invalid orderType.")
    if params.get("positionSide", "BOTH") != "BOTH":
        raise Refusal(codes.POSITION_SIDE_NOT_MATCH, "Order's position side does not match user's setting.")
    reduce_only = truth(params, "reduceOnly")
    client_id = params.get("newClientOrderId", "")
    if client_id and not _CLIENT_ID.fullmatch(client_id):
        raise Refusal(codes.INVALID_CL_ORD_ID_LEN, "Client order id is not valid.")
    response_type = params.get("newOrderRespType", "ACK")
    if response_type not in ("ACK", "RESULT"):
        raise Refusal(-1136, "Invalid newOrderRespType.")
    if params.get("stpMode", "EXPIRE_TAKER") != "EXPIRE_TAKER":
        raise Refusal(-4084, "Method is not allowed currently. Upcoming soon.")
    time_in_force = TimeInForce.GTC
    ticks = 0
    if kind == "LIMIT":
        time_in_force = _time_in_force(required(params, "timeInForce"))
        required(params, "quantity")
        ticks = parse_price(required(params, "price"), listing, side)
    lots = parse_quantity(required(params, "quantity"), listing, is_market=kind == "MARKET")
    if not reduce_only:
        check_notional(listing, ticks, lots)
    return NewOrder(side, kind, time_in_force, ticks, lots, reduce_only, client_id, response_type == "RESULT")


def parse_side(params: Params) -> Side:
    side = required(params, "side")
    if side not in ("BUY", "SELL"):
        raise Refusal(codes.INVALID_SIDE, "Invalid side.")
    return Side(side)


def parse_price(text: str, listing: Listing, side: Side) -> int:
    """PRICE_FILTER and PERCENT_PRICE: a buy may not be far above the mark price, a sell not far below."""
    instrument = listing.instrument
    price = _number(text, "price")
    if price <= 0:
        raise Refusal(codes.PRICE_LESS_THAN_ZERO, "Price less than 0.")
    if _digits(price) > listing.rules.price_digits:
        raise Refusal(codes.BAD_PRECISION, "Precision is over the maximum defined for this asset.")
    try:
        ticks = instrument.ticks(price)
    except ValueError:
        ticks = -1
    if ticks < 0 or ticks % listing.rules.tick_multiple:
        raise Refusal(codes.PRICE_NOT_INCREASED_BY_TICK_SIZE, "Price not increased by tick size.")
    if ticks < instrument.min_ticks:
        raise Refusal(codes.PRICE_LESS_THAN_MIN_PRICE, "Price less than min price.")
    if instrument.max_ticks and ticks > instrument.max_ticks:
        raise Refusal(codes.PRICE_GREATER_THAN_MAX_PRICE, "Price greater than max price.")
    if side is Side.BUY and price > listing.mark * instrument.percent_up:
        raise Refusal(codes.PRICE_HIGHER_THAN_MULTIPLIER_UP, "Price is higher than mark price multiplier cap.")
    if side is Side.SELL and price < listing.mark * instrument.percent_down:
        raise Refusal(codes.PRICE_LOWER_THAN_MULTIPLIER_DOWN, "Price is lower than mark price multiplier floor.")
    return ticks


def parse_quantity(text: str, listing: Listing, *, is_market: bool) -> int:
    """LOT_SIZE, for market orders MARKET_LOT_SIZE."""
    rules = listing.rules
    quantity = _number(text, "quantity")
    if quantity <= 0:
        raise Refusal(codes.QTY_LESS_THAN_ZERO, "Quantity less than zero.")
    if _digits(quantity) > rules.quantity_digits:
        raise Refusal(codes.BAD_PRECISION, "Precision is over the maximum defined for this asset.")
    try:
        lots = rules.instrument.lots(quantity)
    except ValueError:
        lots = -1
    if lots < 0 or lots % rules.lot_multiple:
        raise Refusal(codes.QTY_NOT_INCREASED_BY_STEP_SIZE, "Qty not increased by step size.")
    least, most = rules.instrument.min_lots, rules.instrument.max_lots
    if is_market:
        least, most = rules.market_min_lots, rules.market_max_lots
    if lots < least:
        raise Refusal(codes.QTY_LESS_THAN_MIN_QTY, "Quantity less than min quantity.")
    if lots > most:
        raise Refusal(codes.QTY_GREATER_THAN_MAX_QTY, "Quantity greater than max quantity.")
    return lots


def check_notional(listing: Listing, ticks: int, lots: int) -> None:
    """MIN_NOTIONAL, for orders that are not reduce-only; a market order counts at the mark price."""
    instrument = listing.instrument
    price = instrument.price(ticks) if ticks else listing.mark
    if price * instrument.quantity(lots) < instrument.min_notional:
        raise Refusal(
            codes.MIN_NOTIONAL,
            f"Order's notional must be no smaller than {instrument.min_notional:.1f} (unless you choose reduce only)",
        )


def _time_in_force(text: str) -> TimeInForce:
    if text not in TimeInForce.__members__:
        raise Refusal(codes.INVALID_TIF, "Invalid timeInForce.")
    return TimeInForce(text)


def _number(text: str, name: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise Refusal(codes.INVALID_PARAMETER, f"Data sent for parameter '{name}' is not valid.")
    return Decimal(text)


def _digits(number: Decimal) -> int:
    """Decimals that matter: trailing zeros are no precision."""
    text = f"{number:f}"
    return len(text.partition(".")[2].rstrip("0"))
