"""What the venue asks of one symbol's market, whoever the other participants are.

Owns: the port between the venue (accounts, orders, requests) and a market (book, background flow, queue model).
Must not know: accounts, margin, JSON. Time comes in as an argument; the same calls give the same trades.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from exchange.model import Instrument, Side


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution. An order id is that of an account's order; None stands for the background."""

    trade_id: int
    ticks: int
    lots: int
    taker_side: Side
    maker_order_id: int | None
    taker_order_id: int | None
    exchange_us: int


OnTrade = Callable[[Trade], None]
"""Called for each execution as it happens. It may call `remove` on the same market: matching looks again after it."""

MayMeet = Callable[[int], bool]
"""Asked with the id of an account's resting order before it would trade; False ends the taking.

It may call `remove` on the same market, for the order it was asked about too: matching looks again after it.
"""


class Market(Protocol):
    @property
    def instrument(self) -> Instrument: ...

    def next_us(self) -> int | None:
        """When something next happens by itself; None when nothing ever will."""
        ...

    def advance(self, now_us: int, on_trade: OnTrade) -> None:
        """Lets everything happen that is due by now: background orders, cancels and trades."""
        ...

    def best_bid(self) -> tuple[int, int] | None:
        """(ticks, lots) of all that is displayed at the best price, accounts' orders included, hidden ones not."""
        ...

    def best_ask(self) -> tuple[int, int] | None: ...

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """(ticks, lots) of what is displayed, from the best price on."""
        ...

    def mark_price(self) -> Decimal: ...

    def index_price(self) -> Decimal: ...

    def would_cross(self, side: Side, ticks: int) -> bool:
        """Whether anything rests there to trade with, hidden orders included."""
        ...

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        """How many of `lots` would trade at once at `limit_ticks` or better (None: at any price)."""
        ...

    def take(
        self,
        order_id: int,
        side: Side,
        limit_ticks: int | None,
        lots: int,
        now_us: int,
        on_trade: OnTrade,
        may_meet: MayMeet | None = None,
    ) -> int:
        """Trades what crosses and returns the lots left over. Rests nothing."""
        ...

    def rest(self, order_id: int, side: Side, ticks: int, lots: int, now_us: int, *, is_hidden: bool = False) -> None:
        """Puts an order that does not cross at the end of its price's queue; a hidden one behind all displayed."""
        ...

    def remove(self, order_id: int) -> int:
        """Takes a resting order out and returns the lots it still had; 0 if it is not there."""
        ...

    def shrink(self, order_id: int, lots: int) -> None:
        """Lowers a resting order to `lots` without losing its place."""
        ...
