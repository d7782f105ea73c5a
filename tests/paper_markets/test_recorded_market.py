"""Where our orders stand in a recorded market, and what reaches them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.model import Depth, Instrument, PublicTrade, Side
from exchange.paper.market import Trade
from exchange.paper.recorded_market import ReplayMarket
from exchange.paper.recordings import Gap, Recorded, RecordingError

BUY, SELL = Side.BUY, Side.SELL
INSTRUMENT = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**6, 1, 10**9,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip
BIDS = ((100, 50), (99, 40), (97, 30))
ASKS = ((102, 50), (103, 40), (105, 30))


def book(ms: int, bids: tuple[tuple[int, int], ...] = BIDS, asks: tuple[tuple[int, int], ...] = ASKS) -> Depth:
    return Depth("XUSDT", ms, bids, asks, ms, ms * 1000)


def trade(ms: int, side: Side, ticks: int, lots: int) -> PublicTrade:
    return PublicTrade("XUSDT", ms, side, ticks, lots, ms, ms * 1000)


def market(*events: Recorded, speed: float = 1.0) -> ReplayMarket:
    return ReplayMarket(INSTRUMENT, (book(1_000), *events), start_us=0, speed=speed)


def fills_of(order: tuple[Side, int, int], *events: Recorded) -> list[tuple[int, int]]:
    """(ticks, lots) of an order's fills that rests from the first book on."""
    side, ticks, lots = order
    replay = market(*events)
    replay.rest(1, side, ticks, lots, 0)
    trades: list[Trade] = []
    replay.advance(10**12, trades.append)
    return [(t.ticks, t.lots) for t in trades if t.maker_order_id == 1]


@pytest.mark.parametrize(
    ("order", "events", "fills"),
    [
        pytest.param((BUY, 100, 10), [trade(1_100, SELL, 100, 50)], [], id="the queue ahead goes first"),
        pytest.param((BUY, 100, 10), [trade(1_100, SELL, 100, 54)], [(100, 4)], id="then what the trade has left"),
        pytest.param(
            (BUY, 100, 10), [trade(1_100, SELL, 100, 30), trade(1_200, SELL, 100, 25)], [(100, 5)], id="trades add up"
        ),
        pytest.param((BUY, 100, 10), [trade(1_100, SELL, 99, 1)], [(100, 10)], id="a trade beyond fills all"),
        pytest.param((BUY, 100, 10), [trade(1_100, SELL, 101, 99)], [], id="a better price is not ours"),
        pytest.param((BUY, 100, 10), [trade(1_100, BUY, 100, 99)], [], id="a buyer does not fill a buyer"),
        pytest.param((BUY, 101, 10), [trade(1_100, SELL, 101, 3)], [(101, 3)], id="inside the spread we are first"),
        pytest.param((SELL, 103, 10), [trade(1_100, BUY, 103, 45)], [(103, 5)], id="sells likewise"),
        pytest.param((SELL, 103, 10), [trade(1_100, BUY, 105, 1)], [(103, 10)], id="sells likewise beyond"),
        pytest.param(
            (BUY, 100, 10),
            [book(1_100, ((100, 20), (99, 1))), trade(1_200, SELL, 100, 22)],
            [(100, 2)],
            id="less displayed is less ahead",
        ),
        pytest.param(
            (BUY, 100, 10),
            [book(1_100, ((100, 500), (99, 1))), trade(1_200, SELL, 100, 52)],
            [(100, 2)],
            id="newcomers stand behind us",
        ),
        pytest.param(
            (BUY, 100, 10), [book(1_100, ((98, 5),), ((100, 5), (101, 5)))], [(100, 10)], id="the ask has come to us"
        ),
        pytest.param((BUY, 90, 10), [trade(1_100, SELL, 90, 999)], [], id="beyond the displayed the queue is unknown"),
        pytest.param(
            (BUY, 90, 10),
            [book(1_100, ((92, 5), (90, 7))), trade(1_200, SELL, 90, 9)],
            [(90, 2)],
            id="once displayed we stand behind it",
        ),
        pytest.param((BUY, 98, 10), [trade(1_100, SELL, 98, 3)], [(98, 3)], id="an empty price has no queue"),
    ],
)
def test_resting_orders_fill_only_when_recorded_trades_reach_them(
    order: tuple[Side, int, int], events: list[Recorded], fills: list[tuple[int, int]]
) -> None:
    assert fills_of(order, *events) == fills


def test_our_orders_at_one_price_fill_by_age_and_the_public_sees_the_rest_of_the_trade() -> None:
    replay = market(trade(1_100, SELL, 100, 58))
    replay.rest(1, BUY, 100, 5, 0)
    replay.rest(2, BUY, 100, 5, 0)
    trades: list[Trade] = []
    replay.advance(10**12, trades.append)
    assert [(t.maker_order_id, t.lots) for t in trades] == [(1, 5), (2, 3), (None, 50)]


def test_what_is_displayed_includes_our_orders() -> None:
    replay = market()
    replay.rest(1, BUY, 101, 7, 0)
    replay.rest(2, SELL, 102, 5, 0)
    assert (replay.best_bid(), replay.best_ask()) == ((101, 7), (102, 55))
    assert replay.levels(BUY, 2) == [(101, 7), (100, 50)]
    assert replay.would_cross(SELL, 101)
    assert not replay.would_cross(BUY, 101)
    replay.shrink(1, 3)
    assert replay.remove(1) == 3
    assert replay.remove(1) == 0
    assert replay.best_bid() == (100, 50)


@pytest.mark.parametrize(
    ("side", "limit", "lots", "executions", "left"),
    [
        (BUY, 102, 60, [(102, 50, None)], 10),
        (BUY, 103, 60, [(102, 50, None), (103, 8, None), (103, 2, 9)], 0),
        (BUY, None, 999, [(102, 50, None), (103, 8, None), (103, 4, 9), (103, 32, None), (105, 30, None)], 875),
        (SELL, 101, 5, [], 5),
    ],
)
def test_taking_gets_what_is_displayed(
    side: Side, limit: int | None, lots: int, executions: list[tuple[int, int, int | None]], left: int
) -> None:
    replay = market(trade(1_010, BUY, 103, 32), book(1_100))
    replay.rest(9, SELL, 103, 4, 0)
    replay.advance(10_000, lambda _: None)
    fillable = replay.fillable(side, limit, lots)
    trades: list[Trade] = []
    assert replay.take(2, side, limit, lots, 20_000, trades.append) == left
    assert [(t.ticks, t.lots, t.maker_order_id) for t in trades] == executions
    assert fillable == lots - left


@pytest.mark.parametrize(
    ("ticks", "events", "fills"),
    [
        pytest.param(101, [trade(1_100, SELL, 101, 3)], [(101, 3)], id="inside the spread"),
        pytest.param(100, [trade(1_100, SELL, 100, 54)], [(100, 4)], id="behind what is displayed"),
        pytest.param(
            100,
            [book(1_100, ((100, 60), (99, 1))), trade(1_200, SELL, 100, 62)],
            [(100, 2)],
            id="newcomers stand ahead",
        ),
        pytest.param(100, [trade(1_100, SELL, 99, 1)], [(100, 10)], id="a trade beyond fills all"),
    ],
)
def test_a_hidden_order_is_not_displayed_and_stands_last(
    ticks: int, events: list[Recorded], fills: list[tuple[int, int]]
) -> None:
    replay = market(*events)
    replay.rest(1, BUY, ticks, 10, 0, is_hidden=True)
    assert replay.levels(BUY, 9) == list(BIDS)
    assert replay.would_cross(SELL, ticks)
    trades: list[Trade] = []
    replay.advance(10**12, trades.append)
    assert [(t.ticks, t.lots) for t in trades if t.maker_order_id == 1] == fills


def test_taking_reaches_hidden_orders_and_may_be_kept_from_ours() -> None:
    replay = market()
    replay.rest(1, SELL, 101, 5, 0, is_hidden=True)
    replay.rest(2, SELL, 102, 5, 0, is_hidden=True)
    replay.rest(3, SELL, 102, 5, 0)
    assert replay.fillable(BUY, 102, 99) == 65
    trades: list[Trade] = []
    assert replay.take(9, BUY, 102, 99, 0, trades.append, lambda maker: maker != 2) == 39
    assert [(t.ticks, t.lots, t.maker_order_id) for t in trades] == [(101, 5, 1), (102, 50, None), (102, 5, 3)]


def test_what_was_taken_is_back_with_the_next_recorded_book() -> None:
    replay = market(book(1_100))
    replay.take(1, BUY, 102, 50, 0, lambda _: None)
    assert replay.best_ask() == (103, 40)
    replay.advance(100_000, lambda _: None)
    assert replay.best_ask() == (102, 50)


def test_an_execution_may_remove_the_order_that_would_be_next() -> None:
    replay = market(trade(1_100, SELL, 98, 10))
    replay.rest(1, BUY, 100, 5, 0)
    replay.rest(2, BUY, 99, 5, 0)
    makers: list[int | None] = []

    def on_trade(execution: Trade) -> None:
        makers.append(execution.maker_order_id)
        replay.remove(2)

    replay.advance(10**12, on_trade)
    assert makers == [1, None]


@pytest.mark.parametrize(
    ("speed", "times"), [(1.0, [100_000, 250_000]), (10.0, [10_000, 25_000]), (0.5, [200_000, 500_000])]
)
def test_rows_come_at_the_recorded_pace_times_speed_and_then_the_market_ends(speed: float, times: list[int]) -> None:
    replay = market(Gap("XUSDT", 1, 2, "line down"), trade(1_100, BUY, 102, 1), book(1_250), speed=speed)
    seen: list[int] = []
    while (at_us := replay.next_us()) is not None:
        seen.append(at_us)
        replay.advance(at_us, lambda _: None)
    assert seen == times
    assert replay.best_bid() == (100, 50)
    assert replay.mark_price() == Decimal("10.1")


def test_the_mark_price_follows_mid_slowly() -> None:
    replay = market(book(2_000, ((200, 1),), ((202, 1),)))
    replay.advance(1_000_000, lambda _: None)
    assert replay.index_price() == Decimal("20.1")
    assert Decimal("10.1") < replay.mark_price() < Decimal("12.1")


@pytest.mark.parametrize(
    ("events", "speed", "why"),
    [([trade(1, BUY, 1, 1)], 1.0, "no order book"), ([book(1)], 0.0, "speed"), ([book(1)], float("inf"), "speed")],
)
def test_what_cannot_be_played_is_said(events: list[Recorded], speed: float, why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        ReplayMarket(INSTRUMENT, events, 0, speed)
