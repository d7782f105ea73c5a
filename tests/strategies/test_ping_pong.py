"""Ping-pong as a table: what is known of a symbol -> the orders that should be working."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.model import BookTicker, Instrument, Side
from strategies.base import Quote, Situation
from strategies.ping_pong import PingPong, PingPongParameters

ASTER = Instrument(
    symbol="ASTERUSDT",
    base_asset="ASTER",
    quote_asset="USDT",
    margin_asset="USDT",
    status="TRADING",
    tick_size=Decimal("0.0001"),
    step_size=Decimal("0.01"),
    min_ticks=1,
    max_ticks=2_000_000,
    min_lots=1,
    max_lots=200_000_000,
    min_notional=Decimal(5),
    percent_up=Decimal("1.05"),
    percent_down=Decimal("0.95"),
)
AT_TWO_USD = Situation(
    now_us=0,
    instrument=ASTER,
    book=BookTicker("ASTERUSDT", 1, 19_999, 100, 20_001, 100, 0, 0),
    mark=Decimal(2),
    position_lots=0,
    entry_price=Decimal(2),
    order_usd=Decimal(100),
)


def parameters(**changes: object) -> PingPongParameters:
    return PingPongParameters.model_validate({"buy_spread": "50bps", "sell_spread": "1%"} | changes)


def quotes(at: Situation, **changes: object) -> tuple[Quote, ...]:
    return PingPong(parameters(**changes)).decide(None, at)[1].quotes


BUY = Quote(Side.BUY, 19_900, 5025, lots_tolerance=251)
SELL = Quote(Side.SELL, 20_200, 4950, lots_tolerance=247)


@pytest.mark.parametrize(
    ("entry", "expected"), [("both", (BUY, SELL)), ("long", (BUY,)), ("short", (SELL,))], ids=lambda value: str(value)
)
def test_flat_quotes_what_entry_allows(entry: str, expected: tuple[Quote, ...]) -> None:
    assert quotes(AT_TWO_USD, entry=entry) == expected


@pytest.mark.parametrize(
    ("lots", "entry_price", "threshold_usd", "expected"),
    [
        (749, "2", "15", (BUY, SELL)),
        (750, "2", "15", (Quote(Side.SELL, 20_200, 750, reduce_only=True),)),
        (-750, "2", "15", (Quote(Side.BUY, 19_900, 750, reduce_only=True),)),
        (-5000, "2", "15", (Quote(Side.BUY, 19_900, 5000, reduce_only=True),)),
        # Under 5 USD the exchange may refuse to close: dust, whatever the threshold.
        (249, "2", "0", (BUY, SELL)),
        (250, "2", "0", (Quote(Side.SELL, 20_200, 250, reduce_only=True),)),
        # Valued at entry: the market's moves do not turn the mode.
        (740, "2.5", "15", (Quote(Side.SELL, 20_200, 740, reduce_only=True),)),
    ],
)
def test_a_position_at_the_threshold_turns_the_mode(
    lots: int, entry_price: str, threshold_usd: str, expected: tuple[Quote, ...]
) -> None:
    at = replace(AT_TWO_USD, position_lots=lots, entry_price=Decimal(entry_price))
    assert quotes(at, position_threshold_usd=threshold_usd) == expected


@pytest.mark.parametrize(
    ("lots", "expected"),
    [(0, ()), (200, ()), (500, (Quote(Side.SELL, 20_200, 500, reduce_only=True),))],
)
def test_closing_works_off_even_what_is_below_the_threshold(lots: int, expected: tuple[Quote, ...]) -> None:
    assert quotes(replace(AT_TWO_USD, position_lots=lots, closing=True)) == expected


def test_too_little_collateral_quotes_nothing_and_says_so() -> None:
    decision = PingPong(parameters()).decide(None, replace(AT_TWO_USD, order_usd=Decimal("4.99")))[1]
    assert decision.quotes == ()
    assert "below the exchange's minimum" in decision.note


@given(
    bid=st.integers(1_000, 1_900_000),
    gap=st.integers(1, 50),
    spread=st.decimals("0.0001", "0.05", places=4),
    order_usd=st.decimals("10", "100000", places=2),
    lots=st.integers(-10_000_000, 10_000_000),
)
def test_quotes_never_take_and_round_away_from_the_market(
    bid: int, gap: int, spread: Decimal, order_usd: Decimal, lots: int
) -> None:
    book = BookTicker("ASTERUSDT", 1, bid, 1, bid + gap, 1, 0, 0)
    at = replace(AT_TWO_USD, book=book, order_usd=order_usd, position_lots=lots, entry_price=ASTER.price(bid))
    for quote in quotes(at, buy_spread=spread, sell_spread=spread):
        price = ASTER.price(quote.price_ticks)
        if quote.side is Side.BUY:
            assert price <= at.mid * (1 - spread) or quote.price_ticks == ASTER.min_ticks
            assert quote.price_ticks < book.ask_ticks
        else:
            assert price >= at.mid * (1 + spread) or quote.price_ticks == ASTER.max_ticks
            assert quote.price_ticks > book.bid_ticks
        if quote.reduce_only:
            assert quote.lots <= abs(lots)
            assert quote.side.sign * lots < 0
        else:
            assert ASTER.notional(quote.price_ticks, quote.lots) <= order_usd
