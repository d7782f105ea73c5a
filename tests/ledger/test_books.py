"""Positions from distinct trades, PnL from the venue's own figures, exact to the last digit."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.model import Fill, Instrument, Position, Side
from fleet.ledger.books import SymbolBook

X = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**7, 1, 10**7,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip


def trade(number: int, side: Side, price: int, lots: int, *, pnl: str = "0", fee: str = "0.01") -> Fill:
    return Fill("XUSDT", number, number, "", side, price, lots, True, Decimal(fee), "USDT", Decimal(pnl), number)


def test_a_round_trip() -> None:
    book = SymbolBook(X)
    book.add(trade(1, Side.BUY, 1000, 200))
    assert (book.position_lots, book.entry_price) == (200, Decimal(100))
    assert book.unrealised_pnl(Decimal(101)) == Decimal(2)
    book.add(trade(2, Side.SELL, 1010, 200, pnl="2"))
    assert (book.position_lots, book.cost, book.realised_pnl, book.fees) == (0, 0, 2, Decimal("0.02"))
    assert (book.fills, book.round_trips, book.volume_usd) == (2, 1, Decimal(402))


def test_a_trade_told_twice_counts_once() -> None:
    book = SymbolBook(X)
    assert book.add(trade(1, Side.BUY, 1000, 5))
    assert not book.add(trade(1, Side.BUY, 1000, 5))
    assert (book.position_lots, book.fills) == (5, 1)


def test_a_position_from_before_the_run_is_taken_up() -> None:
    book = SymbolBook(X)
    book.begin(Position("XUSDT", -300, Decimal("99.5")), 41)
    assert (book.position_lots, book.entry_price, book.read_to) == (-300, Decimal("99.5"), 41)
    book.add(trade(42, Side.BUY, 1000, 300, pnl="-1.5"))
    assert (book.position_lots, book.cost, book.round_trips) == (0, 0, 1)


def test_through_zero_the_rest_opens_at_the_trades_price() -> None:
    book = SymbolBook(X)
    book.add(trade(1, Side.BUY, 1000, 100))
    book.add(trade(2, Side.SELL, 1020, 150, pnl="2"))
    assert (book.position_lots, book.entry_price) == (-50, Decimal(102))


TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(900, 1100), st.integers(1, 500)), min_size=1, max_size=40
)


@given(trades=TRADES, seed=st.integers(0, 1000))
def test_the_position_is_the_sum_of_distinct_trades_in_whatever_order(
    trades: list[tuple[Side, int, int]], seed: int
) -> None:
    fills = [trade(number, *each) for number, each in enumerate(trades, 1)]
    shuffled = [*fills, *fills[::2]]
    random.Random(seed).shuffle(shuffled)
    book = SymbolBook(X)
    for fill in shuffled:
        book.add(fill)
    assert book.position_lots == sum(fill.side.sign * fill.lots for fill in fills)
    assert book.fills == len(fills)


@given(trades=TRADES, steps=st.lists(st.one_of(st.integers(1, 40), st.none()), max_size=80))
def test_what_the_list_was_read_for_need_not_be_remembered_and_is_not_counted_again(
    trades: list[tuple[Side, int, int]], steps: list[int | None]
) -> None:
    """A step: the line tells of a trade, again or for the first time; or (None) the list is read on to its end."""
    fills = {number: trade(number, *each) for number, each in enumerate(trades, 1)}
    book, made = SymbolBook(X), 0
    for step in [*steps, None]:
        if step is not None and step in fills:
            made = max(made, step)
            book.add(fills[step])
        elif step is None:
            for number in range(book.read_to + 1, made + 1):
                book.add(fills[number])
            book.list_read(made)
            assert book.unlisted == {}
    assert book.fills == made
    assert book.position_lots == sum(fills[number].side.sign * fills[number].lots for number in range(1, made + 1))


@given(trades=TRADES)
def test_cash_position_and_realised_pnl_balance_exactly(trades: list[tuple[Side, int, int]]) -> None:
    """With the venue's rounding of each realised PnL: cost = cash paid + realised PnL, no digit lost on the way."""
    book, venue, cash = SymbolBook(X), SymbolBook(X), Decimal(0)
    realised = Decimal(0)
    for number, each in enumerate(trades, 1):
        fill = trade(number, *each)
        cash -= fill.side.sign * X.notional(fill.price_ticks, fill.lots)
        venue.add(fill)
        pnl = venue.cost - realised + cash
        realised += pnl
        book.add(replace(fill, realised_pnl=pnl))
    assert book.cost == -cash + book.realised_pnl


@pytest.mark.parametrize(
    ("told_lots", "told_ms", "is_corrected"),
    [
        pytest.param(7, 5, True, id="another, as of our newest trade"),
        pytest.param(7, 9, True, id="another, and newer"),
        pytest.param(7, 4, False, id="older than our newest trade"),
        pytest.param(5, 9, False, id="the same"),
    ],
)
def test_the_venues_word_is_taken_unless_it_is_older(told_lots: int, told_ms: int, is_corrected: bool) -> None:
    book = SymbolBook(X)
    book.add(trade(5, Side.BUY, 1000, 5))
    position = Position("XUSDT", told_lots, Decimal(101), exchange_ms=told_ms)
    assert book.correct(position) is is_corrected
    assert (book.position_lots, book.entry_price) == ((told_lots, 101) if is_corrected else (5, 100))


def test_a_trade_that_the_venues_word_held_already_counts_as_money_and_moves_nothing() -> None:
    book = SymbolBook(X)
    book.begin(None, 0)
    book.correct(Position("XUSDT", 8, Decimal(100), exchange_ms=6))
    assert book.add(trade(6, Side.BUY, 1000, 8, fee="0.5"))
    assert (book.position_lots, book.fills, book.fees) == (8, 1, Decimal("0.5"))
    assert book.add(trade(7, Side.SELL, 1000, 3))
    assert book.position_lots == 5


def test_trades_from_long_before_the_beginning_are_none_of_this_run() -> None:
    """The venue lists a week by default: of an account that rested longer it names no newest trade."""
    book = SymbolBook(X)
    week_ms = 7 * 24 * 3_600_000
    book.begin(None, 0, now_ms=week_ms + 10)
    assert not book.add(trade(9, Side.BUY, 1000, 5))
    assert book.add(replace(trade(10, Side.BUY, 1000, 5), exchange_ms=week_ms + 5))
    assert (book.position_lots, book.fills) == (5, 1)


def test_fees_in_an_asset_that_is_no_dollar_stand_apart() -> None:
    book = SymbolBook(X)
    book.add(replace(trade(1, Side.BUY, 1000, 5, fee="25"), fee_asset="ASTER"))
    book.add(replace(trade(2, Side.BUY, 1000, 5, fee="0.5"), fee_asset="ASTER"))
    book.add(replace(trade(3, Side.BUY, 1000, 5, fee="0.02"), fee_asset="USDF"))
    assert (book.fees, book.other_fees) == (Decimal("0.02"), {"ASTER": Decimal("25.5")})


# --- the venue's word and the trades, which come on other ways


@given(
    trades=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(0, 1)), min_size=1, max_size=12),
    data=st.data(),
)
def test_whatever_was_known_when_the_venue_told_its_position_it_is_right_once_the_trades_are(
    trades: list[tuple[Side, int, int]], data: st.DataObject
) -> None:
    """`trades`: side, lots, and milliseconds since the one before: several fall into one."""
    fills: list[Fill] = []
    made_ms = 10
    for number, (side, lots, later_ms) in enumerate(trades, 1):
        made_ms += later_ms
        fills.append(replace(trade(number, side, 1000, lots), exchange_ms=made_ms))
    words = sorted(data.draw(st.lists(st.integers(1, len(fills)), max_size=3)))
    order = data.draw(st.permutations(fills))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(fills)), min_size=len(words), max_size=len(words))))
    book, told = SymbolBook(X), 0
    book.begin(None, 0)
    for number, cut in [*zip(words, cuts, strict=True), (0, len(fills))]:
        for fill in order[told:cut]:
            book.add(fill)
        told = max(told, cut)
        if number:
            lots = sum(fill.side.sign * fill.lots for fill in fills[:number])
            book.correct(Position("XUSDT", lots, Decimal(100), exchange_ms=fills[number - 1].exchange_ms))
    assert book.position_lots == sum(fill.side.sign * fill.lots for fill in fills)


def test_of_trades_of_one_millisecond_those_move_the_position_that_the_venues_word_did_not_hold() -> None:
    book = SymbolBook(X)
    book.begin(None, 0)
    book.correct(Position("XUSDT", 5, Decimal(100), exchange_ms=10))
    later, first = (replace(trade(number, Side.BUY, 1000, lots), exchange_ms=10) for number, lots in ((2, 3), (1, 5)))
    assert (book.add(later), book.position_lots) == (True, 5)
    assert (book.add(first), book.position_lots) == (True, 8)


def test_a_word_from_between_two_trades_of_one_millisecond_that_are_both_known_is_no_difference() -> None:
    book = SymbolBook(X)
    book.begin(None, 0)
    for number, lots in ((1, 5), (2, 3)):
        book.add(replace(trade(number, Side.BUY, 1000, lots), exchange_ms=10))
    assert not book.correct(Position("XUSDT", 5, Decimal(100), exchange_ms=10))
    assert book.position_lots == 8
