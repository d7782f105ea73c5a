"""Requests that look up orders (docs: Query Order, Query Current Open Order, Current All Open Orders, All Orders).

Owns: their parameters, and which orders are still found. Must not know: how orders live, weights, signatures.

Choices where the docs are silent: a period of allOrders with one end given reaches seven days from it; with `orderId`
and no times there is no period.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.register import is_past
from exchange.paper.rest_market import Answer, list_limit
from exchange.paper.rest_orders import order_body, wanted_order
from exchange.protocol import codes, endpoints
from exchange.protocol.endpoints import Endpoint

_LONGEST_MS = 7 * 86_400_000


def query(engine: Engine, account: Account, params: Params) -> Answer:
    order = wanted_order(engine, account, params)
    if order is None or is_past(order, engine.now_us // 1000):
        raise Refusal(codes.NO_SUCH_ORDER, "Order does not exist.")
    return order_body(order, with_time=True)


def open_order(engine: Engine, account: Account, params: Params) -> Answer:
    order = wanted_order(engine, account, params)
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
    """From `orderId` on the first ones, else the latest ones."""
    listing = engine.listing(required(params, "symbol"))
    limit, now_ms = list_limit(params), engine.now_us // 1000
    first = whole_number(params, "orderId", 0)
    earliest, latest = _period(params, now_ms, is_bounded=not first)
    orders = [
        order
        for order in engine.orders.all_orders(account, listing.symbol)
        if earliest <= order.created_ms <= latest and order.id >= first and not is_past(order, now_ms)
    ]
    return [order_body(order, with_time=True) for order in (orders[:limit] if first else orders[-limit:])]


def _period(params: Params, now_ms: int, *, is_bounded: bool) -> tuple[int, int]:
    start = whole_number(params, "startTime") if params.get("startTime") else None
    end = whole_number(params, "endTime") if params.get("endTime") else None
    if start is not None and end is not None:
        if start > end:
            raise Refusal(codes.START_TIME_GREATER_THAN_END_TIME, "Start time is greater than end time.")
        if end - start > _LONGEST_MS:
            raise Refusal(codes.INVALID_TIME_INTERVAL, "Maximum time interval is 7 days")
        return start, end
    if start is not None:
        return start, start + _LONGEST_MS
    if end is not None or is_bounded:
        end = now_ms if end is None else end
        return end - _LONGEST_MS, end
    return 0, now_ms


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.QUERY_ORDER: query,
    endpoints.OPEN_ORDER: open_order,
    endpoints.OPEN_ORDERS: open_orders,
    endpoints.ALL_ORDERS: all_orders,
}
