"""Which strategies there are: name -> parameters. Owns the table, and nothing of what the strategies do."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from strategies.ping_pong import PingPongParameters


@dataclass(frozen=True, slots=True)
class StrategyKind:
    name: str
    parameters: type[BaseModel]


STRATEGIES: dict[str, StrategyKind] = {
    kind.name: kind for kind in (StrategyKind(name="ping_pong", parameters=PingPongParameters),)
}
