"""A fleet file held against the exchange's rate limits: what cannot work, and what would be slow. Pure.

Owns: the arithmetic that is told. Must not know: how requests are counted, volatilities (`plan` foresees by them).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from exchange.limits.budget import RESERVES
from exchange.model import RateLimit
from fleet.config.faults import Fault
from fleet.config.loader import Loaded
from fleet.config.models import DeadMan, SymbolConfig
from fleet.scheduling.heartbeats import CHANCES, HEARTBEAT_WEIGHT, least_timeout_s, timeout_s
from fleet.words import many
from strategies.units import duration_text, percent_text

_HEAVIEST_WEIGHT = 40
"""Open orders of all symbols, which a fleet asks for before it begins and when it ends (docs: its Weight)."""

_LONGEST_TIMEOUT_S = 3600


def rate_errors(loaded: Loaded, limits: Sequence[RateLimit]) -> list[Fault]:
    """What cannot work at all."""
    weights = [limit for limit in limits if limit.kind == "REQUEST_WEIGHT"]
    errors = [fault for limit in weights if (fault := _too_small(loaded, limit)) is not None]
    if errors or not weights:
        # What little there is for heartbeats need not be told as well.
        return errors
    dead_man, tightest = loaded.config.dead_man, min(weights, key=_a_minute)
    fault = _heartbeats(loaded, dead_man, tightest) if dead_man else None
    return [fault] if fault else []


def rate_warnings(loaded: Loaded, limits: Sequence[RateLimit]) -> list[Fault]:
    """What works, and slowly."""
    warnings: list[Fault] = []
    for limit in limits:
        if limit.kind not in RESERVES:
            continue
        found = (_slow_start(loaded, limit), _many_amends(loaded, limit))
        warnings += [fault for fault in found if fault is not None]
    return warnings


def _too_small(loaded: Loaded, limit: RateLimit) -> Fault | None:
    safety = loaded.config.budget.safety
    allowed = int(limit.limit * safety)
    if allowed >= _HEAVIEST_WEIGHT:
        return None
    what = (
        f"safety {_plain(safety)} leaves {allowed} of {limit.name} ({limit.limit} x {_plain(safety)}), and to see all"
        f" open orders takes {_HEAVIEST_WEIGHT} at once"
    )
    least = Decimal(_HEAVIEST_WEIGHT) / limit.limit
    right = f"a safety of at least {_up(least, 3)}" if least <= 1 else "another exchange: this one cannot be traded on"
    return loaded.fault(("budget", "safety"), what, right)


def _heartbeats(loaded: Loaded, dead_man: DeadMan, limit: RateLimit) -> Fault | None:
    symbols, share = len(loaded.config.symbols), dead_man.share
    capacity = _allowed(loaded, limit)
    longest_s = Decimal(timeout_s(dead_man.timeout_ms, symbols, float(share), float(capacity)))
    every_s = longest_s / CHANCES
    cost = symbols * HEARTBEAT_WEIGHT * 60 / every_s
    if cost <= share * capacity:
        return None
    what = (
        f"heartbeats of {many(symbols, 'symbol')} cost {symbols} x {HEARTBEAT_WEIGHT} weight every"
        f" {duration_text(int(every_s * 1000))} (half of timeout {duration_text(int(longest_s * 1000))})"
        f" = {_round(cost)} a minute, over the {_round(share * capacity)} that share {_plain(share)} of"
        f" {_round(capacity)} allows"
    )
    rights: list[str] = []
    least_s = least_timeout_s(symbols, float(share), float(capacity))
    if least_s <= _LONGEST_TIMEOUT_S:
        rights.append(f"a timeout of at least {least_s}s")
    least_share = _up(cost / capacity, 2)
    if least_share <= 1:
        rights.append(f"a share of at least {_plain(least_share)}")
    most = int(share * capacity * every_s / (HEARTBEAT_WEIGHT * 60))
    if most:
        rights.append(f"at most {many(most, 'symbol')}")
    rights.append("dead_man: null to do without")
    return loaded.fault(_place(loaded, "dead_man", "timeout"), what, ", or ".join(rights))


def _slow_start(loaded: Loaded, limit: RateLimit) -> Fault | None:
    if limit.kind != "ORDERS":
        return None
    symbols = loaded.config.symbols
    quotes = sum(sides(config) for config in symbols.values())
    kept = RESERVES[limit.kind]
    a_minute = _allowed(loaded, limit) * (1 - kept)
    if quotes <= a_minute:
        return None
    safety = loaded.config.budget.safety
    what = (
        f"to place the {many(quotes, 'quote')} of {many(len(symbols), 'symbol')} once takes {_up(quotes / a_minute, 1)}"
        f" minutes, as {limit.name} leaves {_round(a_minute)} a minute ({_plain(_a_minute(limit))} x {_plain(safety)},"
        f" less {percent_text(kept)} for cancels and reductions)"
    )
    least = _up(safety * quotes / a_minute, 2)
    right = "fewer symbols" if least > 1 else f"a safety of at least {_plain(least)}, or fewer symbols"
    return loaded.fault(_place(loaded, "budget", "safety"), what, right)


def _many_amends(loaded: Loaded, limit: RateLimit) -> Fault | None:
    """A market that moves all the time has each quote amended once a refresh interval: one order, one weight."""
    per_second = {
        symbol: Decimal(1000 * sides(config)) / config.refresh_interval_ms
        for symbol, config in loaded.config.symbols.items()
    }
    allowed = limit.limit * loaded.config.budget.safety
    asked = sum(per_second.values(), Decimal(0)) * limit.interval_s
    if asked <= allowed:
        return None
    busiest = max(per_second, key=lambda symbol: per_second[symbol])
    config = loaded.config.symbols[busiest]
    window, interval = duration_text(limit.interval_s * 1000), duration_text(config.refresh_interval_ms)
    most = f"{sides(config)} every {interval}: {per_second[busiest] * limit.interval_s:.0f} for {busiest} alone"
    what = (
        f"{many(len(per_second), 'symbol')} may ask for {asked:.0f} amends in {window} ({most}), but"
        f" {limit.name} leaves {allowed:.0f} ({limit.limit} x {_plain(loaded.config.budget.safety)})"
    )
    right = f"refresh intervals {_up(asked / allowed, 1)} times as long, or quotes will wait (`plan` foresees how long)"
    return loaded.fault(("symbols", busiest, "refresh_interval"), what, right)


def sides(config: SymbolConfig) -> int:
    """Quotes that a symbol has while it is flat, which is the most it ever has."""
    return 2 if getattr(config.parameters, "entry", "both") == "both" else 1


def _place(loaded: Loaded, section: str, key: str) -> tuple[str, ...]:
    """A default that does not suit so many symbols is told where they are."""
    return (section, key) if loaded.says((section,)) else ("symbols",)


def _a_minute(limit: RateLimit) -> Decimal:
    return Decimal(limit.limit * 60) / limit.interval_s


def _allowed(loaded: Loaded, limit: RateLimit) -> Decimal:
    return _a_minute(limit) * loaded.config.budget.safety


def _up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_CEILING)


def _round(value: Decimal) -> str:
    return f"{value.quantize(Decimal(1), ROUND_FLOOR):f}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
