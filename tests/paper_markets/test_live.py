"""What news of another exchange do to a market that follows it, and to our orders in it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.model import BookTicker, Depth, Instrument, MarkPrice, PublicTrade, Side
from exchange.paper.live import LiveMarket, LiveMarkets, News
from exchange.paper.market import Trade

BUY, SELL = Side.BUY, Side.SELL
INSTRUMENT = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**6, 1, 10**9,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip
BIDS = ((100, 50), (99, 40))
ASKS = ((102, 50), (103, 40))
Level = tuple[int, int]


def book(update_id: int, bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS) -> Depth:
    return Depth("XUSDT", update_id, bids, asks, 0, 0)


def ticker(update_id: int, bid: Level, ask: Level) -> BookTicker:
    return BookTicker("XUSDT", update_id, *bid, *ask, 0, 0)


def trade(side: Side, ticks: int, lots: int) -> PublicTrade:
    return PublicTrade("XUSDT", 1, side, ticks, lots, 0, 0)


def mark(price: str, index: str | None = None) -> MarkPrice:
    return MarkPrice("XUSDT", Decimal(price), Decimal(index or price), Decimal(0), 0, 0, 0)


def never(execution: Trade) -> None:
    raise AssertionError(execution)


def market(*news: News) -> LiveMarket:
    """Begun, and running since its first book."""
    live = LiveMarket(INSTRUMENT, book(1), mark("10.1"))
    live.push(book(1), 0)
    live.advance(0, lambda _: None)
    for at_us, each in enumerate(news, 1):
        live.push(each, at_us)
    return live


def fills_of(order: tuple[Side, int, int], *news: News) -> list[tuple[int, int, int]]:
    """(ticks, lots, time) of a resting order's fills."""
    side, ticks, lots = order
    live = market(*news)
    live.rest(1, side, ticks, lots, 0)
    trades: list[Trade] = []
    live.advance(10**12, trades.append)
    return [(t.ticks, t.lots, t.exchange_us) for t in trades if t.maker_order_id == 1]


@pytest.mark.parametrize(
    ("order", "news", "fills"),
    [
        pytest.param((BUY, 100, 10), [trade(SELL, 100, 54)], [(100, 4, 1)], id="the queue ahead goes first"),
        pytest.param((BUY, 100, 10), [trade(SELL, 99, 1)], [(100, 10, 1)], id="a trade beyond fills all"),
        pytest.param((BUY, 100, 10), [ticker(2, (98, 5), (100, 5))], [(100, 10, 1)], id="the ask has come to us"),
        pytest.param((BUY, 100, 10), [ticker(2, (100, 20), (102, 5)), trade(SELL, 100, 22)], [(100, 2, 2)], id="a ticker shows less ahead"),
        pytest.param((BUY, 100, 10), [book(2, bids=((100, 20),)), trade(SELL, 100, 22)], [(100, 2, 2)], id="a book likewise"),
        pytest.param((BUY, 100, 10), [ticker(3, (100, 70), (102, 5)), book(2, asks=((100, 1),))], [], id="an older book is none"),
        pytest.param((BUY, 100, 10), [mark("9")], [], id="a mark price trades nothing"),
    ],
)  # fmt: skip
def test_orders_queue_behind_what_is_displayed(
    order: tuple[Side, int, int], news: list[News], fills: list[tuple[int, int, int]]
) -> None:
    assert fills_of(order, *news) == fills


def test_a_ticker_replaces_the_best_prices_and_nothing_else() -> None:
    live = market(ticker(2, (101, 7), (103, 8)))
    live.advance(1, lambda _: None)
    assert live.levels(BUY, 9) == [(101, 7), (100, 50), (99, 40)]
    assert live.levels(SELL, 9) == [(103, 8)]
    live = market(ticker(2, (99, 7), (102, 8)))
    live.advance(1, lambda _: None)
    assert live.levels(BUY, 9) == [(99, 7)]
    assert live.levels(SELL, 9) == [(102, 8), (103, 40)]


def test_mark_and_index_are_the_sources() -> None:
    live = market(mark("10.5", "10.6"))
    assert live.mark_price() == Decimal("10.1")
    live.advance(1, lambda _: None)
    assert (live.mark_price(), live.index_price()) == (Decimal("10.5"), Decimal("10.6"))
    assert LiveMarket(INSTRUMENT, book(1), None).mark_price() == Decimal("10.1")
    with pytest.raises(ValueError, match="neither a mark price nor a book"):
        LiveMarket(INSTRUMENT, None, None)


def test_without_its_source_a_market_stands_still() -> None:
    live = market(trade(SELL, 100, 90))
    live.rest(1, BUY, 100, 10, 0)
    live.freeze()
    live.push(trade(SELL, 99, 90), 2)
    live.push(ticker(9, (98, 5), (100, 5)), 3)
    assert live.next_us() is None
    live.advance(9, never)
    assert live.is_frozen
    assert live.take(2, BUY, 102, 5, 9, never) == 5
    assert live.fillable(BUY, None, 5) == 0
    assert (live.best_bid(), live.best_ask()) == ((100, 60), (102, 50))
    # It counts anew, and the other side has reached the order meanwhile.
    live.push(book(1, bids=((97, 1),), asks=((99, 5),)), 10)
    trades: list[Trade] = []
    live.advance(10, trades.append)
    assert [(t.maker_order_id, t.ticks, t.lots) for t in trades] == [(1, 100, 10)]
    assert live.take(2, BUY, 102, 5, 11, lambda _: None) == 0


def test_markets_begin_standing_still_and_take_only_what_is_theirs() -> None:
    markets = LiveMarkets([book(1)], [mark("10.1")])
    assert not markets.push(book(1), 0)
    assert markets.is_frozen("XUSDT")
    live = markets.open(INSTRUMENT, 0)
    assert markets.is_frozen("XUSDT")
    assert live.levels(BUY, 9) == list(BIDS)
    assert live.levels(SELL, 9) == list(ASKS)
    assert markets.push(book(1), 0)
    assert not markets.is_frozen("XUSDT")
    markets.freeze("XUSDT")
    markets.freeze("YUSDT")
    assert live.is_frozen
