"""Own trades, positions, money and settings of the account, and who may ask for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from contract_house import CHAIN_ID, SYMBOL, House, Seen, Way, open_house

from exchange.errors import BadCredentials, Rejected
from exchange.model import AccountEvent, Cancel, Side, TimeInForce
from exchange.paper.config import DemoCredentials, demo_credentials
from fleet.config.credentials import Credentials
from fleet.runtime.venue import Venue

BUY, SELL = Side.BUY, Side.SELL
TAKER_FEE, MAKER_FEE = Decimal("0.00035"), Decimal("0.0001")


async def test_a_fill_carries_price_fee_side_and_profit(house: House) -> None:
    bought = (await house.buy(1000, 20_010))[-1]
    assert (bought.symbol, bought.side, bought.price_ticks, bought.lots) == (SYMBOL, BUY, 20_010, 1000)
    assert (bought.is_maker, bought.fee_asset) == (False, "USDT")
    assert bought.fee == Decimal("20.01") * TAKER_FEE
    assert bought.realised_pnl == 0

    order = await house.place(SELL, 20_110, 400)
    await house.take(BUY, 20_110, 400)
    sold = (await house.venue.trading.fills(SYMBOL))[-1]
    assert (sold.order_id, sold.side, sold.lots, sold.is_maker) == (order.order_id, SELL, 400, True)
    assert sold.fee == Decimal("8.044") * MAKER_FEE
    assert sold.realised_pnl == Decimal("0.04")
    assert sold.trade_id > bought.trade_id
    assert sold.exchange_ms >= bought.exchange_ms


async def test_fills_are_read_page_by_page_from_an_id_on(house: House) -> None:
    for _ in range(7):
        await house.buy(500)
    fills = house.venue.trading.fills
    everything = await fills(SYMBOL)
    ids = [fill.trade_id for fill in everything]
    assert len(set(ids)) == 7
    assert ids == sorted(ids)
    assert await fills(SYMBOL, limit=3) == everything[-3:]
    assert await fills(SYMBOL, from_id=ids[2], limit=3) == everything[2:5]
    assert await fills(SYMBOL, from_id=0, limit=3) == everything[:3]
    assert await fills(SYMBOL, from_id=ids[-1] + 1) == []

    read, from_id = everything[:0], 0
    while page := await fills(SYMBOL, from_id=from_id, limit=2):
        read += page
        from_id = page[-1].trade_id + 1
    assert read == everything


async def test_positions_and_balances_follow_the_fills(house: House) -> None:
    trading = house.venue.trading
    await house.buy(1000, 20_000)
    await house.buy(1000, 20_100)
    (position,) = await trading.positions()
    assert (position.symbol, position.lots, position.entry_price) == (SYMBOL, 2000, Decimal("2.005"))

    await house.quote(BUY, 19_990, 5000)
    await house.place(SELL, 19_990, 3000, time_in_force=TimeInForce.IOC)
    (position,) = await trading.positions()
    assert (position.lots, position.entry_price) == (-1000, Decimal("1.999"))

    fills = await trading.fills(SYMBOL)
    assert sum(fill.realised_pnl for fill in fills) == Decimal("-0.12")
    (balance,) = await trading.balances()
    assert (balance.asset, balance.wallet) == ("USDT", 10_000 + sum(fill.realised_pnl - fill.fee for fill in fills))


async def test_margin_tells_what_position_and_orders_hold(house: House) -> None:
    trading = house.venue.trading
    await trading.set_leverage(SYMBOL, 10)
    before = await trading.margin()
    assert before.available == Decimal(10_000)
    order = await house.place(BUY, 19_900, 10_000)
    (resting,) = (await trading.margin()).assets
    assert (resting.order_margin, resting.position_margin) == (Decimal("19.9"), 0)
    await trading.cancel(Cancel(SYMBOL, order.client_id))
    assert await trading.margin() == before

    await house.buy(10_000, 20_000)
    margin = await trading.margin()
    (asset,) = margin.assets
    assert (asset.order_margin, asset.position_margin, asset.unrealised) == (0, Decimal(20), 0)
    assert margin.available == asset.available == asset.wallet - 20
    assert asset.wallet == (await trading.balances())[0].wallet
    assert asset.maintenance == Decimal("1.3")


async def test_leverage_is_set_and_shown(house: House) -> None:
    trading = house.venue.trading
    assert await trading.set_leverage(SYMBOL, 3) == 3
    assert [position.leverage for position in await trading.positions()] == [3]
    for leverage in (0, 126):
        with pytest.raises(Rejected):
            await trading.set_leverage(SYMBOL, leverage)
    with pytest.raises(Rejected):
        await trading.set_leverage("NOSUCHUSDT", 3)
    assert [position.leverage for position in await trading.positions()] == [3]


@pytest.mark.parametrize(
    ("balances", "is_multi"),
    [({"USDT": 100}, False), ({"USDT": 60, "USDF": 30, "BNB": 1}, True)],
)
async def test_modes_and_assets_of_the_account(way: Way, balances: dict[str, int], is_multi: bool) -> None:
    async with open_house(way, balances={asset: Decimal(amount) for asset, amount in balances.items()}) as house:
        trading = house.venue.trading
        assert await trading.is_hedge_mode() is False
        assert await trading.is_multi_assets_mode() is is_multi
        assert {balance.asset: balance.wallet for balance in await trading.balances()} == balances
        margin = await trading.margin()
        assert {asset.asset: asset.wallet for asset in margin.assets} == balances
        assert margin.available == (90 if is_multi else 100)


async def test_two_accounts_see_nothing_of_each_other(house: House) -> None:
    theirs = await house.quote(BUY, 19_900)
    ours = await house.place(SELL, 20_100)
    assert await house.venue.trading.open_orders() == [ours]
    assert await (await house.somebody()).trading.open_orders() == [theirs]


# Credentials

Ask = Callable[[House, Venue], Awaitable[object]]
REQUESTS: dict[str, Ask] = {
    "place": lambda house, venue: venue.trading.place(house.order(BUY, 19_900)),
    "cancel": lambda house, venue: venue.trading.cancel(Cancel(SYMBOL, "nobody")),
    "open orders": lambda house, venue: venue.trading.open_orders(),
    "positions": lambda house, venue: venue.trading.positions(),
    "account stream": lambda house, venue: venue.account_stream.run(Seen[AccountEvent]()),
}


DEMO, STRANGER = demo_credentials(0), demo_credentials(1234)
WRONG_V3: dict[str, tuple[DemoCredentials, int]] = {
    "an agent that another wallet approved": (replace(DEMO, user=STRANGER.user), CHAIN_ID),
    "a signature for another chain": (DEMO, 1),
}
WRONG_V1 = {
    "a key that nobody has": Credentials("", "", "", v1_public_key="0" * 64, v1_private_key=DEMO.api_secret),
    "another key's secret": Credentials("", "", "", v1_public_key=DEMO.api_key, v1_private_key="0" * 64),
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("wrong", [0, 1])
async def test_wrong_credentials_are_told_from_any_other_refusal(way: Way, wrong: int, name: str) -> None:
    keys, chain_id = [*WRONG_V3.values()][wrong]
    if way.is_v1:
        opened = open_house(way, credentials=[*WRONG_V1.values()][wrong])
    else:
        opened = open_house(way, credentials=keys, chain_id=chain_id)
    async with opened as house:
        with pytest.raises(BadCredentials):
            await REQUESTS[name](house, house.venue)
        assert house.venue.gate.in_flight == 0
        assert house.paper.engine.orders.all_open_orders(house.paper.account()) == []


@pytest.mark.parametrize("name", REQUESTS)
async def test_without_credentials_nothing_signed_is_sent(way: Way, name: str) -> None:
    async with open_house(way, is_anonymous=True) as house:
        before = house.used()
        with pytest.raises(BadCredentials):
            await REQUESTS[name](house, house.venue)
        assert house.used() == before
        assert house.venue.gate.in_flight == 0
