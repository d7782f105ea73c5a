"""A fleet's orders and positions dealt with beside it: at a venue in memory, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import pytest
from runtime_fakes import fleet_config
from runtime_worlds import World, X, Y, Z, play_world

from exchange.errors import Unavailable
from exchange.model import Place
from fleet.cli.direct import Errand, carry_out
from fleet.cli.target import aim
from fleet.orders.ids import Run
from fleet.risk.loss import RiskMemory
from fleet.runtime.memory import MemoryFile
from fleet.runtime.owner import Done

ERRAND = Errand("f", fleet_config(X, Y), None, None, (X, Y), None, is_gone=True)
FLATTEN = replace(ERRAND, slippage=Decimal("0.01"))


play = partial(play_world, lambda: World(X, Y, Z))


def test_what_arrives_after_the_first_look_is_cancelled_too() -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:XUSDT:r:1", X)

        async def late() -> None:
            await anyio.sleep(1)
            at.trading.put_order("f:YUSDT:r:1", Y)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(late)
            assert await carry_out(ERRAND, at.venue) == Done((X, Y), 2)
        assert at.trading.open() == []

    play(scene)


def test_a_symbol_that_is_in_the_file_no_more_is_known_by_its_orders() -> None:
    async def scene(at: World) -> None:
        at.trading.put_order("f:ZUSDT:r:1", Z)
        at.trading.move(Z, 5)
        done = await carry_out(FLATTEN, at.venue)
        assert (done.symbols, done.problems) == ((X, Y, Z), ())
        assert at.trading.held[Z].lots == 0

    play(scene)


def test_what_the_fleet_held_and_is_in_the_file_no_more_is_aimed_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTERMM_LEDGERS", str(tmp_path))
    file = tmp_path / "f.yaml"
    file.write_text("{fleet: f, venue: testnet, symbols: {XUSDT: {balance_fraction: 0.1}}}", "utf-8")
    assert aim(file, None).left == ()
    MemoryFile(tmp_path / "f.yaml.risk").finish(RiskMemory(0, held=(X, Z)))
    assert aim(file, None).left == (Z,)


def test_positions_that_nobody_takes_keep_it_no_longer_than_one() -> None:
    async def scene(at: World) -> None:
        at.trading.taken_at_once = 0
        at.trading.move(X, 5)
        at.trading.move(Y, 5)
        began_s = anyio.current_time()
        done = await carry_out(FLATTEN, at.venue)
        assert len(done.problems) == 2
        assert anyio.current_time() - began_s < 40

    play(scene)


def test_no_fleet_takes_the_closing_orders_for_a_later_run_of_its_own() -> None:
    async def scene(at: World) -> None:
        at.trading.move(X, 5)
        await carry_out(FLATTEN, at.venue)
        [closing] = [each for each in at.trading.actions() if isinstance(each, Place)]
        run = Run("f", 0)
        assert (run.owns(closing.client_id), run.is_newer(closing.client_id)) == (True, False)

    play(scene)


@pytest.mark.parametrize(
    ("errand", "ended", "noted"),
    [
        (ERRAND, [X, Y], False),
        (replace(ERRAND, symbol=X, symbols=(X,)), [X], False),
        (replace(ERRAND, is_gone=False), [], True),
        (replace(ERRAND, config=fleet_config(X, Y, dead_man=None)), [], False),
    ],
)
def test_the_countdowns_of_a_fleet_that_is_gone_are_ended_and_those_of_one_that_hangs_are_told_of(
    errand: Errand, ended: list[str], noted: bool
) -> None:
    async def scene(at: World) -> None:
        done = await carry_out(errand, at.venue)
        assert [sent.symbol for sent in at.trading.sent if sent.what == "countdown 0"] == ended
        assert bool(done.notes) == noted
        assert done.problems == ()

    play(scene)


def test_a_countdown_that_could_not_be_ended_is_told_of() -> None:
    async def scene(at: World) -> None:
        at.trading.trouble("countdown", Unavailable("away"), symbol=Y)
        [note] = (await carry_out(ERRAND, at.venue)).notes
        assert note.endswith(f"whatever is placed meanwhile in {Y}")

    play(scene)


def test_where_orders_may_be_left_the_countdowns_are_left_to_cancel_them() -> None:
    async def scene(at: World) -> None:
        at.trading.refuses_cancels = True
        at.trading.put_order("f:XUSDT:r:1", X)
        done = await carry_out(ERRAND, at.venue)
        assert "not every order could be cancelled" in done.problems[0]
        assert not any(sent.what == "countdown 0" for sent in at.trading.sent)

    play(scene)
