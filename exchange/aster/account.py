"""Signed requests about an account: money, positions, own trades (docs: Account/Trades Endpoints).

Owns: which parameters each request carries. Must not know: how a request is signed, admitted or sent.

Each docstring names the docs' section and the weight. None of these changes anything: the errors to reckon with are
Unavailable, Throttled and Banned, BadCredentials, BadRequest.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET

from exchange.aster import conversion
from exchange.aster.signed import RESYNC, SignedRequests
from exchange.aster.values import (
    AdlQuantile,
    AutoCloseType,
    Bracket,
    CommissionRate,
    Income,
    MarginChange,
)
from exchange.aster.wording import chosen, one_or_many
from exchange.model import AccountMargin, Balance, Fill, FundingPayment, Order, Position, PositionSide
from exchange.ports import Ticket
from exchange.protocol import endpoints, margin_payloads, payloads

_PAGE = 1000

_orders = msgspec.json.Decoder(list[payloads.OrderBody]).decode
_user_trades = msgspec.json.Decoder(list[payloads.UserTradeRow]).decode
_positions = msgspec.json.Decoder(list[payloads.PositionRiskRow]).decode
_balances = msgspec.json.Decoder(list[payloads.BalanceRow]).decode
_account = msgspec.json.Decoder(payloads.AccountBody).decode
_income = msgspec.json.Decoder(list[payloads.IncomeRow]).decode
_commission_rate = msgspec.json.Decoder(payloads.CommissionRateBody).decode
_brackets = one_or_many(margin_payloads.LeverageBracketBody)
_quantiles = one_or_many(margin_payloads.AdlRow)
_margin_changes = msgspec.json.Decoder(list[margin_payloads.PositionMarginRow]).decode


class AccountRequests(SignedRequests):
    # --- own trades

    async def fills(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Fill]:
        """Own trades, oldest first: from a trade id on, or of at most 7 days; without either the newest of the last 7.

        docs: Account Trade List. Weight 5; `limit` at most 1000; an id goes with no times.
        """
        instrument = self._instrument(symbol)
        params = chosen(symbol=symbol, limit=limit, fromId=from_id, startTime=start_ms, endTime=end_ms)

        def decode(body: bytes) -> list[Fill]:
            fills = [conversion.fill_from(row, instrument) for row in _user_trades(body)]
            return sorted(fills, key=lambda fill: fill.trade_id)

        return await self._rest.call(endpoints.USER_TRADES, params, decode, RESYNC)

    async def all_fills(self, symbol: str, from_id: int) -> list[Fill]:
        """Every own trade from an id on, page by page. docs: Account Trade List. Weight 5 for each 1000."""
        found: list[Fill] = []
        while True:
            page = await self.fills(symbol, from_id=from_id, limit=_PAGE)
            found += page
            if len(page) < _PAGE:
                return found
            from_id = page[-1].trade_id + 1

    async def force_orders(
        self,
        symbol: str | None = None,
        *,
        kind: AutoCloseType | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 50,
    ) -> list[Order]:
        """Orders by which the venue closed positions of ours; without a start those of 7 days.

        docs: User's Force Orders. Weight 20 with a symbol, 50 without; `limit` at most 100.
        """
        params = chosen(symbol=symbol, autoCloseType=kind, startTime=start_ms, endTime=end_ms, limit=limit)

        def decode(body: bytes) -> list[Order]:
            return [
                conversion.order_from(row, instrument)
                for row in _orders(body)
                if (instrument := self._instruments.get(row.symbol))
            ]

        return await self._rest.call(endpoints.FORCE_ORDERS, params, decode)

    # --- positions and money

    async def positions(self, ticket: Ticket | None = None) -> list[Position]:
        """One-way positions of known symbols, flat ones too. docs: Position Information v3. Weight 5."""

        def decode(body: bytes) -> list[Position]:
            return conversion.positions_from(_positions(body), self._instruments)

        return await self._rest.call(endpoints.POSITION_RISK, [], decode, RESYNC, ticket)

    async def balances(self) -> list[Balance]:
        """Wallet balances by asset. docs: Futures Account Balance v3. Weight 5."""

        def decode(body: bytes) -> list[Balance]:
            return [conversion.balance_from(row) for row in _balances(body)]

        return await self._rest.call(endpoints.BALANCE, [], decode, RESYNC)

    async def margin(self) -> AccountMargin:
        """What is committed and what is left. docs: Account Information v3. Weight 5."""
        return await self._rest.call(endpoints.ACCOUNT, [], lambda body: conversion.margin_from(_account(body)), RESYNC)

    async def income(
        self,
        *,
        symbol: str | None = None,
        kind: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 100,
    ) -> list[Income]:
        """Movements of money, oldest first; without times of the last 7 days.

        docs: Get Income History. Weight 30; `limit` at most 1000; times are inclusive.
        """
        params = chosen(symbol=symbol, incomeType=kind, startTime=start_ms, endTime=end_ms, limit=limit)

        def decode(body: bytes) -> list[Income]:
            return [
                Income(
                    symbol=row.symbol,
                    kind=row.income_type,
                    amount=Decimal(row.income),
                    asset=row.asset,
                    info=row.info,
                    tran_id=str(row.tran_id),
                    trade_id=str(row.trade_id),
                    exchange_ms=row.time,
                )
                for row in _income(body)
            ]

        return await self._rest.call(endpoints.INCOME, params, decode)

    async def funding_payments(self, from_ms: int) -> list[FundingPayment]:
        """Every one since then, page by page. docs: Get Income History. Weight 30 for each 1000."""
        found: dict[str, FundingPayment] = {}
        while True:
            page = await self.income(kind="FUNDING_FEE", start_ms=from_ms, limit=_PAGE)
            for row in page:
                # Unique in its kind (docs), by report only together with the symbol.
                payment_id = f"{row.tran_id}:{row.symbol}"
                found[payment_id] = FundingPayment(payment_id, row.symbol, row.amount, row.asset, row.exchange_ms)
            # The next page begins with the last one's moment, which may not have been told of to its end.
            if len(page) < _PAGE or page[-1].exchange_ms <= from_ms:
                return list(found.values())
            from_ms = page[-1].exchange_ms

    # --- terms

    async def commission_rate(self, symbol: str) -> CommissionRate:
        """docs: User Commission Rate. Weight 20."""

        def decode(body: bytes) -> CommissionRate:
            row = _commission_rate(body)
            return CommissionRate(row.symbol, Decimal(row.maker_commission_rate), Decimal(row.taker_commission_rate))

        return await self._rest.call(endpoints.COMMISSION_RATE, [("symbol", symbol)], decode)

    async def leverage_brackets(self, symbol: str | None = None) -> dict[str, tuple[Bracket, ...]]:
        """By symbol, the smallest notional first. docs: Notional and Leverage Brackets. Weight 1."""

        def decode(body: bytes) -> dict[str, tuple[Bracket, ...]]:
            return {
                each.symbol: tuple(_bracket(row) for row in sorted(each.brackets, key=lambda row: row.bracket))
                for each in _brackets(body)
            }

        return await self._rest.call(endpoints.LEVERAGE_BRACKET, chosen(symbol=symbol), decode)

    async def adl_quantiles(self, symbol: str | None = None) -> list[AdlQuantile]:
        """Of symbols with a position; renewed every 30 s. docs: Position ADL Quantile Estimation. Weight 5."""

        def decode(body: bytes) -> list[AdlQuantile]:
            return [
                AdlQuantile(row.symbol, found.long, found.short, None if found.both is UNSET else found.both)
                for row in _quantiles(body)
                for found in (row.adl_quantile,)
            ]

        return await self._rest.call(endpoints.ADL_QUANTILE, chosen(symbol=symbol), decode)

    async def margin_changes(
        self, symbol: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[MarginChange]:
        """Margin given to and taken from an isolated position. docs: Get Position Margin Change History. Weight 1."""
        params = chosen(symbol=symbol, startTime=start_ms, endTime=end_ms, limit=limit)

        def decode(body: bytes) -> list[MarginChange]:
            return [
                MarginChange(
                    symbol=row.symbol,
                    position_side=PositionSide(row.position_side),
                    amount=Decimal(row.amount).copy_abs() * (1 if row.type == 1 else -1),
                    asset=row.asset,
                    exchange_ms=row.time,
                )
                for row in _margin_changes(body)
            ]

        return await self._rest.call(endpoints.POSITION_MARGIN_HISTORY, params, decode)


def _bracket(row: margin_payloads.BracketRow) -> Bracket:
    return Bracket(
        notional_floor=_exact(row.notional_floor),
        notional_cap=_exact(row.notional_cap),
        max_leverage=row.initial_leverage,
        maintenance_ratio=_exact(row.maint_margin_ratio),
        deduction=_exact(row.cum),
    )


def _exact(number: float) -> Decimal:
    """The decimal that the wire spelt: its shortest form is the same."""
    return Decimal(repr(number))
