"""What was traded in a symbol while no process of its fleet ran, as the venue's trade list tells.

Owns: reading that list from where an earlier process had counted to. Must not know: files, tasks, what a limit is.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.model import Fill
from exchange.ports import Trading
from fleet.ledger.books import STABLE_ASSETS, SymbolBook
from fleet.risk.loss import Basis

PAGE = 500


async def traded_since(basis: Basis, book: SymbolBook, trading: Trading) -> list[Fill] | None:
    """Up to where the book began. None when these trades do not lead from the one position to the other: the exchange
    was begun anew, say. Raises VenueError."""
    found: list[Fill] = []
    after = basis.trade_id
    while after < book.began_after:
        page = await trading.fills(book.instrument.symbol, from_id=after + 1, limit=PAGE)
        found += [fill for fill in page if _is_later(fill, basis) and fill.trade_id <= book.began_after]
        after = max((fill.trade_id for fill in page), default=after)
        if len(page) < PAGE:
            break
    lots = basis.lots + sum(fill.side.sign * fill.lots for fill in found)
    return found if lots == book.began_lots else None


def made_by(fills: Iterable[Fill]) -> Decimal:
    """As the venue tells it, less fees that were paid in dollars."""
    fills = list(fills)
    fees = sum((fill.fee for fill in fills if fill.fee_asset in STABLE_ASSETS), Decimal(0))
    return sum((fill.realised_pnl for fill in fills), Decimal(0)) - fees


def _is_later(fill: Fill, basis: Basis) -> bool:
    """A venue that listed no trade when it was asked names no number: then the list begins with old ones."""
    return basis.trade_id > 0 or fill.exchange_ms > basis.traded_ms
