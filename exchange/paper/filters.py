"""The filters that a symbol puts before an order (docs: Filters), each with its code.

Owns: what price and quantity may be sent, in ticks and lots. Must not know: accounts, queues, an order's other terms.
"""

from __future__ import annotations

import re
from decimal import Decimal

from exchange.model import Side
from exchange.paper.answers import Refusal
from exchange.paper.listing import Listing
from exchange.protocol import codes

_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


def parse_number(text: str, name: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise Refusal(codes.INVALID_PARAMETER, f"Data sent for parameter '{name}' is not valid.")
    return Decimal(text)


def parse_price(text: str, listing: Listing) -> int:
    """PRICE_FILTER."""
    price = parse_number(text, "price")
    if price <= 0:
        raise Refusal(codes.PRICE_LESS_THAN_ZERO, "Price less than 0.")
    ticks = _exact_ticks(price, listing)
    check_price(ticks, listing)
    return ticks


def parse_stop_price(text: str, name: str, listing: Listing) -> int:
    """PRICE_FILTER, whose rules hold for stop prices too; `name` is the parameter's."""
    price = parse_number(text, name)
    if price <= 0:
        raise Refusal(codes.STOP_PRICE_LESS_THAN_ZERO, "Stop price less than zero.")
    instrument = listing.instrument
    ticks = _exact_ticks(price, listing)
    if ticks < instrument.min_ticks:
        raise Refusal(codes.PRICE_LESS_THAN_MIN_PRICE, "Price less than min price.")
    if instrument.max_ticks and ticks > instrument.max_ticks:
        raise Refusal(codes.STOP_PRICE_GREATER_THAN_MAX_PRICE, "Stop price greater than max price.")
    return ticks


def parse_quantity(text: str, listing: Listing, *, is_market: bool) -> int:
    """LOT_SIZE, for market orders MARKET_LOT_SIZE."""
    rules = listing.rules
    quantity = parse_number(text, "quantity")
    if quantity <= 0:
        raise Refusal(codes.QTY_LESS_THAN_ZERO, "Quantity less than zero.")
    if _digits(quantity) > rules.quantity_digits:
        raise Refusal(codes.BAD_PRECISION, "Precision is over the maximum defined for this asset.")
    try:
        lots = rules.instrument.lots(quantity)
    except ValueError:
        raise Refusal(codes.QTY_NOT_INCREASED_BY_STEP_SIZE, "Qty not increased by step size.") from None
    least, most, step = rules.instrument.min_lots, rules.instrument.max_lots, 1
    if is_market:
        least, most, step = rules.market_min_lots, rules.market_max_lots, rules.market_step_lots
    if lots < least:
        raise Refusal(codes.QTY_LESS_THAN_MIN_QTY, "Quantity less than min quantity.")
    if lots > most:
        raise Refusal(codes.QTY_GREATER_THAN_MAX_QTY, "Quantity greater than max quantity.")
    if (lots - least) % step:
        raise Refusal(codes.QTY_NOT_INCREASED_BY_STEP_SIZE, "Qty not increased by step size.")
    return lots


def check_price(ticks: int, listing: Listing) -> None:
    """PRICE_FILTER's bounds."""
    instrument = listing.instrument
    if ticks < instrument.min_ticks:
        raise Refusal(codes.PRICE_LESS_THAN_MIN_PRICE, "Price less than min price.")
    if instrument.max_ticks and ticks > instrument.max_ticks:
        raise Refusal(codes.PRICE_GREATER_THAN_MAX_PRICE, "Price greater than max price.")


def check_percent(ticks: int, listing: Listing, side: Side) -> None:
    """PERCENT_PRICE: a buy may not be far above the mark price, a sell not far below."""
    instrument = listing.instrument
    price = instrument.price(ticks)
    if side is Side.BUY and price > listing.mark * instrument.percent_up:
        raise Refusal(codes.PRICE_HIGHER_THAN_MULTIPLIER_UP, "Price is higher than mark price multiplier cap.")
    if side is Side.SELL and price < listing.mark * instrument.percent_down:
        raise Refusal(codes.PRICE_LOWER_THAN_MULTIPLIER_DOWN, "Price is lower than mark price multiplier floor.")


def check_percent_of_stop(ticks: int, stop_ticks: int, listing: Listing, side: Side) -> None:
    """PERCENT_PRICE of an order that waits, measured from the price that it waits for."""
    instrument = listing.instrument
    if side is Side.BUY:
        cap = instrument.floor_price(instrument.price(stop_ticks) * instrument.percent_up)
        if ticks > cap:
            message = f"Limit price can't be higher than {instrument.price_text(cap)}."
            raise Refusal(codes.PRICE_HIGHER_THAN_STOP_MULTIPLIER_UP, message)
    else:
        floor = instrument.ceil_price(instrument.price(stop_ticks) * instrument.percent_down)
        if ticks < floor:
            message = f"Limit price can't be lower than {instrument.price_text(floor)}."
            raise Refusal(codes.PRICE_LOWER_THAN_STOP_MULTIPLIER_DOWN, message)


def check_notional(listing: Listing, ticks: int, lots: int) -> None:
    """MIN_NOTIONAL, for orders that are not reduce-only; without a price (0) the mark price counts."""
    instrument = listing.instrument
    price = instrument.price(ticks) if ticks else listing.mark
    if price * instrument.quantity(lots) < instrument.min_notional:
        raise Refusal(
            codes.MIN_NOTIONAL,
            f"Order's notional must be no smaller than {instrument.min_notional:.1f} (unless you choose reduce only)",
        )


def _exact_ticks(price: Decimal, listing: Listing) -> int:
    if _digits(price) > listing.rules.price_digits:
        raise Refusal(codes.BAD_PRECISION, "Precision is over the maximum defined for this asset.")
    try:
        return listing.instrument.ticks(price)
    except ValueError:
        raise Refusal(codes.PRICE_NOT_INCREASED_BY_TICK_SIZE, "Price not increased by tick size.") from None


def _digits(number: Decimal) -> int:
    """Decimals that matter: trailing zeros are no precision."""
    text = f"{number:f}"
    return len(text.partition(".")[2].rstrip("0"))
