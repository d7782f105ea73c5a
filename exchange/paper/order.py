"""One order of an account as the venue holds it, and who is told of it.

Owns: an order's state. Must not know: what moves it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from exchange.model import OrderStatus, PositionSide
from exchange.paper.accounts import Account
from exchange.paper.entry import NewOrder
from exchange.paper.holding import Holding, OwnTrade
from exchange.paper.listing import Listing
from exchange.paper.money import ZERO

LIQUIDATION = "LIQUIDATION"


class PaperOrder:
    """`type` is LIMIT or MARKET once a conditional order has been triggered; `original_type` stays."""

    __slots__ = (
        "account",
        "amendments",
        "best_ticks",
        "client_id",
        "condition",
        "created_ms",
        "filled",
        "held",
        "holding",
        "id",
        "is_waiting",
        "listing",
        "lots",
        "original_type",
        "peg",
        "quote",
        "reduce_only",
        "resting",
        "side",
        "status",
        "stp_mode",
        "ticks",
        "time_in_force",
        "type",
        "updated_ms",
    )

    def __init__(
        self, order_id: int, account: Account, listing: Listing, holding: Holding, new: NewOrder, now_ms: int
    ) -> None:
        self.id = order_id
        self.account = account
        self.holding = holding
        self.listing = listing
        self.client_id = new.client_id or f"paper-{order_id}"
        self.side = new.side
        self.type = self.original_type = new.type
        self.time_in_force = new.time_in_force
        self.ticks = new.ticks
        self.lots = new.lots
        self.reduce_only = new.reduce_only
        self.stp_mode = new.stp_mode or account.stp_mode
        self.peg = new.peg
        self.condition = new.condition
        self.is_waiting = new.condition is not None
        """For its condition: it is open, and in no book."""
        self.best_ticks = 0
        """While it waits: the best price for it that its condition has seen."""
        self.filled = 0
        self.quote: Decimal = ZERO
        """Price times quantity of all fills."""
        self.held: Decimal = ZERO
        """Notional that counts towards margin while the order rests."""
        self.resting = False
        self.status = OrderStatus.NEW
        self.amendments = 0
        self.created_ms = now_ms
        self.updated_ms = now_ms

    @property
    def left(self) -> int:
        return self.lots - self.filled

    @property
    def position_side(self) -> PositionSide:
        return self.holding.position_side

    @property
    def only_reduces(self) -> bool:
        """Asked to, or because in hedge mode its side can do nothing else."""
        return self.reduce_only or self.holding.position_side.reduces(self.side)


class News(Protocol):
    """Who is told of what happens to an account."""

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None: ...

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None: ...
