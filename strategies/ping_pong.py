"""Ping-pong: both sides around mid while flat, only the reducing side in a position.

Owns: the strategy's parameters and its decision. Must not know: clocks, sockets, files, order ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from exchange.model import Instrument, Side
from strategies.base import Decision, Quote, Situation
from strategies.units import Spread


class PingPongParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    buy_spread: Spread = Field(description="How far below mid to buy: 0.006, 0.6% and 60bps mean the same.")
    sell_spread: Spread = Field(description="How far above mid to sell: 0.006, 0.6% and 60bps mean the same.")
    position_threshold_usd: Annotated[Decimal, Field(ge=0, le=10**9, allow_inf_nan=False)] = Field(
        default=Decimal(15),
        description="A position worth less than this many USD counts as flat.",
    )
    entry: Literal["both", "long", "short"] = Field(
        default="both",
        description="Which side opens a position while flat: both, long (buys only) or short (sells only).",
    )


@dataclass(frozen=True, slots=True)
class PingPong:
    """Stateless: the position says which way the next stroke goes, so nothing can be forgotten in a crash."""

    parameters: PingPongParameters

    def start(self) -> None:
        return None

    def decide(self, state: None, situation: Situation) -> tuple[None, Decision]:
        threshold_usd = Decimal(0) if situation.closing else self.parameters.position_threshold_usd
        if is_flat(situation, threshold_usd):
            return None, self._open(situation)
        return None, self._reduce(situation)

    def _open(self, at: Situation) -> Decision:
        if at.closing:
            return Decision((), note="closed")
        entry = self.parameters.entry
        sides = [side for side, wanted in ((Side.BUY, entry != "short"), (Side.SELL, entry != "long")) if wanted]
        quotes: list[Quote] = []
        for side in sides:
            price_ticks = self._price_ticks(side, at)
            lots = min(
                at.instrument.floor_lots(at.order_usd / at.instrument.price(price_ticks)), at.instrument.max_lots
            )
            if not is_large_enough(at.instrument, price_ticks, lots):
                return Decision((), note=f"an order of {at.order_usd:.2f} USD is below the exchange's minimum")
            quotes.append(Quote(side, price_ticks, lots, lots_tolerance=lots // 20))
        return Decision(tuple(quotes))

    def _reduce(self, at: Situation) -> Decision:
        side = Side.SELL if at.position_lots > 0 else Side.BUY
        lots = min(abs(at.position_lots), at.instrument.max_lots)
        quote = Quote(side, self._price_ticks(side, at), lots, reduce_only=True)
        return Decision((quote,), reducing=True)

    def _price_ticks(self, side: Side, at: Situation) -> int:
        """Mid less or plus the spread, rounded away from the market, and never where it would take."""
        if side is Side.BUY:
            wanted = at.instrument.floor_price(at.mid * (1 - self.parameters.buy_spread))
            return max(min(wanted, at.book.ask_ticks - 1), at.instrument.min_ticks)
        wanted = at.instrument.ceil_price(at.mid * (1 + self.parameters.sell_spread))
        return min(max(wanted, at.book.bid_ticks + 1), at.instrument.max_ticks)


def is_flat(at: Situation, threshold_usd: Decimal) -> bool:
    """Whether the position is worth less than the threshold, or too little for the exchange to close (dust).

    Valued at the entry price: at the market's, a position near the threshold would turn the mode with every tick.
    """
    notional = abs(at.position_lots) * at.instrument.step_size * at.entry_price
    dust = abs(at.position_lots) < at.instrument.min_lots or notional < at.instrument.min_notional
    return at.position_lots == 0 or dust or notional < threshold_usd


def is_large_enough(instrument: Instrument, price_ticks: int, lots: int) -> bool:
    return lots >= instrument.min_lots and instrument.notional(price_ticks, lots) >= instrument.min_notional
