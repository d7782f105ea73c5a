"""A desk and the venue's side of its orders: a table with what has been heard on one side, what that calls for on the other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from runtime_fakes import EPOCH_US, RUN, instrument, mark, no_risk, symbol_config, ticker

from exchange.errors import VenueError
from exchange.model import Amend, Cancel, Fill, Order, OrderStatus, Place, Side
from fleet.config.models import SymbolConfig
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import ClientIds
from fleet.orders.plan import Action
from fleet.orders.working import Counters
from fleet.runtime.capital import Capital
from fleet.runtime.desk import Desk
from strategies.base import Strategy
from strategies.registry import make_strategy

SECOND = 1_000_000
BUY, SELL = Side.BUY, Side.SELL
NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, EXPIRED = OrderStatus.CANCELED, OrderStatus.EXPIRED


class Table:
    """A desk, its clock, and the venue's side of its orders. Mid is 1000 ticks (100 USD) until told otherwise."""

    def __init__(
        self, config: SymbolConfig | None = None, *, wallet: int = 1000, strategy: Strategy[Any] | None = None
    ) -> None:
        self.now_us = EPOCH_US
        self.capital = Capital(Decimal(wallet))
        self.counters = Counters()
        self.book = SymbolBook(instrument("XUSDT"))
        self.config = config or symbol_config()
        strategy = strategy or make_strategy(self.config.strategy, self.config.parameters)
        ids = ClientIds(RUN, "XUSDT")
        self.desk = Desk(
            self.config, self.book.instrument, strategy, self.book, self.capital, ids, self.counters, no_risk()
        )
        self.desk.account_up = True
        self.told: dict[str, Order] = {}
        self._trades = 0
        self.market()

    def market(self, mid: int = 1000, *, mark_usd: int | None = None, width: int = 1, up: bool = True) -> None:
        marked = mark(self.now_us, mid // 10 if mark_usd is None else mark_usd)
        self.desk.see_market(ticker(self.now_us, mid, width=width), marked, up=up)

    def later(self, us: int, **market: Any) -> None:
        """Time passes, and the market goes on telling."""
        self.now_us += us
        self.market(**market)

    def plan(self) -> list[Action]:
        return [change.action for change in self.desk.plan(self.now_us).changes]

    def send(self) -> list[Action]:
        """What is planned goes out."""
        return [self.desk.sending(change, self.now_us) for change in self.desk.plan(self.now_us).changes]

    def answer(self, actions: list[Action], status: OrderStatus | None = None) -> None:
        """All are answered as wished for, or with a status."""
        for action in actions:
            match action:
                case Place():
                    order = Order(
                        "XUSDT", action.client_id, len(self.told) + 1, action.side, status or NEW, action.price_ticks,
                        action.lots, 0, action.reduce_only, "GTX", self.now_us // 1000,
                    )  # fmt: skip
                case Amend():
                    order = replace(self.told[action.client_id], price_ticks=action.price_ticks, lots=action.lots)
                case Cancel():
                    order = replace(self.told[action.client_id], status=status or CANCELED)
                case _:
                    order = replace(self.told[action.client_id], status=status or NEW)
            self.told[action.client_id] = order
            self.desk.answered(action, order, self.now_us)

    def quote(self) -> dict[Side, str]:
        """Both first quotes placed: their ids."""
        actions = self.send()
        self.answer(actions)
        return {action.side: action.client_id for action in actions if isinstance(action, Place)}

    def fail(self, actions: list[Action], error: VenueError) -> None:
        for action in actions:
            self.desk.failed(action, error, self.now_us)

    def hear(self, name: str, status: OrderStatus, filled: int = 0) -> None:
        """The user stream tells of an order, without a trade."""
        self.told[name] = replace(
            self.told[name], status=status, filled_lots=filled, exchange_ms=self.told[name].exchange_ms + 1
        )
        self.desk.on_order(self.told[name], self.now_us)

    def fill(self, name: str, lots: int) -> None:
        """The user stream tells of a trade."""
        order = self.told[name]
        filled = order.filled_lots + lots
        self._trades += 1
        fill = Fill(
            "XUSDT", self._trades, order.order_id, name, order.side, order.price_ticks, lots, True, Decimal(0), "USDT",
            Decimal(0), self.now_us // 1000,
        )  # fmt: skip
        assert self.book.add(fill)
        self.desk.on_fill(fill, self.now_us)
        self.hear(name, FILLED if filled == order.lots else PARTIAL, filled)

    def reconcile(self, open_orders: list[Order], asked_us: int | None = None) -> list[str]:
        """The venue's list of open orders is read, and before it the trades."""
        asked_us = self.now_us if asked_us is None else asked_us
        return self.desk.reconcile(open_orders, asked_us, self.now_us, self.desk.working.filled)

    @property
    def committed(self) -> Decimal:
        """Asked as another symbol that wants everything would be."""
        self.capital.demand("OTHER", Decimal(10**6))
        left = self.capital.grant("OTHER")
        self.capital.remove("OTHER")
        return self.capital.usable - left
