"""How often each symbol's countdown at the exchange is set anew, and what that costs. Pure.

Owns: the interval between two heartbeats of a symbol, and when there is none that would do. Must not know: who sends
them, the loop, the fleet file.

A heartbeat costs the same for each symbol, so a large fleet's are made rarer until they fit into the share of request
weight that is theirs. Rarer than twice in a timeout they may not be: one lost request would then cancel every order.
"""

from __future__ import annotations

import math

from fleet.words import many

HEARTBEAT_WEIGHT = 10
"""Of one countdownCancelAll, which is for one symbol (docs: its Weight)."""

CHANCES = 2
"""Heartbeats in a timeout, at least: one of them may be lost."""

USUAL_TIMEOUT_S = 120
LONGEST_CHOSEN_S = 600
"""Beyond this orders would stand too long after a death: whoever wants that has to say so."""

_USUAL_CHANCES = 4
_USUAL_S = 30.0


def timeout_s(given_ms: int | None, symbols: int, share: float, weight_capacity: float) -> float:
    """The one given, else 2 minutes, or as much more as so many symbols need, up to 10 minutes."""
    if given_ms is not None:
        return given_ms / 1000
    return min(max(USUAL_TIMEOUT_S, least_timeout_s(symbols, share, weight_capacity)), LONGEST_CHOSEN_S)


def heartbeat_interval_s(symbols: int, timeout_s: float, share: float, weight_capacity: float) -> float:
    """Between two heartbeats of a symbol: 30 s, or less for four in a timeout, or more where only that is affordable.

    `weight_capacity` is the request weight that the fleet may use in a minute, `share` the part of it for heartbeats.
    ValueError when the affordable interval leaves fewer than `CHANCES` in a timeout.
    """
    interval_s = max(min(_USUAL_S, timeout_s / _USUAL_CHANCES), affordable_interval_s(symbols, share, weight_capacity))
    # What is affordable to the last digit must not fail by the floats' own error.
    if interval_s > timeout_s / CHANCES * (1 + 1e-9):
        raise ValueError(
            f"heartbeats of {many(symbols, 'symbol')} can go every {interval_s:.0f} s, "
            f"which is over half of {timeout_s:g} s"
        )
    return interval_s


def affordable_interval_s(symbols: int, share: float, weight_capacity: float) -> float:
    """The shortest at which the heartbeats of so many symbols stay within their share."""
    return weight_a_minute(symbols, 1.0) / (share * weight_capacity)


def least_timeout_s(symbols: int, share: float, weight_capacity: float) -> int:
    """The shortest whole timeout that leaves `CHANCES`."""
    # Ten digits: what is whole but for the floats' own error is not rounded up.
    return math.ceil(round(CHANCES * affordable_interval_s(symbols, share, weight_capacity), 10))


def weight_a_minute(symbols: int, interval_s: float) -> float:
    return symbols * HEARTBEAT_WEIGHT * 60 / interval_s
