"""Requests about the terms an account trades on: modes, leverage, margin type, isolated margin, brackets.

Owns: their parameters, rules and answers (docs: Account/Trades Endpoints, Error Codes). Must not know: how money is
booked, weights, signatures. The rules of multi-assets mode (-4167 to -4172) are in no page of the docs: they are those
of the exchange family this API follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from msgspec import Raw

from exchange.model import PositionSide
from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, required, truth, whole_number
from exchange.paper.brackets import Brackets
from exchange.paper.engine import Engine
from exchange.paper.holding import Stake
from exchange.paper.liquidation import adl_quantiles
from exchange.paper.money import CENT8, ZERO
from exchange.paper.rest_history import TimeSpan, list_rows
from exchange.paper.rest_market import Answer, list_limit
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint
from exchange.protocol.margin_payloads import (
    AdlQuantile,
    AdlRow,
    BracketRow,
    LeverageBracketBody,
    PositionMarginBody,
    PositionMarginRow,
)

_SUCCESS = payloads.ErrorBody(200, "success")
_MAX_LEVERAGE = 125
"""Of any symbol (docs: Change Initial Leverage)."""
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?")
_ADD, _TAKE = 1, 2


# Modes


def position_mode(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.PositionModeBody(account.is_hedge)


def set_position_mode(engine: Engine, account: Account, params: Params) -> Answer:
    required(params, "dualSidePosition")
    is_hedge = truth(params, "dualSidePosition")
    if is_hedge is account.is_hedge:
        raise Refusal(codes.NO_NEED_TO_CHANGE_POSITION_SIDE, "No need to change position side.")
    if engine.orders.all_open_orders(account):
        raise Refusal(-4067, "Position side cannot be changed if there exists open orders.")
    if any(holding.lots for holding in account.holdings):
        raise Refusal(-4068, "Position side cannot be changed if there exists position.")
    account.is_hedge = is_hedge
    engine.user_streams.modes_changed(account, engine.now_us)
    return _SUCCESS


def multi_assets(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.MultiAssetsBody(account.is_multi_assets)


def set_multi_assets(engine: Engine, account: Account, params: Params) -> Answer:
    required(params, "multiAssetsMargin")
    is_multi = truth(params, "multiAssetsMargin")
    if is_multi is account.is_multi_assets:
        raise Refusal(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")
    if is_multi and account.isolated_stakes:
        raise Refusal(
            -4167, "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode."
        )
    if engine.orders.all_open_orders(account):
        raise Refusal(-4170, "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures.")
    if any(wallet < 0 for wallet in account.balances.values()):
        raise Refusal(
            -4172,
            "Unable to adjust Multi-Assets Mode with a negative wallet balance of margin available asset in "
            "USDⓈ-M Futures account.",
        )
    account.is_multi_assets = is_multi
    if account.available < 0:
        account.is_multi_assets = not is_multi
        raise Refusal(-4169, "Unable to adjust Multi-Assets Mode with insufficient margin balance in USDⓈ-M Futures.")
    engine.user_streams.modes_changed(account, engine.now_us)
    return _SUCCESS


# A symbol's terms


def set_leverage(engine: Engine, account: Account, params: Params) -> Answer:
    stake = _stake(engine, account, params)
    leverage = whole_number(params, "leverage")
    if not 1 <= leverage <= min(_MAX_LEVERAGE, stake.brackets[0].max_leverage):
        raise Refusal(codes.INVALID_LEVERAGE, f"Leverage {leverage} is not valid")
    before = stake.leverage
    holdings = stake.holdings.values()
    if stake.is_isolated and leverage < before and any(each.lots for each in holdings):
        raise Refusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions")
    if any(each.outgrows(leverage) for each in holdings):
        raise Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    if not account.set_leverage(stake, leverage):
        raise Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
    if leverage != before:
        engine.user_streams.leverage_changed(account, stake, engine.now_us)
    return payloads.LeverageBody(stake.instrument.symbol, leverage, f"{stake.max_notional:f}")


def set_margin_type(engine: Engine, account: Account, params: Params) -> Answer:
    stake = _stake(engine, account, params)
    margin_type = required(params, "marginType")
    if margin_type not in ("ISOLATED", "CROSSED"):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'marginType' is not valid.")
    is_isolated = margin_type == "ISOLATED"
    if is_isolated and account.is_multi_assets:
        raise Refusal(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
    if is_isolated is stake.is_isolated:
        raise Refusal(-4046, "No need to change margin type.")
    if engine.orders.open_orders(account, stake.instrument.symbol):
        raise Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
    if any(holding.lots for holding in stake.holdings.values()):
        raise Refusal(-4048, "Margin type cannot be changed if there exists position.")
    account.set_isolated(stake, is_isolated)
    engine.user_streams.margin_type_changed(account, stake, engine.now_us)
    return _SUCCESS


# Isolated margin


def change_position_margin(engine: Engine, account: Account, params: Params) -> Answer:
    stake = _stake(engine, account, params)
    amount = _amount(params)
    kind = whole_number(params, "type")
    if kind not in (_ADD, _TAKE):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'type' is not valid.")
    holding = stake.holding(_position_side(account, params))
    if not stake.is_isolated:
        raise Refusal(-4049, "Add margin only support for isolated position.")
    if not holding.lots:
        raise Refusal(-4054, "Cannot add position margin: position is 0.")
    if kind == _ADD and amount > min(account.collateral, account.available):
        raise Refusal(-4050, "Cross balance insufficient.")
    if kind == _TAKE and amount > holding.spare_margin:
        raise Refusal(-4051, "Isolated balance insufficient.")
    account.move_margin(holding, amount if kind == _ADD else -amount, engine.now_us // 1000)
    engine.user_streams.margin_moved(account, holding, engine.now_us)
    return PositionMarginBody(Raw(f"{amount:f}".encode()), kind)


def position_margin_history(engine: Engine, account: Account, params: Params) -> Answer:
    """What orders moved and what was moved on request."""
    listing = engine.listing(required(params, "symbol"))
    kind = whole_number(params, "type", 0)
    if kind not in (0, _ADD, _TAKE):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'type' is not valid.")
    span = TimeSpan.of(params)
    rows = [
        PositionMarginRow(
            amount=f"{abs(change.amount):f}",
            asset=listing.instrument.margin_asset,
            symbol=change.symbol,
            time=change.exchange_ms,
            type=_ADD if change.amount > 0 else _TAKE,
            position_side=change.position_side.value,
        )
        for change in account.margin_changes
        if change.symbol == listing.symbol and change.exchange_ms in span
    ]
    return list_rows([row for row in rows if kind in (0, row.type)], span, list_limit(params))


# What the exchange says


def leverage_bracket(engine: Engine, account: Account, params: Params) -> Answer:
    """Of every symbol, or of one, whose body then stands alone. They are the same for all accounts."""
    symbol = params.get("symbol")
    if symbol:
        if symbol not in engine.symbols:
            raise Refusal(codes.BAD_SYMBOL, "Invalid symbol.")
        return _bracket_body(symbol, engine.settings.brackets_of(symbol))
    return [_bracket_body(each, engine.settings.brackets_of(each)) for each in engine.symbols]


def adl_quantile(engine: Engine, account: Account, params: Params) -> Answer:
    """Of the symbols that the account has a position in, or of one. Computed anew each time."""
    if params.get("symbol"):
        stakes = [_stake(engine, account, params)]
    else:
        stakes = [each for each in account.stakes.values() if any(one.lots for one in each.holdings.values())]
    return [_adl_row(engine, account, stake) for stake in stakes]


def _adl_row(engine: Engine, account: Account, stake: Stake) -> AdlRow:
    found = adl_quantiles(stake, account, engine.accounts.values())
    long, short = found.get(PositionSide.LONG, 0), found.get(PositionSide.SHORT, 0)
    if not account.is_hedge or stake.is_isolated:
        quantile = AdlQuantile(long, short, both=found.get(PositionSide.BOTH, 0))
    elif PositionSide.LONG in found and PositionSide.SHORT in found:
        quantile = AdlQuantile(max(long, short), max(long, short), hedge=0)
    else:
        quantile = AdlQuantile(long, short, hedge=0)
    return AdlRow(stake.instrument.symbol, quantile)


def _bracket_body(symbol: str, brackets: Brackets) -> LeverageBracketBody:
    rows = [
        BracketRow(
            bracket=each.number,
            initial_leverage=each.max_leverage,
            notional_cap=_number(each.cap),
            notional_floor=_number(each.floor),
            maint_margin_ratio=float(each.ratio),
            cum=_number(each.cum),
        )
        for each in brackets
    ]
    return LeverageBracketBody(symbol, rows)


def _number(exact: Decimal) -> int | float:
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _stake(engine: Engine, account: Account, params: Params) -> Stake:
    listing = engine.listing(required(params, "symbol"))
    return account.stake(listing.instrument, listing.mark)


def _position_side(account: Account, params: Params) -> PositionSide:
    """It must be sent in hedge mode (docs)."""
    text = required(params, "positionSide") if account.is_hedge else params.get("positionSide", "BOTH")
    if text not in PositionSide.__members__:
        raise Refusal(-4060, "Invalid position side.")
    if (text == "BOTH") is account.is_hedge:
        raise Refusal(codes.POSITION_SIDE_NOT_MATCH, "Order's position side does not match user's setting.")
    return PositionSide(text)


def _amount(params: Params) -> Decimal:
    text = required(params, "amount")
    if not _AMOUNT.fullmatch(text):
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'amount' is not valid.")
    amount = Decimal(text)
    if amount <= ZERO:
        raise Refusal(-4055, "Amount must be positive.")
    if amount != amount.quantize(CENT8):
        raise Refusal(codes.BAD_PRECISION, "Precision is over the maximum defined for this asset.")
    return amount


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.GET_POSITION_MODE: position_mode,
    endpoints.SET_POSITION_MODE: set_position_mode,
    endpoints.GET_MULTI_ASSETS: multi_assets,
    endpoints.SET_MULTI_ASSETS: set_multi_assets,
    endpoints.SET_LEVERAGE: set_leverage,
    endpoints.SET_MARGIN_TYPE: set_margin_type,
    endpoints.CHANGE_POSITION_MARGIN: change_position_margin,
    endpoints.POSITION_MARGIN_HISTORY: position_margin_history,
    endpoints.LEVERAGE_BRACKET: leverage_bracket,
    endpoints.ADL_QUANTILE: adl_quantile,
}
