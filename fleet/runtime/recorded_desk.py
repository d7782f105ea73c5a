"""A desk that notes all that it is fed before it takes it, so that the same can be fed to it again.

Owns: which of a desk is in a checkpoint, and setting a desk up from one. Must not know: rings, files, who replays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from msgspec.structs import replace

from exchange.errors import VenueError
from exchange.model import Fill, Order
from fleet.config.models import SymbolConfig
from fleet.orders.plan import Action, Change, Plan
from fleet.risk.fills import FillWindow
from fleet.runtime.desk import Desk
from fleet.runtime.flight import Flight
from fleet.runtime.steps import (
    Answered,
    Around,
    Checkpoint,
    HeardFill,
    HeardOrder,
    Planned,
    Reconciled,
    Reconfigured,
    Sent,
    Taken,
    failed,
)
from strategies.base import Strategy
from strategies.signals.volatility import Volatility

Given = ParamSpec("Given")
T = TypeVar("T")


class RecordedDesk(Desk):
    def __init__(self, flight: Flight, *arguments: Any) -> None:
        """The other arguments are a desk's."""
        super().__init__(*arguments)
        self._flight = flight
        self._around: tuple[object, ...] = ()
        self._noted_us = 0
        self._is_first = True
        flight.begin()

    def reconfigure(self, config: SymbolConfig, strategy: Strategy[Any]) -> None:
        self._take_in(Reconfigured(self._noted_us, config), super().reconfigure, config, strategy)

    def on_order(self, told: Order, now_us: int, *, answer: bool = False) -> bool:
        return self._take_in(HeardOrder(now_us, told, answer), super().on_order, told, now_us, answer=answer)

    def on_fill(self, fill: Fill, now_us: int) -> None:
        self._take_in(HeardFill(now_us, fill, self.book.position_lots), super().on_fill, fill, now_us)

    def answered(self, action: Action, told: Order, now_us: int) -> None:
        step = Answered(now_us, type(action).__name__, action, told)
        self._take_in(step, super().answered, action, told, now_us)

    def failed(self, action: Action, error: VenueError, now_us: int) -> None:
        self._take_in(failed(now_us, action, error), super().failed, action, error, now_us)

    def reconcile(self, open_orders: list[Order], asked_us: int, now_us: int, filled: Mapping[str, int]) -> list[str]:
        step = Reconciled(now_us, asked_us, tuple(open_orders), dict(filled))
        return self._take_in(step, super().reconcile, open_orders, asked_us, now_us, filled)

    def sending(self, change: Change, now_us: int) -> Action:
        # No checkpoint here: what is sent belongs to the plan before it.
        broke, action = "", change.action
        try:
            action = super().sending(change, now_us)
        except Exception as error:
            broke = type(error).__name__
            raise
        finally:
            self._flight.note(Sent(now_us, type(action).__name__, action, broke))
        return action

    def plan(self, now_us: int) -> Plan:
        self._turn_if_due(now_us)
        self._note_around(now_us)
        broke, plan = "", Plan((), None)
        try:
            plan = super().plan(now_us)
        except Exception as error:
            broke = type(error).__name__
            raise
        finally:
            book, changes = self.book, plan.changes
            others, granted_usd = self.others, self.granted_usd
            self._flight.note(
                Planned(
                    now_us, self.ticker, self.mark, book.position_lots, book.cost, granted_usd, others, changes,
                    plan.wake_us, broke,
                )
            )  # fmt: skip
        return plan

    def checkpoint(self, at_us: int) -> Checkpoint:
        risk = self.risk
        return Checkpoint(
            at_us,
            self._is_first,
            self.config,
            self.instrument,
            self.working.ids.run.fleet,
            self.working.ids.run.number,
            self.book.position_lots,
            self.book.cost,
            *self.working.saved(),
            self._volatility.saved(),
            *risk.fills.saved(),
            self._state,
            self.working.cleared,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """What a desk cannot be made with."""
        self._is_first = False
        self.working.restore(
            checkpoint.orders,
            checkpoint.holds,
            checkpoint.refusals,
            checkpoint.finished,
            checkpoint.fills_late_us,
            checkpoint.cleared,
        )
        self._volatility = Volatility.of(checkpoint.volatility)
        self.risk.fills = FillWindow.of(checkpoint.fills_us, checkpoint.paused_until_us)
        self._state = checkpoint.state

    def _take_in(self, step: Taken, take: Callable[Given, T], *given: Given.args, **named: Given.kwargs) -> T:
        self._turn_if_due(step.at_us)
        self._noted_us = step.at_us
        self._flight.note(step)
        try:
            return take(*given, **named)
        except Exception as error:
            self._flight.note_instead(replace(step, broke=type(error).__name__))
            raise

    def _note_around(self, now_us: int) -> None:
        risk = self.risk
        around = (
            self.market_up, self.account_up, self.guarded, self.closing, self.leverage,
            risk.killed, risk.closing, risk.fleet.loss.limit, risk.fleet.limits,
        )  # fmt: skip
        if around != self._around:
            self._around = around
            self._flight.note(Around(now_us, *around))

    def _turn_if_due(self, now_us: int) -> None:
        if self._flight.is_due(now_us):
            self._flight.turn(self.checkpoint(now_us))
            self._is_first, self._around = False, ()
