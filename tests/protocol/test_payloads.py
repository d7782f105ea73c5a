"""REST bodies decode as the docs print them, and encode to the same."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from exchange.errors import UnknownOrder
from exchange.protocol import payloads

EXCHANGE_INFO = Path(__file__).parents[2].parent / "shared" / "aster" / "exchange_info.json"

ORDER = {
    "orderId": 405,
    "symbol": "GOOGLUSDT",
    "status": "NEW",
    "clientOrderId": "uOLCC3",
    "price": "295.50",
    "avgPrice": "0.00000",
    "origQty": "0.150",
    "executedQty": "0",
    "cumQty": "0",
    "cumQuote": "0",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
    "origType": "LIMIT",
    "updateTime": 1776311274450,
}


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (payloads.OrderBody, ORDER),
        (payloads.ErrorBody, {"code": -1121, "msg": "Invalid symbol."}),
        (payloads.ErrorBody, {"code": "200", "msg": "The operation of cancel all open order is done."}),
        (payloads.ServerTime, {"serverTime": 1499827319559}),
        (
            payloads.DepthBody,
            {"lastUpdateId": 1027024, "E": 12, "T": 11, "bids": [["4.0", "431.0"]], "asks": [["4.000002", "12.0"]]},
        ),
        (
            payloads.PositionRiskRow,
            {
                "entryPrice": "0.00000",
                "marginType": "isolated",
                "isAutoAddMargin": "false",
                "isolatedMargin": "0.00000000",
                "leverage": "10",
                "liquidationPrice": "0",
                "markPrice": "6679.50671178",
                "maxNotionalValue": "20000000",
                "positionAmt": "0.000",
                "symbol": "BTCUSDT",
                "unRealizedProfit": "0.00000000",
                "positionSide": "BOTH",
                "updateTime": 0,
            },
        ),
        (
            payloads.BalanceRow,
            {
                "accountAlias": "SgsR",
                "asset": "USDT",
                "balance": "122607.35137903",
                "crossWalletBalance": "23.72469206",
                "crossUnPnl": "0.00000000",
                "availableBalance": "23.72469206",
                "maxWithdrawAmount": "23.72469206",
                "marginAvailable": True,
                "updateTime": 1617939110373,
            },
        ),
        (
            payloads.UserTradeRow,
            {
                "buyer": False,
                "commission": "-0.07819010",
                "commissionAsset": "USDT",
                "id": 698759,
                "maker": False,
                "orderId": 25851813,
                "price": "7819.01",
                "qty": "0.002",
                "quoteQty": "15.63802",
                "realizedPnl": "-0.91539999",
                "side": "SELL",
                "positionSide": "SHORT",
                "symbol": "BTCUSDT",
                "time": 1569514978020,
            },
        ),
        (payloads.PositionModeBody, {"dualSidePosition": True}),
        (payloads.MultiAssetsBody, {"multiAssetsMargin": False}),
        (payloads.LeverageBody, {"leverage": 21, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"}),
        (payloads.ListenKeyBody, {"listenKey": "pqia91"}),
    ],
)
def test_a_body_survives_the_way_there_and_back(kind: type[msgspec.Struct], wire: dict[str, object]) -> None:
    assert json.loads(payloads.encode(msgspec.json.decode(json.dumps(wire), type=kind))) == wire


def test_a_batch_has_an_answer_for_each_order() -> None:
    body = json.dumps([ORDER, {"code": -2011, "msg": "Unknown order sent."}]).encode()
    order, error = payloads.decode_batch(body)
    assert isinstance(order, payloads.OrderBody)
    assert order.client_order_id == "uOLCC3"
    assert isinstance(error, UnknownOrder)


@pytest.mark.skipif(not EXCHANGE_INFO.exists(), reason="no shared exchangeInfo here")
def test_the_real_exchange_info_decodes() -> None:
    info = msgspec.json.decode(EXCHANGE_INFO.read_bytes(), type=payloads.ExchangeInfoBody)
    assert len(info.symbols) == 290
    assert [limit.limit for limit in info.rate_limits] == [2400, 1200, 300]
