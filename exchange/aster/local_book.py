"""A symbol's order book kept from its diffs (docs: How to manage a local order book correctly).

Owns: the levels, and whether an event follows on from the one before. Must not know: lines, requests, time.

A snapshot reaches 1000 levels deep; beyond those a level is known from when it first changes. Quantities are absolute,
so an event that the snapshot has in it already does no harm.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from enum import Enum, auto

from exchange.aster.conversion import lots_of, ticks_above, ticks_below
from exchange.model import Depth, Instrument
from exchange.protocol.frames import DepthFrame

SNAPSHOT_LEVELS = 1000
_MAX_EARLY = 1000
"""Frames held until there is a snapshot; past that the oldest go, and the snapshot will have to be newer."""

Level = tuple[int, int]


class Applied(Enum):
    OK = auto()
    STALE = auto()
    """The book is past it."""
    EARLY = auto()
    """Held until a snapshot comes."""
    GAP = auto()
    """Something between is lost: the book is worth nothing until `load` gets a newer snapshot."""


class LocalBook:
    """`is_synced` once a snapshot and all events since are in it; `update_id` says up to where it tells."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._bids = _Levels()
        self._asks = _Levels()
        self._early: deque[DepthFrame] = deque(maxlen=_MAX_EARLY)
        self._is_fresh = False
        self._exchange_ms = 0
        self.is_synced = False
        self.update_id = 0

    def apply(self, frame: DepthFrame) -> Applied:
        """Raises ValueError or ArithmeticError where a text is no number: what was synced then is not any more."""
        if not self.is_synced:
            self._early.append(frame)
            return Applied.EARLY
        if frame.update_id < self.update_id or (frame.update_id == self.update_id and not self._is_fresh):
            return Applied.STALE
        if not self._follows(frame):
            return self._lose(frame)
        self.is_synced = False
        self._take(frame)
        self.is_synced = True
        if self._is_crossed():
            # No venue's book is: an event that seemed to follow on did not.
            return self._lose()
        return Applied.OK

    def load(self, snapshot: Depth) -> Applied:
        """Begins anew from a snapshot, and goes on with what was held: OK, or GAP when it is too old for that."""
        early = list(self._early)
        self._early.clear()
        self._bids, self._asks = _Levels(snapshot.bids), _Levels(snapshot.asks)
        self.update_id, self._exchange_ms = snapshot.update_id, snapshot.exchange_ms
        self.is_synced = self._is_fresh = True
        for frame in early:
            # After a gap those that follow are held again.
            self.apply(frame)
        return Applied.OK if self.is_synced else Applied.GAP

    def forget(self) -> None:
        """As new: what comes is held until a snapshot does."""
        self.is_synced = False
        self._early.clear()

    def depth(self, levels: int, received_us: int) -> Depth:
        return Depth(
            symbol=self._instrument.symbol,
            update_id=self.update_id,
            bids=self._bids.highest(levels),
            asks=self._asks.lowest(levels),
            exchange_ms=self._exchange_ms,
            received_us=received_us,
        )

    def _follows(self, frame: DepthFrame) -> bool:
        if frame.previous_update_id == self.update_id:
            return True
        # A snapshot may lie in the midst of the event that comes after it.
        return self._is_fresh and frame.first_update_id <= self.update_id <= frame.update_id

    def _take(self, frame: DepthFrame) -> None:
        known = self._instrument
        for price, quantity in frame.bids:
            self._bids.set(ticks_below(known, price), lots_of(known, quantity))
        for price, quantity in frame.asks:
            self._asks.set(ticks_above(known, price), lots_of(known, quantity))
        self.update_id, self._is_fresh = frame.update_id, False
        self._exchange_ms = frame.transaction_ms or frame.event_ms

    def _is_crossed(self) -> bool:
        bid, ask = self._bids.highest(1), self._asks.lowest(1)
        return bool(bid and ask and bid[0][0] >= ask[0][0])

    def _lose(self, *held: DepthFrame) -> Applied:
        self.is_synced = False
        self._early.extend(held)
        return Applied.GAP


class _Levels:
    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self._lots = dict(levels)
        self._ticks = sorted(self._lots)

    def set(self, ticks: int, lots: int) -> None:
        if lots:
            if ticks not in self._lots:
                insort(self._ticks, ticks)
            self._lots[ticks] = lots
        elif self._lots.pop(ticks, None) is not None:
            del self._ticks[bisect_left(self._ticks, ticks)]

    def lowest(self, count: int) -> tuple[Level, ...]:
        return tuple((ticks, self._lots[ticks]) for ticks in self._ticks[:count])

    def highest(self, count: int) -> tuple[Level, ...]:
        return tuple((ticks, self._lots[ticks]) for ticks in self._ticks[: -count - 1 : -1])
