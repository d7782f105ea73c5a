"""Requests for orders and account, and the model's values that answers become."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qsl

import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes, Handler, answering, instruments, signer

from exchange import errors
from exchange.aster.auth import SignerAuth
from exchange.aster.market_data import AsterMarketData
from exchange.aster.rest import Rest, http_client
from exchange.aster.trading import AsterTrading
from exchange.clock import Clock
from exchange.model import (
    Amend,
    Balance,
    BookTicker,
    Cancel,
    Depth,
    Fill,
    MarkPrice,
    Order,
    OrderStatus,
    Place,
    Position,
    PublicTrade,
    Side,
    TimeInForce,
)
from exchange.ports import RequestClass
from exchange.protocol.endpoints import CANCEL_ORDER

AUTH_NAMES = {"nonce", "user", "signer", "signature"}


def order_body(client_id: str = "me:1", status: str = "NEW") -> dict[str, object]:
    return {
        "clientOrderId": client_id,
        "cumQty": "0",
        "cumQuote": "0",
        "executedQty": "1.50",
        "orderId": 77,
        "avgPrice": "0.00000",
        "origQty": "10.00",
        "price": "0.73450",
        "reduceOnly": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "status": status,
        "symbol": "ASTERUSDT",
        "timeInForce": "GTX",
        "type": "LIMIT",
        "updateTime": 1566818724722,
    }


def order(client_id: str = "me:1", status: OrderStatus = OrderStatus.NEW) -> Order:
    return Order("ASTERUSDT", client_id, 77, Side.BUY, status, 7345, 1000, 150, False, "GTX", 1566818724722)


def rest_over(handler: Handler, admission: AlwaysYes) -> tuple[Rest, Clock]:
    clock = Clock(EPOCH_US)
    http = http_client(httpx.MockTransport(handler))
    return Rest(http, "http://venue", clock, admission, SignerAuth(signer(), clock)), clock


def trading_over(handler: Handler, admission: AlwaysYes | None = None) -> AsterTrading:
    rest, _ = rest_over(handler, admission or AlwaysYes())
    return AsterTrading(rest, instruments())


def business(request: httpx.Request) -> dict[str, str]:
    pairs = parse_qsl((request.content or request.url.query).decode(), strict_parsing=True)
    return {name: value for name, value in pairs if name not in AUTH_NAMES}


PLACE = Place("ASTERUSDT", "me:1", Side.BUY, 7345, 1000)


async def test_place() -> None:
    seen, handler = answering(order_body())
    admission = AlwaysYes()
    assert await trading_over(handler, admission).place(PLACE) == order()
    assert (seen[0].method, seen[0].url.path) == ("POST", "/fapi/v3/order")
    assert list(business(seen[0]).items()) == [
        ("symbol", "ASTERUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTX"),
        ("quantity", "10.00"),
        ("price", "0.7345"),
        ("newClientOrderId", "me:1"),
        ("newOrderRespType", "RESULT"),
    ]
    assert admission.asked[0][0] is RequestClass.QUOTE


async def test_a_reducing_order_says_so_and_goes_first() -> None:
    seen, handler = answering(order_body())
    admission = AlwaysYes()
    place = Place("ASTERUSDT", "me:1", Side.SELL, 7345, 1000, reduce_only=True, time_in_force=TimeInForce.IOC)
    await trading_over(handler, admission).place(place)
    assert business(seen[0])["reduceOnly"] == "true"
    assert business(seen[0])["timeInForce"] == "IOC"
    assert admission.asked[0][0] is RequestClass.REDUCE


async def test_a_post_only_order_that_would_cross_comes_back_expired() -> None:
    _, handler = answering(order_body(status="EXPIRED"))
    assert (await trading_over(handler).place(PLACE)).status is OrderStatus.EXPIRED


async def test_an_order_in_a_state_we_do_not_know_may_rest() -> None:
    _, handler = answering(order_body(status="SUSPENDED"))
    with pytest.raises(errors.OutcomeUnknown):
        await trading_over(handler).place(PLACE)


async def test_amend() -> None:
    seen, handler = answering(order_body())
    assert await trading_over(handler).amend(Amend("ASTERUSDT", "me:1", Side.BUY, 7346, 900)) == order()
    assert seen[0].method == "PUT"
    assert business(seen[0]) == {
        "symbol": "ASTERUSDT",
        "side": "BUY",
        "quantity": "9.00",
        "price": "0.7346",
        "origClientOrderId": "me:1",
    }


async def test_cancel_and_query_by_client_id() -> None:
    seen, handler = answering(order_body(status="CANCELED"))
    trading = trading_over(handler)
    expected = order(status=OrderStatus.CANCELED)
    assert await trading.cancel(Cancel("ASTERUSDT", "me:1")) == expected
    assert await trading.order("ASTERUSDT", "me:1") == expected
    assert [request.method for request in seen] == ["DELETE", "GET"]
    assert business(seen[0]) == business(seen[1]) == {"symbol": "ASTERUSDT", "origClientOrderId": "me:1"}


async def test_cancel_many_answers_for_each_in_order() -> None:
    rows = [order_body("b", "CANCELED"), {"code": -2011, "msg": "Unknown order sent."}, order_body("a", "CANCELED")]
    seen, handler = answering(rows)
    first, second, third = await trading_over(handler).cancel_many("ASTERUSDT", ["a", "x", "b"])
    assert first == order("a", OrderStatus.CANCELED)
    assert isinstance(second, errors.UnknownOrder)
    assert third == order("b", OrderStatus.CANCELED)
    assert business(seen[0]) == {"symbol": "ASTERUSDT", "origClientOrderIdList": '["a","x","b"]'}


async def test_an_order_left_out_of_a_batch_is_unknown() -> None:
    _, handler = answering([order_body("a", "CANCELED")])
    _, second = await trading_over(handler).cancel_many("ASTERUSDT", ["a", "b"])
    assert isinstance(second, errors.OutcomeUnknown)


@pytest.mark.parametrize("count", [0, 11])
async def test_a_batch_has_one_to_ten_orders(count: int) -> None:
    seen, handler = answering([])
    with pytest.raises(ValueError, match="1 to 10"):
        await trading_over(handler).cancel_many("ASTERUSDT", ["x"] * count)
    assert seen == []


async def test_leave_given_for_an_unknown_symbol_is_given_back() -> None:
    _, handler = answering({})
    admission = AlwaysYes()
    trading = trading_over(handler, admission)
    rest, _ = rest_over(handler, admission)
    ticket = await rest.admit(RequestClass.CANCEL, CANCEL_ORDER)
    with pytest.raises(errors.Rejected):
        await trading.cancel(Cancel("NOSUCHUSDT", "x"), ticket)
    assert admission.released == 1


async def test_open_orders_of_unknown_symbols_are_left_out() -> None:
    _, handler = answering([order_body(), {**order_body(), "symbol": "OTHERUSDT"}])
    admission = AlwaysYes()
    trading = trading_over(handler, admission)
    assert await trading.open_orders() == [order()]
    assert await trading.open_orders("ASTERUSDT") == [order()]
    assert [cost.weight for _, cost in admission.asked] == [40, 1]


async def test_an_order_from_before_the_tick_changed_does_not_break_the_list() -> None:
    _, handler = answering([{**order_body(), "price": "0.73456"}])
    assert (await trading_over(handler).open_orders())[0].price_ticks == 7345


async def test_fills_oldest_first() -> None:
    row = {
        "buyer": False,
        "commission": "0.00781",
        "commissionAsset": "USDT",
        "id": 2,
        "maker": True,
        "orderId": 25,
        "price": "0.7345",
        "qty": "2.00",
        "quoteQty": "1.469",
        "realizedPnl": "-0.91",
        "side": "SELL",
        "positionSide": "BOTH",
        "symbol": "ASTERUSDT",
        "time": 1569514978020,
    }
    seen, handler = answering([row, {**row, "id": 1}])
    fills = await trading_over(handler).fills("ASTERUSDT", from_id=1)
    assert [fill.trade_id for fill in fills] == [1, 2]
    assert fills[1] == Fill(
        "ASTERUSDT", 2, 25, "", Side.SELL, 7345, 200, True, Decimal("0.00781"), "USDT", Decimal("-0.91"), 1569514978020
    )
    assert business(seen[0]) == {"symbol": "ASTERUSDT", "limit": "500", "fromId": "1"}


async def test_positions_are_signed_and_one_way() -> None:
    row = {"symbol": "ASTERUSDT", "positionAmt": "-3.50", "entryPrice": "0.7", "leverage": "5", "updateTime": 4}
    rows = [
        {**row, "positionSide": "BOTH"},
        {**row, "positionSide": "LONG"},
        {**row, "symbol": "OTHERUSDT", "positionSide": "BOTH"},
    ]
    _, handler = answering(rows)
    assert await trading_over(handler).positions() == [Position("ASTERUSDT", -350, Decimal("0.7"), 5, 4)]


async def test_account_settings() -> None:
    bodies = {
        "/fapi/v3/balance": [{"asset": "USDF", "balance": "12.5", "updateTime": 3}],
        "/fapi/v3/leverage": {"leverage": 3, "maxNotionalValue": "1", "symbol": "ASTERUSDT"},
        "/fapi/v3/positionSide/dual": {"dualSidePosition": False},
        "/fapi/v3/multiAssetsMargin": {"multiAssetsMargin": True},
    }
    trading = trading_over(lambda request: httpx.Response(200, json=bodies[request.url.path]))
    assert await trading.balances() == [Balance("USDF", Decimal("12.5"), 3)]
    assert await trading.set_leverage("ASTERUSDT", 3) == 3
    assert not await trading.is_hedge_mode()
    assert await trading.is_multi_assets_mode()


async def test_market_data() -> None:
    ticker = {"symbol": "ASTERUSDT", "bidPrice": "0.7", "bidQty": "1", "askPrice": "0.8", "askQty": "2", "time": 5}
    premium = {
        "symbol": "ASTERUSDT",
        "markPrice": "0.75001",
        "indexPrice": "0.75",
        "lastFundingRate": "0.0001",
        "nextFundingTime": 9,
        "time": 5,
    }
    trade = {"id": 3, "price": "0.7", "qty": "1", "quoteQty": "0.7", "time": 5, "isBuyerMaker": True}
    bodies = {
        "/fapi/v3/time": {"serverTime": 5},
        "/fapi/v3/ticker/bookTicker": [ticker, {**ticker, "symbol": "OTHERUSDT"}],
        "/fapi/v3/premiumIndex": [premium],
        "/fapi/v3/depth": {"lastUpdateId": 4, "E": 6, "T": 5, "bids": [["0.7", "1"]], "asks": [["0.8", "2"]]},
        "/fapi/v3/trades": [trade],
    }
    rest, clock = rest_over(lambda request: httpx.Response(200, json=bodies[request.url.path]), AlwaysYes())
    data = AsterMarketData(rest, clock, instruments())
    (book,), (mark,), (public,) = (
        await data.book_tickers(),
        await data.mark_prices(),
        await data.recent_trades("ASTERUSDT", 10),
    )
    depth = await data.depth("ASTERUSDT", 10)
    assert await data.server_ms() == 5
    assert book == BookTicker("ASTERUSDT", 0, 7000, 100, 8000, 200, 5, book.received_us)
    assert mark == MarkPrice(
        "ASTERUSDT", Decimal("0.75001"), Decimal("0.75"), Decimal("0.0001"), 9, 5, mark.received_us
    )
    assert public == PublicTrade("ASTERUSDT", 3, Side.SELL, 7000, 100, 5, public.received_us)
    assert depth == Depth("ASTERUSDT", 4, ((7000, 100),), ((8000, 200),), 5, depth.received_us)
