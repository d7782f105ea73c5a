"""Markets that follow another exchange as it is now, with our orders standing in them (exchange.paper.displayed).

Owns: what each kind of news does to a market, and that nothing trades on news that have stopped coming. Must not know:
lines, clients: somebody brings the news (exchange.model's market events) and says when there are none to be had.

A market without its source, which is how each begins, stands still: nobody takes, nothing fills, its prices are those
of before. It goes on with the next book: orders that the other side has reached by then are filled at their own prices.
Between two books the best prices are kept up by book tickers, whose update ids are the books'.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from exchange.model import BookTicker, Depth, Instrument, MarkPrice, PublicTrade, Side
from exchange.paper.displayed import DisplayedMarket
from exchange.paper.market import MayMeet, OnTrade

News = BookTicker | Depth | MarkPrice | PublicTrade


class LiveMarket(DisplayedMarket):
    """Implements exchange.paper.market.Market. ValueError when no mark price is to be had from what is known."""

    def __init__(self, instrument: Instrument, book: Depth | None, mark: MarkPrice | None) -> None:
        super().__init__(instrument)
        self._pending: deque[tuple[int, News]] = deque()
        self._update_id = 0
        self.is_frozen = True
        if book is not None:
            self._show(book)
        mid = self._displayed_mid()
        if mark is not None:
            self._mark, self._index = mark.mark, mark.index
        elif mid is not None:
            self._mark = self._index = instrument.tick_size * Decimal(mid)
        else:
            raise ValueError(f"{instrument.symbol} has neither a mark price nor a book with two sides")

    def push(self, news: News, now_us: int) -> None:
        """To be told of what has come; it happens at the next `advance`."""
        if isinstance(news, Depth):
            self.is_frozen = False
        if not self.is_frozen:
            self._pending.append((now_us, news))

    def freeze(self) -> None:
        """There is no news any more; what had not happened yet never will."""
        self.is_frozen = True
        self._pending.clear()
        # The source may count anew when it comes back.
        self._update_id = 0

    def next_us(self) -> int | None:
        return self._pending[0][0] if self._pending else None

    def advance(self, now_us: int, on_trade: OnTrade) -> None:
        while self._pending and self._pending[0][0] <= now_us:
            at_us, news = self._pending.popleft()
            self._happen(news, at_us, on_trade)

    def mark_price(self) -> Decimal:
        return self._mark

    def index_price(self) -> Decimal:
        return self._index

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        return 0 if self.is_frozen else super().fillable(side, limit_ticks, lots)

    def take(
        self,
        order_id: int,
        side: Side,
        limit_ticks: int | None,
        lots: int,
        now_us: int,
        on_trade: OnTrade,
        may_meet: MayMeet | None = None,
    ) -> int:
        return lots if self.is_frozen else super().take(order_id, side, limit_ticks, lots, now_us, on_trade, may_meet)

    def _happen(self, news: News, at_us: int, on_trade: OnTrade) -> None:
        match news:
            case MarkPrice():
                self._mark, self._index = news.mark, news.index
            case PublicTrade():
                self._replay_trade(news, at_us, on_trade)
            case Depth() | BookTicker():
                # A snapshot that was asked for may be older than what the streams have told since.
                if news.update_id < self._update_id:
                    return
                self._update_id = news.update_id
                self._show(news if isinstance(news, Depth) else self._with_best(news))
                self._fill_passed(at_us, on_trade)

    def _with_best(self, ticker: BookTicker) -> Depth:
        """The displayed book with other best prices: what would be better is gone."""
        bids, asks = self._displayed[Side.BUY], self._displayed[Side.SELL]
        behind = [(ticks, lots) for ticks, lots in bids.items() if ticks < ticker.bid_ticks]
        beyond = [(ticks, lots) for ticks, lots in asks.items() if ticks > ticker.ask_ticks]
        return Depth(
            symbol=ticker.symbol,
            update_id=ticker.update_id,
            bids=((ticker.bid_ticks, ticker.bid_lots), *behind),
            asks=((ticker.ask_ticks, ticker.ask_lots), *beyond),
            exchange_ms=ticker.exchange_ms,
            received_us=ticker.received_us,
        )


class LiveMarkets:
    """All of one source's, each begun with its book and mark price. `open` is an exchange.paper.engine.OpenMarket."""

    def __init__(self, books: Iterable[Depth], marks: Iterable[MarkPrice]) -> None:
        self._books = {book.symbol: book for book in books}
        self._marks = {mark.symbol: mark for mark in marks}
        self._markets: dict[str, LiveMarket] = {}

    def open(self, instrument: Instrument, now_us: int) -> LiveMarket:
        symbol = instrument.symbol
        market = LiveMarket(instrument, self._books.get(symbol), self._marks.get(symbol))
        self._markets[symbol] = market
        return market

    def push(self, news: News, now_us: int) -> bool:
        """Whether there is a market that it is for."""
        market = self._markets.get(news.symbol)
        if market is not None:
            market.push(news, now_us)
        return market is not None

    def freeze(self, symbol: str) -> None:
        market = self._markets.get(symbol)
        if market is not None:
            market.freeze()

    def is_frozen(self, symbol: str) -> bool:
        market = self._markets.get(symbol)
        return market is None or market.is_frozen
