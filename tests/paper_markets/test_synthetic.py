"""A synthetic market is the same for the same seed, trades against accounts, and never breaks its own book."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.model import Instrument, Side
from exchange.paper.calibration import parameters_for
from exchange.paper.market import Market, Trade
from exchange.paper.markets import synthetic_markets
from exchange.paper.statistics import quote
from exchange.paper.synthetic import SyntheticMarket

BUY, SELL = Side.BUY, Side.SELL
SHARED = Path(__file__).parents[2].parent / "shared"
START_US = 1_759_000_000_000_000


def instrument(symbol: str = "ASTERUSDT", tick: str = "0.0001", lot: str = "0.01", **changes: int) -> Instrument:
    limits = {"min_ticks": 1, "max_ticks": 10**8, "min_lots": 1, "max_lots": 10**10, **changes}
    return Instrument(
        symbol, symbol[:-4], "USDT", "USDT", "TRADING", Decimal(tick), Decimal(lot),
        min_notional=Decimal(5), percent_up=Decimal("1.05"), percent_down=Decimal("0.95"), **limits,
    )  # fmt: skip


def market(seed: int = 7, of: Instrument | None = None) -> SyntheticMarket:
    of = of or instrument()
    return SyntheticMarket(of, parameters_for(of), seed, START_US)


def trades_of(of: Market, *times_s: float) -> list[Trade]:
    trades: list[Trade] = []
    for time_s in times_s:
        of.advance(START_US + round(time_s * 1e6), trades.append)
    return trades


@pytest.mark.parametrize(
    "times_s",
    [(60.0,), (4.0, 10.0, 10.0, 60.0), tuple(n / 7 for n in range(421)), tuple(n / 1000 for n in range(60_001))],
    ids=["at once", "in parts", "in many parts", "each millisecond"],
)
def test_the_same_seed_is_the_same_market_however_it_is_advanced(times_s: tuple[float, ...]) -> None:
    reference = market()
    expected = trades_of(reference, 60)
    other = market()
    assert trades_of(other, *times_s) == expected
    assert len(expected) > 100
    assert other.levels(BUY, 50) == reference.levels(BUY, 50)
    assert other.mark_price() == reference.mark_price()


def test_another_seed_or_symbol_is_another_market() -> None:
    reference = trades_of(market(), 20)
    assert trades_of(market(seed=8), 20) != reference
    assert trades_of(market(of=instrument("ASTERUSDC")), 20) != reference


def test_a_symbol_s_market_does_not_depend_on_the_other_symbols() -> None:
    both = synthetic_markets([instrument("BNBUSDT", "0.1"), instrument()], 7, START_US)
    alone = synthetic_markets([instrument()], 7, START_US)
    assert trades_of(both["ASTERUSDT"], 20) == trades_of(alone["ASTERUSDT"], 20)


def test_background_takers_trade_with_accounts_at_price_time_priority() -> None:
    quoted = market()
    trades: list[Trade] = []
    for order_id in range(1, 200):
        best = quoted.best_bid()
        assert best is not None
        quoted.rest(order_id, BUY, best[0], 100, START_US)
        quoted.advance(START_US + order_id * 1_000_000, trades.append)
        quoted.remove(order_id)
    mine = [t for t in trades if t.maker_order_id is not None]
    assert len(mine) > 20
    assert {t.taker_side for t in mine} == {SELL}
    assert all(t.taker_order_id is None for t in mine)
    assert [t.trade_id for t in trades] == sorted({t.trade_id for t in trades})


@pytest.mark.parametrize("side", [BUY, SELL])
def test_free_money_is_taken(side: Side) -> None:
    careless = market()
    best = careless.best_ask() if side is BUY else careless.best_bid()
    assert best is not None
    ticks = best[0] + side.sign * 100
    careless.take(1, side, ticks, 10**9, START_US, lambda _: None)
    careless.rest(1, side, ticks, 500, START_US)
    filled = [t.lots for t in trades_of(careless, 10) if t.maker_order_id == 1]
    assert sum(filled) == 500


def test_a_slow_quote_is_selected_against() -> None:
    """Five seconds after a fill three basis points from mid, most of the three are gone."""
    result = quote(market(), START_US, 900, distance_bps=3)
    assert result.fills_per_minute > 5
    assert result.markout_bps < 1


MAJORS = (
    ("ASTERUSDT", "0.0001"), ("BNBUSDT", "0.1"), ("BTCUSDT", "0.1"), ("ETHUSDT", "0.1"), ("SOLUSDT", "0.01"),
    ("XRPUSDT", "0.0001"), ("DOGEUSDT", "0.00001"), ("SUIUSDT", "0.0001"), ("LINKUSDT", "0.001"), ("NEWUSDT", "0.01"),
)  # fmt: skip


def test_on_most_symbols_a_quote_five_basis_points_from_mid_fills_within_a_minute() -> None:
    filled: list[str] = []
    for symbol, tick in MAJORS:
        quoted = market(of=instrument(symbol, tick, "0.001"))
        (bid, _), (ask, _) = quoted.levels(BUY, 1)[0], quoted.levels(SELL, 1)[0]
        quoted.rest(1, BUY, int(bid * 0.9995), 100, START_US)
        quoted.rest(2, SELL, int(ask * 1.0005), 100, START_US)
        if any(t.maker_order_id for t in trades_of(quoted, 60)):
            filled.append(symbol)
    assert len(filled) >= 7, filled


def test_the_mark_price_stays_by_the_index_and_the_book_inside_percent_price() -> None:
    watched = market()
    for second in range(0, 600, 5):
        trades_of(watched, second)
        mark, bid, ask = watched.mark_price(), watched.levels(BUY, 100), watched.levels(SELL, 100)
        assert abs(mark / watched.index_price() - 1) < Decimal("0.001")
        assert watched.instrument.price(bid[-1][0]) > mark * watched.instrument.percent_down
        assert watched.instrument.price(ask[-1][0]) < mark * watched.instrument.percent_up


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("rest", "take", "remove", "shrink", "wait")),
        st.sampled_from((BUY, SELL)),
        st.integers(-200, 200),
        st.integers(1, 10**9),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_whatever_accounts_do_the_book_holds(actions: list[tuple[str, Side, int, int]]) -> None:
    acted = market()
    left: dict[int, int] = {}
    now_us = START_US

    def on_trade(trade: Trade) -> None:
        if trade.maker_order_id is not None:
            left[trade.maker_order_id] -= trade.lots
            assert left[trade.maker_order_id] >= 0

    for order_id, (action, side, distance, lots) in enumerate(actions, start=1):
        ticks = 18_500 + distance
        match action:
            case "rest" if not acted.would_cross(side, ticks):
                acted.rest(order_id, side, ticks, lots, now_us)
                left[order_id] = lots
            case "take":
                fillable = acted.fillable(side, ticks, lots)
                assert lots - acted.take(order_id, side, ticks, lots, now_us, on_trade) == fillable
            case "remove" if left:
                victim = min(left)
                assert acted.remove(victim) == left.pop(victim)
            case "shrink" if left and left[max(left)] > 1:
                left[max(left)] //= 2
                acted.shrink(max(left), left[max(left)])
            case _:
                now_us += lots // 100
                acted.advance(now_us, on_trade)
        bid, ask = acted.best_bid(), acted.best_ask()
        assert bid is None or ask is None or bid[0] < ask[0]


def real_instruments() -> dict[str, Instrument]:
    path = SHARED / "aster" / "exchange_info.json"
    if not path.is_file():
        pytest.skip("the recorded exchangeInfo is not here")
    instruments: dict[str, Instrument] = {}
    for entry in json.loads(path.read_text())["symbols"]:
        filters = {f["filterType"]: f for f in entry["filters"]}
        price, size = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        tick, lot = Decimal(price["tickSize"]), Decimal(size["stepSize"])
        if tick and lot:
            instruments[entry["symbol"]] = instrument(
                entry["symbol"],
                str(tick),
                str(lot),
                min_ticks=int(Decimal(price["minPrice"]) / tick),
                max_ticks=int(Decimal(price["maxPrice"]) / tick),
                min_lots=max(1, int(Decimal(size["minQty"]) / lot)),
            )
    return instruments


def test_every_listed_symbol_has_a_market_with_a_full_book_from_the_start() -> None:
    for symbol, listed in real_instruments().items():
        parameters = parameters_for(listed)
        tick_bps = float(listed.tick_size) / parameters.price * 1e4
        assert 0.005 < tick_bps < 5, symbol
        made = SyntheticMarket(listed, parameters, 1, START_US)
        bids, asks = made.levels(BUY, 10), made.levels(SELL, 10)
        assert len(bids) == len(asks) == 10, symbol
        assert bids[0][0] < asks[0][0], symbol
        assert listed.min_ticks <= made.levels(BUY, 100)[-1][0], symbol
        assert made.levels(SELL, 100)[-1][0] <= listed.max_ticks, symbol
        assert all(lots >= listed.min_lots for _, lots in bids + asks), symbol


def test_an_unknown_symbol_s_price_gives_its_tick_half_a_basis_point() -> None:
    unknown = instrument("NEWUSDT", "0.001")
    assert parameters_for(unknown).price == pytest.approx(20.0)
    cheap = instrument("NEWUSDT", "0.001", max_ticks=10_000)
    assert parameters_for(cheap).price == pytest.approx(5.0)
