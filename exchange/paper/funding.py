"""One symbol's funding: when it is due, at what rate, and what it was before.

Owns: intervals, the rate and its history. Must not know: positions, wallets, JSON.

The docs show symbols of eight hours (interest 0.0001, at most 3 %) and of four (half the interest, at most 2 %), and
name no list or formula. Here a symbol that exchangeInfo gives the lowest maintenance percentage, as it does to the
established ones, is funded every eight hours, the others every four. The rate is that of the family this API follows:
the interval's mean premium of mark over index, plus interest less premium within ±0.05 %, for eight hours, scaled to
the interval. Settings may give all symbols one interval, and one constant rate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from exchange.paper.config import PaperSettings
from exchange.paper.instruments import is_established
from exchange.paper.money import CENT8, ZERO

_KEPT = 1000
_HOUR_S = 3600
_EIGHT_HOURS_S = 8 * _HOUR_S
_INTEREST = Decimal("0.0001")
"""For eight hours."""
_DAMPING = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class FundingEvent:
    """What was due at a time: the rate, and the mark price it was paid at."""

    time_ms: int
    rate: Decimal
    mark: Decimal


class Funding:
    __slots__ = ("_constant", "_premiums", "_samples", "cap", "history", "interest", "interval_s", "next_us")

    def __init__(self, symbol: str, settings: PaperSettings, now_us: int) -> None:
        own_s = _EIGHT_HOURS_S if is_established(symbol) else 4 * _HOUR_S
        self.interval_s = settings.funding_interval_s or own_s
        self.interest = (_INTEREST * self.interval_s / _EIGHT_HOURS_S).quantize(CENT8)
        self.cap = Decimal("0.03") if self.interval_s >= _EIGHT_HOURS_S else Decimal("0.02")
        """The rate's limit either way."""
        self.next_us = 0
        self.history: deque[FundingEvent] = deque(maxlen=_KEPT)
        """Oldest first."""
        self._constant = settings.funding_rate
        self._premiums = ZERO
        self._samples = 0
        self._begin(now_us)

    @property
    def rate(self) -> Decimal:
        """What would be paid if the interval ended now, as a fraction of notional; longs pay when it is positive."""
        if self._constant is not None:
            return self._constant
        if not self._premiums:
            return self.interest
        premium = self._premiums / self._samples
        rate = premium + max(-_DAMPING, min(_INTEREST - premium, _DAMPING))
        rate = rate * self.interval_s / _EIGHT_HOURS_S
        return max(-self.cap, min(rate, self.cap)).quantize(CENT8)

    def sample(self, mark: Decimal, index: Decimal) -> None:
        """To be called each second."""
        self._samples += 1
        if mark != index:
            self._premiums += (mark - index) / index

    def settle(self, mark: Decimal, now_us: int) -> Decimal:
        """Ends the interval: the rate that is due."""
        rate = self.rate
        self.history.append(FundingEvent(now_us // 1000, rate, mark))
        self._begin(now_us)
        return rate

    def _begin(self, now_us: int) -> None:
        interval_us = self.interval_s * 1_000_000
        self.next_us = (now_us // interval_us + 1) * interval_us
        self._premiums = ZERO
        self._samples = 0
