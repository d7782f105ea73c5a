"""The venue's orders, trades and account news as the model's values: texts become exact ticks, lots and Decimals.

Owns: that translation, and what unusual statuses mean. Must not know: how a body or frame came.
Every function raises ValueError or ArithmeticError for a text that is no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from exchange.model import (
    AccountMargin,
    AccountUpdate,
    AssetMargin,
    Balance,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    OrderUpdate,
    Position,
    Side,
)
from exchange.protocol.frames import AccountUpdateFrame, OrderTradeUpdateFrame
from exchange.protocol.payloads import AccountBody, BalanceRow, OrderBody, PositionRiskRow, UserTradeRow

_UNUSUAL = {
    "NEW_INSURANCE": OrderStatus.NEW,
    "NEW_ADL": OrderStatus.NEW,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
"""Liquidation orders in hand, and an order expired by self-trade prevention."""


def ticks_below(instrument: Instrument, price: str) -> int:
    """The exact tick. A price from before the tick size changed may lie between two: then the lower."""
    try:
        return instrument.ticks(price)
    except ValueError:
        return instrument.floor_price(Decimal(price))


def ticks_above(instrument: Instrument, price: str) -> int:
    try:
        return instrument.ticks(price)
    except ValueError:
        return instrument.ceil_price(Decimal(price))


def lots_of(instrument: Instrument, quantity: str) -> int:
    """The exact lots; of a quantity from before the lot size changed, the whole ones (towards zero)."""
    try:
        return instrument.lots(quantity)
    except ValueError:
        return int(Decimal(quantity) / instrument.step_size)


def status_of(text: str) -> OrderStatus:
    return _UNUSUAL.get(text) or OrderStatus(text)


def order_from(body: OrderBody, instrument: Instrument) -> Order:
    return Order(
        symbol=body.symbol,
        client_id=body.client_order_id,
        order_id=body.order_id,
        side=Side(body.side),
        status=status_of(body.status),
        price_ticks=ticks_below(instrument, body.price),
        lots=lots_of(instrument, body.orig_qty),
        filled_lots=lots_of(instrument, body.executed_qty),
        reduce_only=body.reduce_only,
        time_in_force=body.time_in_force,
        exchange_ms=body.update_time,
    )


def fill_from(row: UserTradeRow, instrument: Instrument) -> Fill:
    return Fill(
        symbol=row.symbol,
        trade_id=row.id,
        order_id=row.order_id,
        client_id="",
        side=Side(row.side),
        price_ticks=ticks_below(instrument, row.price),
        lots=lots_of(instrument, row.qty),
        is_maker=row.maker,
        fee=Decimal(row.commission),
        fee_asset=row.commission_asset,
        realised_pnl=Decimal(row.realized_pnl),
        exchange_ms=row.time,
    )


def positions_from(rows: Iterable[PositionRiskRow], instruments: Mapping[str, Instrument]) -> list[Position]:
    """One-way positions, flat ones too (they carry the leverage); hedge-mode rows and unknown symbols are left out."""
    return [
        Position(
            symbol=row.symbol,
            lots=lots_of(instrument, row.position_amt),
            entry_price=Decimal(row.entry_price),
            leverage=int(Decimal(row.leverage)),
            exchange_ms=row.update_time,
            unrealised=Decimal(row.un_realized_profit),
        )
        for row in rows
        if row.position_side == "BOTH" and (instrument := instruments.get(row.symbol))
    ]


def balance_from(row: BalanceRow) -> Balance:
    return Balance(asset=row.asset, wallet=Decimal(row.balance), exchange_ms=row.update_time)


def margin_from(body: AccountBody) -> AccountMargin:
    assets = tuple(
        AssetMargin(
            asset=row.asset,
            wallet=Decimal(row.wallet_balance),
            unrealised=Decimal(row.unrealized_profit),
            position_margin=Decimal(row.position_initial_margin),
            order_margin=Decimal(row.open_order_initial_margin),
            maintenance=Decimal(row.maint_margin),
            available=Decimal(row.available_balance),
        )
        for row in body.assets
    )
    return AccountMargin(assets, Decimal(body.available_balance))


def order_update_from(frame: OrderTradeUpdateFrame, instrument: Instrument) -> OrderUpdate:
    event = frame.order
    order = Order(
        symbol=event.symbol,
        client_id=event.client_id,
        order_id=event.order_id,
        side=Side(event.side),
        status=status_of(event.status),
        price_ticks=ticks_below(instrument, event.price),
        lots=lots_of(instrument, event.qty),
        filled_lots=lots_of(instrument, event.filled_qty),
        reduce_only=event.is_reduce_only,
        time_in_force=event.time_in_force,
        exchange_ms=frame.transaction_ms,
    )
    lots = lots_of(instrument, event.last_qty)
    if event.execution not in ("TRADE", "CALCULATED") or lots == 0:
        return OrderUpdate(order, event.execution, None)
    fee = event.fee if isinstance(event.fee, str) else "0"
    asset = event.fee_asset if isinstance(event.fee_asset, str) else instrument.margin_asset
    fill = Fill(
        symbol=event.symbol,
        trade_id=event.trade_id,
        order_id=event.order_id,
        client_id=event.client_id,
        side=order.side,
        price_ticks=ticks_below(instrument, event.last_price),
        lots=lots,
        is_maker=event.is_maker,
        fee=Decimal(fee),
        fee_asset=asset,
        realised_pnl=Decimal(event.realised_pnl),
        exchange_ms=event.trade_ms,
    )
    return OrderUpdate(order, event.execution, fill)


def account_update_from(frame: AccountUpdateFrame, instruments: Mapping[str, Instrument]) -> AccountUpdate:
    """The event does not tell a position's leverage: it is 1 here. Unknown symbols and hedge positions are left out."""
    account, at_ms = frame.account, frame.transaction_ms
    return AccountUpdate(
        reason=account.reason,
        balances=tuple(Balance(row.asset, Decimal(row.wallet), at_ms) for row in account.balances),
        balance_changes={row.asset: Decimal(row.change) for row in account.balances},
        positions=tuple(
            Position(
                symbol=row.symbol,
                lots=lots_of(instrument, row.amount),
                entry_price=Decimal(row.entry_price),
                exchange_ms=at_ms,
            )
            for row in account.positions
            if row.position_side == "BOTH" and (instrument := instruments.get(row.symbol))
        ),
        exchange_ms=at_ms,
    )
