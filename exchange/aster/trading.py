"""Signed requests: orders, own trades, positions, balances and account settings (docs: Account/Trades Endpoints).

Owns: which parameters each request carries. Must not know: how a request is signed, admitted or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from exchange.aster import conversion
from exchange.aster.rest import Rest
from exchange.errors import OutcomeUnknown, Rejected, VenueError
from exchange.model import AccountMargin, Amend, Balance, Cancel, Fill, Instrument, Order, Place, Position
from exchange.ports import RequestClass, Ticket
from exchange.protocol import endpoints, payloads

MAX_BATCH_CANCEL = 10

_order = msgspec.json.Decoder(payloads.OrderBody).decode
_orders = msgspec.json.Decoder(list[payloads.OrderBody]).decode
_user_trades = msgspec.json.Decoder(list[payloads.UserTradeRow]).decode
_positions = msgspec.json.Decoder(list[payloads.PositionRiskRow]).decode
_balances = msgspec.json.Decoder(list[payloads.BalanceRow]).decode
_account = msgspec.json.Decoder(payloads.AccountBody).decode
_leverage = msgspec.json.Decoder(payloads.LeverageBody).decode
_position_mode = msgspec.json.Decoder(payloads.PositionModeBody).decode
_multi_assets = msgspec.json.Decoder(payloads.MultiAssetsBody).decode

_RESYNC = RequestClass.REDUCE
"""What has become of orders and positions is asked before new quotes go: who does not know them should not quote."""


class AsterTrading:
    """exchange.ports.Trading. `instruments` may grow while this lives."""

    def __init__(self, rest: Rest, instruments: Mapping[str, Instrument]) -> None:
        self._rest = rest
        self._instruments = instruments

    async def place(self, order: Place, ticket: Ticket | None = None) -> Order:
        """A limit order. A post-only one that would cross comes back EXPIRED, or WouldCross is raised."""
        instrument = self._instrument(order.symbol, ticket)
        params = [
            ("symbol", order.symbol),
            ("side", order.side),
            ("type", "LIMIT"),
            ("timeInForce", order.time_in_force),
            ("quantity", instrument.quantity_text(order.lots)),
            ("price", instrument.price_text(order.price_ticks)),
            ("newClientOrderId", order.client_id),
            # RESULT, so that the answer to a post-only order that would cross says EXPIRED (docs: New Order).
            ("newOrderRespType", "RESULT"),
        ]
        if order.reduce_only:
            params.append(("reduceOnly", "true"))
        request_class = RequestClass.REDUCE if order.reduce_only else RequestClass.QUOTE
        return await self._rest.call(endpoints.NEW_ORDER, params, _order_of(instrument), request_class, ticket)

    async def amend(self, order: Amend, ticket: Ticket | None = None) -> Order:
        """Price and quantity in place; refused, the order stays as it was (docs: Modify Order)."""
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

    async def cancel(self, order: Cancel, ticket: Ticket | None = None) -> Order:
        decode = _order_of(self._instrument(order.symbol, ticket))
        params = _named(order.symbol, order.client_id)
        return await self._rest.call(endpoints.CANCEL_ORDER, params, decode, RequestClass.CANCEL, ticket)

    async def cancel_many(
        self, symbol: str, client_ids: Sequence[str], ticket: Ticket | None = None
    ) -> list[Order | VenueError]:
        """Raises ValueError for more than ten ids (docs: Cancel Multiple Orders)."""
        if not 0 < len(client_ids) <= MAX_BATCH_CANCEL:
            self._rest.release(ticket)
            raise ValueError(f"a batch cancels 1 to {MAX_BATCH_CANCEL} orders, not {len(client_ids)}")
        instrument = self._instrument(symbol, ticket)
        listed = msgspec.json.encode(list(client_ids)).decode()
        params = [("symbol", symbol), ("origClientOrderIdList", listed)]

        def decode(body: bytes) -> list[Order | VenueError]:
            return _answers_in_order(payloads.decode_batch(body), client_ids, instrument)

        return await self._rest.call(endpoints.CANCEL_BATCH, params, decode, RequestClass.CANCEL, ticket)

    async def order(self, symbol: str, client_id: str, ticket: Ticket | None = None) -> Order:
        decode = _order_of(self._instrument(symbol, ticket))
        return await self._rest.call(endpoints.QUERY_ORDER, _named(symbol, client_id), decode, _RESYNC, ticket)

    async def open_orders(self, symbol: str | None = None, ticket: Ticket | None = None) -> list[Order]:
        """Weight 1 with a symbol, 40 without. Orders of unknown symbols are left out."""

        def decode(body: bytes) -> list[Order]:
            return [
                conversion.order_from(row, instrument)
                for row in _orders(body)
                if (instrument := self._instruments.get(row.symbol))
            ]

        params = [("symbol", symbol)] if symbol else []
        return await self._rest.call(endpoints.OPEN_ORDERS, params, decode, _RESYNC, ticket)

    async def fills(self, symbol: str, *, from_id: int | None = None, limit: int = 500) -> list[Fill]:
        instrument = self._instrument(symbol)
        params = [("symbol", symbol), ("limit", str(limit))]
        if from_id is not None:
            params.append(("fromId", str(from_id)))

        def decode(body: bytes) -> list[Fill]:
            fills = [conversion.fill_from(row, instrument) for row in _user_trades(body)]
            return sorted(fills, key=lambda fill: fill.trade_id)

        return await self._rest.call(endpoints.USER_TRADES, params, decode, _RESYNC)

    async def positions(self) -> list[Position]:
        def decode(body: bytes) -> list[Position]:
            return conversion.positions_from(_positions(body), self._instruments)

        return await self._rest.call(endpoints.POSITION_RISK, [], decode, _RESYNC)

    async def balances(self) -> list[Balance]:
        def decode(body: bytes) -> list[Balance]:
            return [conversion.balance_from(row) for row in _balances(body)]

        return await self._rest.call(endpoints.BALANCE, [], decode, _RESYNC)

    async def margin(self) -> AccountMargin:
        """What is committed and what is left (docs: Account Information v3)."""
        return conversion.margin_from(await self._rest.call(endpoints.ACCOUNT, [], _account, _RESYNC))

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        params = [("symbol", symbol), ("leverage", str(leverage))]
        return (await self._rest.call(endpoints.SET_LEVERAGE, params, _leverage)).leverage

    async def is_hedge_mode(self) -> bool:
        return (await self._rest.call(endpoints.GET_POSITION_MODE, [], _position_mode)).dual_side_position

    async def is_multi_assets_mode(self) -> bool:
        return (await self._rest.call(endpoints.GET_MULTI_ASSETS, [], _multi_assets)).multi_assets_margin

    def _instrument(self, symbol: str, ticket: Ticket | None = None) -> Instrument:
        try:
            return self._instruments[symbol]
        except KeyError:
            self._rest.release(ticket)
            raise Rejected(f"{symbol} is not an instrument of this venue") from None


def _order_of(instrument: Instrument) -> Callable[[bytes], Order]:
    return lambda body: conversion.order_from(_order(body), instrument)


def _named(symbol: str, client_id: str) -> list[tuple[str, str]]:
    return [("symbol", symbol), ("origClientOrderId", client_id)]


def _answers_in_order(
    rows: Sequence[payloads.OrderBody | VenueError], client_ids: Sequence[str], instrument: Instrument
) -> list[Order | VenueError]:
    """Orders go by their id, refusals, which carry none, fill the other places in turn."""
    orders = {row.client_order_id: row for row in rows if isinstance(row, payloads.OrderBody)}
    errors = iter([row for row in rows if isinstance(row, VenueError)])
    missing = OutcomeUnknown("the batch's answer leaves this order out")
    return [
        conversion.order_from(orders[client_id], instrument) if client_id in orders else next(errors, missing)
        for client_id in client_ids
    ]
