"""Requests that the fleet has no use for and its owner has, whichever way they go to the exchange."""

from __future__ import annotations

import pytest
from contract_house import SYMBOL, House

from exchange.aster.trading import AsterTrading
from exchange.errors import OutOfBounds, UnknownOrder
from exchange.model import Order, OrderStatus, Protection, Side, StpMode

BUY, SELL = Side.BUY, Side.SELL


def trading_of(house: House) -> AsterTrading:
    trading = house.venue.trading
    assert isinstance(trading, AsterTrading)
    return trading


async def test_a_batch_is_placed_looked_at_and_swept_away(house: House) -> None:
    trading = trading_of(house)
    wanted = [house.order(BUY, 19_900), house.order(BUY, 21_001), house.order(SELL, 20_100)]
    first, second, third = await trading.place_many(wanted)
    assert isinstance(first, Order)
    assert isinstance(second, OutOfBounds)
    assert isinstance(third, Order)
    assert [first.client_id, third.client_id] == [wanted[0].client_id, wanted[2].client_id]
    assert await trading.open_order(SYMBOL, first.client_id) == first
    await trading.cancel_all(SYMBOL)
    with pytest.raises(UnknownOrder):
        await trading.open_order(SYMBOL, first.client_id)
    # None left is no error.
    await trading.cancel_all(SYMBOL)
    past = await trading.all_orders(SYMBOL)
    assert [order.client_id for order in past] == [first.client_id, third.client_id]
    assert {order.status for order in past} == {OrderStatus.CANCELED}
    assert await trading.all_orders(SYMBOL, from_order_id=third.order_id) == past[1:]


async def test_a_countdown_is_started_and_stopped(house: House) -> None:
    trading = trading_of(house)
    order = await house.place(BUY, 19_900)
    await trading.countdown_cancel_all(SYMBOL, 120_000)
    await trading.countdown_cancel_all(SYMBOL, 0)
    assert await trading.open_orders(SYMBOL) == [order]


async def test_every_fill_is_had_page_by_page(house: House) -> None:
    trading = trading_of(house)
    await house.buy(500)
    await house.buy(500)
    fills = await house.buy(500)
    assert await trading.all_fills(SYMBOL, fills[0].trade_id) == fills
    assert await trading.all_fills(SYMBOL, fills[1].trade_id) == fills[1:]


@pytest.mark.parametrize("mode", list(StpMode))
async def test_self_trade_prevention_is_set_and_told(house: House, mode: StpMode) -> None:
    trading = trading_of(house)
    await trading.set_stp_mode(mode)
    assert await trading.stp_mode() is mode


async def test_a_protection_is_set_told_and_taken_away(house: House) -> None:
    trading = trading_of(house)
    wanted = Protection(SYMBOL, 5000, 10_000, quantity_limit=10)
    await trading.set_protection(wanted)
    assert await trading.protections(SYMBOL) == await trading.protections() == [wanted]
    await trading.reset_protection(SYMBOL)
    await trading.delete_protection(SYMBOL)
    assert await trading.protections() == []
