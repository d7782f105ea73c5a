"""The words of the trade: instruments, orders, fills, positions and the events that tell of them.

Owns: the values that cross every border of the system. Must not know: JSON, HTTP, clocks, strategies.

Prices are integer ticks and quantities integer lots of their instrument; money is Decimal. Times are integers with
their unit in the name: `exchange_ms` is the venue's clock, `received_us` ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class PositionSide(StrEnum):
    """Which of a symbol's positions an order or holding is of: BOTH in one-way mode, the others in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"

    def reduces(self, side: Side) -> bool:
        """Whether an order of that side can do nothing but reduce this side's position."""
        return (self is PositionSide.LONG and side is Side.SELL) or (self is PositionSide.SHORT and side is Side.BUY)


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    """Good till crossing: post-only."""
    HIDDEN = "HIDDEN"
    """Good till cancelled, and displayed nowhere."""
    RPI = "RPI"
    """Retail price improvement: post-only, and displayed nowhere."""

    @property
    def is_post_only(self) -> bool:
        return self is TimeInForce.GTX or self is TimeInForce.RPI

    @property
    def is_hidden(self) -> bool:
        return self is TimeInForce.HIDDEN or self is TimeInForce.RPI


class StpMode(StrEnum):
    """Self-trade prevention: which side goes when an order would trade with one of the same account."""

    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_final(self) -> bool:
        return self not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual contract and the filters its orders must pass (docs: Filters).

    `percent_up` and `percent_down` bound a price as multiples of the mark price (PERCENT_PRICE).
    """

    symbol: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    status: str
    tick_size: Decimal
    step_size: Decimal
    min_ticks: int
    max_ticks: int
    min_lots: int
    max_lots: int
    min_notional: Decimal
    percent_up: Decimal
    percent_down: Decimal
    max_open_orders: int = 200

    @property
    def is_trading(self) -> bool:
        return self.status == "TRADING"

    def price(self, ticks: int) -> Decimal:
        return self.tick_size * ticks

    def mid(self, ticker: BookTicker) -> Decimal:
        return self.tick_size * (ticker.bid_ticks + ticker.ask_ticks) / 2

    def quantity(self, lots: int) -> Decimal:
        return self.step_size * lots

    def notional(self, ticks: int, lots: int) -> Decimal:
        return self.tick_size * ticks * self.step_size * lots

    def price_text(self, ticks: int) -> str:
        return f"{self.tick_size * ticks:f}"

    def quantity_text(self, lots: int) -> str:
        return f"{self.step_size * lots:f}"

    def ticks(self, price: str | Decimal) -> int:
        """The exact tick of a price; ValueError when the price lies between two ticks."""
        return _whole(Decimal(price) / self.tick_size, price, "tick size", self.tick_size)

    def lots(self, quantity: str | Decimal) -> int:
        """The exact lots of a quantity; ValueError when it is no multiple of the lot size."""
        return _whole(Decimal(quantity) / self.step_size, quantity, "lot size", self.step_size)

    def floor_price(self, price: float | Decimal) -> int:
        """The tick at or below a price: how a buy is rounded away from the market."""
        return int((Decimal(price) / self.tick_size).to_integral_value(ROUND_FLOOR))

    def ceil_price(self, price: float | Decimal) -> int:
        """The tick at or above a price: how a sell is rounded away from the market."""
        return int((Decimal(price) / self.tick_size).to_integral_value(ROUND_CEILING))

    def floor_lots(self, quantity: float | Decimal) -> int:
        return int((Decimal(quantity) / self.step_size).to_integral_value(ROUND_FLOOR))


def _whole(ratio: Decimal, given: str | Decimal, name: str, unit: Decimal) -> int:
    whole = int(ratio)
    if whole != ratio:
        raise ValueError(f"{given} is no multiple of the {name} {unit}")
    return whole


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limiter that exchangeInfo states: at most `limit` in any `interval_s`."""

    kind: str
    """REQUEST_WEIGHT (per IP) or ORDERS (per account)."""
    interval_s: int
    limit: int

    @property
    def name(self) -> str:
        """As the response headers spell it: REQUEST_WEIGHT_1M, ORDERS_1M, ORDERS_10S."""
        return limiter_name(self.kind, self.interval_s)


def limiter_name(kind: str, interval_s: int) -> str:
    """In minutes where it is whole ones, so that an interval has one name however it is stated."""
    unit = f"{interval_s // 60}M" if interval_s % 60 == 0 else f"{interval_s}S"
    return f"{kind}_{unit}"


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    instruments: dict[str, Instrument]
    limits: tuple[RateLimit, ...]
    server_ms: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the venue tells of it."""

    symbol: str
    client_id: str
    order_id: int
    side: Side
    status: OrderStatus
    price_ticks: int
    lots: int
    filled_lots: int
    reduce_only: bool
    time_in_force: str
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class Place:
    symbol: str
    client_id: str
    side: Side
    price_ticks: int
    lots: int
    reduce_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTX


@dataclass(frozen=True, slots=True)
class Amend:
    """A new price and quantity for a resting order; `lots` is the whole order's, what is filled included."""

    symbol: str
    client_id: str
    side: Side
    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Cancel:
    symbol: str
    client_id: str


Action = Place | Amend | Cancel


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of ours. `realised_pnl` and `fee` are the venue's own figures, in the margin and the fee asset."""

    symbol: str
    trade_id: int
    order_id: int
    client_id: str
    """Empty when learnt from the trade list, which does not carry it."""
    side: Side
    price_ticks: int
    lots: int
    is_maker: bool
    fee: Decimal
    fee_asset: str
    realised_pnl: Decimal
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """What one funding interval brought (negative: cost) one position. `payment_id` is unique for the account."""

    payment_id: str
    symbol: str
    amount: Decimal
    asset: str
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class Position:
    """`lots` is signed: negative is short. One-way mode. `unrealised` is at mark, 0 where the venue did not say.

    `exchange_ms` is when the position last changed: all trades up to it are in it.
    """

    symbol: str
    lots: int
    entry_price: Decimal
    leverage: int = 1
    exchange_ms: int = 0
    unrealised: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    wallet: Decimal
    exchange_ms: int = 0


@dataclass(frozen=True, slots=True)
class AssetMargin:
    """One asset of an account. In multi-assets mode `available` counts the same collateral again in each asset."""

    asset: str
    wallet: Decimal
    unrealised: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class AccountMargin:
    """`available` is what new orders may still hold as margin, in USD."""

    assets: tuple[AssetMargin, ...]
    available: Decimal


@dataclass(frozen=True, slots=True)
class Protection:
    """Market maker protection of a symbol: past a limit within the window, orders are refused for the frozen time.

    A limit of 0 is none.
    """

    symbol: str
    window_ms: int
    frozen_ms: int
    quantity_limit: int = 0
    value_limit: int = 0
    delta_limit: int = 0


@dataclass(frozen=True, slots=True)
class BookTicker:
    symbol: str
    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    exchange_ms: int
    received_us: int


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """Pushed every second, changed or not: it tells a quiet market from a dead line."""

    symbol: str
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int
    exchange_ms: int
    received_us: int


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """`side` is the taker's. An aggregate stands for the trades from `first_id` to `trade_id`; else `first_id` is 0."""

    symbol: str
    trade_id: int
    side: Side
    price_ticks: int
    lots: int
    exchange_ms: int
    received_us: int
    first_id: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """The best levels of a book, best first, as (ticks, lots)."""

    symbol: str
    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    exchange_ms: int
    received_us: int


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """ORDER_TRADE_UPDATE: the order after the event, and the fill if the event was one."""

    order: Order
    execution: str
    fill: Fill | None


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """ACCOUNT_UPDATE: the balances and positions that changed, and why (ORDER, FUNDING_FEE, DEPOSIT, ...).

    `balance_changes` is what the event itself moved per asset apart from PnL and commission (`bc`): funding, transfers.
    """

    reason: str
    balances: tuple[Balance, ...]
    balance_changes: dict[str, Decimal]
    positions: tuple[Position, ...]
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class StreamUp:
    """A line is open and its subscriptions confirmed. On the account line: events before this may be lost."""

    line: str
    """market or account."""


@dataclass(frozen=True, slots=True)
class StreamDown:
    line: str
    reason: str


MarketEvent = BookTicker | MarkPrice | PublicTrade | Depth | StreamUp | StreamDown
AccountEvent = OrderUpdate | AccountUpdate | StreamUp | StreamDown
