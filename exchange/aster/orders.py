"""Signed requests about orders (docs: Account/Trades Endpoints, Noop).

Owns: which parameters each request carries. Must not know: how a request is signed, admitted or sent.

Each docstring names the docs' section, the weight, what is counted as an order, and the errors to reckon with beside
those that any request may raise: OutcomeUnknown and Unavailable, Throttled and Banned, BadCredentials, BadRequest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from exchange.aster import conversion
from exchange.aster.signed import RESYNC, SignedRequests
from exchange.aster.wording import chosen, done, listed
from exchange.errors import OutcomeUnknown, VenueError
from exchange.model import Amend, Cancel, Instrument, Order, Place
from exchange.ports import RequestClass, Ticket
from exchange.protocol import endpoints, payloads
from exchange.protocol.endpoints import Endpoint

MAX_BATCH_PLACE = 5
MAX_BATCH_CANCEL = 10

_order = msgspec.json.Decoder(payloads.OrderBody).decode
_orders = msgspec.json.Decoder(list[payloads.OrderBody]).decode
_countdown = msgspec.json.Decoder(payloads.CountdownBody).decode


class OrderRequests(SignedRequests):
    # --- placing and modifying

    async def place(self, order: Place, ticket: Ticket | None = None) -> Order:
        """A limit order. A post-only one that would cross comes back EXPIRED, or WouldCross is raised.

        docs: New Order. Weight 1, one order. WouldCross, InsufficientMargin, OutOfBounds, LimitReached, NotPermitted.
        """
        instrument = self._instrument(order.symbol, ticket)
        params = list(_parameters(order, instrument).items())
        request_class = RequestClass.REDUCE if order.reduce_only else RequestClass.QUOTE
        return await self._rest.call(endpoints.NEW_ORDER, params, _order_of(instrument), request_class, ticket)

    async def place_many(self, orders: Sequence[Place], ticket: Ticket | None = None) -> list[Order | VenueError]:
        """At most five, of any symbols, for each its order or why not, in order. The venue matches them in any order.

        docs: Place Multiple Orders. Weight 5, an order each. ValueError for none or more than five.
        """
        self._check_size(orders, MAX_BATCH_PLACE, "places", ticket)
        instruments = [self._instrument(order.symbol, ticket) for order in orders]
        rows = [_parameters(*each) for each in zip(orders, instruments, strict=True)]
        params = [("batchOrders", msgspec.json.encode(rows).decode())]
        is_reducing = all(order.reduce_only for order in orders)
        wanted = [(order.client_id, instrument) for order, instrument in zip(orders, instruments, strict=True)]
        return await self._batch(
            endpoints.NEW_BATCH,
            params,
            wanted,
            RequestClass.REDUCE if is_reducing else RequestClass.QUOTE,
            ticket,
        )

    async def amend(self, order: Amend, ticket: Ticket | None = None) -> Order:
        """Price and quantity in place; refused, the order stays as it was.

        docs: Modify Order. Weight 1, counted as one order; 10,000 in an order's life. UnknownOrder, OutOfBounds,
        LimitReached, NothingToChange, InsufficientMargin, WouldCross.
        """
        instrument = self._instrument(order.symbol, ticket)
        params = [
            ("symbol", order.symbol),
            ("side", order.side),
            ("quantity", instrument.quantity_text(order.lots)),
            ("price", instrument.price_text(order.price_ticks)),
            ("origClientOrderId", order.client_id),
        ]
        decode = _order_of(instrument)
        return await self._rest.call(endpoints.MODIFY_ORDER, params, decode, RequestClass.REFRESH, ticket)

    # --- cancelling

    async def cancel(self, order: Cancel, ticket: Ticket | None = None) -> Order:
        """docs: Cancel Order. Weight 1. UnknownOrder for one that is not open (any more)."""
        decode = _order_of(self._instrument(order.symbol, ticket))
        params = _named(order.symbol, order.client_id)
        return await self._rest.call(endpoints.CANCEL_ORDER, params, decode, RequestClass.CANCEL, ticket)

    async def cancel_many(
        self, symbol: str, client_ids: Sequence[str], ticket: Ticket | None = None
    ) -> list[Order | VenueError]:
        """At most ten, for each the order or why not, in order.

        docs: Cancel Multiple Orders. Weight 1. UnknownOrder is a row's. ValueError for none or more than ten.
        """
        self._check_size(client_ids, MAX_BATCH_CANCEL, "cancels", ticket)
        instrument = self._instrument(symbol, ticket)
        params = [("symbol", symbol), ("origClientOrderIdList", listed(client_ids))]
        wanted = [(client_id, instrument) for client_id in client_ids]
        return await self._batch(endpoints.CANCEL_BATCH, params, wanted, RequestClass.CANCEL, ticket)

    async def cancel_all(self, symbol: str, ticket: Ticket | None = None) -> None:
        """All open orders of a symbol, whoever's; none is no error. docs: Cancel All Open Orders. Weight 1."""
        await self._rest.call(endpoints.CANCEL_ALL, [("symbol", symbol)], done, RequestClass.CANCEL, ticket)

    async def countdown_cancel_all(self, symbol: str, countdown_ms: int, ticket: Ticket | None = None) -> None:
        """Cancels all open orders of a symbol unless called again in time; 0 stops the countdown.

        docs: Auto-Cancel All Open Orders, which advises every 30 s with 120 s. Weight 10.
        """
        params = chosen(symbol=symbol, countdownTime=countdown_ms)
        await self._rest.call(endpoints.COUNTDOWN_CANCEL_ALL, params, _countdown, RequestClass.CANCEL, ticket)

    async def noop(self, nonce: int, ticket: Ticket | None = None) -> None:
        """Uses up the nonce of a request whose outcome is unknown (OutcomeUnknown.nonce): one that the venue has not
        begun with will never be carried out. Refused, the nonce is used: that request has come through, or is too old.

        docs: Noop. Weight 1. Unavailable (-4225) for a nonce that is used or over 10 s old.
        """
        await self._rest.call(endpoints.NOOP, [], done, RequestClass.CANCEL, ticket, nonce=nonce)

    # --- asking

    async def order(self, symbol: str, client_id: str, ticket: Ticket | None = None) -> Order:
        """docs: Query Order. Weight 1. UnknownOrder: for a young order this proves nothing, and one that was cancelled
        or expired unfilled is forgotten after 7 days.
        """
        decode = _order_of(self._instrument(symbol, ticket))
        return await self._rest.call(endpoints.QUERY_ORDER, _named(symbol, client_id), decode, RESYNC, ticket)

    async def open_order(self, symbol: str, client_id: str, ticket: Ticket | None = None) -> Order:
        """docs: Query Current Open Order. Weight 1. UnknownOrder for one that is not open."""
        decode = _order_of(self._instrument(symbol, ticket))
        return await self._rest.call(endpoints.OPEN_ORDER, _named(symbol, client_id), decode, RESYNC, ticket)

    async def open_orders(self, symbol: str | None = None, ticket: Ticket | None = None) -> list[Order]:
        """Orders of unknown symbols are left out. docs: Current All Open Orders. Weight 1 with a symbol, 40 without."""
        return await self._listed(endpoints.OPEN_ORDERS, chosen(symbol=symbol), ticket)

    async def all_orders(
        self,
        symbol: str,
        *,
        from_order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Open and past orders, oldest first: from an id on, or of at most 7 days, else of the last 7.

        docs: All Orders. Weight 5; `limit` at most 1000.
        """
        self._instrument(symbol)
        params = chosen(symbol=symbol, orderId=from_order_id, startTime=start_ms, endTime=end_ms, limit=limit)
        return await self._listed(endpoints.ALL_ORDERS, params, None)

    # --- what they share

    def _check_size(self, batch: Sequence[object], most: int, verb: str, ticket: Ticket | None) -> None:
        if not 0 < len(batch) <= most:
            self._rest.release(ticket)
            raise ValueError(f"a batch {verb} 1 to {most} orders, not {len(batch)}")

    async def _batch(
        self,
        endpoint: Endpoint,
        params: list[tuple[str, str]],
        wanted: Sequence[tuple[str, Instrument]],
        request_class: RequestClass,
        ticket: Ticket | None,
    ) -> list[Order | VenueError]:
        def decode(body: bytes) -> list[Order | VenueError]:
            return _answers_in_order(payloads.decode_batch(body), wanted)

        answers = await self._rest.call(endpoint, params, decode, request_class, ticket)
        for answer in answers:
            if isinstance(answer, VenueError):
                self._rest.on_error(answer)
        return answers

    async def _listed(self, endpoint: Endpoint, params: list[tuple[str, str]], ticket: Ticket | None) -> list[Order]:
        def decode(body: bytes) -> list[Order]:
            return [
                conversion.order_from(row, instrument)
                for row in _orders(body)
                if (instrument := self._instruments.get(row.symbol))
            ]

        return await self._rest.call(endpoint, params, decode, RESYNC, ticket)


def _parameters(order: Place, instrument: Instrument) -> dict[str, str]:
    params: dict[str, str] = {
        "symbol": order.symbol,
        "side": order.side,
        "type": "LIMIT",
        "timeInForce": order.time_in_force,
        "quantity": instrument.quantity_text(order.lots),
        "price": instrument.price_text(order.price_ticks),
        "newClientOrderId": order.client_id,
        # RESULT, so that the answer to a post-only order that would cross says EXPIRED (docs: New Order).
        "newOrderRespType": "RESULT",
    }
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def _order_of(instrument: Instrument) -> Callable[[bytes], Order]:
    return lambda body: conversion.order_from(_order(body), instrument)


def _named(symbol: str, client_id: str) -> list[tuple[str, str]]:
    return [("symbol", symbol), ("origClientOrderId", client_id)]


def _answers_in_order(
    rows: Sequence[payloads.OrderBody | VenueError], wanted: Sequence[tuple[str, Instrument]]
) -> list[Order | VenueError]:
    """Orders go by their id, refusals, which carry none, fill the other places in turn."""
    orders = {row.client_order_id: row for row in rows if isinstance(row, payloads.OrderBody)}
    errors = iter([row for row in rows if isinstance(row, VenueError)])
    missing = OutcomeUnknown("the batch's answer leaves this order out")
    return [
        conversion.order_from(orders[client_id], instrument) if client_id in orders else next(errors, missing)
        for client_id, instrument in wanted
    ]
