"""Rows of public requests (docs: Market Data Endpoints).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from conformance import docs_market as docs
from conformance.row import Above, Row, Wait
from conformance.writing import (
    LOWER,
    NO_SYMBOL,
    OF_SYMBOL,
    PAPER,
    PUBLIC,
    SYMBOL,
    TRADED,
    ask,
    in_v1,
    on_paper,
    public,
    quoted,
    row,
)

_BOOK = "Order Book"
_RECENT = "Recent Trades List"
_OLD = "Old Trades Lookup (MARKET_DATA)"
_AGG = "Compressed/Aggregate Trades List"
_KLINE = "Kline/Candlestick Data"
_MARK = "Mark Price"
_FUNDING = "Get Funding Rate History"
_DAY = "24hr Ticker Price Change Statistics"
_PRICE = "Symbol Price Ticker"
_TICKER = "Symbol Order Book Ticker"
_CONFIG = "Get Funding Rate Config"
_REFERENCES = "Index Price References"

_INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")

_SHAPES = (
    row("Test Connectivity", "an empty object", PUBLIC, public("ping", shape=docs.PING)),
    row("Check Server Time", "the time", PUBLIC, public("time", shape=docs.SERVER_TIME)),
    row("Exchange Information", "every field of the docs", PUBLIC, public("exchangeInfo", shape=docs.EXCHANGE_INFO)),
    row(_BOOK, "bids and asks", PUBLIC, on_paper(*TRADED), public("depth", OF_SYMBOL, shape=docs.DEPTH)),
    row(_RECENT, "every field", PUBLIC, on_paper(*TRADED), public("trades", OF_SYMBOL, shape=docs.TRADES)),
    row(_OLD, "every field", PUBLIC, on_paper(*TRADED), public("historicalTrades", OF_SYMBOL, shape=docs.TRADES)),
    row(_AGG, "every field", PUBLIC, on_paper(*TRADED), public("aggTrades", OF_SYMBOL, shape=docs.AGG_TRADES)),
    *(
        row(
            _KLINE,
            f"twelve figures a bar of {interval}",
            PUBLIC,
            on_paper(*TRADED),
            public("klines", OF_SYMBOL | {"interval": interval}, shape=docs.KLINES),
        )
        for interval in _INTERVALS
    ),
    row(
        "Index Price Kline/Candlestick Data",
        "twelve figures a bar",
        PUBLIC,
        on_paper(*TRADED),
        public("indexPriceKlines", {"pair": SYMBOL, "interval": "1m"}, shape=docs.KLINES),
    ),
    row(
        "Mark Price Kline/Candlestick Data",
        "twelve figures a bar",
        PUBLIC,
        on_paper(*TRADED),
        public("markPriceKlines", OF_SYMBOL | {"interval": "1m"}, shape=docs.KLINES),
    ),
    row(_MARK, "of one symbol", PUBLIC, public("premiumIndex", OF_SYMBOL, shape=docs.PREMIUM_INDEX)),
    row(_MARK, "of all symbols", PUBLIC, public("premiumIndex", shape=[docs.PREMIUM_INDEX])),
    *(
        row(
            _FUNDING,
            name,
            PUBLIC,
            on_paper(Wait(1.1)),
            public("fundingRate", params, shape=docs.FUNDING_RATE, may_be_empty_abroad=True),
            settings={"funding_interval_s": 1},
        )
        for name, params in (("of one symbol", OF_SYMBOL), ("of all symbols", {}))
    ),
    row(_CONFIG, "of one symbol", PUBLIC, public("fundingInfo", OF_SYMBOL, shape=docs.FUNDING_INFO)),
    row(_CONFIG, "of all symbols", PUBLIC, public("fundingInfo", shape=docs.FUNDING_INFO)),
    row(_DAY, "of one symbol", PUBLIC, on_paper(*TRADED), public("ticker/24hr", OF_SYMBOL, shape=docs.TICKER_24HR)),
    row(_DAY, "of all symbols", PUBLIC, on_paper(*TRADED), public("ticker/24hr", shape=[docs.TICKER_24HR])),
    row(_PRICE, "of one symbol", PUBLIC, public("ticker/price", OF_SYMBOL, shape=docs.PRICE)),
    row(_PRICE, "of all symbols", PUBLIC, public("ticker/price", shape=[docs.PRICE])),
    row(_TICKER, "of one symbol", PUBLIC, public("ticker/bookTicker", OF_SYMBOL, shape=docs.BOOK_TICKER)),
    row(_TICKER, "of all symbols", PUBLIC, public("ticker/bookTicker", shape=[docs.BOOK_TICKER])),
    row(_REFERENCES, "every field", PUBLIC, public("indexreferences", OF_SYMBOL, shape=docs.INDEX_REFERENCES)),
)

_LEVELS = (quoted("BUY", "-0.1%"), quoted("BUY", "-0.2%"), quoted("SELL", "+0.1%", "7"), quoted("BUY", "-0.1%", "5"))
_NOW = {"symbol": SYMBOL, "startTime": "<now-60000>", "endTime": "<now+60000>"}
_ONE_BAR = {"interval": "1m", "limit": 1}
_BAR = {"symbol": SYMBOL, "interval": "1m"}

_VALUES = (
    row(
        _BOOK,
        "levels are summed, best first, and the book knows its update id",
        PAPER,
        *_LEVELS,
        public(
            "depth",
            OF_SYMBOL | {"limit": 5},
            shape=docs.DEPTH,
            where={
                "bids.0.0": "<mark-0.1%>",
                "bids.0.1": "15",
                "bids.1.0": "<mark-0.2%>",
                "bids.1.1": "10",
                "bids.#": 2,
                "asks.0.0": "<mark+0.1%>",
                "asks.0.1": "7",
                "asks.#": 1,
                "lastUpdateId": Above(0),
            },
        ),
    ),
    row(
        _TICKER,
        "the best level of either side",
        PAPER,
        *_LEVELS,
        public(
            "ticker/bookTicker",
            OF_SYMBOL,
            where={"bidPrice": "<mark-0.1%>", "bidQty": "15", "askPrice": "<mark+0.1%>", "askQty": "7"},
        ),
    ),
    row(
        _RECENT,
        "oldest first",
        PAPER,
        *TRADED,
        public(
            "trades",
            OF_SYMBOL,
            where={
                "#": 2,
                "0.price": "<mark+0.05%>",
                "0.qty": "4",
                "0.quoteQty": "8.004",
                "0.isBuyerMaker": False,
                "1.isBuyerMaker": True,
            },
        ),
    ),
    row(
        _RECENT,
        "the newest of a limit",
        PAPER,
        *TRADED,
        public("trades", OF_SYMBOL | {"limit": 1}, where={"#": 1, "0.qty": "3"}),
    ),
    row(
        _OLD,
        "from a trade on",
        PAPER,
        *TRADED,
        public("historicalTrades", OF_SYMBOL, keep="all"),
        public("historicalTrades", OF_SYMBOL | {"fromId": "<all.1.id>"}, where={"#": 1, "0.qty": "3"}),
    ),
    row(
        _AGG,
        "fills of one order at one price are one trade",
        PAPER,
        quoted("SELL", "+0.05%", "6"),
        quoted("SELL", "+0.05%", "6"),
        ask("POST", "order", {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "10"}),
        public("trades", OF_SYMBOL, keep="trades", where={"#": 2}),
        public(
            "aggTrades",
            OF_SYMBOL,
            where={"#": 1, "0.q": "10", "0.f": "<trades.0.id>", "0.l": "<trades.1.id>", "0.m": False},
        ),
    ),
    row(_AGG, "of a time", PAPER, *TRADED, public("aggTrades", _NOW, where={"#": 2})),
    row(
        _AGG,
        "from an id on",
        PAPER,
        *TRADED,
        public("aggTrades", OF_SYMBOL, keep="all"),
        public("aggTrades", OF_SYMBOL | {"fromId": "<all.1.a>"}, where={"#": 1, "0.a": "<all.1.a>"}),
    ),
    row(
        _KLINE,
        "the current bar",
        PAPER,
        *TRADED,
        public(
            "klines",
            _BAR | {"limit": 1},
            where={
                "#": 1,
                "0.1": "<mark+0.05%>",
                "0.2": "<mark+0.05%>",
                "0.3": "<mark-0.05%>",
                "0.4": "<mark-0.05%>",
                "0.5": "7",
                "0.7": "14.001",
                "0.8": 2,
                "0.9": "4",
                "0.10": "8.004",
            },
        ),
    ),
    row(_PRICE, "the last trade's", PAPER, *TRADED, public("ticker/price", OF_SYMBOL, where={"price": "<mark-0.05%>"})),
    row(
        _DAY,
        "the day's figures",
        PAPER,
        *TRADED,
        public(
            "ticker/24hr",
            OF_SYMBOL,
            where={
                "openPrice": "<mark+0.05%>",
                "highPrice": "<mark+0.05%>",
                "lowPrice": "<mark-0.05%>",
                "lastPrice": "<mark-0.05%>",
                "lastQty": "3",
                "volume": "7",
                "quoteVolume": "14.001",
                "count": 2,
                "priceChange": "-0.0020",
            },
        ),
    ),
    row(
        "Check Server Time",
        "the venue's",
        PUBLIC,
        public("time", where={"serverTime": Above("<now-60000>")}),
    ),
    row(
        _CONFIG,
        "a symbol's interval, interest and limits",
        PAPER,
        public(
            "fundingInfo",
            OF_SYMBOL,
            where={
                "#": 1,
                "0.symbol": SYMBOL,
                "0.fundingIntervalHours": 4,
                "0.interestRate": "0.00005",
                "0.fundingFeeCap": 0.02,
                "0.fundingFeeFloor": -0.02,
            },
        ),
    ),
    row(
        _REFERENCES,
        "every source has its weight",
        PUBLIC,
        public("indexreferences", OF_SYMBOL, where={"symbol": SYMBOL, "references.*.weight": Above(0)}),
    ),
    *(
        row(section, "the current bar", PAPER, public(path, more | _ONE_BAR, where={"#": 1, "0.1": "2", "0.4": "2"}))
        for section, path, more in (
            ("Index Price Kline/Candlestick Data", "indexPriceKlines", {"pair": SYMBOL}),
            ("Mark Price Kline/Candlestick Data", "markPriceKlines", OF_SYMBOL),
        )
    ),
    row(_MARK, "the mark price", PAPER, public("premiumIndex", OF_SYMBOL, where={"markPrice": "2", "symbol": SYMBOL})),
)

_REFUSALS = (
    *(
        row(section, "an unknown symbol", PUBLIC, public(path, NO_SYMBOL | more, code=-1121))
        for section, path, more in (
            (_BOOK, "depth", {}),
            (_RECENT, "trades", {}),
            (_OLD, "historicalTrades", {}),
            (_AGG, "aggTrades", {}),
            (_KLINE, "klines", {"interval": "1m"}),
            ("Mark Price Kline/Candlestick Data", "markPriceKlines", {"interval": "1m"}),
            (_MARK, "premiumIndex", {}),
            (_DAY, "ticker/24hr", {}),
            (_PRICE, "ticker/price", {}),
            (_TICKER, "ticker/bookTicker", {}),
        )
    ),
    *(
        row(section, "without its symbol", PUBLIC, public(path, more, code=-1102))
        for section, path, more in (
            (_BOOK, "depth", {}),
            (_RECENT, "trades", {}),
            (_OLD, "historicalTrades", {}),
            (_AGG, "aggTrades", {}),
            (_KLINE, "klines", {"interval": "1m"}),
            ("Index Price Kline/Candlestick Data", "indexPriceKlines", {"interval": "1m"}),
            ("Mark Price Kline/Candlestick Data", "markPriceKlines", {"interval": "1m"}),
            (_REFERENCES, "indexreferences", {}),
        )
    ),
    row(_REFERENCES, "an unknown symbol", PUBLIC, public("indexreferences", NO_SYMBOL, code=-1000)),
    row(_BOOK, "a depth that is none of the docs'", PUBLIC, public("depth", OF_SYMBOL | {"limit": 7}, code=-4021)),
    row(_KLINE, "an interval that is none", PUBLIC, public("klines", OF_SYMBOL | {"interval": "7m"}, code=-1120)),
    row(_KLINE, "without its interval", PUBLIC, public("klines", OF_SYMBOL, code=-1102)),
    row(
        _KLINE,
        "a start after its end",
        PUBLIC,
        public("klines", _BAR | {"startTime": "<now>", "endTime": "<now-60000>"}, code=-1023),
    ),
    row(
        _AGG,
        "an hour is the most",
        PUBLIC,
        public("aggTrades", OF_SYMBOL | {"startTime": "<now-7200000>", "endTime": "<now>"}, code=-1127),
    ),
    row("General API Information", "a path that is none", PUBLIC, public("nosuchpath", status=404, code=-5000)),
    row(
        "General API Information",
        "a method that a path has not",
        PUBLIC,
        ask("DELETE", "ping", auth=None, status=404, code=-5000),
    ),
    row(
        "Index Price Kline/Candlestick Data",
        "an unknown pair",
        PUBLIC,
        public("indexPriceKlines", {"pair": "NOSUCHUSDT", "interval": "1m"}, status=0, code=-4144),
    ),
    row(
        "General API Information",
        "a symbol in lower case is none",
        PUBLIC,
        public("depth", {"symbol": LOWER}, code=-1121),
    ),
    row(
        "General Information on Endpoints",
        "a parameter sent twice",
        PAPER,
        public("depth?symbol=ASTERUSDT&symbol=ASTERUSDT", code=-1101),
    ),
)

ROWS: tuple[Row, ...] = (*_SHAPES, *_VALUES, *_REFUSALS, *in_v1(_SHAPES))
