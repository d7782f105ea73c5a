"""What has been traded and what it made: positions from distinct trades, PnL from the venue's own figures.

Owns: fills once each, positions, realised PnL, fees, funding, volume. Must not know: orders, strategies, clocks, the
network.
The venue reports realised PnL and fee of every trade; they are summed, so that ours are its figures to the last digit.

A position that the venue tells says when it last changed: every trade from before then is in it, none from after, and
of the trades of that very millisecond the first so many, in the order of their ids, as it is made up of. By that its
word and the trades, which come on other ways and in any order, are put together without counting one twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from exchange.model import Fill, Instrument, Position

_CENT_OF_MICRO = Decimal("0.00000001")

STABLE_ASSETS = frozenset({"USDT", "USDC", "USDF", "USD1", "FDUSD", "BUSD", "DAI"})
"""Counted at one dollar each."""

_OLD_MS = 3_600_000
"""A trade so long before the beginning is an old one, however far the clocks are apart."""


@dataclass(slots=True)
class _Word:
    """A position as the venue told it, and what is known of the trades that it is made up of."""

    lots: int
    changed_ms: int
    """When it last changed."""
    older_lots: int
    """What the position was by the trades from before that millisecond, as far as they are known."""
    tied: dict[int, int]
    """Lots of the known trades of that millisecond, by id."""
    later_lots: int = 0
    """What the book has counted of those that came after the venue's word."""

    def later(self) -> int:
        """Lots of the tied trades that came after it. While what is known does not make it up, it holds them all."""
        left, made = sum(self.tied.values()), self.older_lots
        for _, lots in [(0, 0), *sorted(self.tied.items())]:
            left, made = left - lots, made + lots
            if made == self.lots:
                return left
        return 0


@dataclass(slots=True)
class SymbolBook:
    """One symbol. `position_lots` = where the run began + every distinct trade since, in whatever order they came."""

    instrument: Instrument
    position_lots: int = 0
    cost: Decimal = Decimal(0)
    """What the position was opened for, signed as the position is: position × entry price."""
    realised_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    """In dollars: those paid in stable assets."""
    other_fees: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By asset, those paid in others: what they are worth is not ours to say."""
    funding: Decimal = Decimal(0)
    """Received: negative is a cost. Added by whoever reads the venue's list."""
    volume_usd: Decimal = Decimal(0)
    fills: int = 0
    round_trips: int = 0
    read_to: int = 0
    """The trade list was read up to this trade: all up to it are counted, or were in the position we began with."""
    unlisted: dict[int, None] = field(default_factory=dict[int, None], repr=False)
    """Trades counted beyond that one, as the line told of them: reading the list on empties it."""
    last_trade_ms: int = 0
    """The newest trade that is in the position."""
    began_lots: int = 0
    began_after: int = 0
    """The position that was begun with, and the newest trade in it."""
    began_pnl: Decimal = Decimal(0)
    """What that position had made by then, unrealised: whoever held it before made that, and not this run."""
    _began_ms: int = 0
    _traded_lots: int = 0
    """The position by trades alone, whatever the venue's word was."""
    _newest: dict[int, int] = field(default_factory=dict[int, int], repr=False)
    """Lots of the known trades of `last_trade_ms`, by id."""
    _word: _Word | None = field(default=None, repr=False)
    """The one that last corrected the position."""

    @property
    def entry_price(self) -> Decimal:
        if self.position_lots == 0:
            return Decimal(0)
        return self.cost / (self.position_lots * self.instrument.step_size)

    def begin(self, position: Position | None, last_trade_id: int, now_ms: int = 0) -> None:
        """The position that was there before the first trade we count, and the newest trade already in it.

        Of trades up to that one the line may still tell, late: they are not counted. Nor is one that was made long
        before `now_ms`: the venue names no newest trade when that one is older than what it lists by default.
        """
        lots, entry = (position.lots, position.entry_price) if position else (0, Decimal(0))
        self.position_lots = self._traded_lots = self.began_lots = lots
        self.cost = lots * self.instrument.step_size * entry
        self.began_pnl = position.unrealised if position else Decimal(0)
        self.read_to = self.began_after = last_trade_id
        self._newest, self._word = {}, None
        self._began_ms = now_ms - _OLD_MS
        self.last_trade_ms = position.exchange_ms if position else 0

    def differs(self, position: Position) -> bool:
        """Whether the venue's word is another than ours, and not only older."""
        if position.exchange_ms < self.last_trade_ms:
            return False
        word = self._word_of(position)
        return word.lots + word.later_lots != self.position_lots

    def has_missed(self, position: Position) -> bool:
        """Whether there were trades that are not counted: the position is another, or it changed later."""
        return position.lots != self.position_lots or position.exchange_ms > self.last_trade_ms

    def correct(self, position: Position) -> bool:
        """Takes the venue's word for the position, unless ours is newer. Returns whether ours was another.

        Trades that the venue has not told of, but has in its word, move nothing when they come.
        """
        if not self.differs(position):
            return False
        self._word = word = self._word_of(position)
        self.position_lots = word.lots + word.later_lots
        self.cost = self.position_lots * self.instrument.step_size * position.entry_price
        if position.exchange_ms > self.last_trade_ms:
            self.last_trade_ms, self._newest = position.exchange_ms, {}
        return True

    def add(self, fill: Fill) -> bool:
        """Counts a trade. Returns False for one that was counted before."""
        if fill.trade_id in self.unlisted or fill.trade_id <= self.read_to or fill.exchange_ms < self._began_ms:
            return False
        self.unlisted[fill.trade_id] = None
        self.fills += 1
        if fill.fee_asset in STABLE_ASSETS:
            self.fees += fill.fee
        elif fill.fee:
            self.other_fees[fill.fee_asset] = self.other_fees.get(fill.fee_asset, Decimal(0)) + fill.fee
        self.realised_pnl += fill.realised_pnl
        notional = self.instrument.notional(fill.price_ticks, fill.lots)
        self.volume_usd += notional
        self._count(fill.trade_id, fill.side.sign * fill.lots, fill.exchange_ms, fill.price_ticks)
        return True

    def list_read(self, to: int) -> None:
        """The trade list was read on, up to this trade, and what it had was added."""
        self.read_to = max(self.read_to, to)
        self.unlisted = {trade_id: None for trade_id in self.unlisted if trade_id > self.read_to}

    @property
    def newest_trade(self) -> int:
        return max(self.read_to, max(self.unlisted, default=0))

    def unrealised_pnl(self, mark: Decimal) -> Decimal:
        return self.position_lots * self.instrument.step_size * mark - self.cost

    def _word_of(self, position: Position) -> _Word:
        """One that is not older than the newest trade."""
        tied = dict(self._newest) if position.exchange_ms == self.last_trade_ms else {}
        word = _Word(position.lots, position.exchange_ms, self._traded_lots - sum(tied.values()), tied)
        word.later_lots = word.later()
        return word

    def _count(self, trade_id: int, lots: int, made_ms: int, price_ticks: int) -> None:
        self._traded_lots += lots
        if made_ms > self.last_trade_ms:
            self.last_trade_ms, self._newest = made_ms, {}
        if made_ms == self.last_trade_ms:
            self._newest[trade_id] = lots
        word = self._word
        if word is not None and made_ms <= word.changed_ms:
            # It may show which of the others the venue's word held.
            if made_ms == word.changed_ms:
                word.tied[trade_id] = lots
            else:
                word.older_lots += lots
            lots, word.later_lots = word.later() - word.later_lots, word.later()
        self._move(lots, self.instrument.price(price_ticks))

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
