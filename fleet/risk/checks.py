"""The checks in front of every action: what is known of a symbol, and an action -> approved, or refused and why.

Owns: the rules. Must not know: when an action is wanted, who counts refusals. Pure.

A cancel or a question is never refused. What can only reduce a position is refused for its price alone, or because it
would trade with an order of our own. Whatever else is refused once a limit would be stepped over if every order that
may be in the market filled; an order that becomes smaller is let through even then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchange.model import Amend, BookTicker, Instrument, Place, Side
from fleet.config.models import SymbolConfig
from fleet.config.risk import Risk
from fleet.orders.lifecycle import WorkingOrder
from fleet.orders.plan import Action
from fleet.risk.exposure import ZERO, Held, after, price_range, sides_usd, worst


class Reason(StrEnum):
    PRICE = "price"
    SELF_TRADE = "self_trade"
    LOSS = "loss_limit"
    FILLS = "fills"
    ORDER = "order_size"
    OPEN = "open_notional"
    POSITION = "position"
    FLEET_OPEN = "fleet_open_notional"
    FLEET_POSITION = "fleet_position"


@dataclass(frozen=True, slots=True)
class Approved:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Reason
    words: str
    """For the owner."""


Verdict = Approved | Refused
APPROVED = Approved()


@dataclass(frozen=True, slots=True)
class Known:
    """`position_usd` is signed, and the larger of what it is worth and `cost_usd`, what it was opened for. `others` is
    what the fleet's other symbols hold. `stop`: why nothing may be opened.
    """

    config: SymbolConfig
    limits: Risk
    instrument: Instrument
    position_usd: Decimal
    cost_usd: Decimal
    ticker: BookTicker | None
    mark: Decimal | None
    others: Held
    stop: Refused | None = None

    @property
    def is_capped(self) -> bool:
        config, limits = self.config, self.limits
        caps = (config.max_order_usd, config.max_open_usd, config.max_position_usd, limits.max_open_usd)
        return limits.max_position_usd is not None or any(cap is not None for cap in caps)


def check(known: Known, orders: tuple[WorkingOrder, ...], action: Action) -> Verdict:
    """`orders`: all of ours that may be in the market, those included that the same plan has sent before this one."""
    if not isinstance(action, Place | Amend):
        return APPROVED
    before = find(orders, action.client_id) if isinstance(action, Amend) else None
    reduces = before.reduce_only if before else isinstance(action, Place) and action.reduce_only
    refused = _price(known, action) or _self_trade(known.instrument, orders, action)
    if not (refused or reduces):
        refused = known.stop or (_caps(known, orders, action, before) if known.is_capped else None)
    return refused or APPROVED


def find(orders: tuple[WorkingOrder, ...], client_id: str) -> WorkingOrder | None:
    return next((order for order in orders if order.client_id == client_id), None)


def room_usd(config: SymbolConfig, position_usd: Decimal) -> Decimal | None:
    """What an opening order may be worth by the symbol's own limits, so that it is sized to fit; None: any.

    Half of what all may be open together: there are two sides.
    """
    rooms: list[Decimal] = []
    if config.max_order_usd is not None:
        rooms.append(config.max_order_usd)
    if config.max_open_usd is not None:
        rooms.append(config.max_open_usd / 2)
    if config.max_position_usd is not None:
        rooms.append(max(config.max_position_usd - abs(position_usd), ZERO))
    return min(rooms, default=None)


def _price(known: Known, action: Place | Amend) -> Refused | None:
    """Beyond the market by no more than is let pass between mid and mark; away from it, within the exchange's band."""
    ticker, mark, instrument = known.ticker, known.mark, known.instrument
    if ticker is None or mark is None:
        return Refused(Reason.PRICE, "there is no price to hold a quote against")
    price = instrument.price(action.price_ticks)
    if not mark * instrument.percent_down <= price <= mark * instrument.percent_up:
        return Refused(Reason.PRICE, f"{action.side.lower()} at {price:f} is far from the mark price {mark:f}")
    for name, reference in (("mark price", mark), ("mid", instrument.mid(ticker))):
        if (price - reference) * action.side.sign > known.config.max_mark_deviation * reference:
            return Refused(Reason.PRICE, f"{action.side.lower()} at {price:f} is beyond the {name} {reference:f}")
    return None


def _self_trade(instrument: Instrument, orders: tuple[WorkingOrder, ...], action: Place | Amend) -> Refused | None:
    """Against every own order of the other side that may be in the market, at any price that it may have."""
    for order in orders:
        if not order.is_live or order.side is action.side:
            continue
        low, high = price_range(order)
        nearest = low if action.side is Side.BUY else high
        if (action.price_ticks - nearest) * action.side.sign >= 0:
            own = instrument.price_text(nearest)
            return Refused(Reason.SELF_TRADE, f"{action.side.lower()} would trade with our own order at {own}")
    return None


def _caps(
    known: Known, orders: tuple[WorkingOrder, ...], action: Place | Amend, before: WorkingOrder | None
) -> Refused | None:
    instrument, config, limits = known.instrument, known.config, known.limits
    future = after(orders, action)
    now, then = worst(instrument, known.position_usd, orders), worst(instrument, known.position_usd, future)
    if then.open_usd <= now.open_usd:
        return None
    order = instrument.notional(action.price_ticks, action.lots - (before.seen_lots if before else 0))
    buys, sells = sides_usd(instrument, future)
    held = max(known.position_usd * action.side.sign, ZERO)
    position = held + (buys if action.side is Side.BUY else sells)
    open_usd = known.others.open_usd + then.open_usd
    for reason, what, usd, limit in (
        (Reason.ORDER, "an order", order, config.max_order_usd),
        (Reason.OPEN, "open orders", then.open_usd, config.max_open_usd),
        (Reason.POSITION, "the position", position, config.max_position_usd),
        (Reason.FLEET_OPEN, "the fleet's open orders", open_usd, limits.max_open_usd),
    ):
        if limit is not None and usd > limit:
            return _over(reason, what, usd, limit)
    fleet, limit = known.others.position_usd + then.position_usd, limits.max_position_usd
    if limit is not None and fleet > limit and then.position_usd > now.position_usd:
        return _over(Reason.FLEET_POSITION, "the fleet's positions", fleet, limit)
    return None


def _over(reason: Reason, what: str, usd: Decimal, limit: Decimal) -> Refused:
    return Refused(reason, f"{what} would come to {usd:.2f} USD, {limit.normalize():f} are allowed")
