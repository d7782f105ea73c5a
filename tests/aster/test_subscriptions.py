"""From wanted symbols to streams, and to the messages that lead there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.aster.subscriptions import changes, wanted_streams
from exchange.protocol.streams import ALL_BOOK_TICKERS, ALL_MARK_PRICES, BOOK_TICKER, DEPTH10, MARK_PRICE, TRADE


def symbols(count: int) -> list[str]:
    return [f"S{number}USDT" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "channels", "expected"),
    [
        (0, [BOOK_TICKER, MARK_PRICE], 0),
        (99, [BOOK_TICKER, MARK_PRICE], 198),
        (100, [BOOK_TICKER, MARK_PRICE], 2),
        (400, [BOOK_TICKER, MARK_PRICE], 2),
        (99, [DEPTH10, TRADE], 198),
        (60, [BOOK_TICKER, MARK_PRICE, DEPTH10, TRADE], 122),
    ],
)
def test_how_many_streams(count: int, channels: list[str], expected: int) -> None:
    assert len(wanted_streams(symbols(count), channels)) == expected


def test_too_many_symbols_take_the_all_market_streams() -> None:
    assert wanted_streams(symbols(150), [BOOK_TICKER, MARK_PRICE]) == (ALL_BOOK_TICKERS, ALL_MARK_PRICES)


def test_what_one_connection_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="200 streams of depth10"):
        wanted_streams(symbols(100), [DEPTH10, TRADE])


@given(st.sets(st.integers(0, 250), max_size=200), st.sets(st.integers(0, 250), max_size=198))
def test_changes_lead_to_what_is_wanted_within_the_limit(before: set[int], after: set[int]) -> None:
    carried = {f"{number}@trade" for number in before}
    wanted = [f"{number}@trade" for number in sorted(after)]
    for change in changes(sorted(carried), wanted):
        assert 0 < len(change.params) <= 50
        if change.method == "SUBSCRIBE":
            assert carried.isdisjoint(change.params)
            carried |= set(change.params)
        else:
            assert carried.issuperset(change.params)
            carried -= set(change.params)
        assert len(carried) <= 200
    assert carried == set(wanted)


def test_going_over_to_all_market_streams_joins_before_it_leaves() -> None:
    before = wanted_streams(symbols(99), [BOOK_TICKER, MARK_PRICE])
    after = wanted_streams(symbols(100), [BOOK_TICKER, MARK_PRICE])
    assert [change.method for change in changes(before, after)] == ["SUBSCRIBE", *["UNSUBSCRIBE"] * 4]
