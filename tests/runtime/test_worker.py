"""A worker between its mailbox, the gate and the venue, in virtual time: nothing it hears waits, nothing it sent is lost."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from runtime_fakes import symbol_config
from worker_scene import BUY, SELL, Scene, play

from exchange.errors import NoOrderNow, OutcomeUnknown, Rejected, Unavailable, UnknownOrder
from exchange.model import Amend, Cancel, OrderStatus, Place, Position, Protection

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


# --- start, parameters, end


def test_the_start_cancels_leftovers_takes_up_the_position_and_touches_nobody_elses_order() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        at.trading.put_order("web_1")
        at.trading.put_order("g:X:old:1")
        at.trading.held["XUSDT"] = Position("XUSDT", 60, at.desk.book.instrument.price(1000))
        at.start()
        await anyio.sleep(1)
        assert at.trading.orders["f:X:old:1"].status is OrderStatus.CANCELED
        assert [at.trading.orders[name].status for name in ("web_1", "g:X:old:1")] == [OrderStatus.NEW] * 2
        assert [(a.side, a.lots, a.reduce_only) for a in at.trading.actions() if isinstance(a, Place)] == [
            (SELL, 60, True)
        ]
        assert at.said("cancelled 1 order left")

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
        at.reconfigure(symbol_config(leverage=50))
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
        at.reconfigure(symbol_config())
        await anyio.sleep(1)
        assert at.trading.count("delete_protection") == 1

    play(scene, mmp=MMP)


def test_a_protection_that_the_venue_refuses_is_told_and_the_symbol_trades_on() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("set_protection", Rejected("no"))
        await at.quote()
        assert at.said("market maker protection is not as in the file: no")

    play(scene, mmp=MMP)


FROZEN = "the exchange's market maker protection has frozen it"


@pytest.mark.parametrize(
    ("mmp", "told"),
    [
        (MMP, [(1, "for up to 10s"), (1, "for up to 10s"), (2, "for up to 10s")]),
        (MMP | {"frozen": 0}, [(1, "until mmp is edited or the fleet starts again")] * 3),
        (None, [(0, "")] * 3),
    ],
)
def test_that_the_exchange_has_frozen_the_symbol_is_told_once_a_freeze(
    mmp: dict[str, object] | None, told: list[tuple[int, str]]
) -> None:
    """Every order is refused, and so is the one that would reduce the position."""

    async def scene(at: Scene) -> None:
        await at.quote()
        for _ in range(50):
            at.trading.trouble("place", NoOrderNow("User can not place order currently", code=-4088))
        at.trading.fill(at.trading.one(BUY).client_id, 98)
        for count, how_long in told:
            await anyio.sleep(6)
            said = [line for line in at.journal.lines if FROZEN in line.text]
            assert len(said) == count
            for line in said:
                assert line.text == f"{FROZEN} {how_long}: no order is taken, and its position is not reduced meanwhile"
                assert line.level == "WARNING"

    play(scene, mmp=mmp)


def test_new_parameters_are_taken_up_between_two_decisions() -> None:
    async def scene(at: Scene) -> None:
        await at.quote()
        at.reconfigure(symbol_config(leverage=3, entry="long"))
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
        at.reconfigure(at.config)
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
