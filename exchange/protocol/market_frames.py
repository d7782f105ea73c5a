"""Frames of candles and 24-hour statistics (docs: Kline/Candlestick Streams, Mini Ticker and Ticker Streams).

Owns and must not know what exchange.protocol.frames does; these are the market's history, those its present.
"""

from __future__ import annotations

from msgspec import Struct


class KlineEvent(
    Struct,
    rename={
        "opened_ms": "t",
        "closed_ms": "T",
        "symbol": "s",
        "interval": "i",
        "first_trade_id": "f",
        "last_trade_id": "L",
        "open": "o",
        "close": "c",
        "high": "h",
        "low": "l",
        "volume": "v",
        "trades": "n",
        "is_closed": "x",
        "quote_volume": "q",
        "taker_volume": "V",
        "taker_quote_volume": "Q",
        "ignored": "B",
    },
):
    """The taker volumes are those of takers who bought. An id is -1 where there was no trade."""

    opened_ms: int
    closed_ms: int
    symbol: str
    interval: str
    first_trade_id: int
    last_trade_id: int
    open: str
    close: str
    high: str
    low: str
    volume: str
    trades: int
    is_closed: bool
    quote_volume: str
    taker_volume: str
    taker_quote_volume: str
    ignored: str = "0"


class KlineFrame(Struct, tag_field="e", tag="kline", rename={"event_ms": "E", "symbol": "s", "kline": "k"}):
    event_ms: int
    symbol: str
    kline: KlineEvent


class MiniTickerFrame(
    Struct,
    tag_field="e",
    tag="24hrMiniTicker",
    rename={
        "event_ms": "E",
        "symbol": "s",
        "close": "c",
        "open": "o",
        "high": "h",
        "low": "l",
        "volume": "v",
        "quote_volume": "q",
    },
):
    event_ms: int
    symbol: str
    close: str
    open: str
    high: str
    low: str
    volume: str
    quote_volume: str


class TickerFrame(
    Struct,
    tag_field="e",
    tag="24hrTicker",
    rename={
        "event_ms": "E",
        "symbol": "s",
        "change": "p",
        "change_percent": "P",
        "average": "w",
        "last": "c",
        "last_qty": "Q",
        "open": "o",
        "high": "h",
        "low": "l",
        "volume": "v",
        "quote_volume": "q",
        "opened_ms": "O",
        "closed_ms": "C",
        "first_trade_id": "F",
        "last_trade_id": "L",
        "trades": "n",
    },
):
    event_ms: int
    symbol: str
    change: str
    change_percent: str
    average: str
    last: str
    last_qty: str
    open: str
    high: str
    low: str
    volume: str
    quote_volume: str
    opened_ms: int
    closed_ms: int
    first_trade_id: int
    last_trade_id: int
    trades: int


class TradeProFrame(
    Struct,
    tag_field="e",
    tag="tradepro",
    rename={
        "event_ms": "E",
        "transaction_ms": "T",
        "symbol": "s",
        "trade_id": "t",
        "price": "p",
        "qty": "q",
        "transaction_hash": "h",
        "parties": "m",
    },
):
    """`parties` are the addresses of taker and maker, or `hidden` (docs: Event: TradePro)."""

    event_ms: int
    transaction_ms: int
    symbol: str
    trade_id: int
    price: str
    qty: str
    transaction_hash: str
    parties: tuple[str, str]
