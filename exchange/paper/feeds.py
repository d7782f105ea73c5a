"""What the market streams carry, and when (docs: Websocket Market Streams).

Owns: book tickers, trades, mark prices, partial and diff depth. Must not know: lines, accounts.
A stream that nobody listens to costs a look into a dict, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal

from exchange.model import Side
from exchange.paper.listing import Listing, Touch
from exchange.paper.market import Trade
from exchange.paper.streams import Hub
from exchange.paper.timetable import Timetable
from exchange.protocol import frames
from exchange.protocol.streams import ALL_BOOK_TICKERS

_SYMBOL_STREAM = re.compile(r"([a-z0-9]+)@(.+)")
_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|250|500)ms)?")
_DIFF_LEVELS = 1000


class _Depth:
    """One depth stream while somebody listens to it: the best `levels`, or what changed since the last frame."""

    def __init__(self, stream: str, listing: Listing, levels: int, interval_us: int) -> None:
        self.stream = stream
        self.listing = listing
        self.levels = levels
        """0: the difference of the whole book."""
        self.interval_us = interval_us
        self.last_id = listing.update_id
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        if not levels:
            self.sides = self._whole()

    def frame(self, now_ms: int) -> frames.DepthFrame | None:
        listing = self.listing
        if listing.update_id == self.last_id:
            return None
        if self.levels:
            bids = listing.market.levels(Side.BUY, self.levels)
            asks = listing.market.levels(Side.SELL, self.levels)
        else:
            before, self.sides = self.sides, self._whole()
            bids = _changes(before[0], self.sides[0])
            asks = _changes(before[1], self.sides[1])
        first, self.last_id = self.last_id, listing.update_id
        return frames.DepthFrame(
            event_ms=now_ms,
            transaction_ms=listing.updated_us // 1000,
            symbol=listing.symbol,
            first_update_id=first + 1,
            update_id=listing.update_id,
            previous_update_id=first,
            bids=level_texts(listing, bids),
            asks=level_texts(listing, asks),
        )

    def _whole(self) -> tuple[dict[int, int], dict[int, int]]:
        market = self.listing.market
        return dict(market.levels(Side.BUY, _DIFF_LEVELS)), dict(market.levels(Side.SELL, _DIFF_LEVELS))


def _changes(before: dict[int, int], after: dict[int, int]) -> list[tuple[int, int]]:
    changed = [(ticks, lots) for ticks, lots in after.items() if before.get(ticks) != lots]
    return changed + [(ticks, 0) for ticks in before if ticks not in after]


def level_texts(listing: Listing, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    instrument = listing.instrument
    return [(instrument.price_text(ticks), instrument.quantity_text(lots)) for ticks, lots in levels]


class Feeds:
    def __init__(self, timetable: Timetable, find_listing: Callable[[str], Listing | None]) -> None:
        self.hub = Hub(self._subscribed)
        self._timetable = timetable
        self._find_listing = find_listing
        self._depths: dict[str, _Depth] = {}
        self._tickers: dict[str, tuple[str, Touch]] = {}
        self._aggregates: dict[str, frames.AggTradeFrame] = {}
        self._next_aggregate: dict[str, int] = {}

    def touched(self, listing: Listing, now_us: int) -> None:
        """Something happened in a market: tells those who want to know of its best prices."""
        listing.update_id += 1
        listing.updated_us = now_us
        if self._aggregates:
            self._flush_aggregate(listing)
        listeners = self.hub.listeners
        stream = f"{listing.symbol.lower()}@bookTicker"
        if stream not in listeners and ALL_BOOK_TICKERS not in listeners:
            return
        touch = listing.touch()
        known = self._tickers.get(listing.symbol)
        if known and known[1] == touch:
            return
        self._tickers[listing.symbol] = (stream, touch)
        frame = _book_ticker(listing, touch, now_us // 1000)
        self.hub.broadcast(stream, frame)
        self.hub.broadcast(ALL_BOOK_TICKERS, frame)

    def traded(self, listing: Listing, trade: Trade) -> None:
        symbol, instrument, listeners = listing.symbol, listing.instrument, self.hub.listeners
        now_ms = trade.exchange_us // 1000
        stream = f"{symbol.lower()}@trade"
        if stream in listeners:
            frame = frames.TradeFrame(
                event_ms=now_ms,
                transaction_ms=now_ms,
                symbol=symbol,
                trade_id=trade.trade_id,
                price=instrument.price_text(trade.ticks),
                qty=instrument.quantity_text(trade.lots),
                is_buyer_maker=trade.taker_side is Side.SELL,
            )
            self.hub.broadcast(stream, frames.encode(frame))
        if f"{symbol.lower()}@aggTrade" in listeners:
            self._aggregate(listing, trade)

    def marks(self, listings: Iterable[Listing], now_us: int) -> None:
        """Pushed every second whether it changed or not; streams without `@1s` every third."""
        listeners = self.hub.listeners
        suffixes = ("@1s", "") if now_us // 1_000_000 % 3 == 0 else ("@1s",)
        everything = [f"!markPrice@arr{suffix}" for suffix in suffixes if f"!markPrice@arr{suffix}" in listeners]
        every_frame: list[bytes] = []
        for listing in listings:
            streams = [f"{listing.symbol.lower()}@markPrice{suffix}" for suffix in suffixes]
            streams = [stream for stream in streams if stream in listeners]
            if not streams and not everything:
                continue
            frame = frames.encode(
                frames.MarkPriceFrame(
                    event_ms=now_us // 1000,
                    symbol=listing.symbol,
                    mark=f"{listing.mark:.8f}",
                    index=f"{listing.index:.8f}",
                    settle=f"{listing.index:.8f}",
                    funding_rate=f"{listing.funding.rate:.8f}",
                    next_funding_ms=listing.funding.next_us // 1000,
                )
            )
            every_frame.append(frame)
            for stream in streams:
                self.hub.broadcast(stream, frame)
        for stream in everything:
            self.hub.broadcast(stream, b"[" + b",".join(every_frame) + b"]")

    def _subscribed(self, stream: str, now_us: int) -> None:
        match = _SYMBOL_STREAM.fullmatch(stream)
        listing = self._find_listing(match[1].upper()) if match else None
        depth = _DEPTH.fullmatch(match[2]) if match else None
        if listing is None or depth is None or stream in self._depths:
            return
        channel = _Depth(stream, listing, int(depth[1] or 0), int(depth[2] or 250) * 1000)
        self._depths[stream] = channel
        self._schedule(channel, now_us)

    def _schedule(self, channel: _Depth, now_us: int) -> None:
        due_us = (now_us // channel.interval_us + 1) * channel.interval_us
        self._timetable.at(due_us, lambda at_us: self._push_depth(channel, at_us))

    def _push_depth(self, channel: _Depth, now_us: int) -> None:
        if channel.stream not in self.hub.listeners:
            del self._depths[channel.stream]
            return
        frame = channel.frame(now_us // 1000)
        if frame is not None:
            self.hub.broadcast(channel.stream, frames.encode(frame))
        self._schedule(channel, now_us)

    def _aggregate(self, listing: Listing, trade: Trade) -> None:
        """Fills at one price and side of one sweep are one; `touched` ends the sweep."""
        instrument, symbol = listing.instrument, listing.symbol
        pending = self._aggregates.get(symbol)
        price = instrument.price_text(trade.ticks)
        is_buyer_maker = trade.taker_side is Side.SELL
        if pending:
            if pending.price == price and pending.is_buyer_maker == is_buyer_maker:
                pending.qty = f"{Decimal(pending.qty) + instrument.quantity(trade.lots):f}"
                pending.last_trade_id = trade.trade_id
                return
            self._flush_aggregate(listing)
        now_ms = trade.exchange_us // 1000
        self._next_aggregate[symbol] = self._next_aggregate.get(symbol, 0) + 1
        self._aggregates[symbol] = frames.AggTradeFrame(
            event_ms=now_ms,
            transaction_ms=now_ms,
            symbol=symbol,
            agg_id=self._next_aggregate[symbol],
            price=price,
            qty=instrument.quantity_text(trade.lots),
            first_trade_id=trade.trade_id,
            last_trade_id=trade.trade_id,
            is_buyer_maker=is_buyer_maker,
        )

    def _flush_aggregate(self, listing: Listing) -> None:
        frame = self._aggregates.pop(listing.symbol, None)
        if frame is not None:
            self.hub.broadcast(f"{listing.symbol.lower()}@aggTrade", frames.encode(frame))


def _book_ticker(listing: Listing, touch: Touch, now_ms: int) -> bytes:
    instrument = listing.instrument
    bid, ask = touch
    return frames.encode(
        frames.BookTickerFrame(
            update_id=listing.update_id,
            event_ms=now_ms,
            transaction_ms=now_ms,
            symbol=listing.symbol,
            bid=instrument.price_text(bid[0]) if bid else "0",
            bid_qty=instrument.quantity_text(bid[1]) if bid else "0",
            ask=instrument.price_text(ask[0]) if ask else "0",
            ask_qty=instrument.quantity_text(ask[1]) if ask else "0",
        )
    )
