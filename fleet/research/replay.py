"""What led up to an incident, lived through again: recorded steps through the real decision code, one after the other.

Owns: feeding a desk what one was fed, and whether it plans the same again. Must not know: ledgers, terminals, loops.
The desk is the one that trades; its book, capital and ids give what the recording says, for they are the fleet's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from exchange import errors
from exchange.errors import VenueError
from exchange.model import Place
from exchange.ports import RequestClass
from fleet.config.risk import Risk
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import ClientIds, Run
from fleet.orders.lifecycle import WorkingOrder
from fleet.orders.plan import QUERY_COST, Change
from fleet.orders.working import Counters
from fleet.risk.exposure import Held
from fleet.risk.loss import LossWatch
from fleet.risk.officer import FleetRisk, SymbolRisk
from fleet.runtime.capital import Capital
from fleet.runtime.flight import Flight
from fleet.runtime.recorded_desk import RecordedDesk
from fleet.runtime.steps import (
    Answered,
    Around,
    Checkpoint,
    Failed,
    HeardFill,
    HeardOrder,
    Planned,
    Reconciled,
    Reconfigured,
    Segment,
    Sent,
    Step,
)
from fleet.scheduling.value import NOTHING
from strategies.base import Quote
from strategies.registry import make_strategy


@dataclass(frozen=True, slots=True)
class Moment:
    """A step, and what the desk believed and wanted after it. `planned`: what its plan is now, after a `Planned`.

    `why`: for what reason quotes are held back. `broke`: the decision failed with this. `difference`: between what was
    recorded and what came of it now; empty where it is the same.
    """

    symbol: str
    step: Step | Checkpoint
    position_lots: int
    orders: tuple[WorkingOrder, ...]
    quotes: tuple[Quote, ...]
    why: str
    planned: tuple[Change, ...] = ()
    broke: str = ""
    difference: str = ""


def replay(symbol: str, track: Iterable[Segment]) -> Iterator[Moment]:
    """Of one symbol. A part of the recording that goes on from the one before begins where that one has led."""
    fed: _Fed | None = None
    for segment in track:
        begins, before = segment.begins, fed
        fed = _Fed(begins)
        is_other = before is not None and not begins.is_first and not before.has_come_to(begins)
        difference = "it has come to another state than was recorded" if is_other else ""
        yield fed.moment(symbol, begins, difference=difference)
        for step in segment.steps:
            yield fed.feed(symbol, step)


class _Fed:
    """A desk as one was at a checkpoint, and what belongs to the fleet as it was recorded."""

    def __init__(self, begins: Checkpoint) -> None:
        self._book = SymbolBook(begins.instrument)
        self._capital = _Granted()
        self._ids = _Ids(Run(begins.fleet, begins.run), begins.config.symbol)
        self._fleet = _Fleet()
        strategy = make_strategy(begins.config.strategy, begins.config.parameters)
        self._risk = SymbolRisk(begins.config.symbol, self._fleet)
        self._desk = RecordedDesk(
            Flight(),
            begins.config,
            begins.instrument,
            strategy,
            self._book,
            self._capital,
            self._ids,
            Counters(),
            self._risk,
        )
        self._desk.restore(begins)
        self._hold(begins.position_lots, begins.cost)
        self._wanted: tuple[Change, ...] = ()

    def has_come_to(self, begins: Checkpoint) -> bool:
        """But for what is the fleet's."""
        self._hold(begins.position_lots, begins.cost)
        return self._desk.checkpoint(begins.at_us) == begins

    def feed(self, symbol: str, step: Step) -> Moment:
        planned: tuple[Change, ...] = ()
        difference = broke = ""
        then = "" if isinstance(step, Around) else step.broke
        try:
            if isinstance(step, Planned):
                planned, difference = self._plan(step)
                self._wanted = planned
            else:
                difference = self._take(step)
        except Exception as error:  # noqa: BLE001 a decision that breaks is what one replays for
            now = type(error).__name__
            broke = f"{now}: {error}"
            difference = "" if now == then else f"it breaks with {now}"
        else:
            difference = f"it broke with {then} then, and does not now" if then else difference
        return self.moment(symbol, step, planned, broke, difference)

    def moment(
        self,
        symbol: str,
        step: Step | Checkpoint,
        planned: tuple[Change, ...] = (),
        broke: str = "",
        difference: str = "",
    ) -> Moment:
        desk = self._desk
        decision = desk.decision
        quotes = () if desk.pulled else decision.quotes
        why = desk.pulled or desk.risk.words or decision.note
        orders = tuple(desk.orders.values())
        return Moment(symbol, step, self._book.position_lots, orders, quotes, why, planned, broke, difference)

    def _plan(self, step: Planned) -> tuple[tuple[Change, ...], str]:
        self._hold(step.position_lots, step.cost)
        self._capital.granted_usd, self._fleet.held = step.granted_usd, step.others
        self._desk.see_market(step.ticker, step.mark, up=self._desk.market_up)
        plan = self._desk.plan(step.at_us)
        return plan.changes, _difference(step, plan.changes, plan.wake_us)

    def _take(self, step: Step) -> str:
        desk = self._desk
        match step:
            case HeardOrder(at_us, told, answer):
                desk.on_order(told, at_us, answer=answer)
            case HeardFill(at_us, fill):
                self._hold(step.position_lots)
                desk.on_fill(fill, at_us)
            case Answered():
                desk.answered(step.action, step.told, step.at_us)
            case Failed():
                desk.failed(step.action, _error(step), step.at_us)
            case Reconciled(at_us, asked_us, open_orders, filled):
                desk.reconcile(list(open_orders), asked_us, at_us, filled)
            case Reconfigured():
                desk.reconfigure(step.config, make_strategy(step.config.strategy, step.config.parameters))
            case Around():
                self._set(step)
            case Sent():
                return self._send(step)
            case _:
                pass
        return ""

    def _hold(self, position_lots: int, cost: Decimal | None = None) -> None:
        self._book.position_lots = position_lots
        if cost is not None:
            self._book.cost = cost

    def _set(self, around: Around) -> None:
        desk, risk = self._desk, self._risk
        desk.market_up, desk.account_up, desk.guarded = around.market_up, around.account_up, around.guarded
        desk.closing, desk.leverage = around.closing, around.leverage
        risk.killed, risk.closing = around.killed, around.flattened
        self._fleet.limits, self._fleet.loss.limit = around.limits, around.lost

    def _send(self, step: Sent) -> str:
        """Which of its wishes were sent was not the desk's to say: what was recorded goes out."""
        self._ids.given = step.action.client_id
        found = [change for change in self._wanted if _is_of(change, step)]
        if found:
            self._desk.sending(found[0], step.at_us)
            return ""
        key = (step.action.symbol, step.action.client_id)
        is_known = isinstance(step.action, Place) or step.action.client_id in self._desk.orders
        if is_known:
            self._desk.sending(Change(key, step.action, RequestClass.QUOTE, QUERY_COST, NOTHING), step.at_us)
        return "this was not wanted now"


def _is_of(change: Change, sent: Sent) -> bool:
    action = change.action
    """But for the id, which a placement gets when it goes out."""
    return action == (replace(sent.action, client_id="") if isinstance(action, Place) else sent.action)


def _difference(step: Planned, changes: tuple[Change, ...], wake_us: int | None) -> str:
    if changes != step.changes:
        return "another plan was made then"
    if wake_us != step.wake_us:
        return f"it looked again at {step.wake_us} then, and at {wake_us} now"
    return ""


def _error(step: Failed) -> VenueError:
    """As it was, as far as a desk looks at one: its kind and its words."""
    kind = getattr(errors, step.error, VenueError)
    error = VenueError.__new__(kind)
    VenueError.__init__(error, step.message, code=step.code, http_status=step.http_status)
    return error


# --- what belongs to the fleet


class _Granted(Capital):
    granted_usd = Decimal(0)

    def grant(self, symbol: str, held: Decimal = Decimal(0)) -> Decimal:
        return self.granted_usd


class _Ids(ClientIds):
    given = ""

    def next(self) -> str:
        return self.given


class _Fleet(FleetRisk):
    def __init__(self) -> None:
        super().__init__(Risk(), LossWatch(0))
        self.held = Held()

    def others(self, symbol: str) -> Held:
        return self.held
