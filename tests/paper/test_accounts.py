from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from still_market import ASTER

from exchange.model import Side
from exchange.paper.accounts import Account
from exchange.paper.config import PaperSettings
from exchange.paper.holding import Holding, OwnTrade

MARK = Decimal("2.0000")


def new_account(
    balances: dict[str, Decimal] | None = None, multi_assets: bool | None = None
) -> tuple[Account, Holding]:
    chosen = PaperSettings(symbols=("ASTERUSDT",), multi_assets=multi_assets)
    account = Account("0xabc", chosen, balances or {"USDT": Decimal(10_000)}, 0)
    return account, account.holding(ASTER, MARK)


def trade(side: Side, ticks: int, lots: int) -> OwnTrade:
    return OwnTrade(1, 1, side, ticks, lots, True, Decimal(0), Decimal(0), 0)


BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("fills", "lots", "entry", "realised"),
    [
        ([(BUY, 20_000, 1000)], 1000, "2.00000000", "0"),
        ([(BUY, 20_000, 1000), (BUY, 21_000, 1000)], 2000, "2.05000000", "0"),
        ([(BUY, 20_000, 1000), (SELL, 21_000, 400)], 600, "2.00000000", "0.4"),
        ([(SELL, 20_000, 1000), (BUY, 21_000, 400)], -600, "2.00000000", "-0.4"),
        ([(BUY, 20_000, 1000), (SELL, 21_000, 1500)], -500, "2.10000000", "1"),
        ([(BUY, 20_000, 1000), (SELL, 19_000, 1000)], 0, "0", "-1"),
        # A third of the cost does not end after 8 digits; what rounding leaves shows up in the next realisation.
        ([(BUY, 20_001, 1), (BUY, 20_000, 2), (SELL, 20_000, 1)], 2, "2.00003350", "-0.00000033"),
        ([(BUY, 20_001, 1), (BUY, 20_000, 2), (SELL, 20_000, 1), (SELL, 20_000, 2)], 0, "0", "-0.000001"),
    ],
)
def test_fills_move_the_position_and_realise_profit(
    fills: list[tuple[Side, int, int]], lots: int, entry: str, realised: str
) -> None:
    account, holding = new_account()
    for side, ticks, quantity in fills:
        account.fill(holding, trade(side, ticks, quantity), Decimal(0))
    assert (holding.lots, holding.entry_price) == (lots, Decimal(entry))
    assert holding.realised == Decimal(realised)
    assert account.wallet == 10_000 + Decimal(realised)


@given(
    st.lists(
        st.tuples(st.sampled_from([BUY, SELL, None]), st.integers(15_000, 25_000), st.integers(1, 100_000)), max_size=60
    )
)
def test_the_books_balance_to_the_last_digit(steps: list[tuple[Side | None, int, int]]) -> None:
    account, holding = new_account()
    paid = Decimal(0)
    for side, ticks, lots in steps:
        account.revalue(holding.stake, ASTER.price(ticks))
        if side is None:
            account.fund(holding, Decimal("0.0001"), 0)
            continue
        account.fill(holding, trade(side, ticks, lots), Decimal("0.00035"))
        paid += ASTER.notional(ticks, lots) * side.sign
    assert account.wallet == 10_000 + holding.realised - holding.fees + holding.funding
    # What went in, less what came out, is what the position cost and what was realised on the way.
    assert holding.cost == paid + holding.realised
    assert account.equity == account.wallet + holding.notional - holding.cost
    if not holding.lots:
        assert holding.cost == 0
    assert sum(each.amount for each in account.income) == account.wallet
    assert all(each.amount == each.amount.quantize(Decimal("0.00000001")) for each in account.income)


@pytest.mark.parametrize(
    ("position", "bids", "asks", "margin"),
    [
        (0, 0, 0, "0"),
        (0, 100, 0, "10"),
        (0, 100, 300, "30"),
        (100, 100, 0, "20"),
        (100, 0, 150, "10"),
        (100, 0, 300, "20"),
        (-100, 150, 0, "10"),
    ],
)
def test_margin_is_for_the_dearer_way_that_orders_could_fill(position: int, bids: int, asks: int, margin: str) -> None:
    """Notionals in dollars at mark 2, leverage 10."""
    account, holding = new_account()
    account.set_leverage(holding.stake, 10)
    if position:
        account.fill(holding, trade(BUY if position > 0 else SELL, 20_000, abs(position) * 50), Decimal(0))
    account.hold(holding, BUY, Decimal(bids))
    account.hold(holding, SELL, Decimal(asks))
    assert account.margin == Decimal(margin)
    assert account.available == 10_000 - Decimal(margin)


def test_losses_reduce_what_is_available_and_orders_that_reduce_need_nothing() -> None:
    account, holding = new_account({"USDT": Decimal(100)})
    account.set_leverage(holding.stake, 1)
    account.fill(holding, trade(BUY, 20_000, 5000), Decimal(0))
    assert account.available == 0
    assert not account.can_hold(holding, BUY, Decimal(1))
    assert account.can_hold(holding, SELL, Decimal(200))
    assert not account.can_hold(holding, SELL, Decimal("200.01"))
    account.revalue(holding.stake, Decimal("1.9"))
    assert (account.equity, account.margin, account.available) == (95, 95, 0)


@pytest.mark.parametrize(("multi", "collateral"), [(False, 0), (True, 500)])
def test_other_stable_assets_are_collateral_in_multi_assets_mode(multi: bool, collateral: int) -> None:
    account, _ = new_account({"USDF": Decimal(300), "USDC": Decimal(200), "BNB": Decimal(7)}, multi_assets=multi)
    assert account.collateral == collateral


def test_leverage_is_not_lowered_beyond_what_margin_allows() -> None:
    account, holding = new_account({"USDT": Decimal(100)})
    account.fill(holding, trade(BUY, 20_000, 50_000), Decimal(0))
    assert not account.set_leverage(holding.stake, 5)
    assert holding.stake.leverage == 20
    assert account.set_leverage(holding.stake, 10)
