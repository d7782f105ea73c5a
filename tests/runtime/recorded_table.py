"""A desk that is recorded, and the venue's side of its orders, for tests of what is recorded."""

from __future__ import annotations

from decimal import Decimal

from runtime_fakes import EPOCH_US, RUN, instrument, mark, no_risk, symbol_config, ticker

from exchange.model import Order, OrderStatus, Place, Side
from fleet.config.models import SymbolConfig
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import ClientIds
from fleet.orders.plan import Action
from fleet.orders.working import Counters
from fleet.runtime.capital import Capital
from fleet.runtime.flight import Flight
from fleet.runtime.recorded_desk import RecordedDesk
from strategies.registry import make_strategy

SECOND = 1_000_000
BUY = Side.BUY


class Table:
    """A recorded desk. Its market moves a tick with each look."""

    def __init__(self, ring: Flight | None = None, config: SymbolConfig | None = None) -> None:
        self.now_us = EPOCH_US
        self.flight = ring or Flight()
        self.config = config or symbol_config()
        self.book = SymbolBook(instrument("XUSDT"))
        strategy = make_strategy(self.config.strategy, self.config.parameters)
        self.desk = RecordedDesk(
            self.flight, self.config, self.book.instrument, strategy, self.book, Capital(Decimal(1000)),
            ClientIds(RUN, "XUSDT"), Counters(), no_risk(),
        )  # fmt: skip
        self.desk.account_up = True

    def look(self, us: int = SECOND) -> None:
        self.now_us += us
        mid = 1000 + self.now_us // SECOND % 9
        self.desk.see_market(ticker(self.now_us, mid), mark(self.now_us, 100), up=True)
        self.desk.plan(self.now_us)

    def send(self) -> list[Action]:
        self.look()
        return [self.desk.sending(change, self.now_us) for change in self.desk.plan(self.now_us).changes]

    def places(self) -> None:
        """Both sides, confirmed."""
        for number, action in enumerate(self.send()):
            assert isinstance(action, Place)
            self.desk.answered(action, order_of(action, number, self.now_us), self.now_us)

    def told(self) -> Order:
        """The first order, as the venue has it."""
        order = next(iter(self.desk.orders.values()))
        place = Place("XUSDT", order.client_id, order.side, order.price_ticks, order.lots)
        return order_of(place, order.order_id or 0, self.now_us)


def order_of(place: Place, number: int, now_us: int, status: OrderStatus = OrderStatus.NEW) -> Order:
    return Order(
        place.symbol, place.client_id, number, place.side, status, place.price_ticks, place.lots, 0, place.reduce_only,
        "GTX", now_us // 1000,
    )  # fmt: skip
