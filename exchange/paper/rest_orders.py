"""Requests that place, change and end orders (docs: Account/Trades Endpoints).

Owns: their parameters and answers, and what an order looks like in an answer. Must not know: how orders live, weights,
signatures.

An answer of type ACK (the default) shows the order as it came in, NEW, whatever became of it since: that is what the
user stream is for. RESULT shows it as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from msgspec import Struct

from exchange.model import OrderStatus
from exchange.paper.accounts import Account
from exchange.paper.admission import check_status
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.entry import parse_new_order
from exchange.paper.filters import check_notional, check_percent, parse_price, parse_quantity
from exchange.paper.order import PaperOrder
from exchange.paper.rest_market import Answer
from exchange.paper.user_stream import average_price
from exchange.protocol import codes, endpoints, json_text, payloads
from exchange.protocol.endpoints import Endpoint

_MAX_PLACED = 5
_MAX_CANCELLED = 10


def place(engine: Engine, account: Account, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    new = parse_new_order(params, listing, is_hedge=account.is_hedge)
    order = engine.orders.place(account, listing, new, engine.now_us)
    body = order_body(order) if new.wants_result else _as_accepted(order, new.lots)
    engine.acted(listing)
    return body


def amend(engine: Engine, account: Account, params: Params) -> Answer:
    order = wanted_order(engine, account, params)
    if order is None or order.status.is_final:
        raise Refusal(codes.NO_SUCH_ORDER, "Order does not exist.")
    if order.type != "LIMIT":
        raise Refusal(codes.INVALID_ORDER_TYPE, "Invalid orderType.")
    if params.get("side", order.side.value) != order.side:
        raise Refusal(codes.INVALID_SIDE, "Invalid side.")
    listing = order.listing
    check_status(order)
    lots = parse_quantity(required(params, "quantity"), listing, is_market=False)
    ticks = parse_price(required(params, "price"), listing)
    check_percent(ticks, listing, order.side)
    if not order.only_reduces:
        check_notional(listing, ticks, lots)
    engine.orders.amend(order, ticks, lots, engine.now_us)
    body = order_body(order)
    engine.acted(listing)
    return body


def cancel(engine: Engine, account: Account, params: Params) -> Answer:
    order = wanted_order(engine, account, params)
    if order is None:
        raise Refusal(codes.CANCEL_REJECTED, "Unknown order sent.")
    engine.orders.cancel(order, engine.now_us)
    engine.acted(order.listing)
    return order_body(order)


def place_batch(engine: Engine, account: Account, params: Params) -> Answer:
    rows = _json_list(params, "batchOrders")
    if not 1 <= len(rows) <= _MAX_PLACED:
        raise Refusal(codes.INVALID_BATCH_PLACE_ORDER_SIZE, f"Invalid number of batch place orders: {len(rows)}")
    return _each(rows, lambda row: place(engine, account, _row_params(row)))


def cancel_batch(engine: Engine, account: Account, params: Params) -> Answer:
    symbol = engine.listing(required(params, "symbol")).symbol
    name = "orderIdList" if params.get("orderIdList") else "origClientOrderIdList"
    if not params.get(name):
        raise _neither("orderIdList", "origClientOrderIdList")
    ids = _json_list(params, name)
    if not 1 <= len(ids) <= _MAX_CANCELLED:
        raise Refusal(codes.EXCEED_MAX_CANCEL_ORDER_SIZE, "Exceed maximum cancel order size.")
    key = "orderId" if name == "orderIdList" else "origClientOrderId"
    return _each(ids, lambda each: cancel(engine, account, {"symbol": symbol, key: str(each)}))


def cancel_all(engine: Engine, account: Account, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    engine.orders.cancel_all(engine.orders.open_orders(account, listing.symbol), engine.now_us)
    engine.acted(listing)
    return payloads.ErrorBody(200, "The operation of cancel all open order is done.")


def order_body(order: PaperOrder, *, with_time: bool = False) -> payloads.OrderBody:
    """`with_time` is the form of the answers to queries, which has `time` and no `cumQty`."""
    instrument, condition = order.listing.instrument, order.condition
    filled = instrument.quantity_text(order.filled)
    body = payloads.OrderBody(
        symbol=instrument.symbol,
        order_id=order.id,
        client_order_id=order.client_id,
        side=order.side.value,
        status=order.status.value,
        price=instrument.price_text(order.ticks) if order.ticks else "0",
        orig_qty=instrument.quantity_text(order.lots),
        executed_qty=filled,
        time_in_force=order.time_in_force.value,
        update_time=order.updated_ms,
        reduce_only=order.only_reduces,
        avg_price=average_price(order),
        cum_quote=f"{order.quote:f}",
        cum_qty=msgspec.UNSET if with_time else filled,
        type=order.type,
        orig_type=order.original_type,
        position_side=order.position_side.value,
        time=order.created_ms if with_time else msgspec.UNSET,
    )
    if condition:
        body.stop_price = instrument.price_text(condition.stop_ticks) if condition.stop_ticks else "0"
        body.close_position = condition.closes_position
        body.working_type = condition.working_type
        body.price_protect = condition.is_protected
    if condition and condition.rate_text:
        body.activate_price = instrument.price_text(condition.activation_ticks)
        body.price_rate = condition.rate_text
    return body


def _as_accepted(order: PaperOrder, lots: int) -> payloads.OrderBody:
    body = order_body(order)
    body.type = order.original_type
    body.status = OrderStatus.NEW.value
    body.executed_qty = body.cum_qty = order.listing.instrument.quantity_text(0)
    body.orig_qty = order.listing.instrument.quantity_text(lots)
    body.avg_price, body.cum_quote = "0.00000", "0"
    body.update_time = order.created_ms
    return body


def wanted_order(engine: Engine, account: Account, params: Params) -> PaperOrder | None:
    """The order that `orderId` (which goes first) or `origClientOrderId` names."""
    symbol = engine.listing(required(params, "symbol")).symbol
    if params.get("orderId"):
        return engine.orders.find(account, symbol, whole_number(params, "orderId"), None)
    if params.get("origClientOrderId"):
        return engine.orders.find(account, symbol, None, params["origClientOrderId"])
    raise _neither("orderId", "origClientOrderId")


def _neither(first: str, second: str) -> Refusal:
    message = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    return Refusal(codes.MANDATORY_PARAM_EMPTY_OR_MALFORMED, message)


def _each(rows: list[object], act: Callable[[object], Answer]) -> list[Struct]:
    """A batch's rows stand alone: one that is refused leaves the others be."""
    answers: list[Struct] = []
    for row in rows:
        try:
            answers.append(cast(Struct, act(row)))
        except Refusal as refusal:
            answers.append(payloads.ErrorBody(refusal.code, refusal.message))
    return answers


def _json_list(params: Params, name: str) -> list[object]:
    try:
        return json_text.decode_list(required(params, name))
    except ValueError:
        raise Refusal(codes.INVALID_PARAMETER, f"Data sent for parameter '{name}' is not valid.") from None


def _row_params(row: object) -> Params:
    if not isinstance(row, dict):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'batchOrders' is not valid.")
    fields = cast(Mapping[str, object], row)
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in fields.items()
        if value is not None
    }


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.NEW_ORDER: place,
    endpoints.MODIFY_ORDER: amend,
    endpoints.CANCEL_ORDER: cancel,
    endpoints.NEW_BATCH: place_batch,
    endpoints.CANCEL_BATCH: cancel_batch,
    endpoints.CANCEL_ALL: cancel_all,
}
