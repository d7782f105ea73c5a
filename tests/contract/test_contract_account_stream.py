"""The account's news: the same as REST says, in order, and again after the line was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import anyio
import pytest
from contract_house import MEMORY, MEMORY_V1, SYMBOL, House, Seen, Way, open_house

from exchange.model import (
    AccountEvent,
    AccountUpdate,
    Amend,
    Cancel,
    OrderStatus,
    OrderUpdate,
    Side,
    StreamDown,
    StreamUp,
    TimeInForce,
)

BUY, SELL = Side.BUY, Side.SELL
NEW, PARTIALLY_FILLED, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, EXPIRED = OrderStatus.CANCELED, OrderStatus.EXPIRED


@dataclass(slots=True)
class Listening:
    house: House
    seen: Seen[AccountEvent]

    def updates(self, client_id: str) -> list[OrderUpdate]:
        return [update for update in self.seen.all(OrderUpdate) if update.order.client_id == client_id]

    async def ended(self, client_id: str) -> list[OrderUpdate]:
        """All updates of an order, once the last has come."""
        await self.seen.first(
            OrderUpdate, lambda update: update.order.client_id == client_id and update.order.status.is_final
        )
        return self.updates(client_id)


@pytest.fixture
async def listening(house: House) -> Listening:
    seen: Seen[AccountEvent] = Seen()
    house.tasks.start_soon(house.venue.account_stream.run, seen)
    await seen.first(StreamUp)
    return Listening(house, seen)


async def test_an_orders_updates_tell_its_life_in_order_and_end_as_rest_says(listening: Listening) -> None:
    house, trading = listening.house, listening.house.venue.trading
    order = await house.place(BUY, 19_990, 1000)
    await trading.amend(Amend(SYMBOL, order.client_id, BUY, 19_980, 1200))
    await house.take(SELL, 19_980, 300)
    await house.take(SELL, 19_980, 400)
    cancelled = await trading.cancel(Cancel(SYMBOL, order.client_id))
    updates = await listening.ended(order.client_id)
    assert [(each.execution, each.order.status, each.order.filled_lots) for each in updates] == [
        ("NEW", NEW, 0),
        ("AMENDMENT", NEW, 0),
        ("TRADE", PARTIALLY_FILLED, 300),
        ("TRADE", PARTIALLY_FILLED, 700),
        ("CANCELED", CANCELED, 700),
    ]
    assert updates[0].order == order
    assert updates[-1].order == cancelled == await trading.order(SYMBOL, order.client_id)
    times = [each.order.exchange_ms for each in updates]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("time_in_force", "lots", "statuses"),
    [
        (TimeInForce.GTC, 1500, [NEW, PARTIALLY_FILLED, FILLED]),
        (TimeInForce.IOC, 2500, [NEW, PARTIALLY_FILLED, PARTIALLY_FILLED, EXPIRED]),
        (TimeInForce.FOK, 2500, [NEW, EXPIRED]),
        (TimeInForce.GTX, 500, [NEW, EXPIRED]),
    ],
)
async def test_an_order_that_takes_ends_on_the_stream_as_rest_says(
    listening: Listening, time_in_force: TimeInForce, lots: int, statuses: list[OrderStatus]
) -> None:
    house = listening.house
    await house.quote(SELL, 20_010, 1000)
    await house.quote(SELL, 20_020, 1000)
    order = await house.place(BUY, 20_020, lots, time_in_force=time_in_force)
    updates = await listening.ended(order.client_id)
    assert [each.order.status for each in updates] == statuses
    assert updates[-1].order == order == await house.venue.trading.order(SYMBOL, order.client_id)


async def test_fills_on_the_stream_are_the_trades_of_the_list(listening: Listening) -> None:
    house = listening.house
    maker = await house.place(BUY, 19_990, 1000)
    await house.take(SELL, 19_990, 300)
    await house.take(SELL, 19_990, 700)
    await house.quote(BUY, 19_970, 600)
    taker = await house.place(SELL, 19_970, 600, time_in_force=TimeInForce.IOC)
    await listening.ended(taker.client_id)
    fills = [update.fill for update in listening.seen.all(OrderUpdate) if update.fill]
    assert [fill.client_id for fill in fills] == [maker.client_id, maker.client_id, taker.client_id]
    assert [replace(fill, client_id="") for fill in fills] == await house.venue.trading.fills(SYMBOL)
    assert [fill.is_maker for fill in fills] == [True, True, False]
    assert fills[-1].realised_pnl == Decimal("-0.012")
    assert fills[-1].fee == Decimal("11.982") * Decimal("0.00035")


async def test_balances_and_positions_on_the_stream_are_those_that_rest_shows(listening: Listening) -> None:
    house, seen = listening.house, listening.seen
    await house.buy(1000)
    order = await house.place(SELL, 20_100, 1500)
    await house.take(BUY, 20_100, 1500)
    await listening.ended(order.client_id)
    updates = await seen.some(2, AccountUpdate)
    (balance,) = await house.venue.trading.balances()
    (position,) = await house.venue.trading.positions()
    assert [update.reason for update in updates] == ["ORDER", "ORDER"]
    assert [(each.asset, each.wallet) for each in updates[-1].balances] == [(balance.asset, balance.wallet)]
    assert [(each.symbol, each.lots, each.entry_price) for update in updates for each in update.positions] == [
        (SYMBOL, 1000, Decimal("2.001")),
        (SYMBOL, position.lots, position.entry_price),
    ]
    assert position.lots == -500


async def test_another_accounts_news_stay_its_own(listening: Listening) -> None:
    house = listening.house
    await house.quote(BUY, 19_900)
    order = await house.place(BUY, 19_800)
    await listening.seen.first(OrderUpdate)
    assert [update.order.client_id for update in listening.seen.all(OrderUpdate)] == [order.client_id]


async def test_after_a_cut_the_line_comes_back_and_tells_on(listening: Listening) -> None:
    house, seen = listening.house, listening.seen
    for round_ in range(2):
        before = len(seen.events)
        house.runner.cut_lines()
        await seen.first(StreamUp, after=before)
        assert [type(event) for event in seen.events[before:]] == [StreamDown, StreamUp]
        order = await house.place(BUY, 19_900 - round_)
        await seen.first(OrderUpdate, lambda update, order=order: update.order == order, after=before)


async def test_when_the_listen_key_expires_a_new_one_is_asked_for(listening: Listening) -> None:
    house, seen = listening.house, listening.seen
    house.paper.engine.user_streams.expire(house.paper.account(), house.clock.now_us())
    await seen.first(StreamUp, after=1)
    assert [type(event) for event in seen.events] == [StreamUp, StreamDown, StreamUp]
    assert "expired" in seen.all(StreamDown)[0].reason
    order = await house.place(BUY, 19_900)
    await seen.first(OrderUpdate, lambda update: update.order == order)


@pytest.mark.parametrize("way", [MEMORY, MEMORY_V1], ids=lambda way: way.name, indirect=True)
async def test_the_listen_key_is_kept_alive_for_as_long_as_one_listens(listening: Listening) -> None:
    """In virtual time: a key lives for an hour, the day has 24, and a line is cut at its end."""
    await anyio.sleep(23 * 3600)
    assert [type(event) for event in listening.seen.events if not isinstance(event, AccountUpdate)] == [StreamUp]
    order = await listening.house.place(BUY, 19_900)
    await listening.seen.first(OrderUpdate, lambda update: update.order == order)
    before = len(listening.seen.events)
    await anyio.sleep(2 * 3600)
    assert [type(event) for event in listening.seen.events[before:]] == [StreamDown, StreamUp]


@pytest.mark.parametrize("way", [MEMORY, MEMORY_V1], ids=lambda way: way.name, indirect=True)
async def test_funding_is_told_with_what_it_moved(way: Way) -> None:
    async with open_house(way, funding_interval_s=60, funding_rate=Decimal("0.0001")) as house:
        seen: Seen[AccountEvent] = Seen()
        house.tasks.start_soon(house.venue.account_stream.run, seen)
        await seen.first(StreamUp)
        await house.buy(1000)
        (before,) = await house.venue.trading.balances()
        await anyio.sleep(60)
        update = await seen.first(AccountUpdate, lambda update: update.reason == "FUNDING_FEE")
        (after,) = await house.venue.trading.balances()
        assert update.balance_changes == {"USDT": after.wallet - before.wallet}
        assert [balance.wallet for balance in update.balances] == [after.wallet]
        assert after.wallet - before.wallet == Decimal("-0.002")
