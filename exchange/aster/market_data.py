"""Public requests about the present: instruments, books, mark prices, trades, time (docs: Market Data Endpoints).

Owns: which parameters each request carries, and the model's values that answers become. Must not know: how a request is
admitted or sent. Each docstring names the docs' section and the weight; an unknown symbol raises Rejected. The history
of a market, and what the fleet has no use for, is in exchange.aster.market_history.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from exchange.aster import instruments as instruments_of
from exchange.aster.conversion import lots_of, ticks_above, ticks_below
from exchange.aster.market_history import MarketHistory
from exchange.aster.rest import Rest
from exchange.aster.wording import chosen, one_or_many
from exchange.clock import Clock
from exchange.errors import Rejected
from exchange.model import BookTicker, Depth, ExchangeInfo, Instrument, MarkPrice, PublicTrade, Side
from exchange.ports import RequestClass, Ticket
from exchange.protocol import endpoints, market_payloads, payloads
from exchange.protocol.endpoints import Endpoint

_time = msgspec.json.Decoder(payloads.ServerTime).decode
_exchange_info = msgspec.json.Decoder(payloads.ExchangeInfoBody).decode
_book_tickers = msgspec.json.Decoder(list[payloads.BookTickerRow]).decode
_premium_index = one_or_many(payloads.PremiumIndexRow)
_depth = msgspec.json.Decoder(payloads.DepthBody).decode
_agg_trades = msgspec.json.Decoder(list[market_payloads.AggTradeRow]).decode
_trades = msgspec.json.Decoder(list[payloads.TradeRow]).decode


class AsterMarketData(MarketHistory):
    """exchange.ports.MarketData. `instruments` may be empty until `exchange_info` was asked, and grow."""

    def __init__(self, rest: Rest, clock: Clock, instruments: Mapping[str, Instrument]) -> None:
        super().__init__(rest)
        self._clock = clock
        self._instruments = instruments

    async def server_ms(self) -> int:
        """docs: Check Server Time. Weight 1."""
        return (await self._rest.call(endpoints.TIME, [], _time)).server_time

    async def exchange_info(self) -> ExchangeInfo:
        """docs: Exchange Information. Weight 1."""

        def decode(body: bytes) -> ExchangeInfo:
            return instruments_of.exchange_info(_exchange_info(body))

        # Among the first of all: without it nothing can be cancelled.
        return await self._rest.call(endpoints.EXCHANGE_INFO, [], decode, RequestClass.CANCEL)

    async def book_tickers(self) -> list[BookTicker]:
        """Of all known symbols, without update ids (0): the endpoint gives none.

        docs: Symbol Order Book Ticker. Weight 2.
        """

        def decode(body: bytes) -> list[BookTicker]:
            now_us = self._clock.now_us()
            return [
                BookTicker(
                    symbol=row.symbol,
                    update_id=0,
                    bid_ticks=ticks_below(known, row.bid_price),
                    bid_lots=lots_of(known, row.bid_qty),
                    ask_ticks=ticks_above(known, row.ask_price),
                    ask_lots=lots_of(known, row.ask_qty),
                    exchange_ms=row.time,
                    received_us=now_us,
                )
                for row in _book_tickers(body)
                if (known := self._instruments.get(row.symbol))
            ]

        return await self._rest.call(endpoints.BOOK_TICKER, [], decode)

    async def mark_prices(self, symbol: str | None = None, *, ticket: Ticket | None = None) -> list[MarkPrice]:
        """Mark and index price, and the funding to come; of one symbol or of all known. docs: Mark Price. Weight 1."""

        def decode(body: bytes) -> list[MarkPrice]:
            now_us = self._clock.now_us()
            return [
                MarkPrice(
                    symbol=row.symbol,
                    mark=Decimal(row.mark_price),
                    index=Decimal(row.index_price),
                    funding_rate=Decimal(row.last_funding_rate or "0"),
                    next_funding_ms=row.next_funding_time,
                    exchange_ms=row.time,
                    received_us=now_us,
                )
                for row in _premium_index(body)
                if row.symbol in self._instruments
            ]

        return await self._rest.call(endpoints.PREMIUM_INDEX, chosen(symbol=symbol), decode, ticket=ticket)

    async def depth(self, symbol: str, limit: int) -> Depth:
        """docs: Order Book. `limit` is one of 5, 10, 20, 50 (weight 2), 100 (5), 500 (10), 1000 (20)."""
        known = self._instrument(symbol)

        def decode(body: bytes) -> Depth:
            book = _depth(body)
            return Depth(
                symbol=symbol,
                update_id=book.last_update_id,
                bids=tuple((ticks_below(known, price), lots_of(known, qty)) for price, qty in book.bids),
                asks=tuple((ticks_above(known, price), lots_of(known, qty)) for price, qty in book.asks),
                exchange_ms=book.transaction_ms,
                received_us=self._clock.now_us(),
            )

        return await self._rest.call(endpoints.DEPTH, [("symbol", symbol), ("limit", str(limit))], decode)

    async def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        """The newest trades, oldest first. docs: Recent Trades List. Weight 1; `limit` at most 1000."""
        return await self._trades(endpoints.TRADES, symbol, chosen(limit=limit))

    async def historical_trades(
        self, symbol: str, *, from_id: int | None = None, limit: int = 500
    ) -> list[PublicTrade]:
        """Trades from an id on, oldest first. docs: Old Trades Lookup. Weight 20; `limit` at most 1000."""
        return await self._trades(endpoints.HISTORICAL_TRADES, symbol, chosen(limit=limit, fromId=from_id))

    async def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[PublicTrade]:
        """Each one taker's fills at one price, oldest first; `from_id` is the aggregates' own numbering.

        docs: Compressed/Aggregate Trades List. Weight 20; `limit` at most 1000; two times less than an hour apart.
        """
        known = self._instrument(symbol)
        params = chosen(symbol=symbol, limit=limit, fromId=from_id, startTime=start_ms, endTime=end_ms)

        def decode(body: bytes) -> list[PublicTrade]:
            now_us = self._clock.now_us()
            return [
                PublicTrade(
                    symbol=symbol,
                    trade_id=row.last_trade_id,
                    side=Side.SELL if row.is_buyer_maker else Side.BUY,
                    price_ticks=ticks_below(known, row.price),
                    lots=lots_of(known, row.qty),
                    exchange_ms=row.time,
                    received_us=now_us,
                    first_id=row.first_trade_id,
                )
                for row in _agg_trades(body)
            ]

        return await self._rest.call(endpoints.AGG_TRADES, params, decode)

    async def _trades(self, endpoint: Endpoint, symbol: str, params: list[tuple[str, str]]) -> list[PublicTrade]:
        known = self._instrument(symbol)

        def decode(body: bytes) -> list[PublicTrade]:
            now_us = self._clock.now_us()
            return [
                PublicTrade(
                    symbol=symbol,
                    trade_id=row.id,
                    side=Side.SELL if row.is_buyer_maker else Side.BUY,
                    price_ticks=ticks_below(known, row.price),
                    lots=lots_of(known, row.qty),
                    exchange_ms=row.time,
                    received_us=now_us,
                )
                for row in _trades(body)
            ]

        return await self._rest.call(endpoint, [("symbol", symbol), *params], decode)

    def _instrument(self, symbol: str) -> Instrument:
        try:
            return self._instruments[symbol]
        except KeyError:
            raise Rejected(f"{symbol} is not an instrument of this venue") from None
