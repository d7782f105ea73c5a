"""The caps of the whole fleet held against the sizes of its orders. Pure.

Owns: which of the caps leave no room for what the file wants to quote. Must not know: prices, how sizes come about.

An order is made to fit in its symbol's own caps; one that does not fit in the fleet's is not sent at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from fleet.config.faults import Fault
from fleet.config.loader import Loaded

_CAPS = ("max_open_usd", "max_position_usd")


@dataclass(frozen=True, slots=True)
class OrderSize:
    """The exchange's smallest order of a symbol, and what the file wants one to be; None: that is not known."""

    symbol: str
    least_usd: Decimal
    wanted_usd: Decimal | None


def cap_errors(loaded: Loaded, sizes: Sequence[OrderSize]) -> list[Fault]:
    """Where nothing could be placed, ever. `sizes`: of all symbols."""
    errors: list[Fault] = []
    least = min(sizes, key=lambda size: size.least_usd, default=None)
    for key, most in _caps(loaded):
        if least is not None and most < least.least_usd:
            smallest = f"the smallest of the exchange, {least.least_usd:.2f} USD of {least.symbol}"
            what = f"{key} {most.normalize():f} leaves the fleet no order, not even {smallest}"
            right = f"at least {_whole(least.least_usd)}; to have nothing quoted say `astermm-fleet kill`"
            errors.append(loaded.fault(("risk", key), what, right))
    return errors


def cap_warnings(loaded: Loaded, sizes: Sequence[OrderSize]) -> list[Fault]:
    """Where orders as the file wants them would not be placed."""
    warnings: list[Fault] = []
    for key, most in _caps(loaded):
        over = {
            size.symbol: size.wanted_usd for size in sizes if size.wanted_usd is not None and size.wanted_usd > most
        }
        if over:
            largest = max(over.values())
            orders = f"an order of {_names(list(over))} would be {'up to ' if len(over) > 1 else ''}{largest:.2f} USD"
            what = f"{orders} and is not placed, as {key} of the fleet is {most.normalize():f}"
            right = f"at least {_whole(largest)}, or smaller orders (balance_fraction, max_order_usd)"
            warnings.append(loaded.fault(("risk", key), what, right))
    return warnings


def _caps(loaded: Loaded) -> list[tuple[str, Decimal]]:
    caps = {key: getattr(loaded.config.risk, key) for key in _CAPS}
    return [(key, most) for key, most in caps.items() if most is not None]


def _names(symbols: list[str]) -> str:
    return symbols[0] if len(symbols) == 1 else f"{symbols[0]} and {len(symbols) - 1} more"


def _whole(usd: Decimal) -> Decimal:
    return usd.to_integral_value(ROUND_CEILING)
