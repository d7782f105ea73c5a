"""One row for each request: what it sends, what it costs, and what it makes of the docs' own example of the answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes, answering, instruments, signer

from exchange import errors
from exchange.aster.auth import SignerAuth
from exchange.aster.listen_key import ListenKey
from exchange.aster.market_data import AsterMarketData
from exchange.aster.rest import Rest, http_client
from exchange.aster.trading import AsterTrading
from exchange.aster.values import (
    AdlQuantile,
    AutoCloseType,
    Bracket,
    CommissionRate,
    DayTicker,
    FundingInfo,
    FundingRate,
    Income,
    IndexReference,
    Kline,
    LastPrice,
    MarginChange,
    MarginType,
)
from exchange.clock import Clock
from exchange.model import Order, OrderStatus, Place, PositionSide, Protection, PublicTrade, Side, StpMode, TimeInForce
from exchange.ports import Cost

AUTH_NAMES = {"nonce", "user", "signer", "signature"}
SUCCESS = {"code": 200, "msg": "success"}


@dataclass
class Client:
    trading: AsterTrading
    data: AsterMarketData
    key: ListenKey


def client(handler: Callable[[httpx.Request], httpx.Response], admission: AlwaysYes) -> Client:
    clock = Clock(EPOCH_US)
    rest = Rest(
        http_client(httpx.MockTransport(handler)), "http://venue", clock, admission, SignerAuth(signer(), clock)
    )
    known = instruments("BTCUSDT", "ASTERUSDT")
    return Client(AsterTrading(rest, known), AsterMarketData(rest, clock, known), ListenKey(rest))


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
INCOME = {
    "symbol": "BTCUSDT",
    "incomeType": "COMMISSION",
    "income": "-0.01000000",
    "asset": "USDT",
    "info": "COMMISSION",
    "time": 1570636800000,
    "tranId": "9689322392",
    "tradeId": "2059192",
}
BRACKETS = {
    "symbol": "ETHUSDT",
    "brackets": [
        {
            "bracket": 2,
            "initialLeverage": 50,
            "notionalCap": 50000,
            "notionalFloor": 10000,
            "maintMarginRatio": 0.01,
            "cum": 35.5,
        },
        {
            "bracket": 1,
            "initialLeverage": 75,
            "notionalCap": 10000,
            "notionalFloor": 0,
            "maintMarginRatio": 0.0065,
            "cum": 0,
        },
    ],
}
THE_BRACKETS = {
    "ETHUSDT": (
        Bracket(Decimal(0), Decimal(10000), 75, Decimal("0.0065"), Decimal(0)),
        Bracket(Decimal(10000), Decimal(50000), 50, Decimal("0.01"), Decimal("35.5")),
    )
}
ADL = [
    {"symbol": "ETHUSDT", "adlQuantile": {"LONG": 3, "SHORT": 3, "HEDGE": 0}},
    {"symbol": "BTCUSDT", "adlQuantile": {"LONG": 1, "SHORT": 2, "BOTH": 0}},
]
MMP = {
    "symbol": "BTCUSDT",
    "windowTimeInMilliseconds": 5000,
    "frozenTimeInMilliseconds": 10000,
    "qtyLimit": 10,
    "valueLimit": 200000000,
    "deltaLimit": 100000000,
}
THE_MMP = Protection("BTCUSDT", 5000, 10000, 10, 200000000, 100000000)
KLINE = [
    1591256460000,
    "9653.29201333",
    "9654.56401333",
    "9653.07367333",
    "9653.07367333",
    "0\t",
    1591256519999,
    "0",
    60,
    "0",
    "0",
    "0",
]
THE_KLINE = Kline(
    1591256460000,
    1591256519999,
    Decimal("9653.29201333"),
    Decimal("9654.56401333"),
    Decimal("9653.07367333"),
    Decimal("9653.07367333"),
    Decimal(0),
    Decimal(0),
    60,
    Decimal(0),
    Decimal(0),
)
TRADE = {
    "id": 28457,
    "price": "4.0001",
    "qty": "12.00000000",
    "quoteQty": "8000.00",
    "time": 1499865549590,
    "isBuyerMaker": True,
}
AGG_TRADE = {"a": 26129, "p": "0.0163", "q": "4.70", "f": 27780, "l": 27781, "T": 1498793709153, "m": True}
DAY = {
    "symbol": "BTCUSDT",
    "priceChange": "-94.99999800",
    "priceChangePercent": "-95.960",
    "weightedAvgPrice": "0.29628482",
    "prevClosePrice": "0.10002000",
    "lastPrice": "4.00000200",
    "lastQty": "200.00000000",
    "openPrice": "99.00000000",
    "highPrice": "100.00000000",
    "lowPrice": "0.10000000",
    "volume": "8913.30000000",
    "quoteVolume": "15.30000000",
    "openTime": 1499783499040,
    "closeTime": 1499869899040,
    "firstId": 28385,
    "lastId": 28460,
    "count": 76,
}
THE_DAY = DayTicker(
    "BTCUSDT",
    Decimal("-94.99999800"),
    Decimal("-95.960"),
    Decimal("0.29628482"),
    Decimal("4.00000200"),
    Decimal("200.00000000"),
    Decimal("99.00000000"),
    Decimal("100.00000000"),
    Decimal("0.10000000"),
    Decimal("8913.30000000"),
    Decimal("15.30000000"),
    1499783499040,
    1499869899040,
    76,
)
FUNDING = {
    "symbol": "INJUSDT",
    "interestRate": "0.00010000",
    "time": 1756197479000,
    "fundingIntervalHours": 8,
    "fundingFeeCap": 0.03,
    "fundingFeeFloor": -0.03,
}
REFERENCES = {
    "symbol": "BTCUSDT",
    "time": 1774077572319,
    "references": [{"exchange": "binance", "symbol": "BTCUSDT", "weight": "0.41441441"}],
}
PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "11793.63104562",
    "indexPrice": "11781.80495970",
    "estimatedSettlePrice": "11781.16138815",
    "lastFundingRate": "0.00038246",
    "nextFundingTime": 1597392000000,
    "interestRate": "0.00010000",
    "time": 1597370495002,
}


@dataclass(frozen=True)
class Row:
    call: Callable[[Client], Awaitable[object]]
    request: str
    """Method, path, and parameters in order, without those of authentication."""
    weight: int
    body: object
    result: object = None
    orders: int = 0


SIGNED: Mapping[str, Row] = {
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
    "fills of a time": Row(
        lambda c: c.trading.fills("BTCUSDT", start_ms=6, end_ms=7),
        "GET userTrades symbol=BTCUSDT limit=500 startTime=6 endTime=7",
        5,
        [],
        [],
    ),
    "force orders": Row(
        lambda c: c.trading.force_orders("BTCUSDT", kind=AutoCloseType.LIQUIDATION, start_ms=1, end_ms=2, limit=3),
        "GET forceOrders symbol=BTCUSDT autoCloseType=LIQUIDATION startTime=1 endTime=2 limit=3",
        20,
        [FORCED],
        [THE_FORCED],
    ),
    "force orders of all": Row(lambda c: c.trading.force_orders(), "GET forceOrders limit=50", 50, [], []),
    "income": Row(
        lambda c: c.trading.income(symbol="BTCUSDT", kind="COMMISSION", start_ms=1, end_ms=2),
        "GET income symbol=BTCUSDT incomeType=COMMISSION startTime=1 endTime=2 limit=100",
        30,
        [INCOME],
        [
            Income(
                "BTCUSDT",
                "COMMISSION",
                Decimal("-0.01000000"),
                "USDT",
                "COMMISSION",
                "9689322392",
                "2059192",
                1570636800000,
            )
        ],
    ),
    "commission rate": Row(
        lambda c: c.trading.commission_rate("BTCUSDT"),
        "GET commissionRate symbol=BTCUSDT",
        20,
        {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"},
        CommissionRate("BTCUSDT", Decimal("0.0002"), Decimal("0.0004")),
    ),
    "brackets": Row(
        lambda c: c.trading.leverage_brackets("ETHUSDT"),
        "GET leverageBracket symbol=ETHUSDT",
        1,
        BRACKETS,
        THE_BRACKETS,
    ),
    "brackets of all": Row(lambda c: c.trading.leverage_brackets(), "GET leverageBracket", 1, [BRACKETS], THE_BRACKETS),
    "adl": Row(
        lambda c: c.trading.adl_quantiles(),
        "GET adlQuantile",
        5,
        ADL,
        [AdlQuantile("ETHUSDT", 3, 3, None), AdlQuantile("BTCUSDT", 1, 2, 0)],
    ),
    "margin changes": Row(
        lambda c: c.trading.margin_changes("BTCUSDT", start_ms=1),
        "GET positionMargin/history symbol=BTCUSDT startTime=1 limit=500",
        1,
        [
            {"amount": "23.5", "asset": "USDT", "symbol": "BTCUSDT", "time": 1, "type": 1, "positionSide": "BOTH"},
            {"amount": "100", "asset": "USDT", "symbol": "BTCUSDT", "time": 2, "type": 2, "positionSide": "LONG"},
        ],
        [
            MarginChange("BTCUSDT", PositionSide.BOTH, Decimal("23.5"), "USDT", 1),
            MarginChange("BTCUSDT", PositionSide.LONG, Decimal(-100), "USDT", 2),
        ],
    ),
    "margin type": Row(
        lambda c: c.trading.set_margin_type("BTCUSDT", MarginType.ISOLATED),
        "POST marginType symbol=BTCUSDT marginType=ISOLATED",
        1,
        SUCCESS,
    ),
    "more margin": Row(
        lambda c: c.trading.change_position_margin("BTCUSDT", Decimal("100.0")),
        "POST positionMargin symbol=BTCUSDT positionSide=BOTH amount=100.0 type=1",
        1,
        {"amount": 100.0, "code": 200, "msg": "Successfully modify position margin.", "type": 1},
    ),
    "less margin": Row(
        lambda c: c.trading.change_position_margin("BTCUSDT", Decimal("-1E+2"), PositionSide.LONG),
        "POST positionMargin symbol=BTCUSDT positionSide=LONG amount=100 type=2",
        1,
        {"amount": 100.0, "code": 200, "msg": "Successfully modify position margin.", "type": 2},
    ),
    "hedge mode": Row(
        lambda c: c.trading.set_hedge_mode(True), "POST positionSide/dual dualSidePosition=true", 1, SUCCESS
    ),
    "multi-assets mode": Row(
        lambda c: c.trading.set_multi_assets_mode(False),
        "POST multiAssetsMargin multiAssetsMargin=false",
        1,
        SUCCESS,
    ),
    "stp mode": Row(
        lambda c: c.trading.set_stp_mode(StpMode.EXPIRE_BOTH), "POST stpMode stpMode=EXPIRE_BOTH", 1, SUCCESS
    ),
    "what stp mode": Row(
        lambda c: c.trading.stp_mode(), "GET stpMode", 30, {"stpMode": "EXPIRE_TAKER"}, StpMode.EXPIRE_TAKER
    ),
    "protect": Row(
        lambda c: c.trading.set_protection(Protection("BTCUSDT", 5000, 10000, quantity_limit=10)),
        "POST mmp symbol=BTCUSDT windowTimeInMilliseconds=5000 frozenTimeInMilliseconds=10000 qtyLimit=10",
        1,
        True,
    ),
    "what protection": Row(lambda c: c.trading.protections("BTCUSDT"), "GET mmp symbol=BTCUSDT", 1, [MMP], [THE_MMP]),
    "protect no more": Row(lambda c: c.trading.delete_protection("BTCUSDT"), "DELETE mmp symbol=BTCUSDT", 1, True),
    "thaw": Row(lambda c: c.trading.reset_protection("BTCUSDT"), "POST mmpReset symbol=BTCUSDT", 1, True),
    "noop": Row(lambda c: c.trading.noop(1773321233000000), "POST noop", 1, SUCCESS),
    "listen": Row(lambda c: c.key.start(), "POST listenKey", 1, {"listenKey": "pqia91ma19a5"}, "pqia91ma19a5"),
    "listen on": Row(lambda c: c.key.keep(), "PUT listenKey", 1, {}),
    "listen no more": Row(lambda c: c.key.close(), "DELETE listenKey", 1, {}),
}

PUBLIC: Mapping[str, Row] = {
    "ping": Row(lambda c: c.data.ping(), "GET ping", 1, {}),
    "klines": Row(
        lambda c: c.data.klines("BTCUSDT", "1m", start_ms=1, end_ms=2, limit=1500),
        "GET klines symbol=BTCUSDT interval=1m startTime=1 endTime=2 limit=1500",
        10,
        [KLINE],
        [THE_KLINE],
    ),
    "klines of mark": Row(
        lambda c: c.data.mark_price_klines("BTCUSDT", "1M", limit=99),
        "GET markPriceKlines symbol=BTCUSDT interval=1M limit=99",
        1,
        [KLINE],
        [THE_KLINE],
    ),
    "klines of index": Row(
        lambda c: c.data.index_price_klines("BTCUSDT", "1h"),
        "GET indexPriceKlines pair=BTCUSDT interval=1h limit=500",
        5,
        [KLINE],
        [THE_KLINE],
    ),
    "mark of one": Row(
        lambda c: _marks(c.data, "BTCUSDT"),
        "GET premiumIndex symbol=BTCUSDT",
        1,
        PREMIUM,
        [("BTCUSDT", Decimal("11793.63104562"), Decimal("0.00038246"))],
    ),
    "marks": Row(
        lambda c: _marks(c.data, None),
        "GET premiumIndex",
        1,
        [PREMIUM],
        [("BTCUSDT", Decimal("11793.63104562"), Decimal("0.00038246"))],
    ),
    "day": Row(lambda c: c.data.day_tickers("BTCUSDT"), "GET ticker/24hr symbol=BTCUSDT", 1, DAY, [THE_DAY]),
    "days": Row(lambda c: c.data.day_tickers(), "GET ticker/24hr", 40, [DAY], [THE_DAY]),
    "price": Row(
        lambda c: c.data.last_prices("BTCUSDT"),
        "GET ticker/price symbol=BTCUSDT",
        1,
        {"symbol": "BTCUSDT", "price": "6000.01", "time": 1589437530011},
        [LastPrice("BTCUSDT", Decimal("6000.01"), 1589437530011)],
    ),
    "prices": Row(lambda c: c.data.last_prices(), "GET ticker/price", 2, [], []),
    "funding rates": Row(
        lambda c: c.data.funding_rates("BTCUSDT", start_ms=1, end_ms=2, limit=3),
        "GET fundingRate symbol=BTCUSDT startTime=1 endTime=2 limit=3",
        1,
        [{"symbol": "BTCUSDT", "fundingRate": "-0.03750000", "fundingTime": 1570608000000}],
        [FundingRate("BTCUSDT", Decimal("-0.03750000"), 1570608000000)],
    ),
    "funding infos": Row(
        lambda c: c.data.funding_infos(),
        "GET fundingInfo",
        1,
        [FUNDING],
        [FundingInfo("INJUSDT", 8, Decimal("0.00010000"), Decimal("0.03"), Decimal("-0.03"))],
    ),
    "index references": Row(
        lambda c: c.data.index_references("BTCUSDT"),
        "GET indexreferences symbol=BTCUSDT",
        1,
        REFERENCES,
        [IndexReference("binance", "BTCUSDT", Decimal("0.41441441"))],
    ),
    "old trades": Row(
        lambda c: _timeless(c.data.historical_trades("BTCUSDT", from_id=28457, limit=1)),
        "GET historicalTrades symbol=BTCUSDT limit=1 fromId=28457",
        20,
        [TRADE],
        [(28457, 0, Side.SELL, 40001, 1200)],
    ),
    "aggregates": Row(
        lambda c: _timeless(c.data.agg_trades("BTCUSDT", from_id=26129)),
        "GET aggTrades symbol=BTCUSDT limit=500 fromId=26129",
        20,
        [AGG_TRADE],
        [(27781, 27780, Side.SELL, 163, 470)],
    ),
}


async def _marks(data: AsterMarketData, symbol: str | None) -> object:
    return [(each.symbol, each.mark, each.funding_rate) for each in await data.mark_prices(symbol)]


async def _timeless(asked: Awaitable[list[PublicTrade]]) -> object:
    return [(each.trade_id, each.first_id, each.side, each.price_ticks, each.lots) for each in await asked]


ALL = {**{name: (row, True) for name, row in SIGNED.items()}, **{name: (row, False) for name, row in PUBLIC.items()}}


@pytest.mark.parametrize(("row", "is_signed"), ALL.values(), ids=list(ALL))
async def test_a_request(row: Row, is_signed: bool) -> None:
    seen, handler = answering(row.body)
    admission = AlwaysYes()
    result = await row.call(client(handler, admission))
    if row.result is not None:
        assert result == row.result
    (request,) = seen
    pairs = parse_qsl((request.content or request.url.query).decode())
    path = request.url.path.removeprefix("/fapi/v3/")
    sent = [f"{name}={value}" for name, value in pairs if name not in AUTH_NAMES]
    assert " ".join([request.method, path, *sent]) == row.request
    assert ({name for name, _ in pairs} >= AUTH_NAMES) == is_signed
    assert [cost for _, cost in admission.asked] == [Cost(row.weight, row.orders)]


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


async def test_every_page_of_fills() -> None:
    row = {"symbol": "BTCUSDT", "orderId": 1, "side": "BUY", "price": "1", "qty": "1", "realizedPnl": "0"}
    rest = {"commission": "0", "commissionAsset": "USDT", "time": 1, "maker": True}
    asked: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        first = int(dict(parse_qsl(request.url.query.decode()))["fromId"])
        asked.append(first)
        return httpx.Response(200, json=[{**row, **rest, "id": each} for each in range(first, min(first + 1000, 2500))])

    fills = await client(handle, AlwaysYes()).trading.all_fills("BTCUSDT", 10)
    assert [fill.trade_id for fill in fills] == list(range(10, 2500))
    assert asked == [10, 1010, 2010]


@pytest.mark.parametrize(
    ("code", "is_error"), [(-4046, False), (-4059, False), (-4171, False), (-4047, True), (-4068, True)]
)
async def test_what_is_so_already_is_no_error(code: int, is_error: bool) -> None:
    _, handler = answering({"code": code, "msg": "?"}, 400)
    trading = client(handler, AlwaysYes()).trading
    for change in (trading.set_margin_type("BTCUSDT", MarginType.CROSSED), trading.set_hedge_mode(False)):
        if is_error:
            with pytest.raises(errors.NotPermitted):
                await change
        else:
            await change


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
