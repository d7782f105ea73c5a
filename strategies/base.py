"""What a strategy is: a pure function from what is known of one symbol to the orders that should be working.

Owns: the values that go in and come out. Must not know: clocks, networks, loggers, order ids. A strategy says what
should be; which requests that takes, and when they may go, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from exchange.model import BookTicker, Instrument, Side

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision may look at. `order_usd` is the notional granted for one opening order, leverage included.

    `position_lots` is signed; `entry_price` is the position's average price. `closing`: only work the
    position off.
    """

    now_us: int
    instrument: Instrument
    book: BookTicker
    mark: Decimal
    position_lots: int
    entry_price: Decimal
    order_usd: Decimal
    closing: bool = False

    @property
    def mid(self) -> Decimal:
        return self.instrument.mid(self.book)


@dataclass(frozen=True, slots=True)
class Quote:
    """An order that should be working. A live one whose lots differ by no more than `lots_tolerance` will do."""

    side: Side
    price_ticks: int
    lots: int
    reduce_only: bool = False
    lots_tolerance: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """At most one quote a side. `note` tells the owner why a side is missing, empty when there is nothing to tell."""

    quotes: tuple[Quote, ...]
    reducing: bool = False
    note: str = ""


class Strategy(Protocol[State]):
    """`decide` is pure: the same state and situation give the same answer."""

    def start(self) -> State: ...

    def decide(self, state: State, situation: Situation) -> tuple[State, Decision]: ...
