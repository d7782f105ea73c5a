"""One symbol's desk as a table: what has been heard -> which requests that calls for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from runtime_fakes import EPOCH_US, RUN, instrument, mark, no_risk, symbol_config, ticker

from exchange.errors import OutcomeUnknown, Rejected, Throttled, Unavailable, UnknownOrder, VenueError, WouldCross
from exchange.model import Amend, Cancel, Fill, Order, OrderStatus, Place, Position, Side
from fleet.config.models import SymbolConfig
from fleet.config.risk import Risk
from fleet.ledger.books import SymbolBook
from fleet.orders.ids import ClientIds, base36
from fleet.orders.lifecycle import SURELY_NOT_PLACED_US, Phase, cancelling, placing
from fleet.orders.plan import Action, Query
from fleet.orders.working import FILL_PATIENCE_US, Counters
from fleet.risk.checks import Reason
from fleet.runtime.capital import Capital
from fleet.runtime.desk import Desk
from strategies.base import Decision, Situation, Strategy
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


# --- quoting


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("both", [(BUY, 990, 98), (SELL, 1010, 97)]), ("long", [(BUY, 990, 98)]), ("short", [(SELL, 1010, 97)])],
)
def test_first_quotes(entry: str, expected: list[tuple[Side, int, int]]) -> None:
    actions = Table(symbol_config(entry=entry)).send()
    assert [(a.side, a.price_ticks, a.lots) for a in actions if isinstance(a, Place)] == expected
    assert len({action.client_id for action in actions}) == len(expected)


def test_what_is_quoted_is_left_alone() -> None:
    table = Table()
    table.quote()
    table.later(10 * SECOND)
    assert table.plan() == []


def test_a_quote_follows_the_market_at_most_once_a_refresh_interval() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND // 2, mid=1005)
    assert table.plan() == []
    assert table.desk.plan(table.now_us).wake_us == EPOCH_US + SECOND
    table.later(SECOND // 2, mid=1005)
    actions = table.send()
    assert [(type(a), a.client_id) for a in actions] == [(Amend, ids[SELL]), (Amend, ids[BUY])]
    table.answer(actions)
    table.later(SECOND // 2, mid=1010)
    assert table.plan() == []


def test_margin_is_committed_for_what_works_and_for_the_position() -> None:
    table = Table()
    ids = table.quote()
    assert table.committed == Decimal("97.97")  # the sell: 97 lots at 101
    table.fill(ids[BUY], 98)
    table.plan()
    assert table.committed == 98 + Decimal("97.97")  # the opening sell is still in the market
    table.answer(table.send())
    table.plan()
    assert table.committed == 98  # the reducing one needs none


def test_an_opening_order_leaves_room_for_the_positions_own_margin() -> None:
    table = Table(symbol_config(balance_fraction="1"), wallet=100)
    table.book.begin(Position("XUSDT", 10, Decimal(100)), 0)
    [buy, _] = table.send()
    assert isinstance(buy, Place)
    assert Decimal(buy.lots) * 99 / 100 + 10 <= table.capital.usable


def test_too_little_collateral_is_told_and_nothing_is_sent() -> None:
    table = Table(wallet=40)
    assert table.plan() == []
    assert "below the exchange's minimum" in table.desk.decision.note


# --- fills


def test_a_fill_turns_the_mode_in_one_plan() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 98)
    assert table.plan() == [Cancel("XUSDT", ids[SELL]), Place("XUSDT", "", SELL, 1010, 98, reduce_only=True)]


@pytest.mark.parametrize(("lots", "turns"), [pytest.param(14, False, id="below"), pytest.param(16, True, id="over")])
def test_a_partial_fill_counts_from_the_threshold_on(lots: int, turns: bool) -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], lots)
    cancels = [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    assert table.plan() == ([*cancels, Place("XUSDT", "", SELL, 1010, lots, reduce_only=True)] if turns else [])


def test_a_reducing_order_that_is_filled_turns_the_mode_back() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 98)
    actions = table.send()
    table.answer(actions)
    table.fill(actions[1].client_id, 98)
    assert [(a.side, a.reduce_only) for a in table.plan() if isinstance(a, Place)] == [(BUY, False), (SELL, False)]


def test_dust_counts_as_flat() -> None:
    table = Table(symbol_config())
    table.book.begin(Position("XUSDT", 3, Decimal(100)), 0)
    assert [a.reduce_only for a in table.plan() if isinstance(a, Place)] == [False, False]


def test_dust_is_not_what_closing_waits_for() -> None:
    table = Table()
    table.book.begin(Position("XUSDT", 3, Decimal(100)), 0)
    table.desk.close()
    assert table.plan() == []
    assert table.desk.is_closed


def test_told_filled_before_the_trades_nothing_is_quoted_until_they_are_seen() -> None:
    table = Table()
    ids = table.quote()
    table.desk.on_order(replace(table.told[ids[BUY]], status=FILLED, filled_lots=98), table.now_us, answer=True)
    planned = table.desk.plan(table.now_us)
    assert (planned.changes, planned.wake_us) == ((), table.now_us + FILL_PATIENCE_US)
    assert not table.desk.working.fills_are_late(table.now_us)
    table.fill(ids[BUY], 98)
    assert [type(a) for a in table.plan()] == [Cancel, Place]


def test_trades_that_do_not_come_are_late_after_a_second() -> None:
    table = Table()
    ids = table.quote()
    table.hear(ids[BUY], FILLED, 98)
    table.plan()
    table.later(FILL_PATIENCE_US)
    assert table.desk.working.fills_are_late(table.now_us)
    table.reconcile([table.told[ids[SELL]]])
    table.plan()
    assert not table.desk.working.fills_are_late(table.now_us)


@pytest.mark.parametrize("seconds", [0, 1, 5])
def test_while_trades_are_awaited_a_line_that_goes_down_still_pulls_the_quotes(seconds: int) -> None:
    """And there is nothing to look at again before the line is back: no spinning."""
    table = Table()
    ids = table.quote()
    table.hear(ids[BUY], FILLED, 98)
    table.plan()
    table.desk.account_up = False
    table.later(seconds * SECOND)
    planned = table.desk.plan(table.now_us)
    assert [change.action for change in planned.changes] == [Cancel("XUSDT", ids[SELL])]
    assert planned.wake_us is None


# --- refusals


@dataclass(frozen=True, slots=True)
class Refused:
    """`counted`: as expired and as rejected, after seven in a row."""

    counted: tuple[int, int]
    error: VenueError | None = None
    status: OrderStatus = OrderStatus.EXPIRED


REFUSALS = [
    pytest.param(Refused((7, 0)), id="expired"),
    pytest.param(Refused((0, 0), status=OrderStatus.CANCELED), id="cancelled by somebody else"),
    pytest.param(Refused((0, 7), WouldCross("would take")), id="would cross"),
    pytest.param(Refused((0, 7), Rejected("no")), id="rejected"),
    pytest.param(Refused((0, 0), Throttled("429", retry_after_s=1)), id="throttled: never taken in"),
]


def refuse(table: Table, refused: Refused) -> None:
    actions = table.send()
    if refused.error is None:
        table.answer(actions, refused.status)
    else:
        table.fail(actions, refused.error)


@pytest.mark.parametrize("refused", REFUSALS)
def test_what_is_refused_is_not_put_again_at_once_and_each_time_later(refused: Refused) -> None:
    table = Table(symbol_config(entry="long"))
    pauses: list[float] = []
    for _ in range(7):
        refuse(table, refused)
        planned = table.desk.plan(table.now_us)
        assert planned.changes == ()
        assert planned.wake_us is not None
        hold_us = table.desk.working.holds[BUY]  # the wake may be the mark's going stale
        pauses.append((hold_us - table.now_us) / SECOND)
        table.later(hold_us - table.now_us)
        assert [type(a) for a in table.plan()] == [Place]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert (table.counters.expired, table.counters.rejected) == refused.counted
    assert not table.desk.decision.reducing


def test_refusals_far_apart_do_not_add_up() -> None:
    table = Table(symbol_config(entry="long"))
    for _ in range(3):
        refuse(table, Refused((1, 0)))
        assert table.desk.plan(table.now_us).wake_us == table.now_us + SECOND
        table.later(60 * SECOND)


def test_an_expiry_told_twice_counts_once() -> None:
    """By the answer, and then by the stream: NEW first, as it happened."""
    table = Table(symbol_config(entry="long"))
    [place] = table.send()
    table.answer([place], EXPIRED)
    table.hear(place.client_id, NEW)
    table.hear(place.client_id, EXPIRED)
    assert table.counters.expired == 1
    assert table.desk.plan(table.now_us).wake_us == table.now_us + SECOND


def test_a_fill_ends_the_other_sides_pause() -> None:
    table = Table()
    [buy, sell] = table.send()
    table.answer([buy])
    for _ in range(5):
        table.fail([sell], WouldCross("would take"))
        table.later(table.desk.working.holds[SELL] - table.now_us)
        [sell] = table.send()
    table.fail([sell], WouldCross("would take"))
    assert table.plan() == []
    table.fill(buy.client_id, 98)
    assert table.plan() == [Place("XUSDT", "", SELL, 1010, 98, reduce_only=True)]


def test_a_refused_amend_leaves_the_order_and_is_tried_again_half_a_second_later() -> None:
    table = Table(symbol_config(entry="long"))
    table.quote()
    table.later(SECOND, mid=1010)
    actions = table.send()
    table.fail(actions, Rejected("no"))
    assert table.plan() == []
    assert table.desk.working.problem == "no"
    table.later(SECOND, mid=1010)
    assert table.plan() == actions


def test_an_order_that_cannot_be_amended_is_replaced() -> None:
    table = Table(symbol_config(entry="long"))
    ids = table.quote()
    for _ in range(3):
        table.later(SECOND, mid=1010)
        actions = table.send()
        assert [type(a) for a in actions] == [Amend]
        table.fail(actions, Rejected("no"))
    table.later(SECOND, mid=1010)
    actions = table.send()
    assert actions == [Cancel("XUSDT", ids[BUY])]
    table.answer(actions)
    assert [type(a) for a in table.plan()] == [Place]


# --- when no quote may stand


def stale(table: Table) -> None:
    table.now_us += 3 * SECOND


def market_down(table: Table) -> None:
    table.market(up=False)


def account_down(table: Table) -> None:
    table.desk.account_up = False


def far(table: Table) -> None:
    table.market(1000, mark_usd=102)


def crossed(table: Table) -> None:
    table.market(1000, width=0)


def no_data(table: Table) -> None:
    table.desk.see_market(None, None, up=True)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (stale, "market data is stale"),
        (market_down, "market data line is down"),
        (account_down, "account line is down"),
        (far, "mid is far from mark price"),
        (crossed, "waiting for market data"),
        (no_data, "waiting for market data"),
    ],
)
def test_quotes_are_pulled(happens: Any, reason: str) -> None:
    table = Table()
    ids = table.quote()
    happens(table)
    assert table.send() == [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    assert table.desk.pulled == reason
    assert table.plan() == []


def test_looks_again_when_the_data_would_be_stale() -> None:
    table = Table()
    table.quote()
    assert table.desk.plan(table.now_us).wake_us == EPOCH_US + 3 * SECOND


def test_a_symbol_that_is_not_trading_is_not_quoted() -> None:
    table = Table()
    table.desk.instrument = replace(table.desk.instrument, status="SETTLING")
    assert table.plan() == []
    assert table.desk.pulled == "symbol is SETTLING"


# --- what cannot be known


def test_a_placement_without_an_answer_occupies_its_side_and_is_asked_after() -> None:
    table = Table(symbol_config(entry="long"))
    [place] = table.send()
    table.fail([place], OutcomeUnknown("503"))
    asked: list[float] = []
    while not asked or table.now_us - EPOCH_US < SURELY_NOT_PLACED_US:
        actions = table.send()
        assert actions == [Query("XUSDT", place.client_id)]
        asked.append((table.now_us - EPOCH_US) / SECOND)
        table.fail(actions, UnknownOrder("no such order"))
        wake_us = table.desk.orders[place.client_id].next_query_us
        table.later(wake_us - table.now_us)
    assert asked == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75, 17.75]
    table.fail(table.send(), UnknownOrder("no such order"))
    assert [type(a) for a in table.plan()] == [Place]


@pytest.mark.parametrize(
    ("status", "filled", "then"),
    [
        pytest.param(NEW, 0, [], id="it stands"),
        pytest.param(CANCELED, 0, [Place], id="it is gone"),
        pytest.param(FILLED, 98, [], id="filled: its trades are awaited"),
    ],
)
def test_the_answer_to_a_query_decides(status: OrderStatus, filled: int, then: list[type]) -> None:
    table = Table(symbol_config(entry="long"))
    [place] = table.send()
    assert isinstance(place, Place)
    table.fail([place], OutcomeUnknown("503"))
    [query] = table.send()
    table.desk.answered(
        query, Order("XUSDT", place.client_id, 1, BUY, status, 990, 98, filled, False, "GTX", 1), table.now_us
    )
    assert [type(a) for a in table.plan()] == then


@pytest.mark.parametrize("error", [Rejected("no"), OutcomeUnknown("503"), Throttled("429", retry_after_s=1)])
def test_a_query_that_fails_is_made_again(error: VenueError) -> None:
    table = Table(symbol_config(entry="long"))
    [place] = table.send()
    table.fail([place], OutcomeUnknown("503"))
    table.fail(table.send(), error)
    table.later(SECOND // 4)
    assert table.plan() == [Query("XUSDT", place.client_id)]


def in_doubt(table: Table) -> str:
    """The bid, acknowledged, after a cancel without an answer, quotes standing again."""
    name = table.quote()[BUY]
    table.desk.orders[name] = cancelling(table.desk.orders[name], table.now_us)
    table.fail([Cancel("XUSDT", name)], OutcomeUnknown("503"))
    return name


def test_an_acknowledged_order_is_gone_when_the_venue_has_said_so_often_enough() -> None:
    table = Table()
    name = in_doubt(table)
    asked: list[float] = []
    while name in table.desk.orders:
        asked.append((table.now_us - EPOCH_US) / SECOND)
        # The two first questions have no answer.
        table.fail(table.send(), Unavailable("no answer") if len(asked) <= 2 else UnknownOrder("no such order"))
        if name in table.desk.orders:
            table.later(table.desk.orders[name].next_query_us - table.now_us)
    assert asked == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75]


def test_it_is_asked_after_by_one_query_at_a_time() -> None:
    table = Table()
    name = in_doubt(table)
    [first] = table.send()
    table.later(10 * SECOND)
    assert table.plan() == []
    table.fail([first], UnknownOrder("no such order"))
    assert table.plan() == [Query("XUSDT", name)]


def test_an_old_acknowledged_order_that_the_list_lacks_is_not_gone_by_one_answer() -> None:
    table = Table()
    ids = table.quote()
    table.later(25 * SECOND)
    table.reconcile([table.told[ids[SELL]]])
    table.fail(table.send(), UnknownOrder("no such order"))
    assert table.desk.orders[ids[BUY]].phase is Phase.UNKNOWN


def test_an_order_whose_amendment_has_no_answer_is_replaced_and_not_amended_again() -> None:
    table = Table(symbol_config(entry="long"))
    name = table.quote()[BUY]
    table.later(SECOND, mid=1010)
    [amend] = table.send()
    assert isinstance(amend, Amend)
    table.fail([amend], OutcomeUnknown("503"))
    table.answer(table.send())
    assert table.desk.orders[name].asked == (amend.price_ticks, amend.lots)
    table.later(SECOND, mid=1010)
    assert table.send() == [Cancel("XUSDT", name)]


def test_once_an_amendment_can_no_longer_arrive_the_venue_is_asked_whether_it_has() -> None:
    table = Table(symbol_config(entry="long"))
    name = table.quote()[BUY]
    table.later(SECOND, mid=1010)
    table.fail(table.send(), OutcomeUnknown("503"))
    table.answer(table.send())
    table.later(SURELY_NOT_PLACED_US)
    assert table.send() == []
    table.later(1)
    actions = table.send()
    assert actions == [Query("XUSDT", name)]
    table.answer(actions)
    assert (table.desk.orders[name].asked, table.plan()) == (None, [])


@pytest.mark.parametrize("error", [None, OutcomeUnknown("503")])
def test_a_late_answer_is_not_taken_for_that_of_a_later_request(error: VenueError | None) -> None:
    """The stream tells of a placement before its answer, and the order is cancelled: the answer comes after that."""
    table = Table(symbol_config(entry="long"))
    [place] = table.send()
    assert isinstance(place, Place)
    placed = Order("XUSDT", place.client_id, 1, BUY, NEW, 990, 98, 0, False, "GTX", 1)
    table.told[place.client_id] = placed
    table.desk.on_order(placed, table.now_us)
    table.market(up=False)
    [cancel] = table.send()
    if error is None:
        table.desk.answered(place, placed, table.now_us)
    else:
        table.desk.failed(place, error, table.now_us)
    assert table.desk.orders[place.client_id].phase is Phase.CANCELLING
    assert table.plan() == []
    table.answer([cancel])
    assert table.desk.orders == {}


def foreign(name: str, side: Side = BUY, status: OrderStatus = NEW) -> Order:
    return Order("XUSDT", name, 77, side, status, 900, 50, 0, False, "GTX", 1)


@pytest.mark.parametrize(
    ("name", "status", "adopted"),
    [("f:X:old:1", NEW, True), ("f:X:old:1", CANCELED, False), ("web_1", NEW, False), ("g:X:old:1", NEW, False)],
)
def test_an_own_order_not_known_is_adopted_and_nobody_elses(name: str, status: OrderStatus, adopted: bool) -> None:
    table = Table(symbol_config(entry="short"))
    assert table.desk.on_order(foreign(name, status=status), table.now_us) is adopted
    assert (Cancel("XUSDT", name) in table.plan()) is adopted
    assert table.counters.differences == adopted


@pytest.mark.parametrize(("name", "stays"), [("f:X:old:1", False), (f"f:X:{base36(RUN.number)}:1", True)])
def test_an_order_of_an_earlier_run_is_replaced_by_one_of_this(name: str, stays: bool) -> None:
    table = Table()
    ids = table.quote()
    fitting = replace(table.told[ids[BUY]], client_id=name)
    table.hear(ids[BUY], CANCELED)
    table.desk.on_order(fitting, table.now_us)
    assert table.plan() == ([] if stays else [Cancel("XUSDT", name)])


def test_what_is_over_does_not_live_again_by_late_news() -> None:
    table = Table()
    ids = table.quote()
    table.market(up=False)
    table.answer(table.send())
    assert table.desk.orders == {}
    table.hear(ids[BUY], NEW)
    table.reconcile([replace(table.told[ids[SELL]], status=NEW)])
    assert table.desk.orders == {}


def test_nor_does_an_earlier_workers_whose_end_is_told_before_its_beginning() -> None:
    table = Table(symbol_config(entry="short"))
    for status in (CANCELED, NEW):
        table.desk.on_order(foreign("f:X:old:1", status=status), table.now_us)
    assert table.desk.orders == {}


# --- held against the venue's list


def test_an_order_that_the_venue_does_not_list_is_asked_after() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND)
    table.reconcile([table.told[ids[SELL]]])
    assert table.plan() == [Query("XUSDT", ids[BUY])]


def test_an_order_younger_than_the_list_is_not_missed() -> None:
    table = Table()
    table.quote()
    table.reconcile([], asked_us=EPOCH_US - 1)
    assert table.plan() == []


@pytest.mark.parametrize("phase", [Phase.PLACING, Phase.CANCELLING])
def test_an_order_with_a_request_under_way_is_not_missed(phase: Phase) -> None:
    table = Table()
    if phase is Phase.CANCELLING:
        table.quote()
        table.market(up=False)
    table.send()
    table.later(SECOND, up=phase is Phase.PLACING)
    table.reconcile([])
    assert {order.phase for order in table.desk.orders.values()} == {phase}


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        pytest.param({}, False, id="as it is believed to be"),
        pytest.param({"price_ticks": 999}, True, id="another price"),
        pytest.param({"lots": 294}, True, id="another size"),
        pytest.param({"filled_lots": 5}, True, id="filled"),
        pytest.param({"price_ticks": 999, "exchange_ms": -1}, False, id="older than what is believed"),
    ],
)
def test_an_order_that_is_listed_as_another_differs_and_is_taken_as_it_is(
    changed: dict[str, int], differs: bool
) -> None:
    table = Table()
    ids = table.quote()
    told = table.told[ids[BUY]]
    listed = replace(told, **{**changed, "exchange_ms": told.exchange_ms + changed.get("exchange_ms", 1)})
    table.later(SECOND)
    found = table.reconcile([listed, table.told[ids[SELL]]])
    assert (found, table.counters.differences) == ([ids[BUY]] * differs, int(differs))
    order = table.desk.orders[ids[BUY]]
    taken = listed if differs else told
    assert (order.price_ticks, order.lots, order.filled_lots) == (taken.price_ticks, taken.lots, taken.filled_lots)


def test_an_order_that_is_being_amended_may_be_listed_as_another() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND, mid=1010)
    table.send()
    assert table.desk.orders[ids[BUY]].phase is Phase.AMENDING
    table.later(SECOND, mid=1010)
    listed = [
        replace(table.told[each], price_ticks=5, exchange_ms=table.told[each].exchange_ms + 9) for each in ids.values()
    ]
    assert table.desk.working.differing(listed, table.now_us, table.now_us) == []


def test_what_was_heard_before_the_clock_was_set_back_is_no_newer_than_the_list() -> None:
    table = Table()
    ids = table.quote()
    now_us = table.now_us - 20 * SECOND
    listed = [table.told[ids[SELL]]]
    assert table.desk.reconcile(listed, now_us, now_us, table.desk.working.filled) == [ids[BUY]]
    assert table.desk.orders[ids[BUY]].phase is Phase.UNKNOWN


def test_what_an_earlier_workers_desk_knew_to_be_over_stays_over() -> None:
    before, table = Table(), Table()
    ids = before.quote()
    over, cleared = (before.told[ids[side]] for side in (BUY, SELL))
    before.desk.on_order(replace(over, status=OrderStatus.CANCELED, exchange_ms=over.exchange_ms + 1), before.now_us)
    before.desk.working.note_cleared(before.now_us)
    table.desk.working.take_over(before.desk.working)
    for late in (over, cleared):
        table.desk.on_order(late, table.now_us)
    assert table.desk.orders == {}


def test_the_list_brings_orders_that_were_not_known() -> None:
    table = Table(symbol_config(entry="short"))
    table.reconcile([foreign("f:X:old:1"), foreign("web_1")])
    assert list(table.desk.orders) == ["f:X:old:1"]


# --- new parameters


def test_a_new_spread_moves_the_quotes_at_the_next_refresh() -> None:
    table = Table()
    ids = table.quote()
    wide = symbol_config()
    wide = wide.model_copy(update={"parameters": wide.parameters.model_copy(update={"buy_spread": Decimal("0.02")})})
    table.desk.reconfigure(wide, make_strategy("ping_pong", wide.parameters))
    assert table.plan() == []
    table.later(SECOND)
    assert table.plan() == [Amend("XUSDT", ids[BUY], BUY, 980, 100)]


def test_a_new_fraction_is_another_share() -> None:
    table = Table()
    table.quote()
    half = symbol_config(balance_fraction="0.05")
    table.desk.reconfigure(half, make_strategy("ping_pong", half.parameters))
    table.later(SECOND)
    assert [a.lots for a in table.plan() if isinstance(a, Amend)] == [49, 48]


class Counting:
    """A strategy whose state counts its decisions."""

    def start(self) -> int:
        return 0

    def decide(self, state: int, situation: Situation) -> tuple[int, Decision]:
        return state + 1, Decision((), note=str(state + 1))


@pytest.mark.parametrize(("strategy", "note"), [("ping_pong", "3"), ("another", "1")])
def test_a_strategys_state_is_kept_unless_it_is_another_strategy(strategy: str, note: str) -> None:
    table = Table(strategy=Counting())
    table.plan()
    table.plan()
    table.desk.reconfigure(table.config.model_copy(update={"strategy": strategy}), Counting())
    table.plan()
    assert table.desk.decision.note == note


# --- closing


def test_closing_works_the_position_off_and_is_done_when_nothing_is_left() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 10)  # below the threshold: it would be kept
    table.desk.close()
    actions = table.send()
    assert actions == [
        Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL]),
        Place("XUSDT", actions[2].client_id, SELL, 1010, 10, reduce_only=True),
    ]  # fmt: skip
    table.answer(actions)
    assert not table.desk.is_closed
    table.fill(actions[2].client_id, 10)
    assert table.plan() == []
    assert table.desk.is_closed


def test_what_was_decided_before_does_not_end_the_closing() -> None:
    """With too little collateral to open nothing was quoted; the position is there all the same."""
    table = Table(wallet=40)
    table.book.begin(Position("XUSDT", 10, Decimal(100)), 0)
    table.plan()
    table.desk.close()
    assert not table.desk.is_closed
    assert [type(a) for a in table.plan()] == [Place]


def test_closing_is_not_done_while_fills_are_awaited() -> None:
    table = Table(symbol_config(entry="long"))
    ids = table.quote()
    table.desk.close()
    [cancel] = table.send()
    table.desk.answered(cancel, replace(table.told[ids[BUY]], status=CANCELED, filled_lots=40), table.now_us)
    table.plan()
    assert not table.desk.is_closed


# --- risk


def sides(actions: list[Action]) -> list[tuple[str, Side, int]]:
    return [(type(a).__name__, a.side, a.lots) for a in actions if isinstance(a, Place | Amend)]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_order_usd": 50}, [("Place", BUY, 50), ("Place", SELL, 49)]),
        ({"max_open_usd": 60}, [("Place", BUY, 30), ("Place", SELL, 29)]),
        ({"max_position_usd": 50}, [("Place", BUY, 50), ("Place", SELL, 49)]),
    ],
)
def test_orders_are_sized_to_fit_the_symbols_limits(limits: dict[str, Any], expected: list[Any]) -> None:
    assert sides(Table(symbol_config(**limits)).plan()) == expected


def test_a_limit_that_is_lowered_pulls_in_what_stands() -> None:
    table = Table()
    table.quote()
    table.desk.reconfigure(symbol_config(max_order_usd=96), table.desk._strategy)  # pyright: ignore[reportPrivateUsage]
    table.later(SECOND)
    # Within the tolerance of a twentieth, but over the limit.
    assert sides(table.send()) == [("Amend", SELL, 95), ("Amend", BUY, 96)]


def test_what_is_refused_is_not_sent_counted_once_and_told() -> None:
    table = Table()
    table.desk.risk.fleet.limits = Risk(max_open_usd=Decimal(150))
    actions = table.send()
    table.answer(actions)
    assert sides(actions) == [("Place", BUY, 98)]
    for _ in range(3):
        table.later(SECOND)
        assert table.plan() == []
    assert table.desk.risk.refusals == {Reason.FLEET_OPEN: 1}
    assert "150 are allowed" in table.desk.risk.words


def test_where_nothing_is_left_to_quote_the_decision_says_why() -> None:
    table = Table()
    table.desk.risk.fleet.loss.limit = "lost too much"
    assert table.plan() == []
    assert table.desk.decision.note == "lost too much"


def test_a_loss_limit_pulls_what_opens_and_lets_a_position_be_worked_off() -> None:
    table = Table()
    ids = table.quote()
    table.desk.risk.fleet.loss.limit = "lost too much"
    assert table.plan() == [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    table.fill(ids[BUY], 98)
    placed = [action for action in table.plan() if isinstance(action, Place)]
    assert [(each.side, each.reduce_only) for each in placed] == [(SELL, True)]


def test_a_kill_pulls_everything_and_lasts() -> None:
    table = Table()
    ids = table.quote()
    table.desk.risk.killed = "killed"
    actions = table.send()
    assert [action.client_id for action in actions] == [ids[BUY], ids[SELL]]
    table.answer(actions)
    table.later(SECOND)
    assert table.plan() == []
    assert table.desk.pulled == "killed"
    table.desk.risk.killed = ""
    assert len(table.plan()) == 2


def test_too_many_fills_pause_what_opens() -> None:
    table = Table(symbol_config(max_fills={"count": 2, "per": "10s", "pause": "30s"}))
    ids = table.quote()
    table.fill(ids[BUY], 5)
    table.fill(ids[BUY], 5)
    assert {type(action) for action in table.send()} == {Cancel}
    assert table.desk.risk.refusals[Reason.FILLS] == 2
    table.later(29 * SECOND)
    assert not any(isinstance(action, Place) for action in table.plan())


@pytest.mark.parametrize(
    ("client_id", "counts"),
    [
        ("f:XUSDT:0:earlier", True),  # an order that is gone with its worker
        ("", True),  # as the trade list tells: whose it was is not known any more
        ("by-hand", False),
    ],
)
def test_whose_fills_count_for_the_pause(client_id: str, counts: bool) -> None:
    table = Table(symbol_config(max_fills={"count": 1, "per": "10s", "pause": "30s"}))
    at_ms = table.now_us // 1000 - 5000
    fill = Fill("XUSDT", 1, 1, client_id, BUY, 990, 5, True, Decimal(0), "USDT", Decimal(0), at_ms)
    table.desk.on_fill(fill, table.now_us)
    assert table.desk.risk.fills.paused_until_us == (at_ms * 1000 + 30 * SECOND if counts else 0)


def test_a_bid_waits_until_the_ask_it_would_meet_has_moved() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND, mid=1030)
    actions = table.send()
    assert [action.client_id for action in actions] == [ids[SELL]]
    table.answer(actions)
    assert [action.client_id for action in table.plan()] == [ids[BUY]]
    assert table.desk.risk.refusals == {Reason.SELF_TRADE: 1}


def test_a_quote_at_its_limit_follows_the_market_without_growing() -> None:
    table = Table(symbol_config(max_position_usd=50))
    table.quote()
    assert [order.lots for order in table.desk.working.live()] == [50, 49]
    table.later(SECOND, mid=980)
    # 51 lots at 970 would fit alone, but the 50 at 990 may fill before.
    assert [(a.side, a.price_ticks, a.lots) for a in table.send() if isinstance(a, Amend)] == [(BUY, 970, 50)]


def test_an_order_that_may_not_move_as_another_has_no_answer_is_pulled() -> None:
    table = Table(symbol_config(max_position_usd=120))
    ids = table.quote()
    lost = Place("XUSDT", "f:XUSDT:0:lost", BUY, 985, 30)
    table.desk.orders[lost.client_id] = replace(
        placing(lost, table.now_us), phase=Phase.UNKNOWN, next_query_us=table.now_us + 60 * SECOND
    )
    table.later(SECOND, mid=1010)
    assert Cancel("XUSDT", ids[BUY]) in table.plan()


def test_while_quotes_are_pulled_nothing_is_refused_or_counted() -> None:
    table = Table()
    table.desk.risk.fleet.limits = Risk(max_open_usd=Decimal(150))
    table.answer(table.send())
    table.later(SECOND, up=False)
    for _ in range(3):
        table.desk.plan(table.now_us)
    assert (table.desk.risk.refusals, table.desk.risk.words) == ({Reason.FLEET_OPEN: 1}, "")
