"""How wrong the market's picture of us is: the orders that stand against the quotes that should.

Owns: that arithmetic, for one quote, one side and a whole fleet. Must not know: what mending an error is worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exchange.model import Side
from fleet.orders.lifecycle import WorkingOrder
from strategies.base import Quote


@dataclass(frozen=True, slots=True)
class QuoteError:
    bps: float
    """Of the wanted price, 0 or more."""
    is_too_close: bool
    """Nearer to the market than wanted: it may trade at a loss. One that is too far only misses trades."""


@dataclass(frozen=True, slots=True)
class WantedQuote:
    """`error` None: no order stands for it."""

    symbol: str
    notional_usd: float
    error: QuoteError | None


@dataclass(frozen=True, slots=True)
class OverallError:
    """Over the quotes that have an order; `missing` counts those that have none. None: no quote has one."""

    mean_bps: float | None
    """Each weighs as much as its notional."""
    worst_bps: float | None
    worst_symbol: str
    missing: int


def quote_error(order: WorkingOrder, quote: Quote) -> QuoteError:
    """The order is of the quote's side."""
    off_ticks = order.price_ticks - quote.price_ticks
    is_too_close = off_ticks > 0 if quote.side is Side.BUY else off_ticks < 0
    return QuoteError(abs(off_ticks) / quote.price_ticks * 10_000, is_too_close)


def standing_error(orders: Iterable[WorkingOrder], quote: Quote) -> QuoteError | None:
    """Of the live order that stands for the quote, the nearest when there are several; None when there is none.

    An opening order does not stand for a reducing quote, nor the other way round: it is about to be cancelled.
    """
    errors = [
        quote_error(order, quote)
        for order in orders
        if order.is_live and order.side is quote.side and order.reduce_only == quote.reduce_only
    ]
    return min(errors, key=lambda error: error.bps, default=None)


def overall_error(wanted: Iterable[WantedQuote]) -> OverallError:
    missing, weights, weighted = 0, 0.0, 0.0
    worst_bps: float | None = None
    worst_symbol = ""
    for quote in wanted:
        if quote.error is None:
            missing += 1
            continue
        weights += quote.notional_usd
        weighted += quote.notional_usd * quote.error.bps
        if worst_bps is None or quote.error.bps > worst_bps:
            worst_bps, worst_symbol = quote.error.bps, quote.symbol
    return OverallError(weighted / weights if weights else None, worst_bps, worst_symbol, missing)
