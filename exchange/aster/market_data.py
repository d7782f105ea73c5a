"""Public requests: instruments, books, mark prices, trades and the venue's time (docs: Market Data Endpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from exchange.aster import instruments as instruments_of
from exchange.aster.conversion import lots_of, ticks_above, ticks_below
from exchange.aster.rest import Rest
from exchange.clock import Clock
from exchange.errors import Rejected
from exchange.model import BookTicker, Depth, ExchangeInfo, Instrument, MarkPrice, PublicTrade, Side
from exchange.protocol import endpoints, payloads

_time = msgspec.json.Decoder(payloads.ServerTime).decode
_exchange_info = msgspec.json.Decoder(payloads.ExchangeInfoBody).decode
_book_tickers = msgspec.json.Decoder(list[payloads.BookTickerRow]).decode
_premium_index = msgspec.json.Decoder(list[payloads.PremiumIndexRow]).decode
_depth = msgspec.json.Decoder(payloads.DepthBody).decode
_trades = msgspec.json.Decoder(list[payloads.TradeRow]).decode


class AsterMarketData:
    """exchange.ports.MarketData. `instruments` may be empty until `exchange_info` was asked, and grow."""

    def __init__(self, rest: Rest, clock: Clock, instruments: Mapping[str, Instrument]) -> None:
        self._rest = rest
        self._clock = clock
        self._instruments = instruments

    async def server_ms(self) -> int:
        return (await self._rest.call(endpoints.TIME, [], _time)).server_time

    async def exchange_info(self) -> ExchangeInfo:
        def decode(body: bytes) -> ExchangeInfo:
            return instruments_of.exchange_info(_exchange_info(body))

        return await self._rest.call(endpoints.EXCHANGE_INFO, [], decode)

    async def book_tickers(self) -> list[BookTicker]:
        """Of all known symbols, without update ids (0): the endpoint gives none."""

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

    async def mark_prices(self) -> list[MarkPrice]:
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

        return await self._rest.call(endpoints.PREMIUM_INDEX, [], decode)

    async def depth(self, symbol: str, limit: int) -> Depth:
        """`limit` is one of 5, 10, 20, 50, 100, 500, 1000."""
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

        return await self._rest.call(endpoints.TRADES, [("symbol", symbol), ("limit", str(limit))], decode)

    def _instrument(self, symbol: str) -> Instrument:
        try:
            return self._instruments[symbol]
        except KeyError:
            raise Rejected(f"{symbol} is not an instrument of this venue") from None
