"""What a conditional order waits for (docs: New Order, conditional orders).

Owns: the conditions' parameters, and which price meets a condition. Must not know: accounts, queues, what a triggered
order does.

Prices are compared in ticks. The mark price is cut down to the tick first, as the exchange family does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Side
from exchange.paper.answers import Params, Refusal, required, truth
from exchange.paper.filters import parse_number, parse_stop_price
from exchange.paper.listing import Listing
from exchange.protocol import codes

STOPS = ("STOP", "STOP_MARKET")
TAKE_PROFITS = ("TAKE_PROFIT", "TAKE_PROFIT_MARKET")
TRAILING = "TRAILING_STOP_MARKET"
CONDITIONAL = (*STOPS, *TAKE_PROFITS, TRAILING)
CONTRACT_PRICE, MARK_PRICE = "CONTRACT_PRICE", "MARK_PRICE"

_LEAST_RATE, _MOST_RATE = Decimal("0.1"), Decimal(5)


@dataclass(frozen=True, slots=True)
class Condition:
    """`type` is the order's: one of CONDITIONAL. A trailing stop has a rate (in percent), the others a stop price."""

    type: str
    stop_ticks: int = 0
    working_type: str = CONTRACT_PRICE
    is_protected: bool = False
    closes_position: bool = False
    activation_ticks: int = 0
    callback_rate: Decimal = Decimal(0)
    rate_text: str = ""
    """The rate as it was sent."""

    def is_met(self, side: Side, ticks: int, best_ticks: int) -> bool:
        """Whether a price sets the order off; `best_ticks` is the best for it since it was placed (see `better`)."""
        if self.type == TRAILING:
            is_active = (self.activation_ticks - best_ticks) * side.sign >= 0
            turn = best_ticks * (100 + side.sign * self.callback_rate)
            return is_active and (ticks * 100 - turn) * side.sign >= 0
        waits_for_worse = self.type in STOPS
        return (ticks - self.stop_ticks) * side.sign * (1 if waits_for_worse else -1) >= 0


def better(side: Side, ticks: int, best_ticks: int) -> int:
    """The lowest price for a buy, the highest for a sell."""
    return min(ticks, best_ticks) if side is Side.BUY else max(ticks, best_ticks)


def watched_ticks(listing: Listing, working_type: str) -> int:
    """The latest price of the kind that a condition watches; the mark price where nothing has traded yet."""
    if working_type == CONTRACT_PRICE and listing.last_ticks is not None:
        return listing.last_ticks
    return listing.instrument.floor_price(listing.mark)


def is_kept_back(condition: Condition, listing: Listing) -> bool:
    """Whether price protection keeps an order whose price has come from triggering: it waits on."""
    if not condition.is_protected or listing.last_ticks is None:
        return False
    apart = abs(listing.instrument.price(listing.last_ticks) - listing.mark)
    return apart > listing.mark * listing.rules.trigger_protect


def parse_working_type(params: Params) -> str:
    working_type = params.get("workingType") or CONTRACT_PRICE
    if working_type not in (CONTRACT_PRICE, MARK_PRICE):
        raise Refusal(codes.INVALID_WORKING_TYPE, f"Invalid parameter working type: {working_type}")
    return working_type


def parse_condition(params: Params, kind: str, side: Side, listing: Listing) -> Condition:
    """Raises Refusal, -2021 among them: a condition that is met already is none."""
    working_type = parse_working_type(params)
    latest = watched_ticks(listing, working_type)
    if kind == TRAILING:
        return _parse_trailing(params, side, listing, working_type, latest)
    condition = Condition(
        type=kind,
        stop_ticks=parse_stop_price(required(params, "stopPrice"), "stopPrice", listing),
        working_type=working_type,
        is_protected=truth(params, "priceProtect"),
        closes_position=truth(params, "closePosition"),
    )
    if condition.is_met(side, latest, latest):
        raise Refusal(codes.ORDER_WOULD_IMMEDIATELY_TRIGGER, "Order would immediately trigger.")
    return condition


def _parse_trailing(params: Params, side: Side, listing: Listing, working_type: str, latest: int) -> Condition:
    rate_text = required(params, "callbackRate")
    rate = parse_number(rate_text, "callbackRate")
    if not _LEAST_RATE <= rate <= _MOST_RATE:
        raise Refusal(codes.INVALID_PARAMETER, "Data sent for parameter 'callbackRate' is not valid.")
    activation = latest
    if params.get("activationPrice"):
        if parse_number(params["activationPrice"], "activationPrice") <= 0:
            raise Refusal(codes.INVALID_ACTIVATION_PRICE, "Invalid activation price")
        activation = parse_stop_price(params["activationPrice"], "activationPrice", listing)
        if (latest - activation) * side.sign <= 0:
            raise Refusal(codes.ORDER_WOULD_IMMEDIATELY_TRIGGER, "Order would immediately trigger.")
    return Condition(
        type=TRAILING,
        working_type=working_type,
        activation_ticks=activation,
        callback_rate=rate,
        rate_text=f"{rate:f}",
    )
