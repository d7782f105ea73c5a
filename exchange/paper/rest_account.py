"""Requests about an account: money, positions, settings, trades, listen keys (docs: Account/Trades Endpoints).

Owns: their parameters and answers. Must not know: how money is booked, weights, signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, required, truth, whole_number
from exchange.paper.config import STABLE_ASSETS
from exchange.paper.engine import Engine
from exchange.paper.holding import CENT8, ZERO, Holding
from exchange.paper.rest_market import Answer, list_limit
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_SUCCESS = payloads.ErrorBody(200, "success")
_MAX_NOTIONAL = "100000000"


def balance(engine: Engine, account: Account, params: Params) -> Answer:
    return [
        payloads.BalanceRow(
            asset=asset,
            account_alias="paper",
            balance=_money(wallet),
            cross_wallet_balance=_money(wallet),
            cross_un_pnl=_money(_unrealised(account, asset)),
            available_balance=_money(_available(account, asset)),
            max_withdraw_amount=_money(max(ZERO, min(wallet, _available(account, asset)))),
            update_time=account.updated_ms,
        )
        for asset, wallet in account.balances.items()
    ]


def account(engine: Engine, account: Account, params: Params) -> Answer:
    orders = _order_margin(account)
    return payloads.AccountBody(
        update_time=account.updated_ms,
        total_initial_margin=_money(account.margin),
        total_maint_margin=_money(account.maintenance),
        total_wallet_balance=_money(account.collateral),
        total_unrealized_profit=_money(account.unrealised),
        total_margin_balance=_money(account.equity),
        total_position_initial_margin=_money(account.margin - orders),
        total_open_order_initial_margin=_money(orders),
        total_cross_wallet_balance=_money(account.collateral),
        total_cross_un_pnl=_money(account.unrealised),
        available_balance=_money(max(ZERO, account.available)),
        max_withdraw_amount=_money(max(ZERO, min(account.wallet, account.available))),
        assets=[_asset(account, asset, wallet) for asset, wallet in account.balances.items()],
        positions=[_position(engine, holding) for holding in _holdings(engine, account)],
    )


def position_risk(engine: Engine, account: Account, params: Params) -> Answer:
    """Of one symbol, or of every symbol whose market runs."""
    symbol = params.get("symbol")
    holdings = [_holding(engine, account, symbol)] if symbol else _holdings(engine, account)
    return [
        payloads.PositionRiskRow(
            symbol=holding.instrument.symbol,
            position_amt=f"{holding.quantity:f}",
            entry_price=_money(holding.entry_price),
            leverage=str(holding.stake.leverage),
            mark_price=_money(holding.stake.mark),
            un_realized_profit=_money(holding.unrealised),
            max_notional_value=_MAX_NOTIONAL,
            update_time=holding.updated_ms,
        )
        for holding in holdings
    ]


def set_leverage(engine: Engine, account: Account, params: Params) -> Answer:
    stake = _holding(engine, account, required(params, "symbol")).stake
    leverage = whole_number(params, "leverage")
    if not 1 <= leverage <= engine.settings.max_leverage:
        raise Refusal(codes.INVALID_LEVERAGE, f"Leverage {leverage} is not valid")
    changes = leverage != stake.leverage
    if not account.set_leverage(stake, leverage):
        raise Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
    if changes:
        engine.user_streams.leverage_changed(account, stake, engine.now_us)
    return payloads.LeverageBody(stake.instrument.symbol, leverage, _MAX_NOTIONAL)


def position_mode(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.PositionModeBody(False)


def set_position_mode(engine: Engine, account: Account, params: Params) -> Answer:
    """Only one-way mode, which every account is in."""
    if truth(params, "dualSidePosition"):
        raise Refusal(-4084, "Method is not allowed currently. Upcoming soon.")
    raise Refusal(codes.NO_NEED_TO_CHANGE_POSITION_SIDE, "No need to change position side.")


def multi_assets(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.MultiAssetsBody(account.is_multi_assets)


def set_multi_assets(engine: Engine, account: Account, params: Params) -> Answer:
    account.is_multi_assets = truth(params, "multiAssetsMargin")
    return _SUCCESS


def commission_rate(engine: Engine, account: Account, params: Params) -> Answer:
    symbol = engine.listing(required(params, "symbol")).symbol
    settings = engine.settings
    return payloads.CommissionRateBody(symbol, f"{settings.maker_fee:f}", f"{settings.taker_fee:f}")


def user_trades(engine: Engine, account: Account, params: Params) -> Answer:
    """Oldest first: from `fromId` on, or else the newest."""
    listing = engine.listing(required(params, "symbol"))
    stake = account.stakes.get(listing.symbol)
    limit = list_limit(params)
    first = whole_number(params, "fromId", 0)
    earliest, latest = whole_number(params, "startTime", 0), whole_number(params, "endTime", 10**17)
    found = [
        trade
        for trade in (stake.trades if stake else ())
        if trade.trade_id >= first and earliest <= trade.exchange_ms <= latest
    ]
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
        for trade in (found[:limit] if params.get("fromId") else found[-limit:])
    ]


def income(engine: Engine, account: Account, params: Params) -> Answer:
    symbol, kind = params.get("symbol"), params.get("incomeType")
    earliest, latest = whole_number(params, "startTime", 0), whole_number(params, "endTime", 10**17)
    found = [
        each
        for each in account.income
        if (not symbol or each.symbol == symbol)
        and (not kind or each.kind == kind)
        and earliest <= each.exchange_ms <= latest
    ]
    return [
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
        for each in found[-list_limit(params, 100) :]
    ]


def start_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.ListenKeyBody(engine.user_streams.start(account, engine.now_us))


def keep_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    engine.user_streams.keep(account, engine.now_us)
    return b"{}"


def close_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    engine.user_streams.close(account)
    return b"{}"


def _holding(engine: Engine, account: Account, symbol: str) -> Holding:
    listing = engine.listing(symbol)
    return account.holding(listing.instrument, listing.mark)


def _holdings(engine: Engine, account: Account) -> list[Holding]:
    return [account.holding(listing.instrument, listing.mark) for listing in engine.listings.values()]


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT8):f}"


def _unrealised(account: Account, asset: str) -> Decimal:
    return account.unrealised if asset == "USDT" else ZERO


def _available(account: Account, asset: str) -> Decimal:
    """In multi-assets mode each asset shows the same collateral again, as the real exchange does."""
    if asset == "USDT" or (account.is_multi_assets and asset in STABLE_ASSETS):
        return max(ZERO, account.available)
    return account.balances[asset]


def _position_margin(holding: Holding) -> Decimal:
    return holding.margin_with(ZERO, ZERO)


def _order_margin(account: Account) -> Decimal:
    return sum((each.margin - _position_margin(each) for each in account.holdings), ZERO)


def _asset(account: Account, asset: str, wallet: Decimal) -> payloads.AccountAsset:
    is_margin = asset == "USDT"
    orders = _order_margin(account) if is_margin else ZERO
    margin = account.margin if is_margin else ZERO
    unrealised = _unrealised(account, asset)
    return payloads.AccountAsset(
        asset=asset,
        wallet_balance=_money(wallet),
        unrealized_profit=_money(unrealised),
        margin_balance=_money(wallet + unrealised),
        maint_margin=_money(account.maintenance if is_margin else ZERO),
        initial_margin=_money(margin),
        position_initial_margin=_money(margin - orders),
        open_order_initial_margin=_money(orders),
        cross_wallet_balance=_money(wallet),
        cross_un_pnl=_money(unrealised),
        available_balance=_money(_available(account, asset)),
        max_withdraw_amount=_money(max(ZERO, min(wallet, _available(account, asset)))),
        update_time=account.updated_ms,
    )


def _position(engine: Engine, holding: Holding) -> payloads.AccountPosition:
    positions = _position_margin(holding)
    return payloads.AccountPosition(
        symbol=holding.instrument.symbol,
        position_amt=f"{holding.quantity:f}",
        entry_price=_money(holding.entry_price),
        leverage=str(holding.stake.leverage),
        initial_margin=_money(holding.margin),
        maint_margin=_money(abs(holding.notional) * engine.settings.maintenance_rate),
        unrealized_profit=_money(holding.unrealised),
        position_initial_margin=_money(positions),
        open_order_initial_margin=_money(holding.margin - positions),
        max_notional=_MAX_NOTIONAL,
        update_time=holding.updated_ms,
    )


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.USER_TRADES: user_trades,
    endpoints.INCOME: income,
    endpoints.COMMISSION_RATE: commission_rate,
    endpoints.BALANCE: balance,
    endpoints.ACCOUNT: account,
    endpoints.ACCOUNT_OLD_NAME: account,
    endpoints.POSITION_RISK: position_risk,
    endpoints.SET_LEVERAGE: set_leverage,
    endpoints.GET_POSITION_MODE: position_mode,
    endpoints.SET_POSITION_MODE: set_position_mode,
    endpoints.GET_MULTI_ASSETS: multi_assets,
    endpoints.SET_MULTI_ASSETS: set_multi_assets,
    endpoints.START_LISTEN_KEY: start_listen_key,
    endpoints.KEEP_LISTEN_KEY: keep_listen_key,
    endpoints.CLOSE_LISTEN_KEY: close_listen_key,
}
