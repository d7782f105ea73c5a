"""What the market streams carry, and when (docs: Websocket Market Streams).

Owns: book tickers, trades, mark prices, and the beats at which channels are asked for their frames. Must not know:
lines, accounts. A stream that nobody listens to costs a look into a dict, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from exchange.model import Side
from exchange.paper.channels import Channel, DiffDepth, PartialDepth, market_channel, symbol_channel
from exchange.paper.listing import Listing, Touch
from exchange.paper.market import Trade
from exchange.paper.streams import Hub
from exchange.paper.timetable import Timetable
from exchange.protocol import frames
from exchange.protocol.market_frames import TradeProFrame
from exchange.protocol.streams import ALL_BOOK_TICKERS, book_ticker

_SYMBOL_STREAM = re.compile(r"([^@A-Z]+)@(.+)")
_DIFFERENCES = ("@depth", "@depth@100ms", "@depth@250ms", "@depth@500ms")
_NO_HASH = "0X" + "0" * 64
"""Here trades are settled on no chain."""
_HIDDEN = ("hidden", "hidden")


class Feeds:
    """`listings` are the symbols whose markets run, `find_listing` opens others."""

    def __init__(
        self,
        timetable: Timetable,
        find_listing: Callable[[str], Listing | None],
        listings: Mapping[str, Listing],
    ) -> None:
        self.hub = Hub(self._subscribed)
        self._timetable = timetable
        self._find_listing = find_listing
        self._listings = listings
        self._beats: dict[int, dict[str, Channel]] = {}
        """Those pushed at an interval, by interval and stream."""
        self._book_tickers: dict[str, str] = {}
        """The streams' names, by symbol: made once, for they are looked up at every event of every market."""
        self._touches: dict[str, Touch] = {}

    def snapshot_id(self, listing: Listing) -> int:
        """To be called when somebody takes a snapshot of a book: its id among the book's updates."""
        for beat in self._beats.values():
            for suffix in _DIFFERENCES:
                channel = beat.get(f"{listing.symbol.lower()}{suffix}")
                if isinstance(channel, DiffDepth):
                    channel.show()
        return listing.snapshot_id()

    def touched(self, listing: Listing, now_us: int) -> None:
        """Something happened in a market: tells those who want to know of its best prices."""
        listing.changed(now_us)
        listeners = self.hub.listeners
        if not listeners:
            return
        symbol = listing.symbol
        stream = self._book_tickers.get(symbol)
        if stream is None:
            stream = self._book_tickers[symbol] = book_ticker(symbol)
        if stream not in listeners and ALL_BOOK_TICKERS not in listeners:
            return
        touch = listing.touch()
        if self._touches.get(symbol) == touch:
            return
        self._touches[symbol] = touch
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
        stream = f"{symbol.lower()}@tradepro"
        if stream in listeners:
            price, qty = instrument.price_text(trade.ticks), instrument.quantity_text(trade.lots)
            pro = TradeProFrame(now_ms, now_ms, symbol, trade.trade_id, price, qty, _NO_HASH, _HIDDEN)
            self.hub.broadcast(stream, frames.encode(pro))

    def marks(self, listings: Iterable[Listing], now_us: int, told_us: int) -> None:
        """Pushed every second whether it changed or not; streams without `@1s` every third. `told_us`: the time that
        they bear."""
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
                    event_ms=told_us // 1000,
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
        for beat in self._beats.values():
            if stream in beat:
                known = beat[stream]
                if isinstance(known, PartialDepth):
                    known.greet()
                return
        match = _SYMBOL_STREAM.fullmatch(stream)
        listing = self._find_listing(match[1].upper()) if match else None
        if match and listing:
            channel = symbol_channel(match[2], listing, now_us)
        else:
            channel = market_channel(stream, self._listings)
        if channel is None:
            return
        if channel.interval_us not in self._beats:
            self._beats[channel.interval_us] = {}
            self._schedule(channel.interval_us, now_us)
        self._beats[channel.interval_us][stream] = channel

    def _schedule(self, interval_us: int, now_us: int) -> None:
        due_us = (now_us // interval_us + 1) * interval_us
        self._timetable.at(due_us, lambda at_us: self._beat(interval_us, at_us))

    def _beat(self, interval_us: int, now_us: int) -> None:
        channels = self._beats[interval_us]
        for stream, channel in list(channels.items()):
            if stream not in self.hub.listeners:
                del channels[stream]
                continue
            for frame in channel.frames(now_us):
                self.hub.broadcast(stream, frame)
        if channels:
            self._schedule(interval_us, now_us)
        else:
            del self._beats[interval_us]


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
