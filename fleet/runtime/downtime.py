"""What was traded in a symbol while no process of its fleet ran, as the venue's trade list tells.

Owns: reading that list from where an earlier process had counted to. Must not know: files, tasks, when a limit is hit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.model import Fill
from exchange.ports import Trading
from fleet.ledger.books import STABLE_ASSETS, SymbolBook
from fleet.risk.loss import Basis
from fleet.risk.officer import FleetRisk
from fleet.runtime.journal import Journal

PAGE = 500


async def take_up(risk: FleetRisk, book: SymbolBook, trading: Trading, journal: Journal) -> list[Fill]:
    """Once a symbol's book has begun: what was traded since an earlier process counted it counts for the limits as what
    is traded from now on. Returns those trades. Raises VenueError."""
    symbol = book.instrument.symbol
    basis = risk.remembered(symbol)
    if basis is None:
        return []
    found = await traded_since(basis, book, trading)
    if found is None:
        risk.forget(symbol)
        text = "what it made while no fleet ran is not known: its trades do not add up to its position"
        journal.warning(text, symbol)
        return []
    risk.take_up(symbol, made_by(found))
    return found


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


async def is_as_left(basis: Basis, symbol: str, trading: Trading) -> bool:
    """Whether it was flat, and has not been traded since. Raises VenueError."""
    if basis.lots:
        return False
    newest = await trading.fills(symbol, limit=1)
    return not any(each.trade_id > basis.trade_id and _is_later(each, basis) for each in newest)


def made_by(fills: Iterable[Fill]) -> Decimal:
    """As the venue tells it, less fees that were paid in dollars."""
    fills = list(fills)
    fees = sum((fill.fee for fill in fills if fill.fee_asset in STABLE_ASSETS), Decimal(0))
    return sum((fill.realised_pnl for fill in fills), Decimal(0)) - fees


def _is_later(fill: Fill, basis: Basis) -> bool:
    """A venue that listed no trade when it was asked names no number: then the list begins with old ones."""
    return basis.trade_id > 0 or fill.exchange_ms > basis.traded_ms
