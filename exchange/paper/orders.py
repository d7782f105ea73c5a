"""The orders of all accounts: what rests, what waits, what was, and the ways in and out of a market.

Owns: an order's life (NEW, PARTIALLY_FILLED, then FILLED, CANCELED or EXPIRED), reduce-only, what orders hold of
margin. Must not know: HTTP, how news travels.

Choices where the docs are silent:

 - An amended order goes to the end of its new price's queue, unless the settings have it keep its place where it
   changes no price and adds no quantity. An amend that is refused, a post-only one that would cross (-5022) and one
   that changes nothing (-5027) among them, leaves the order as it was.
 - A reduce-only order is never larger than the position: it shrinks with it (execution AMENDMENT) and expires when
   there is nothing left to reduce. In hedge mode an order that can only close is reduce-only, and one larger than the
   position is refused.
 - A conditional order holds no margin and reduces nothing while it waits. When it triggers, its waiting form is
   EXPIRED and it is NEW as LIMIT or MARKET, under the same id; one that could not be placed then stays EXPIRED.
 - RPI is post-only and displayed nowhere; whom it trades with is not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exchange.model import OrderStatus, Side, TimeInForce
from exchange.paper.accounts import Account
from exchange.paper.admission import admitted_lots, check_margin, check_status, check_waiting, market_limit, notional
from exchange.paper.answers import Refusal
from exchange.paper.config import PaperSettings
from exchange.paper.entry import NewOrder
from exchange.paper.filters import check_percent
from exchange.paper.holding import Holding, OwnTrade
from exchange.paper.listing import Listing
from exchange.paper.market import Trade
from exchange.paper.mmp import Protections
from exchange.paper.money import ZERO
from exchange.paper.order import LIQUIDATION, News, PaperOrder
from exchange.paper.pegs import pegged_ticks
from exchange.paper.prevention import Prevention, fillable
from exchange.paper.register import Register
from exchange.paper.triggers import Triggers
from exchange.protocol import codes

_MAX_AMENDMENTS = 10_000


class Orders:
    def __init__(self, settings: PaperSettings, news: News) -> None:
        self._register = Register()
        self.protections = Protections()
        self._settings = settings
        self._news = news
        self._next_id = 1
        self._triggers = Triggers()

    def tell_also(self, news: News) -> None:
        """From now on somebody else is told of everything too, the account's owner first."""
        self._news = _Both(self._news, news)

    # Looking

    def find(self, account: Account, symbol: str, order_id: int | None, client_id: str | None) -> PaperOrder | None:
        """By order id if there is one, else by client id; of several that had it the newest."""
        return self._register.find(account, symbol, order_id, client_id)

    def open_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        return self._register.open_orders(account, symbol)

    def all_open_orders(self, account: Account) -> list[PaperOrder]:
        return self._register.all_open_orders(account)

    def all_orders(self, account: Account, symbol: str) -> list[PaperOrder]:
        """Open ones and the finished ones still remembered, by id."""
        return self._register.all_orders(account, symbol)

    # In

    def place(self, account: Account, listing: Listing, new: NewOrder, now_us: int) -> PaperOrder:
        """Takes an order in and lets it trade; returns it as it is then. Raises Refusal, and nothing happened."""
        holding = account.holding(listing.instrument, listing.mark, new.position_side)
        order = PaperOrder(self._next_id, account, listing, holding, new, now_us // 1000)
        check_status(order)
        if self.protections and self.protections.is_frozen((account.address, listing.symbol), now_us):
            raise Refusal(codes.NO_PLACE_ORDER_PERMISSION, "User can not place order currently")
        already = self._register.find(account, listing.symbol, None, new.client_id) if new.client_id else None
        if already and not already.status.is_final:
            raise Refusal(codes.DUPLICATED_CLIENT_ORDER_ID, "ClientOrderId is duplicated.")
        if self._register.open_count(account, listing.symbol) >= listing.instrument.max_open_orders:
            raise Refusal(codes.MAX_OPEN_ORDER_EXCEEDED, "Reach max open order limit.")
        if order.is_waiting:
            check_waiting(order, self._register.open_orders(account, listing.symbol))
        else:
            order.lots = admitted_lots(order)
        self._enter(order, now_us)
        return order

    def liquidate(self, account: Account, listing: Listing, holding: Holding, now_us: int) -> PaperOrder:
        """Closes a position as far as the market's bound, at the taker fee (client id `autoclose-…`)."""
        side = Side.SELL if holding.lots > 0 else Side.BUY
        new = NewOrder(
            side=side,
            type=LIQUIDATION,
            time_in_force=TimeInForce.IOC,
            ticks=market_limit(listing, side),
            lots=abs(holding.lots),
            reduce_only=True,
            client_id=f"autoclose-{self._next_id}",
            wants_result=True,
            position_side=holding.position_side,
        )
        order = PaperOrder(self._next_id, account, listing, holding, new, now_us // 1000)
        self._enter(order, now_us)
        return order

    def amend(self, order: PaperOrder, ticks: int, lots: int, now_us: int) -> None:
        """A new price and whole quantity for a resting order. Raises Refusal, and the order is as it was."""
        listing, market = order.listing, order.listing.market
        if order.amendments >= _MAX_AMENDMENTS:
            raise Refusal(codes.MAX_AMENDMENTS_EXCEEDED, "Exceed maximum modify order limit.")
        if ticks == order.ticks and lots == order.lots:
            raise Refusal(codes.NOTHING_TO_AMEND, "No need to modify the order.")
        if lots <= order.filled:
            raise Refusal(codes.QTY_LESS_THAN_ZERO, "Quantity less than zero.")
        left = lots - order.filled
        if order.time_in_force.is_post_only and market.would_cross(order.side, ticks):
            raise Refusal(
                codes.POST_ONLY_REJECTED,
                "Due to the order could not be executed as maker, the Post Only order will be rejected.",
            )
        if order.only_reduces:
            left = min(left, order.holding.reducible(order.side))
        else:
            check_margin(order, notional(listing, ticks, left) - order.held)
        keeps_place = self._settings.amend_keeps_priority and ticks == order.ticks and left <= order.left
        if keeps_place:
            market.shrink(order.id, left)
        else:
            market.remove(order.id)
            order.resting = False
            self._hold(order, ZERO)
        order.ticks = ticks
        order.lots = order.filled + left
        order.amendments += 1
        order.updated_ms = now_us // 1000
        if keeps_place:
            self._hold(order, notional(listing, ticks, left))
        self._news.order_changed(order, "AMENDMENT", None, now_us)
        if not keeps_place:
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
        """Any execution: books it for whichever of our accounts had a part in it."""
        self._triggers.traded(listing.symbol, trade.ticks)
        if trade.taker_order_id is not None:
            self._party(self._register[trade.taker_order_id], listing, trade, is_maker=False)
        if trade.maker_order_id is not None:
            self._party(self._register[trade.maker_order_id], listing, trade, is_maker=True)

    def trigger_by_trades(self, listing: Listing, now_us: int) -> None:
        """To be called when a market has done matching."""
        for order in self._triggers.met_by_trades(listing):
            self._trigger(order, now_us)

    def trigger_by_mark(self, listing: Listing, now_us: int) -> bool:
        """To be called with each new mark price. Whether it set any order off."""
        met = list(self._triggers.met_by_mark(listing))
        for order in met:
            if order.is_waiting:
                self._trigger(order, now_us)
        return bool(met)

    # Entering

    def _enter(self, order: PaperOrder, now_us: int) -> None:
        self._next_id = order.id + 1
        self._register.enter(order)
        self._news.order_changed(order, "NEW", None, now_us)
        if order.is_waiting:
            self._triggers.add(order)
        else:
            self._start(order, now_us)

    def _trigger(self, order: PaperOrder, now_us: int) -> None:
        """A waiting order's price has come."""
        self._triggers.remove(order)
        order.is_waiting = False
        waited_as, has_limit = order.type, bool(order.ticks) or order.peg is not None
        try:
            if order.peg is not None:
                order.ticks = pegged_ticks(order.peg, order.side, order.listing)
                check_percent(order.ticks, order.listing, order.side)
            order.type = "LIMIT" if has_limit else "MARKET"
            check_status(order)
            order.lots = admitted_lots(order)
        except Refusal:
            order.type = waited_as
            self._finish(order, OrderStatus.EXPIRED, now_us)
            return
        triggered_as, order.type = order.type, waited_as
        order.status = OrderStatus.EXPIRED
        order.updated_ms = now_us // 1000
        self._news.order_changed(order, "EXPIRED", None, now_us)
        order.type = triggered_as
        order.status = OrderStatus.NEW
        self._news.order_changed(order, "NEW", None, now_us)
        self._start(order, now_us)

    def _start(self, order: PaperOrder, now_us: int) -> None:
        if order.time_in_force.is_post_only and order.listing.market.would_cross(order.side, order.ticks):
            self._finish(order, OrderStatus.EXPIRED, now_us)
        elif order.type == "MARKET":
            self._match(order, market_limit(order.listing, order.side), now_us)
        else:
            self._match(order, order.ticks or None, now_us)

    # Matching

    def _match(self, order: PaperOrder, limit_ticks: int | None, now_us: int) -> None:
        """Trades what it can, then rests or ends the order."""
        listing, market, side = order.listing, order.listing.market, order.side
        is_fok = order.time_in_force is TimeInForce.FOK
        if is_fok and fillable(order, limit_ticks, self.open_orders(order.account, listing.symbol)) < order.left:
            self._finish(order, OrderStatus.EXPIRED, now_us)
            return
        is_stopped = False
        if limit_ticks is None or market.would_cross(side, limit_ticks):
            may_meet = Prevention(
                order, self._register.__getitem__, lambda maker: self._finish(maker, OrderStatus.EXPIRED, now_us)
            )
            market.take(order.id, side, limit_ticks, order.left, now_us, listing.on_trade, may_meet)
            is_stopped = may_meet.is_stopped
        if order.status.is_final:
            return
        if self.protections and self.protections.is_frozen((order.account.address, listing.symbol), now_us):
            self._finish(order, OrderStatus.CANCELED, now_us)
            return
        if is_stopped or order.type != "LIMIT" or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self._finish(order, OrderStatus.EXPIRED, now_us)
            return
        if order.only_reduces:
            room = order.holding.reducible(side)
            if not room:
                self._finish(order, OrderStatus.EXPIRED, now_us)
                return
            order.lots = order.filled + min(order.left, room)
        market.rest(order.id, side, order.ticks, order.left, now_us, is_hidden=order.time_in_force.is_hidden)
        order.resting = True
        self._hold(order, notional(listing, order.ticks, order.left))

    def _party(self, order: PaperOrder, listing: Listing, trade: Trade, *, is_maker: bool) -> None:
        account, now_us = order.account, trade.exchange_us
        self._fill(order, trade, is_maker=is_maker)
        if self.protections:
            instrument, key = listing.instrument, (account.address, listing.symbol)
            quantity, value = instrument.quantity(trade.lots), instrument.notional(trade.ticks, trade.lots)
            if self.protections.filled(key, order.side, quantity, value, now_us):
                orders = self._register.open_orders(account, listing.symbol)
                self.cancel_all((each for each in orders if each.resting or each.is_waiting), now_us)
        self._hold_back_reductions(account, listing, now_us)

    def _fill(self, order: PaperOrder, trade: Trade, *, is_maker: bool) -> None:
        listing, account, holding = order.listing, order.account, order.holding
        now_ms = trade.exchange_us // 1000
        fees = account.fees_of(listing.symbol)
        rate = fees.maker if is_maker else fees.taker
        own = OwnTrade(trade.trade_id, order.id, order.side, trade.ticks, trade.lots, is_maker, ZERO, ZERO, now_ms)
        own = account.fill(holding, own, rate)
        order.filled += trade.lots
        order.quote += listing.instrument.notional(trade.ticks, trade.lots)
        order.updated_ms = now_ms
        if order.resting:
            self._hold(order, notional(listing, order.ticks, order.left))
        order.status = OrderStatus.PARTIALLY_FILLED if order.left else OrderStatus.FILLED
        if not order.left:
            self._retire(order)
        self._news.holding_changed(account, holding, trade.exchange_us)
        execution = "CALCULATED" if order.type == LIQUIDATION else "TRADE"
        self._news.order_changed(order, execution, own, trade.exchange_us)

    def _hold_back_reductions(self, account: Account, listing: Listing, now_us: int) -> None:
        """After a fill: no resting reduce-only order may be larger than what is left to reduce."""
        for order in self._register.open_orders(account, listing.symbol):
            if not (order.resting and order.only_reduces):
                continue
            room = order.holding.reducible(order.side)
            if not room:
                self._finish(order, OrderStatus.EXPIRED, now_us)
            elif order.left > room:
                listing.market.shrink(order.id, room)
                order.lots = order.filled + room
                order.updated_ms = now_us // 1000
                self._news.order_changed(order, "AMENDMENT", None, now_us)

    # Ending

    def _finish(self, order: PaperOrder, status: OrderStatus, now_us: int) -> None:
        if order.resting:
            order.listing.market.remove(order.id)
        order.status = status
        order.updated_ms = now_us // 1000
        self._retire(order)
        self._news.order_changed(order, status.value, None, now_us)

    def _retire(self, order: PaperOrder) -> None:
        if order.is_waiting:
            self._triggers.remove(order)
            order.is_waiting = False
        order.resting = False
        self._hold(order, ZERO)
        self._register.retire(order)

    def _hold(self, order: PaperOrder, notional: Decimal) -> None:
        if order.only_reduces or notional == order.held:
            return
        order.account.hold(order.holding, order.side, notional - order.held)
        order.held = notional


class _Both:
    def __init__(self, first: News, second: News) -> None:
        self._first = first
        self._second = second

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None:
        self._first.order_changed(order, execution, trade, now_us)
        self._second.order_changed(order, execution, trade, now_us)

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None:
        self._first.holding_changed(account, holding, now_us)
        self._second.holding_changed(account, holding, now_us)
