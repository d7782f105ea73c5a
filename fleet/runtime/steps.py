"""What a desk is fed, as values: each step in the order in which it happened, and a checkpoint that they go on from.

Owns: the words of a flight. Must not know: who feeds a desk, rings, files. A step holds what was at hand and copies
nothing: making and noting one takes the hot path less than half a microsecond.

`broke`: taking the step failed, with this kind of exception. Only what has been around cannot.

`action` and `changes` are `Any` for the encoder alone, which tells no two plain dataclasses apart: `verb` says which
action it is, and `fleet.runtime.flight_file` makes them what they were.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from exchange.errors import VenueError
from exchange.model import BookTicker, Fill, Instrument, MarkPrice, Order, Side
from fleet.config.models import SymbolConfig
from fleet.config.risk import Risk
from fleet.orders.lifecycle import WorkingOrder
from fleet.risk.exposure import Held


class HeardOrder(Struct, frozen=True, gc=False, tag="order"):
    at_us: int
    told: Order
    answer: bool
    broke: str = ""


class HeardFill(Struct, frozen=True, gc=False, tag="fill"):
    """`position_lots`: with it. A book has a fill before its desk hears of it."""

    at_us: int
    fill: Fill
    position_lots: int
    broke: str = ""


class Answered(Struct, frozen=True, gc=False, tag="answer"):
    at_us: int
    verb: str
    action: Any
    told: Order
    broke: str = ""


class Failed(Struct, frozen=True, gc=False, tag="failure"):
    """The error in parts: kept as it is, it would keep all that its traceback leads to."""

    at_us: int
    verb: str
    action: Any
    error: str
    message: str
    code: int | None = None
    http_status: int | None = None
    broke: str = ""


class Reconciled(Struct, frozen=True, gc=False, tag="reconcile"):
    """`filled`: by client id, as far as it was told before the list of trades was asked for."""

    at_us: int
    asked_us: int
    open_orders: tuple[Order, ...]
    filled: dict[str, int]
    broke: str = ""


class Reconfigured(Struct, frozen=True, tag="config"):
    at_us: int
    config: SymbolConfig
    broke: str = ""


class Around(Struct, frozen=True, tag="around"):
    """What seldom changes of that by which a plan is made: written down when it has. `killed`, `flattened` and `lost`
    say why nothing may stand or be opened."""

    at_us: int
    market_up: bool
    account_up: bool
    guarded: bool
    closing: bool
    leverage: int
    killed: str
    flattened: str
    lost: str
    limits: Risk


class Planned(Struct, frozen=True, gc=False, tag="plan"):
    """A plan, and what it was made by. `granted_usd`: of margin. `others`: what the fleet's other symbols hold."""

    at_us: int
    ticker: BookTicker | None
    mark: MarkPrice | None
    position_lots: int
    cost: Decimal
    granted_usd: Decimal
    others: Held
    changes: Any
    wake_us: int | None
    broke: str = ""
    verbs: tuple[str, ...] = ()
    """Of `changes`; only in a file."""


class Sent(Struct, frozen=True, gc=False, tag="sent"):
    at_us: int
    verb: str
    action: Any
    broke: str = ""


Taken = HeardOrder | HeardFill | Answered | Failed | Reconciled | Reconfigured
Step = Taken | Around | Planned | Sent


class Checkpoint(Struct, frozen=True):
    """A desk as it was. `state` is the strategy's: a value, whose type its `start` names. `is_first`: another desk had
    the symbol before."""

    at_us: int
    is_first: bool
    config: SymbolConfig
    instrument: Instrument
    fleet: str
    run: int
    position_lots: int
    cost: Decimal
    orders: tuple[WorkingOrder, ...]
    holds: dict[Side, int]
    refusals: dict[Side, int]
    finished: tuple[str, ...]
    fills_late_us: int | None
    volatility: tuple[float, float, int, float, float]
    fills_us: tuple[int, ...]
    paused_until_us: int
    state: Any = None
    cleared: tuple[str, ...] = ()


class Segment(Struct, frozen=True):
    begins: Checkpoint
    steps: list[Step]


def failed(at_us: int, action: Any, error: VenueError) -> Failed:
    kind = type(error).__name__
    return Failed(at_us, type(action).__name__, action, kind, error.message, error.code, error.http_status)
