"""Requests that place, change, end and look up orders (docs: Account/Trades Endpoints).

Owns: their parameters and answers. Must not know: how orders live, weights, signatures.

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
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.entry import check_notional, check_status, parse_new_order, parse_price, parse_quantity
from exchange.paper.orders import PaperOrder
from exchange.paper.rest_market import Answer, list_limit
from exchange.paper.user_stream import average_price
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_MAX_PLACED = 5
_MAX_CANCELLED = 10


def place(engine: Engine, account: Account, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    new = parse_new_order(params, listing)
    order = engine.orders.place(account, listing, new, engine.now_us)
    body = order_body(order) if new.wants_result else _as_accepted(order, new.lots)
    engine.acted(listing)
    return body


def amend(engine: Engine, account: Account, params: Params) -> Answer:
    order = _wanted(engine, account, params)
    if order is None or order.status.is_final:
        raise Refusal(codes.NO_SUCH_ORDER, "Order does not exist.")
    if order.type != "LIMIT":
        raise Refusal(codes.INVALID_ORDER_TYPE, "Invalid orderType.")
    if params.get("side", order.side.value) != order.side:
        raise Refusal(codes.INVALID_SIDE, "Invalid side.")
    listing = order.listing
    check_status(listing)
    lots = parse_quantity(required(params, "quantity"), listing, is_market=False)
    ticks = parse_price(required(params, "price"), listing, order.side)
    if not order.reduce_only:
        check_notional(listing, ticks, lots)
    engine.orders.amend(order, ticks, lots, engine.now_us)
    body = order_body(order)
    engine.acted(listing)
    return body


def cancel(engine: Engine, account: Account, params: Params) -> Answer:
    order = _wanted(engine, account, params)
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


def query(engine: Engine, account: Account, params: Params) -> Answer:
    order = _wanted(engine, account, params)
    if order is None:
        raise Refusal(codes.NO_SUCH_ORDER, "Order does not exist.")
    return order_body(order, with_time=True)


def open_order(engine: Engine, account: Account, params: Params) -> Answer:
    order = _wanted(engine, account, params)
    if order is None or order.status.is_final:
        raise Refusal(codes.NO_SUCH_ORDER, "Order does not exist.")
    return order_body(order, with_time=True)


def open_orders(engine: Engine, account: Account, params: Params) -> Answer:
    symbol = params.get("symbol")
    if symbol:
        orders = engine.orders.open_orders(account, engine.listing(symbol).symbol)
    else:
        orders = engine.orders.all_open_orders(account)
    return [order_body(order, with_time=True) for order in orders]


def all_orders(engine: Engine, account: Account, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    limit = list_limit(params)
    earliest, latest = whole_number(params, "startTime", 0), whole_number(params, "endTime", 10**17)
    orders = [
        order for order in engine.orders.all_orders(account, listing.symbol) if earliest <= order.created_ms <= latest
    ]
    if params.get("orderId"):
        first = whole_number(params, "orderId")
        orders = [order for order in orders if order.id >= first][:limit]
    return [order_body(order, with_time=True) for order in orders[-limit:]]


def order_body(order: PaperOrder, *, with_time: bool = False) -> payloads.OrderBody:
    instrument = order.listing.instrument
    filled = instrument.quantity_text(order.filled)
    return payloads.OrderBody(
        symbol=instrument.symbol,
        order_id=order.id,
        client_order_id=order.client_id,
        side=order.side.value,
        status=order.status.value,
        price=instrument.price_text(order.ticks),
        orig_qty=instrument.quantity_text(order.lots),
        executed_qty=filled,
        time_in_force=order.time_in_force.value,
        update_time=order.updated_ms,
        reduce_only=order.reduce_only,
        avg_price=average_price(order),
        cum_quote=f"{order.quote:f}",
        cum_qty=filled,
        type=order.type,
        orig_type=order.type,
        time=order.created_ms if with_time else msgspec.UNSET,
    )


def _as_accepted(order: PaperOrder, lots: int) -> payloads.OrderBody:
    body = order_body(order)
    body.status = OrderStatus.NEW.value
    body.executed_qty = body.cum_qty = order.listing.instrument.quantity_text(0)
    body.orig_qty = order.listing.instrument.quantity_text(lots)
    body.avg_price, body.cum_quote = "0.00000", "0"
    body.update_time = order.created_ms
    return body


def _wanted(engine: Engine, account: Account, params: Params) -> PaperOrder | None:
    """The order that `orderId` (which goes first) or `origClientOrderId` names."""
    symbol = engine.listing(required(params, "symbol")).symbol
    if params.get("orderId"):
        return engine.orders.find(account, symbol, whole_number(params, "orderId"), None)
    if params.get("origClientOrderId"):
        return engine.orders.find(account, symbol, None, params["origClientOrderId"])
    raise Refusal(
        codes.MANDATORY_PARAM_EMPTY_OR_MALFORMED,
        "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!",
    )


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
    """A parameter that is a JSON list; some clients write it with single quotes."""
    text = required(params, name)
    for form in (text, text.replace("'", '"')):
        try:
            return msgspec.json.decode(form, type=list[object])
        except (msgspec.DecodeError, UnicodeError):
            continue
    raise Refusal(codes.INVALID_PARAMETER, f"Data sent for parameter '{name}' is not valid.")


def _row_params(row: object) -> Params:
    if not isinstance(row, dict):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'batchOrders' is not valid.")
    fields = cast(Mapping[str, object], row)
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in fields.items()}


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.NEW_ORDER: place,
    endpoints.MODIFY_ORDER: amend,
    endpoints.CANCEL_ORDER: cancel,
    endpoints.QUERY_ORDER: query,
    endpoints.NEW_BATCH: place_batch,
    endpoints.CANCEL_BATCH: cancel_batch,
    endpoints.CANCEL_ALL: cancel_all,
    endpoints.OPEN_ORDER: open_order,
    endpoints.OPEN_ORDERS: open_orders,
    endpoints.ALL_ORDERS: all_orders,
}
