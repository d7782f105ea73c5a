"""exchangeInfo as instruments and limits (docs: Exchange Information, Filters).

Owns: which filter gives which bound. pricePrecision and quantityPrecision are not the tick and the step: never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from loguru import logger
from msgspec import UNSET, UnsetType

from exchange.limits.stated import sound_limits
from exchange.model import ExchangeInfo, Instrument, RateLimit
from exchange.protocol.payloads import ExchangeInfoBody, Filter, RateLimitRow, SymbolInfo

_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}


def exchange_info(body: ExchangeInfoBody) -> ExchangeInfo:
    """A symbol without usable filters is left out: the real list has contracts that are announced, with a tick of 0.
    Where limits are absent or make no sense, those documented hold."""
    return ExchangeInfo(
        instruments=_instruments(body.symbols),
        limits=_limits(body.rate_limits),
        server_ms=body.server_time,
    )


def rate_limits(rows: Sequence[RateLimitRow]) -> tuple[RateLimit, ...]:
    """As they are stated, sense or not; a unit of time that is not known makes an interval of 0."""
    return tuple(
        RateLimit(row.rate_limit_type, row.interval_num * _SECONDS.get(row.interval, 0), row.limit) for row in rows
    )


def _limits(rows: Sequence[RateLimitRow]) -> tuple[RateLimit, ...]:
    limits, faults = sound_limits(rate_limits(rows))
    for fault in faults:
        logger.warning("exchangeInfo: {}", fault)
    return limits


def _instruments(rows: Sequence[SymbolInfo]) -> dict[str, Instrument]:
    found: dict[str, Instrument] = {}
    for row in rows:
        try:
            found[row.symbol] = instrument(row)
        except ValueError as error:
            if row.status == "TRADING":
                logger.warning("an instrument is left out: {}", error)
    return found


def instrument(row: SymbolInfo) -> Instrument:
    """Raises ValueError for a symbol whose filters are missing or empty."""
    filters = {each.filter_type: each for each in row.filters}
    try:
        price, lot, notional = filters["PRICE_FILTER"], filters["LOT_SIZE"], filters["MIN_NOTIONAL"]
        percent = filters["PERCENT_PRICE"]
    except KeyError as missing:
        raise ValueError(f"exchangeInfo gives {row.symbol} no {missing.args[0]} filter") from None
    tick, step = _decimal(price.tick_size), _decimal(lot.step_size)
    if tick <= 0 or step <= 0:
        raise ValueError(f"exchangeInfo gives {row.symbol} the tick size {tick} and the lot size {step}")
    open_orders = filters.get("MAX_NUM_ORDERS", Filter("MAX_NUM_ORDERS")).limit
    return Instrument(
        symbol=row.symbol,
        base_asset=row.base_asset,
        quote_asset=row.quote_asset,
        margin_asset=row.margin_asset,
        status=row.status,
        tick_size=tick,
        step_size=step,
        min_ticks=_ceil(_decimal(price.min_price) / tick),
        max_ticks=int(_decimal(price.max_price) // tick),
        min_lots=_ceil(_decimal(lot.min_qty) / step),
        max_lots=int(_decimal(lot.max_qty) // step),
        min_notional=_decimal(notional.notional),
        percent_up=_decimal(percent.multiplier_up),
        percent_down=_decimal(percent.multiplier_down),
        max_open_orders=200 if open_orders is UNSET else open_orders,
    )


def _decimal(text: str | UnsetType) -> Decimal:
    if text is UNSET:
        raise ValueError("exchangeInfo leaves a filter's bound out")
    # Without trailing zeros: the tick's digits are those that prices are written with, and -1111 counts them.
    return Decimal(text).normalize()


def _ceil(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_CEILING))
