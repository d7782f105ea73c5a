"""Market frames as events, each once and never backward.

Owns: ticks and lots of frames, and the newest update id for each symbol: when one line takes over from another, both
deliver for a moment. Must not know: lines, subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from exchange.aster.conversion import lots_of, ticks_above, ticks_below
from exchange.model import BookTicker, Depth, Instrument, MarkPrice, PublicTrade, Side
from exchange.protocol.frames import (
    AggTradeFrame,
    BookTickerFrame,
    DepthFrame,
    MarketData,
    MarketFrame,
    MarkPriceFrame,
    TradeFrame,
)

Event = BookTicker | MarkPrice | PublicTrade | Depth

SET_BACK_MS = 5_000
"""A mark price that is older by more is no late one: the venue has set its clock back."""


class MarketEvents:
    """Frames of symbols that `wanted` does not hold are ignored: all-market streams carry every symbol."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._newest: dict[tuple[type[MarketFrame], str], int] = {}
        self.wanted: frozenset[str] = frozenset()

    def forget(self) -> None:
        """After a gap the venue may count anew: nothing is too old any more."""
        self._newest.clear()

    def events(self, data: MarketData, received_us: int) -> list[Event]:
        """Raises ValueError or ArithmeticError where a frame's text is no number."""
        rows = data if isinstance(data, list) else (data,)
        return [event for row in rows if (event := self._event(row, received_us)) is not None]

    def _event(self, frame: MarketFrame, received_us: int) -> Event | None:
        symbol = frame.symbol
        known = self._instruments.get(symbol)
        if known is None or symbol not in self.wanted:
            return None
        key, number = (type(frame), symbol), _number(frame)
        newest = self._newest.get(key, -1)
        if number <= newest and not (isinstance(frame, MarkPriceFrame) and newest - number > SET_BACK_MS):
            return None
        event = _convert(frame, known, received_us)
        self._newest[key] = number
        return event


def _number(frame: MarketFrame) -> int:
    """What grows from frame to frame of a kind."""
    match frame:
        case BookTickerFrame() | DepthFrame():
            return frame.update_id
        case MarkPriceFrame():
            return frame.event_ms
        case TradeFrame():
            return frame.trade_id
        case AggTradeFrame():
            return frame.agg_id


def _convert(frame: MarketFrame, known: Instrument, received_us: int) -> Event:
    match frame:
        case BookTickerFrame():
            return BookTicker(
                symbol=frame.symbol,
                update_id=frame.update_id,
                bid_ticks=ticks_below(known, frame.bid),
                bid_lots=lots_of(known, frame.bid_qty),
                ask_ticks=ticks_above(known, frame.ask),
                ask_lots=lots_of(known, frame.ask_qty),
                exchange_ms=frame.transaction_ms or frame.event_ms,
                received_us=received_us,
            )
        case MarkPriceFrame():
            return MarkPrice(
                symbol=frame.symbol,
                mark=Decimal(frame.mark),
                index=Decimal(frame.index),
                funding_rate=Decimal(frame.funding_rate or "0"),
                next_funding_ms=frame.next_funding_ms,
                exchange_ms=frame.event_ms,
                received_us=received_us,
            )
        case DepthFrame():
            return Depth(
                symbol=frame.symbol,
                update_id=frame.update_id,
                bids=tuple((ticks_below(known, price), lots_of(known, qty)) for price, qty in frame.bids),
                asks=tuple((ticks_above(known, price), lots_of(known, qty)) for price, qty in frame.asks),
                exchange_ms=frame.transaction_ms or frame.event_ms,
                received_us=received_us,
            )
        case TradeFrame() | AggTradeFrame():
            return PublicTrade(
                symbol=frame.symbol,
                # The numbering of single trades, in which REST answers too: aggregates are numbered on their own.
                trade_id=frame.trade_id if isinstance(frame, TradeFrame) else frame.last_trade_id,
                side=Side.SELL if frame.is_buyer_maker else Side.BUY,
                price_ticks=ticks_below(known, frame.price),
                lots=lots_of(known, frame.qty),
                exchange_ms=frame.transaction_ms or frame.event_ms,
                received_us=received_us,
                first_id=frame.first_trade_id if isinstance(frame, AggTradeFrame) else 0,
            )
