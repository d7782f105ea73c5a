"""Prices pegged to the best bid or offer (docs: New Order, pegPriceType).

Owns: what a peg comes to in a book. Must not know: parameters, accounts. A peg is resolved once, when its order comes
into the book (a conditional one when it triggers); nothing moves it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange.model import Side
from exchange.paper.answers import Refusal
from exchange.paper.filters import check_price
from exchange.paper.listing import Listing
from exchange.protocol import codes

_COUNTERPARTY = "COUNTERPARTY_1"
PEG_TYPES = (_COUNTERPARTY, "QUEUE_1")


@dataclass(frozen=True, slots=True)
class Peg:
    """COUNTERPARTY_1 is the other side's best price, QUEUE_1 the own side's; the offset leads away from the market."""

    type: str
    offset_ticks: int


def pegged_ticks(peg: Peg, side: Side, listing: Listing) -> int:
    """Raises Refusal when that side of the book is empty, or the price is beyond PRICE_FILTER."""
    bid, ask = listing.touch()
    best = ask if (side is Side.BUY) is (peg.type == _COUNTERPARTY) else bid
    if best is None:
        raise Refusal(codes.NO_DEPTH, "No orders on book for symbol.")
    ticks = best[0] + peg.offset_ticks
    check_price(ticks, listing)
    return ticks
