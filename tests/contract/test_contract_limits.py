"""The one budget: what our gate counts is what the exchange counts, and what it does when the exchange says stop."""

from __future__ import annotations

import anyio
import pytest
from contract_house import SYMBOL, House, Way, open_house

from exchange.errors import Banned, Rejected, Throttled
from exchange.model import Cancel, RateLimit, Side
from fleet.wiring.client import open_venue

BUY = Side.BUY
BARRED = 418


def counted(house: House) -> dict[str, int]:
    return {limiter.name: limiter.used for limiter in house.venue.gate.usage()}


async def test_the_gates_count_is_the_exchanges_own(house: House) -> None:
    trading, data = house.venue.trading, house.venue.market_data
    assert counted(house) == house.used()
    order = await house.place(BUY, 19_900)
    await house.place(BUY, 19_800)
    with pytest.raises(Rejected):
        await house.place(BUY, 19_900, 1)
    assert house.used()["ORDERS_10S"] == 3
    assert counted(house) == house.used()
    await trading.cancel(Cancel(SYMBOL, order.client_id))
    await trading.cancel_many(SYMBOL, ["nobody", "no-one"])
    await trading.open_orders()
    await trading.fills(SYMBOL)
    await trading.positions()
    await trading.margin()
    await trading.is_hedge_mode()
    await data.depth(SYMBOL, 1000)
    await data.book_tickers()
    await data.mark_prices()
    assert counted(house) == house.used()
    assert house.venue.gate.in_flight == 0


async def test_what_others_spend_from_our_address_is_learnt_from_the_answers(house: House) -> None:
    await house.spend(40)
    assert counted(house)["REQUEST_WEIGHT_1M"] == house.used()["REQUEST_WEIGHT_1M"] - 40
    await house.venue.market_data.server_ms()
    assert counted(house) == house.used()


async def test_many_orders_at_once_wait_for_their_turn_and_none_is_refused(way: Way) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 1, 10))
    async with open_house(way, limits=limits) as house:
        async with anyio.create_task_group() as tasks:
            for each in range(20):
                tasks.start_soon(house.place, BUY, 19_900 - each)
        assert len(await house.venue.trading.open_orders()) == 20
        assert house.paper.refused_429 == house.venue.gate.http_429 == 0
        assert 0 < house.paper.limit_peaks()["ORDERS_1S"] <= 0.9
        assert house.venue.gate.waiting() == 0


async def test_after_429_nothing_is_sent_until_the_pause_is_over(way: Way) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 2, 100),)
    async with open_house(way, limits=limits) as house:
        gate, data = house.venue.gate, house.venue.market_data
        statuses = await house.spend(100)
        assert statuses.count(429) > 0
        refused = house.paper.refused_429
        with pytest.raises(Throttled) as raised:
            await data.server_ms()
        assert 0 < raised.value.retry_after_s <= 2
        assert (gate.http_429, house.paper.refused_429) == (1, refused + 1)
        paused_us = gate.paused_until_us
        assert paused_us > house.clock.now_us()
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(data.server_ms)
        assert house.clock.now_us() >= paused_us
        assert (gate.http_429, house.paper.refused_429) == (1, refused + 1)


async def test_a_client_that_comes_where_all_is_spent_waits_and_then_opens(way: Way) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 2, 100),)
    async with open_house(way, limits=limits) as house:
        await house.spend(100)
        refused = house.paper.refused_429
        async with open_venue(house.address, house.credentials, house.clock) as late:
            assert late.gate.http_429 == 1
            assert house.paper.refused_429 == refused + 1
            assert {limiter.name for limiter in late.gate.usage()} >= {"REQUEST_WEIGHT_2S"}


async def test_an_orders_limit_overrun_from_elsewhere_pauses_too(way: Way) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 2, 4))
    async with open_house(way, limits=limits) as house:
        account = house.paper.account().address
        house.paper.limits.orders(account).add(4, house.clock.now_us())
        with pytest.raises(Throttled):
            await house.place(BUY, 19_900)
        assert (house.venue.gate.http_429, house.venue.gate.in_flight) == (1, 0)
        order = await house.place(BUY, 19_900)
        assert await house.venue.trading.open_orders() == [order]


async def test_418_shuts_the_gate_for_good(way: Way) -> None:
    limits = (RateLimit("REQUEST_WEIGHT", 60, 60),)
    async with open_house(way, limits=limits) as house:
        gate, data = house.venue.gate, house.venue.market_data
        statuses = await house.spend(80)
        assert statuses[-1] == BARRED
        with pytest.raises(Banned) as raised:
            await data.server_ms()
        assert 100 < raised.value.retry_after_s <= 120
        assert gate.banned.is_set()
        assert (gate.http_418, house.paper.refused_418) == (1, statuses.count(BARRED) + 1)
        for ask in (data.server_ms, data.book_tickers, house.venue.trading.open_orders):
            with pytest.raises(Banned):
                await ask()
        assert house.paper.refused_418 == statuses.count(BARRED) + 1
        assert gate.in_flight == 0
