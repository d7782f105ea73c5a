"""What a desk cannot know of its orders is asked after, and what it believes is held against the venue's list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk_table import BUY, CANCELED, FILLED, NEW, SECOND, SELL, Table
from runtime_fakes import EPOCH_US, RUN, symbol_config

from exchange.errors import OutcomeUnknown, Rejected, Throttled, Unavailable, UnknownOrder, VenueError
from exchange.model import Amend, Cancel, Order, OrderStatus, Place, Side
from fleet.orders.ids import base36
from fleet.orders.lifecycle import SURELY_NOT_PLACED_US, Phase, cancelling
from fleet.orders.plan import Query

# --- without an answer


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


def test_a_list_that_has_what_was_only_taken_for_gone_is_believed() -> None:
    before, table = Table(), Table()
    ids = before.quote()
    before.desk.working.note_cleared(before.now_us)
    table.desk.working.take_over(before.desk.working)
    assert table.reconcile([before.told[ids[BUY]]]) == [ids[BUY]]
    assert list(table.desk.orders) == [ids[BUY]]


def test_the_list_brings_orders_that_were_not_known() -> None:
    table = Table(symbol_config(entry="short"))
    table.reconcile([foreign("f:X:old:1"), foreign("web_1")])
    assert list(table.desk.orders) == ["f:X:old:1"]
