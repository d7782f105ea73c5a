"""A worker between its mailbox, the gate and the venue, in virtual time: nothing it hears waits, nothing it sent is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup
from runtime_fakes import LIMITS, RUN, World, no_risk, symbol_config, ticker

from exchange.errors import BadCredentials, OutcomeUnknown, Rejected, Unavailable, UnknownOrder
from exchange.model import (
    Amend,
    Cancel,
    MarkPrice,
    Order,
    OrderStatus,
    OrderUpdate,
    Place,
    Position,
    Protection,
    RateLimit,
    Side,
)
from exchange.ports import Cost, RequestClass
from fleet.orders.ids import ClientIds
from fleet.orders.plan import Query
from fleet.orders.working import Counters
from fleet.runtime.account import Account
from fleet.runtime.capital import Capital
from fleet.runtime.desk import Desk
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.mailbox import Answer, Crash, Mailbox
from fleet.runtime.sender import Sender
from fleet.runtime.worker import Worker
from fleet.simulation.loop import run_virtual
from strategies.registry import make_strategy

BUY, SELL = Side.BUY, Side.SELL


class Scene(World):
    """One worker of X on an account, its lines up."""

    def __init__(self, tasks: TaskGroup, limits: Sequence[RateLimit], **config: Any) -> None:
        super().__init__(limits=limits)
        self.tasks = tasks
        self.account = Account(RUN, self.trading, self.clock, Capital(), self.instruments)
        self.mailbox = Mailbox()
        book = self.account.attach("XUSDT", self.mailbox)
        self.sender = Sender(self.trading, tasks)
        self.config = symbol_config(**config)
        strategy = make_strategy("ping_pong", self.config.parameters)
        ids = ClientIds(RUN, "XUSDT")
        instrument = self.instruments["XUSDT"]
        self.desk = Desk(self.config, instrument, strategy, book, self.account.capital, ids, Counters(), no_risk())
        self.kill = KillSwitch()
        self.worker = Worker(
            RUN, self.desk, self.mailbox, self.account, self.trading, self.gate, self.sender, self.clock, self.journal,
            self.kill,
        )  # fmt: skip
        self.scope = anyio.CancelScope()
        self.failed: Exception | None = None

    async def run(self) -> None:
        with self.scope:
            try:
                await self.worker.run()
            except Exception as error:  # noqa: BLE001 whatever it is, the test looks at it
                self.failed = error

    def market(self, mid: int = 1000) -> None:
        self.market_stream.tick("XUSDT", mid)

    def hear_market(self, event: Any) -> None:
        if isinstance(event, MarkPrice) or hasattr(event, "bid_ticks"):
            self.mailbox.put_market(event)
        else:
            self.mailbox.put_line(up=True)

    def weight_left(self) -> int:
        [use] = [use for use in self.gate.usage() if use.name == "REQUEST_WEIGHT_1M"]
        return use.capacity - use.used

    async def quote(self) -> None:
        """Starts, and lets the first quotes go out and be answered."""
        self.tasks.start_soon(self.run)
        await self.quote_on()

    async def quote_on(self) -> None:
        """The same where it runs already, and has waited for its lines."""
        self.market_stream.want(["XUSDT"])
        self.tasks.start_soon(self.account_stream.run, self.account.on_event)
        await anyio.sleep(0.001)
        self.tasks.start_soon(self.market_stream.run, self.hear_market)
        await anyio.sleep(0.999)
        assert [type(action) for action in self.trading.actions()] == [Place, Place]
        self.begun_with = [sent.what for sent in self.trading.sent if isinstance(sent.what, str)]
        self.trading.sent.clear()


def play(scene: Callable[[Scene], Awaitable[None]], limits: Sequence[RateLimit] = LIMITS, **config: Any) -> None:
    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            world = Scene(tasks, limits, **config)
            tasks.start_soon(world.gate.run)
            await scene(world)
            tasks.cancel_scope.cancel()

    run_virtual(main)


# --- what it hears is acted on


def test_a_fill_is_acted_on_at_once() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.latency_s = 0.2
        at.trading.fill(at.trading.one(BUY).client_id, 98)
        filled_s = anyio.current_time()
        await anyio.sleep(0.1)
        assert [type(action) for action in at.trading.actions()] == [Cancel, Place]
        assert {sent.at_s for sent in at.trading.sent} == {filled_s}
        assert at.said("bought 0.98 at 99.0")

    play(scene)


def test_a_position_is_worked_off_and_quoting_begins_anew() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.fill(at.trading.one(BUY).client_id, 98)
        await anyio.sleep(0.1)
        assert at.trading.one(SELL).reduce_only
        at.trading.fill(at.trading.one(SELL).client_id, 98)
        await anyio.sleep(0.1)
        assert [order.reduce_only for order in at.trading.open()] == [False, False]
        assert at.desk.book.round_trips == 1

    play(scene)


def test_a_post_only_order_that_expires_later_is_put_again_after_a_pause() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.end(at.trading.one(BUY).client_id)
        await anyio.sleep(0.9)
        assert at.trading.actions() == []
        await anyio.sleep(0.2)
        assert [type(action) for action in at.trading.actions()] == [Place]

    play(scene)


@pytest.mark.parametrize("line", ["market", "account"])
def test_quotes_are_pulled_when_a_line_goes_down_and_come_back_with_it(line: str) -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        if line == "market":
            at.market_stream.down()
            at.mailbox.put_line(up=False)
        else:
            at.account_stream.down()
        await anyio.lowlevel.checkpoint()
        await anyio.sleep(0.01)
        assert at.trading.open() == []
        await anyio.sleep(30)
        assert at.trading.count("order") == 0
        (at.market_stream if line == "market" else at.account_stream).up()
        await anyio.sleep(1)
        assert len(at.trading.open()) == 2

    play(scene)


def test_a_market_that_falls_silent_is_stale_after_a_while() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.market_stream.silent.add("XUSDT")
        await anyio.sleep(1.9)
        assert len(at.trading.open()) == 2
        await anyio.sleep(0.2)
        assert at.trading.open() == []

    play(scene)


def test_a_placement_without_an_answer_is_asked_after_and_kept() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("place", OutcomeUnknown("503"), happens=True)
        await at.quote()
        await anyio.sleep(5)
        assert len(at.trading.open()) == 2
        assert at.trading.actions() == []

    play(scene)


# --- the gate


def test_an_order_whose_amendment_is_lost_and_asked_after_in_vain_is_not_doubled() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        for name in ("amend", "cancel"):
            at.trading.trouble(name, OutcomeUnknown("503"))
        for answer in (Unavailable("no answer"), Unavailable("no answer"), UnknownOrder("no such order", code=-2013)):
            at.trading.trouble("order", answer)
        at.market(1050)
        await anyio.sleep(2.5)
        for n in range(8):
            at.market(1050 + n % 2)
            await anyio.sleep(0.5)
        assert sorted(order.side for order in at.trading.open()) == [BUY, SELL]
        assert {order.client_id for order in at.trading.open()} == set(at.desk.orders)

    play(scene)


def test_while_there_is_no_room_only_the_newest_quote_waits() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        # Orders that others sent: the next window begins in 10 s.
        hog = at.gate.ask("hog", RequestClass.CANCEL, Cost(0, 8), lambda: None)
        assert hog is not None
        at.gate.settle(hog, {})
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
        hog = at.gate.ask("hog", RequestClass.CANCEL, Cost(0, 8), lambda: None)
        assert hog is not None
        at.gate.settle(hog, {})
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
        hog = at.gate.ask("hog", RequestClass.CANCEL, Cost(at.weight_left()), lambda: None)
        assert hog is not None
        await pull(at)
        assert at.gate.waiting() == 1
        at.trading.end(at.trading.one(BUY).client_id, OrderStatus.CANCELED)
        await anyio.sleep(0.01)
        assert at.gate.waiting() == 1
        at.gate.release(hog)
        await anyio.sleep(0.01)
        assert [type(action) for action in at.trading.actions()] == [Cancel]
        assert (at.gate.waiting(), at.gate.overslept, at.trading.open()) == (0, 0, [])

    play(scene)


# --- after a gap


def test_after_a_gap_what_was_missed_is_counted_once_and_acted_on() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        bought, other = at.trading.one(BUY), at.trading.one(SELL)
        at.trading.refuses_cancels = True
        at.account_stream.down()
        await anyio.sleep(0.1)
        at.trading.fill(bought.client_id, 50)
        at.trading.refuses_cancels = False
        at.trading.latency_s = 0.1
        at.account_stream.up()
        at.trading.fill(bought.client_id, 40)
        await anyio.sleep(2)
        assert (at.desk.book.position_lots, at.desk.book.fills) == (90, 2)
        assert at.trading.orders[other.client_id].status is OrderStatus.CANCELED
        assert [(order.side, order.lots, order.reduce_only) for order in at.trading.open()] == [(SELL, 90, True)]

    play(scene)


def test_a_trade_made_after_the_list_was_read_is_owed_though_an_answer_told_of_it_before_the_list_came() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        bought = at.trading.one(BUY)
        at.trading.latency_s = 0.4
        at.worker.doubt()
        # Open orders, positions, and then the trades: they are read 1.0 s from now, and told of at 1.2 s.
        await anyio.sleep(1.1)
        assert at.trading.count("fills") == 1
        at.trading.fill(bought.client_id, 98, tell=False)
        at.mailbox.put(Answer(Query("XUSDT", bought.client_id), at.trading.orders[bought.client_id]))
        await anyio.sleep(0.2)
        assert at.trading.count("fills") == 1
        assert at.desk.book.position_lots == 0
        assert at.desk.orders[bought.client_id].seen_lots == 0
        await anyio.sleep(3)
        assert at.desk.book.position_lots == 98
        assert bought.client_id not in at.desk.orders

    play(scene)


def test_an_order_that_vanished_in_a_gap_is_asked_after() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        gone = at.trading.one(BUY)
        at.trading.refuses_cancels = True
        at.account_stream.down()
        at.trading.end(gone.client_id, OrderStatus.CANCELED)
        at.account_stream.up()
        await anyio.sleep(1)
        assert gone.client_id not in at.desk.orders
        assert len(at.trading.open()) == 2

    play(scene)


def test_a_trade_that_comes_after_the_venues_word_corrected_the_position_is_counted_once() -> None:
    """The trade list may lag behind the position, and the line behind both."""

    async def scene(at: Scene) -> None:
        await at.quote()
        name = at.trading.one(BUY).client_id
        late = at.trading.fill(name, 60, tell=False)
        at.trading.trades["XUSDT"].clear()
        at.account_stream.down()
        at.account_stream.up()
        await anyio.sleep(1)
        assert (at.desk.book.position_lots, at.desk.book.fills) == (60, 0)
        at.account_stream.tell(OrderUpdate(at.trading.orders[name], "TRADE", late))
        await anyio.sleep(1)
        assert (at.desk.book.position_lots, at.desk.book.fills) == (60, 1)
        assert [(order.side, order.lots) for order in at.trading.open()] == [(SELL, 60)]

    play(scene)


def test_a_position_that_is_not_the_venues_is_corrected_and_told() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.account_stream.down()
        at.trading.move("XUSDT", -40)
        at.account_stream.up()
        await anyio.sleep(1)
        assert at.desk.book.position_lots == -40
        assert at.said("position was not the exchange's")
        assert at.trading.one(BUY).reduce_only

    play(scene)


def test_trades_that_the_line_owes_are_fetched() -> None:
    """A query tells that the order is filled; of its trade nothing comes by the line, which is up."""

    async def scene(at: Scene) -> None:
        await at.quote()
        bought = at.trading.one(BUY)
        at.trading.fill(bought.client_id, 98, tell=False)
        at.desk.on_order(at.trading.orders[bought.client_id], at.clock.now_us(), answer=True)
        at.mailbox.wake()
        await anyio.sleep(0.9)
        assert at.trading.sent == []
        await anyio.sleep(0.2)
        assert at.desk.book.position_lots == 98
        assert at.trading.one(SELL).reduce_only

    play(scene)


def test_trades_that_are_owed_while_the_line_is_down_are_waited_for_and_fetched_when_it_is_up() -> None:
    """Without spinning: the loop would never come to an end here."""

    async def scene(at: Scene) -> None:
        await at.quote()
        bought, sold = at.trading.one(BUY), at.trading.one(SELL)
        at.account_stream.down()
        at.trading.fill(bought.client_id, 98)
        await anyio.sleep(10)
        assert at.trading.orders[sold.client_id].status is OrderStatus.CANCELED
        at.account_stream.up()
        await anyio.sleep(1)
        assert at.trading.one(SELL).reduce_only

    play(scene)


def doubt(at: Scene) -> None:
    at.worker.doubt()


def take_up(at: Scene) -> None:
    bold = symbol_config(leverage=2)
    at.worker.reconfigure(bold, make_strategy("ping_pong", bold.parameters))


@pytest.mark.parametrize("ask", [doubt, take_up])
def test_while_the_venue_is_asked_what_must_not_stand_is_cancelled(ask: Callable[[Scene], None]) -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.latency_s = 10
        ask(at)
        await anyio.sleep(0.1)
        at.mailbox.put_line(up=False)
        await anyio.sleep(6)
        assert at.trading.open() == []

    play(scene)


def test_what_it_hears_meanwhile_and_breaks_on_ends_the_worker() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.latency_s = 10
        at.worker.doubt()
        await anyio.sleep(0.1)
        at.mailbox.put(Crash(RuntimeError("a fault of ours")))
        await anyio.sleep(0.1)
        assert str(at.failed) == "a fault of ours"

    play(scene)


def test_a_resync_that_fails_ends_the_worker() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.account_stream.down()
        at.trading.trouble("positions", Unavailable("no connection"))
        at.account_stream.up()
        await anyio.sleep(0.1)
        assert isinstance(at.failed, Unavailable)

    play(scene)


# --- start, parameters, end


def test_the_start_cancels_leftovers_takes_up_the_position_and_touches_nobody_elses_order() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        at.trading.put_order("web_1")
        at.trading.put_order("g:X:old:1")
        at.trading.held["XUSDT"] = Position("XUSDT", 60, at.desk.book.instrument.price(1000))
        at.market_stream.want(["XUSDT"])
        at.tasks.start_soon(at.account_stream.run, at.account.on_event)
        at.tasks.start_soon(at.run)
        at.tasks.start_soon(at.market_stream.run, at.hear_market)
        await anyio.sleep(1)
        assert at.trading.orders["f:X:old:1"].status is OrderStatus.CANCELED
        assert [at.trading.orders[name].status for name in ("web_1", "g:X:old:1")] == [OrderStatus.NEW] * 2
        assert [(a.side, a.lots, a.reduce_only) for a in at.trading.actions() if isinstance(a, Place)] == [
            (SELL, 60, True)
        ]
        assert at.said("cancelled 1 orders")

    play(scene)


def test_it_does_not_start_before_the_account_line_is_up() -> None:
    async def scene(at: Scene) -> None:
        at.tasks.start_soon(at.run)
        await anyio.sleep(60)
        assert at.trading.sent == []

    play(scene)


def test_a_leverage_that_the_venue_refuses_stays_what_it_was_and_sizes_orders() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.move("XUSDT", 0)
        at.trading.trouble("set_leverage", Rejected("leverage 50 is over the bracket", code=-4028))
        bold = symbol_config(leverage=50)
        at.worker.reconfigure(bold, make_strategy("ping_pong", bold.parameters))
        await anyio.sleep(1)
        assert at.said("leverage stays 1: 50 was refused")
        assert [order.lots for order in at.trading.open()] == [98, 97]

    play(scene)


MMP = {"window": "5s", "frozen": "10s", "quantity": 20}


def test_the_exchanges_own_protection_is_set_and_reset_at_the_start_and_taken_away_when_the_file_drops_it() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        wanted = Protection("XUSDT", 5000, 10_000, quantity_limit=20)
        assert at.begun_with[-3:] == ["set_leverage", f"protect {wanted}", "reset_protection"]
        without = symbol_config()
        at.worker.reconfigure(without, make_strategy("ping_pong", without.parameters))
        await anyio.sleep(1)
        assert at.trading.count("delete_protection") == 1

    play(scene, mmp=MMP)


def test_a_protection_that_the_venue_refuses_is_told_and_the_symbol_trades_on() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("set_protection", Rejected("no"))
        await at.quote()
        assert at.said("market maker protection is not as in the file: no")

    play(scene, mmp=MMP)


def test_new_parameters_are_taken_up_between_two_decisions() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        wide = symbol_config(leverage=3, entry="long")
        at.worker.reconfigure(wide, make_strategy("ping_pong", wide.parameters))
        await anyio.sleep(0.5)
        assert at.trading.count("set_leverage") == 1
        assert [type(action) for action in at.trading.actions()] == [Amend, Cancel] or [
            type(action) for action in at.trading.actions()
        ] == [Cancel, Amend]

    play(scene)


def test_closing_ends_the_worker_when_it_is_flat_and_taking_back_undoes_it() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.trading.fill(at.trading.one(BUY).client_id, 98)
        at.worker.close_position()
        await anyio.sleep(0.1)
        at.worker.reconfigure(at.config, make_strategy("ping_pong", at.config.parameters))
        at.trading.fill(at.trading.one(SELL).client_id, 98)
        await anyio.sleep(2)
        assert len(at.trading.open()) == 2
        at.worker.close_position()
        at.tasks.start_soon(at.sender.quiet)
        await anyio.sleep(1)
        assert at.trading.open() == []
        assert at.failed is None
        at.trading.sent.clear()
        at.market(1018)
        await anyio.sleep(10)
        assert at.trading.sent == []

    play(scene)


# --- the sender


def test_a_fault_of_ours_in_a_request_breaks_the_worker_that_wanted_it_and_the_order_is_unknown() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        at.trading.trouble("place", ZeroDivisionError("ours"), happens=True)
        at.market_stream.want(["XUSDT"])
        at.tasks.start_soon(at.account_stream.run, at.account.on_event)
        at.tasks.start_soon(at.run)
        at.tasks.start_soon(at.market_stream.run, at.hear_market)
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
