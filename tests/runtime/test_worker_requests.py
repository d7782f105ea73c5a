"""A worker's requests on their way: they wait at the gate, go together, and outlive the worker."""

from __future__ import annotations

import anyio
import pytest
from runtime_fakes import ticker
from worker_scene import BUY, Scene, play

from exchange.errors import BadCredentials, OutcomeUnknown
from exchange.model import Amend, Cancel, Order, OrderStatus, Place, RateLimit
from exchange.ports import Cost, RequestClass
from fleet.orders.plan import Query
from fleet.runtime.mailbox import Answer, Crash

# --- the gate


def hog(at: Scene) -> None:
    """Orders that others sent: the next window begins in 10 s."""
    ticket = at.gate.ask("hog", RequestClass.CANCEL, Cost(0, 8), lambda: None)
    assert ticket is not None
    at.gate.settle(ticket, {})


def test_while_there_is_no_room_only_the_newest_quote_waits() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        hog(at)
        for mid in range(1002, 1018, 2):
            at.market(mid)
            await anyio.sleep(1)
        assert at.trading.actions() == []
        at.market(1018)
        await anyio.sleep(5)
        assert [action.price_ticks for action in at.trading.actions() if isinstance(action, Amend)] == [1029, 1007]
        assert len(at.trading.actions()) == 2

    play(scene, (RateLimit("ORDERS", 10, 10),))


def test_a_request_that_is_not_wanted_any_more_is_withdrawn() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        hog(at)
        at.market(1018)
        await anyio.sleep(0.5)
        at.market(1018)
        await anyio.sleep(1)
        assert at.gate.waiting() == 2
        at.market(1000)
        await anyio.sleep(0.01)
        assert at.gate.waiting() == 0
        await anyio.sleep(10)
        assert at.trading.actions() == []

    play(scene, (RateLimit("ORDERS", 10, 10),))


def test_a_worker_that_ends_leaves_nothing_waiting() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.gate.ask("hog", RequestClass.CANCEL, Cost(0, 8), lambda: None)
        at.market(1018)
        await anyio.sleep(1)
        assert at.gate.waiting() == 2
        at.scope.cancel()
        await anyio.sleep(0.1)
        assert at.gate.waiting() == 0

    play(scene, (RateLimit("ORDERS", 10, 10),))


# --- cancels go together


async def pull(at: Scene) -> None:
    """Both quotes are to go: the book is crossed, and stays so."""
    at.market_stream.silent.add("XUSDT")
    at.mailbox.put_market(ticker(at.clock.now_us(), 1000, width=-1))
    await anyio.sleep(0.01)


def test_what_is_cancelled_at_one_instant_is_one_request() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        before = at.desk.working.counters.requests
        await pull(at)
        assert [sent.what for sent in at.trading.sent] == ["cancel_many"]
        assert at.trading.open() == []
        assert (at.desk.working.counters.requests - before, at.desk.working.counters.cancelled) == (1, 2)
        assert at.desk.orders == {}

    play(scene)


def test_each_order_of_a_batch_has_its_own_answer() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.end(at.trading.one(BUY).client_id, OrderStatus.CANCELED, tell=False)
        await pull(at)
        # The refusal of the one says nothing of the other: it alone is asked after.
        assert [sent.what for sent in at.trading.sent] == ["cancel_many", "order"]
        assert at.desk.working.counters.cancelled == 1
        assert at.desk.orders == {}

    play(scene)


@pytest.mark.parametrize("happens", [True, False])
def test_a_batch_without_an_answer_leaves_each_order_unknown_until_it_was_asked_after(happens: bool) -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.account_stream.is_up = False  # the line would tell before they could be asked after
        at.trading.trouble("cancel_many", OutcomeUnknown("503"), happens=happens)
        await pull(at)
        whats = [sent.what for sent in at.trading.sent]
        assert whats == ["cancel_many", "order", "order", *([] if happens else ["cancel_many"])]
        assert at.trading.open() == []

    play(scene)


def test_a_fault_of_ours_in_a_batch_leaves_each_order_unknown_and_breaks_the_worker() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.trouble("cancel_many", ZeroDivisionError("ours"))
        await pull(at)
        assert isinstance(at.failed, ZeroDivisionError)
        left = [news for news in at.mailbox.take() if isinstance(news, Answer)]
        assert [type(news.result) for news in left] == [OutcomeUnknown, OutcomeUnknown]

    play(scene)


def test_a_batch_waits_in_one_place_and_what_it_waits_for_may_change() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        ticket = at.gate.ask("hog", RequestClass.CANCEL, Cost(at.weight_left()), lambda: None)
        assert ticket is not None
        await pull(at)
        assert at.gate.waiting() == 1
        at.trading.end(at.trading.one(BUY).client_id, OrderStatus.CANCELED)
        await anyio.sleep(0.01)
        assert at.gate.waiting() == 1
        at.gate.release(ticket)
        await anyio.sleep(0.01)
        assert [type(action) for action in at.trading.actions()] == [Cancel]
        assert (at.gate.waiting(), at.gate.overslept, at.trading.open()) == (0, 0, [])

    play(scene)


# --- the sender


def test_a_fault_of_ours_in_a_request_breaks_the_worker_that_wanted_it_and_the_order_is_unknown() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        at.trading.trouble("place", ZeroDivisionError("ours"), happens=True)
        at.start()
        await anyio.sleep(2)
        assert isinstance(at.failed, ZeroDivisionError)
        # Its answer is still there for whoever clears up.
        left = [news for news in at.mailbox.take() if isinstance(news, Answer)]
        assert [type(news.result) for news in left][:1] == [OutcomeUnknown]

    play(scene)


def test_credentials_that_are_refused_travel() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("amend", BadCredentials("signature"))
        await at.quote()
        at.market(1018)
        await anyio.sleep(2)
        assert isinstance(at.failed, BadCredentials)

    play(scene)


def test_requests_outlive_the_worker_that_wanted_them() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.latency_s = 1.0
        at.trading.fill(at.trading.one(BUY).client_id, 98)
        await anyio.sleep(0.1)
        at.scope.cancel()
        began_s = anyio.current_time()
        await at.sender.quiet("XUSDT")
        assert anyio.current_time() - began_s == pytest.approx(0.9)
        answers = [news for news in at.mailbox.take() if isinstance(news, Answer)]
        assert [type(answer.action) for answer in answers] == [Cancel, Place]
        assert all(isinstance(answer.result, Order) for answer in answers)
        assert at.gate.in_flight == 0

    play(scene)


def test_the_senders_quiet_is_a_symbols_own() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 1.0
        at.trading.put_order("f:X:r:1")
        ticket = at.gate.ask("a", RequestClass.QUERY, Cost(1), lambda: None)
        assert ticket is not None
        at.sender.send([Query("XUSDT", "f:X:r:1")], ticket, at.mailbox)
        with anyio.fail_after(0.1):
            await at.sender.quiet("YUSDT")
        for symbol in ("XUSDT", None):
            await at.sender.quiet(symbol)
        assert anyio.current_time() == 1.0
        [answer] = at.mailbox.take()
        assert not isinstance(answer, Crash)

    play(scene)
