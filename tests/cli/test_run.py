"""How a run of `up` ends: what it says is left, and is blamed for, at a venue in memory, in virtual time."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from traceback import FrameSummary
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from loguru import logger
from runtime_worlds import World, play_world

from exchange.errors import BadCredentials, Unavailable, VenueError
from exchange.ports import Cost, RequestClass
from fleet.cli.main import Failure
from fleet.cli.opening import STOPPING_S
from fleet.cli.run import Options, Run
from fleet.config.loader import load
from fleet.orders.lifecycle import NONCE_WINDOW_US
from fleet.runtime.drain import LAST_LOOK_S
from fleet.runtime.stalls import Stall
from fleet.runtime.venue import Venue
from fleet.scheduling.policies import Fifo

FILE = """
fleet: f
venue: {rest: "http://127.0.0.1:1", stream: "ws://127.0.0.1:1", chain_id: 1666}
control: null
ledger: null
symbols: {XUSDT: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}
"""
LEFT = "f:XUSDT:old:1"
NOT_LOOKED = "error: orders of an earlier run may still be open: they could not be looked for"
NOT_CONFIRMED = "error: own orders may still be open: none is known of, but it could not be confirmed that none is"
SPENT = "waits for 58 s for leave to ask: what the exchange allows in a minute is spent, by us or others"


@dataclass(slots=True)
class Ended:
    world: World
    at_s: float
    problems: list[Exception]
    summary: dict[str, Any]
    shown: str

    @property
    def told(self) -> list[str]:
        return [str(problem) for problem in self.problems]

    @property
    def orders(self) -> tuple[int | None, bool]:
        return self.summary["own_orders_left_open"], self.summary["left_unknown"]


@dataclass(slots=True)
class Stage:
    """Where `up` is played: `opens` comes before the venue is had, `file` may be another."""

    tmp_path: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    file: str = FILE
    opens: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
    ends_s: list[float] = field(default_factory=list[float])

    def up(self, happens: Callable[[World], object], stop_after_s: float = 1) -> Ended:
        """An order of an earlier run is in the market."""
        file, summary = self.tmp_path / "fleet.yaml", self.tmp_path / "s.json"
        file.write_text(self.file, "utf-8")
        run = Run(Options(file, False, stop_after_s, True, summary, "text", None), load(file, {}), None)

        async def scene(at: World) -> None:
            at.trading.put_order(LEFT)
            happens(at)

            @asynccontextmanager
            async def opened(*_: object) -> AsyncGenerator[Venue]:
                await self.opens()
                yield at.venue

            self.monkeypatch.setattr("fleet.cli.opening.open_fleet_venue", opened)
            self.monkeypatch.setattr("fleet.cli.run.Journal", lambda _: at.journal)  # type: ignore[misc]  # a fake
            try:
                await run.main()
            except* VenueError as error:
                problems.extend(error.exceptions)
            self.ends_s.append(anyio.current_time())

        problems: list[Exception] = []
        world = play_world(lambda: World(reserve=0.1), scene)
        problems += run.report()
        told = json.loads(summary.read_text("utf-8"))["fleet"]
        return Ended(world, self.ends_s[-1], problems, told, self.capsys.readouterr().out)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    monkeypatch.delenv("ASTERMM_LEDGERS", raising=False)
    # Logging is the whole process's, and here that is the tests'; so is the time since it began.
    monkeypatch.setattr("fleet.views.logs.set_up", nothing_else)
    monkeypatch.setattr("fleet.cli.run.boot_ms", lambda: 0)
    return Stage(tmp_path, monkeypatch, capsys)


def nothing_else(*_: object, **__: object) -> None:
    pass


def out_of_reach(at: World) -> None:
    for _ in range(200):
        at.trading.trouble("open_orders", Unavailable("no connection"))


def cannot_be_cancelled(at: World) -> None:
    at.trading.refuses_cancels = True


def gone_after_the_first_look(at: World) -> None:
    async def go() -> None:
        await anyio.sleep(0.5)
        out_of_reach(at)

    for _ in range(200):
        at.trading.trouble("mode", Unavailable("no connection"))
    at.tasks.start_soon(go)


@pytest.mark.parametrize(
    ("happens", "told", "orders", "shown"),
    [
        pytest.param(nothing_else, [], (0, False), "none of ours left open", id="all is well"),
        pytest.param(
            out_of_reach,
            [NOT_LOOKED],
            (None, True),
            "unknown whether any of ours is left open: look before you leave",
            id="it never came to look",
        ),
        pytest.param(
            cannot_be_cancelled,
            [f"error: these own orders may still be open: {LEFT}"],
            (1, True),
            "1 of ours may still be open: look before you leave",
            id="what it found is still there",
        ),
        pytest.param(
            gone_after_the_first_look,
            [NOT_CONFIRMED],
            (None, True),
            "unknown whether any of ours is left open: look before you leave",
            id="it looked, and could not look again",
        ),
    ],
)
def test_what_may_be_left_is_told_and_a_failure(
    stage: Stage, happens: Callable[[World], None], told: list[str], orders: tuple[int | None, bool], shown: str
) -> None:
    # What it is asked before it looks is not what these are about.
    async def facts(*_: object) -> object:
        return 0

    stage.monkeypatch.setattr("fleet.cli.opening.collateral_of", facts)
    ended = stage.up(happens)
    assert (ended.told, ended.orders) == (told, orders)
    assert ended.shown.rstrip().endswith(shown)
    assert all(isinstance(problem, Failure) and problem.exit_code == 1 for problem in ended.problems)


def test_a_start_that_fails_before_it_could_look_does_not_claim_that_nothing_is_left(stage: Stage) -> None:
    ended = stage.up(lambda at: at.trading.trouble("open_orders", BadCredentials("signature refused")))
    assert (ended.told, ended.orders) == (["signature refused", NOT_LOOKED], (None, True))


# --- told to stop before there is a fleet


def spent(at: World) -> None:
    """By others, as the exchange has just told: but for what is kept for cancels."""
    at.gate.follow(Fifo(), Decimal("0.9"))
    ticket = at.gate.ask("others", RequestClass.QUERY, Cost(weight=1), lambda: None)
    assert ticket is not None
    at.gate.settle(ticket, {"REQUEST_WEIGHT_1M": 1944})


def test_stopped_while_it_waits_for_leave_to_ask_it_cancels_what_an_earlier_run_left(stage: Stage) -> None:
    ended = stage.up(spent, stop_after_s=10)
    assert ended.world.said(SPENT)
    assert ended.world.said("told to stop: looks first at what an earlier run may have left open")
    assert (ended.told, ended.orders, ended.world.trading.open()) == ([], (0, False), [])
    # What that run had sent may come for so long; and the last trades have to wait, too, and are given up.
    assert ended.at_s == pytest.approx(10 + NONCE_WINDOW_US / 1e6 + LAST_LOOK_S, abs=1)


def test_once_what_is_spent_comes_back_it_goes_on(stage: Stage) -> None:
    ended = stage.up(spent, stop_after_s=70)
    assert sum(SPENT in line.text for line in ended.world.journal.lines) == 1
    assert ended.world.trading.actions() != []
    assert (ended.told, ended.orders, ended.world.trading.open()) == ([], (0, False), [])


async def away() -> None:
    raise Unavailable("no connection")


@pytest.mark.parametrize(
    ("opens", "within_s"),
    [
        pytest.param(away, 0, id="away: at once"),
        pytest.param(anyio.sleep_forever, STOPPING_S, id="it does not answer: for a while"),
    ],
)
def test_stopped_while_there_is_no_venue_it_says_that_it_has_not_looked(
    stage: Stage, opens: Callable[[], Awaitable[None]], within_s: float
) -> None:
    stage.opens = opens
    ended = stage.up(nothing_else)
    assert ended.at_s == 1 + within_s
    assert ended.world.said("nothing was sent, and what an earlier run may have left open was not looked at")
    assert (ended.told, ended.orders) == ([NOT_LOOKED], (None, True))
    assert ended.shown.startswith("f on http://127.0.0.1:1, ran ")


def test_stopped_while_the_venue_is_opened_it_still_looks(stage: Stage) -> None:
    stage.opens = partial(anyio.sleep, 1 + STOPPING_S / 2)
    ended = stage.up(nothing_else)
    assert (ended.told, ended.orders, ended.world.trading.open()) == ([], (0, False), [])


def test_a_paper_exchange_of_our_own_begins_with_us(stage: Stage) -> None:
    stage.file = FILE.replace('{rest: "http://127.0.0.1:1", stream: "ws://127.0.0.1:1", chain_id: 1666}', "paper")
    stage.opens = anyio.sleep_forever
    ended = stage.up(nothing_else)
    assert (ended.at_s, ended.told, ended.orders) == (1, [], (0, False))
    assert ended.shown.rstrip().endswith("none of ours left open")


# --- what stands around the fleet


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
    stage: Stage, variable: str | None, level: str, told: list[str]
) -> None:
    stage.monkeypatch.delenv("ASTERMM_STALLS", raising=False)
    if variable is not None:
        stage.monkeypatch.setenv("ASTERMM_STALLS", variable)
    stage.monkeypatch.setattr("fleet.cli.run.StallWatch", OneStall)
    stage.file = FILE + f"logging: {{level: {level}}}\n"
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{level} {message}")
    try:
        stage.up(nothing_else)
    finally:
        logger.remove(sink)
    assert [line for line in lines if "event loop" in line] == told
