"""What an account has in one symbol: its terms, and a holding for each position side.

Owns: the figures of positions and of the margin that their orders hold. Must not know: wallets, order books, JSON.

One-way mode uses the holding BOTH, hedge mode LONG and SHORT; leverage, margin type and the list of trades are the
symbol's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from exchange.model import Instrument, PositionSide, Side
from exchange.paper.brackets import Brackets, maintenance, max_notional
from exchange.paper.money import CENT8, ZERO

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

    __slots__ = ("brackets", "holdings", "instrument", "is_isolated", "leverage", "mark", "trades")

    def __init__(self, instrument: Instrument, brackets: Brackets, leverage: int, mark: Decimal) -> None:
        self.instrument = instrument
        self.brackets = brackets
        self.leverage = min(leverage, brackets[0].max_leverage)
        self.is_isolated = False
        self.mark = mark
        self.holdings: dict[PositionSide, Holding] = {}
        self.trades: deque[OwnTrade] = deque(maxlen=_KEPT_TRADES)

    def holding(self, position_side: PositionSide) -> Holding:
        holding = self.holdings.get(position_side)
        if holding is None:
            holding = self.holdings[position_side] = Holding(self, position_side)
        return holding

    @property
    def max_notional(self) -> Decimal:
        """The largest position at the present leverage."""
        return max_notional(self.brackets, self.leverage)


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
        "is_called",
        "isolated_wallet",
        "lots",
        "maintenance",
        "margin",
        "notional",
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
        self.notional = ZERO
        """At mark, signed; this and the three below as of the last `revalue`."""
        self.margin = ZERO
        """What it takes of the account's free collateral: all initial margin, or where isolated that of the orders."""
        self.maintenance = ZERO
        self.unrealised = ZERO
        self.isolated_wallet = ZERO
        """What was set aside for an isolated position, with all that it has earned and paid since."""
        self.is_called = False
        """Whether its margin call is out (isolated)."""
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
    def entry_price(self) -> Decimal:
        return (self.cost / self.quantity).quantize(CENT8) if self.lots else ZERO

    @property
    def position_margin(self) -> Decimal:
        """Initial margin of the position alone, at mark."""
        return self.margin_with(ZERO, ZERO)

    @property
    def order_margin(self) -> Decimal:
        return self.margin if self.stake.is_isolated else self.margin - self.position_margin

    @property
    def spare_margin(self) -> Decimal:
        """What may be taken out of an isolated position: profit counts, but no more than is there."""
        left = self.isolated_wallet + self.unrealised - self.position_margin
        return max(ZERO, min(self.isolated_wallet, left))

    def margin_with(self, bids: Decimal, asks: Decimal) -> Decimal:
        """Initial margin if open orders were `bids` and `asks`: the dearer of the two ways they could fill."""
        worst = max(abs(self.notional + bids), abs(self.notional - asks))
        return (worst / self.stake.leverage).quantize(CENT8, ROUND_UP)

    def held_with(self, bids: Decimal, asks: Decimal) -> Decimal:
        """What `margin` would be with these orders."""
        whole = self.margin_with(bids, asks)
        return whole - self.position_margin if self.stake.is_isolated else whole

    def over_cap(self, side: Side, notional: Decimal) -> bool:
        """Whether an order of this much more would let the position outgrow what its leverage allows."""
        before = self.notional + self.bids if side is Side.BUY else self.notional - self.asks
        after = before + notional * side.sign
        return abs(after) > abs(before) and abs(after) > self.stake.max_notional

    def outgrows(self, leverage: int) -> bool:
        """Whether position and orders are more than a leverage would allow."""
        worst = max(abs(self.notional + self.bids), abs(self.notional - self.asks))
        return worst > max_notional(self.stake.brackets, leverage)

    def reducible(self, side: Side) -> int:
        """How many lots of the position an order of that side could close."""
        return abs(self.lots) if self.lots * side.sign < 0 else 0

    def revalue(self) -> None:
        """After a change of lots, mark, orders or terms."""
        if self.lots:
            self.notional = self.instrument.step_size * self.lots * self.stake.mark
            self.unrealised = self.notional - self.cost
            self.maintenance = maintenance(self.stake.brackets, abs(self.notional))
        else:
            self.notional = self.unrealised = self.maintenance = ZERO
        self.margin = self.held_with(self.bids, self.asks)
