"""Every race has a row: what an order is believed to be after each thing that was sent or heard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exchange.errors import OutcomeUnknown, Rejected, Throttled, Unavailable, UnknownOrder, VenueError, WouldCross
from exchange.model import Amend, Order, OrderStatus, Place, Side
from fleet.orders import lifecycle
from fleet.orders.lifecycle import SURELY_NOT_PLACED_US, Phase, WorkingOrder

SECOND_US = 1_000_000


def told(
    status: OrderStatus = OrderStatus.NEW, *, filled: int = 0, price: int = 100, lots: int = 10, ms: int = 1
) -> Order:
    return Order("X", "f:X:r:1", 7, Side.BUY, status, price, lots, filled, False, "GTX", ms)


PLACED = lifecycle.placing(Place("X", "f:X:r:1", Side.BUY, 100, 10), 0)
OPEN = lifecycle.heard(PLACED, told(), answer=True)
AMEND = Amend("X", "f:X:r:1", Side.BUY, 101, 10)
AMENDING = lifecycle.amending(OPEN, AMEND, 1)
CANCELLING = lifecycle.cancelling(OPEN, 1)
UNKNOWN = lifecycle.unanswered(PLACED, OutcomeUnknown("no answer"), 1)
DOUBTED = lifecycle.unanswered(CANCELLING, OutcomeUnknown("no answer"), 1)
AMEND_LOST = lifecycle.unanswered(AMENDING, OutcomeUnknown("no answer"), 1)
ADOPTED = lifecycle.adopted(
    Order("X", "f:X:r:1", 7, Side.BUY, OrderStatus.PARTIALLY_FILLED, 100, 50, 20, False, "GTX", 1), 0
)

Step = Callable[[WorkingOrder], WorkingOrder]


def answer(order: Order) -> Step:
    return lambda before: lifecycle.heard(before, order, answer=True)


def update(order: Order) -> Step:
    return lambda before: lifecycle.heard(before, order, answer=False)


def error(refusal: VenueError) -> Step:
    return lambda before: lifecycle.unanswered(before, refusal, 5)


def amend_again(before: WorkingOrder) -> WorkingOrder:
    return lifecycle.amending(before, AMEND, 2)


def ask(now_us: int) -> Step:
    return lambda before: lifecycle.querying(before, now_us)


def cancel(before: WorkingOrder) -> WorkingOrder:
    return lifecycle.cancelling(before, 2)


def fill(lots: int) -> Step:
    return lambda before: lifecycle.filled(before, lots)


NEW, PARTIAL, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, EXPIRED = OrderStatus.CANCELED, OrderStatus.EXPIRED


@pytest.mark.parametrize(
    ("before", "steps", "phase", "remaining"),
    [
        pytest.param(PLACED, [answer(told())], Phase.OPEN, 10, id="placed"),
        pytest.param(PLACED, [update(told())], Phase.OPEN, 10, id="the update comes before the answer"),
        pytest.param(
            PLACED, [fill(4), update(told(PARTIAL, filled=4, ms=3)), answer(told())], Phase.OPEN, 6,
            id="a fill before the placement's answer",
        ),
        pytest.param(
            PLACED, [fill(10), update(told(FILLED, filled=10, ms=3)), answer(told())], Phase.DONE, 0,
            id="filled before the placement's answer",
        ),
        pytest.param(PLACED, [answer(told(EXPIRED))], Phase.DONE, 10, id="post-only that would cross"),
        pytest.param(PLACED, [answer(told()), update(told(EXPIRED, ms=2))], Phase.DONE, 10, id="NEW, then EXPIRED"),
        pytest.param(PLACED, [error(Rejected("no"))], Phase.DONE, 10, id="placement rejected"),
        pytest.param(PLACED, [error(Unavailable("not sent"))], Phase.DONE, 10, id="placement never sent"),
        pytest.param(PLACED, [error(OutcomeUnknown("503"))], Phase.UNKNOWN, 10, id="placement without an answer"),
        pytest.param(PLACED, [update(told()), error(OutcomeUnknown("503"))], Phase.UNKNOWN, 10, id="update, no answer"),
        pytest.param(UNKNOWN, [update(told())], Phase.OPEN, 10, id="unknown, then heard of"),
        pytest.param(UNKNOWN, [answer(told(FILLED, filled=10))], Phase.DONE, 0, id="unknown, asked, filled"),
        pytest.param(AMENDING, [answer(told(price=90, lots=12, ms=5))], Phase.OPEN, 12, id="amended"),
        pytest.param(AMENDING, [error(Rejected("would cross"))], Phase.OPEN, 10, id="a refused amend leaves it"),
        pytest.param(AMENDING, [error(OutcomeUnknown("503"))], Phase.UNKNOWN, 10, id="amend without an answer"),
        pytest.param(AMENDING, [error(UnknownOrder("gone"))], Phase.UNKNOWN, 10, id="amend of what is gone"),
        pytest.param(
            AMENDING, [fill(3), update(told(PARTIAL, filled=3, ms=2)), answer(told(PARTIAL, filled=3, price=90, ms=3))],
            Phase.OPEN, 7, id="a fill while amending",
        ),
        pytest.param(AMENDING, [update(told(price=90, ms=5))], Phase.AMENDING, 10, id="an amend's update, not its answer"),
        pytest.param(CANCELLING, [answer(told(CANCELED))], Phase.DONE, 10, id="cancelled"),
        pytest.param(CANCELLING, [update(told(CANCELED)), answer(told(CANCELED))], Phase.DONE, 10, id="heard twice"),
        pytest.param(CANCELLING, [fill(2), update(told(PARTIAL, filled=2, ms=2))], Phase.CANCELLING, 8, id="a fill while cancelling"),
        pytest.param(CANCELLING, [error(UnknownOrder("gone"))], Phase.UNKNOWN, 10, id="cancel of what is gone: asked"),
        pytest.param(CANCELLING, [error(Throttled("429", retry_after_s=1))], Phase.OPEN, 10, id="cancel refused"),
        pytest.param(
            OPEN, [fill(4), update(told(PARTIAL, filled=4, ms=2)), update(told(EXPIRED, filled=4, ms=3))], Phase.DONE, 6,
            id="a partial fill, then expiry",
        ),
        pytest.param(
            OPEN, [update(told(EXPIRED, filled=4, ms=3)), update(told(PARTIAL, filled=4, ms=2)), fill(4)], Phase.DONE, 6,
            id="the same, in another order",
        ),
        pytest.param(
            OPEN, [update(told(PARTIAL, filled=4, ms=2)), update(told(PARTIAL, filled=4, ms=2)), fill(4)], Phase.OPEN, 6,
            id="an update comes twice",
        ),
        pytest.param(
            OPEN, [update(told(PARTIAL, filled=6, ms=3)), update(told(PARTIAL, filled=4, ms=2)), fill(2), fill(4)],
            Phase.OPEN, 4, id="two fills' updates come in the wrong order",
        ),
        pytest.param(
            PLACED, [update(told(CANCELED, ms=2)), answer(told(ms=1))], Phase.DONE, 10,
            id="a cancel-all overtakes the placement's answer",
        ),
        pytest.param(
            PLACED, [update(told(CANCELED, ms=2)), update(told(ms=1)), answer(told(ms=1))], Phase.DONE, 10,
            id="a cancel-all overtakes everything that tells of the placement",
        ),
        pytest.param(
            PLACED, [error(OutcomeUnknown("503")), update(told(CANCELED, ms=2)), update(told(ms=1))], Phase.DONE, 10,
            id="a cancel-all, and no answer to the placement",
        ),
        pytest.param(
            AMENDING, [update(told(FILLED, filled=10, ms=3)), error(UnknownOrder("gone"))], Phase.DONE, 0,
            id="filled while amending",
        ),
        pytest.param(
            CANCELLING, [update(told(FILLED, filled=10, ms=3)), error(UnknownOrder("gone"))], Phase.DONE, 0,
            id="filled while cancelling",
        ),
        pytest.param(OPEN, [update(told(CANCELED, ms=5)), update(told(NEW, ms=4))], Phase.DONE, 10, id="what is final stays final"),
        pytest.param(ADOPTED, [fill(20)], Phase.OPEN, 30, id="adopted partly filled, and that fill is heard of late"),
        pytest.param(
            ADOPTED, [fill(20), fill(5), update(told(PARTIAL, filled=25, lots=50, ms=2))], Phase.OPEN, 25,
            id="the same, and then another fill",
        ),
        pytest.param(
            ADOPTED, [fill(5), update(told(PARTIAL, filled=25, lots=50, ms=2)), fill(20)], Phase.OPEN, 25,
            id="adopted partly filled, and another fill is heard of first",
        ),
    ],
)  # fmt: skip
def test_after_what_was_heard(before: WorkingOrder, steps: list[Step], phase: Phase, remaining: int) -> None:
    order = before
    for step in steps:
        order = step(order)
    assert (order.phase, order.remaining_lots) == (phase, remaining)


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([error(Rejected("no"))], 1),
        ([error(WouldCross("no"))], 1),
        ([error(Throttled("429", retry_after_s=1))], 0),
        ([error(Unavailable("not sent"))], 0),
        ([error(Rejected("no")), amend_again, error(Rejected("no"))], 2),
        ([error(Rejected("no")), amend_again, answer(told(ms=9))], 0),
        ([error(Rejected("no")), cancel, error(Rejected("no"))], 1),
        ([error(Rejected("no")), update(told(ms=9))], 1),
    ],
)
def test_amends_that_are_refused_in_a_row_are_counted(steps: list[Step], count: int) -> None:
    order = AMENDING
    for step in steps:
        order = step(order)
    assert order.amends_refused == count


def test_older_news_does_not_change_a_price() -> None:
    amended = lifecycle.heard(AMENDING, told(price=90, ms=5), answer=True)
    late = lifecycle.heard(amended, told(price=100, ms=1), answer=False)
    assert late.price_ticks == 90


def test_a_trade_told_late_brings_no_price_back_from_before_an_amendment_of_its_millisecond() -> None:
    amended = lifecycle.heard(AMENDING, told(PARTIAL, filled=1, price=101, lots=12, ms=5), answer=True)
    late = lifecycle.heard(lifecycle.filled(amended, 1), told(PARTIAL, filled=1, ms=5), answer=False)
    assert (late.price_ticks, late.lots) == (101, 12)


@pytest.mark.parametrize(("answer", "listed"), [(True, False), (False, True), (False, False)])
def test_an_amendment_of_the_millisecond_of_the_last_trade_is_taken_whoever_tells_of_it(
    answer: bool, listed: bool
) -> None:
    traded = lifecycle.heard(AMENDING, told(PARTIAL, filled=1, ms=5), answer=False)
    amended = lifecycle.heard(traded, told(PARTIAL, filled=1, price=101, ms=5), answer=answer, listed=listed)
    assert amended.price_ticks == 101


def test_what_the_venue_calls_filled_is_not_settled_before_its_fills_are_seen() -> None:
    done = lifecycle.heard(OPEN, told(FILLED, filled=10), answer=True)
    assert not done.is_settled
    assert lifecycle.filled(done, 10).is_settled


@pytest.mark.parametrize(
    ("before", "steps", "status"),
    [
        (OPEN, [update(told(FILLED, filled=10, ms=5)), update(told(NEW, ms=4)), answer(told())], FILLED),
        (OPEN, [update(told(EXPIRED, filled=4, ms=3)), update(told(PARTIAL, filled=4, ms=2))], EXPIRED),
        (CANCELLING, [answer(told(CANCELED, ms=5)), update(told(NEW, ms=1))], CANCELED),
        (OPEN, [update(told(PARTIAL, filled=6, ms=3)), update(told(NEW, ms=1))], PARTIAL),
        (PLACED, [fill(4), answer(told())], PARTIAL),
        (OPEN, [update(told(PARTIAL, filled=4, ms=3)), lifecycle.cleared], None),
    ],
)
def test_late_news_does_not_change_what_it_is_called(
    before: WorkingOrder, steps: list[Step], status: OrderStatus | None
) -> None:
    order = before
    for step in steps:
        order = step(order)
    assert order.status is status


# --- no such order

ABSENT, LOST = UnknownOrder("no such order"), Unavailable("no answer")
LATE_US = SURELY_NOT_PLACED_US + 2


def at(*times_ms: int) -> list[tuple[int, Order | VenueError]]:
    return [(each, ABSENT) for each in times_ms]


@pytest.mark.parametrize(
    ("order", "answers", "phase"),
    [
        pytest.param(DOUBTED, at(0, 250, 750, 1499, 1500), Phase.DONE, id="it is gone"),
        pytest.param(DOUBTED, at(0, 250, 750, 5000), Phase.UNKNOWN, id="four are too few"),
        pytest.param(DOUBTED, at(0, 250, 750, 1000, 1499), Phase.UNKNOWN, id="too soon"),
        pytest.param(
            DOUBTED, [(0, LOST), (250, LOST), *at(750, 1750, 3750, 7750)], Phase.UNKNOWN,
            id="questions without an answer count for nothing",
        ),
        pytest.param(
            DOUBTED, [(0, LOST), *at(5000, 5250, 5500, 6000, 6499)], Phase.UNKNOWN,
            id="nor does the time before the first answer",
        ),
        pytest.param(DOUBTED, at(60_000), Phase.UNKNOWN, id="however old it is"),
        pytest.param(DOUBTED, [*at(0, 250, 750, 1750), (3750, told())], Phase.OPEN, id="it was there"),
        pytest.param(UNKNOWN, at(*range(0, 20_001, 500)), Phase.UNKNOWN, id="never acknowledged, it may still arrive"),
        pytest.param(UNKNOWN, at(0, 250, 750, 1750, 20_001), Phase.DONE, id="and then no more"),
        pytest.param(UNKNOWN, [(0, LOST), (20_001, ABSENT)], Phase.UNKNOWN, id="which one answer does not prove"),
        pytest.param(OPEN, at(*range(0, 9000, 500)), Phase.OPEN, id="it is not in doubt"),
    ],
)  # fmt: skip
def test_no_such_order_proves_nothing_of_a_young_one(
    order: WorkingOrder, answers: list[tuple[int, Order | VenueError]], phase: Phase
) -> None:
    """When each question was sent, in milliseconds, and the answer, which came at once."""
    for at_ms, found in answers:
        order = lifecycle.querying(order, at_ms * 1000)
        if isinstance(found, Order):
            order = lifecycle.heard(order, found, answer=True)
        elif found is ABSENT:
            order = lifecycle.not_found(order, at_ms * 1000)
        order = lifecycle.queried(order)
    assert order.phase is phase


def test_between_the_first_answer_and_the_last_question_there_is_time() -> None:
    """Not between two answers, the last of which may have been long on its way."""
    order, answered_us = DOUBTED, 900_000
    for asked_us in (0, 1_000_000, 2_000_000, 2_200_000, 2_399_999):
        order = lifecycle.queried(lifecycle.not_found(lifecycle.querying(order, asked_us), asked_us + answered_us))
    assert order.phase is Phase.UNKNOWN


def test_an_answer_to_a_question_from_before_it_was_in_doubt_counts_for_nothing() -> None:
    asked = lifecycle.querying(DOUBTED, 0)
    again = lifecycle.missing(lifecycle.heard(asked, told(), answer=False), 5)
    assert lifecycle.not_found(again, 6).absences == 0
    assert lifecycle.not_found(lifecycle.querying(lifecycle.queried(again), 7), 8).absences == 1


# --- an amendment without an answer

AMENDED = told(price=101, ms=5)


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        pytest.param([], (101, 10), id="it may arrive"),
        pytest.param([update(told())], (101, 10), id="seen as it was before"),
        pytest.param([ask(2), answer(told())], (101, 10), id="the same by an answer"),
        pytest.param([update(told()), cancel, error(Rejected("no"))], (101, 10), id="and a cancel was refused"),
        pytest.param([update(told()), cancel, error(OutcomeUnknown("503"))], (101, 10), id="or lost"),
        pytest.param([update(AMENDED)], None, id="it has arrived"),
        pytest.param([update(told()), cancel, update(AMENDED), error(Rejected("no"))], None, id="while cancelling"),
        pytest.param([ask(LATE_US - 1), answer(told())], (101, 10), id="asked while it could just be let in"),
        pytest.param([ask(LATE_US), answer(told())], None, id="asked when it no longer could"),
        pytest.param([ask(LATE_US), update(told())], (101, 10), id="older news came before that answer"),
    ],
)
def test_an_amendment_without_an_answer_counts_until_it_was_seen_or_cannot_arrive(
    steps: list[Step], asked: tuple[int, int] | None
) -> None:
    order = AMEND_LOST
    for step in steps:
        order = step(order)
    assert order.asked == asked


def test_there_is_never_a_second_one() -> None:
    with pytest.raises(AssertionError, match="may still arrive"):
        amend_again(lifecycle.heard(AMEND_LOST, told(), answer=False))


def test_one_that_was_seen_before_its_answer_was_lost_is_over() -> None:
    seen = lifecycle.heard(AMENDING, AMENDED, answer=False)
    assert (seen.phase, seen.price_ticks, seen.asked) == (Phase.AMENDING, 101, None)
    assert lifecycle.unanswered(seen, OutcomeUnknown("503"), 9).asked is None


@pytest.mark.parametrize("refusal", [Rejected("no"), UnknownOrder("gone"), Throttled("429", retry_after_s=1)])
def test_one_that_was_refused_will_not_arrive(refusal: VenueError) -> None:
    assert lifecycle.unanswered(AMENDING, refusal, 5).asked is None


def test_queries_become_rarer() -> None:
    order, now_us, pauses = UNKNOWN, 0, list[float]()
    for _ in range(7):
        order = lifecycle.querying(order, now_us)
        pauses.append((order.next_query_us - now_us) / SECOND_US)
        now_us = order.next_query_us
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_fills_that_the_venue_vouched_for_are_not_counted_again_when_they_come() -> None:
    order = lifecycle.fills_counted(lifecycle.heard(OPEN, told(filled=6), answer=False), 9)
    assert (order.seen_lots, order.remaining_lots) == (6, 4)
    order = lifecycle.filled(order, 6)
    assert (order.filled_lots, order.remaining_lots) == (6, 4)
    order = lifecycle.filled(order, 1)
    assert (order.filled_lots, order.remaining_lots) == (7, 3)


def test_what_was_told_of_after_the_trades_were_asked_for_is_still_owed() -> None:
    order = lifecycle.fills_counted(lifecycle.heard(OPEN, told(filled=6), answer=False), 2)
    assert (order.seen_lots, order.filled_lots) == (2, 6)
