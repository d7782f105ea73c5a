"""What has been traded and what it made: positions from distinct trades, PnL from the venue's own figures.

Owns: fills once each, positions, realised PnL, fees, volume. Must not know: orders, strategies, clocks, the network.
The venue reports realised PnL and fee of every trade; they are summed, so that ours are its figures to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from exchange.model import Fill, Instrument, Position

_CENT_OF_MICRO = Decimal("0.00000001")


@dataclass(slots=True)
class SymbolBook:
    """One symbol. `position_lots` = where the run began + every distinct trade since, in whatever order they came."""

    instrument: Instrument
    position_lots: int = 0
    cost: Decimal = Decimal(0)
    """What the position was opened for, signed as the position is: position × entry price."""
    realised_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    volume_usd: Decimal = Decimal(0)
    fills: int = 0
    round_trips: int = 0
    read_to: int = 0
    """The trade list was read up to this trade: all up to it are counted, or were in the position we began with."""
    _began_after: int = 0
    _seen: set[int] = field(default_factory=set[int], repr=False)

    @property
    def entry_price(self) -> Decimal:
        if self.position_lots == 0:
            return Decimal(0)
        return self.cost / (self.position_lots * self.instrument.step_size)

    def begin(self, position: Position | None, last_trade_id: int) -> None:
        """The position that was there before the first trade we count, and the newest trade already in it.

        Of trades up to that one the line may still tell, late: they are not counted.
        """
        lots, entry = (position.lots, position.entry_price) if position else (0, Decimal(0))
        self.position_lots = lots
        self.cost = lots * self.instrument.step_size * entry
        self.read_to = self._began_after = last_trade_id

    def correct(self, position: Position | None) -> bool:
        """Takes the venue's word for the position. Returns whether ours was another."""
        lots, entry = (position.lots, position.entry_price) if position else (0, Decimal(0))
        if lots == self.position_lots:
            return False
        self.position_lots, self.cost = lots, lots * self.instrument.step_size * entry
        return True

    def add(self, fill: Fill) -> bool:
        """Counts a trade. Returns False for one that was counted before."""
        if fill.trade_id in self._seen or fill.trade_id <= self._began_after:
            return False
        self._seen.add(fill.trade_id)
        self.fills += 1
        self.fees += fill.fee
        self.realised_pnl += fill.realised_pnl
        notional = self.instrument.notional(fill.price_ticks, fill.lots)
        self.volume_usd += notional
        self._move(fill.side.sign * fill.lots, self.instrument.price(fill.price_ticks))
        return True

    def unrealised_pnl(self, mark: Decimal) -> Decimal:
        return self.position_lots * self.instrument.step_size * mark - self.cost

    def _move(self, lots: int, price: Decimal) -> None:
        before, after = self.position_lots, self.position_lots + lots
        self.position_lots = after
        step = self.instrument.step_size
        if before * lots >= 0:
            self.cost += lots * step * price
        elif before * after >= 0:
            # The share of the cost that is closed is rounded as the venue rounds; what remains takes the rest.
            self.cost -= (self.cost * -lots / before).quantize(_CENT_OF_MICRO, ROUND_HALF_EVEN)
        else:
            self.cost = after * step * price
        if after == 0 and before != 0:
            self.cost = Decimal(0)
        if before != 0 and before * after <= 0:
            self.round_trips += 1
