"""What a check is asked with, in one line each. Price 100 is 1000 ticks, and 1 lot is worth 1 USD there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from runtime_fakes import EPOCH_US, symbol_config, ticker
from runtime_fakes import instrument as _instrument

from exchange.model import Amend, Place, Side
from fleet.config.risk import Risk
from fleet.orders import lifecycle
from fleet.orders.lifecycle import WorkingOrder
from fleet.risk.checks import Known, Refused
from fleet.risk.exposure import Held

BUY, SELL = Side.BUY, Side.SELL
INSTRUMENT = _instrument("XUSDT")


def order(name: str, side: Side, ticks: int, lots: int, *, reduce_only: bool = False, **state: Any) -> WorkingOrder:
    """One that is open, unless `state` says otherwise."""
    placed = lifecycle.placing(Place("XUSDT", name, side, ticks, lots, reduce_only), 0)
    return replace(placed, **{"phase": lifecycle.Phase.OPEN, **state})


def place(side: Side, ticks: int, lots: int, *, reduce_only: bool = False) -> Place:
    return Place("XUSDT", "", side, ticks, lots, reduce_only)


def amend(name: str, side: Side, ticks: int, lots: int) -> Amend:
    return Amend("XUSDT", name, side, ticks, lots)


@dataclass(frozen=True, slots=True)
class At:
    """What is known, and the orders that may be in the market."""

    known: Known
    orders: tuple[WorkingOrder, ...]


def known(
    *orders: WorkingOrder,
    position_usd: int = 0,
    fleet: dict[str, Any] | None = None,
    others: Held = Held(),  # noqa: B008 frozen
    stop: Refused | None = None,
    mid: int | None = 1000,
    mark: int | None = 100,
    **config: Any,
) -> At:
    state = Known(
        config=symbol_config(**config),
        limits=Risk.model_validate(fleet or {}),
        instrument=INSTRUMENT,
        position_usd=Decimal(position_usd),
        cost_usd=Decimal(position_usd),
        ticker=None if mid is None else ticker(EPOCH_US, mid),
        mark=None if mark is None else Decimal(mark),
        others=others,
        stop=stop,
    )
    return At(state, orders)
