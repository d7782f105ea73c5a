"""A crash is a worker's own: cleared, begun again ever later, set aside at last. The venue's trouble is not its fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest
from runtime_worlds import World

from exchange.errors import BadCredentials, Banned, OutcomeUnknown, Rejected, Throttled, Unavailable
from fleet.control.state import Phase
from fleet.runtime.supervisor import Supervisor
from fleet.simulation.loop import run_virtual

OURS = ZeroDivisionError("ours")


class Runs:
    def __init__(self, error: Exception | None, after_s: float) -> None:
        self._error = error
        self._after_s = after_s

    async def run(self) -> None:
        await anyio.sleep(self._after_s)
        if self._error is not None:
            raise self._error


class Scene:
    """Each start ends with the next of `ends`, and after the last of them it runs on. `log`: what happened when (s)."""

    def __init__(self, ends: Sequence[Exception | None], *, run_s: float = 0, clear_s: float = 0) -> None:
        self.log: list[tuple[str, float]] = []
        self._ends = list(ends)
        self._run_s = run_s
        self._clear_s = clear_s
        world = World()
        self.journal = world.journal
        self.supervisor = Supervisor("X", self._make, self._clear, world.clock, world.journal)

    def _note(self, what: str) -> None:
        self.log.append((what, round(anyio.current_time(), 3)))

    def _make(self) -> Runs:
        self._note("start")
        return Runs(self._ends.pop(0), self._run_s) if self._ends else Runs(None, 10**9)

    async def _clear(self) -> None:
        await anyio.sleep(self._clear_s)
        self._note("clear")

    def starts(self) -> list[float]:
        return [at_s for what, at_s in self.log if what == "start"]


def play(scene: Callable[[], Awaitable[None]]) -> None:
    run_virtual(scene)


async def run_for(scene: Scene, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        await scene.supervisor.run()


def test_a_crash_is_cleared_before_it_starts_again_each_time_later() -> None:
    async def main() -> None:
        scene = Scene([OURS] * 4, clear_s=0.5)
        await run_for(scene, 100)
        assert scene.log == [
            ("start", 0), ("clear", 0.5), ("start", 1.5), ("clear", 2), ("start", 4), ("clear", 4.5), ("start", 8.5),
            ("clear", 9), ("start", 17),
        ]  # fmt: skip
        assert (scene.supervisor.restarts, scene.supervisor.phase) == (4, None)

    play(main)


def test_five_crashes_in_ten_minutes_and_it_is_set_aside_until_released() -> None:
    async def main() -> None:
        scene = Scene([OURS] * 5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.supervisor.run)
            await anyio.sleep(10_000)
            assert scene.starts() == [0, 1, 3, 7, 15]
            assert scene.supervisor.phase is Phase.QUARANTINED
            assert scene.supervisor.reason == "ZeroDivisionError: ours"
            scene.supervisor.release()
            await anyio.sleep(1)
            assert (scene.starts()[-1], scene.supervisor.phase) == (10_000, None)
            tasks.cancel_scope.cancel()

    play(main)


def test_five_crashes_that_are_far_apart_set_nobody_aside_and_each_pause_is_short() -> None:
    async def main() -> None:
        scene = Scene([OURS] * 8, run_s=601)
        await run_for(scene, 6000)
        assert scene.supervisor.phase is None
        assert scene.starts()[:3] == [0, 602, 1204]

    play(main)


@pytest.mark.parametrize(
    ("error", "is_set_aside"),
    [
        (Unavailable("no connection"), False),
        (OutcomeUnknown("503"), False),
        (Throttled("429", retry_after_s=1), False),
        (Rejected("leverage not allowed", code=-4028), True),
        (OURS, True),
    ],
)
def test_the_venues_trouble_counts_towards_no_quarantine(error: Exception, is_set_aside: bool) -> None:
    async def main() -> None:
        scene = Scene([error] * 8)
        await run_for(scene, 1000)
        assert (scene.supervisor.phase is Phase.QUARANTINED) is is_set_aside
        assert len(scene.starts()) == (5 if is_set_aside else 9)

    play(main)


def test_an_outage_of_days_is_sat_out() -> None:
    async def main() -> None:
        scene = Scene([Unavailable("no connection")] * 3000)
        await run_for(scene, 100_000)
        starts = scene.starts()
        assert len(starts) > 1600
        assert starts[-1] - starts[-2] == 60

    play(main)


@pytest.mark.parametrize("error", [Banned("418", retry_after_s=60), BadCredentials("signature")])
def test_after_those_no_worker_can_go_on(error: Exception) -> None:
    async def main() -> None:
        scene = Scene([error])
        with pytest.raises(type(error)):
            await scene.supervisor.run()
        assert scene.log == [("start", 0)]

    play(main)


@pytest.mark.parametrize(("at_s", "starts_s"), [(0.5, 1.0), (1.2, 1.2), (1.8, 1.8)])
def test_a_release_ends_the_pause_also_when_it_comes_during_the_clearing(at_s: float, starts_s: float) -> None:
    async def main() -> None:
        scene = Scene([OURS], clear_s=1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.supervisor.run)
            await anyio.sleep(at_s)
            assert scene.supervisor.phase is Phase.BACKOFF
            scene.supervisor.release()
            await anyio.sleep(5)
            assert scene.starts() == [0, starts_s]
            tasks.cancel_scope.cancel()

    play(main)


def test_a_release_while_it_runs_saves_no_later_pause() -> None:
    async def main() -> None:
        scene = Scene([OURS], run_s=5)
        scene.supervisor.release()
        await run_for(scene, 10)
        assert scene.starts() == [0, 6]

    play(main)


def test_a_worker_that_ends_by_itself_is_not_started_again() -> None:
    async def main() -> None:
        scene = Scene([None])
        await scene.supervisor.run()
        assert scene.log == [("start", 0)]

    play(main)


def test_the_owner_is_told_without_a_traceback() -> None:
    async def main() -> None:
        scene = Scene([Rejected("leverage not allowed", code=-4028), OURS])
        await run_for(scene, 10)
        told = [line.text for line in scene.journal.lines]
        assert told == [
            "worker stopped: leverage not allowed (-4028)", "starts again",
            "worker stopped: ZeroDivisionError: ours", "starts again",
        ]  # fmt: skip

    play(main)
