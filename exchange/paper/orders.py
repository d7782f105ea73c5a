"""The orders of all accounts: what rests, what was, and the ways in and out of a market.

Owns: an order's life (NEW, PARTIALLY_FILLED, then FILLED, CANCELED or EXPIRED), reduce-only, what orders hold of
margin. Must not know: HTTP, how news travels.

Choices where the docs are silent: an amended order goes to the end of its new price's queue; an amend that is refused,
a post-only one that would cross among them (-5022), leaves the order as it was. A reduce-only order is never larger
than the position: it shrinks with it (execution AMENDMENT) and expires when there is nothing left to reduce.

Self-trade prevention (docs: STP Mode) is the account-wide default EXPIRE_TAKER and nothing else: an order that comes to
a price where one of the account's own rests trades what is better than that price, and the rest of it expires.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from exchange.model import OrderStatus, Side, TimeInForce
from exchange.paper.accounts import ZERO, Account, Holding, OwnTrade
from exchange.paper.answers import Refusal
from exchange.paper.config import PaperSettings
from exchange.paper.entry import NewOrder
from exchange.paper.listing import Listing
from exchange.paper.market import Trade
from exchange.protocol import codes

_KEPT_DONE = 5000
"""Finished orders remembered for each account and symbol."""
_MAX_AMENDMENTS = 10_000
LIQUIDATION = "LIQUIDATION"


class PaperOrder:
    __slots__ = (
        "account",
        "amendments",
        "client_id",
        "created_ms",
        "filled",
        "held",
        "id",
        "listing",
        "lots",
        "quote",
        "reduce_only",
        "resting",
        "side",
        "status",
        "ticks",
        "time_in_force",
        "type",
        "updated_ms",
    )

    def __init__(self, order_id: int, account: Account, listing: Listing, new: NewOrder, now_ms: int) -> None:
        self.id = order_id
        self.account = account
        self.listing = listing
        self.client_id = new.client_id or f"paper-{order_id}"
        self.side = new.side
        self.type = new.type
        self.time_in_force = new.time_in_force
        self.ticks = new.ticks
        self.lots = new.lots
        self.reduce_only = new.reduce_only
        self.filled = 0
        self.quote: Decimal = ZERO
        """Price times quantity of all fills."""
        self.held: Decimal = ZERO
        """Notional that counts towards margin while the order rests."""
        self.resting = False
        self.status = OrderStatus.NEW
        self.amendments = 0
        self.created_ms = now_ms
        self.updated_ms = now_ms

    @property
    def left(self) -> int:
        return self.lots - self.filled


class News(Protocol):
    """Who is told of what happens to an account."""

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None: ...

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None: ...


Key = tuple[str, str]
"""Account address and symbol."""


class Orders:
    def __init__(self, settings: PaperSettings, news: News) -> None:
        self._settings = settings
        self._news = news
        self._next_id = 1
        self._all: dict[int, PaperOrder] = {}
        self._open: dict[Key, dict[int, PaperOrder]] = {}
        self._done: dict[Key, deque[PaperOrder]] = {}
        self._by_client_id: dict[tuple[str, str, str], PaperOrder] = {}

    # Looking

    def find(self, account: Account, symbol: str, order_id: int | None, client_id: str | None) -> PaperOrder | None:
        """By order id if there is one, else by client id; of several that had it the newest."""
        if order_id is not None:
            order = self._all.get(order_id)
            return order if order and order.account is account and order.listing.symbol == symbol else None
        return self._by_client_id.get((account.address, symbol, client_id or ""))

    def open_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        return list(self._open.get((account.address, symbol), {}).values())

    def all_open_orders(self, account: Account) -> list[PaperOrder]:
        found = [order for symbol in account.holdings for order in self.open_orders(account, symbol)]
        return sorted(found, key=lambda order: order.id)

    def all_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        """Open ones and the finished ones still remembered, by id."""
        done = self._done.get((account.address, symbol), ())
        return sorted([*done, *self.open_orders(account, symbol)], key=lambda order: order.id)

    # In

    def place(self, account: Account, listing: Listing, new: NewOrder, now_us: int) -> PaperOrder:
        """Takes an order in and lets it trade; returns it as it is then. Raises Refusal, and nothing happened."""
        symbol = listing.symbol
        holding = account.holding(listing.instrument, listing.mark)
        already = self._by_client_id.get((account.address, symbol, new.client_id)) if new.client_id else None
        if already and not already.status.is_final:
            raise Refusal(codes.DUPLICATED_CLIENT_ORDER_ID, "ClientOrderId is duplicated.")
        if len(self._open.get((account.address, symbol), ())) >= listing.instrument.max_open_orders:
            raise Refusal(codes.MAX_OPEN_ORDER_EXCEEDED, "Reach max open order limit.")
        if new.type == "MARKET":
            self._check_counterparty(listing, new.side)
        if new.reduce_only:
            if not reducible(holding, new.side):
                raise Refusal(codes.REDUCE_ONLY_REJECT, "ReduceOnly Order is rejected.")
        elif not account.can_hold(holding, new.side, self._notional(listing, new.ticks, new.lots)):
            raise Refusal(codes.MARGIN_NOT_SUFFICIENT, "Margin is insufficient.")
        return self._enter(account, listing, holding, new, now_us)

    def liquidate(self, account: Account, listing: Listing, now_us: int) -> None:
        """Closes a position at whatever price there is, at the taker fee (client id `autoclose-…`)."""
        holding = account.holdings[listing.symbol]
        side = Side.SELL if holding.lots > 0 else Side.BUY
        client_id = f"autoclose-{self._next_id}"
        new = NewOrder(side, LIQUIDATION, TimeInForce.IOC, 0, abs(holding.lots), True, client_id, True)
        self._enter(account, listing, holding, new, now_us)

    def amend(self, order: PaperOrder, ticks: int, lots: int, now_us: int) -> None:
        """A new price and whole quantity for a resting order. Raises Refusal, and the order is as it was."""
        listing, account, market = order.listing, order.account, order.listing.market
        holding = account.holdings[listing.symbol]
        if order.amendments >= _MAX_AMENDMENTS:
            raise Refusal(-5026, "Exceed maximum modify order limit.")
        if lots <= order.filled:
            raise Refusal(codes.QTY_LESS_THAN_ZERO, "Quantity less than zero.")
        left = lots - order.filled
        if order.time_in_force is TimeInForce.GTX and market.would_cross(order.side, ticks):
            raise Refusal(
                codes.POST_ONLY_REJECTED,
                "Due to the order could not be executed as maker, the Post Only order will be rejected.",
            )
        if order.reduce_only:
            left = min(left, reducible(holding, order.side))
        else:
            more = self._notional(listing, ticks, left) - order.held
            if not account.can_hold(holding, order.side, more):
                raise Refusal(codes.MARGIN_NOT_SUFFICIENT, "Margin is insufficient.")
        market.remove(order.id)
        order.resting = False
        self._hold(order, ZERO)
        order.ticks = ticks
        order.lots = order.filled + left
        order.amendments += 1
        order.updated_ms = now_us // 1000
        self._news.order_changed(order, "AMENDMENT", None, now_us)
        self._match(order, ticks, now_us)

    # Out

    def cancel(self, order: PaperOrder, now_us: int) -> None:
        """Raises Refusal when it is over already."""
        if order.status.is_final:
            raise Refusal(codes.CANCEL_REJECTED, "Unknown order sent.")
        self._finish(order, OrderStatus.CANCELED, now_us)

    def cancel_all(self, orders: Iterable[PaperOrder], now_us: int) -> None:
        for order in orders:
            self._finish(order, OrderStatus.CANCELED, now_us)

    # What markets tell

    def traded(self, listing: Listing, trade: Trade) -> None:
        """Books one execution for whichever of our accounts had a part in it."""
        touched: list[Account] = []
        if trade.taker_order_id is not None:
            taker = self._all[trade.taker_order_id]
            self._fill(taker, trade, taker.side, is_maker=False)
            touched.append(taker.account)
        if trade.maker_order_id is not None:
            maker = self._all[trade.maker_order_id]
            self._fill(maker, trade, maker.side, is_maker=True)
            touched.append(maker.account)
        for account in touched:
            self._hold_back_reductions(account, listing, trade.exchange_us)

    # Within

    def _enter(self, account: Account, listing: Listing, holding: Holding, new: NewOrder, now_us: int) -> PaperOrder:
        order = PaperOrder(self._next_id, account, listing, new, now_us // 1000)
        self._next_id += 1
        if order.reduce_only:
            order.lots = min(order.lots, reducible(holding, order.side))
        key = (account.address, listing.symbol)
        self._all[order.id] = order
        self._open.setdefault(key, {})[order.id] = order
        self._by_client_id[*key, order.client_id] = order
        self._news.order_changed(order, "NEW", None, now_us)
        if order.time_in_force is TimeInForce.GTX and listing.market.would_cross(order.side, order.ticks):
            self._finish(order, OrderStatus.EXPIRED, now_us)
        elif new.type == "MARKET":
            self._match(order, self._market_limit(listing, order.side), now_us)
        else:
            self._match(order, order.ticks or None, now_us)
        return order

    def _match(self, order: PaperOrder, limit_ticks: int | None, now_us: int) -> None:
        """Trades what it can, then rests or ends the order."""
        market, side = order.listing.market, order.side
        own_ticks = self._own_price_reached(order, limit_ticks)
        if own_ticks is not None:
            limit_ticks = own_ticks - side.sign
        is_fok = order.time_in_force is TimeInForce.FOK
        if is_fok and market.fillable(side, limit_ticks, order.left) < order.left:
            self._finish(order, OrderStatus.EXPIRED, now_us)
            return
        if limit_ticks is None or market.would_cross(side, limit_ticks):
            market.take(order.id, side, limit_ticks, order.left, now_us, order.listing.on_trade)
        if order.status.is_final:
            return
        if own_ticks is not None or order.type != "LIMIT" or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self._finish(order, OrderStatus.EXPIRED, now_us)
            return
        if order.reduce_only:
            room = reducible(order.account.holdings[order.listing.symbol], side)
            if not room:
                self._finish(order, OrderStatus.EXPIRED, now_us)
                return
            order.lots = order.filled + min(order.left, room)
        market.rest(order.id, side, order.ticks, order.left, now_us)
        order.resting = True
        self._hold(order, self._notional(order.listing, order.ticks, order.left))

    def _own_price_reached(self, order: PaperOrder, limit_ticks: int | None) -> int | None:
        """The best price within the limit at which the account itself rests on the other side."""
        sign = order.side.sign
        own = [
            each.ticks
            for each in self.open_orders(order.account, order.listing.symbol)
            if each.resting
            and each.side is not order.side
            and (limit_ticks is None or (limit_ticks - each.ticks) * sign >= 0)
        ]
        return min(own, key=lambda ticks: ticks * sign, default=None)

    def _fill(self, order: PaperOrder, trade: Trade, side: Side, *, is_maker: bool) -> None:
        listing, account = order.listing, order.account
        holding = account.holdings[listing.symbol]
        now_ms = trade.exchange_us // 1000
        rate = account.settings.maker_fee if is_maker else account.settings.taker_fee
        own = OwnTrade(trade.trade_id, order.id, side, trade.ticks, trade.lots, is_maker, ZERO, ZERO, now_ms)
        own = account.fill(holding, own, rate)
        order.filled += trade.lots
        order.quote += listing.instrument.notional(trade.ticks, trade.lots)
        order.updated_ms = now_ms
        if order.resting:
            self._hold(order, self._notional(listing, order.ticks, order.left))
        order.status = OrderStatus.PARTIALLY_FILLED if order.left else OrderStatus.FILLED
        if not order.left:
            self._retire(order)
        self._news.holding_changed(account, holding, trade.exchange_us)
        execution = "CALCULATED" if order.type == LIQUIDATION else "TRADE"
        self._news.order_changed(order, execution, own, trade.exchange_us)

    def _hold_back_reductions(self, account: Account, listing: Listing, now_us: int) -> None:
        """After a fill: no resting reduce-only order may be larger than what is left to reduce."""
        holding = account.holdings[listing.symbol]
        for order in self.open_orders(account, listing.symbol):
            if not (order.reduce_only and order.resting):
                continue
            room = reducible(holding, order.side)
            if not room:
                self._finish(order, OrderStatus.EXPIRED, now_us)
            elif order.left > room:
                listing.market.shrink(order.id, room)
                order.lots = order.filled + room
                order.updated_ms = now_us // 1000
                self._news.order_changed(order, "AMENDMENT", None, now_us)

    def _finish(self, order: PaperOrder, status: OrderStatus, now_us: int) -> None:
        if order.resting:
            order.listing.market.remove(order.id)
        order.status = status
        order.updated_ms = now_us // 1000
        self._retire(order)
        self._news.order_changed(order, status.value, None, now_us)

    def _retire(self, order: PaperOrder) -> None:
        order.resting = False
        self._hold(order, ZERO)
        key = (order.account.address, order.listing.symbol)
        del self._open[key][order.id]
        done = self._done.setdefault(key, deque())
        done.append(order)
        if len(done) > _KEPT_DONE:
            forgotten = done.popleft()
            del self._all[forgotten.id]
            if self._by_client_id.get((*key, forgotten.client_id)) is forgotten:
                del self._by_client_id[*key, forgotten.client_id]

    def _hold(self, order: PaperOrder, notional: Decimal) -> None:
        if order.reduce_only or notional == order.held:
            return
        order.account.hold(order.account.holdings[order.listing.symbol], order.side, notional - order.held)
        order.held = notional

    def _notional(self, listing: Listing, ticks: int, lots: int) -> Decimal:
        return listing.instrument.notional(ticks, lots) if ticks else listing.mark * listing.instrument.quantity(lots)

    def _market_limit(self, listing: Listing, side: Side) -> int:
        """How far a market order may go from the mark price (docs: marketTakeBound)."""
        bound = 1 + side.sign * listing.rules.take_bound
        price = listing.mark * bound
        return max(
            1, listing.instrument.floor_price(price) if side is Side.BUY else listing.instrument.ceil_price(price)
        )

    def _check_counterparty(self, listing: Listing, side: Side) -> None:
        instrument, market = listing.instrument, listing.market
        best = market.best_ask() if side is Side.BUY else market.best_bid()
        if best is not None:
            price = instrument.price(best[0])
            if side is Side.BUY and price <= listing.mark * instrument.percent_up:
                return
            if side is Side.SELL and price >= listing.mark * instrument.percent_down:
                return
        raise Refusal(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit")


def reducible(holding: Holding, side: Side) -> int:
    """How many lots of the position an order of that side could close."""
    return abs(holding.lots) if holding.lots * side.sign < 0 else 0
