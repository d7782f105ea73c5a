"""Requests that tell what an account owns: balance, account, positionRisk (docs: Account/Trades Endpoints).

Owns: these answers, the same in every version (v2/balance, v4/account and v2/positionRisk are of one shape with v3's).
Must not know: how money is booked, weights, signatures. Positions are shown of every symbol whose market runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import PositionSide
from exchange.paper.accounts import MARGIN_ASSET, Account
from exchange.paper.answers import Params
from exchange.paper.config import STABLE_ASSETS
from exchange.paper.engine import Engine
from exchange.paper.holding import Holding
from exchange.paper.liquidation import liquidation_price
from exchange.paper.money import CENT8, ZERO
from exchange.paper.rest_market import Answer
from exchange.protocol import endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_ONE_WAY = (PositionSide.BOTH,)
_HEDGE = (PositionSide.LONG, PositionSide.SHORT)


def balance(engine: Engine, account: Account, params: Params) -> Answer:
    return [
        payloads.BalanceRow(
            asset=asset,
            account_alias="paper",
            balance=money(wallet),
            cross_wallet_balance=money(account.cross_wallet(asset)),
            cross_un_pnl=money(account.unrealised if asset == MARGIN_ASSET else ZERO),
            available_balance=money(_available(account, asset)),
            max_withdraw_amount=money(_withdrawable(account, asset)),
            margin_available=asset in STABLE_ASSETS,
            update_time=account.updated_ms,
        )
        for asset, wallet in account.balances.items()
    ]


@dataclass(frozen=True, slots=True)
class _Totals:
    """Of cross and isolated positions together, in the margin asset."""

    unrealised: Decimal
    maintenance: Decimal
    position_margin: Decimal
    order_margin: Decimal


def _totals(account: Account) -> _Totals:
    isolated = [each for stake in account.isolated_stakes.values() for each in stake.holdings.values()]
    return _Totals(
        unrealised=account.unrealised + sum((each.unrealised for each in isolated), ZERO),
        maintenance=account.maintenance + sum((each.maintenance for each in isolated), ZERO),
        position_margin=sum((each.position_margin for each in account.holdings), ZERO),
        order_margin=sum((each.order_margin for each in account.holdings), ZERO),
    )


def account(engine: Engine, account: Account, params: Params) -> Answer:
    totals = _totals(account)
    wallet = account.collateral + account.isolated
    return payloads.AccountBody(
        update_time=account.updated_ms,
        total_initial_margin=money(totals.position_margin + totals.order_margin),
        total_maint_margin=money(totals.maintenance),
        total_wallet_balance=money(wallet),
        total_unrealized_profit=money(totals.unrealised),
        total_margin_balance=money(wallet + totals.unrealised),
        total_position_initial_margin=money(totals.position_margin),
        total_open_order_initial_margin=money(totals.order_margin),
        total_cross_wallet_balance=money(account.collateral),
        total_cross_un_pnl=money(account.unrealised),
        available_balance=money(max(ZERO, account.available)),
        max_withdraw_amount=money(account.withdrawable),
        assets=[_asset(account, asset, totals) for asset in account.balances],
        positions=[_position(holding) for holding in _holdings(engine, account)],
    )


def position_risk(engine: Engine, account: Account, params: Params) -> Answer:
    """Of one symbol, or of every symbol whose market runs."""
    return [
        payloads.PositionRiskRow(
            symbol=holding.instrument.symbol,
            position_amt=f"{holding.quantity:f}",
            entry_price=money(holding.entry_price),
            leverage=str(holding.stake.leverage),
            mark_price=money(holding.stake.mark),
            un_realized_profit=money(holding.unrealised),
            liquidation_price=_price_or_zero(liquidation_price(account, holding)),
            max_notional_value=f"{holding.stake.max_notional:f}",
            margin_type="isolated" if holding.stake.is_isolated else "cross",
            isolated_margin=money(_isolated_margin(holding)),
            position_side=holding.position_side.value,
            update_time=holding.updated_ms,
        )
        for holding in _holdings(engine, account, params.get("symbol"))
    ]


def money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT8):f}"


def _price_or_zero(price: Decimal) -> str:
    return f"{price:f}" if price else "0"


def _holdings(engine: Engine, account: Account, symbol: str | None = None) -> list[Holding]:
    """In one-way mode those of the side BOTH, in hedge mode LONG and SHORT (docs)."""
    listings = [engine.listing(symbol)] if symbol else engine.listings.values()
    stakes = [account.look(listing.instrument, listing.mark) for listing in listings]
    return [stake.holding(side) for stake in stakes for side in (_HEDGE if account.is_hedge else _ONE_WAY)]


def _is_margin(account: Account, asset: str) -> bool:
    return asset == MARGIN_ASSET or (account.is_multi_assets and asset in STABLE_ASSETS)


def _available(account: Account, asset: str) -> Decimal:
    """In multi-assets mode each asset shows the same collateral again, as the real exchange does."""
    return max(ZERO, account.available) if _is_margin(account, asset) else account.balances[asset]


def _withdrawable(account: Account, asset: str) -> Decimal:
    wallet = account.cross_wallet(asset)
    return max(ZERO, min(wallet, account.withdrawable)) if _is_margin(account, asset) else wallet


def _isolated_margin(holding: Holding) -> Decimal:
    return holding.isolated_wallet + holding.unrealised if holding.stake.is_isolated else ZERO


def _asset(account: Account, asset: str, totals: _Totals) -> payloads.AccountAsset:
    wallet = account.balances[asset]
    row = payloads.AccountAsset(
        asset=asset,
        wallet_balance=money(wallet),
        unrealized_profit=money(ZERO),
        margin_balance=money(wallet),
        maint_margin=money(ZERO),
        initial_margin=money(ZERO),
        position_initial_margin=money(ZERO),
        open_order_initial_margin=money(ZERO),
        cross_wallet_balance=money(account.cross_wallet(asset)),
        cross_un_pnl=money(ZERO),
        available_balance=money(_available(account, asset)),
        max_withdraw_amount=money(_withdrawable(account, asset)),
        margin_available=asset in STABLE_ASSETS,
        update_time=account.updated_ms,
    )
    if asset == MARGIN_ASSET:
        row.unrealized_profit = money(totals.unrealised)
        row.margin_balance = money(wallet + totals.unrealised)
        row.maint_margin = money(totals.maintenance)
        row.initial_margin = money(totals.position_margin + totals.order_margin)
        row.position_initial_margin = money(totals.position_margin)
        row.open_order_initial_margin = money(totals.order_margin)
        row.cross_un_pnl = money(account.unrealised)
    return row


def _position(holding: Holding) -> payloads.AccountPosition:
    return payloads.AccountPosition(
        symbol=holding.instrument.symbol,
        position_amt=f"{holding.quantity:f}",
        entry_price=money(holding.entry_price),
        leverage=str(holding.stake.leverage),
        initial_margin=money(holding.position_margin + holding.order_margin),
        maint_margin=money(holding.maintenance),
        unrealized_profit=money(holding.unrealised),
        position_initial_margin=money(holding.position_margin),
        open_order_initial_margin=money(holding.order_margin),
        isolated=holding.stake.is_isolated,
        max_notional=f"{holding.stake.max_notional:f}",
        position_side=holding.position_side.value,
        update_time=holding.updated_ms,
    )


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.BALANCE: balance,
    endpoints.ACCOUNT: account,
    endpoints.ACCOUNT_OLD_NAME: account,
    endpoints.POSITION_RISK: position_risk,
}
