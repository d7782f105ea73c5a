"""Ping-pong: both sides around mid while flat, only the reducing side in a position.

Owns: the strategy's parameters. Must not know: clocks, sockets, files.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from strategies.units import Spread


class PingPongParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    buy_spread: Spread = Field(description="How far below mid to buy: 0.006, 0.6% and 60bps mean the same.")
    sell_spread: Spread = Field(description="How far above mid to sell: 0.006, 0.6% and 60bps mean the same.")
    position_threshold_usd: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Field(
        default=Decimal(15),
        description="A position worth less than this many USD counts as flat.",
    )
    entry: Literal["both", "long", "short"] = Field(
        default="both",
        description="Which side opens a position while flat: both, long (buys only) or short (sells only).",
    )
