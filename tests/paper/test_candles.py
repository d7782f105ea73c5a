"""Candles, 24-hour statistics and aggregates against the same made plainly of all trades there were."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.model import Side
from exchange.paper.candles import MOST, NO_ID, Candle, Candles
from exchange.paper.day import Day
from exchange.paper.market import Trade
from exchange.paper.tape import KEPT, Tape
from exchange.protocol.intervals import DAY_MS, INTERVALS, Interval

START_US = 1_750_000_000_000_000
SECOND_US = 1_000_000

PAUSES = st.sampled_from(
    [0, 1, 40_000, SECOND_US, 20 * SECOND_US, 61 * SECOND_US, 900 * SECOND_US, 7 * 3600 * SECOND_US]
)
TRADES = st.lists(
    st.tuples(PAUSES, st.integers(90, 110), st.integers(1, 9), st.sampled_from(Side)), min_size=1, max_size=60
)


def trades_of(drawn: list[tuple[int, int, int, Side]]) -> list[Trade]:
    now_us = START_US
    trades: list[Trade] = []
    for number, (pause_us, ticks, lots, side) in enumerate(drawn, start=7):
        now_us += pause_us
        trades.append(Trade(number, ticks, lots, side, None, None, now_us))
    return trades


def added_up(trades: list[Trade], opened_ms: int) -> Candle:
    bought = [trade for trade in trades if trade.taker_side is Side.BUY]
    return Candle(
        opened_ms=opened_ms,
        open=trades[0].ticks,
        high=max(trade.ticks for trade in trades),
        low=min(trade.ticks for trade in trades),
        close=trades[-1].ticks,
        lots=sum(trade.lots for trade in trades),
        tick_lots=sum(trade.lots * trade.ticks for trade in trades),
        count=len(trades),
        bought_lots=sum(trade.lots for trade in bought),
        bought_tick_lots=sum(trade.lots * trade.ticks for trade in bought),
        first_id=trades[0].trade_id,
        last_id=trades[-1].trade_id,
    )


def plainly(trades: list[Trade], interval: Interval, now_ms: int) -> list[Candle]:
    by_start = groupby(trades, key=lambda trade: interval.start(trade.exchange_us // 1000))
    known = {start_ms: added_up(list(inside), start_ms) for start_ms, inside in by_start}
    candles: list[Candle] = []
    start_ms = min(known)
    while start_ms <= now_ms:
        candles.append(known.get(start_ms) or candles[-1].flat(start_ms))
        start_ms = interval.end(start_ms)
    return candles[-MOST:]


@given(TRADES, PAUSES, st.sampled_from(list(INTERVALS.values())))
def test_candles_of_every_interval_are_the_trades_added_up(
    drawn: list[tuple[int, int, int, Side]], pause_us: int, interval: Interval
) -> None:
    trades = trades_of(drawn)
    candles = Candles()
    for trade in trades:
        candles.trade(trade.exchange_us, trade.ticks, trade.lots, trade.taker_side is Side.BUY, trade.trade_id)
    now_ms = (trades[-1].exchange_us + pause_us) // 1000
    expected = plainly(trades, interval, now_ms)
    assert candles.history(interval, now_ms) == expected
    assert [candles.at(interval, each.opened_ms) for each in expected[-5:]] == expected[-5:]


@given(TRADES, PAUSES)
def test_the_day_is_its_trades_added_up(drawn: list[tuple[int, int, int, Side]], pause_us: int) -> None:
    trades = trades_of(drawn)
    day = Day()
    candles = Candles(day.enter)
    for trade in trades:
        candles.trade(trade.exchange_us, trade.ticks, trade.lots, trade.taker_side is Side.BUY, trade.trade_id)
    now_ms = (trades[-1].exchange_us + pause_us) // 1000
    oldest_ms = now_ms - DAY_MS
    within = [trade for trade in trades if trade.exchange_us // 60_000_000 * 60_000 >= oldest_ms]
    before = trades[: len(trades) - len(within)]
    statistics = day.statistics(candles.minute, now_ms)
    assert statistics is not None
    seen = statistics.candle
    assert (statistics.opened_ms, statistics.closed_ms) == (oldest_ms, now_ms)
    assert statistics.previous_close == (before[-1] if before else within[0]).ticks
    if within:
        all_in = added_up(within, 0)
        assert (seen.open, seen.high, seen.low, seen.close) == (all_in.open, all_in.high, all_in.low, all_in.close)
        assert (seen.lots, seen.tick_lots, seen.count) == (all_in.lots, all_in.tick_lots, all_in.count)
        assert (seen.first_id, seen.last_id) == (all_in.first_id, all_in.last_id)
    else:
        assert seen == added_up(before, 0).flat(oldest_ms)


def test_nothing_is_made_up_for_the_time_before_the_first_trade() -> None:
    assert Candles().history(INTERVALS["1m"], START_US // 1000) == []
    assert Candles().at(INTERVALS["1m"], START_US // 1000) is None
    assert Day().statistics(None, START_US // 1000) is None


@pytest.mark.parametrize("name", ["1m", "1h"])
def test_no_more_is_kept_than_an_answer_may_have(name: str) -> None:
    interval = INTERVALS[name]
    candles = Candles()
    count = MOST + 100
    for number in range(count):
        candles.trade(START_US + number * interval.ms * 1000, 100 + number, 1, True, number)
    now_ms = START_US // 1000 + (count - 1) * interval.ms
    history = candles.history(interval, now_ms)
    assert [each.open for each in history] == [100 + number for number in range(count - MOST, count)]
    assert len(candles.history(interval, now_ms + 10 * interval.ms)) == MOST


def test_a_minute_in_which_nothing_was_traded_is_flat() -> None:
    candles = Candles()
    candles.trade(START_US, 100, 5, True, 1)
    later_ms = START_US // 1000 + 3 * 60_000
    flat = candles.history(INTERVALS["1m"], later_ms)[1:]
    assert [(each.open, each.high, each.low, each.close) for each in flat] == [(100, 100, 100, 100)] * 3
    assert {(each.lots, each.count, each.first_id, each.last_id) for each in flat} == {(0, 0, NO_ID, NO_ID)}


# Aggregates

BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("fills", "aggregates"),
    [
        ([(1, 100, BUY, None, 0), (1, 100, BUY, None, 0)], [(1, 2)]),
        ([(1, 100, BUY, None, 0), (1, 101, BUY, None, 0)], [(1, 1), (2, 2)]),
        ([(1, 100, BUY, None, 0), (2, 100, BUY, None, 0)], [(1, 1), (2, 2)]),
        ([(1, 100, BUY, 5, 0), (1, 100, BUY, 6, 0)], [(1, 1), (2, 2)]),
        ([(1, 100, BUY, None, 0), (1, 100, SELL, None, 0)], [(1, 1), (2, 2)]),
        ([(1, 100, BUY, None, 0), (1, 100, BUY, None, 1)], [(1, 1), (2, 2)]),
        ([(1, 100, BUY, 5, 0)] * 3 + [(1, 99, BUY, 5, 0)] * 2, [(1, 3), (4, 5)]),
    ],
    ids=["one sweep", "two prices", "two events", "two orders", "two sides", "two moments", "a sweep of two prices"],
)
def test_what_makes_one_aggregate(
    fills: list[tuple[int, int, Side, int | None, int]], aggregates: list[tuple[int, int]]
) -> None:
    tape = Tape()
    for number, (event, ticks, side, taker, at_us) in enumerate(fills, start=1):
        tape.add(Trade(number, ticks, 2, side, None, taker, START_US + at_us), event)
    found = tape.aggregates()
    assert [(each.first_id, each.last_id) for each in found] == aggregates
    assert [each.agg_id for each in found] == list(range(1, len(aggregates) + 1))
    assert [each.lots for each in found] == [2 * (last - first + 1) for first, last in aggregates]
    assert tape.aggregates(after=1) == found[1:]


def test_the_tape_forgets_the_oldest_trades_and_no_aggregate_by_half() -> None:
    tape = Tape()
    for number in range(KEPT + 3):
        tape.add(Trade(number, 100, 1, BUY, None, None, START_US), event=number // 5)
    assert len(tape.trades) == KEPT
    assert tape.aggregates()[0].first_id == 5
    assert [trade.trade_id for trade in tape.since(0, 2)] == [3, 4]
    assert [trade.trade_id for trade in tape.since(1000, 2)] == [1000, 1001]
    assert tape.since(KEPT + 3, 2) == []
