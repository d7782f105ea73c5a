"""A market made of seeded order flow: makers around a latent fair value, and takers of whom some know it.

Owns: the background's behaviour. Must not know: accounts, wall time; `advance` may be called as often or as seldom as
one likes, the same seed gives the same market as long as no account acts in it.

The fair value walks at random, with a volatility that drifts and trends that come and go, and sometimes jumps.
Makers hold a ladder of quotes each side of their reference, which follows the fair value once it has strayed by a
band; they look after their quotes at random times and never cross. Takers come in clusters. The informed ones take
every quote between the book and the fair value, so whoever quotes and is slow is traded against just before the price
moves through him.
"""

from __future__ import annotations

import math
import random
from decimal import Decimal
from itertools import pairwise

from exchange.model import Instrument, Side
from exchange.paper.book import Book
from exchange.paper.calibration import MarketParameters
from exchange.paper.market import MayMeet, OnTrade, Trade

_WARM_UP_US = 20_000_000
_TOUCH = 2
"""Quotes of a side that want to be at the best price."""
_NEAR = 14
_FAR = 8
_SLOTS = _TOUCH + _NEAR + _FAR
_FAR_BPS = 50.0
_MOVED_A_TIME = 3
"""Quotes of a ladder looked at, on each side, when the makers look after them."""
_MARK_S = 10.0
"""Over how long the mark price smooths the distance of mid to fair value."""
_CLUSTER_S = 2.0
_CLUSTERING = 0.25
"""Share of the takers that others set off, within about `_CLUSTER_S` (Hawkes' branching ratio)."""
_VOLATILITY_S = 180.0
_VOLATILITY_LOG_SD = 0.4
_TREND_S = 20.0
_LARGEST_SD = 2.4
"""Sizes are log-normal, cut off this many standard deviations above the median."""
_KEPT = 0.8
"""Share of the quotes looked at that stay when they are still about where they should be."""


class SyntheticMarket:
    """Implements exchange.paper.market.Market."""

    def __init__(self, instrument: Instrument, parameters: MarketParameters, seed: int | str, start_us: int) -> None:
        self._instrument = instrument
        self._p = parameters
        self._random = random.Random(f"{seed}:{instrument.symbol}")
        self._book = Book()
        self._now_us = start_us - _WARM_UP_US
        self._next_us = self._now_us
        self._next_background_id = -1
        tick = float(instrument.tick_size)
        self._bps_ticks = parameters.price / tick * 1e-4
        self._lots_per_usd = 1.0 / (parameters.price * float(instrument.step_size))
        self._home = parameters.price / tick
        self._fair = self._home
        self._reference = self._home
        self._basis = 0.0
        self._log_volatility = 0.0
        self._trend_ticks = 0.0
        self._volatility_ticks = parameters.volatility_bps * self._bps_ticks
        self._next_regime_us = self._now_us
        self._excitement = 0.0
        self._offsets, self._leeways = _ladder(parameters.level_gap_ticks, self._bps_ticks)
        self._ids = {1: [0] * _SLOTS, -1: [0] * _SLOTS}
        self._prices = {1: [0] * _SLOTS, -1: [0] * _SLOTS}
        for slot in range(_SLOTS):
            self._quote(1, slot)
            self._quote(-1, slot)
        self.advance(start_us, _ignore)

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    def next_us(self) -> int | None:
        return self._next_us

    def advance(self, now_us: int, on_trade: OnTrade) -> None:
        while self._next_us <= now_us:
            self._step(on_trade)

    def best_bid(self) -> tuple[int, int] | None:
        return self._book.best_bid()

    def best_ask(self) -> tuple[int, int] | None:
        return self._book.best_ask()

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        return self._book.levels(side, limit)

    def mark_price(self) -> Decimal:
        return self._price(self._fair + self._basis)

    def index_price(self) -> Decimal:
        return self._price(self._fair)

    def would_cross(self, side: Side, ticks: int) -> bool:
        return self._book.would_cross(side, ticks)

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        return self._book.fillable(side, limit_ticks, lots)

    def take(
        self,
        order_id: int,
        side: Side,
        limit_ticks: int | None,
        lots: int,
        now_us: int,
        on_trade: OnTrade,
        may_meet: MayMeet | None = None,
    ) -> int:
        return self._book.take(order_id, side, limit_ticks, lots, now_us, on_trade, may_meet)

    def rest(self, order_id: int, side: Side, ticks: int, lots: int, now_us: int, *, is_hidden: bool = False) -> None:
        self._book.add(order_id, side, ticks, lots, is_hidden=is_hidden)

    def remove(self, order_id: int) -> int:
        return self._book.remove(order_id)

    def shrink(self, order_id: int, lots: int) -> None:
        self._book.shrink(order_id, lots)

    def _price(self, ticks: float) -> Decimal:
        return self._instrument.tick_size * round(ticks * 100) / 100

    def _step(self, on_trade: OnTrade) -> None:
        """One event of the background: takers take or makers move, and the time of the next is drawn."""
        p = self._p
        draw = self._random.random
        now_us = self._next_us
        elapsed_s = (now_us - self._now_us) * 1e-6
        self._now_us = now_us
        if now_us >= self._next_regime_us:
            self._change_regime()
        self._fair += self._volatility_ticks * math.sqrt(elapsed_s) * self._random.gauss(0.0, 1.0)
        self._fair += (self._trend_ticks + (self._home - self._fair) / p.reversion_s) * elapsed_s
        self._excitement *= math.exp(-elapsed_s / _CLUSTER_S)
        taker_rate = p.takers_per_s * (1.0 - _CLUSTERING) + self._excitement
        rate = p.quotes_per_s + taker_rate
        if draw() * rate < taker_rate:
            self._excitement += _CLUSTERING / _CLUSTER_S
            self._take(self._random.random() < p.informed, on_trade)
        else:
            self._move_quotes(on_trade)
        bid, ask = self._book.bid_ticks(), self._book.ask_ticks()
        if bid is not None and ask is not None:
            self._basis += ((bid + ask) / 2 - self._fair - self._basis) * min(1.0, elapsed_s / _MARK_S)
        self._next_us = now_us + 1 + int(-math.log(1.0 - draw()) / rate * 1e6)

    def _change_regime(self) -> None:
        """Once a second: volatility and trend drift, and the fair value may jump."""
        p, rng = self._p, self._random
        self._log_volatility = _drift(self._log_volatility, _VOLATILITY_S, _VOLATILITY_LOG_SD, rng)
        self._volatility_ticks = p.volatility_bps * self._bps_ticks * math.exp(self._log_volatility)
        self._trend_ticks = _drift(self._trend_ticks, _TREND_S, p.trend_bps * self._bps_ticks, rng)
        if rng.random() * 60.0 < p.jumps_per_minute:
            size = p.jump_bps * self._bps_ticks * math.exp(0.5 * rng.gauss(0.0, 1.0))
            self._fair += size if rng.random() < 0.5 else -size
        lowest, highest = self._home * 0.2, self._home * 5.0
        self._fair = min(max(self._fair, lowest), highest)
        self._next_regime_us += 1_000_000

    def _take(self, informed: bool, on_trade: OnTrade) -> None:
        p, rng, book = self._p, self._random, self._book
        bid, ask = book.bid_ticks(), book.ask_ticks()
        if bid is None or ask is None:
            return
        lots = self._size(p.taker_usd, p.taker_log_sd)
        reach = -math.log(1.0 - rng.random()) * p.sweep_bps * self._bps_ticks
        if informed:
            side = Side.BUY if self._fair * 2 > bid + ask else Side.SELL
            limit = max(ask, math.floor(self._fair)) if side is Side.BUY else min(bid, math.ceil(self._fair))
        elif rng.random() < 0.5:
            side, limit = Side.BUY, ask + int(reach)
        else:
            side, limit = Side.SELL, bid - int(reach)
        book.take(-1, side, limit, lots, self._now_us, on_trade)

    def _move_quotes(self, on_trade: OnTrade) -> None:
        strayed = self._fair - self._reference
        if abs(strayed) > self._p.band_ticks:
            self._reference = self._fair
            self._withdraw(-1 if strayed > 0 else 1)
        draw = self._random.random
        for sign in (1, -1):
            for slot in range(_TOUCH):
                if draw() < self._p.attention:
                    self._quote(sign, slot)
            for _ in range(_MOVED_A_TIME):
                self._quote(sign, _TOUCH + int(draw() ** 2 * (_SLOTS - _TOUCH)))

        bid, ask = self._book.bid_ticks(), self._book.ask_ticks()
        # No maker's quote is that far beyond the fair value: it is an account's, and somebody sees the free money.
        margin = 1.0 + self._p.band_ticks
        if (bid is not None and bid > self._fair + margin) or (ask is not None and ask < self._fair - margin):
            self._take(True, on_trade)

    def _withdraw(self, sign: int) -> None:
        """Makers pull the quotes that the fair value has passed."""
        prices = self._prices[sign]
        passed = self._reference * sign
        for slot in range(_SLOTS):
            if prices[slot] * sign > passed:
                self._quote(sign, slot)

    def _size(self, median_usd: float, log_sd: float) -> int:
        deviation = min(self._random.gauss(0.0, 1.0), _LARGEST_SD)
        return max(self._instrument.min_lots, int(median_usd * self._lots_per_usd * math.exp(log_sd * deviation)))

    def _quote(self, sign: int, slot: int) -> None:
        """Puts one maker's order where he wants it, if it is not there already."""
        p, rng, book = self._p, self._random, self._book
        ids, prices = self._ids[sign], self._prices[sign]
        touch = math.floor(self._reference) if sign > 0 else math.ceil(self._reference + 1e-9)
        wanted = touch - sign * self._offsets[slot]
        leeway = self._leeways[slot]
        order_id = ids[slot]
        if 0 <= (wanted - prices[slot]) * sign < leeway and order_id in book and (leeway == 1 or rng.random() < _KEPT):
            return
        if leeway > 1:
            wanted -= sign * int(rng.random() * leeway)
        if order_id:
            book.remove(order_id)
        if sign > 0:
            other = book.ask_ticks()
            if other is not None and wanted >= other:
                wanted = other - 1
        else:
            other = book.bid_ticks()
            if other is not None and wanted <= other:
                wanted = other + 1
        if not self._instrument.min_ticks <= wanted <= self._instrument.max_ticks:
            return
        median, log_sd = (p.touch_usd / _TOUCH, p.touch_log_sd) if slot < _TOUCH else (p.level_usd, p.level_log_sd)
        lots = self._size(median, log_sd)
        order_id = self._next_background_id
        self._next_background_id = order_id - 1
        ids[slot] = order_id
        prices[slot] = wanted
        book.add(order_id, Side.BUY if sign > 0 else Side.SELL, wanted, lots)


def _ladder(gap_ticks: float, bps_ticks: float) -> tuple[list[int], list[int]]:
    """How far behind the touch each slot of a ladder stands, and how much farther it may stand, in ticks."""
    near = [max(1, round(gap_ticks * (k + 1))) for k in range(_NEAR)]
    farthest = max(_FAR_BPS * bps_ticks, near[-1] * 2)
    ratio = (farthest / near[-1]) ** (1 / _FAR)
    far = [round(near[-1] * ratio ** (k + 1)) for k in range(_FAR)]
    edges = [*near, *far, round(far[-1] * ratio)]
    return [0] * _TOUCH + edges[:-1], [1] * _TOUCH + [max(1, b - a) for a, b in pairwise(edges)]


def _drift(value: float, slowness_s: float, sd: float, rng: random.Random) -> float:
    """A second of a walk that is drawn back to zero and in the long run has the given standard deviation."""
    kept = 1.0 - 1.0 / slowness_s
    return kept * value + sd * math.sqrt(1.0 - kept * kept) * rng.gauss(0.0, 1.0)


def _ignore(trade: Trade) -> None:
    """Nobody watches the warm-up."""
