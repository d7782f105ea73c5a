"""Names and limits of the market streams (docs: Websocket Market Streams). Symbols in names are lower case."""

from __future__ import annotations

from collections.abc import Sequence

MAX_STREAMS = 200
"""Per connection."""
MAX_INBOUND_PER_S = 10
"""Messages from the client, per connection; beyond it the line is cut."""
MAX_LIFE_S = 24 * 3600
LISTEN_KEY_LIFE_S = 3600

ALL_BOOK_TICKERS = "!bookTicker"
ALL_MARK_PRICES = "!markPrice@arr@1s"

BOOK_TICKER = "bookTicker"
MARK_PRICE = "markPrice@1s"
DEPTH10 = "depth10@100ms"
DEPTH20 = "depth20@100ms"
DIFF_DEPTH = "depth@100ms"
PARTIAL_LEVELS = (5, 10, 20)
TRADE = "trade"
AGG_TRADE = "aggTrade"

ALL_MARKET = {BOOK_TICKER: ALL_BOOK_TICKERS, MARK_PRICE: ALL_MARK_PRICES}
"""A channel's stream of all symbols at once, where there is one."""


def stream_name(symbol: str, channel: str) -> str:
    """`asterusdt@bookTicker`, `asterusdt@depth10@100ms`, ..."""
    return f"{symbol.lower()}@{channel}"


def book_ticker(symbol: str) -> str:
    return stream_name(symbol, BOOK_TICKER)


def mark_price(symbol: str) -> str:
    return stream_name(symbol, MARK_PRICE)


def partial_depth(symbol: str, levels: int = 10, interval_ms: int = 100) -> str:
    """The best 5, 10 or 20 levels, every 100, 250 or 500 ms."""
    suffix = "" if interval_ms == 250 else f"@{interval_ms}ms"
    return stream_name(symbol, f"depth{levels}{suffix}")


def diff_depth(symbol: str, interval_ms: int = 100) -> str:
    suffix = "" if interval_ms == 250 else f"@{interval_ms}ms"
    return stream_name(symbol, f"depth{suffix}")


def trade(symbol: str) -> str:
    return stream_name(symbol, TRADE)


def agg_trade(symbol: str) -> str:
    return stream_name(symbol, AGG_TRADE)


def combined_path(streams: Sequence[str] = ()) -> str:
    """Frames on this path come in an envelope that names their stream."""
    return f"/stream?streams={'/'.join(streams)}" if streams else "/stream"


def raw_path(stream: str) -> str:
    """A listen key is such a stream too."""
    return f"/ws/{stream}"
