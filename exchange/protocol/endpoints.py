"""The table of REST endpoints: what each is called, where it is, what it costs (docs: each endpoint's Weight).

Whether modifications and cancels count as orders is written nowhere: modifications are counted, cancels are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from exchange.protocol.json_text import decode_list

Method = Literal["GET", "POST", "PUT", "DELETE"]
Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`weight_of` and `orders_of` tell a request's cost from its parameters; `v1_path` is the place for HMAC keys."""

    name: str
    method: Method
    path: str
    weight_of: Callable[[Params], int]
    orders_of: Callable[[Params], int]
    is_signed: bool
    v1_path: str


def _depth_weight(params: Params) -> int:
    limit = int(params.get("limit", "500"))
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def _batch_size(params: Params) -> int:
    return max(1, len(decode_list(params.get("batchOrders", "[]"))))


def _with_symbol(one: int, every: int) -> Callable[[Params], int]:
    return lambda params: one if params.get("symbol") else every


def _kline_weight(params: Params) -> int:
    limit = int(params.get("limit", "500"))
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _always(number: int) -> Callable[[Params], int]:
    return lambda params: number


def _endpoint(
    name: str,
    method: Method,
    path: str,
    weight: int | Callable[[Params], int] = 1,
    *,
    orders: int | Callable[[Params], int] = 0,
    is_signed: bool = True,
    v1_path: str | None = None,
) -> Endpoint:
    return Endpoint(
        name=name,
        method=method,
        path=f"/fapi/v3/{path}",
        weight_of=weight if callable(weight) else _always(weight),
        orders_of=orders if callable(orders) else _always(orders),
        is_signed=is_signed,
        v1_path=v1_path or f"/fapi/v1/{path}",
    )


PING = _endpoint("ping", "GET", "ping", is_signed=False)
TIME = _endpoint("time", "GET", "time", is_signed=False)
EXCHANGE_INFO = _endpoint("exchange_info", "GET", "exchangeInfo", is_signed=False)
DEPTH = _endpoint("depth", "GET", "depth", _depth_weight, is_signed=False)
TRADES = _endpoint("trades", "GET", "trades", is_signed=False)
HISTORICAL_TRADES = _endpoint("historical_trades", "GET", "historicalTrades", 20, is_signed=False)
AGG_TRADES = _endpoint("agg_trades", "GET", "aggTrades", 20, is_signed=False)
KLINES = _endpoint("klines", "GET", "klines", _kline_weight, is_signed=False)
INDEX_PRICE_KLINES = _endpoint("index_price_klines", "GET", "indexPriceKlines", _kline_weight, is_signed=False)
MARK_PRICE_KLINES = _endpoint("mark_price_klines", "GET", "markPriceKlines", _kline_weight, is_signed=False)
PREMIUM_INDEX = _endpoint("premium_index", "GET", "premiumIndex", is_signed=False)
FUNDING_RATE = _endpoint("funding_rate", "GET", "fundingRate", is_signed=False)
FUNDING_INFO = _endpoint("funding_info", "GET", "fundingInfo", is_signed=False)
TICKER_24HR = _endpoint("ticker_24hr", "GET", "ticker/24hr", _with_symbol(1, 40), is_signed=False)
TICKER_PRICE = _endpoint("ticker_price", "GET", "ticker/price", _with_symbol(1, 2), is_signed=False)
BOOK_TICKER = _endpoint("book_ticker", "GET", "ticker/bookTicker", _with_symbol(1, 2), is_signed=False)
INDEX_REFERENCES = _endpoint("index_references", "GET", "indexreferences", is_signed=False)

NEW_ORDER = _endpoint("new_order", "POST", "order", orders=1)
MODIFY_ORDER = _endpoint("modify_order", "PUT", "order", orders=1)
CANCEL_ORDER = _endpoint("cancel_order", "DELETE", "order")
QUERY_ORDER = _endpoint("query_order", "GET", "order")
NEW_BATCH = _endpoint("new_batch", "POST", "batchOrders", 5, orders=_batch_size)
CANCEL_BATCH = _endpoint("cancel_batch", "DELETE", "batchOrders")
CANCEL_ALL = _endpoint("cancel_all", "DELETE", "allOpenOrders")
COUNTDOWN_CANCEL_ALL = _endpoint("countdown_cancel_all", "POST", "countdownCancelAll", 10)
NOOP = _endpoint("noop", "POST", "noop")
OPEN_ORDER = _endpoint("open_order", "GET", "openOrder")
OPEN_ORDERS = _endpoint("open_orders", "GET", "openOrders", _with_symbol(1, 40))
ALL_ORDERS = _endpoint("all_orders", "GET", "allOrders", 5)
USER_TRADES = _endpoint("user_trades", "GET", "userTrades", 5)
FORCE_ORDERS = _endpoint("force_orders", "GET", "forceOrders", _with_symbol(20, 50))
INCOME = _endpoint("income", "GET", "income", 30)
COMMISSION_RATE = _endpoint("commission_rate", "GET", "commissionRate", 20)

BALANCE = _endpoint("balance", "GET", "balance", 5, v1_path="/fapi/v2/balance")
ACCOUNT = _endpoint("account", "GET", "accountWithJoinMargin", 5, v1_path="/fapi/v4/account")
ACCOUNT_OLD_NAME = _endpoint("account_old_name", "GET", "account", 5, v1_path="/fapi/v2/account")
POSITION_RISK = _endpoint("position_risk", "GET", "positionRisk", 5, v1_path="/fapi/v2/positionRisk")
SET_LEVERAGE = _endpoint("set_leverage", "POST", "leverage")
LEVERAGE_BRACKET = _endpoint("leverage_bracket", "GET", "leverageBracket")
ADL_QUANTILE = _endpoint("adl_quantile", "GET", "adlQuantile", 5)
SET_MARGIN_TYPE = _endpoint("set_margin_type", "POST", "marginType")
CHANGE_POSITION_MARGIN = _endpoint("change_position_margin", "POST", "positionMargin")
POSITION_MARGIN_HISTORY = _endpoint("position_margin_history", "GET", "positionMargin/history")
SET_POSITION_MODE = _endpoint("set_position_mode", "POST", "positionSide/dual")
GET_POSITION_MODE = _endpoint("get_position_mode", "GET", "positionSide/dual", 30)
SET_MULTI_ASSETS = _endpoint("set_multi_assets", "POST", "multiAssetsMargin")
GET_MULTI_ASSETS = _endpoint("get_multi_assets", "GET", "multiAssetsMargin", 30)
SET_STP_MODE = _endpoint("set_stp_mode", "POST", "stpMode")
GET_STP_MODE = _endpoint("get_stp_mode", "GET", "stpMode", 30)
SET_MMP = _endpoint("set_mmp", "POST", "mmp")
GET_MMP = _endpoint("get_mmp", "GET", "mmp")
DELETE_MMP = _endpoint("delete_mmp", "DELETE", "mmp")
RESET_MMP = _endpoint("reset_mmp", "POST", "mmpReset")

BUILDERS = _endpoint("builders", "GET", "builder")
"""In no page of the docs: the builders that a wallet pays a fee to. A deployed client asks for them before all else."""

START_LISTEN_KEY = _endpoint("start_listen_key", "POST", "listenKey")
KEEP_LISTEN_KEY = _endpoint("keep_listen_key", "PUT", "listenKey")
CLOSE_LISTEN_KEY = _endpoint("close_listen_key", "DELETE", "listenKey")

ENDPOINTS: tuple[Endpoint, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Endpoint))

BY_ROUTE: dict[tuple[str, str], Endpoint] = {
    (endpoint.method, path): endpoint for endpoint in ENDPOINTS for path in (endpoint.path, endpoint.v1_path)
}
"""Method and path, of either version, to the endpoint: how a server finds it."""
