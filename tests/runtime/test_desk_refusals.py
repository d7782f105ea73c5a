"""What the venue refuses or ends is not put again at once, and each time later."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from desk_table import BUY, EXPIRED, NEW, SECOND, SELL, Table
from runtime_fakes import symbol_config

from exchange.errors import Rejected, Throttled, VenueError, WouldCross
from exchange.model import Amend, Cancel, OrderStatus, Place


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
