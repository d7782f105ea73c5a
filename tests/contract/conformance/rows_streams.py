"""Rows of market streams (docs: Websocket Market Streams).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from conformance import docs_streams as docs
from conformance.row import Above, Closed, Dial, Mark, Ping, Row, Silence, Step, Wait
from conformance.writing import (
    LIQUIDATED,
    LOWER,
    OF_SYMBOL,
    PAPER,
    PUBLIC,
    SYMBOL,
    TRADED,
    ask,
    hear,
    on_paper,
    order,
    place,
    public,
    quoted,
    row,
)

_AGG = "Aggregate Trade Streams"
_KLINE = "Kline/Candlestick Streams"
_DIFF = "Diff. Book Depth Streams"
_PARTIAL = "Partial Book Depth Streams"
_TICKER = "Individual Symbol Book Ticker Streams"
_MARK = "Mark Price Stream"
_STREAMS = "Websocket Market Streams"
_FORCED = "Liquidation Order Streams"

_INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
_BID = quoted("BUY", "-0.1%")
_BETTER = quoted("BUY", "-0.05%", "7")

_BOTH = ask(
    "POST",
    "batchOrders",
    {
        "batchOrders": '[{"symbol":"ASTERUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"10",'
        '"price":"<mark-0.1%>"},{"symbol":"ASTERUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC",'
        '"quantity":"7","price":"<mark+0.1%>"}]'
    },
    by="somebody",
)
"""In one request, so that one frame tells of both sides."""


def _raw(stream: str) -> Dial:
    return Dial(f"/ws/{stream}")


def _all(stream: str) -> Dial:
    return Dial(f"/stream?streams={stream}")


_SHAPES = (
    row(
        _MARK,
        "every three seconds",
        PUBLIC,
        _raw(f"{LOWER}@markPrice"),
        hear(shape=docs.MARK_PRICE, where={"s": SYMBOL}),
        is_long=True,
    ),
    row(
        _MARK,
        "every second",
        PUBLIC,
        _raw(f"{LOWER}@markPrice@1s"),
        hear(shape=docs.MARK_PRICE, keep="a"),
        hear(where={"E": Above(0)}, keep="b"),
    ),
    row(
        "Mark Price Stream for All market",
        "every three seconds",
        PUBLIC,
        _raw("!markPrice@arr"),
        hear(shape=[docs.MARK_PRICE], where={"*.p": Above(0)}),
        is_long=True,
    ),
    row(
        "Mark Price Stream for All market",
        "every second",
        PUBLIC,
        _raw("!markPrice@arr@1s"),
        hear(shape=[docs.MARK_PRICE], where={"*.p": Above(0)}),
    ),
    row(
        _TICKER,
        "on a change",
        PUBLIC,
        _raw(f"{LOWER}@bookTicker"),
        on_paper(_BID),
        hear(shape=docs.BOOK_TICKER, where={"s": SYMBOL}),
    ),
    row(
        "All Book Tickers Stream",
        "on a change",
        PUBLIC,
        _raw("!bookTicker"),
        on_paper(_BID),
        hear(shape=docs.BOOK_TICKER, where={"b": Above(0), "B": Above(0)}),
    ),
    *(
        row(
            _PARTIAL,
            f"{levels} levels at {speed or '@250ms'}",
            PUBLIC,
            _raw(f"{LOWER}@depth{levels}{speed}"),
            on_paper(_BOTH),
            # The first frame may be that of the book as it was.
            hear({"b.#": Above(0), "a.#": Above(0)}, shape=docs.DEPTH, where={"s": SYMBOL}),
        )
        for levels in (5, 10, 20)
        for speed in ("", "@100ms", "@500ms")
    ),
    *(
        row(
            _DIFF,
            f"at {speed or '@250ms'}",
            PUBLIC,
            _raw(f"{LOWER}@depth{speed}"),
            on_paper(_BOTH),
            hear({"b.#": Above(0), "a.#": Above(0)}, shape=docs.DEPTH, where={"s": SYMBOL}),
        )
        for speed in ("", "@100ms", "@500ms")
    ),
)


def _traded(stream: str, *heard: Step) -> tuple[Step, ...]:
    return (_raw(stream), *TRADED, *heard)


_TRADES = (
    row(
        _AGG,
        "fills of one order at one price",
        PAPER,
        quoted("SELL", "+0.05%", "6"),
        quoted("SELL", "+0.05%", "6"),
        _raw(f"{LOWER}@aggTrade"),
        place(order("BUY", "MARKET")),
        hear(shape=docs.AGG_TRADE, where={"s": SYMBOL, "p": "<mark+0.05%>", "q": "10", "m": False}),
        Silence(seconds=0.3),
    ),
    row(
        _STREAMS,
        "trades one by one, which live clients listen to",
        PAPER,
        *_traded(
            f"{LOWER}@trade",
            hear(where={"e": "trade", "p": "<mark+0.05%>", "q": "4", "m": False}),
            hear(where={"p": "<mark-0.05%>", "m": True}),
        ),
    ),
    *(
        row(
            _KLINE,
            interval,
            PAPER,
            *_traded(
                f"{LOWER}@kline_{interval}",
                hear(
                    match={"k.n": 2},
                    shape=docs.KLINE,
                    where={
                        "k.i": interval,
                        "k.o": "<mark+0.05%>",
                        "k.c": "<mark-0.05%>",
                        "k.v": "7",
                        "k.V": "4",
                        "k.x": False,
                    },
                ),
            ),
        )
        for interval in _INTERVALS
    ),
    row(
        "Individual Symbol Mini Ticker Stream",
        "the day's figures",
        PAPER,
        *_traded(
            f"{LOWER}@miniTicker",
            hear(match={"v": "7"}, shape=docs.MINI_TICKER, where={"c": "<mark-0.05%>", "o": "<mark+0.05%>"}),
        ),
    ),
    row(
        "All Market Mini Tickers Stream",
        "of what has changed",
        PAPER,
        *_traded("!miniTicker@arr", hear(match={"0.v": "7"}, shape=[docs.MINI_TICKER])),
    ),
    row(
        "Individual Symbol Ticker Streams",
        "the day's figures",
        PAPER,
        *_traded(f"{LOWER}@ticker", hear(match={"v": "7"}, shape=docs.TICKER, where={"n": 2, "Q": "3"})),
    ),
    row(
        "All Market Tickers Streams",
        "of what has changed",
        PAPER,
        *_traded("!ticker@arr", hear(match={"0.v": "7"}, shape=[docs.TICKER])),
    ),
    row(
        _FORCED,
        "a liquidation",
        PAPER,
        _raw(f"{LOWER}@forceOrder"),
        *LIQUIDATED,
        hear(
            shape=docs.FORCE_ORDER,
            where={"o.s": SYMBOL, "o.S": "SELL", "o.X": "FILLED", "o.q": "15000", "o.z": "15000", "o.ap": "<mark-4%>"},
        ),
    ),
    row(
        "All Market Liquidation Order Streams",
        "a liquidation",
        PAPER,
        _raw("!forceOrder@arr"),
        *LIQUIDATED,
        hear(shape=docs.FORCE_ORDER, where={"o.s": SYMBOL, "o.z": "15000"}),
    ),
)

_BOOKS = (
    row(
        _DIFF,
        "each event follows the one before",
        PAPER,
        _BID,
        _raw(f"{LOWER}@depth@100ms"),
        Wait(0.15),
        _BETTER,
        hear(match={"b.0.0": "<mark-0.05%>"}, where={"b.0.1": "7"}, keep="one"),
        quoted("BUY", "-0.05%", "5"),
        hear(match={"b.0.0": "<mark-0.05%>"}, where={"b.0.1": "12", "pu": "<one.u>", "b.#": 1, "a.#": 0}),
    ),
    row(
        _DIFF,
        "a level that is gone has quantity 0",
        PAPER,
        _BETTER,
        _raw(f"{LOWER}@depth@100ms"),
        Wait(0.15),
        ask("DELETE", "allOpenOrders", OF_SYMBOL, by="somebody"),
        hear(match={"b.0.0": "<mark-0.05%>", "b.0.1": "0"}),
    ),
    row(
        "How to manage a local order book correctly",
        "a snapshot and the events after it meet",
        PAPER,
        _raw(f"{LOWER}@depth@100ms"),
        _BID,
        hear(match={"b.0.0": "<mark-0.1%>"}, keep="before"),
        public("depth", OF_SYMBOL | {"limit": 5}, keep="snapshot", where={"bids.0.0": "<mark-0.1%>"}),
        _BETTER,
        hear(match={"b.0.0": "<mark-0.05%>"}, keep="after", where={"pu": "<before.u>", "u": Above("<before.u>")}),
        public("depth", OF_SYMBOL | {"limit": 5}, where={"lastUpdateId": Above("<snapshot.lastUpdateId>")}),
    ),
    row(
        _PARTIAL,
        "the best levels only",
        PAPER,
        _raw(f"{LOWER}@depth5@100ms"),
        *(quoted("BUY", f"-{n}%") for n in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
        hear(match={"b.4.0": "<mark-0.5%>"}, where={"b.#": 5, "b.0.0": "<mark-0.1%>"}),
    ),
    row(
        _TICKER,
        "the new best level",
        PAPER,
        _BID,
        _raw(f"{LOWER}@bookTicker"),
        _BETTER,
        hear(match={"b": "<mark-0.05%>"}, where={"B": "7", "s": SYMBOL}),
    ),
    row(
        _TICKER,
        "nothing without a change",
        PAPER,
        _BID,
        _raw(f"{LOWER}@bookTicker"),
        Wait(0.3),
        quoted("BUY", "-0.2%"),
        Silence(match={"b": "<mark-0.2%>"}, seconds=0.3),
    ),
    row(
        _MARK,
        "follows the mark price",
        PAPER,
        _raw(f"{LOWER}@markPrice@1s"),
        Mark("1.1"),
        hear(match={"p": "2.2"}, shape=docs.MARK_PRICE),
    ),
)

_LINES = (
    row(
        _STREAMS,
        "combined: each event in its envelope",
        PUBLIC,
        _all(f"{LOWER}@markPrice@1s/!markPrice@arr@1s"),
        hear(match={"stream": f"{LOWER}@markPrice@1s"}, where={"data.s": SYMBOL}),
        hear(match={"stream": "!markPrice@arr@1s"}, where={"data.0.e": "markPriceUpdate"}),
    ),
    row(_STREAMS, "raw: no envelope", PUBLIC, _raw(f"{LOWER}@markPrice@1s"), hear(shape=docs.MARK_PRICE)),
    row(_STREAMS, "a path that is none", PUBLIC, Dial("/nowhere", status=403)),
    row(
        _STREAMS,
        "200 streams on a line, and not one more",
        PAPER,
        _all("/".join(f"{LOWER}@kline_{n}" for n in range(200))),
        Dial("/stream?streams=" + "/".join(f"{LOWER}@kline_{n}" for n in range(201)), "other", status=403),
    ),
    row(_STREAMS, "a line lives for 24 hours", PAPER, Dial("/ws"), Wait(24 * 3600 + 2), Closed(), is_long=True),
    row(_STREAMS, "a ping is answered", PUBLIC, Dial("/ws"), Ping(), on_sockets_only=True),
)

ROWS: tuple[Row, ...] = (*_SHAPES, *_TRADES, *_BOOKS, *_LINES)
