"""An account and its settings, row by row: what is sent, what it costs, what is made of the docs' own example."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import parse_qsl

import httpx
import pytest
from aster_fakes import AlwaysYes, answering
from request_rows import SUCCESS, Row, Sent, client, sent

from exchange import errors
from exchange.aster.values import AdlQuantile, Bracket, CommissionRate, Income, MarginChange, MarginType
from exchange.model import PositionSide, Protection, StpMode
from exchange.ports import Cost

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


ROWS: Mapping[str, Row] = {
    "fills of a time": Row(
        lambda c: c.trading.fills("BTCUSDT", start_ms=6, end_ms=7),
        "GET userTrades symbol=BTCUSDT limit=500 startTime=6 endTime=7",
        5,
        [],
        [],
    ),
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
    "listen": Row(lambda c: c.key.start(), "POST listenKey", 1, {"listenKey": "pqia91ma19a5"}, "pqia91ma19a5"),
    "listen on": Row(lambda c: c.key.keep(), "PUT listenKey", 1, {}),
    "listen no more": Row(lambda c: c.key.close(), "DELETE listenKey", 1, {}),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
async def test_a_request(row: Row) -> None:
    assert await sent(row) == Sent(row.request, True, [Cost(row.weight, row.orders)], row.result)


# --- what a row cannot tell


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
