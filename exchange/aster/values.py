"""What AsterDEX tells its customers beyond the words that the fleet trades in (exchange.model).

Owns: these values. Must not know: JSON, requests. Prices and quantities are Decimal: they are read, not quoted with.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchange.model import PositionSide


class MarginType(StrEnum):
    ISOLATED = "ISOLATED"
    CROSSED = "CROSSED"


class AutoCloseType(StrEnum):
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"


@dataclass(frozen=True, slots=True)
class Kline:
    """In candles of index and mark price the volumes are 0, and `trades` counts data points."""

    opened_ms: int
    closed_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal


@dataclass(frozen=True, slots=True)
class DayTicker:
    """The last 24 hours."""

    symbol: str
    change: Decimal
    change_percent: Decimal
    average: Decimal
    last: Decimal
    last_quantity: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal
    opened_ms: int
    closed_ms: int
    trades: int


@dataclass(frozen=True, slots=True)
class LastPrice:
    symbol: str
    price: Decimal
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class FundingRate:
    symbol: str
    rate: Decimal
    funded_ms: int


@dataclass(frozen=True, slots=True)
class FundingInfo:
    symbol: str
    interval_hours: int
    interest_rate: Decimal
    cap: Decimal
    floor: Decimal


@dataclass(frozen=True, slots=True)
class IndexReference:
    exchange: str
    symbol: str
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Income:
    """A movement of money; `kind` is TRANSFER, REALIZED_PNL, FUNDING_FEE, COMMISSION, ... `tran_id` is unique in its
    kind, `symbol` and `trade_id` are empty where there is none.
    """

    symbol: str
    kind: str
    amount: Decimal
    asset: str
    info: str
    tran_id: str
    trade_id: str
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class CommissionRate:
    symbol: str
    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True)
class Bracket:
    """Up to `notional_cap` at most `max_leverage`. Maintenance is notional × ratio − `deduction`."""

    notional_floor: Decimal
    notional_cap: Decimal
    max_leverage: int
    maintenance_ratio: Decimal
    deduction: Decimal


@dataclass(frozen=True, slots=True)
class AdlQuantile:
    """Place in the queue of auto-deleveraging, from 0 (far) to 4 (next). In one-way mode `both` counts."""

    symbol: str
    long: int
    short: int
    both: int | None
    """None where cross positions in hedge mode share one value."""


@dataclass(frozen=True, slots=True)
class MarginChange:
    """`amount` is negative where margin was taken from the position."""

    symbol: str
    position_side: PositionSide
    amount: Decimal
    asset: str
    exchange_ms: int
