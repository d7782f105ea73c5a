"""Requests for what has happened to an account: trades, income, force orders; and what its trades cost.

Owns: their parameters, time windows and answers (docs: Account/Trades Endpoints). Must not know: how money is booked,
weights, signatures. Rows come oldest first: from `startTime` on where it is sent, else the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from msgspec import UNSET

from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.rest_market import Answer, list_limit
from exchange.paper.rest_orders import order_body
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_Row = TypeVar("_Row")
_DAY_MS = 24 * 3600 * 1000
_WEEK_MS = 7 * _DAY_MS
_FOREVER_MS = 10**18
_INCOME_TYPES = (
    "TRANSFER",
    "WELCOME_BONUS",
    "REALIZED_PNL",
    "FUNDING_FEE",
    "COMMISSION",
    "INSURANCE_CLEAR",
    "MARKET_MERCHANT_RETURN_REWARD",
)
_FORCE_ORDERS_DEFAULT, _FORCE_ORDERS_MOST = 50, 100


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From `startTime` to `endTime`, both inclusive; None where it was not sent."""

    start_ms: int | None
    end_ms: int | None

    @classmethod
    def of(cls, params: Params) -> Self:
        """Raises Refusal."""
        start_ms = whole_number(params, "startTime") if params.get("startTime") else None
        end_ms = whole_number(params, "endTime") if params.get("endTime") else None
        if start_ms is not None and end_ms is not None and start_ms > end_ms:
            raise Refusal(-1023, "Start time is greater than end time.")
        return cls(start_ms, end_ms)

    @property
    def is_open(self) -> bool:
        return self.start_ms is None and self.end_ms is None

    def since(self, earliest_ms: int) -> Self:
        """Beginning there unless it says otherwise."""
        return type(self)(earliest_ms if self.start_ms is None else self.start_ms, self.end_ms)

    def within_a_week(self, now_ms: int) -> Self:
        """What was left open is a week from the other end. Raises Refusal when it is longer."""
        if self.start_ms is None:
            end_ms = now_ms if self.end_ms is None else self.end_ms
            return type(self)(end_ms - _WEEK_MS, end_ms)
        end_ms = self.start_ms + _WEEK_MS if self.end_ms is None else self.end_ms
        if end_ms - self.start_ms > _WEEK_MS:
            raise Refusal(-4165, "Maximum time interval is 7 days")
        return type(self)(self.start_ms, end_ms)

    def __contains__(self, time_ms: int) -> bool:
        earliest = 0 if self.start_ms is None else self.start_ms
        return earliest <= time_ms <= (_FOREVER_MS if self.end_ms is None else self.end_ms)


def list_rows(rows: Sequence[_Row], span: TimeSpan, limit: int) -> Sequence[_Row]:
    """No more than `limit` of them; `span` as it was sent."""
    return rows[:limit] if span.start_ms is not None else rows[-limit:]


def user_trades(engine: Engine, account: Account, params: Params) -> Answer:
    """From `fromId` on; else those of a span of no more than seven days, the last seven when none is sent."""
    listing = engine.listing(required(params, "symbol"))
    limit = list_limit(params)
    sent = TimeSpan.of(params)
    if params.get("fromId") and not sent.is_open:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    stake = account.stakes.get(listing.symbol)
    trades = stake.trades if stake else ()
    if params.get("fromId"):
        first = whole_number(params, "fromId")
        found = [trade for trade in trades if trade.trade_id >= first][:limit]
    else:
        span = sent.within_a_week(engine.now_us // 1000)
        found = [trade for trade in trades if trade.exchange_ms in span]
        found = found[-limit:] if sent.start_ms is None else found[:limit]
    instrument = listing.instrument
    return [
        payloads.UserTradeRow(
            symbol=listing.symbol,
            id=trade.trade_id,
            order_id=trade.order_id,
            side=trade.side.value,
            price=instrument.price_text(trade.ticks),
            qty=instrument.quantity_text(trade.lots),
            quote_qty=f"{instrument.notional(trade.ticks, trade.lots):f}",
            realized_pnl=f"{trade.realised:f}",
            commission=f"{trade.fee:f}",
            commission_asset=instrument.margin_asset,
            time=trade.exchange_ms,
            maker=trade.is_maker,
            buyer=trade.side.sign > 0,
            position_side=trade.position_side.value,
        )
        for trade in found
    ]


def income(engine: Engine, account: Account, params: Params) -> Answer:
    """Of the recent seven days when no time is sent."""
    symbol, kind = params.get("symbol"), params.get("incomeType")
    if symbol and symbol not in engine.symbols:
        raise Refusal(codes.BAD_SYMBOL, "Invalid symbol.")
    if kind and kind not in _INCOME_TYPES:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'incomeType' is not valid.")
    sent = TimeSpan.of(params)
    span = sent.since(engine.now_us // 1000 - _WEEK_MS) if sent.is_open else sent
    rows = [
        payloads.IncomeRow(
            symbol=each.symbol,
            income_type=each.kind,
            income=f"{each.amount:f}",
            asset=each.asset,
            info=each.kind,
            time=each.exchange_ms,
            tran_id=str(each.tran_id),
            trade_id="" if each.trade_id is None else str(each.trade_id),
        )
        for each in account.income
        if (not symbol or each.symbol == symbol) and (not kind or each.kind == kind) and each.exchange_ms in span
    ]
    return list_rows(rows, sent, list_limit(params, 100))


def force_orders(engine: Engine, account: Account, params: Params) -> Answer:
    """Liquidations; there are no ADL orders here. Without `startTime` of seven days before `endTime`."""
    symbol, kind = params.get("symbol"), params.get("autoCloseType")
    if symbol and symbol not in engine.symbols:
        raise Refusal(codes.BAD_SYMBOL, "Invalid symbol.")
    if kind and kind not in ("LIQUIDATION", "ADL"):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'autoCloseType' is not valid.")
    sent = TimeSpan.of(params)
    now_ms = engine.now_us // 1000
    span = sent.since((now_ms if sent.end_ms is None else sent.end_ms) - _WEEK_MS)
    rows: list[payloads.OrderBody] = []
    for order in engine.force_orders.of(account) if kind != "ADL" else ():
        if order.created_ms in span and (not symbol or order.listing.symbol == symbol):
            row = order_body(order, with_time=True)
            row.type = row.orig_type = "LIMIT"
            row.reduce_only = False
            row.cum_qty = row.price_protect = UNSET
            rows.append(row)
    limit = max(1, min(whole_number(params, "limit", _FORCE_ORDERS_DEFAULT), _FORCE_ORDERS_MOST))
    return list_rows(rows, sent, limit)


def commission_rate(engine: Engine, account: Account, params: Params) -> Answer:
    symbol = engine.listing(required(params, "symbol")).symbol
    fees = account.fees_of(symbol)
    return payloads.CommissionRateBody(symbol, f"{fees.maker:f}", f"{fees.taker:f}")


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.USER_TRADES: user_trades,
    endpoints.INCOME: income,
    endpoints.FORCE_ORDERS: force_orders,
    endpoints.COMMISSION_RATE: commission_rate,
}
