"""What a running fleet looks like from outside, at one moment.

Owns: the values that `/v1/state`, `/metrics`, the terminal view and the summary are all drawn from, and the questions
(healthy? ready?) that are answered from them alone. Must not know: the runtime that fills them, HTTP, rich.

In JSON (msgspec) every Decimal is a string, so that no digit is lost by a reader that takes numbers for floats.
Money is in the margin asset (USD-like), times are milliseconds since the epoch on the fleet's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)

NOMINAL_BELOW = 1.1
"""Refresh intervals that are stretched by less are as wished."""


class Phase(StrEnum):
    """What a symbol's worker is doing."""

    STARTING = "starting"
    QUOTING = "quoting"
    REDUCING = "reducing"
    """In a position at or over the threshold: only the reducing side is quoted."""
    PAUSED = "paused"
    """The whole fleet may not send (429, 418)."""
    STALE = "stale"
    """Its market data is too old to quote on."""
    WAITING = "waiting"
    """For collateral, budget or a line."""
    BACKOFF = "backoff"
    """Crashed, and will be started again."""
    QUARANTINED = "quarantined"
    """Crashed too often: not started again without a reload."""
    LIMIT = "limit"
    """A loss limit is hit: nothing opens a position."""
    KILLED = "killed"
    """By its owner: no order stands until the owner lets it quote again."""
    STOPPING = "stopping"
    STOPPED = "stopped"


WORKING = frozenset({Phase.QUOTING, Phase.REDUCING})
READY = WORKING | {Phase.QUARANTINED, Phase.LIMIT, Phase.KILLED, Phase.STOPPED}
"""A quarantined worker does not make the fleet unready: restarting the pod would not help the others. A limit and a
kill are as they should be. A stopped one has been removed from the file."""


@dataclass(frozen=True, slots=True)
class QuoteState:
    """One own order in the market."""

    price: Decimal
    quantity: Decimal
    distance_bps: float
    """From mid, positive away from the market."""
    reduce_only: bool = False
    status: str = "OPEN"
    """PLACING, OPEN, AMENDING, CANCELLING or UNKNOWN."""


@dataclass(frozen=True, slots=True)
class SymbolState:
    symbol: str
    strategy: str
    phase: Phase
    reason: str = ""
    """Why this phase, in words; empty when it needs none."""
    price_decimals: int | None = None
    """Decimals of the tick size, for display; None: as many as the prices carry."""
    mid: Decimal | None = None
    mark: Decimal | None = None
    bid: QuoteState | None = None
    ask: QuoteState | None = None
    position: Decimal = ZERO
    """Signed quantity of the base asset: negative is short."""
    position_usd: Decimal = ZERO
    """Signed notional."""
    entry_price: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    unrealised_pnl: Decimal = ZERO
    """Of the position as it stands, whoever opened it."""
    began_pnl: Decimal = ZERO
    """What of that it had made before this run: no result of this run's."""
    fees: Decimal = ZERO
    """Paid: positive is a cost."""
    funding: Decimal = ZERO
    """Received: negative is a cost."""
    volume_usd: Decimal = ZERO
    fills: int = 0
    round_trips: int = 0
    placed: int = 0
    amended: int = 0
    cancelled: int = 0
    rejected: int = 0
    expired: int = 0
    restarts: int = 0
    requests: int = 0
    refusals: dict[str, int] = field(default_factory=dict[str, int])
    """By reason, how often the fleet's own risk checks began to hold something back."""
    differences: int = 0
    """Between the exchange and us, that looking at it found and mended."""
    guarded_until_ms: int | None = None
    """When the exchange cancels the symbol's orders by itself unless it hears of the fleet; None: never."""
    priority: float = 1.0
    requests_per_minute: int = 0
    """Let through in the last minute."""
    share: float = 0.0
    """Of the fleet's requests of the last minute."""
    waiting: int = 0
    """Its intents that wait for budget."""
    withdrawn: int = 0
    """Intents that became pointless before they were sent."""
    stretch: float = 1.0
    """How many times its refresh interval an amendment takes, lately, or what waits has waited."""
    error_bps: float | None = None
    """How far the worse of its orders is from where it should be; None: there is none, or none is wanted."""
    missing_quotes: int = 0
    """Quotes that are wanted and have no order."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How the fleet shares out the requests that it may send."""

    policy: str = "value"
    stretch: float = 1.0
    """The symbols' mean."""
    mean_stretch: float = 1.0
    """Of all amendments since the start."""
    waiting: int = 0
    by_class: dict[str, int] = field(default_factory=dict[str, int])
    """Requests of the last minute: cancel, reduce, quote, amend, query, in the order in which they go."""
    totals: dict[str, int] = field(default_factory=dict[str, int])
    """The same since the start."""
    withdrawn: int = 0
    mean_error_bps: float | None = None
    """Of the quotes that have an order, each weighing as much as its notional."""
    worst_error_bps: float | None = None
    worst_error_symbol: str = ""
    missing_quotes: int = 0

    @property
    def is_nominal(self) -> bool:
        return self.stretch < NOMINAL_BELOW


@dataclass(frozen=True, slots=True)
class LimiterState:
    """One rate limit of the venue, in requests' weight or in orders, over its own window."""

    name: str
    """RateLimit.name: REQUEST_WEIGHT_1M, ORDERS_1M, ORDERS_10S."""
    used: int
    """In the window that ends now."""
    capacity: int
    """What the fleet allows itself: safety × limit."""
    limit: int
    peak: int = 0
    """The highest count in any window so far."""


@dataclass(frozen=True, slots=True)
class StreamState:
    line: str
    """market or account."""
    up: bool
    since_ms: int
    """When it came up, or went down."""
    lag_ms: int | None = None
    """Age of the newest event when it arrived."""
    reconnects: int = 0
    subscribed: int = 0


@dataclass(frozen=True, slots=True)
class ForeignState:
    """What the account has in a symbol that is not the fleet's: seen, and left alone."""

    symbol: str
    orders: int = 0
    position: Decimal = ZERO
    """Signed; of symbols that the fleet does not trade."""


@dataclass(frozen=True, slots=True)
class EventLine:
    ms: int
    level: str
    """As loguru names them: INFO, WARNING, ERROR."""
    symbol: str | None
    text: str


@dataclass(frozen=True, slots=True)
class FleetState:
    fleet: str
    venue: str
    live: bool
    """Real money."""
    started_ms: int
    now_ms: int
    config_version: int = 1
    equity: Decimal | None = None
    """wallet + unrealised_pnl + other_unrealised_pnl: the account's; None until that is known."""
    wallet: Decimal | None = None
    realised_pnl: Decimal = ZERO
    unrealised_pnl: Decimal = ZERO
    began_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    """These five: the symbols' added up."""
    other_unrealised_pnl: Decimal = ZERO
    """Of the account's other positions: in equity, and in nothing that the fleet makes."""
    other_fees: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By asset, fees paid in assets that are no dollars: in no other figure."""
    limiters: tuple[LimiterState, ...] = ()
    budget: BudgetState = BudgetState()
    paused_until_ms: int | None = None
    pause_reason: str = ""
    streams: tuple[StreamState, ...] = ()
    symbols: tuple[SymbolState, ...] = ()
    events: tuple[EventLine, ...] = ()
    """Newest last."""
    reloads_applied: int = 0
    reloads_refused: int = 0
    last_reload_error: str | None = None
    """None once a later reload was applied."""
    http_429: int = 0
    http_418: int = 0
    first_quote_ms: int | None = None
    """From the process's start to the first own order confirmed in the market."""
    own_orders_left_open: int = 0
    """Of which it is known that they are, or may be."""
    left_unknown: bool = False
    """Whether others may be: what an earlier run left was not looked at, or after the stop nobody has seen that none
    is."""
    instruments_loaded: bool = False
    stopping: bool = False
    loop_lag_ms: float | None = None
    """How late the event loop wakes its sleepers."""
    stalls: int = 0
    """How often something kept the event loop for longer than 50 ms."""
    ledger_problem: str = ""
    """Why the ledger cannot be written; empty while it can, or when none is kept."""
    ledger_waiting: int = 0
    """Entries that are not on disk yet."""
    balances_mended: int = 0
    """Found to be other than the line had told, by looking at the account."""
    foreign: tuple[ForeignState, ...] = ()
    loss_limit: str = ""
    """Which loss limit has been hit; empty when none has."""
    day_result: Decimal = ZERO
    """What the UTC day has brought since it began or was resumed: realised and unrealised, less fees, with funding."""
    drawdown: Decimal = ZERO
    """How far the result is below its best."""

    @property
    def net_pnl(self) -> Decimal:
        """What this run has made: by so much equity has changed, as far as that was the fleet's doing."""
        return self.realised_pnl + self.unrealised_pnl - self.began_pnl - self.fees + self.funding


def not_ready(state: FleetState) -> tuple[str, ...]:
    """Why the fleet is not ready for its work; empty when it is."""
    reasons: list[str] = []
    if state.stopping:
        reasons.append("stopping")
    if not state.instruments_loaded:
        reasons.append("instruments not loaded")
    if not state.streams:
        reasons.append("no stream opened yet")
    reasons += [f"{stream.line} stream is down" for stream in state.streams if not stream.up]
    for symbol in state.symbols:
        if symbol.phase not in READY:
            reasons.append(f"{symbol.symbol} is {symbol.phase}" + (f": {symbol.reason}" if symbol.reason else ""))
    return tuple(reasons)
