"""How long it takes from a frame's bytes to typed values, beside json, dicts and Decimals.

To a struct, numbers stay the texts that they are on the wire, on both sides. To an event, both end in whole ticks and
lots.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

from bench import samples
from bench.rows import Row, us_per_call
from exchange.aster.conversion import order_update_from
from exchange.aster.market_events import MarketEvents
from exchange.paper.instruments import instrument
from exchange.protocol import frames

_Decode = Callable[[bytes], object]


def run(*, quick: bool = False) -> list[Row]:
    count = 50 if quick else 4000
    books, origin = samples.book_tickers(count)
    marks = [samples.mark_price(samples.SYMBOL, f"6180{n % 10}.20", n + 1) for n in range(count)]
    fills = [
        samples.fill(samples.SYMBOL, "BUY", "61800.20", "0.032", f"tokyo-1:BTCUSDT:t0f3ka:{n}", n + 1)
        for n in range(count)
    ]
    known = instrument(samples.SYMBOL)
    events = MarketEvents({samples.SYMBOL: known})
    events.wanted = frozenset({samples.SYMBOL})

    def to_events(frame: bytes) -> object:
        data = frames.decode_envelope(frame).data
        assert data is not None
        return events.events(data, 0)

    def to_update(frame: bytes) -> object:
        decoded = frames.decode_user(frame)
        assert isinstance(decoded, frames.OrderTradeUpdateFrame)
        return order_update_from(decoded, known)

    def json_market(frame: bytes) -> object:
        return json.loads(frame)["data"]

    def json_book(frame: bytes) -> object:
        row = json.loads(frame)["data"]
        return _whole(row, ("b", "a"), known.tick_size) | _whole(row, ("B", "A"), known.step_size)

    def json_mark(frame: bytes) -> object:
        row = json.loads(frame)["data"]
        return {name: Decimal(row[name]) for name in ("p", "i", "r")}

    def json_order(frame: bytes) -> object:
        row = json.loads(frame)["o"]
        money = {name: Decimal(row[name]) for name in ("n", "rp")}
        return money | _whole(row, ("p", "L"), known.tick_size) | _whole(row, ("q", "z", "l"), known.step_size)

    cases: list[tuple[str, Sequence[bytes], _Decode, _Decode, str]] = [
        ("bookTicker to struct", books, frames.decode_envelope, json_market, origin),
        ("bookTicker to event", books, to_events, json_book, origin),
        ("markPrice to struct", marks, frames.decode_envelope, json_market, "made frames"),
        ("markPrice to event", marks, to_events, json_mark, "made frames"),
        ("ORDER_TRADE_UPDATE to struct", fills, frames.decode_user, json.loads, "made frames"),
        ("ORDER_TRADE_UPDATE to event", fills, to_update, json_order, "made frames"),
    ]
    rows: list[Row] = []
    for case, given, ours, baseline, note in cases:
        calls = [_over(given, ours, events.forget), _over(given, baseline, events.forget)]
        took = [each / len(given) for each in us_per_call(calls, loops=1, runs=2 if quick else 7)]
        against = "json.loads, dicts" if case.endswith("struct") else "json.loads, dicts, Decimals"
        rows.append(Row("decode", case, "us", took[0], took[1], against, note))
    return rows


def _over(given: Sequence[bytes], decode: _Decode, begin: Callable[[], None]) -> Callable[[], None]:
    def go() -> None:
        begin()
        for frame in given:
            decode(frame)

    return go


def _whole(row: dict[str, str], names: Sequence[str], unit: Decimal) -> dict[str, Decimal | int]:
    return {name: int(Decimal(row[name]) / unit) for name in names}
