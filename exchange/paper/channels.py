"""Streams that are pushed at an interval: depth, klines, aggregate trades, tickers (docs: each one's Update Speed).

Owns: what each has to say at its beat, which is nothing when nothing changed. Must not know: lines, who listens, when
the beats are. A channel lives while somebody listens to its stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from exchange.model import Side
from exchange.paper.listing import Listing
from exchange.paper.market_texts import DayTexts, day_texts, level_texts, quote_text
from exchange.protocol import frames
from exchange.protocol.intervals import INTERVALS, Interval
from exchange.protocol.market_frames import KlineEvent, KlineFrame, MiniTickerFrame, TickerFrame

_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|250|500)ms)?")
_KLINE = "kline_"
_KLINE_US = 250_000
_AGGREGATES_US = 100_000
_TICKER_US = 500_000
_ALL_TICKERS_US = 1_000_000
_WHOLE_BOOK = 1 << 30


class Channel(Protocol):
    interval_us: int

    def frames(self, now_us: int) -> Iterable[bytes]: ...


def symbol_channel(name: str, listing: Listing, now_us: int) -> Channel | None:
    """The channel of a symbol's stream `<symbol>@<name>`; None when it is not one that is pushed at an interval."""
    depth = _DEPTH.fullmatch(name)
    if depth:
        interval_us = int(depth[2] or 250) * 1000
        return _PartialDepth(listing, int(depth[1]), interval_us) if depth[1] else DiffDepth(listing, interval_us)
    if name == "aggTrade":
        return _AggTrades(listing)
    if name in _TICKERS:
        return _Ticker(listing, _TICKERS[name])
    interval = INTERVALS.get(name.removeprefix(_KLINE)) if name.startswith(_KLINE) else None
    return _Klines(listing, interval, now_us) if interval else None


def market_channel(stream: str, listings: Mapping[str, Listing]) -> Channel | None:
    """The channel of a stream that tells of all symbols, `!ticker@arr` or `!miniTicker@arr`."""
    spell = _TICKERS.get(stream.removeprefix("!").removesuffix("@arr"))
    return _AllTickers(listings, spell) if spell and stream.startswith("!") and stream.endswith("@arr") else None


class _PartialDepth:
    """The best levels, whenever the book has changed."""

    def __init__(self, listing: Listing, levels: int, interval_us: int) -> None:
        self.interval_us = interval_us
        self._listing = listing
        self._levels = levels
        self._last_id = listing.update_id

    def frames(self, now_us: int) -> Iterator[bytes]:
        listing = self._listing
        if listing.book_id > self._last_id:
            market = listing.market
            bids, asks = market.levels(Side.BUY, self._levels), market.levels(Side.SELL, self._levels)
            yield _depth_frame(listing, self._last_id, bids, asks, now_us)
            self._last_id = listing.update_id


class DiffDepth:
    """What changed in the whole book since the last frame.

    A level that came and went in between is no change, unless a snapshot has shown it: then whoever took that must hear
    that it has gone. A frame without changes is not sent, its updates join the next.
    """

    def __init__(self, listing: Listing, interval_us: int) -> None:
        self.interval_us = interval_us
        self._listing = listing
        self._last_id = self._seen_id = listing.update_id
        self._bids, self._asks = self._sides()
        self._shown_bids: dict[int, None] = {}
        self._shown_asks: dict[int, None] = {}

    def show(self) -> None:
        """Somebody takes a snapshot of the book as it is now."""
        bids, asks = self._sides()
        self._shown_bids |= dict.fromkeys(ticks for ticks, _ in _changes(self._bids, bids, {}))
        self._shown_asks |= dict.fromkeys(ticks for ticks, _ in _changes(self._asks, asks, {}))

    def frames(self, now_us: int) -> Iterator[bytes]:
        listing = self._listing
        if listing.book_id <= self._seen_id:
            return
        self._seen_id = listing.update_id
        bids, asks = self._sides()
        changed_bids = _changes(self._bids, bids, self._shown_bids)
        changed_asks = _changes(self._asks, asks, self._shown_asks)
        if changed_bids or changed_asks:
            self._bids, self._asks = bids, asks
            self._shown_bids, self._shown_asks = {}, {}
            yield _depth_frame(listing, self._last_id, changed_bids, changed_asks, now_us)
            self._last_id = listing.update_id

    def _sides(self) -> tuple[dict[int, int], dict[int, int]]:
        market = self._listing.market
        return dict(market.levels(Side.BUY, _WHOLE_BOOK)), dict(market.levels(Side.SELL, _WHOLE_BOOK))


def _changes(before: dict[int, int], after: dict[int, int], shown: dict[int, None]) -> list[tuple[int, int]]:
    """(ticks, lots) of the levels that are others now, or may be others than was shown; 0 lots where none is left."""
    changed = [(ticks, lots) for ticks, lots in after.items() if before.get(ticks) != lots or ticks in shown]
    return changed + [(ticks, 0) for ticks in before | shown if ticks not in after]


def _depth_frame(
    listing: Listing, last_id: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_us: int
) -> bytes:
    return frames.encode(
        frames.DepthFrame(
            event_ms=now_us // 1000,
            transaction_ms=listing.updated_us // 1000,
            symbol=listing.symbol,
            first_update_id=last_id + 1,
            update_id=listing.update_id,
            previous_update_id=last_id,
            bids=level_texts(listing, bids),
            asks=level_texts(listing, asks),
        )
    )


class _AggTrades:
    """Each aggregate once it is over; a taker's sweep is over at once, so none is told in part."""

    interval_us = _AGGREGATES_US

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._told_id = listing.tape.agg_id

    def frames(self, now_us: int) -> Iterator[bytes]:
        listing, instrument = self._listing, self._listing.instrument
        if listing.tape.agg_id == self._told_id:
            return
        for each in listing.tape.aggregates(after=self._told_id):
            yield frames.encode(
                frames.AggTradeFrame(
                    event_ms=now_us // 1000,
                    transaction_ms=each.exchange_us // 1000,
                    symbol=listing.symbol,
                    agg_id=each.agg_id,
                    price=instrument.price_text(each.ticks),
                    qty=instrument.quantity_text(each.lots),
                    first_trade_id=each.first_id,
                    last_trade_id=each.last_id,
                    is_buyer_maker=each.taker_side is Side.SELL,
                )
            )
        self._told_id = listing.tape.agg_id


class _Klines:
    """The current candle when it has changed, and each once more when it is over, then with `x`."""

    interval_us = _KLINE_US

    def __init__(self, listing: Listing, interval: Interval, now_us: int) -> None:
        self._listing = listing
        self._interval = interval
        self._start_ms = interval.start(now_us // 1000)
        self._told: int | None = None
        """The last trade in the current candle as it was told."""

    def frames(self, now_us: int) -> Iterator[bytes]:
        tape = self._listing.tape
        if not tape.trades:
            return
        current_ms = self._interval.start(now_us // 1000)
        while self._start_ms < current_ms:
            yield from self._frame(now_us, is_closed=True)
            self._start_ms = self._interval.end(self._start_ms)
            self._told = None
        newest = tape.trades[-1].trade_id
        if newest != self._told:
            self._told = newest
            yield from self._frame(now_us, is_closed=False)

    def _frame(self, now_us: int, *, is_closed: bool) -> Iterator[bytes]:
        listing, interval = self._listing, self._interval
        candle = listing.candles.at(interval, self._start_ms)
        if candle is None:
            return
        instrument = listing.instrument
        kline = KlineEvent(
            opened_ms=candle.opened_ms,
            closed_ms=interval.end(candle.opened_ms) - 1,
            symbol=listing.symbol,
            interval=interval.name,
            first_trade_id=candle.first_id,
            last_trade_id=candle.last_id,
            open=instrument.price_text(candle.open),
            close=instrument.price_text(candle.close),
            high=instrument.price_text(candle.high),
            low=instrument.price_text(candle.low),
            volume=instrument.quantity_text(candle.lots),
            trades=candle.count,
            is_closed=is_closed,
            quote_volume=quote_text(instrument, candle.tick_lots),
            taker_volume=instrument.quantity_text(candle.bought_lots),
            taker_quote_volume=quote_text(instrument, candle.bought_tick_lots),
        )
        yield frames.encode(KlineFrame(now_us // 1000, listing.symbol, kline))


_Spell = Callable[[str, DayTexts, int], MiniTickerFrame | TickerFrame]


def _mini_ticker(symbol: str, day: DayTexts, now_ms: int) -> MiniTickerFrame:
    return MiniTickerFrame(now_ms, symbol, day.last, day.open, day.high, day.low, day.volume, day.quote_volume)


def _ticker(symbol: str, day: DayTexts, now_ms: int) -> TickerFrame:
    return TickerFrame(
        event_ms=now_ms,
        symbol=symbol,
        change=day.change,
        change_percent=day.change_percent,
        average=day.average,
        last=day.last,
        last_qty=day.last_qty,
        open=day.open,
        high=day.high,
        low=day.low,
        volume=day.volume,
        quote_volume=day.quote_volume,
        opened_ms=day.opened_ms,
        closed_ms=day.closed_ms,
        first_trade_id=day.first_id,
        last_trade_id=day.last_id,
        trades=day.count,
    )


_TICKERS: dict[str, _Spell] = {"miniTicker": _mini_ticker, "ticker": _ticker}


class _Ticker:
    """One symbol's, when trades have come in or left the 24 hours."""

    interval_us = _TICKER_US

    def __init__(self, listing: Listing, spell: _Spell) -> None:
        self._listing = listing
        self._spell = spell
        self._told: tuple[int, int] | None = None

    def frames(self, now_us: int) -> Iterator[bytes]:
        listing, now_ms = self._listing, now_us // 1000
        day = listing.statistics(now_ms)
        if day is None:
            return
        state = (listing.tape.trades[-1].trade_id, day.candle.count)
        if state != self._told:
            self._told = state
            yield frames.encode(self._spell(listing.symbol, day_texts(listing, now_ms), now_ms))


class _AllTickers:
    """In one array those symbols' that have changed."""

    interval_us = _ALL_TICKERS_US

    def __init__(self, listings: Mapping[str, Listing], spell: _Spell) -> None:
        self._listings = listings
        self._spell = spell
        self._tickers: dict[str, _Ticker] = {}

    def frames(self, now_us: int) -> Iterator[bytes]:
        changed: list[bytes] = []
        for symbol, listing in self._listings.items():
            ticker = self._tickers.get(symbol)
            if ticker is None:
                ticker = self._tickers[symbol] = _Ticker(listing, self._spell)
            changed.extend(ticker.frames(now_us))
        if changed:
            yield b"[" + b",".join(changed) + b"]"
