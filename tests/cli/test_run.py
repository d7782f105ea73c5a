"""How a run of `up` ends: what it is blamed for after an orderly stop, at a venue in memory, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from traceback import FrameSummary

import anyio
import pytest
from loguru import logger
from runtime_worlds import World, play_world

from exchange.errors import Unavailable
from fleet.cli.main import Failure
from fleet.cli.run import Options, Run
from fleet.config.loader import load
from fleet.runtime.stalls import Stall
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


def ran(text: str, happens: Callable[[World], None], directory: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that is told to stop at once, in a world where that has happened before."""
    monkeypatch.delenv("ASTERMM_LEDGERS", raising=False)
    file = directory / "fleet.yaml"
    file.write_text(text, "utf-8")
    run = Run(Options(file, False, 0, True, None, "text", None), load(file, {}), None)
    # Logging is the whole process's, and here that is the tests'.
    monkeypatch.setattr("fleet.views.logs.set_up", nothing_else)

    async def scene(at: World) -> None:
        happens(at)

        def opened(*_: object) -> AbstractAsyncContextManager[Venue]:
            return nullcontext(at.venue)

        monkeypatch.setattr("fleet.cli.run.open_fleet_venue", opened)
        await run.main()

    play_world(World, scene)
    return run


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
    def found(at: World) -> None:
        at.trading.put_order("f:XUSDT:old:1")
        happens(at)

    problems = ran(FILE, found, tmp_path, monkeypatch).report()
    assert [str(problem) for problem in problems] == told
    assert all(isinstance(problem, Failure) and problem.exit_code == 1 for problem in problems)


STACK = (FrameSummary("outer.py", 1, "outer"), FrameSummary("inner.py", 7, "inner"))
KEPT = """\
WARNING the event loop was kept for 120 ms: inner.py:7 in inner
  File "outer.py", line 1, in outer
  File "inner.py", line 7, in inner
"""


class OneStall:
    """In place of the watch, which needs real time: the loop was kept once."""

    def __init__(self, tell: Callable[[Stall], None], *, with_stacks: bool) -> None:
        self._tell = tell
        self._with_stacks = with_stacks

    async def run(self) -> None:
        self._tell(Stall(0.12, STACK if self._with_stacks else ()))
        await anyio.sleep_forever()


@pytest.mark.parametrize(
    ("variable", "level", "told"),
    [
        pytest.param("1", "info", [KEPT], id="asked for"),
        pytest.param(None, "debug", [KEPT], id="in development"),
        pytest.param(None, "info", list[str](), id="else it is counted only"),
    ],
)
def test_what_kept_the_loop_is_in_the_log_with_its_whole_stack(
    variable: str | None, level: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASTERMM_STALLS", raising=False)
    if variable is not None:
        monkeypatch.setenv("ASTERMM_STALLS", variable)
    monkeypatch.setattr("fleet.cli.run.StallWatch", OneStall)
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{level} {message}")
    try:
        ran(FILE + f"logging: {{level: {level}}}\n", nothing_else, tmp_path, monkeypatch)
    finally:
        logger.remove(sink)
    assert [line for line in lines if "event loop" in line] == told
