"""Orders, row by row: what is sent, what it costs, and what is made of the docs' own example of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

import httpx
import pytest
from aster_fakes import AlwaysYes, answering
from request_rows import SUCCESS, Row, Sent, client, sent

from exchange import errors
from exchange.aster.values import AutoCloseType
from exchange.model import Order, OrderStatus, Place, Side, TimeInForce
from exchange.ports import Cost

ORDER = {
    "avgPrice": "0.00000",
    "clientOrderId": "abc",
    "cumQuote": "0",
    "executedQty": "0",
    "orderId": 1917641,
    "origQty": "0.40",
    "origType": "TRAILING_STOP_MARKET",
    "price": "0",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "SHORT",
    "status": "NEW",
    "stopPrice": "9300",
    "closePosition": False,
    "symbol": "BTCUSDT",
    "time": 1579276756075,
    "timeInForce": "GTC",
    "type": "TRAILING_STOP_MARKET",
    "activatePrice": "9020",
    "priceRate": "0.3",
    "updateTime": 1579276756075,
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
}
THE_ORDER = Order("BTCUSDT", "abc", 1917641, Side.BUY, OrderStatus.NEW, 0, 40, 0, False, "GTC", 1579276756075)
FORCED = {
    **ORDER,
    "orderId": 6071832819,
    "status": "FILLED",
    "clientOrderId": "autoclose-1596107620040000020",
    "price": "10871.09",
    "origQty": "0.01",
    "executedQty": "0.01",
    "timeInForce": "IOC",
    "side": "SELL",
    "updateTime": 1596107620087,
}
THE_FORCED = Order(
    "BTCUSDT",
    "autoclose-1596107620040000020",
    6071832819,
    Side.SELL,
    OrderStatus.FILLED,
    108_710_900,
    1,
    1,
    False,
    "IOC",
    1596107620087,
)


ROWS: Mapping[str, Row] = {
    "cancel all": Row(
        lambda c: c.trading.cancel_all("BTCUSDT"),
        "DELETE allOpenOrders symbol=BTCUSDT",
        1,
        {"code": "200", "msg": "The operation of cancel all open order is done."},
    ),
    "countdown": Row(
        lambda c: c.trading.countdown_cancel_all("BTCUSDT", 120_000),
        "POST countdownCancelAll symbol=BTCUSDT countdownTime=120000",
        10,
        {"symbol": "BTCUSDT", "countdownTime": "100000"},
    ),
    "open order": Row(
        lambda c: c.trading.open_order("BTCUSDT", "abc"),
        "GET openOrder symbol=BTCUSDT origClientOrderId=abc",
        1,
        ORDER,
        THE_ORDER,
    ),
    "all orders": Row(
        lambda c: c.trading.all_orders("BTCUSDT", from_order_id=5, start_ms=6, end_ms=7, limit=8),
        "GET allOrders symbol=BTCUSDT orderId=5 startTime=6 endTime=7 limit=8",
        5,
        [ORDER],
        [THE_ORDER],
    ),
    "all orders, the newest": Row(
        lambda c: c.trading.all_orders("BTCUSDT"), "GET allOrders symbol=BTCUSDT limit=500", 5, [], []
    ),
    "force orders": Row(
        lambda c: c.trading.force_orders("BTCUSDT", kind=AutoCloseType.LIQUIDATION, start_ms=1, end_ms=2, limit=3),
        "GET forceOrders symbol=BTCUSDT autoCloseType=LIQUIDATION startTime=1 endTime=2 limit=3",
        20,
        [FORCED],
        [THE_FORCED],
    ),
    "force orders of all": Row(lambda c: c.trading.force_orders(), "GET forceOrders limit=50", 50, [], []),
    "noop": Row(lambda c: c.trading.noop(1773321233000000), "POST noop", 1, SUCCESS),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
async def test_a_request(row: Row) -> None:
    assert await sent(row) == Sent(row.request, True, [Cost(row.weight, row.orders)], row.result)


# --- what a row cannot tell


PLACES = [
    Place("BTCUSDT", "abc", Side.BUY, 7000, 40, time_in_force=TimeInForce.GTC),
    Place("ASTERUSDT", "def", Side.SELL, 7100, 50, reduce_only=True),
]


async def test_place_many_answers_for_each_in_order() -> None:
    seen, handler = answering([{"code": -2022, "msg": "ReduceOnly Order is rejected."}, ORDER])
    admission = AlwaysYes()
    first, second = await client(handler, admission).trading.place_many(PLACES)
    assert first == THE_ORDER
    assert isinstance(second, errors.Rejected)
    assert (seen[0].method, seen[0].url.path) == ("POST", "/fapi/v3/batchOrders")
    assert [cost for _, cost in admission.asked] == [Cost(weight=5, orders=2)]
    rows = json.loads(dict(parse_qsl(seen[0].content.decode()))["batchOrders"])
    assert [(row["symbol"], row["price"], row["quantity"], row["newClientOrderId"]) for row in rows] == [
        ("BTCUSDT", "0.7000", "0.40", "abc"),
        ("ASTERUSDT", "0.7100", "0.50", "def"),
    ]
    assert [row.get("reduceOnly") for row in rows] == [None, "true"]


@pytest.mark.parametrize("count", [0, 6])
async def test_a_batch_places_one_to_five(count: int) -> None:
    seen, handler = answering([])
    with pytest.raises(ValueError, match="1 to 5"):
        await client(handler, AlwaysYes()).trading.place_many(PLACES[:1] * count)
    assert seen == []


async def test_a_request_in_doubt_can_be_ruled_out_by_its_nonce() -> None:
    nonces: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        nonces.append(int(dict(parse_qsl(request.content.decode()))["nonce"]))
        if request.url.path.endswith("noop"):
            return httpx.Response(200, json=SUCCESS)
        raise httpx.ReadTimeout("no answer")

    trading = client(handle, AlwaysYes()).trading
    with pytest.raises(errors.OutcomeUnknown) as raised:
        await trading.place(PLACES[0])
    assert raised.value.nonce is not None
    assert raised.value.nonce == nonces[0]
    await trading.noop(raised.value.nonce)
    assert nonces == [nonces[0]] * 2
