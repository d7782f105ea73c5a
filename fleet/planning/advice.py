"""What to change in a fleet file that asks for more than there is: each piece of advice is tried before it is given.

Owns: which changes are tried, and how far they must go. Must not know: how they are shown, files. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import RateLimit
from fleet.config.models import FleetConfig, SymbolConfig
from fleet.planning.forecast import Forecast, Moves, forecast, weight_capacity
from fleet.scheduling.heartbeats import least_timeout_s, timeout_s
from strategies.units import percent_text

_LONGEST_REFRESH_MS = 600_000
_WIDEST_BPS = 200
_TENTHS = 10
_USUAL_SAFETY = Decimal("0.9")
_NAMED = 4
"""Symbols that a piece of advice names, at most."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One change that would do alone, in words, and what it would come to."""

    change: str
    forecast: Forecast


class Advisor:
    def __init__(self, config: FleetConfig, moves: Mapping[str, Moves], limits: Sequence[RateLimit]) -> None:
        self._config = config
        self._moves = moves
        self._limits = limits
        self._now = forecast(config, moves, limits)

    def advice(self) -> list[Advice]:
        """Nothing when all fits; else whatever helps, which may be nothing as well."""
        if self._now.fits:
            return []
        tried = (self._slower(), self._wider(), self._fewer(), self._bolder(), self._rarer_heartbeats())
        return [each for each in tried if each is not None]

    def _slower(self) -> Advice | None:
        least_ms = self._least(self._at_refresh, _LONGEST_REFRESH_MS)
        if least_ms is None:
            return None
        least_ms = _rounded_up(least_ms)
        words = f"refresh_interval of at least {_duration(least_ms)} for every symbol"
        return self._tried(words, self._at_refresh(least_ms))

    def _wider(self) -> Advice | None:
        tenths = self._least(self._at_threshold, _WIDEST_BPS * _TENTHS)
        if tenths is None:
            return None
        tenths = _rounded_up(tenths)
        words = f"price_change_threshold of at least {percent_text(_threshold(tenths))} for every symbol"
        return self._tried(words, self._at_threshold(tenths))

    def _fewer(self) -> Advice | None:
        """The busiest go."""
        busiest = sorted(self._now.symbols, key=lambda each: (-each.wanted, each.symbol))
        out = [each.symbol for each in busiest]
        gone = self._least(lambda count: self._without(out[:count]), len(out) - 1)
        if gone is None:
            return None
        names = ", ".join(out[: min(gone, _NAMED)])
        more = f" and {gone - _NAMED} more of the busiest" if gone > _NAMED else ""
        words = f"at most {len(out) - gone} of the {len(out)} symbols: without {names}{more}"
        return self._tried(words, self._without(out[:gone]))

    def _bolder(self) -> Advice | None:
        budget = self._config.budget
        if budget.safety >= _USUAL_SAFETY:
            return None
        bolder = self._config.model_copy(update={"budget": budget.model_copy(update={"safety": _USUAL_SAFETY})})
        words = (
            f"budget.safety {_USUAL_SAFETY} instead of {budget.safety.normalize():f}, if nothing else uses the account"
        )
        return self._tried(words, bolder)

    def _rarer_heartbeats(self) -> Advice | None:
        dead_man, weight = self._config.dead_man, weight_capacity(self._config.budget, self._limits)
        binding = self._now.binding
        if dead_man is None or weight is None or binding is None or not self._now.heartbeat_weight:
            return None
        left = binding.room + self._now.heartbeat_weight - self._now.wanted
        share = Decimal(int(left / weight * 100)) / 100
        if not binding.standing or share <= 0 or share >= dead_man.share:
            return None
        count = len(self._config.symbols)
        now_s = timeout_s(dead_man.timeout_ms, count, float(dead_man.share), weight)
        timeout_ms = 1000 * math.ceil(max(now_s, least_timeout_s(count, float(share), weight)))
        rarer = dead_man.model_copy(update={"share": share, "timeout_ms": timeout_ms})
        words = f"dead_man: {{share: {share}, timeout: {_duration(timeout_ms)}}}"
        return self._tried(words, self._config.model_copy(update={"dead_man": rarer}))

    def _least(self, changed: Callable[[int], FleetConfig], most: int) -> int | None:
        """The least number from 1 with which all fits: the more the less is wanted. None when `most` is not enough."""
        if most < 1 or not self._fits(changed(most)):
            return None
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            if self._fits(changed(middle)):
                high = middle
            else:
                low = middle
        return high

    def _fits(self, config: FleetConfig) -> bool:
        return forecast(config, self._moves, self._limits).fits

    def _tried(self, words: str, config: FleetConfig) -> Advice | None:
        result = forecast(config, self._moves, self._limits)
        return Advice(words, result) if result.fits else None

    def _at_refresh(self, least_ms: int) -> FleetConfig:
        return self._each(
            lambda symbol: symbol.model_copy(update={"refresh_interval_ms": max(symbol.refresh_interval_ms, least_ms)})
        )

    def _at_threshold(self, tenths: int) -> FleetConfig:
        least = _threshold(tenths)
        return self._each(
            lambda symbol: symbol.model_copy(
                update={"price_change_threshold": max(symbol.price_change_threshold, least)}
            )
        )

    def _without(self, out: Sequence[str]) -> FleetConfig:
        gone = frozenset(out)
        kept = {symbol: each for symbol, each in self._config.symbols.items() if symbol not in gone}
        return self._config.model_copy(update={"symbols": kept})

    def _each(self, change: Callable[[SymbolConfig], SymbolConfig]) -> FleetConfig:
        symbols = {symbol: change(each) for symbol, each in self._config.symbols.items()}
        return self._config.model_copy(update={"symbols": symbols})


def _threshold(tenths: int) -> Decimal:
    return Decimal(tenths) / (_TENTHS * 10_000)


def _rounded_up(number: int) -> int:
    """To two digits: nobody writes 737ms."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit


def _duration(milliseconds: int) -> str:
    return f"{milliseconds}ms" if milliseconds < 1000 else f"{milliseconds / 1000:g}s"
