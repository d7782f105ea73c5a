"""A venue's orders and positions in memory, scripted by a test.

Every request goes through a real gate and is written down with its time. Run it under virtual time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

import anyio
from runtime_fakes import FakeAccountStream

from exchange.clock import Clock
from exchange.errors import UnknownOrder, VenueError
from exchange.model import (
    AccountMargin,
    Amend,
    Balance,
    Cancel,
    Fill,
    FundingPayment,
    Order,
    OrderStatus,
    OrderUpdate,
    Place,
    Position,
    Protection,
    Side,
    TimeInForce,
)
from exchange.ports import Cost, RequestClass, Ticket
from fleet.scheduling.gate import Gate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it reached the venue: `what` is the action, or the name of a question."""

    at_s: float
    what: Place | Amend | Cancel | str
    symbol: str = ""


@dataclass(slots=True)
class Trouble:
    """The next request of that name fails so; `happens`: it was carried out all the same."""

    name: str
    error: Exception
    happens: bool = False
    symbol: str | None = None


class FakeTrading:
    """Orders never match by themselves: `fill` does it. `latency_s`: between sending and answer, half before."""

    def __init__(self, clock: Clock, gate: Gate, account: FakeAccountStream) -> None:
        self.latency_s = 0.0
        self.sent: list[Sent] = []
        self.orders: dict[str, Order] = {}
        self.trades: defaultdict[str, list[Fill]] = defaultdict(list)
        self.held: dict[str, Position] = {}
        self.paid: list[FundingPayment] = []
        """Funding."""
        self.wallet = Decimal(1000)
        self.mids: dict[str, int] = {}
        """In ticks of 0.1, what positions of lots of 0.01 are valued at where nothing else is said."""
        self.countdowns_us: dict[str, int] = {}
        """When each runs out, 0 for one that was ended. Nothing is cancelled by it."""
        self.listed_s = 7 * 24 * 3600.0
        """How far back the trade list goes when it is asked for the newest."""
        self.troubles: list[Trouble] = []
        self.hedge_mode = False
        self.refuses_cancels = False
        self.taken_at_once = 10**6
        """What an order finds in the book that ends at once."""
        self._clock = clock
        self._gate = gate
        self._account = account
        self._ids = 0

    # --- what a test does

    def trouble(self, name: str, error: Exception, *, happens: bool = False, symbol: str | None = None) -> None:
        self.troubles.append(Trouble(name, error, happens, symbol))

    def fill(self, client_id: str, lots: int, *, tell: bool = True) -> Fill:
        order = self.orders[client_id]
        filled = order.filled_lots + lots
        status = OrderStatus.FILLED if filled == order.lots else OrderStatus.PARTIALLY_FILLED
        order = self._put(replace(order, filled_lots=filled, status=status, exchange_ms=self._clock.now_ms()))
        fill = Fill(
            order.symbol, self._next_id(), order.order_id, client_id, order.side, order.price_ticks, lots, True,
            Decimal("0.01"), "USDT", Decimal(0), self._clock.now_ms(),
        )  # fmt: skip
        self.trades[order.symbol].append(fill)
        self.move(order.symbol, order.side.sign * lots)
        if tell:
            self._account.tell(OrderUpdate(order, "TRADE", fill))
        return fill

    def move(self, symbol: str, lots: int) -> None:
        """As trades do. Entry price 100."""
        before = self.held.get(symbol)
        self.held[symbol] = Position(
            symbol, (before.lots if before else 0) + lots, Decimal(100), exchange_ms=self._now_ms
        )

    def end(self, client_id: str, status: OrderStatus = OrderStatus.EXPIRED, *, tell: bool = True) -> None:
        order = self._put(replace(self.orders[client_id], status=status, exchange_ms=self._clock.now_ms()))
        if tell:
            self._account.tell(OrderUpdate(order, status.value, None))

    def put_order(
        self, client_id: str, symbol: str = "XUSDT", side: Side = Side.BUY, *, price: int = 900, tell: bool = True
    ) -> Order:
        """One that this fleet's run has not placed."""
        return self._new(Place(symbol, client_id, side, price, 50), tell=tell)

    def open(self, symbol: str | None = None) -> list[Order]:
        return [
            order
            for order in self.orders.values()
            if not order.status.is_final and (symbol is None or order.symbol == symbol)
        ]

    def one(self, side: Side, symbol: str = "XUSDT") -> Order:
        """The only open order of a side."""
        [order] = [order for order in self.open(symbol) if order.side is side]
        return order

    def actions(self, symbol: str | None = None) -> list[Place | Amend | Cancel]:
        return [
            sent.what
            for sent in self.sent
            if not isinstance(sent.what, str) and (symbol is None or sent.symbol == symbol)
        ]

    def count(self, name: str, symbol: str | None = None) -> int:
        return sum(sent.what == name and (symbol is None or sent.symbol == symbol) for sent in self.sent)

    # --- the port

    async def place(self, order: Place, ticket: Ticket | None = None) -> Order:
        if ticket is None and order.reduce_only:
            ticket = await self._gate.admit(RequestClass.REDUCE, Cost(1, 1), order.symbol)
        return await self._do("place", order, order.symbol, lambda: self._new(order), ticket, orders=1)

    async def amend(self, order: Amend, ticket: Ticket | None = None) -> Order:
        def change() -> Order:
            known = self._live(order.client_id)
            return self._told(replace(known, price_ticks=order.price_ticks, lots=order.lots, exchange_ms=self._now_ms))

        return await self._do("amend", order, order.symbol, change, ticket, orders=1)

    async def cancel(self, order: Cancel, ticket: Ticket | None = None) -> Order:
        return await self._do("cancel", order, order.symbol, lambda: self._cancelled(order.client_id), ticket)

    async def cancel_many(
        self, symbol: str, client_ids: Sequence[str], ticket: Ticket | None = None
    ) -> list[Order | VenueError]:
        def each(client_id: str) -> Order | VenueError:
            try:
                return self._cancelled(client_id)
            except VenueError as error:
                return error

        assert 0 < len(client_ids) <= 10
        return await self._do("cancel_many", "cancel_many", symbol, lambda: [each(name) for name in client_ids], ticket)

    async def countdown_cancel_all(self, symbol: str, countdown_ms: int, ticket: Ticket | None = None) -> None:
        def tell() -> None:
            self.countdowns_us[symbol] = countdown_ms and self._clock.now_us() + countdown_ms * 1000

        await self._do("countdown", f"countdown {countdown_ms}", symbol, tell, ticket)

    async def order(self, symbol: str, client_id: str, ticket: Ticket | None = None) -> Order:
        def find() -> Order:
            if client_id not in self.orders:
                raise UnknownOrder("no such order", code=-2013)
            return self.orders[client_id]

        return await self._do("order", "order", symbol, find, ticket)

    async def open_orders(self, symbol: str | None = None, ticket: Ticket | None = None) -> list[Order]:
        return await self._do("open_orders", "open_orders", symbol or "", lambda: self.open(symbol), ticket)

    async def fills(self, symbol: str, *, from_id: int | None = None, limit: int = 500) -> list[Fill]:
        def find() -> list[Fill]:
            # As the venue's list, without client ids.
            trades = [replace(fill, client_id="") for fill in self.trades[symbol]]
            if from_id is None:
                oldest_ms = self._now_ms - self.listed_s * 1000
                return [fill for fill in trades if fill.exchange_ms >= oldest_ms][-limit:]
            return [fill for fill in trades if fill.trade_id >= from_id][:limit]

        return await self._do("fills", "fills", symbol, find)

    async def funding_payments(self, from_ms: int) -> list[FundingPayment]:
        def find() -> list[FundingPayment]:
            return [paid for paid in self.paid if paid.exchange_ms >= from_ms]

        return await self._do("funding_payments", "funding_payments", "", find)

    async def positions(self, ticket: Ticket | None = None) -> list[Position]:
        return await self._do(
            "positions", "positions", "", lambda: [self._valued(each) for each in self.held.values()], ticket
        )

    def _valued(self, position: Position) -> Position:
        mid = self.mids.get(position.symbol)
        if mid is None or position.unrealised:
            return position
        return replace(position, unrealised=position.lots * (Decimal(mid) / 10 - position.entry_price) / 100)

    async def balances(self) -> list[Balance]:
        return await self._do("balances", "balances", "", lambda: [Balance("USDT", self.wallet, self._now_ms)])

    async def margin(self) -> AccountMargin:
        raise NotImplementedError

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        return await self._do("set_leverage", "set_leverage", symbol, lambda: leverage)

    async def set_protection(self, protection: Protection) -> None:
        await self._do("set_protection", f"protect {protection}", protection.symbol, lambda: None)

    async def delete_protection(self, symbol: str) -> None:
        await self._do("delete_protection", "delete_protection", symbol, lambda: None)

    async def reset_protection(self, symbol: str) -> None:
        await self._do("reset_protection", "reset_protection", symbol, lambda: None)

    async def is_hedge_mode(self) -> bool:
        return await self._do("mode", "mode", "", lambda: self.hedge_mode)

    async def is_multi_assets_mode(self) -> bool:
        return await self._do("mode", "mode", "", lambda: False)

    # --- inside

    async def _do(
        self,
        name: str,
        what: Place | Amend | Cancel | str,
        symbol: str,
        carry_out: Callable[[], T],
        ticket: Ticket | None = None,
        orders: int = 0,
    ) -> T:
        if ticket is None:
            ticket = await self._gate.admit(RequestClass.QUERY, Cost(1, orders))
        try:
            self.sent.append(Sent(anyio.current_time(), what, symbol))
            await anyio.sleep(self.latency_s / 2)
            trouble = next((t for t in self.troubles if t.name == name and t.symbol in (None, symbol)), None)
            if trouble is not None:
                self.troubles.remove(trouble)
            if trouble is None or trouble.happens:
                result = carry_out()
                await anyio.sleep(self.latency_s / 2)
                if trouble is None:
                    return result
            assert trouble is not None
            raise trouble.error
        finally:
            self._gate.settle(ticket, {})

    @property
    def _now_ms(self) -> int:
        return self._clock.now_ms()

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def _new(self, place: Place, *, tell: bool = True) -> Order:
        order = Order(
            place.symbol, place.client_id, self._next_id(), place.side, OrderStatus.NEW, place.price_ticks,
            place.lots, 0, place.reduce_only, place.time_in_force.value, self._now_ms,
        )  # fmt: skip
        order = self._told(order) if tell else self._put(order)
        if place.time_in_force is not TimeInForce.IOC:
            return order
        lots = min(self.taken_at_once, place.lots)
        if lots:
            self.fill(place.client_id, lots)
        if lots < place.lots:
            self.end(place.client_id)
        return self.orders[place.client_id]

    def _live(self, client_id: str) -> Order:
        known = self.orders.get(client_id)
        if known is None or known.status.is_final:
            raise UnknownOrder("unknown order sent", code=-2011)
        return known

    def _cancelled(self, client_id: str) -> Order:
        known = self._live(client_id)
        if self.refuses_cancels:
            raise VenueError("not now")
        return self._told(replace(known, status=OrderStatus.CANCELED, exchange_ms=self._now_ms))

    def _put(self, order: Order) -> Order:
        self.orders[order.client_id] = order
        return order

    def _told(self, order: Order) -> Order:
        self._account.tell(OrderUpdate(order, order.status.value, None))
        return self._put(order)
