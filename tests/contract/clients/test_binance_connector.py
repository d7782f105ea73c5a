"""Binance's own connector for USDT futures, V1 signed: `base_url` is changed, and nothing else.

Skipped where it is not installed.
"""

from __future__ import annotations

import importlib
import json
import threading
from typing import Any

import pytest

SYMBOL = "ASTERUSDT"
_PATIENCE_S = 15


def _orders(price: float) -> dict[str, Any]:
    return {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 20, "price": price}


def _below(bid: str, percent: int) -> float:
    return round(float(bid) * (100 - percent) / 100, 4)


def test_the_futures_connector_lives_an_orders_life(card: dict[str, Any]) -> None:
    um: Any = pytest.importorskip("binance.um_futures", reason="binance-futures-connector is not installed")
    errors: Any = importlib.import_module("binance.error")
    env = card["env"]
    client = um.UMFutures(key=env["APIV1_PUBLIC_KEY"], secret=env["APIV1_PRIVATE_KEY"], base_url=card["rest"])
    assert client.time()["serverTime"] > 0
    assert {each["symbol"] for each in client.exchange_info()["symbols"]} >= {SYMBOL}
    bid = client.depth(SYMBOL, limit=5)["bids"][0][0]
    assert float(client.mark_price(SYMBOL)["markPrice"]) > 0
    assert client.klines(SYMBOL, "1m", limit=2) is not None
    assert client.ticker_24hr_price_change(SYMBOL)["symbol"] == SYMBOL
    assert client.book_ticker(SYMBOL)["bidPrice"]
    assert client.change_leverage(symbol=SYMBOL, leverage=3)["leverage"] == 3
    assert any(each["asset"] == "USDT" for each in client.balance())
    assert client.account()["canTrade"] is True

    heard: list[Any] = []
    is_told = threading.Event()

    def on_message(_: Any, message: str) -> None:
        heard.append(json.loads(message))
        if heard[-1].get("e") == "ORDER_TRADE_UPDATE" and heard[-1]["o"]["X"] == "CANCELED":
            is_told.set()

    streams: Any = importlib.import_module("binance.websocket.um_futures.websocket_client")
    key = client.new_listen_key()["listenKey"]
    line = streams.UMFuturesWebsocketClient(stream_url=card["stream"], on_message=on_message)
    line.user_data(listen_key=key)

    placed = client.new_order(**_orders(_below(bid, 2)), newClientOrderId="connector-1")
    assert (placed["status"], placed["clientOrderId"]) == ("NEW", "connector-1")
    amended = client.modify_order(
        symbol=SYMBOL, side="BUY", orderId=placed["orderId"], quantity=21, price=_below(bid, 2)
    )
    assert float(amended["origQty"]) == 21
    assert client.query_order(symbol=SYMBOL, orderId=placed["orderId"])["status"] == "NEW"
    assert len(client.get_orders(symbol=SYMBOL)) == 1
    assert client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])["status"] == "CANCELED"
    rows = [{name: str(value) for name, value in _orders(_below(bid, percent)).items()} for percent in (1, 2)]
    batch = client.new_batch_order(rows)
    assert [each["status"] for each in batch] == ["NEW", "NEW"]
    ids = [each["orderId"] for each in batch]
    assert [each["status"] for each in client.cancel_batch_order(SYMBOL, ids, [])] == ["CANCELED"] * 2
    assert client.cancel_open_orders(symbol=SYMBOL)["code"] in (200, "200")
    assert client.new_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity=20)["orderId"] > 0
    assert float(client.get_position_risk(symbol=SYMBOL)[0]["positionAmt"]) == 20
    assert len(client.get_account_trades(symbol=SYMBOL)) >= 1
    assert client.get_income_history() is not None
    assert client.commission_rate(symbol=SYMBOL)["symbol"] == SYMBOL
    with pytest.raises(errors.ClientError) as refused:
        client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
    assert refused.value.error_code == -2011

    assert is_told.wait(_PATIENCE_S), heard
    assert client.renew_listen_key(key) == {}
    line.stop()
    line.socket_manager.join(_PATIENCE_S)
    # It closes neither by itself, and a socket left open is an error here.
    line.socket_manager.ws.shutdown()
    client.session.close()
