"""A venue as the runtime is handed it: the ports, and what was learnt on opening it."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.clock import Clock
from exchange.model import ExchangeInfo
from exchange.ports import AccountStream, MarketData, MarketStream, Trading
from fleet.scheduling.gate import Gate


@dataclass(frozen=True, slots=True)
class Venue:
    """`is_live`: real money."""

    name: str
    is_live: bool
    trading: Trading
    market_data: MarketData
    market_stream: MarketStream
    account_stream: AccountStream
    gate: Gate
    clock: Clock
    info: ExchangeInfo
