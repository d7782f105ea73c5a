"""Which strategies there are: name -> parameters and maker. Owns the table, and nothing of what the strategies do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from strategies.base import Strategy
from strategies.ping_pong import PingPong, PingPongParameters


@dataclass(frozen=True, slots=True)
class StrategyKind:
    name: str
    parameters: type[BaseModel]
    make: Callable[[Any], Strategy[Any]]
    """Takes an instance of `parameters`."""


STRATEGIES: dict[str, StrategyKind] = {
    kind.name: kind for kind in (StrategyKind(name="ping_pong", parameters=PingPongParameters, make=PingPong),)
}


def make_strategy(name: str, parameters: BaseModel) -> Strategy[Any]:
    return STRATEGIES[name].make(parameters)
