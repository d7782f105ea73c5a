"""Public data: what REST shows of books, marks, trades and rules, and that the stream shows the same, without gaps."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import anyio
import pytest
from contract_house import PATIENCE_S, SYMBOL, House, Seen, Way, open_house

from exchange.errors import Rejected
from exchange.model import (
    BookTicker,
    Depth,
    Instrument,
    MarketEvent,
    MarkPrice,
    PublicTrade,
    Side,
    StreamDown,
    StreamUp,
    TimeInForce,
)
from exchange.paper import instruments as listed
from exchange.paper.calibration import parameters_for
from exchange.paper.fault_settings import CutLines
from exchange.paper.market import Market
from exchange.paper.synthetic import SyntheticMarket
from exchange.ports import MarketStream
from exchange.protocol import streams
from exchange.protocol.wire import Connect, WebSocket

BUY, SELL = Side.BUY, Side.SELL
IOC = TimeInForce.IOC


def synthetic(instrument: Instrument, now_us: int) -> Market:
    return SyntheticMarket(instrument, parameters_for(instrument), 5, now_us)


# REST


async def test_the_exchange_states_its_rules_and_limits(house: House) -> None:
    info = await house.venue.market_data.exchange_info()
    assert info.instruments == {SYMBOL: listed.instrument(SYMBOL)}
    assert info.limits == listed.REAL_LIMITS
    assert house.venue.info.instruments == info.instruments


async def test_the_clocks_are_in_step(house: House) -> None:
    before_ms = house.clock.now_ms()
    assert before_ms <= await house.venue.market_data.server_ms() <= house.clock.now_ms()


async def test_books_marks_and_trades_are_shown(house: House) -> None:
    data = house.venue.market_data
    await house.quote(BUY, 19_990, 1000)
    await house.quote(BUY, 19_980, 2000)
    await house.quote(SELL, 20_010, 3000)
    (ticker,) = await data.book_tickers()
    assert (ticker.bid_ticks, ticker.bid_lots, ticker.ask_ticks, ticker.ask_lots) == (19_990, 1000, 20_010, 3000)
    depth = await data.depth(SYMBOL, 5)
    assert (depth.bids, depth.asks) == (((19_990, 1000), (19_980, 2000)), ((20_010, 3000),))
    (mark,) = await data.mark_prices()
    assert (mark.symbol, mark.mark, mark.index) == (SYMBOL, 2, 2)
    assert mark.next_funding_ms > mark.exchange_ms
    await house.place(SELL, 19_980, 1500, time_in_force=IOC)
    trades = await data.recent_trades(SYMBOL, 10)
    assert [(trade.side, trade.price_ticks, trade.lots) for trade in trades] == [
        (SELL, 19_990, 1000),
        (SELL, 19_980, 500),
    ]
    (newest,) = await data.recent_trades(SYMBOL, 1)
    assert newest == replace(trades[1], received_us=newest.received_us)


async def test_a_symbol_that_is_not_listed_has_no_book(house: House) -> None:
    with pytest.raises(Rejected):
        await house.venue.market_data.depth("NOSUCHUSDT", 5)
    with pytest.raises(Rejected):
        await house.venue.market_data.recent_trades("NOSUCHUSDT", 5)


# Stream


async def follow(house: House, stream: MarketStream, *symbols: str) -> Seen[MarketEvent]:
    """The stream's events from now on, its line up."""
    seen: Seen[MarketEvent] = Seen()
    stream.want(symbols)
    house.tasks.start_soon(stream.run, seen)
    await seen.first(StreamUp)
    return seen


async def test_book_tickers_follow_the_book_that_rest_shows(house: House) -> None:
    seen = await follow(house, house.venue.market_stream, SYMBOL)
    for side, ticks, lots in [(BUY, 19_990, 700), (SELL, 20_010, 900), (BUY, 19_995, 300), (BUY, 19_995, 400)]:
        await house.quote(side, ticks, lots)
        (rest,) = await house.venue.market_data.book_tickers()

        def is_same(ticker: BookTicker, rest: BookTicker = rest) -> bool:
            return _touch(ticker) == _touch(rest)

        await seen.first(BookTicker, is_same)
    tickers = seen.all(BookTicker)
    assert [_touch(ticker)[:2] for ticker in tickers[-3:]] == [(19_990, 700), (19_995, 300), (19_995, 700)]
    ids = [ticker.update_id for ticker in tickers]
    assert ids == sorted(set(ids))


def _touch(ticker: BookTicker) -> tuple[int, int, int, int]:
    return ticker.bid_ticks, ticker.bid_lots, ticker.ask_ticks, ticker.ask_lots


async def test_mark_prices_come_each_second_changed_or_not(house: House) -> None:
    seen = await follow(house, house.venue.market_stream, SYMBOL)
    marks = await seen.some(3, MarkPrice)
    assert {mark.mark for mark in marks} == {Decimal(2)}
    assert [later.exchange_ms - earlier.exchange_ms for earlier, later in pairwise(marks)] == [1000, 1000]
    house.markets[SYMBOL].mark_ticks = 20_100
    moved = await seen.first(MarkPrice, lambda mark: mark.mark == Decimal("2.01"))
    (rest,) = await house.venue.market_data.mark_prices()
    assert (rest.mark, rest.index) == (moved.mark, moved.index)


async def test_symbols_join_and_leave_while_the_line_stays_up(way: Way) -> None:
    async with open_house(way, SYMBOL, "BNBUSDT") as house:
        stream = house.venue.market_stream
        seen = await follow(house, stream, SYMBOL)
        stream.want([SYMBOL, "BNBUSDT"])
        await seen.first(MarkPrice, lambda mark: mark.symbol == "BNBUSDT")
        stream.want(["BNBUSDT"])
        place = len(seen.events)
        await seen.some(2, MarkPrice, after=place)
        assert {mark.symbol for mark in seen.all(MarkPrice, after=place)} == {"BNBUSDT"}
        assert set(house.paper.engine.hub.listeners) == {"bnbusdt@bookTicker", "bnbusdt@markPrice@1s"}
        stream.want([])
        place = len(seen.events)
        stream.want([SYMBOL])
        mark = await seen.first(MarkPrice, after=place)
        assert mark.symbol == SYMBOL
        assert [type(event) for event in seen.events if isinstance(event, StreamUp | StreamDown)] == [StreamUp]


async def test_past_two_hundred_streams_all_markets_are_followed_on_one_line(way: Way) -> None:
    symbols = listed.trading_symbols()[:120]
    async with open_house(way, *symbols) as house:
        stream = house.market_stream()
        seen = await follow(house, stream, *symbols[:110])
        assert set(house.paper.engine.hub.listeners) == {streams.ALL_BOOK_TICKERS, streams.ALL_MARK_PRICES}
        await seen.some(110, MarkPrice)
        assert {mark.symbol for mark in seen.all(MarkPrice)} == set(symbols[:110])
        house.markets[symbols[100]].quote(BUY, 19_990, 5)
        house.markets[symbols[115]].quote(BUY, 19_990, 5)
        for symbol in (symbols[115], symbols[100]):
            house.paper.engine.acted(house.paper.engine.listing(symbol))
        assert (await seen.first(BookTicker)).symbol == symbols[100]
        # And back, when few are left: without a line in between.
        stream.want(symbols[:3])
        place = len(seen.events)
        await seen.some(6, MarkPrice, after=place)
        assert {mark.symbol for mark in seen.all(MarkPrice, after=place)} == set(symbols[:3])
        assert len(house.paper.engine.hub.listeners) == 6
        assert seen.all(StreamDown) == []


async def test_depth_and_trades_are_followed_where_they_are_asked_for(house: House) -> None:
    stream = house.market_stream(channels=(streams.DEPTH10, streams.TRADE))
    seen = await follow(house, stream, SYMBOL)
    await house.quote(BUY, 19_990, 1000)
    await house.quote(BUY, 19_980, 1000)
    await house.place(SELL, 19_980, 1500, time_in_force=IOC)
    trades = await seen.some(2, PublicTrade)
    rest = await house.venue.market_data.recent_trades(SYMBOL, 10)
    assert [replace(trade, received_us=0) for trade in trades] == [replace(trade, received_us=0) for trade in rest]
    book = await house.venue.market_data.depth(SYMBOL, 10)
    assert book.bids == ((19_980, 500),)
    await seen.first(Depth, lambda depth: (depth.bids, depth.asks) == (book.bids, book.asks))


async def test_after_a_cut_nothing_is_delivered_until_the_line_is_up_and_then_only_new_data(way: Way) -> None:
    async with open_house(way, SYMBOL, "BNBUSDT", open_market=synthetic) as house:
        seen = await follow(house, house.venue.market_stream, SYMBOL, "BNBUSDT")
        for _ in range(2):
            await seen.some(5, BookTicker, after=len(seen.events))
            before = len(seen.events)
            cut_ms = house.clock.now_ms()
            house.runner.inject(CutLines())
            await seen.first(StreamUp, after=before)
            down, up = seen.all(StreamDown, after=before)[0], seen.all(StreamUp, after=before)[0]
            assert seen.events.index(up, before) == seen.events.index(down, before) + 1
            place = seen.events.index(up, before)
            tickers = await seen.some(5, BookTicker, after=place)
            assert all(ticker.exchange_ms >= cut_ms for ticker in tickers)


class Cables:
    """Opens lines, and tells when it has opened four."""

    def __init__(self, connect: Connect) -> None:
        self.opened = 0
        self.fourth = anyio.Event()
        self._connect = connect

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[WebSocket]:
        self.opened += 1
        if self.opened == 4:
            self.fourth.set()
        async with self._connect(url) as socket:
            yield socket


async def test_a_line_takes_over_before_the_old_ones_end_and_nothing_is_missing_or_twice(way: Way) -> None:
    symbols = (SYMBOL, "BNBUSDT")
    async with open_house(way, *symbols, open_market=synthetic) as house:
        cables = Cables(house.address.connect)
        steady = await follow(house, house.market_stream(), *symbols)
        renewed = await follow(
            house, house.market_stream(replace(house.address, connect=cables.connect), life_s=0.7), *symbols
        )
        start = await renewed.first(BookTicker)
        with anyio.fail_after(PATIENCE_S):
            await cables.fourth.wait()
        end = await renewed.first(BookTicker, after=len(renewed.events))
        end = await steady.first(BookTicker, lambda ticker: _name(ticker) == _name(end))
        assert _between(renewed, start, end) == _between(steady, start, end)
        assert len(_between(steady, start, end)) > 20
        marks = [(mark.symbol, mark.exchange_ms) for mark in renewed.all(MarkPrice)]
        assert len(marks) == len(set(marks))
        assert [type(event) for event in renewed.events if isinstance(event, StreamUp | StreamDown)] == [StreamUp]


def _name(ticker: BookTicker) -> tuple[str, int]:
    return ticker.symbol, ticker.update_id


def _between(seen: Seen[MarketEvent], start: BookTicker, end: BookTicker) -> list[tuple[str, int]]:
    names = [_name(ticker) for ticker in seen.all(BookTicker)]
    return names[names.index(_name(start)) : names.index(_name(end)) + 1]
