"""Frames of the websocket streams, both ways (docs: Websocket Market Streams, User Data Streams).

Owns: names and types of what a frame carries. Must not know: ticks, lots, subscriptions, lines. One pass decodes a
frame into its struct: `e` is the tag that tells which. Field names are words; `rename` gives the wire's letters.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

Levels = list[tuple[str, str]]
"""(price, quantity); quantity 0 in a diff takes the level away."""


class BookTickerFrame(
    Struct,
    tag_field="e",
    tag="bookTicker",
    rename={
        "update_id": "u",
        "event_ms": "E",
        "transaction_ms": "T",
        "symbol": "s",
        "bid": "b",
        "bid_qty": "B",
        "ask": "a",
        "ask_qty": "A",
    },
    gc=False,
):
    update_id: int
    symbol: str
    bid: str
    bid_qty: str
    ask: str
    ask_qty: str
    event_ms: int
    transaction_ms: int = 0


class MarkPriceFrame(
    Struct,
    tag_field="e",
    tag="markPriceUpdate",
    rename={
        "event_ms": "E",
        "symbol": "s",
        "mark": "p",
        "index": "i",
        "settle": "P",
        "funding_rate": "r",
        "next_funding_ms": "T",
    },
    gc=False,
):
    event_ms: int
    symbol: str
    mark: str
    index: str
    funding_rate: str
    next_funding_ms: int
    settle: str = "0"


class DepthFrame(
    Struct,
    tag_field="e",
    tag="depthUpdate",
    rename={
        "event_ms": "E",
        "transaction_ms": "T",
        "symbol": "s",
        "first_update_id": "U",
        "update_id": "u",
        "previous_update_id": "pu",
        "bids": "b",
        "asks": "a",
    },
):
    """Partial depth and diff depth look the same; the stream's name tells them apart."""

    event_ms: int
    symbol: str
    update_id: int
    bids: Levels
    asks: Levels
    first_update_id: int = 0
    previous_update_id: int = 0
    transaction_ms: int = 0


class TradeFrame(
    Struct,
    tag_field="e",
    tag="trade",
    rename={
        "event_ms": "E",
        "transaction_ms": "T",
        "symbol": "s",
        "trade_id": "t",
        "price": "p",
        "qty": "q",
        "kind": "X",
        "is_buyer_maker": "m",
    },
    gc=False,
):
    """In no page of the docs: as the exchange family of this API sends it."""

    event_ms: int
    symbol: str
    trade_id: int
    price: str
    qty: str
    is_buyer_maker: bool
    transaction_ms: int = 0
    kind: str = "MARKET"


class AggTradeFrame(
    Struct,
    tag_field="e",
    tag="aggTrade",
    rename={
        "event_ms": "E",
        "transaction_ms": "T",
        "symbol": "s",
        "agg_id": "a",
        "price": "p",
        "qty": "q",
        "first_trade_id": "f",
        "last_trade_id": "l",
        "is_buyer_maker": "m",
    },
    gc=False,
):
    event_ms: int
    symbol: str
    agg_id: int
    price: str
    qty: str
    first_trade_id: int
    last_trade_id: int
    is_buyer_maker: bool
    transaction_ms: int = 0


MarketFrame = BookTickerFrame | MarkPriceFrame | DepthFrame | TradeFrame | AggTradeFrame
MarketData = MarketFrame | list[MarkPriceFrame]


class StreamError(Struct):
    code: int
    msg: str


class Envelope(Struct):
    """Any frame of a combined line: data under a stream's name, or the answer to the request `id`."""

    stream: str = ""
    data: MarketData | None = None
    id: int | None = None
    error: StreamError | None = None
    code: int | None = None
    msg: str = ""


class DataFrame(Struct):
    """What a combined line sends: for encoding. On a raw line the data go alone."""

    stream: str
    data: msgspec.Raw


class StreamRequest(Struct):
    """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY. Some clients omit `id`."""

    method: str
    params: list[str | bool] = []
    id: int | None = None


class StreamResponse(Struct):
    result: list[str] | bool | None = None
    id: int | None = None


class OrderEvent(
    Struct,
    rename={
        "symbol": "s",
        "client_id": "c",
        "side": "S",
        "type": "o",
        "time_in_force": "f",
        "qty": "q",
        "price": "p",
        "average_price": "ap",
        "stop_price": "sp",
        "execution": "x",
        "status": "X",
        "order_id": "i",
        "last_qty": "l",
        "filled_qty": "z",
        "last_price": "L",
        "fee_asset": "N",
        "fee": "n",
        "trade_ms": "T",
        "trade_id": "t",
        "bids_notional": "b",
        "asks_notional": "a",
        "is_maker": "m",
        "is_reduce_only": "R",
        "working_type": "wt",
        "original_type": "ot",
        "position_side": "ps",
        "is_close_all": "cp",
        "activation_price": "AP",
        "callback_rate": "cr",
        "realised_pnl": "rp",
    },
):
    symbol: str
    client_id: str
    side: str
    time_in_force: str
    qty: str
    price: str
    execution: str
    status: str
    order_id: int
    last_qty: str
    filled_qty: str
    last_price: str
    trade_ms: int
    trade_id: int
    is_maker: bool = False
    is_reduce_only: bool = False
    fee_asset: str | UnsetType | None = UNSET
    """Not sent where there is no commission, nor is `fee`."""
    fee: str | UnsetType | None = UNSET
    realised_pnl: str = "0"
    average_price: str = "0"
    stop_price: str = "0"
    type: str = "LIMIT"
    original_type: str = "LIMIT"
    bids_notional: str = "0"
    asks_notional: str = "0"
    working_type: str = "CONTRACT_PRICE"
    position_side: str = "BOTH"
    is_close_all: bool = False
    activation_price: str | UnsetType = UNSET
    callback_rate: str | UnsetType = UNSET


class OrderTradeUpdateFrame(
    Struct,
    tag_field="e",
    tag="ORDER_TRADE_UPDATE",
    rename={"event_ms": "E", "transaction_ms": "T", "order": "o"},
):
    event_ms: int
    transaction_ms: int
    order: OrderEvent


class BalanceEvent(Struct, rename={"asset": "a", "wallet": "wb", "cross_wallet": "cw", "change": "bc"}):
    asset: str
    wallet: str
    cross_wallet: str = "0"
    change: str = "0"


class PositionEvent(
    Struct,
    rename={
        "symbol": "s",
        "amount": "pa",
        "entry_price": "ep",
        "accumulated_realised": "cr",
        "unrealised_pnl": "up",
        "margin_type": "mt",
        "isolated_wallet": "iw",
        "position_side": "ps",
    },
):
    symbol: str
    amount: str
    entry_price: str
    accumulated_realised: str = "0"
    unrealised_pnl: str = "0"
    margin_type: str = "cross"
    isolated_wallet: str = "0"
    position_side: str = "BOTH"


class AccountEvent(Struct, rename={"reason": "m", "balances": "B", "positions": "P"}):
    reason: str
    balances: list[BalanceEvent] = []
    positions: list[PositionEvent] = []


class AccountUpdateFrame(
    Struct,
    tag_field="e",
    tag="ACCOUNT_UPDATE",
    rename={"event_ms": "E", "transaction_ms": "T", "account": "a"},
):
    event_ms: int
    transaction_ms: int
    account: AccountEvent


class ListenKeyExpiredFrame(Struct, tag_field="e", tag="listenKeyExpired", rename={"event_ms": "E"}):
    event_ms: int = 0


class SymbolConfig(Struct, rename={"symbol": "s", "leverage": "l"}):
    symbol: str
    leverage: int


class AccountConfig(Struct, rename={"is_multi_assets": "j", "pays_fees_in_token": "f", "is_hedge": "d"}):
    is_multi_assets: bool
    pays_fees_in_token: bool
    is_hedge: bool


class AccountConfigFrame(
    Struct,
    tag_field="e",
    tag="ACCOUNT_CONFIG_UPDATE",
    rename={"event_ms": "E", "transaction_ms": "T", "symbol_config": "ac", "account_config": "ai"},
):
    event_ms: int
    transaction_ms: int
    symbol_config: SymbolConfig | UnsetType = UNSET
    account_config: AccountConfig | UnsetType = UNSET


UserFrame = OrderTradeUpdateFrame | AccountUpdateFrame | ListenKeyExpiredFrame | AccountConfigFrame

USER_KINDS = frozenset({"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "listenKeyExpired", "ACCOUNT_CONFIG_UPDATE"})


class FrameKind(Struct):
    """Only the tag: tells a frame of a kind we do not follow from a malformed one."""

    e: str = ""


encode = msgspec.json.Encoder().encode
decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_market = msgspec.json.Decoder(MarketData).decode
"""A frame of a raw line."""
decode_user = msgspec.json.Decoder(UserFrame).decode
decode_kind = msgspec.json.Decoder(FrameKind).decode
decode_request = msgspec.json.Decoder(StreamRequest).decode
decode_response = msgspec.json.Decoder(StreamResponse).decode


def combined(stream: str, frame: MarketData | UserFrame) -> bytes:
    return encode(DataFrame(stream, msgspec.Raw(encode(frame))))
