"""What a fleet file asks of the exchange's rate limits, and what it will get. Pure.

Owns: the requests a minute of a fleet that quotes all its symbols, flat, and how the limits cut them. Must not know:
how volatilities are measured, how anything is shown.

Foreseen are amendments, heartbeats and the fleet's own looks at its account. Fills are not: each costs one placement or
two, and the part of every limit that quoting leaves alone is there for them, for cancels and for reductions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exchange.limits.budget import RESERVES
from exchange.model import RateLimit
from fleet.config.models import Budget, DeadMan, FleetConfig, SymbolConfig
from fleet.config.rate_check import sides
from fleet.planning.demand import Volatility, seconds_between_amends
from fleet.planning.shares import Wish, grants_by_value, grants_in_line, grants_in_turn, total
from fleet.scheduling.heartbeats import affordable_interval_s, heartbeat_interval_s, timeout_s, weight_a_minute
from fleet.scheduling.value import LEAST_VOLATILITY_BPS

ACCOUNT_WEIGHT_A_MINUTE = 50.0
"""Open orders 40, positions 5, balances 5 (docs: their Weights), once a minute."""

_LEAST_THRESHOLD_BPS = 1.0
"""Of a quote that follows every tick the volatility is shown as one with this threshold meets it."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How a symbol's market moves. `source` says how that is known; `tick_bps` is 0 when the price is not known."""

    volatility: Volatility
    source: str
    tick_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class SymbolForecast:
    """Rates are requests a minute. A quote is due `every_s` after it was last amended, and then waits `wait_s`."""

    symbol: str
    source: str
    volatility_bps: float
    quotes: int
    refresh_s: float
    every_s: float
    wait_s: float

    @property
    def wanted(self) -> float:
        return 60 * self.quotes / self.every_s

    @property
    def granted(self) -> float:
        return 60 * self.quotes / (self.every_s + self.wait_s)

    @property
    def stretch(self) -> float:
        """How many times its refresh interval passes before a quote that has to move can."""
        return 1 + self.wait_s / self.refresh_s


@dataclass(frozen=True, slots=True)
class LimiterForecast:
    """A minute of it: `allowed` is limit × safety, `reserved` and `standing` are the parts that amends cannot have."""

    name: str
    limit: float
    allowed: float
    reserved: float
    standing: float

    @property
    def room(self) -> float:
        return max(0.0, self.allowed - self.reserved - self.standing)


@dataclass(frozen=True, slots=True)
class Forecast:
    symbols: tuple[SymbolForecast, ...]
    limiters: tuple[LimiterForecast, ...]
    heartbeat_s: float
    """Between two heartbeats of a symbol; 0 without a dead-man's switch."""
    heartbeat_weight: float
    """A minute."""

    @property
    def wanted(self) -> float:
        return sum(each.wanted for each in self.symbols)

    @property
    def granted(self) -> float:
        return sum(each.granted for each in self.symbols)

    @property
    def binding(self) -> LimiterForecast | None:
        """The limiter that leaves least, whether or not that is enough; None when there are none."""
        return min(self.limiters, key=lambda limiter: limiter.room, default=None)

    @property
    def fits(self) -> bool:
        binding = self.binding
        return binding is None or self.wanted <= binding.room

    @property
    def mean_stretch(self) -> float:
        return sum(each.stretch for each in self.symbols) / len(self.symbols)

    def use(self, limiter: LimiterForecast) -> float:
        """The part of what is allowed that will be used."""
        return (limiter.standing + self.granted) / limiter.allowed


def forecast(config: FleetConfig, moves: Mapping[str, Moves], limits: Sequence[RateLimit]) -> Forecast:
    """Every symbol of `config` has an entry in `moves`."""
    budget = config.budget
    weight = weight_capacity(budget, limits)
    heartbeat_s = _heartbeat_s(config.dead_man, len(config.symbols), weight)
    heartbeat_weight = weight_a_minute(len(config.symbols), heartbeat_s) if heartbeat_s else 0.0
    limiters = tuple(_limiter(limit, budget, heartbeat_weight) for limit in limits if limit.kind in RESERVES)
    wishes = [_wish(each, moves[symbol], budget) for symbol, each in config.symbols.items()]
    room = min((limiter.room for limiter in limiters), default=float("inf"))
    grants = {wish.symbol: wish.rate for wish in wishes}
    if total(wishes) > room:
        grants = _shared(wishes, room, budget)
    symbols = tuple(
        SymbolForecast(
            symbol=wish.symbol,
            source=moves[wish.symbol].source,
            volatility_bps=_volatility_bps(config.symbols[wish.symbol], moves[wish.symbol]),
            quotes=wish.quotes,
            refresh_s=wish.refresh_s,
            every_s=wish.seconds,
            wait_s=_wait_s(wish, grants[wish.symbol]),
        )
        for wish in wishes
    )
    return Forecast(symbols, limiters, heartbeat_s, heartbeat_weight)


def weight_capacity(budget: Budget, limits: Sequence[RateLimit]) -> float | None:
    """The request weight that the fleet may use in a minute, by the tightest limiter of that kind."""
    of_kind = [limit for limit in limits if limit.kind == "REQUEST_WEIGHT"]
    return min((_a_minute(limit) * float(budget.safety) for limit in of_kind), default=None)


def _a_minute(limit: RateLimit) -> float:
    return limit.limit * 60 / limit.interval_s


def _heartbeat_s(dead_man: DeadMan | None, symbols: int, weight: float | None) -> float:
    if dead_man is None:
        return 0.0
    share, capacity = float(dead_man.share), weight or float("inf")
    try:
        return heartbeat_interval_s(symbols, timeout_s(dead_man.timeout_ms, symbols, share, capacity), share, capacity)
    except ValueError:
        # Such a file is refused; what it would ask for can be told all the same.
        return affordable_interval_s(symbols, share, capacity)


def _limiter(limit: RateLimit, budget: Budget, heartbeat_weight: float) -> LimiterForecast:
    allowed = _a_minute(limit) * float(budget.safety)
    standing = ACCOUNT_WEIGHT_A_MINUTE + heartbeat_weight if limit.kind == "REQUEST_WEIGHT" else 0.0
    return LimiterForecast(limit.name, _a_minute(limit), allowed, allowed * float(RESERVES[limit.kind]), standing)


def _threshold_bps(config: SymbolConfig) -> float:
    return float(config.price_change_threshold) * 1e4


def _volatility_bps(config: SymbolConfig, moves: Moves) -> float:
    return moves.volatility(max(_threshold_bps(config), _LEAST_THRESHOLD_BPS))


def _wish(config: SymbolConfig, moves: Moves, budget: Budget) -> Wish:
    def seconds_of(threshold_bps: float, refresh_s: float) -> float:
        # Prices are whole ticks: a quote is not wrong before mid has moved by about half of one.
        threshold_bps = max(threshold_bps, moves.tick_bps / 2)
        return seconds_between_amends(moves.volatility(threshold_bps), threshold_bps, refresh_s)

    # Only the symbols' proportions count, so the collateral that the fractions are of need not be known.
    notional = float(config.balance_fraction) * config.leverage
    return Wish(
        symbol=config.symbol,
        quotes=sides(config),
        threshold_bps=_threshold_bps(config),
        refresh_s=config.refresh_interval_ms / 1000,
        seconds_of=seconds_of,
        volatility_bps=max(_volatility_bps(config, moves), LEAST_VOLATILITY_BPS),
        priority=config.priority,
        worth=config.priority * notional**budget.weights.size,
    )


def _shared(wishes: Sequence[Wish], room: float, budget: Budget) -> dict[str, float]:
    if room <= 0:
        return {wish.symbol: 0.0 for wish in wishes}
    match budget.policy:
        case "value":
            return grants_by_value(wishes, room, budget.weights.volatility)
        case "fair":
            return grants_in_turn(wishes, room)
        case "fifo":
            return grants_in_line(wishes, room)


def _wait_s(wish: Wish, granted: float) -> float:
    if granted <= 0:
        return float("inf")
    return max(0.0, 60 * wish.quotes / granted - wish.seconds)
