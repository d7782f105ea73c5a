"""The docs' example frames, as literals (docs: Websocket Market Streams, User Data Streams).

Owns: those examples, by their stream or event.
"""

from __future__ import annotations

from typing import Any

from conformance.shapes import Maybe

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
KLINE = {
    "e": "kline",
    "E": 123456789,
    "s": "BTCUSDT",
    "k": {
        "t": 123400000,
        "T": 123460000,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 100,
        "L": 200,
        "o": "0.0010",
        "c": "0.0020",
        "h": "0.0025",
        "l": "0.0015",
        "v": "1000",
        "n": 100,
        "x": False,
        "q": "1.0000",
        "V": "500",
        "Q": "0.500",
        "B": "123456",
    },
}
MINI_TICKER = {
    "e": "24hrMiniTicker",
    "E": 123456789,
    "s": "BTCUSDT",
    "c": "0.0025",
    "o": "0.0010",
    "h": "0.0025",
    "l": "0.0010",
    "v": "10000",
    "q": "18",
}
TICKER = {
    "e": "24hrTicker",
    "E": 123456789,
    "s": "BTCUSDT",
    "p": "0.0015",
    "P": "250.00",
    "w": "0.0018",
    "c": "0.0025",
    "Q": "10",
    "o": "0.0010",
    "h": "0.0025",
    "l": "0.0010",
    "v": "10000",
    "q": "18",
    "O": 0,
    "C": 86400000,
    "F": 0,
    "L": 18150,
    "n": 18151,
}
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
FORCE_ORDER = {
    "e": "forceOrder",
    "E": 1568014460893,
    "o": {
        "s": "BTCUSDT",
        "S": "SELL",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.014",
        "p": "9910",
        "ap": "9910",
        "X": "FILLED",
        "l": "0.014",
        "z": "0.014",
        "T": 1568014460893,
    },
}
DEPTH = {
    "e": "depthUpdate",
    "E": 123456789,
    "T": 123456788,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "pu": 149,
    "b": [("0.0024", "10")],
    "a": [("0.0026", "100")],
}

LISTEN_KEY_EXPIRED = {"e": "listenKeyExpired", "E": 1576653824250, "listenKey": Maybe("abc")}
MARGIN_CALL = {
    "e": "MARGIN_CALL",
    "E": 1587727187525,
    "cw": Maybe("3.16812045"),
    "p": [
        {
            "s": "ETHUSDT",
            "ps": "LONG",
            "pa": "1.327",
            "mt": "CROSSED",
            "iw": "0",
            "mp": "187.17127",
            "up": "-1.166074",
            "mm": "1.614445",
        }
    ],
}
ACCOUNT_UPDATE: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE",
    "E": 1564745798939,
    "T": 1564745798938,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
        "P": [
            {
                "s": "BTCUSDT",
                "pa": "0",
                "ep": "0.00000",
                "cr": "200",
                "up": "0",
                "mt": "isolated",
                "iw": "0.00000000",
                "ps": "BOTH",
            }
        ],
    },
}
BALANCES_ONLY = ACCOUNT_UPDATE | {"a": ACCOUNT_UPDATE["a"] | {"P": []}}
POSITIONS_ONLY = ACCOUNT_UPDATE | {"a": ACCOUNT_UPDATE["a"] | {"B": []}}
ORDER_TRADE_UPDATE = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1568879465651,
    "T": 1568879465650,
    "o": {
        "s": "BTCUSDT",
        "c": "TEST",
        "S": "SELL",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.001",
        "p": "0",
        "ap": "0",
        "sp": "7103.04",
        "x": "NEW",
        "X": "NEW",
        "i": 8886774,
        "l": "0",
        "z": "0",
        "L": "0",
        "N": Maybe("USDT"),
        "n": Maybe("0"),
        "T": 1568879465651,
        "t": 0,
        "b": "0",
        "a": "9.91",
        "m": False,
        "R": False,
        "wt": "CONTRACT_PRICE",
        "ot": "LIMIT",
        "ps": "LONG",
        "cp": Maybe(False),
        "AP": Maybe("7476.89"),
        "cr": Maybe("5.0"),
        "rp": "0",
    },
}
LEVERAGE_UPDATE = {
    "e": "ACCOUNT_CONFIG_UPDATE",
    "E": 1611646737479,
    "T": 1611646737476,
    "ac": {"s": "BTCUSDT", "l": 25},
}
MODE_UPDATE = {
    "e": "ACCOUNT_CONFIG_UPDATE",
    "E": 1611646737479,
    "T": 1611646737476,
    "ai": {"j": True, "f": Maybe(True), "d": Maybe(True)},
}
