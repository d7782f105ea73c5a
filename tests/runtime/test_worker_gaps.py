"""A worker after a gap: what its line did not tell is looked up, counted once and acted on."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from runtime_fakes import symbol_config
from worker_scene import BUY, SELL, Scene, play

from exchange.errors import Unavailable
from exchange.model import OrderStatus, OrderUpdate
from fleet.orders.plan import Query
from fleet.runtime.mailbox import Answer, Crash


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
    at.reconfigure(symbol_config(leverage=2))


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
