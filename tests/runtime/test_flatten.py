"""Closing at once: whatever the budget, whatever the exchange says, and with true words when it does not work out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial

import anyio
import pytest
from runtime_worlds import World, X, Y, Z, play_world

from exchange.errors import OutcomeUnknown, Rejected, Unavailable
from exchange.model import Place
from exchange.ports import Cost, RequestClass
from fleet.orders.ids import owners_ids
from fleet.runtime.flatten import WITHIN_S, Closed, Holding, Shared, close
from fleet.simulation.loop import run_virtual

SYMBOLS = (X, Y, Z)


def play(scene: Callable[[World], Awaitable[None]], reserve: float = 0) -> None:
    play_world(lambda: World(*SYMBOLS, reserve=reserve), scene)


def holdings(at: World, *symbols: str) -> list[Holding]:
    return [Holding(at.instruments[each], partial(next, owners_ids("f", each, 0))) for each in symbols or SYMBOLS]


def test_many_are_closed_at_once_for_the_looks_of_a_few() -> None:
    async def scene(at: World) -> None:
        at.trading.latency_s = 0.2
        for lots, symbol in enumerate(SYMBOLS, start=5):
            at.trading.move(symbol, lots)
        began_s = anyio.current_time()
        assert await close(at.venue, holdings(at)) == [Closed(symbol, Decimal(0)) for symbol in SYMBOLS]
        assert anyio.current_time() - began_s < 3
        assert at.trading.count("positions") <= 6

    play(scene)


def test_a_market_that_takes_nothing_keeps_the_others_waiting_no_longer() -> None:
    async def scene(at: World) -> None:
        at.trading.taken_at_once = 0
        for symbol in SYMBOLS:
            at.trading.move(symbol, -7)
        began_s = anyio.current_time()
        closed = await close(at.venue, holdings(at))
        assert [each.left for each in closed] == [Decimal("-0.07")] * 3
        assert all("nobody trades within 1%" in each.words for each in closed)
        assert anyio.current_time() - began_s < WITHIN_S + 2

    play(scene)


def test_what_others_have_left_of_the_budget_is_enough() -> None:
    async def scene(at: World) -> None:
        at.trading.move("XUSDT", 5)
        while (ticket := at.gate.ask("others", RequestClass.QUOTE, Cost(20), lambda: None)) is not None:
            at.gate.settle(ticket, {})
        [closed] = await close(at.venue, holdings(at, "XUSDT"))
        assert closed == Closed("XUSDT", Decimal(0))
        assert anyio.current_time() < 2

    play(scene, reserve=0.1)


def test_flat_is_what_is_flat_twice() -> None:
    async def scene(at: World) -> None:
        async def fill_late() -> None:
            await anyio.sleep(0.3)
            at.trading.move("XUSDT", 4)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fill_late)
            assert await close(at.venue, holdings(at, "XUSDT")) == [Closed("XUSDT", Decimal(0))]
        assert at.lots_held() == {}

    play(scene)


@pytest.mark.parametrize(
    ("name", "error", "left", "words"),
    [
        ("positions", Unavailable("away"), None, "XUSDT: it is not known what it still holds: away"),
        ("place", OutcomeUnknown("no answer"), None, "XUSDT: it is not known what it still holds: no answer"),
        ("place", Rejected("no"), Decimal("0.05"), "XUSDT still holds 0.05: no"),
    ],
)
def test_what_is_not_known_is_not_told_as_known(name: str, error: Exception, left: Decimal | None, words: str) -> None:
    async def scene(at: World) -> None:
        at.trading.move("XUSDT", 5)
        for _ in range(100):
            at.trading.trouble(name, error)
        [closed] = await close(at.venue, holdings(at, "XUSDT"))
        assert (closed.left, closed.words) == (left, words)

    play(scene)


def test_the_ids_of_an_owner_are_each_used_once() -> None:
    async def scene(at: World) -> None:
        at.trading.taken_at_once = 1
        at.trading.move("XUSDT", 5)
        await close(at.venue, holdings(at, "XUSDT"))
        names = [each.client_id for each in at.trading.actions() if isinstance(each, Place)]
        assert len(set(names)) == len(names) == 5

    play(scene)


def test_a_read_is_shared_by_all_who_ask_before_it_begins_and_by_none_who_asks_later() -> None:
    async def main() -> None:
        reads: list[float] = []
        answers: list[tuple[float, int]] = []

        async def read() -> int:
            reads.append(anyio.current_time())
            await anyio.sleep(1)
            return len(reads)

        shared = Shared(read)

        async def ask(at_s: float) -> None:
            await anyio.sleep(at_s)
            answers.append((at_s, await shared.ask()))

        async with anyio.create_task_group() as tasks:
            for at_s in (0, 0.2, 0.4, 0.6, 1.5):
                tasks.start_soon(ask, at_s)
        assert answers == [(0, 1), (0.2, 2), (0.4, 2), (0.6, 2), (1.5, 3)]

    run_virtual(main)


def test_a_read_that_was_given_up_is_begun_anew_by_the_next() -> None:
    async def main() -> None:
        async def read() -> str:
            await anyio.sleep(1)
            return "read"

        shared = Shared(read)
        async with anyio.create_task_group() as tasks:

            async def impatient() -> None:
                with anyio.move_on_after(0.5):
                    await shared.ask()

            tasks.start_soon(impatient)
            await anyio.sleep(0.1)
            assert await shared.ask() == "read"

    run_virtual(main)
