"""Order entry: from a request's parameters to an order that passes the symbol's filters, or the reason why not.

Owns: which parameters each type of order wants and which it refuses (docs: New Order). Must not know: accounts, queues.

Choices where the docs are silent: a parameter that says nothing about the order's type is refused with -1106 where the
exchange family does so; `price` beside `pegPriceType` is not read. Only the market forms of stop and take profit may
close a position (-4136).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exchange.model import PositionSide, Side, StpMode, TimeInForce
from exchange.paper.answers import Params, Refusal, required, truth
from exchange.paper.conditions import CONDITIONAL, TRAILING, Condition, parse_condition, parse_working_type
from exchange.paper.filters import (
    check_notional,
    check_percent,
    check_percent_of_stop,
    parse_number,
    parse_price,
    parse_quantity,
)
from exchange.paper.listing import Listing
from exchange.paper.pegs import PEG_TYPES, Peg, pegged_ticks
from exchange.protocol import codes

_CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
_WITH_LIMIT = ("LIMIT", "STOP", "TAKE_PROFIT")
_CLOSING = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
_CONDITIONS = ("stopPrice", "activationPrice", "callbackRate")
_NOT_REQUIRED: dict[str, tuple[str, ...]] = {
    "LIMIT": _CONDITIONS,
    "MARKET": ("price", "timeInForce", "pegPriceType", *_CONDITIONS),
    "STOP": ("activationPrice", "callbackRate"),
    "TAKE_PROFIT": ("activationPrice", "callbackRate"),
    "STOP_MARKET": ("price", "pegPriceType", "activationPrice", "callbackRate"),
    "TAKE_PROFIT_MARKET": ("price", "pegPriceType", "activationPrice", "callbackRate"),
    TRAILING: ("price", "pegPriceType", "stopPrice"),
}


@dataclass(frozen=True, slots=True)
class NewOrder:
    side: Side
    type: str
    time_in_force: TimeInForce
    ticks: int
    """0 for an order that has no limit, or none yet."""
    lots: int
    """0 for one that closes whatever the position is when it triggers."""
    reduce_only: bool
    client_id: str
    """Empty: to be made up."""
    wants_result: bool
    position_side: PositionSide = PositionSide.BOTH
    condition: Condition | None = None
    peg: Peg | None = None
    stp_mode: StpMode | None = None
    """None: the account's."""


def parse_new_order(params: Params, listing: Listing, *, is_hedge: bool = False) -> NewOrder:
    """Raises Refusal."""
    side = parse_side(params)
    kind = required(params, "type")
    if kind not in ("LIMIT", "MARKET", *CONDITIONAL):
        raise Refusal(codes.INVALID_ORDER_TYPE, "Invalid orderType.")
    for name in _NOT_REQUIRED[kind]:
        if params.get(name):
            raise _not_required(name)
    position_side = _position_side(params, is_hedge=is_hedge)
    closes_position = _closes_position(params, kind, side, position_side)
    reduce_only = closes_position or truth(params, "reduceOnly")
    client_id = params.get("newClientOrderId", "")
    if client_id and not _CLIENT_ID.fullmatch(client_id):
        raise Refusal(codes.INVALID_CL_ORD_ID_LEN, "Client order id is not valid.")
    response_type = params.get("newOrderRespType") or "ACK"
    if response_type not in ("ACK", "RESULT"):
        raise Refusal(codes.INVALID_NEW_ORDER_RESP_TYPE, "Invalid newOrderRespType.")
    stp_mode = parse_stp_mode(params["stpMode"]) if params.get("stpMode") else None
    parse_working_type(params)

    time_in_force, peg, ticks = TimeInForce.GTC, None, 0
    if kind in _WITH_LIMIT:
        time_in_force = _time_in_force(params, kind)
        required(params, "quantity")
        peg = _parse_peg(params, side, listing)
        if peg is None:
            ticks = parse_price(required(params, "price"), listing)
        elif kind == "LIMIT":
            ticks = pegged_ticks(peg, side, listing)
    condition = parse_condition(params, kind, side, listing) if kind in CONDITIONAL else None
    if ticks and condition is None:
        check_percent(ticks, listing, side)
    elif ticks and condition is not None:
        check_percent_of_stop(ticks, condition.stop_ticks, listing, side)

    lots = 0
    if not closes_position:
        lots = parse_quantity(required(params, "quantity"), listing, is_market=kind not in _WITH_LIMIT)
        if not reduce_only and not position_side.reduces(side):
            check_notional(listing, ticks or (condition.stop_ticks if condition else 0), lots)
    return NewOrder(
        side=side,
        type=kind,
        time_in_force=time_in_force,
        ticks=ticks,
        lots=lots,
        reduce_only=reduce_only,
        client_id=client_id,
        wants_result=response_type == "RESULT",
        position_side=position_side,
        condition=condition,
        peg=peg,
        stp_mode=stp_mode,
    )


def parse_side(params: Params) -> Side:
    side = required(params, "side")
    if side not in ("BUY", "SELL"):
        raise Refusal(codes.INVALID_SIDE, "Invalid side.")
    return Side(side)


def parse_stp_mode(text: str) -> StpMode:
    if text not in StpMode.__members__:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'stpMode' is not valid.")
    return StpMode(text)


def _position_side(params: Params, *, is_hedge: bool) -> PositionSide:
    """In hedge mode it must be sent and `reduceOnly` must not: the position side says as much."""
    text = params.get("positionSide") or "BOTH"
    if text not in PositionSide.__members__:
        raise Refusal(codes.INVALID_POSITION_SIDE, "Invalid position side.")
    if (text == "BOTH") is is_hedge:
        raise Refusal(codes.POSITION_SIDE_NOT_MATCH, "Order's position side does not match user's setting.")
    if is_hedge and params.get("reduceOnly"):
        raise _not_required("reduceonly")
    return PositionSide(text)


def _closes_position(params: Params, kind: str, side: Side, position_side: PositionSide) -> bool:
    if not truth(params, "closePosition"):
        return False
    if kind not in _CLOSING:
        message = f"Target strategy invalid for orderType {kind},closePosition true"
        raise Refusal(codes.CLOSE_POSITION_CONFLICT, message)
    if params.get("quantity"):
        raise Refusal(codes.QUANTITY_EXISTS_WITH_CLOSE_POSITION, "Quantity must be zero with closePosition equals true")
    if params.get("reduceOnly"):
        raise _not_required("reduceonly")
    if position_side is not PositionSide.BOTH and not position_side.reduces(side):
        raise Refusal(codes.REDUCE_ONLY_MUST_BE_TRUE, "Reduce only must be true with closePosition equals true")
    return True


def _time_in_force(params: Params, kind: str) -> TimeInForce:
    text = required(params, "timeInForce") if kind == "LIMIT" else params.get("timeInForce") or "GTC"
    if text not in TimeInForce.__members__:
        raise Refusal(codes.INVALID_TIF, "Invalid timeInForce.")
    return TimeInForce(text)


def _parse_peg(params: Params, side: Side, listing: Listing) -> Peg | None:
    kind = params.get("pegPriceType")
    if not kind:
        if params.get("pegOffset"):
            raise _not_required("pegOffset")
        return None
    if kind not in PEG_TYPES:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'pegPriceType' is not valid.")
    offset = parse_number(params.get("pegOffset") or "0", "pegOffset")
    if offset * side.sign > 0:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'pegOffset' is not valid.")
    try:
        return Peg(kind, listing.instrument.ticks(offset))
    except ValueError:
        raise Refusal(codes.PRICE_NOT_INCREASED_BY_TICK_SIZE, "Price not increased by tick size.") from None


def _not_required(name: str) -> Refusal:
    return Refusal(codes.PARAM_NOT_REQUIRED, f"Parameter '{name}' sent when not required.")
