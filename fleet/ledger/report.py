"""What the ledger's rows add up to: money, trades, and how good the quotes were, by symbol and day.

Owns: the sums. Must not know: SQL, tables on a terminal. Exact: every figure of money is the sum of the exchange's own.

Spread captured: how much better than mid each trade was when it was made. A markout is the same against mid so many
seconds later: what the market left of it. Both are of those trades alone of which mid is known: `Edge.volume` says on
how much.

A line holds what was held at the end of its time. Whatever was held has a line, though nothing else was done in it: the
lines of symbols add up to the total, and those of a day to what was held at its end.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from fleet.ledger.books import STABLE_ASSETS
from fleet.ledger.markouts import HORIZONS_S
from fleet.ledger.positions import Positions
from fleet.ledger.reading import DAY_MS, Payment, Reader, Span, Trade, Worth

ZERO = Decimal(0)


@dataclass(slots=True)
class Edge:
    """Dollars gained against a mid, on so much volume."""

    usd: Decimal = ZERO
    volume: Decimal = ZERO

    def add(self, usd: Decimal, volume: Decimal) -> None:
        self.usd += usd
        self.volume += volume

    @property
    def bps(self) -> float | None:
        return float(self.usd / self.volume * 10_000) if self.volume else None


@dataclass(slots=True)
class Line:
    """One symbol (None: all) on one day (None: all), as days since the epoch."""

    symbol: str | None
    day: int | None
    fills: int = 0
    maker_volume: Decimal = ZERO
    taker_volume: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    other: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    """Fees (negative) and funding in assets that are no dollars."""
    orders: int = 0
    orders_filled: int = 0
    position: Decimal | None = ZERO
    """At the end; None for several symbols."""
    position_usd: Decimal = ZERO
    spread: Edge = field(default_factory=Edge)
    markouts: dict[int, Edge] = field(default_factory=lambda: {horizon_s: Edge() for horizon_s in HORIZONS_S})

    @property
    def volume(self) -> Decimal:
        return self.maker_volume + self.taker_volume

    @property
    def net(self) -> Decimal:
        """Without what the position is worth by now."""
        return self.realised - self.fees + self.funding

    @property
    def fill_ratio(self) -> float | None:
        return self.orders_filled / self.orders if self.orders else None


@dataclass(frozen=True, slots=True)
class Report:
    lines: tuple[Line, ...]
    """By symbol and day, the oldest day first."""
    total: Line
    unattributed: Line
    """What of the total's trades is by no order on record as the fleet's."""
    earlier: tuple[int, int] | None = None
    """How many trades are on record from before the time asked for, and when the first of them was made."""
    equity: tuple[Worth, Worth] | None = None
    """Of the whole account, what is not the fleet's included: at the first and the last moment on record."""


def report(reader: Reader, span: Span, *, by_symbol: bool, by_day: bool) -> Report:
    """Raises LedgerError."""
    sums = _Sums(span, Positions(reader.positions(span), span.until_ms, DAY_MS), by_symbol, by_day)
    sums.add_trades(reader.trades(span))
    for payment in reader.funding(span):
        sums.add_funding(payment)
    for symbol, day, placed, filled in reader.orders(span):
        for line in sums.lines(symbol, day):
            line.orders += placed
            line.orders_filled += filled
    sums.value(reader.marks(span))
    return replace(sums.report(), equity=reader.equity(span))


@dataclass(slots=True)
class _Prices:
    """One symbol's newest of each day."""

    _newest: dict[int, tuple[int, Decimal]] = field(default_factory=dict[int, tuple[int, Decimal]])
    _days: list[int] = field(default_factory=list[int])

    def see(self, at_ms: int, price: Decimal) -> None:
        day = at_ms // DAY_MS
        known = self._newest.get(day)
        if known is None:
            insort(self._days, day)
        if known is None or at_ms >= known[0]:
            self._newest[day] = at_ms, price

    def at(self, day: int) -> Decimal:
        """At the day's end; where none was seen until then, the first there is."""
        return self._newest[self._days[max(bisect_right(self._days, day) - 1, 0)]][1]


class _Sums:
    def __init__(self, span: Span, positions: Positions, by_symbol: bool, by_day: bool) -> None:
        self._span = span
        self._positions = positions
        self._by_symbol, self._by_day = by_symbol, by_day
        self._lines: dict[tuple[int | None, str | None], Line] = {}
        self._total = Line(None, None, position=None)
        self._unattributed = Line(None, None, position=None)
        self._earlier: tuple[int, int] | None = None
        self._prices: dict[str, _Prices] = {}

    def lines(self, symbol: str, day: int) -> tuple[Line, Line]:
        """Where something of this symbol and day is to be added."""
        key = (day if self._by_day else None, symbol if self._by_symbol else None)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key[1], key[0], position=ZERO if self._by_symbol else None)
        return line, self._total

    def add_trades(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            if trade.account == self._span.account:
                self._positions.add(trade.symbol, trade.exchange_ms, trade.sign * trade.quantity)
                if trade.exchange_ms < self._span.until_ms:
                    self._see_price(trade.symbol, trade.exchange_ms, trade.mark or trade.mid or trade.price)
            if self._span.since_ms <= trade.exchange_ms < self._span.until_ms:
                for line in self.lines(trade.symbol, trade.exchange_ms // DAY_MS):
                    _add_trade(line, trade)
                if not trade.is_ours:
                    _add_trade(self._unattributed, trade)
            elif trade.exchange_ms < self._span.since_ms:
                count, first_ms = self._earlier or (0, trade.exchange_ms)
                self._earlier = count + 1, first_ms
        self._positions.end()

    def add_funding(self, payment: Payment) -> None:
        for line in self.lines(payment.symbol, payment.exchange_ms // DAY_MS):
            if payment.asset in STABLE_ASSETS:
                line.funding += payment.amount
            else:
                line.other[payment.asset] = line.other.get(payment.asset, ZERO) + payment.amount

    def value(self, marks: Iterable[tuple[str, int, Decimal]]) -> None:
        """What is held at the end of each line's time, at the newest price until then."""
        for symbol, at_ms, mark in marks:
            self._see_price(symbol, at_ms, mark)
        symbols = self._positions.symbols()
        last_day = (self._span.until_ms - 1) // DAY_MS
        self._line_for_all_that_is_held(symbols, last_day)
        for line in (*self._lines.values(), self._total):
            until = last_day if line.day is None else line.day
            for symbol in [line.symbol] if line.symbol else symbols:
                position = self._positions.at(symbol, until)
                if line.symbol:
                    line.position = position
                if position and symbol in self._prices:
                    line.position_usd += position * self._prices[symbol].at(until)

    def _line_for_all_that_is_held(self, symbols: Iterable[str], last_day: int) -> None:
        days = sorted({line.day for line in self._lines.values() if line.day is not None})
        if not self._by_day:
            days = [last_day]
        elif not days:
            # Nothing was done on any day: what is held has been there since the last one on which something was.
            newest = self._positions.last_day()
            days = [] if newest is None else [newest]
        for day in days:
            for symbol in symbols:
                if self._positions.at(symbol, day):
                    self.lines(symbol, day)

    def _see_price(self, symbol: str, at_ms: int, price: Decimal) -> None:
        self._prices.setdefault(symbol, _Prices()).see(at_ms, price)

    def report(self) -> Report:
        lines = sorted(self._lines.values(), key=lambda line: (line.day or 0, line.symbol or ""))
        return Report(tuple(lines), self._total, self._unattributed, self._earlier)


def _add_trade(line: Line, trade: Trade) -> None:
    notional = trade.price * trade.quantity
    line.fills += 1
    line.realised += trade.realised_pnl
    if trade.is_maker:
        line.maker_volume += notional
    else:
        line.taker_volume += notional
    if trade.fee_asset in STABLE_ASSETS:
        line.fees += trade.fee
    elif trade.fee:
        line.other[trade.fee_asset] = line.other.get(trade.fee_asset, ZERO) - trade.fee
    signed = trade.sign * trade.quantity
    if trade.mid is not None:
        line.spread.add((trade.mid - trade.price) * signed, notional)
    for horizon_s, mid in trade.later:
        line.markouts[horizon_s].add((mid - trade.price) * signed, notional)
