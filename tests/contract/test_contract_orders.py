"""What an order may be, become and be refused for, whichever way it goes to the exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from contract_house import SYMBOL, House

from exchange.errors import InsufficientMargin, OutOfBounds, Rejected, UnknownOrder, VenueError, WouldCross
from exchange.model import Amend, Cancel, Order, OrderStatus, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
NEW, FILLED, CANCELED, EXPIRED = OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED
PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


async def test_an_order_is_placed_amended_and_cancelled_and_every_look_shows_it_as_it_is(house: House) -> None:
    trading = house.venue.trading
    wanted = house.order(BUY, 19_900, 500)
    placed = await trading.place(wanted)
    assert (placed.symbol, placed.client_id, placed.side) == (SYMBOL, wanted.client_id, BUY)
    assert (placed.status, placed.price_ticks, placed.lots, placed.filled_lots) == (NEW, 19_900, 500, 0)
    assert (placed.reduce_only, placed.time_in_force) == (False, "GTX")
    assert await trading.open_orders(SYMBOL) == await trading.open_orders() == [placed]
    assert await trading.order(SYMBOL, wanted.client_id) == placed

    amended = await trading.amend(Amend(SYMBOL, wanted.client_id, BUY, 19_950, 600))
    assert amended == replace(placed, price_ticks=19_950, lots=600, exchange_ms=amended.exchange_ms)
    assert await trading.open_orders(SYMBOL) == [amended]

    cancelled = await trading.cancel(Cancel(SYMBOL, wanted.client_id))
    assert cancelled == replace(amended, status=CANCELED, exchange_ms=cancelled.exchange_ms)
    assert await trading.open_orders() == []
    assert await trading.order(SYMBOL, wanted.client_id) == cancelled
    assert placed.exchange_ms <= amended.exchange_ms <= cancelled.exchange_ms


async def test_orders_of_a_batch_are_cancelled_one_by_one_and_answered_in_order(house: House) -> None:
    trading = house.venue.trading
    first, second = await house.place(BUY, 19_900), await house.place(SELL, 20_100)
    asked = [second.client_id, "nobody", first.client_id, "no-one"]
    answers = await trading.cancel_many(SYMBOL, asked)
    assert [each.client_id if isinstance(each, Order) else type(each) for each in answers] == [
        second.client_id,
        UnknownOrder,
        first.client_id,
        UnknownOrder,
    ]
    assert [each.status for each in answers if isinstance(each, Order)] == [CANCELED, CANCELED]
    assert await trading.open_orders() == []


async def test_ten_orders_are_cancelled_at_once_and_eleven_are_too_many(house: House) -> None:
    ids = [(await house.place(BUY, 19_900 - each)).client_id for each in range(10)]
    with pytest.raises(ValueError, match="1 to 10"):
        await house.venue.trading.cancel_many(SYMBOL, [*ids, "one-more"])
    answers = await house.venue.trading.cancel_many(SYMBOL, ids)
    assert [each.client_id for each in answers if isinstance(each, Order)] == ids


@pytest.mark.parametrize(
    ("side", "ticks", "lots", "time_in_force", "status", "filled"),
    [
        # Somebody else bids 10 at 1.9990 and offers 10 at 2.0010.
        (BUY, 20_009, 500, TimeInForce.GTX, NEW, 0),
        (SELL, 19_991, 500, TimeInForce.GTX, NEW, 0),
        (BUY, 20_009, 500, GTC, NEW, 0),
        (BUY, 20_010, 500, GTC, FILLED, 500),
        (BUY, 20_020, 1500, GTC, PARTIALLY_FILLED, 1000),
        (SELL, 19_990, 1500, IOC, EXPIRED, 1000),
        (SELL, 19_991, 500, IOC, EXPIRED, 0),
        (BUY, 20_010, 1500, FOK, EXPIRED, 0),
        (BUY, 20_010, 1000, FOK, FILLED, 1000),
    ],
)
async def test_an_order_trades_rests_or_expires(
    house: House, side: Side, ticks: int, lots: int, time_in_force: TimeInForce, status: OrderStatus, filled: int
) -> None:
    await house.quote(BUY, 19_990, 1000)
    await house.quote(SELL, 20_010, 1000)
    order = await house.place(side, ticks, lots, time_in_force=time_in_force)
    assert (order.status, order.filled_lots, order.lots) == (status, filled, lots)
    assert await house.venue.trading.order(SYMBOL, order.client_id) == order
    assert await house.venue.trading.open_orders() == ([] if status.is_final else [order])
    assert sum(fill.lots for fill in await house.venue.trading.fills(SYMBOL)) == filled


@pytest.mark.parametrize(("side", "ticks"), [(BUY, 20_010), (BUY, 20_500), (SELL, 19_990), (SELL, 19_500)])
async def test_a_post_only_order_that_would_cross_is_refused_and_never_filled(
    house: House, side: Side, ticks: int
) -> None:
    theirs = [await house.quote(BUY, 19_990), await house.quote(SELL, 20_010)]
    try:
        order = await house.place(side, ticks)
    except WouldCross:
        pass
    else:
        assert (order.status, order.filled_lots) == (EXPIRED, 0)
    await _nothing_happened(house)
    assert await (await house.somebody()).trading.open_orders() == theirs


async def test_an_amendment_that_would_cross_is_refused_and_the_order_stays_as_it_was(house: House) -> None:
    await house.quote(SELL, 20_010)
    order = await house.place(BUY, 19_900)
    with pytest.raises(WouldCross):
        await house.venue.trading.amend(Amend(SYMBOL, order.client_id, BUY, 20_010, 500))
    assert await house.venue.trading.open_orders() == [order]


async def test_an_amended_order_that_is_partly_filled_keeps_its_fill(house: House) -> None:
    order = await house.place(BUY, 19_990, 1000)
    await house.take(SELL, 19_990, 300)
    amended = await house.venue.trading.amend(Amend(SYMBOL, order.client_id, BUY, 19_980, 1200))
    assert (amended.status, amended.lots, amended.filled_lots) == (PARTIALLY_FILLED, 1200, 300)
    with pytest.raises(Rejected):
        await house.venue.trading.amend(Amend(SYMBOL, order.client_id, BUY, 19_980, 300))
    assert await house.venue.trading.open_orders() == [amended]


async def test_an_account_never_trades_with_itself(house: House) -> None:
    resting = await house.place(SELL, 20_010)
    order = await house.place(BUY, 20_020, time_in_force=IOC)
    assert (order.status, order.filled_lots) == (EXPIRED, 0)
    assert await house.venue.trading.open_orders() == [resting]
    assert await house.venue.trading.fills(SYMBOL) == []


# Reduce-only


async def test_without_a_position_there_is_nothing_to_reduce(house: House) -> None:
    for side, ticks in ((BUY, 19_900), (SELL, 20_100)):
        with pytest.raises(Rejected):
            await house.place(side, ticks, reduce_only=True)
    await _nothing_happened(house)


async def test_a_reduce_only_order_must_reduce_and_may_be_small(house: House) -> None:
    await house.buy(1000)
    with pytest.raises(Rejected):
        await house.place(BUY, 19_900, reduce_only=True)
    order = await house.place(SELL, 20_100, 10, reduce_only=True)
    assert (order.status, order.reduce_only, order.lots) == (NEW, True, 10)
    assert house.instrument.notional(20_100, 10) < house.instrument.min_notional


async def test_a_reduce_only_order_never_turns_the_position(house: House) -> None:
    await house.buy(1000)
    order = await house.place(SELL, 20_100, 3000, reduce_only=True)
    await house.take(BUY, 20_100, 3000)
    assert (await house.venue.trading.order(SYMBOL, order.client_id)).filled_lots == 1000
    assert [position.lots for position in await house.venue.trading.positions()] == [0]
    assert await house.venue.trading.open_orders() == []


async def test_a_reduce_only_order_ends_with_the_position(house: House) -> None:
    await house.buy(1000)
    order = await house.place(SELL, 20_100, 1000, reduce_only=True)
    await house.quote(BUY, 19_990, 1000)
    await house.place(SELL, 19_990, 1000, time_in_force=IOC)
    assert (await house.venue.trading.order(SYMBOL, order.client_id)).status is EXPIRED


# Refusals


async def test_a_client_id_may_not_be_used_twice_at_a_time(house: House) -> None:
    order = await house.place(BUY, 19_900, client_id="twin")
    with pytest.raises(Rejected, match="duplicated"):
        await house.place(BUY, 19_800, client_id="twin")
    assert await house.venue.trading.open_orders() == [order]
    await house.venue.trading.cancel(Cancel(SYMBOL, "twin"))
    again = await house.place(BUY, 19_800, client_id="twin")
    assert await house.venue.trading.order(SYMBOL, "twin") == again


async def test_an_order_that_is_not_there_is_unknown(house: House) -> None:
    trading = house.venue.trading
    with pytest.raises(UnknownOrder):
        await trading.order(SYMBOL, "nobody")
    with pytest.raises(UnknownOrder):
        await trading.cancel(Cancel(SYMBOL, "nobody"))
    with pytest.raises(UnknownOrder):
        await trading.amend(Amend(SYMBOL, "nobody", BUY, 19_900, 500))


async def test_what_is_over_cannot_be_cancelled_or_amended(house: House) -> None:
    trading = house.venue.trading
    order = await house.place(BUY, 19_900)
    await trading.cancel(Cancel(SYMBOL, order.client_id))
    with pytest.raises(UnknownOrder):
        await trading.cancel(Cancel(SYMBOL, order.client_id))
    with pytest.raises(UnknownOrder):
        await trading.amend(Amend(SYMBOL, order.client_id, BUY, 19_800, 500))


@pytest.mark.parametrize(
    ("side", "ticks", "lots", "error", "code"),
    [
        (BUY, 20_000, 249, OutOfBounds, -4164),
        (BUY, 21_001, 500, OutOfBounds, -4016),
        (SELL, 18_999, 500, OutOfBounds, -4024),
        (BUY, 20_000, 200_000_000, InsufficientMargin, -2019),
        (BUY, 20_000, 200_000_001, OutOfBounds, -4005),
        (BUY, 2_000_001, 500, OutOfBounds, -4002),
        (BUY, 0, 500, OutOfBounds, -4001),
        (BUY, 20_000, 0, OutOfBounds, -4003),
    ],
    ids=[
        "below min notional",
        "above the price band",
        "below the price band",
        "more than the margin allows",
        "above max quantity",
        "above max price",
        "no price",
        "no quantity",
    ],
)
async def test_an_order_is_refused_with_its_reason(
    house: House, side: Side, ticks: int, lots: int, error: type[VenueError], code: int
) -> None:
    with pytest.raises(error) as raised:
        await house.place(side, ticks, lots)
    assert (type(raised.value), raised.value.code) == (error, code)
    await _nothing_happened(house)


@pytest.mark.parametrize(("side", "ticks"), [(BUY, 21_000), (SELL, 19_000)])
async def test_on_the_edge_of_the_price_band_an_order_rests(house: House, side: Side, ticks: int) -> None:
    assert (await house.place(side, ticks)).status is NEW


async def test_an_amendment_passes_the_same_filters(house: House) -> None:
    order = await house.place(BUY, 19_900)
    for ticks, lots in ((21_001, 500), (19_900, 200), (19_900, 200_000_000)):
        with pytest.raises(Rejected):
            await house.venue.trading.amend(Amend(SYMBOL, order.client_id, BUY, ticks, lots))
    assert await house.venue.trading.open_orders() == [order]


async def test_a_symbol_that_the_exchange_does_not_list_is_refused(house: House) -> None:
    with pytest.raises(Rejected, match="NOSUCHUSDT"):
        await house.place(BUY, 19_900, symbol="NOSUCHUSDT")


async def _nothing_happened(house: House) -> None:
    trading = house.venue.trading
    assert await trading.open_orders() == []
    assert await trading.fills(SYMBOL) == []
    assert [balance.wallet for balance in await trading.balances()] == [Decimal(10_000)]
    assert all(position.lots == 0 for position in await trading.positions())
