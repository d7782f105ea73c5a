"""Price-time priority, told by tables and held by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.model import Side
from exchange.paper.book import Book
from exchange.paper.market import Trade

BUY, SELL = Side.BUY, Side.SELL
NOBODY = -1_000_000


def book_of(*orders: tuple[int, Side, int, int]) -> Book:
    book = Book()
    for order in orders:
        book.add(*order)
    return book


def take(book: Book, side: Side, limit: int | None, lots: int, order_id: int = NOBODY) -> tuple[list[Trade], int]:
    trades: list[Trade] = []
    left = book.take(order_id, side, limit, lots, 0, trades.append)
    return trades, left


RESTING = ((1, SELL, 101, 5), (-2, SELL, 100, 3), (3, SELL, 100, 4), (4, BUY, 98, 7), (-5, BUY, 97, 2))


@pytest.mark.parametrize(
    ("side", "limit", "lots", "executions", "left"),
    [
        (BUY, 100, 2, [(100, 2, None)], 0),
        (BUY, 100, 5, [(100, 3, None), (100, 2, 3)], 0),
        (BUY, 100, 9, [(100, 3, None), (100, 4, 3)], 2),
        (BUY, None, 9, [(100, 3, None), (100, 4, 3), (101, 2, 1)], 0),
        (BUY, None, 99, [(100, 3, None), (100, 4, 3), (101, 5, 1)], 87),
        (BUY, 99, 5, [], 5),
        (SELL, 98, 8, [(98, 7, 4)], 1),
        (SELL, 97, 8, [(98, 7, 4), (97, 1, None)], 0),
        (SELL, 99, 1, [], 1),
    ],
)
def test_taking_goes_best_price_first_then_oldest_order(
    side: Side, limit: int | None, lots: int, executions: list[tuple[int, int, int | None]], left: int
) -> None:
    book = book_of(*RESTING)
    fillable = book.fillable(side, limit, lots)
    trades, rest = take(book, side, limit, lots)
    assert [(t.ticks, t.lots, t.maker_order_id) for t in trades] == executions
    assert rest == left
    assert fillable == lots - left
    assert [t.trade_id for t in trades] == list(range(1, len(trades) + 1))


def test_levels_come_best_first_with_the_sizes_of_all_orders() -> None:
    book = book_of(*RESTING)
    assert book.levels(SELL, 5) == [(100, 7), (101, 5)]
    assert book.levels(BUY, 1) == [(98, 7)]
    assert (book.best_bid(), book.best_ask()) == ((98, 7), (100, 7))
    assert Book().best_bid() is None


def test_shrinking_keeps_the_place_and_coming_back_loses_it() -> None:
    book = book_of((1, BUY, 10, 5), (2, BUY, 10, 5))
    book.shrink(1, 2)
    assert book.queue(BUY, 10) == [(1, 2), (2, 5)]
    assert book.remove(1) == 2
    book.add(1, BUY, 10, 2)
    assert book.queue(BUY, 10) == [(2, 5), (1, 2)]
    assert book.remove(99) == 0


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ((9, BUY, 100, 1), "would cross"),
        ((9, SELL, 98, 1), "would cross"),
        ((1, BUY, 90, 1), "already"),
        ((9, BUY, 90, 0), "empty"),
    ],
)
def test_an_order_that_cannot_rest_is_refused(order: tuple[int, Side, int, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        book_of(*RESTING, order)


@pytest.mark.parametrize("lots", [0, 6])
def test_shrinking_to_nothing_or_to_more_is_refused(lots: int) -> None:
    with pytest.raises(ValueError, match="no smaller size"):
        book_of(*RESTING).shrink(1, lots)


def test_an_execution_may_remove_the_order_that_was_next() -> None:
    book = book_of((1, SELL, 100, 1), (2, SELL, 100, 1), (3, SELL, 101, 1))
    makers: list[int | None] = []

    def on_trade(trade: Trade) -> None:
        makers.append(trade.maker_order_id)
        book.remove(2)

    assert book.take(NOBODY, BUY, None, 3, 0, on_trade) == 1
    assert makers == [1, 3]


def test_an_execution_may_shrink_the_order_that_is_being_filled() -> None:
    book = book_of((1, SELL, 100, 2), (2, SELL, 100, 9))

    def on_trade(trade: Trade) -> None:
        if trade.maker_order_id == 1:
            book.shrink(2, 1)

    assert book.take(NOBODY, BUY, None, 5, 0, on_trade) == 2
    assert book.best_ask() is None


# Hidden orders


@pytest.mark.parametrize(
    ("side", "limit", "lots", "executions"),
    [
        # Hidden: 2 at 99 (alone there), and 4 at 100, in front of and behind which 3 and 5 are displayed.
        (BUY, None, 20, [(99, 2, 1), (100, 3, -2), (100, 5, -4), (100, 4, 3), (101, 6, -5)]),
        (BUY, 99, 5, [(99, 2, 1)]),
        (BUY, 100, 11, [(99, 2, 1), (100, 3, -2), (100, 5, -4), (100, 1, 3)]),
    ],
)
def test_hidden_orders_trade_last_at_their_price(
    side: Side, limit: int | None, lots: int, executions: list[tuple[int, int, int]]
) -> None:
    book = Book()
    book.add(1, SELL, 99, 2, is_hidden=True)
    book.add(-2, SELL, 100, 3)
    book.add(3, SELL, 100, 4, is_hidden=True)
    book.add(-4, SELL, 100, 5)
    book.add(-5, SELL, 101, 6)
    assert book.levels(SELL, 9) == [(100, 8), (101, 6)]
    assert (book.best_ask(), book.ask_ticks()) == ((100, 8), 99)
    assert book.would_cross(BUY, 99)
    assert book.fillable(side, limit, lots) == sum(each[1] for each in executions)
    trades, _ = take(book, side, limit, lots)
    assert [(t.ticks, t.lots, t.maker_order_id) for t in trades] == [
        (ticks, lots, maker if maker > 0 else None) for ticks, lots, maker in executions
    ]


def test_a_hidden_order_shrinks_and_leaves_like_any_other() -> None:
    book = Book()
    book.add(1, BUY, 10, 5, is_hidden=True)
    book.shrink(1, 2)
    assert (book.lots_of(1), book.queue(BUY, 10), book.levels(BUY, 9)) == (2, [(1, 2)], [])
    assert book.remove(1) == 2
    assert (len(book), book.bid_ticks()) == (0, None)


@pytest.mark.parametrize(
    ("answer", "removes", "executions", "left"),
    [
        (True, False, [(1, 5), (2, 1)], 0),
        (False, False, [], 6),
        (True, True, [(2, 5)], 1),
        (False, True, [], 6),
    ],
)
def test_whoever_takes_may_be_kept_from_an_order(
    answer: bool, removes: bool, executions: list[tuple[int, int]], left: int
) -> None:
    book = book_of((1, SELL, 10, 5), (2, SELL, 10, 5))
    trades: list[Trade] = []

    def may_meet(maker_id: int) -> bool:
        if maker_id == 1 and removes:
            book.remove(1)
        return answer or maker_id != 1

    assert book.take(NOBODY, BUY, 10, 6, 0, trades.append, may_meet) == left
    assert [(t.maker_order_id, t.lots) for t in trades] == executions
    assert (1 in book) == (not removes and not answer)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("order", "hidden", "remove", "shrink")),
        st.sampled_from((BUY, SELL)),
        st.integers(90, 110),
        st.integers(1, 20),
    ),
    max_size=60,
)


@given(OPERATIONS)
def test_any_sequence_leaves_an_uncrossed_book_that_lost_nothing(operations: list[tuple[str, Side, int, int]]) -> None:
    book = Book()
    model: list[tuple[int, Side, int, int]] = []  # by age: (id, side, ticks, lots)
    hidden: set[int] = set()
    for order_id, (kind, side, ticks, lots) in enumerate(operations, start=1):
        if kind in ("order", "hidden"):
            expected = _expected_makers(model, hidden, side, ticks, lots)
            trades, left = take(book, side, ticks, lots, order_id)
            assert [(t.maker_order_id, t.lots) for t in trades] == expected
            taken = dict(expected)
            model = [(i, s, p, q - taken.get(i or 0, 0)) for i, s, p, q in model if q > taken.get(i or 0, 0)]
            assert sum(t.lots for t in trades) + left == lots
            if left:
                book.add(order_id, side, ticks, left, is_hidden=kind == "hidden")
                hidden |= {order_id} if kind == "hidden" else set()
                model.append((order_id, side, ticks, left))
        elif model and kind == "remove":
            victim = model.pop(ticks % len(model))
            assert book.remove(victim[0]) == victim[3]
        elif model:
            index = ticks % len(model)
            i, s, p, q = model[index]
            smaller = min(q, lots)
            book.shrink(i, smaller)
            model[index] = (i, s, p, smaller)
        bid, ask = book.best_bid(), book.best_ask()
        assert bid is None or ask is None or bid[0] < ask[0]
    assert len(book) == len(model)
    for i, s, p, q in model:
        assert (i, q) in book.queue(s, p)
    for side in (BUY, SELL):
        sizes: dict[int, int] = {}
        for i, s, p, q in model:
            if s is side and i not in hidden:
                sizes[p] = sizes.get(p, 0) + q
        assert book.levels(side, 100) == sorted(sizes.items(), reverse=side is BUY)


def _expected_makers(
    model: list[tuple[int, Side, int, int]], hidden: set[int], side: Side, limit: int, lots: int
) -> list[tuple[int | None, int]]:
    """The naive way: sort all opposite orders by price, displayed before hidden, age breaks ties, and walk them."""
    opposite = sorted((o for o in model if o[1] is not side), key=lambda o: (o[2] * side.sign, o[0] in hidden))
    result: list[tuple[int | None, int]] = []
    for order_id, _, ticks, resting in opposite:
        if lots == 0 or ticks * side.sign > limit * side.sign:
            break
        traded = min(lots, resting)
        lots -= traded
        result.append((order_id, traded))
    return result
