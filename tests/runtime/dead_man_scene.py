"""A fleet with a dead-man's switch, in virtual time, and what its venue was told of countdowns."""

from __future__ import annotations

from functools import partial
from typing import Any

from runtime_fakes import fleet_config
from runtime_worlds import FleetWorld, play_fleet

from fleet.config.models import FleetConfig

QUICK = {"timeout": "10s"}
"""A heartbeat every 2.5 s."""


class Scene(FleetWorld):
    def __init__(self, config: FleetConfig, reserve: float = 0) -> None:
        super().__init__(config, reserve=reserve)
        self.trading.latency_s = 0.02

    def told(self, symbol: str) -> list[str]:
        """What the venue was told of the symbol's countdown and orders, in order."""
        return [
            sent.what if isinstance(sent.what, str) else type(sent.what).__name__
            for sent in self.trading.sent
            if sent.symbol == symbol
            and (not isinstance(sent.what, str) or sent.what.startswith(("countdown", "cancel")))
        ]

    def beats(self, *symbols: str, what: str = "") -> list[tuple[float, str]]:
        return [
            (sent.at_s, sent.symbol)
            for sent in self.trading.sent
            if isinstance(sent.what, str)
            and sent.what.startswith(f"countdown {what}")
            and (not symbols or sent.symbol in symbols)
        ]

    def runs(self, symbol: str) -> bool:
        return self.trading.countdowns_us.get(symbol, 0) > self.clock.now_us()

    def said_times(self, text: str) -> int:
        return sum(text in line.text for line in self.journal.lines)


play = partial(play_fleet, Scene, begins_s=2)


def fleet(*symbols: Any, dead_man: Any = QUICK, **changed: Any) -> FleetConfig:
    return fleet_config(*symbols, dead_man=dead_man, **changed)
