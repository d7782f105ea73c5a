"""Public requests about the present: rules, books, prices (docs: Market Data Endpoints).

Owns: what each answers. Must not know: accounts, weights, signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from exchange.model import Side
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.instruments import exchange_info
from exchange.paper.listing import Listing
from exchange.paper.market_texts import last_ticks, level_texts
from exchange.protocol import codes, endpoints, market_payloads, payloads
from exchange.protocol.endpoints import Endpoint

Answer = Struct | Sequence[Struct] | bytes
Row = Callable[[Engine, Listing], Struct]
_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


def ping(engine: Engine, params: Params) -> Answer:
    return b"{}"


def time(engine: Engine, params: Params) -> Answer:
    return payloads.ServerTime(engine.told_us // 1000)


def info(engine: Engine, params: Params) -> Answer:
    limits, now_ms = engine.stated_limits, engine.told_us // 1000
    return exchange_info(engine.symbols, limits, engine.settings.assets, now_ms, engine.table, engine.rule_book.changes)


def depth(engine: Engine, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    limit = whole_number(params, "limit", 500)
    if limit not in _DEPTH_LIMITS:
        raise Refusal(codes.INVALID_DEPTH_LIMIT, f"'{limit}' is not valid depth limit.")
    market = listing.market
    return payloads.DepthBody(
        last_update_id=engine.feeds.snapshot_id(listing),
        bids=level_texts(listing, market.levels(Side.BUY, limit)),
        asks=level_texts(listing, market.levels(Side.SELL, limit)),
        output_ms=engine.now_us // 1000,
        transaction_ms=listing.updated_us // 1000,
    )


def ticker_price(engine: Engine, params: Params) -> Answer:
    return one_or_all(engine, params, _price_row)


def book_ticker(engine: Engine, params: Params) -> Answer:
    return one_or_all(engine, params, _book_row)


def premium_index(engine: Engine, params: Params) -> Answer:
    return one_or_all(engine, params, _premium_row)


def funding_info(engine: Engine, params: Params) -> Answer:
    """Of the symbols whose markets run, or of the one asked for."""
    listings = [engine.listing(params["symbol"])] if params.get("symbol") else list(engine.listings.values())
    return [
        payloads.FundingInfoRow(
            symbol=listing.symbol,
            funding_interval_hours=max(1, listing.funding.interval_s // 3600),
            interest_rate=f"{listing.funding.interest:.8f}",
            time=engine.now_us // 1000,
            funding_fee_cap=float(listing.funding.cap),
            funding_fee_floor=-float(listing.funding.cap),
        )
        for listing in listings
    ]


def list_limit(params: Params, default: int = 500, most: int = 1000) -> int:
    """More than the most is refused, not cut: so does the exchange family that this API follows."""
    limit = whole_number(params, "limit", default)
    if not 1 <= limit <= most:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'limit' is not valid.")
    return limit


def index_references(engine: Engine, params: Params) -> Answer:
    """The index of a paper market is its own: it is put together from nothing else. (docs: Index Price References)"""
    symbol = required(params, "symbol")
    try:
        symbol = engine.listing(symbol).symbol
    except Refusal as refusal:
        raise Refusal(codes.UNKNOWN, refusal.message) from None
    reference = market_payloads.IndexReference("paper", symbol, "1.00000000")
    return market_payloads.IndexReferencesBody(symbol, engine.now_us // 1000, [reference])


def one_or_all(engine: Engine, params: Params, row: Row) -> Answer:
    """The symbol's row, or those of all symbols whose markets run."""
    symbol = params.get("symbol")
    if symbol:
        return row(engine, engine.listing(symbol))
    return [row(engine, listing) for listing in engine.listings.values()]


def _price_row(engine: Engine, listing: Listing) -> Struct:
    price = listing.instrument.price_text(last_ticks(listing))
    return payloads.PriceRow(symbol=listing.symbol, price=price, time=listing.updated_us // 1000)


def _book_row(engine: Engine, listing: Listing) -> Struct:
    instrument = listing.instrument
    bid, ask = listing.touch()
    return payloads.BookTickerRow(
        symbol=listing.symbol,
        bid_price=instrument.price_text(bid[0]) if bid else "0",
        bid_qty=instrument.quantity_text(bid[1]) if bid else "0",
        ask_price=instrument.price_text(ask[0]) if ask else "0",
        ask_qty=instrument.quantity_text(ask[1]) if ask else "0",
        time=listing.updated_us // 1000,
    )


def _premium_row(engine: Engine, listing: Listing) -> Struct:
    return payloads.PremiumIndexRow(
        symbol=listing.symbol,
        mark_price=f"{listing.mark:.8f}",
        index_price=f"{listing.index:.8f}",
        estimated_settle_price=f"{listing.index:.8f}",
        last_funding_rate=f"{listing.funding.rate:.8f}",
        next_funding_time=listing.funding.next_us // 1000,
        interest_rate=f"{listing.funding.interest:.8f}",
        time=engine.now_us // 1000,
    )


HANDLERS: dict[Endpoint, Callable[[Engine, Params], Answer]] = {
    endpoints.PING: ping,
    endpoints.TIME: time,
    endpoints.EXCHANGE_INFO: info,
    endpoints.DEPTH: depth,
    endpoints.TICKER_PRICE: ticker_price,
    endpoints.BOOK_TICKER: book_ticker,
    endpoints.PREMIUM_INDEX: premium_index,
    endpoints.FUNDING_INFO: funding_info,
    endpoints.INDEX_REFERENCES: index_references,
}
