"""REST bodies about margin: brackets, isolated margin, ADL (docs: Account/Trades Endpoints).

Owns and must not know: as payloads.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, Struct, UnsetType, field


class BracketRow(Struct, rename="camel"):
    """The docs spell these as numbers, not as text."""

    bracket: int
    initial_leverage: int
    notional_cap: int | float
    notional_floor: int | float
    maint_margin_ratio: float
    cum: int | float = 0


class LeverageBracketBody(Struct, rename="camel"):
    symbol: str
    brackets: list[BracketRow]


class PositionMarginBody(Struct, rename="camel"):
    amount: Raw
    """A number, not text."""
    type: int
    code: int = 200
    msg: str = "Successfully modify position margin."


class PositionMarginRow(Struct, rename="camel"):
    """`type` 1: added, 2: taken."""

    amount: str
    asset: str
    symbol: str
    time: int
    type: int
    position_side: str


class AdlQuantile(Struct):
    """`hedge` stands in for `both` where cross positions in hedge mode share one value."""

    long: int = field(name="LONG", default=0)
    short: int = field(name="SHORT", default=0)
    both: int | UnsetType = field(name="BOTH", default=UNSET)
    hedge: int | UnsetType = field(name="HEDGE", default=UNSET)


class AdlRow(Struct, rename="camel"):
    symbol: str
    adl_quantile: AdlQuantile
