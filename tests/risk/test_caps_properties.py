"""Whatever is quoted, filled, lost and answered late: no cap is stepped over at the venue, in any instant.

The venue here carries out what it was sent whenever the draw says so. After each step its own books are held against
the caps, as if every order in it filled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_fakes import EPOCH_US, instrument, mark, no_risk, symbol_config, ticker

from exchange.errors import OutcomeUnknown, Rejected, UnknownOrder, VenueError
from exchange.model import Amend, Cancel, Fill, Order, OrderStatus, Place, Side
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import ClientIds, Run
from fleet.orders.plan import Action
from fleet.orders.working import Counters
from fleet.risk.officer import FleetRisk, SymbolRisk
from fleet.runtime.capital import Capital
from fleet.runtime.desk import Desk
from strategies.base import Decision, Quote, Situation

ORDER, OPEN, POSITION, FLEET_OPEN, FLEET_POSITION = 120, 170, 150, 250, 220
ARRIVES_WITHIN_US = 10_000_000


class Erratic:
    """Quotes whatever comes to mind, at sizes that know no limit."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def start(self) -> None:
        return None

    def decide(self, state: None, situation: Situation) -> tuple[None, Decision]:
        rng, mid = self._rng, situation.mid / situation.instrument.tick_size
        quotes: list[Quote] = []
        for side in Side:
            if rng.random() < 0.8:
                reduces = situation.position_lots * side.sign < 0 and rng.random() < 0.5
                lots = abs(situation.position_lots) if reduces else rng.choice((30, 80, 110, 140))
                ticks = round(mid) - side.sign * rng.choice((1, 3, 8))
                quotes.append(Quote(side, ticks, lots, reduces, rng.choice((0, 5))))
        return None, Decision(tuple(quotes))


@dataclass(slots=True)
class Symbol:
    """A desk, and the venue's side of it."""

    desk: Desk
    truth: SymbolBook
    rng: Random
    now_us: int = EPOCH_US
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    under_way: list[tuple[Action, int, bool]] = field(default_factory=list[tuple[Action, int, bool]])
    """Requests that have not arrived, when they were sent, and whether somebody waits for the answer."""
    untold: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    count: int = 0

    # --- steps

    def plan(self) -> None:
        mid = 1000 + self.rng.choice((-16, -2, -1, 0, 1, 2, 16))
        self.desk.see_market(ticker(self.now_us, mid), mark(self.now_us, mid // 10), up=True)
        for change in self.desk.plan(self.now_us).changes:
            self.under_way.append((self.desk.sending(change, self.now_us), self.now_us, True))

    def arrive(self) -> None:
        if not self.under_way:
            return
        action, sent_us, is_awaited = self.under_way.pop(self.rng.randrange(len(self.under_way)))
        if self.now_us - sent_us > ARRIVES_WITHIN_US:
            answer: Order | VenueError = Rejected("nonce too old")
        else:
            answer = self._carry_out(action)
        if is_awaited:
            self._later(lambda: self._answer(action, answer))

    def lose(self) -> None:
        """No answer: a placement or an amendment may still arrive, of the others it is decided now whether they did."""
        if not self.under_way:
            return
        action, sent_us, is_awaited = self.under_way.pop(self.rng.randrange(len(self.under_way)))
        if not is_awaited:
            return
        if isinstance(action, Place | Amend) and self.rng.random() < 0.5:
            self.under_way.append((action, sent_us, False))
        elif self.rng.random() < 0.5:
            self._carry_out(action)
        self._answer(action, OutcomeUnknown("no answer"))

    def fill(self) -> None:
        live = [order for order in self.orders.values() if not order.status.is_final]
        if live:
            order = self.rng.choice(live)
            left = order.lots - order.filled_lots
            if order.reduce_only:
                left = min(left, max(-self.truth.position_lots * order.side.sign, 0))
            if left == 0:
                self._put(replace(order, status=OrderStatus.EXPIRED))
                return
            self._fill(order, self.rng.randint(1, left))

    def tell(self) -> None:
        if self.untold:
            self.untold.pop(0)()

    def wait(self) -> None:
        self.now_us += self.rng.choice((200_000, 1_000_000, 4_000_000))

    # --- the venue

    def _carry_out(self, action: Action) -> Order | VenueError:
        known = self.orders.get(action.client_id)
        if isinstance(action, Place):
            self.count += 1
            order = Order(
                "XUSDT", action.client_id, self.count, action.side, OrderStatus.NEW, action.price_ticks, action.lots, 0,
                action.reduce_only, "GTX", self.now_us // 1000,
            )  # fmt: skip
            return self._put(order)
        if known is None or (known.status.is_final and not hasattr(action, "symbol")):
            return UnknownOrder("no such order")
        if known.status.is_final:
            return UnknownOrder("no such order") if isinstance(action, Amend | Cancel) else known
        match action:
            case Amend() if action.lots <= known.filled_lots:
                return Rejected("less than is filled")
            case Amend():
                return self._put(replace(known, price_ticks=action.price_ticks, lots=action.lots))
            case Cancel():
                return self._put(replace(known, status=OrderStatus.CANCELED))
            case _:
                return known

    def _put(self, order: Order) -> Order:
        order = replace(order, exchange_ms=self.now_us // 1000)
        self.orders[order.client_id] = order
        self._later(lambda: self.desk.on_order(order, self.now_us))
        return order

    def _fill(self, order: Order, lots: int) -> None:
        self.count += 1
        filled = order.filled_lots + lots
        status = OrderStatus.FILLED if filled == order.lots else OrderStatus.PARTIALLY_FILLED
        fill = Fill(
            "XUSDT", self.count, order.order_id, order.client_id, order.side, order.price_ticks, lots, True, Decimal(0),
            "USDT", Decimal(0), self.now_us // 1000,
        )  # fmt: skip
        self.truth.add(fill)

        def tell() -> None:
            assert self.desk.book.add(fill)
            self.desk.on_fill(fill, self.now_us)

        self._later(tell)
        self._put(replace(order, filled_lots=filled, status=status))

    def _later(self, tell: Callable[[], object]) -> None:
        """Trades and orders in their order; an answer may overtake them."""
        self.untold.append(tell)

    def _answer(self, action: Action, answer: Order | VenueError) -> None:
        if isinstance(answer, VenueError):
            self.desk.failed(action, answer, self.now_us)
        else:
            self.desk.answered(action, answer, self.now_us)

    # --- what must hold

    def opening(self, side: Side) -> list[Decimal]:
        return [
            self.truth.instrument.notional(order.price_ticks, order.lots - order.filled_lots)
            for order in self.orders.values()
            if order.side is side and not order.status.is_final and not order.reduce_only
        ]

    @property
    def open_usd(self) -> Decimal:
        return sum((sum(self.opening(side), Decimal(0)) for side in Side), Decimal(0))

    @property
    def worst_usd(self) -> Decimal:
        held = self.truth.cost
        return max(max(held * side.sign, Decimal(0)) + sum(self.opening(side), Decimal(0)) for side in Side)

    def expect_within(self) -> None:
        assert all(usd <= ORDER for side in Side for usd in self.opening(side))
        assert self.open_usd <= OPEN
        assert self.worst_usd <= POSITION
        live = [order for order in self.orders.values() if not order.status.is_final]
        bids = [order.price_ticks for order in live if order.side is Side.BUY]
        asks = [order.price_ticks for order in live if order.side is Side.SELL]
        assert max(bids, default=0) < min(asks, default=10**9)


def make(name: str, rng: Random, fleet: FleetRisk, **caps: Any) -> Symbol:
    config = symbol_config(refresh_interval="100ms", price_change_threshold=0, stale_after="1h", **caps)
    book, truth = SymbolBook(instrument("XUSDT")), SymbolBook(instrument("XUSDT"))
    risk = SymbolRisk(name, fleet)
    desk = Desk(
        config,
        book.instrument,
        Erratic(rng),
        book,
        Capital(Decimal(10**6)),
        ClientIds(Run("f", 0), name),
        Counters(),
        risk,
    )
    desk.account_up = True
    return Symbol(desk, truth, rng)


STEPS = ("plan", "plan", "arrive", "arrive", "arrive", "lose", "fill", "fill", "tell", "tell", "tell", "wait")


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9), length=st.integers(20, 250))
def test_no_cap_is_ever_exceeded(seed: int, length: int) -> None:
    rng = Random(seed)
    fleet = no_risk(max_open_usd=FLEET_OPEN, max_position_usd=FLEET_POSITION).fleet
    caps = {"max_order_usd": ORDER, "max_open_usd": OPEN, "max_position_usd": POSITION}
    symbols = [make(name, rng, fleet, **caps) for name in ("A", "B")]
    for _ in range(length):
        symbol = rng.choice(symbols)
        getattr(symbol, rng.choice(STEPS))()
        symbol.expect_within()
        assert sum(each.open_usd for each in symbols) <= FLEET_OPEN
        assert sum(each.worst_usd for each in symbols) <= FLEET_POSITION


@pytest.mark.parametrize("cap", ["max_order_usd", "max_open_usd", "max_position_usd"])
def test_without_the_cap_it_is_exceeded(cap: str) -> None:
    """The property can fail: so much the draws bring about."""
    caps = {"max_order_usd": ORDER, "max_open_usd": OPEN, "max_position_usd": POSITION}
    del caps[cap]

    def exceeds(seed: int) -> bool:
        rng = Random(seed)
        symbol = make("A", rng, no_risk().fleet, **caps)
        for _ in range(200):
            getattr(symbol, rng.choice(STEPS))()
            try:
                symbol.expect_within()
            except AssertionError:
                return True
        return False

    assert any(exceeds(seed) for seed in range(30))
