"""Orders against the quotes they stand for: how far off, in which direction, and over a whole fleet."""

from __future__ import annotations

import pytest

from exchange.model import Side
from fleet.orders.error import OverallError, QuoteError, WantedQuote, overall_error, quote_error, standing_error
from fleet.orders.lifecycle import Phase, WorkingOrder
from strategies.base import Quote

BUY = Quote(Side.BUY, 10_000, 5)
SELL = Quote(Side.SELL, 10_000, 5)
REDUCE = Quote(Side.SELL, 10_000, 5, reduce_only=True)


def order(side: Side, price: int, phase: Phase = Phase.OPEN, *, reduce_only: bool = False) -> WorkingOrder:
    return WorkingOrder("X", "id", side, price, 5, reduce_only, phase, 0, 0)


@pytest.mark.parametrize(
    ("quote", "price", "bps", "is_too_close"),
    [
        (BUY, 10_000, 0, False),
        (BUY, 10_007, 7, True),
        (BUY, 9_993, 7, False),
        (SELL, 10_000, 0, False),
        (SELL, 10_007, 7, False),
        (SELL, 9_993, 7, True),
    ],
)
def test_an_order_is_off_by_so_much_in_that_direction(quote: Quote, price: int, bps: float, is_too_close: bool) -> None:
    error = quote_error(order(quote.side, price), quote)
    assert (error.bps, error.is_too_close) == (pytest.approx(bps), is_too_close)


@pytest.mark.parametrize(
    ("quote", "orders", "bps"),
    [
        pytest.param(BUY, [], None, id="nothing stands"),
        pytest.param(BUY, [order(Side.SELL, 10_000)], None, id="nor on its side"),
        pytest.param(BUY, [order(Side.BUY, 10_000, Phase.DONE)], None, id="what is done stands no more"),
        pytest.param(BUY, [order(Side.BUY, 9_990, Phase.UNKNOWN)], 10, id="what may stand counts"),
        pytest.param(BUY, [order(Side.BUY, 9_900), order(Side.BUY, 9_990)], 10, id="of several the nearest"),
        pytest.param(REDUCE, [order(Side.SELL, 10_000)], None, id="an opening order does not reduce"),
        pytest.param(REDUCE, [order(Side.SELL, 10_010, reduce_only=True)], 10, id="a reducing one does"),
    ],
)
def test_which_order_stands_for_a_quote(quote: Quote, orders: list[WorkingOrder], bps: float | None) -> None:
    error = standing_error(orders, quote)
    assert (error and error.bps) == (None if bps is None else pytest.approx(bps))


def wanted(symbol: str, usd: float, bps: float | None) -> WantedQuote:
    return WantedQuote(symbol, usd, None if bps is None else QuoteError(bps, True))


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [
        pytest.param([], OverallError(None, None, "", 0), id="nothing wanted"),
        pytest.param([wanted("X", 100, None)], OverallError(None, None, "", 1), id="all missing"),
        pytest.param([wanted("X", 100, 0)], OverallError(0, 0, "X", 0), id="all as wanted"),
        pytest.param(
            [wanted("X", 300, 2), wanted("Y", 100, 10), wanted("Z", 900, None)],
            OverallError(4, 10, "Y", 1),
            id="by notional, the missing apart",
        ),
    ],
)
def test_the_fleet_as_a_whole(quotes: list[WantedQuote], expected: OverallError) -> None:
    assert overall_error(quotes) == expected
