"""REST bodies as msgspec structs: what the paper venue encodes and the client decodes (docs: each endpoint's Response).

Owns: field names and which fields may be absent. Must not know: ticks, lots, what an order is. Numbers that the wire
spells as text stay text. A field that the client does not need has a default, so that an answer without it still
decodes; UNSET fields are left out when encoding.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from exchange.errors import VenueError
from exchange.protocol.meanings import classify, is_error


class ErrorBody(Struct):
    """Also the success of cancel-all, noop and mode changes: `code` 200, as number or text."""

    code: int | str
    msg: str = ""


class ServerTime(Struct, rename="camel"):
    server_time: int


class RateLimitRow(Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class Filter(Struct, rename="camel"):
    """Any of a symbol's filters: `filter_type` says which fields are there."""

    filter_type: str
    min_price: str | UnsetType = UNSET
    max_price: str | UnsetType = UNSET
    tick_size: str | UnsetType = UNSET
    min_qty: str | UnsetType = UNSET
    max_qty: str | UnsetType = UNSET
    step_size: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    notional: str | UnsetType = UNSET
    multiplier_up: str | UnsetType = UNSET
    multiplier_down: str | UnsetType = UNSET
    multiplier_decimal: str | int | UnsetType = UNSET


class SymbolInfo(Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: list[Filter]
    pair: str = ""
    contract_type: str = "PERPETUAL"
    delivery_date: int = 4133404800000
    onboard_date: int = 0
    maint_margin_percent: str = "2.5000"
    required_margin_percent: str = "5.0000"
    price_precision: int = 8
    quantity_precision: int = 8
    base_asset_precision: int = 8
    quote_precision: int = 8
    underlying_type: str = "COIN"
    underlying_sub_type: list[str] = []
    settle_plan: int = 0
    trigger_protect: str = "0.1500"
    liquidation_fee: str = "0.025000"
    market_take_bound: str = "0.05"
    order_types: list[str] = []
    time_in_force: list[str] = []


class AssetInfo(Struct, rename="camel"):
    asset: str
    margin_available: bool = True
    auto_asset_exchange: str | int | None = None


class RateLimitsBody(Struct, rename="camel"):
    """What exchangeInfo says of limits."""

    rate_limits: list[RateLimitRow] = []


class ExchangeInfoBody(Struct, rename="camel"):
    symbols: list[SymbolInfo]
    rate_limits: list[RateLimitRow] = []
    server_time: int = 0
    assets: list[AssetInfo] = []
    exchange_filters: list[str] = []
    timezone: str = "UTC"
    futures_type: str = "U_MARGINED"


class DepthBody(Struct, rename="camel"):
    """`bids` and `asks` are (price, quantity), best first."""

    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    output_ms: int = field(default=0, name="E")
    transaction_ms: int = field(default=0, name="T")


class TradeRow(Struct, rename="camel"):
    id: int
    price: str
    qty: str
    time: int
    is_buyer_maker: bool
    quote_qty: str = "0"


class BookTickerRow(Struct, rename="camel"):
    symbol: str
    bid_price: str
    bid_qty: str
    ask_price: str
    ask_qty: str
    time: int = 0


class PriceRow(Struct):
    symbol: str
    price: str
    time: int = 0


class PremiumIndexRow(Struct, rename="camel"):
    symbol: str
    mark_price: str
    index_price: str
    last_funding_rate: str
    next_funding_time: int
    time: int
    estimated_settle_price: str = "0"
    interest_rate: str = "0.00010000"


class OrderBody(Struct, rename="camel"):
    """The answer to placing, modifying, cancelling and querying; `time` is only in queries' answers."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    status: str
    price: str
    orig_qty: str
    executed_qty: str
    time_in_force: str
    update_time: int
    reduce_only: bool = False
    avg_price: str = "0.00000"
    cum_quote: str = "0"
    cum_qty: str | UnsetType = UNSET
    type: str = "LIMIT"
    orig_type: str = "LIMIT"
    position_side: str = "BOTH"
    stop_price: str = "0"
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool | UnsetType = False
    time: int | UnsetType = UNSET
    activate_price: str | UnsetType = UNSET
    """Only of a trailing stop, as is `price_rate`."""
    price_rate: str | UnsetType = UNSET


class BatchRow(Struct, rename="camel"):
    """One row of a batch's answer before it is known which of the two it is."""

    code: int | str | UnsetType = UNSET
    msg: str = ""


class UserTradeRow(Struct, rename="camel"):
    symbol: str
    id: int
    order_id: int
    side: str
    price: str
    qty: str
    realized_pnl: str
    commission: str
    commission_asset: str
    time: int
    maker: bool
    buyer: bool = False
    quote_qty: str = "0"
    position_side: str = "BOTH"


class PositionRiskRow(Struct, rename="camel"):
    symbol: str
    position_amt: str
    entry_price: str
    leverage: str
    position_side: str = "BOTH"
    update_time: int = 0
    mark_price: str = "0"
    un_realized_profit: str = "0"
    liquidation_price: str = "0"
    max_notional_value: str = "0"
    margin_type: str = "cross"
    isolated_margin: str = "0.00000000"
    is_auto_add_margin: str = "false"


class BalanceRow(Struct, rename="camel"):
    asset: str
    balance: str
    account_alias: str = ""
    cross_wallet_balance: str = "0"
    cross_un_pnl: str = "0"
    available_balance: str = "0"
    max_withdraw_amount: str = "0"
    margin_available: bool = True
    update_time: int = 0


class AccountAsset(Struct, rename="camel"):
    asset: str
    wallet_balance: str
    unrealized_profit: str = "0"
    margin_balance: str = "0"
    maint_margin: str = "0"
    initial_margin: str = "0"
    position_initial_margin: str = "0"
    open_order_initial_margin: str = "0"
    cross_wallet_balance: str = "0"
    cross_un_pnl: str = "0"
    available_balance: str = "0"
    max_withdraw_amount: str = "0"
    margin_available: bool = True
    update_time: int = 0


class AccountPosition(Struct, rename="camel"):
    symbol: str
    position_amt: str
    entry_price: str
    leverage: str
    initial_margin: str = "0"
    maint_margin: str = "0"
    unrealized_profit: str = "0"
    position_initial_margin: str = "0"
    open_order_initial_margin: str = "0"
    isolated: bool = False
    max_notional: str = "0"
    position_side: str = "BOTH"
    update_time: int = 0


class AccountBody(Struct, rename="camel"):
    assets: list[AccountAsset]
    positions: list[AccountPosition]
    fee_tier: int = 0
    can_trade: bool = True
    can_deposit: bool = True
    can_withdraw: bool = True
    update_time: int = 0
    total_initial_margin: str = "0"
    total_maint_margin: str = "0"
    total_wallet_balance: str = "0"
    total_unrealized_profit: str = "0"
    total_margin_balance: str = "0"
    total_position_initial_margin: str = "0"
    total_open_order_initial_margin: str = "0"
    total_cross_wallet_balance: str = "0"
    total_cross_un_pnl: str = "0"
    available_balance: str = "0"
    max_withdraw_amount: str = "0"


class LeverageBody(Struct, rename="camel"):
    symbol: str
    leverage: int
    max_notional_value: str = "0"


class PositionModeBody(Struct, rename="camel"):
    dual_side_position: bool


class MultiAssetsBody(Struct, rename="camel"):
    multi_assets_margin: bool


class ListenKeyBody(Struct, rename="camel"):
    listen_key: str


class CountdownBody(Struct, rename="camel"):
    symbol: str
    countdown_time: str


class StpModeBody(Struct, rename="camel"):
    stp_mode: str


class MmpRow(Struct, rename="camel"):
    symbol: str
    window_time_in_milliseconds: int
    frozen_time_in_milliseconds: int
    qty_limit: int
    value_limit: int
    delta_limit: int


class FundingInfoRow(Struct, rename="camel"):
    """The cap and the floor are the only amounts that the wire spells as numbers."""

    symbol: str
    funding_interval_hours: int
    interest_rate: str = "0.00010000"
    time: int = 0
    funding_fee_cap: float = 0.03
    funding_fee_floor: float = -0.03


class CommissionRateBody(Struct, rename="camel"):
    symbol: str
    maker_commission_rate: str
    taker_commission_rate: str


class IncomeRow(Struct, rename="camel"):
    symbol: str
    income_type: str
    income: str
    asset: str
    time: int
    tran_id: str | int
    info: str = ""
    trade_id: str | int = ""


encode = msgspec.json.Encoder().encode

_decode_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_row = msgspec.json.Decoder(BatchRow).decode
_decode_order = msgspec.json.Decoder(OrderBody).decode


def decode_batch(body: bytes) -> list[OrderBody | VenueError]:
    """A batch's answer: for each order itself, or why not. Raises msgspec.ValidationError."""
    rows: list[OrderBody | VenueError] = []
    for raw in _decode_batch(body):
        row = _decode_row(raw)
        if row.code is not UNSET and is_error(row.code):
            rows.append(classify(200, int(row.code), row.msg))
        else:
            rows.append(_decode_order(raw))
    return rows
