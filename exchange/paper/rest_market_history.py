"""Public requests about the past: trades, candles, 24-hour statistics, funding (docs: Market Data Endpoints).

Owns: what each answers and which parameters go together. Must not know: how the past is kept, accounts, weights.
Everything begins with the exchange: there are no trades and no candles from before it opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from exchange.model import Instrument, Side
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.candles import MOST, Candle, Candles
from exchange.paper.engine import Engine
from exchange.paper.listing import Listing
from exchange.paper.market import Trade
from exchange.paper.market_texts import day_texts, index_text, quote_text
from exchange.paper.rest_market import Answer, list_limit, one_or_all
from exchange.protocol import endpoints
from exchange.protocol.endpoints import Endpoint
from exchange.protocol.intervals import HOUR_MS, INTERVALS, Interval
from exchange.protocol.market_payloads import AggTradeRow, DayTickerRow, FundingRateRow, KlineRow
from exchange.protocol.payloads import TradeRow

_START_AFTER_END = -1023
_BAD_INTERVAL = -1120
_LOOKUP_TOO_BIG = -1127
_BAD_COMBINATION = -1128
_INVALID_PAIR = -4144

_T = TypeVar("_T")


def trades(engine: Engine, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    return _trade_rows(listing, listing.tape.newest(list_limit(params)))


def historical_trades(engine: Engine, params: Params) -> Answer:
    """From an id on; of ids that are no longer kept, from the oldest kept."""
    listing = engine.listing(required(params, "symbol"))
    limit = list_limit(params)
    if not params.get("fromId"):
        return _trade_rows(listing, listing.tape.newest(limit))
    return _trade_rows(listing, listing.tape.since(whole_number(params, "fromId"), limit))


def agg_trades(engine: Engine, params: Params) -> Answer:
    """`fromId` goes with no times, as the exchange family of this API has it; the docs do not say."""
    listing = engine.listing(required(params, "symbol"))
    instrument = listing.instrument
    limit = list_limit(params)
    start_ms, end_ms = _times(params)
    if params.get("fromId") and (start_ms is not None or end_ms is not None):
        raise Refusal(_BAD_COMBINATION, "Combination of optional parameters invalid.")
    if start_ms is not None and end_ms is not None and end_ms - start_ms >= HOUR_MS:
        raise Refusal(_LOOKUP_TOO_BIG, "More than 1 hours between startTime and endTime.")
    if params.get("fromId"):
        rows = listing.tape.aggregates(after=whole_number(params, "fromId") - 1)[:limit]
    else:
        rows = _within(listing.tape.aggregates(), lambda each: each.exchange_us // 1000, start_ms, end_ms, limit)
    return [
        AggTradeRow(
            agg_id=each.agg_id,
            price=instrument.price_text(each.ticks),
            qty=instrument.quantity_text(each.lots),
            first_trade_id=each.first_id,
            last_trade_id=each.last_id,
            time=each.exchange_us // 1000,
            is_buyer_maker=each.taker_side is Side.SELL,
        )
        for each in rows
    ]


def klines(engine: Engine, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    interval, candles = _candles(engine, params, listing.candles)
    return [_trade_kline(listing.instrument, interval, candle) for candle in candles]


def mark_price_klines(engine: Engine, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    interval, candles = _candles(engine, params, listing.mark_candles)
    return [_price_kline(interval, candle) for candle in candles]


def index_price_klines(engine: Engine, params: Params) -> Answer:
    """A pair is called as its perpetual is."""
    pair = required(params, "pair")
    if pair not in engine.symbols:
        raise Refusal(_INVALID_PAIR, "Invalid pair")
    interval, candles = _candles(engine, params, engine.listing(pair).index_candles)
    return [_price_kline(interval, candle) for candle in candles]


def day_ticker(engine: Engine, params: Params) -> Answer:
    return one_or_all(engine, params, _day_row)


def funding_rate(engine: Engine, params: Params) -> Answer:
    """Of one symbol, or of all whose markets run, in order of time."""
    listings = [engine.listing(params["symbol"])] if params.get("symbol") else list(engine.listings.values())
    limit = list_limit(params, 100)
    start_ms, end_ms = _times(params)
    rows = [
        FundingRateRow(listing.symbol, f"{event.rate:.8f}", event.time_ms)
        for listing in listings
        for event in listing.funding.history
    ]
    rows.sort(key=lambda row: row.funding_time)
    return _within(rows, lambda row: row.funding_time, start_ms, end_ms, limit)


def _trade_rows(listing: Listing, found: Iterable[Trade]) -> list[TradeRow]:
    instrument = listing.instrument
    return [
        TradeRow(
            id=trade.trade_id,
            price=instrument.price_text(trade.ticks),
            qty=instrument.quantity_text(trade.lots),
            quote_qty=f"{instrument.notional(trade.ticks, trade.lots):f}",
            time=trade.exchange_us // 1000,
            is_buyer_maker=trade.taker_side is Side.SELL,
        )
        for trade in found
    ]


def _candles(engine: Engine, params: Params, kept: Candles) -> tuple[Interval, list[Candle]]:
    interval = INTERVALS.get(required(params, "interval"))
    if interval is None:
        raise Refusal(_BAD_INTERVAL, "Invalid interval.")
    limit = list_limit(params, most=MOST)
    start_ms, end_ms = _times(params)
    history = kept.history(interval, engine.now_us // 1000)
    return interval, _within(history, lambda candle: candle.opened_ms, start_ms, end_ms, limit)


def _trade_kline(instrument: Instrument, interval: Interval, candle: Candle) -> KlineRow:
    return KlineRow(
        opened_ms=candle.opened_ms,
        open=instrument.price_text(candle.open),
        high=instrument.price_text(candle.high),
        low=instrument.price_text(candle.low),
        close=instrument.price_text(candle.close),
        volume=instrument.quantity_text(candle.lots),
        closed_ms=interval.end(candle.opened_ms) - 1,
        quote_volume=quote_text(instrument, candle.tick_lots),
        trades=candle.count,
        taker_volume=instrument.quantity_text(candle.bought_lots),
        taker_quote_volume=quote_text(instrument, candle.bought_tick_lots),
    )


def _price_kline(interval: Interval, candle: Candle) -> KlineRow:
    return KlineRow(
        opened_ms=candle.opened_ms,
        open=index_text(candle.open),
        high=index_text(candle.high),
        low=index_text(candle.low),
        close=index_text(candle.close),
        volume="0",
        closed_ms=interval.end(candle.opened_ms) - 1,
        quote_volume="0",
        trades=candle.count,
        taker_volume="0",
        taker_quote_volume="0",
    )


def _day_row(engine: Engine, listing: Listing) -> DayTickerRow:
    day = day_texts(listing, engine.now_us // 1000)
    return DayTickerRow(
        symbol=listing.symbol,
        price_change=day.change,
        price_change_percent=day.change_percent,
        weighted_avg_price=day.average,
        prev_close_price=day.previous_close,
        last_price=day.last,
        last_qty=day.last_qty,
        open_price=day.open,
        high_price=day.high,
        low_price=day.low,
        volume=day.volume,
        quote_volume=day.quote_volume,
        open_time=day.opened_ms,
        close_time=day.closed_ms,
        first_id=day.first_id,
        last_id=day.last_id,
        count=day.count,
    )


def _times(params: Params) -> tuple[int | None, int | None]:
    start_ms = whole_number(params, "startTime") if params.get("startTime") else None
    end_ms = whole_number(params, "endTime") if params.get("endTime") else None
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise Refusal(_START_AFTER_END, "Start time is greater than end time.")
    return start_ms, end_ms


def _within(
    rows: list[_T], time_ms: Callable[[_T], int], start_ms: int | None, end_ms: int | None, limit: int
) -> list[_T]:
    """Both times inclusive. The first ones from a start on, without a start the last ones."""
    chosen = [
        row
        for row in rows
        if (start_ms is None or time_ms(row) >= start_ms) and (end_ms is None or time_ms(row) <= end_ms)
    ]
    return chosen[-limit:] if start_ms is None else chosen[:limit]


HANDLERS: dict[Endpoint, Callable[[Engine, Params], Answer]] = {
    endpoints.TRADES: trades,
    endpoints.HISTORICAL_TRADES: historical_trades,
    endpoints.AGG_TRADES: agg_trades,
    endpoints.KLINES: klines,
    endpoints.INDEX_PRICE_KLINES: index_price_klines,
    endpoints.MARK_PRICE_KLINES: mark_price_klines,
    endpoints.TICKER_24HR: day_ticker,
    endpoints.FUNDING_RATE: funding_rate,
}
