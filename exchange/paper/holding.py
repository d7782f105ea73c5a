"""What an account has in one symbol: its terms, and a holding for each position side.

Owns: the figures of positions and of the margin that their orders hold. Must not know: wallets, order books, JSON.

One-way mode uses the holding BOTH, hedge mode LONG and SHORT; leverage and the list of trades are the symbol's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from exchange.model import Instrument, PositionSide, Side

CENT8 = Decimal("0.00000001")
ZERO = Decimal(0)
_KEPT_TRADES = 100_000


@dataclass(frozen=True, slots=True)
class OwnTrade:
    trade_id: int
    order_id: int
    side: Side
    ticks: int
    lots: int
    is_maker: bool
    fee: Decimal
    realised: Decimal
    exchange_ms: int
    position_side: PositionSide = PositionSide.BOTH


class Stake:
    """One symbol in an account. Its holdings are made on first use."""

    __slots__ = ("holdings", "instrument", "leverage", "mark", "trades")

    def __init__(self, instrument: Instrument, leverage: int, mark: Decimal) -> None:
        self.instrument = instrument
        self.leverage = leverage
        self.mark = mark
        self.holdings: dict[PositionSide, Holding] = {}
        self.trades: deque[OwnTrade] = deque(maxlen=_KEPT_TRADES)

    def holding(self, position_side: PositionSide) -> Holding:
        holding = self.holdings.get(position_side)
        if holding is None:
            holding = self.holdings[position_side] = Holding(self, position_side)
        return holding


class Holding:
    """One position side of a symbol: the position, the margin its orders hold, and running totals."""

    __slots__ = (
        "asks",
        "bids",
        "cost",
        "fees",
        "fills",
        "funding",
        "instrument",
        "lots",
        "margin",
        "position_side",
        "realised",
        "stake",
        "unrealised",
        "updated_ms",
        "volume",
    )

    def __init__(self, stake: Stake, position_side: PositionSide) -> None:
        self.stake = stake
        self.instrument = stake.instrument
        self.position_side = position_side
        self.lots = 0
        """Signed: never negative on LONG, never positive on SHORT."""
        self.cost = ZERO
        """What the position was bought for; negative for a short."""
        self.bids = ZERO
        """Notional of open buys that may increase; `asks` likewise."""
        self.asks = ZERO
        self.margin = ZERO
        self.unrealised = ZERO
        self.realised = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.volume = ZERO
        self.fills = 0
        self.updated_ms = 0

    @property
    def quantity(self) -> Decimal:
        return self.instrument.step_size * self.lots

    @property
    def notional(self) -> Decimal:
        return self.instrument.step_size * self.lots * self.stake.mark

    @property
    def entry_price(self) -> Decimal:
        return (self.cost / self.quantity).quantize(CENT8) if self.lots else ZERO

    def margin_with(self, bids: Decimal, asks: Decimal) -> Decimal:
        """Initial margin if open orders were `bids` and `asks`: the dearer of the two ways they could fill."""
        notional = self.notional
        worst = max(abs(notional + bids), abs(notional - asks))
        return (worst / self.stake.leverage).quantize(CENT8, ROUND_UP)

    def reducible(self, side: Side) -> int:
        """How many lots of the position an order of that side could close."""
        return abs(self.lots) if self.lots * side.sign < 0 else 0
