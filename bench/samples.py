"""Frames to decode: recorded ones where they are at hand, made ones otherwise."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

from exchange.protocol import frames, streams

SYMBOL = "BTCUSDT"
RECORDED = Path(__file__).parents[2] / "shared" / "data" / "binance-usdm-2024-08-08" / "btcusdt.jsonl.gz"
"""Another venue's frames in the same dialect."""

_NOW_MS = 1_763_958_153_021


def book_tickers(count: int, recorded: Path = RECORDED) -> tuple[list[bytes], str]:
    """Combined bookTicker frames, oldest first, and where they come from."""
    if recorded.exists():
        with gzip.open(recorded) as lines:
            found = (line.split(b" ", 1)[1].rstrip() for line in lines if b'"e":"bookTicker"' in line)
            return list(itertools.islice(found, count)), "recorded frames"
    return [book_ticker(SYMBOL, f"{61800 + n % 50}.20", f"{61800 + n % 50}.30", n + 1) for n in range(count)], "made"


def book_ticker(symbol: str, bid: str, ask: str, number: int, stream: str | None = None) -> bytes:
    frame = frames.BookTickerFrame(number, symbol, bid, "2.507", ask, "2.510", _NOW_MS, _NOW_MS)
    return frames.combined(stream or streams.book_ticker(symbol), frame)


def mark_price_frame(symbol: str, price: str, event_ms: int) -> frames.MarkPriceFrame:
    return frames.MarkPriceFrame(event_ms, symbol, price, price, "0.00010000", event_ms + 3_600_000, price)


def mark_price(symbol: str, price: str, event_ms: int) -> bytes:
    return frames.combined(streams.mark_price(symbol), mark_price_frame(symbol, price, event_ms))


def fill(symbol: str, side: str, price: str, quantity: str, client_id: str, number: int, at_ms: int = _NOW_MS) -> bytes:
    """ORDER_TRADE_UPDATE of an order filled to its end in one trade; `number` is the trade's and the order's."""
    order = frames.OrderEvent(
        symbol=symbol,
        client_id=client_id,
        side=side,
        time_in_force="GTX",
        qty=quantity,
        price=price,
        execution="TRADE",
        status="FILLED",
        order_id=number,
        last_qty=quantity,
        filled_qty=quantity,
        last_price=price,
        trade_ms=at_ms,
        trade_id=number,
        is_maker=True,
        fee_asset="USDT",
        fee="0.01",
        average_price=price,
    )
    return frames.encode(frames.OrderTradeUpdateFrame(at_ms, at_ms, order))
