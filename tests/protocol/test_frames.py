"""Stream frames decode in one pass, and encode to the letters of the docs."""

from __future__ import annotations

import json

import msgspec
import pytest

from exchange.protocol import frames, streams

BOOK_TICKER = {
    "e": "bookTicker",
    "u": 400900217,
    "E": 1568014460893,
    "T": 1568014460891,
    "s": "BNBUSDT",
    "b": "25.35190000",
    "B": "31.21000000",
    "a": "25.36520000",
    "A": "40.66000000",
}
MARK_PRICE = {
    "e": "markPriceUpdate",
    "E": 1562305380000,
    "s": "BTCUSDT",
    "p": "11794.15000000",
    "i": "11784.62659091",
    "P": "11784.25641265",
    "r": "0.00038167",
    "T": 1562306400000,
}
DEPTH = {
    "e": "depthUpdate",
    "E": 123456789,
    "T": 123456788,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "pu": 149,
    "b": [["0.0024", "10"]],
    "a": [["0.0026", "100"]],
}
TRADE: dict[str, object] = {
    "e": "trade",
    "E": 9,
    "T": 8,
    "s": "BTCUSDT",
    "t": 5933014,
    "p": "0.001",
    "q": "100",
    "X": "MARKET",
    "m": True,
}
AGG_TRADE = {
    "e": "aggTrade",
    "E": 123456789,
    "s": "BTCUSDT",
    "a": 5933014,
    "p": "0.001",
    "q": "100",
    "f": 100,
    "l": 105,
    "T": 123456785,
    "m": True,
}
ORDER_EVENT: dict[str, str | int | bool] = {
    "s": "BTCUSDT",
    "c": "TEST",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTX",
    "q": "0.001",
    "p": "7103.04",
    "ap": "7103.04",
    "sp": "0",
    "x": "TRADE",
    "X": "FILLED",
    "i": 8886774,
    "l": "0.001",
    "z": "0.001",
    "L": "7103.04",
    "N": "USDT",
    "n": "0.00071",
    "T": 1568879465651,
    "t": 77,
    "b": "0",
    "a": "9.91",
    "m": True,
    "R": False,
    "wt": "CONTRACT_PRICE",
    "ot": "LIMIT",
    "ps": "BOTH",
    "cp": False,
    "rp": "0",
}
ORDER_UPDATE = {"e": "ORDER_TRADE_UPDATE", "E": 1568879465651, "T": 1568879465650, "o": ORDER_EVENT}
ACCOUNT_UPDATE = {
    "e": "ACCOUNT_UPDATE",
    "E": 1564745798939,
    "T": 1564745798938,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
        "P": [
            {
                "s": "BTCUSDT",
                "pa": "-10",
                "ep": "6563.86000",
                "cr": "-45.04000000",
                "up": "-1423.15600",
                "mt": "isolated",
                "iw": "6570.42511771",
                "ps": "BOTH",
            }
        ],
    },
}


@pytest.mark.parametrize(
    "data",
    [BOOK_TICKER, MARK_PRICE, DEPTH, TRADE, AGG_TRADE, [MARK_PRICE, MARK_PRICE]],
    ids=["book ticker", "mark price", "depth", "trade", "aggregate trade", "all mark prices"],
)
def test_market_data_in_an_envelope(data: dict[str, object] | list[dict[str, object]]) -> None:
    envelope = frames.decode_envelope(json.dumps({"stream": "a@b", "data": data}))
    assert envelope.stream == "a@b"
    assert envelope.data is not None
    assert json.loads(frames.combined("a@b", envelope.data)) == {"stream": "a@b", "data": data}
    assert frames.decode_market(json.dumps(data)) == envelope.data


@pytest.mark.parametrize(
    "frame",
    [ORDER_UPDATE, ACCOUNT_UPDATE, {"e": "listenKeyExpired", "E": 1576653824250}],
    ids=["order", "account", "expired"],
)
def test_user_data(frame: dict[str, object]) -> None:
    assert json.loads(frames.encode(frames.decode_user(json.dumps(frame)))) == frame


def test_an_order_update_without_a_fill_has_no_fee() -> None:
    wire = {**ORDER_EVENT, "x": "NEW", "X": "NEW"}
    del wire["N"], wire["n"]
    event = msgspec.convert(wire, frames.OrderEvent)
    assert event.fee is msgspec.UNSET
    assert "n" not in json.loads(frames.encode(event))


@pytest.mark.parametrize(
    ("text", "answer", "error"),
    [
        ('{"result":null,"id":1}', 1, None),
        ('{"id":2,"error":{"code":2,"msg":"Invalid request"}}', 2, 2),
        ('{"code":3,"msg":"Invalid JSON"}', None, 3),
    ],
)
def test_answers_on_a_combined_line(text: str, answer: int | None, error: int | None) -> None:
    envelope = frames.decode_envelope(text)
    assert envelope.data is None
    assert envelope.id == answer
    assert (envelope.error.code if envelope.error else envelope.code) == error


def test_a_frame_of_an_unknown_kind_is_told_from_a_malformed_one() -> None:
    with pytest.raises(msgspec.ValidationError):
        frames.decode_user('{"e":"TRADE_PRO"}')
    assert frames.decode_kind('{"e":"TRADE_PRO","x":[1]}').e == "TRADE_PRO"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (streams.book_ticker("ASTERUSDT"), "asterusdt@bookTicker"),
        (streams.mark_price("ASTERUSDT"), "asterusdt@markPrice@1s"),
        (streams.partial_depth("ASTERUSDT"), "asterusdt@depth10@100ms"),
        (streams.partial_depth("ASTERUSDT", 5, 250), "asterusdt@depth5"),
        (streams.diff_depth("ASTERUSDT"), "asterusdt@depth@100ms"),
        (streams.trade("币安人生USDT"), "币安人生usdt@trade"),
        (streams.agg_trade("ASTERUSDT"), "asterusdt@aggTrade"),
        (streams.combined_path(["a@trade", "b@trade"]), "/stream?streams=a@trade/b@trade"),
        (streams.combined_path(), "/stream"),
        (streams.raw_path("key"), "/ws/key"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert name == expected
