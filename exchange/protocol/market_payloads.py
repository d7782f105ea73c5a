"""Answers about the market's history (docs: klines, aggregate trades, 24hr statistics, funding, index references).

Owns and must not know what exchange.protocol.payloads does.
"""

from __future__ import annotations

from msgspec import Struct


class KlineRow(Struct, array_like=True):
    """An array. In those of mark and index price the volumes are "0", and `trades` counts the data points."""

    opened_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    closed_ms: int
    quote_volume: str
    trades: int
    taker_volume: str
    """Of takers who bought."""
    taker_quote_volume: str
    ignored: str = "0"


class AggTradeRow(
    Struct,
    rename={
        "agg_id": "a",
        "price": "p",
        "qty": "q",
        "first_trade_id": "f",
        "last_trade_id": "l",
        "time": "T",
        "is_buyer_maker": "m",
    },
):
    agg_id: int
    price: str
    qty: str
    first_trade_id: int
    last_trade_id: int
    time: int
    is_buyer_maker: bool


class DayTickerRow(Struct, rename="camel"):
    symbol: str
    price_change: str
    price_change_percent: str
    weighted_avg_price: str
    prev_close_price: str
    last_price: str
    last_qty: str
    open_price: str
    high_price: str
    low_price: str
    volume: str
    quote_volume: str
    open_time: int
    close_time: int
    first_id: int
    last_id: int
    count: int


class FundingRateRow(Struct, rename="camel"):
    symbol: str
    funding_rate: str
    funding_time: int


class IndexReference(Struct):
    exchange: str
    symbol: str
    weight: str


class IndexReferencesBody(Struct):
    symbol: str
    time: int
    references: list[IndexReference]
