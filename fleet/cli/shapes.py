"""The model's values as JSON objects: what `--json` shows of a ticker, a trade, an order and the rest.

Owns: the names of fields. Must not know: commands, tables. Prices and quantities are Decimals here, times UTC
milliseconds of the venue's clock.
"""

from __future__ import annotations

from decimal import Decimal

from exchange.model import BookTicker, Depth, Fill, Instrument, Order, PublicTrade

Shape = dict[str, object]


def ticker(instrument: Instrument, book: BookTicker, mark: Decimal | None) -> Shape:
    """Without a bid or an ask (0 ticks) it has no mid."""
    bid, ask = book.bid_ticks or None, book.ask_ticks or None
    return {
        "symbol": book.symbol,
        "bid": bid and instrument.price(bid),
        "bid_qty": bid and instrument.quantity(book.bid_lots),
        "ask": ask and instrument.price(ask),
        "ask_qty": ask and instrument.quantity(book.ask_lots),
        "mid": mid_of(instrument, book),
        "mark": mark,
        "spread_bps": spread_bps(book),
        "exchange_ms": book.exchange_ms,
    }


def price_digits(instrument: Instrument) -> int:
    """How many decimals a price of it has."""
    return len(instrument.price_text(1).partition(".")[2])


def mid_of(instrument: Instrument, book: BookTicker) -> Decimal | None:
    if not book.bid_ticks or not book.ask_ticks:
        return None
    return instrument.mid(book)


def spread_bps(book: BookTicker) -> Decimal | None:
    """To four decimals."""
    if not book.bid_ticks or not book.ask_ticks:
        return None
    spread = Decimal(20_000 * (book.ask_ticks - book.bid_ticks)) / (book.bid_ticks + book.ask_ticks)
    return spread.quantize(Decimal("0.0001"))


def trade(instrument: Instrument, each: PublicTrade) -> Shape:
    return {
        "symbol": each.symbol,
        "id": each.trade_id,
        "side": each.side,
        "price": instrument.price(each.price_ticks),
        "qty": instrument.quantity(each.lots),
        "exchange_ms": each.exchange_ms,
    }


def depth(instrument: Instrument, book: Depth) -> Shape:
    return {
        "symbol": book.symbol,
        "update_id": book.update_id,
        "bids": [[instrument.price(ticks), instrument.quantity(lots)] for ticks, lots in book.bids],
        "asks": [[instrument.price(ticks), instrument.quantity(lots)] for ticks, lots in book.asks],
        "exchange_ms": book.exchange_ms,
    }


def order(instrument: Instrument, each: Order) -> Shape:
    return {
        "symbol": each.symbol,
        "client_id": each.client_id,
        "order_id": each.order_id,
        "side": each.side,
        "status": each.status,
        "price": instrument.price(each.price_ticks),
        "qty": instrument.quantity(each.lots),
        "filled_qty": instrument.quantity(each.filled_lots),
        "time_in_force": each.time_in_force,
        "reduce_only": each.reduce_only,
        "exchange_ms": each.exchange_ms,
    }


def fill(instrument: Instrument, each: Fill) -> Shape:
    return {
        "id": each.trade_id,
        "price": instrument.price(each.price_ticks),
        "qty": instrument.quantity(each.lots),
        "is_maker": each.is_maker,
        "fee": each.fee,
        "fee_asset": each.fee_asset,
        "realised_pnl": each.realised_pnl,
    }
