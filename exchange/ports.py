"""What the fleet asks of a venue: trading, market data, the account's news, and leave to send.

Owns: the Protocols between fleet/ and a venue's client. Must not know: any concrete venue.
Sinks are called on the event loop's thread and must not block; they are the hot path, one call an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from exchange.errors import VenueError
from exchange.model import (
    AccountEvent,
    AccountMargin,
    Amend,
    Balance,
    BookTicker,
    Cancel,
    Depth,
    ExchangeInfo,
    Fill,
    FundingPayment,
    MarketEvent,
    MarkPrice,
    Order,
    Place,
    Position,
    Protection,
    PublicTrade,
)


class RequestClass(IntEnum):
    """Who goes first when not everybody can: the smaller number."""

    CANCEL = 0
    REDUCE = 1
    QUOTE = 2
    REFRESH = 3
    QUERY = 4


@dataclass(frozen=True, slots=True)
class Cost:
    weight: int = 1
    orders: int = 0


class Ticket(Protocol):
    """Leave to send one request. Its budget is held until `settle`, and for a window's length after."""

    @property
    def cost(self) -> Cost: ...

    @property
    def is_urgent(self) -> bool:
        """Whether it was given from what is kept for cancels."""
        ...


class Admission(Protocol):
    """The one gate through which every request of this IP and account goes."""

    async def admit(self, request_class: RequestClass, cost: Cost, symbol: str = "") -> Ticket:
        """Waits for leave to send; `symbol`: whose request it is, if one symbol's.

        Raises Banned when the venue has shut us out.
        """
        ...

    def settle(self, ticket: Ticket, used: Mapping[str, int]) -> None:
        """The request is over, however it ended; `used` is the venue's own count by limiter name (RateLimit.name)."""
        ...

    def release(self, ticket: Ticket) -> None:
        """Leave given back: nothing was sent."""
        ...

    def pause(self, seconds: float, reason: str) -> None: ...

    def ban(self, seconds: float, reason: str) -> None: ...


class Trading(Protocol):
    """Signed requests. Each raises VenueError's subclasses; a `ticket` not given is asked for."""

    async def place(self, order: Place, ticket: Ticket | None = None) -> Order: ...

    async def amend(self, order: Amend, ticket: Ticket | None = None) -> Order: ...

    async def cancel(self, order: Cancel, ticket: Ticket | None = None) -> Order: ...

    async def cancel_many(
        self, symbol: str, client_ids: Sequence[str], ticket: Ticket | None = None
    ) -> list[Order | VenueError]:
        """At most ten of one symbol, for the weight of one; an answer for each, in order."""
        ...

    async def countdown_cancel_all(self, symbol: str, countdown_ms: int, ticket: Ticket | None = None) -> None:
        """All open orders of a symbol, whoever's, are cancelled then, unless this is called again first; 0: never."""
        ...

    async def order(self, symbol: str, client_id: str, ticket: Ticket | None = None) -> Order: ...

    async def open_orders(self, symbol: str | None = None, ticket: Ticket | None = None) -> list[Order]: ...

    async def fills(self, symbol: str, *, from_id: int | None = None, limit: int = 500) -> list[Fill]:
        """Own trades, oldest first, from a trade id on; without one, the newest `limit`."""
        ...

    async def funding_payments(self, from_ms: int) -> list[FundingPayment]:
        """Every one since then, oldest first."""
        ...

    async def positions(self, ticket: Ticket | None = None) -> list[Position]: ...

    async def balances(self) -> list[Balance]: ...

    async def margin(self) -> AccountMargin: ...

    async def set_leverage(self, symbol: str, leverage: int) -> int: ...

    async def set_protection(self, protection: Protection) -> None:
        """Market maker protection of a symbol, from now on. What was counted before counts no more."""
        ...

    async def delete_protection(self, symbol: str) -> None: ...

    async def reset_protection(self, symbol: str) -> None:
        """Ends the time in which it refuses orders."""
        ...

    async def is_hedge_mode(self) -> bool: ...

    async def is_multi_assets_mode(self) -> bool: ...


class MarketData(Protocol):
    """Public requests. A `ticket` not given is asked for."""

    async def server_ms(self) -> int: ...

    async def exchange_info(self) -> ExchangeInfo: ...

    async def book_tickers(self) -> list[BookTicker]: ...

    async def mark_prices(self, *, ticket: Ticket | None = None) -> list[MarkPrice]: ...

    async def depth(self, symbol: str, limit: int) -> Depth: ...

    async def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]: ...


class MarketStream(Protocol):
    """Market data of any number of symbols over one connection.

    `run` holds the line up until cancelled: it reconnects, takes over before the venue cuts, and tells of both by
    StreamDown and StreamUp. After StreamDown nothing older than the next StreamUp is delivered.
    """

    async def run(self, sink: Callable[[MarketEvent], None]) -> None: ...

    def want(self, symbols: Sequence[str]) -> None:
        """The symbols to be followed from now on: the difference is subscribed and unsubscribed."""
        ...


class AccountStream(Protocol):
    """Orders, fills, balances and positions as they change. After each StreamUp the listener resyncs by Trading."""

    async def run(self, sink: Callable[[AccountEvent], None]) -> None: ...

    def doubt(self) -> None:
        """What it should have told of was found elsewhere: it makes sure that it is not deaf."""
        ...
