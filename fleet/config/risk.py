"""The parts of a fleet file that say how much may be at risk: `risk`, and of a symbol `max_fills` and `mmp`.

Owns: names, bounds and defaults. Must not know: how any of it is kept (fleet.risk). What is not named is no limit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fleet.config.frozen import Frozen, Whole
from strategies.units import Duration, duration_between, wrong

Usd = Annotated[Decimal, Field(gt=0, le=10**12)]


class Risk(Frozen):
    """Limits of the whole fleet; null is no limit."""

    max_position_usd: Usd | None = Field(
        default=None, description="All symbols' positions together, as they would be if every opening order filled."
    )
    max_open_usd: Usd | None = Field(default=None, description="All opening orders of all symbols together.")
    daily_loss_usd: Usd | None = Field(
        default=None, description="What the fleet may lose in a UTC day: realised, unrealised, fees and funding."
    )
    drawdown_usd: Usd | None = Field(default=None, description="How far the fleet's result may fall below its best.")
    on_loss: Literal["pull", "close"] = Field(
        default="pull",
        description="When a loss limit is hit: pull what opens positions, or close those there are as well.",
    )


class MaxFills(Frozen):
    """So many fills in so short a time, and nothing opens a position for a while."""

    count: Whole = Field(ge=1, le=10_000, description="So many fills within the window begin a pause.")
    per_ms: Annotated[Duration, duration_between(100, 3_600_000)] = Field(
        default=10_000, alias="per", description="The window in which they are counted."
    )
    pause_ms: Annotated[Duration, duration_between(100, 86_400_000)] = Field(
        default=30_000, alias="pause", description="How long nothing opens a position then."
    )


class Mmp(Frozen):
    """The exchange's own market maker protection; a limit of 0 is none. While it has a symbol frozen it takes no order
    of it, one that would reduce the position neither."""

    window_ms: Annotated[Duration, duration_between(1, 3_600_000)] = Field(
        default=10_000, alias="window", description="The window in which the exchange counts what filled."
    )
    frozen_ms: Annotated[Duration, duration_between(0, 86_400_000)] = Field(
        default=30_000,
        alias="frozen",
        description="How long it refuses every order then; 0 until the fleet takes the symbol up again.",
    )
    quantity: Whole = Field(default=0, ge=0, le=10**15, description="Most that may fill, in the base asset.")
    value: Whole = Field(default=0, ge=0, le=10**15, description="Most that may fill, in the quote asset.")
    delta: Whole = Field(
        default=0, ge=0, le=10**15, description="Most that the position may change, in the base asset."
    )

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if not (self.quantity or self.value or self.delta):
            raise wrong("has no limit and protects from nothing", "quantity, value or delta above 0, or mmp: null")
        return self
