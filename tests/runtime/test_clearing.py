"""No order of ours is left: cancelled, looked at again, whatever the venue says meanwhile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import anyio
import pytest
from runtime_fakes import RUN
from runtime_worlds import World, play_world

from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Rejected, Throttled, Unavailable, VenueError
from exchange.model import Order, OrderStatus
from fleet.runtime.clearing import clear

play = partial(play_world, lambda: World("XUSDT", "YUSDT"))


def open_names(at: World) -> list[str]:
    return [order.client_id for order in at.trading.open()]


@pytest.mark.parametrize(
    ("symbol", "left"),
    [("XUSDT", ["f:Y:r:1", "web_1", "g:X:r:1", "ff:X:r:1"]), (None, ["web_1", "g:X:r:1", "ff:X:r:1"])],
)
def test_only_what_bears_our_name_is_cancelled(symbol: str | None, left: list[str]) -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        at.trading.put_order("f:X:older:7")
        at.trading.put_order("f:Y:r:1", "YUSDT")
        for name in ("web_1", "g:X:r:1", "ff:X:r:1"):
            at.trading.put_order(name)
        assert await clear(RUN, at.trading, at.gate, symbol) == (2 if symbol else 3)
        assert open_names(at) == left

    play(scene)


@pytest.mark.parametrize(("orders", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_ten_are_cancelled_by_one_request(orders: int, requests: int) -> None:
    async def scene(at: World) -> None:
        for number in range(orders):
            at.trading.put_order(f"f:X:r:{number}")
        assert await clear(RUN, at.trading, at.gate, "XUSDT") == orders
        assert at.trading.count("cancel_many") == requests
        # And it has looked once more.
        assert at.trading.count("open_orders") == (2 if orders else 1)
        assert at.gate.in_flight == 0

    play(scene)


@pytest.mark.parametrize("name", ["open_orders", "cancel_many"])
@pytest.mark.parametrize(
    "error", [Unavailable("no"), OutcomeUnknown("503"), Rejected("no"), Throttled("429", retry_after_s=1)]
)
def test_it_tries_again_ever_more_patiently(name: str, error: VenueError) -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        for _ in range(7):
            at.trading.trouble(name, error)
        await clear(RUN, at.trading, at.gate, "XUSDT")
        assert open_names(at) == []
        assert anyio.current_time() == pytest.approx(0.1 + 0.25 + 0.5 + 1 + 2 + 2 + 2)

    play(scene)


def test_a_cancel_that_was_carried_out_without_an_answer_is_seen() -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        at.trading.trouble("cancel_many", OutcomeUnknown("503"), happens=True)
        assert await clear(RUN, at.trading, at.gate, "XUSDT") == 1
        assert (at.trading.count("cancel_many"), at.trading.count("order")) == (2, 1)
        assert anyio.current_time() == pytest.approx(0.1)

    play(scene)


def test_an_order_that_the_list_lacks_is_cancelled_by_name() -> None:
    async def scene(at: World) -> None:
        at.trading.list_lag_s = 60
        believed = [at.trading.put_order("f:X:r:1"), at.trading.put_order("f:Y:r:1", "YUSDT")]
        told: list[Order] = []
        assert await clear(RUN, at.trading, at.gate, believed=believed, tell=told.append) == 2
        assert open_names(at) == []
        assert [each.client_id for each in told] == ["f:X:r:1", "f:Y:r:1"]
        # The venue has said so of each: that is no reason to wait.
        assert (anyio.current_time(), at.trading.count("open_orders")) == (0, 2)

    play(scene)


def test_how_an_order_ended_that_was_there_no_more_is_asked_for() -> None:
    async def scene(at: World) -> None:
        believed = [at.trading.put_order("f:X:r:1")]
        at.trading.fill("f:X:r:1", 50, tell=False)
        told: list[Order] = []
        assert await clear(RUN, at.trading, at.gate, "XUSDT", believed=believed, tell=told.append) == 0
        assert ([each.status for each in told], anyio.current_time()) == ([OrderStatus.FILLED], 0)

    play(scene)


@pytest.mark.parametrize("arrives_s", [None, 0.7])
def test_what_the_venue_knows_nothing_of_is_gone_when_it_is_in_no_list_so_much_later(arrives_s: float | None) -> None:
    """The one that has arrived meanwhile is found by the next look."""

    async def scene(at: World) -> None:
        believed = [replace(at.trading.put_order("g:X:r:1"), client_id="f:X:r:1")]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(clear, RUN, at.trading, at.gate, "XUSDT", believed=believed))
            if arrives_s is not None:
                await anyio.sleep(arrives_s)
                at.trading.put_order("f:X:r:1")
        assert open_names(at) == ["g:X:r:1"]
        assert anyio.current_time() == pytest.approx(1.5)
        assert at.trading.count("open_orders") <= 3

    play(scene)


def test_a_list_that_has_an_order_yet_that_is_over_holds_nothing_up() -> None:
    async def scene(at: World) -> None:
        order = at.trading.put_order("f:X:r:1")
        stale = [order]
        lists = at.trading.open

        def lagging(symbol: str | None = None) -> list[Order]:
            return stale or lists(symbol)

        at.trading.open = lagging
        assert await clear(RUN, at.trading, at.gate, "XUSDT") == 1
        assert (at.trading.count("cancel_many"), at.trading.count("open_orders")) == (1, 2)

    play(scene)


def test_what_is_to_be_spared_is_not_touched() -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        at.trading.put_order("f:Y:r:1", "YUSDT")
        assert await clear(RUN, at.trading, at.gate, spares=lambda order: order.symbol == "YUSDT") == 1
        assert open_names(at) == ["f:Y:r:1"]

    play(scene)


def test_orders_that_are_refused_to_be_cancelled_are_asked_for_again_but_not_without_a_pause() -> None:
    async def scene(at: World) -> None:
        for number in range(3):
            at.trading.put_order(f"f:X:r:{number}")
        at.trading.refuses_cancels = True
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clear, RUN, at.trading, at.gate, "XUSDT")
            await anyio.sleep(60)
            assert 20 < at.trading.count("cancel_many") < 40
            at.trading.refuses_cancels = False
        assert open_names(at) == []

    play(scene)


def test_no_symbol_waits_for_another_ones_answer() -> None:
    async def scene(at: World) -> None:
        at.trading.latency_s = 1.0
        at.trading.put_order("f:X:r:1")
        at.trading.put_order("f:Y:r:1", "YUSDT")
        assert await clear(RUN, at.trading, at.gate) == 2
        # Looked, cancelled, looked.
        assert anyio.current_time() == pytest.approx(3)

    play(scene)


def test_what_was_just_found_is_cancelled_without_another_look() -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        found = [at.trading.put_order("f:Y:r:1", "YUSDT")]
        assert await clear(RUN, at.trading, at.gate, found=found) == 2
        assert open_names(at) == []
        assert at.trading.count("open_orders") == 2

    play(scene)


def test_an_order_that_was_filled_meanwhile_is_no_hindrance() -> None:
    async def scene(at: World) -> None:
        at.trading.latency_s = 0.1
        for number in range(2):
            at.trading.put_order(f"f:X:r:{number}")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clear, RUN, at.trading, at.gate, "XUSDT")
            await anyio.sleep(0.12)
            at.trading.fill("f:X:r:0", 50)
        assert open_names(at) == []

    play(scene)


@pytest.mark.parametrize("error", [Banned("418", retry_after_s=60), BadCredentials("signature")])
def test_where_nothing_can_be_cancelled_it_says_so(error: VenueError) -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:X:r:1")
        at.trading.trouble("cancel_many", error)
        with pytest.raises(type(error)):
            await clear(RUN, at.trading, at.gate, "XUSDT")

    play(scene)
