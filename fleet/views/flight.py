"""A replayed step in words: what came in, what the desk believed, what it wanted, what it asked for and why not.

Owns: the words. Must not know: terminals, where steps come from.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange.model import Amend, Cancel, Instrument, Order, Place
from fleet.orders.lifecycle import WorkingOrder
from fleet.orders.plan import Action
from fleet.research.replay import Moment
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
    Sent,
)
from fleet.views.text import plain
from fleet.words import many
from strategies.base import Quote


@dataclass(frozen=True, slots=True)
class Words:
    came: str
    believes: str
    wants: str
    asks: str
    """For which requests it asks leave; empty for none."""


class Teller:
    """One symbol's steps, in their order: of what seldom changes only the change is told."""

    def __init__(self) -> None:
        self._around: Around | None = None
        self._instrument: Instrument | None = None

    def words(self, moment: Moment) -> Words:
        if isinstance(moment.step, Checkpoint):
            self._instrument = moment.step.instrument
        instrument = self._instrument
        assert instrument is not None
        held = [_standing(instrument, order) for order in moment.orders]
        quotes = [_quote(instrument, quote) for quote in moment.quotes]
        asks = [_action(instrument, change.action, moment.orders) for change in moment.planned]
        why = f" ({moment.why})" if moment.why else ""
        return Words(
            self._came(moment, instrument),
            f"position {instrument.quantity_text(moment.position_lots)}; {', '.join(held) or 'no orders'}",
            f"{', '.join(quotes) or 'nothing'}{why}",
            ", ".join(asks),
        )

    def _came(self, moment: Moment, instrument: Instrument) -> str:
        step = moment.step
        match step:
            case Checkpoint():
                return "a new desk begins" if step.is_first else "goes on from here"
            case HeardOrder(told=told):
                return f"stream: {_told(instrument, told)}"
            case HeardFill(fill=fill):
                verb = {"BUY": "bought", "SELL": "sold"}[fill.side]
                lots, price = instrument.quantity_text(fill.lots), instrument.price_text(fill.price_ticks)
                return f"fill: {verb} {lots} at {price} (trade {fill.trade_id})"
            case Answered():
                return f"answer to {step.verb.lower()}: {_told(instrument, step.told)}"
            case Failed():
                code = "" if step.code is None else f" ({step.code})"
                return f"{step.verb.lower()} of {step.action.client_id} failed: {step.error}: {step.message}{code}"
            case Reconciled(open_orders=orders):
                return f"reconciled with {many(len(orders), 'open order')} that the exchange lists"
            case Reconfigured():
                return "takes up new parameters"
            case Around():
                before, self._around = self._around, step
                return "around: " + (", ".join(_changed(before, step)) or "as before")
            case Planned():
                return f"looks: {_market(instrument, step)}"
            case Sent():
                return f"sends {_action(instrument, step.action, moment.orders)}"


def _market(instrument: Instrument, step: Planned) -> str:
    ticker, mark = step.ticker, step.mark
    if ticker is None or mark is None:
        return "no market data"
    bid, ask = instrument.price_text(ticker.bid_ticks), instrument.price_text(ticker.ask_ticks)
    return f"{bid} / {ask}, mark {plain(mark.mark)}"


def _changed(before: Around | None, now: Around) -> list[str]:
    told = {
        "market line": "up" if now.market_up else "down",
        "account line": "up" if now.account_up else "down",
        "dead-man's switch": "armed" if now.guarded else "not armed",
        "leverage": str(now.leverage),
        "closing": "yes" if now.closing else "",
        "killed": now.killed,
        "flattened": now.flattened,
        "loss limit": now.lost,
    }
    told |= {name: f"{limit}" for name, limit in now.limits.model_dump().items() if limit is not None}
    if before is not None:
        former = _as_dict(_changed(None, before))
        return [f"{name}: {text or 'no more'}" for name, text in told.items() if former.get(name, "") != text]
    return [f"{name}: {text}" for name, text in told.items() if text]


def _as_dict(told: list[str]) -> dict[str, str]:
    return {name: text for name, _, text in (each.partition(": ") for each in told)}


def _told(instrument: Instrument, told: Order) -> str:
    lots, price = instrument.quantity_text(told.lots), instrument.price_text(told.price_ticks)
    filled = f", filled {instrument.quantity_text(told.filled_lots)}" if told.filled_lots else ""
    return f"{told.side.lower()} {lots} at {price} is {told.status}{filled} ({told.client_id})"


def _standing(instrument: Instrument, order: WorkingOrder) -> str:
    lots, price = instrument.quantity_text(order.remaining_lots), instrument.price_text(order.price_ticks)
    return f"{order.side.lower()} {lots} at {price} {order.phase.value}"


def _quote(instrument: Instrument, quote: Quote) -> str:
    lots, price = instrument.quantity_text(quote.lots), instrument.price_text(quote.price_ticks)
    return f"{quote.side.lower()} {lots} at {price}"


def _action(instrument: Instrument, action: Action, orders: tuple[WorkingOrder, ...]) -> str:
    match action:
        case Place() | Amend():
            lots, price = instrument.quantity_text(action.lots), instrument.price_text(action.price_ticks)
            verb = "place" if isinstance(action, Place) else "amend to"
            return f"{verb} {action.side.lower()} {lots} at {price}"
        case _:
            verb = "cancel" if isinstance(action, Cancel) else "query"
            order = next((order for order in orders if order.client_id == action.client_id), None)
            return f"{verb} {_standing(instrument, order).rpartition(' ')[0] if order else action.client_id}"
