"""Public requests about a market's past and its terms (docs: Market Data Endpoints).

Owns: which parameters each request carries. Must not know: how a request is admitted or sent, ticks and lots.
Each docstring names the docs' section and the weight; an unknown symbol raises BadRequest.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict, Unpack

import msgspec

from exchange.aster.rest import Rest
from exchange.aster.values import DayTicker, FundingInfo, FundingRate, IndexReference, Kline, LastPrice
from exchange.aster.wording import chosen, one_or_many
from exchange.protocol import endpoints, market_payloads, payloads
from exchange.protocol.endpoints import Endpoint

_klines = msgspec.json.Decoder(list[market_payloads.KlineRow]).decode
_day_tickers = one_or_many(market_payloads.DayTickerRow)
_prices = one_or_many(payloads.PriceRow)
_funding_rates = msgspec.json.Decoder(list[market_payloads.FundingRateRow]).decode
_funding_infos = one_or_many(payloads.FundingInfoRow)
_references = msgspec.json.Decoder(market_payloads.IndexReferencesBody).decode


class Span(TypedDict, total=False):
    """Which candles; all of it may be left out."""

    start_ms: int | None
    end_ms: int | None
    limit: int
    """500 when it is."""


class MarketHistory:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def ping(self) -> None:
        """docs: Test Connectivity. Weight 1."""
        await self._rest.call(endpoints.PING, [], bytes)

    async def klines(self, symbol: str, interval: str, **span: Unpack[Span]) -> list[Kline]:
        """Candles of 1m to 1M, oldest first; without times the newest. The last may still be growing.

        docs: Kline/Candlestick Data. Weight 1 below 100, 2 below 500, 5 up to 1000, 10 up to 1500.
        """
        return await self._candles(endpoints.KLINES, span, symbol=symbol, interval=interval)

    async def mark_price_klines(self, symbol: str, interval: str, **span: Unpack[Span]) -> list[Kline]:
        """docs: Mark Price Kline/Candlestick Data. Weight as klines."""
        return await self._candles(endpoints.MARK_PRICE_KLINES, span, symbol=symbol, interval=interval)

    async def index_price_klines(self, pair: str, interval: str, **span: Unpack[Span]) -> list[Kline]:
        """docs: Index Price Kline/Candlestick Data. Weight as klines."""
        return await self._candles(endpoints.INDEX_PRICE_KLINES, span, pair=pair, interval=interval)

    async def day_tickers(self, symbol: str | None = None) -> list[DayTicker]:
        """docs: 24hr Ticker Price Change Statistics. Weight 1 with a symbol, 40 without."""

        def decode(body: bytes) -> list[DayTicker]:
            return [
                DayTicker(
                    symbol=row.symbol,
                    change=Decimal(row.price_change),
                    change_percent=Decimal(row.price_change_percent),
                    average=Decimal(row.weighted_avg_price),
                    last=Decimal(row.last_price),
                    last_quantity=Decimal(row.last_qty),
                    open=Decimal(row.open_price),
                    high=Decimal(row.high_price),
                    low=Decimal(row.low_price),
                    volume=Decimal(row.volume),
                    quote_volume=Decimal(row.quote_volume),
                    opened_ms=row.open_time,
                    closed_ms=row.close_time,
                    trades=row.count,
                )
                for row in _day_tickers(body)
            ]

        return await self._rest.call(endpoints.TICKER_24HR, chosen(symbol=symbol), decode)

    async def last_prices(self, symbol: str | None = None) -> list[LastPrice]:
        """docs: Symbol Price Ticker. Weight 1 with a symbol, 2 without."""

        def decode(body: bytes) -> list[LastPrice]:
            return [LastPrice(row.symbol, Decimal(row.price), row.time) for row in _prices(body)]

        return await self._rest.call(endpoints.TICKER_PRICE, chosen(symbol=symbol), decode)

    async def funding_rates(
        self,
        symbol: str | None = None,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 100,
    ) -> list[FundingRate]:
        """What was paid, oldest first; without times the newest.

        docs: Get Funding Rate History. Weight 1; `limit` at most 1000; times are inclusive.
        """
        params = chosen(symbol=symbol, startTime=start_ms, endTime=end_ms, limit=limit)

        def decode(body: bytes) -> list[FundingRate]:
            return [
                FundingRate(row.symbol, Decimal(row.funding_rate), row.funding_time) for row in _funding_rates(body)
            ]

        return await self._rest.call(endpoints.FUNDING_RATE, params, decode)

    async def funding_infos(self, symbol: str | None = None) -> list[FundingInfo]:
        """docs: Get Funding Rate Config. Weight 1."""

        def decode(body: bytes) -> list[FundingInfo]:
            return [
                FundingInfo(
                    symbol=row.symbol,
                    interval_hours=row.funding_interval_hours,
                    interest_rate=Decimal(row.interest_rate),
                    cap=Decimal(repr(row.funding_fee_cap)),
                    floor=Decimal(repr(row.funding_fee_floor)),
                )
                for row in _funding_infos(body)
            ]

        return await self._rest.call(endpoints.FUNDING_INFO, chosen(symbol=symbol), decode)

    async def index_references(self, symbol: str) -> list[IndexReference]:
        """Which exchanges make up an index price. docs: Index Price References. Weight 1."""

        def decode(body: bytes) -> list[IndexReference]:
            return [
                IndexReference(row.exchange, row.symbol, Decimal(row.weight)) for row in _references(body).references
            ]

        return await self._rest.call(endpoints.INDEX_REFERENCES, [("symbol", symbol)], decode)

    async def _candles(self, endpoint: Endpoint, span: Span, **what: str) -> list[Kline]:
        times = {"startTime": span.get("start_ms"), "endTime": span.get("end_ms"), "limit": span.get("limit", 500)}

        def decode(body: bytes) -> list[Kline]:
            return [
                Kline(
                    opened_ms=row.opened_ms,
                    closed_ms=row.closed_ms,
                    open=Decimal(row.open),
                    high=Decimal(row.high),
                    low=Decimal(row.low),
                    close=Decimal(row.close),
                    # The docs spell an ignored volume with a tabulator behind it.
                    volume=Decimal(row.volume.strip()),
                    quote_volume=Decimal(row.quote_volume),
                    trades=row.trades,
                    taker_buy_volume=Decimal(row.taker_volume),
                    taker_buy_quote_volume=Decimal(row.taker_quote_volume),
                )
                for row in _klines(body)
            ]

        return await self._rest.call(endpoint, chosen(**what, **times), decode)
