"""How a run of `up` ends: what it is blamed for after an orderly stop, at a venue in memory, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import pytest
from runtime_worlds import World, play_world

from exchange.errors import Unavailable
from fleet.cli.main import Failure
from fleet.cli.run import Options, Run
from fleet.config.loader import load
from fleet.runtime.venue import Venue

FILE = """
fleet: f
venue: paper
control: null
ledger: null
symbols: {XUSDT: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}
"""


def nothing_else(*_: object, **__: object) -> None:
    pass


def out_of_reach(at: World) -> None:
    for _ in range(200):
        at.trading.trouble("open_orders", Unavailable("no connection"))


def cannot_be_cancelled(at: World) -> None:
    at.trading.refuses_cancels = True


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        pytest.param(nothing_else, [], id="all is well"),
        pytest.param(
            out_of_reach,
            ["orders of an earlier run may still be open: it could not be looked"],
            id="it never came to look",
        ),
        pytest.param(
            cannot_be_cancelled,
            ["these own orders may still be open: f:XUSDT:old:1"],
            id="what it found is still there",
        ),
    ],
)
def test_what_an_earlier_run_left_and_this_one_did_not_end_is_a_failure(
    happens: Callable[[World], None], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASTERMM_LEDGERS", raising=False)
    file = tmp_path / "fleet.yaml"
    file.write_text(FILE, "utf-8")
    run = Run(Options(file, False, 0, True, None, "text", None), load(file, {}), None)
    # Logging is the whole process's, and here that is the tests'.
    monkeypatch.setattr("fleet.views.logs.set_up", nothing_else)

    async def scene(at: World) -> None:
        at.trading.put_order("f:XUSDT:old:1")
        happens(at)

        def opened(*_: object) -> AbstractAsyncContextManager[Venue]:
            return nullcontext(at.venue)

        monkeypatch.setattr("fleet.cli.run.open_fleet_venue", opened)
        await run.main()

    play_world(World, scene)
    problems = run.report()
    assert [str(problem) for problem in problems] == told
    assert all(isinstance(problem, Failure) and problem.exit_code == 1 for problem in problems)
