"""Which streams a line should carry, and the few messages that lead there (docs: Live Subscribing/Unsubscribing).

Owns: the way from wanted symbols to SUBSCRIBE and UNSUBSCRIBE. Must not know: sockets, time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from exchange.protocol import streams

_PARAMS_PER_MESSAGE = 50
_SPARE = len(streams.ALL_MARKET)
"""Room kept free, so that all-market streams can be joined before the others are left: the change has no gap."""


@dataclass(frozen=True, slots=True)
class Change:
    method: Literal["SUBSCRIBE", "UNSUBSCRIBE"]
    params: tuple[str, ...]


def wanted_streams(symbols: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """A stream for each symbol and channel; where those are too many, the all-market ones of channels that have one.

    Raises ValueError when even so one connection cannot carry them.
    """
    limit = streams.MAX_STREAMS - _SPARE
    single = len(symbols) * len(channels)
    names: list[str] = []
    for channel in channels:
        if single > limit and channel in streams.ALL_MARKET:
            names.append(streams.ALL_MARKET[channel])
        else:
            names.extend(streams.stream_name(symbol, channel) for symbol in symbols)
    if len(names) > limit:
        raise ValueError(
            f"{len(symbols)} symbols need {len(names)} streams of {', '.join(channels)}; a connection carries {limit}"
        )
    return tuple(names)


def changes(current: Iterable[str], wanted: Sequence[str]) -> list[Change]:
    """From what a line carries to what it should: joining goes first unless there is no room for both."""
    have, want = dict.fromkeys(current), dict.fromkeys(wanted)
    joining = _in_messages("SUBSCRIBE", [name for name in want if name not in have])
    leaving = _in_messages("UNSUBSCRIBE", [name for name in have if name not in want])
    both = len(have) + sum(len(each.params) for each in joining)
    return joining + leaving if both <= streams.MAX_STREAMS else leaving + joining


def _in_messages(method: Literal["SUBSCRIBE", "UNSUBSCRIBE"], names: Sequence[str]) -> list[Change]:
    size = _PARAMS_PER_MESSAGE
    return [Change(method, tuple(names[start : start + size])) for start in range(0, len(names), size)]
