"""One symbol's trading desk: all that is known of it, and which requests that calls for.

Owns: the symbol's market, what its strategy makes of it and with how much margin, and when quotes must not stand. Must
not know: tasks, sockets, the gate, what news makes of an order. Events come in by method calls with their time; `plan`
says what should be sent; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchange.errors import VenueError
from exchange.model import BookTicker, Fill, Instrument, MarkPrice, Order, Side
from fleet.config.models import SymbolConfig
from fleet.ledger.books import SymbolBook
from fleet.ledger.entries import NoLedger, Recorder
from fleet.orders.ids import ClientIds
from fleet.orders.lifecycle import WorkingOrder
from fleet.orders.plan import Action, Change, Plan, Policy, plan
from fleet.orders.working import Counters, WorkingOrders
from fleet.risk.checks import Known, room_usd
from fleet.risk.exposure import Held
from fleet.risk.officer import SymbolRisk
from fleet.runtime.capital import Capital
from strategies.base import Decision, Quote, Situation, Strategy
from strategies.signals.volatility import Volatility

SET_BACK_US = 1_000_000
"""Our clock is put right by less, again and again."""


class Desk:
    """Mutable, but pure: the same calls in the same order leave it the same."""

    def __init__(
        self,
        config: SymbolConfig,
        instrument: Instrument,
        strategy: Strategy[Any],
        book: SymbolBook,
        capital: Capital,
        ids: ClientIds,
        counters: Counters,
        risk: SymbolRisk,
        ledger: Recorder | None = None,
    ) -> None:
        self.config = config
        self.instrument = instrument
        self.book = book
        self.capital = capital
        self.risk = risk
        self.working = WorkingOrders(instrument, ids, counters, ledger or NoLedger(), config.refresh_interval_ms * 1000)
        self.ticker: BookTicker | None = None
        self.mark: MarkPrice | None = None
        self.market_up = False
        self.account_up = False
        self.closing = False
        self.guarded = True
        """If we died, the exchange would cancel what we have in the market; or nobody asked for that."""
        self.leverage = config.leverage
        """As the venue has it."""
        self.decision = Decision(())
        self.pulled = "starting"
        """Why no quote may stand; empty while they may."""
        self.others = Held()
        self.granted_usd = Decimal(0)
        """What the last decision was made by of what belongs to all symbols: what the others hold, and the margin."""
        self._strategy = strategy
        self._state: Any = strategy.start()
        self._volatility = Volatility()
        self._usd_per_tick_lot = float(instrument.tick_size * instrument.step_size)
        capital.demand(config.symbol, config.balance_fraction)

    def reconfigure(self, config: SymbolConfig, strategy: Strategy[Any]) -> None:
        """New parameters, between two decisions. Orders and their queue places stay as far as they still fit."""
        if config.strategy != self.config.strategy:
            self._state = strategy.start()
        self.config, self._strategy = config, strategy
        self.working.pause_us = config.refresh_interval_ms * 1000
        self.capital.demand(config.symbol, config.balance_fraction)

    def close(self) -> None:
        """From now on only work the position off."""
        self.closing = True
        # What was decided before does not tell whether there is anything to work off.
        self.pulled = "closing"

    @property
    def orders(self) -> dict[str, WorkingOrder]:
        """By client id."""
        return self.working.orders

    # --- what is heard

    def see_market(self, ticker: BookTicker | None, mark: MarkPrice | None, *, up: bool) -> None:
        """The newest that is known; `up`: the line it comes by is open."""
        self.ticker, self.mark, self.market_up = ticker, mark, up

    def on_order(self, told: Order, now_us: int, *, answer: bool = False) -> bool:
        return self.working.on_order(told, now_us, answer=answer)

    def on_fill(self, fill: Fill, now_us: int) -> None:
        """A fill that the ledger had not seen before."""
        if self.working.on_fill(fill, now_us):
            self.risk.fills.count(self.config.max_fills, min(fill.exchange_ms * 1000, now_us))

    def answered(self, action: Action, told: Order, now_us: int) -> None:
        self.working.answered(action, told, now_us)

    def failed(self, action: Action, error: VenueError, now_us: int) -> None:
        self.working.failed(action, error, now_us)

    def reconcile(self, open_orders: list[Order], asked_us: int, now_us: int, filled: Mapping[str, int]) -> list[str]:
        return self.working.reconcile(open_orders, asked_us, now_us, filled)

    # --- what should be sent

    def plan(self, now_us: int) -> Plan:
        self.pulled, stale_us = self._pull_reason(now_us)
        fills_due_us = self.working.await_fills(now_us)
        if fills_due_us is not None and not self.pulled:
            # The position is about to change: what is quoted on the old one would be wrong.
            return Plan((), fills_due_us)
        if not self.pulled:
            self.working.doubt_amended(now_us)
        mark = self.mark.mark if self.mark else None
        known = self.risk.known(self.config, self.book, self.ticker, mark, now_us)
        self.others = known.others
        quotes = self.risk.permitted(known, (), ()) if self.pulled else self._quotes(known, now_us)
        if fills_due_us is None:
            self._commit(quotes)
        policy = Policy(
            self.config.symbol,
            self.config.price_change_threshold,
            self.config.refresh_interval_ms * 1000,
            self.working.holds,
            self._usd_per_tick_lot,
            self._volatility.bps,
            self.config.priority,
        )
        planned = plan(quotes, self.orders.values(), policy, now_us)
        changes = self.risk.let_through(known, self.orders.values(), planned.changes)
        wakes = [wake for wake in (planned.wake_us, stale_us) if wake is not None]
        return replace(planned, changes=changes, wake_us=min(wakes, default=None))

    def sending(self, change: Change, now_us: int) -> Action:
        """The change goes out now. A placement gets its client order id here."""
        return self.working.sending(change.action, now_us)

    @property
    def is_closed(self) -> bool:
        """Asked to close, and nothing is left to work off."""
        is_held_back = self.pulled or self.risk.words
        return self.closing and not is_held_back and not self.decision.quotes and not self.orders

    @property
    def mid(self) -> Decimal | None:
        return None if self.ticker is None else self.instrument.mid(self.ticker)

    def _quotes(self, known: Known, now_us: int) -> tuple[Quote, ...]:
        ticker, mark = self.ticker, self.mark
        if ticker is None or mark is None:
            return ()
        self.granted_usd = self.capital.grant(self.config.symbol, self._position_margin)
        granted_usd = self.granted_usd * self.leverage
        room = room_usd(self.config, known.position_usd)
        self._volatility.see(ticker.bid_ticks + ticker.ask_ticks, now_us)
        situation = Situation(
            now_us=now_us,
            instrument=self.instrument,
            book=ticker,
            mark=mark.mark,
            position_lots=self.book.position_lots,
            entry_price=self.book.entry_price,
            order_usd=granted_usd if room is None else min(granted_usd, room),
            closing=self.closing,
        )
        self._state, decision = self._strategy.decide(self._state, situation)
        quotes = self.risk.permitted(known, self.orders.values(), decision.quotes)
        if len(quotes) < len(decision.quotes):
            note = decision.note if quotes or decision.note else self.risk.words
            decision = replace(decision, quotes=quotes, note=note)
        self.decision = decision
        return quotes

    def _pull_reason(self, now_us: int) -> tuple[str, int | None]:
        """Why no quote may stand now, and else when the data will have become stale."""
        ticker, mark, config = self.ticker, self.mark, self.config
        if self.risk.killed or self.risk.closing:
            return self.risk.killed or self.risk.closing, None
        if not self.market_up:
            return "market data line is down", None
        if not self.account_up:
            return "account line is down", None
        if ticker is None or mark is None or ticker.bid_ticks >= ticker.ask_ticks:
            return "waiting for market data", None
        # By the venue's own time too: a line that lags steadily is no fresher for being alive.
        stale_us = min(mark.received_us, mark.exchange_ms * 1000) + config.stale_after_ms * 1000
        # Heard in the future: our clock was set back since, and nobody knows how old it is.
        if now_us >= stale_us or mark.received_us - now_us > SET_BACK_US:
            return "market data is stale", None
        if abs(self.instrument.mid(ticker) - mark.mark) > config.max_mark_deviation * mark.mark:
            return "mid is far from mark price", stale_us
        if not self.instrument.is_trading:
            return f"symbol is {self.instrument.status}", None
        if not self.guarded:
            return "dead-man's switch is not armed", stale_us
        return "", stale_us

    def _commit(self, quotes: tuple[Quote, ...]) -> None:
        """The margin of the position and of the larger side of all that is or is about to be working."""
        sides = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
        working: dict[Side, Decimal] = dict(sides)
        for order in self.orders.values():
            if order.is_live and not order.reduce_only:
                working[order.side] += self.instrument.notional(order.price_ticks, order.remaining_lots)
        for quote in quotes:
            if not quote.reduce_only:
                sides[quote.side] = self.instrument.notional(quote.price_ticks, quote.lots)
        orders_usd = max(max(sides[side], working[side]) for side in Side)
        self.capital.commit(self.config.symbol, self._position_margin + orders_usd / self.leverage)

    @property
    def _position_margin(self) -> Decimal:
        price = self.mark.mark if self.mark else self.book.entry_price
        return abs(self.book.position_lots) * self.instrument.step_size * price / self.leverage
