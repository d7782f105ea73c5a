"""The fleet file is read again when its content has changed, however it was written, and not while it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from fleet.runtime.reload import POLL_S, digest_of, watch
from fleet.simulation.loop import run_virtual

FIRST, SECOND = "fleet: one", "fleet: two"


class Scene:
    """A file that is being watched. `reads`: what it held each time it was to be read, None when it was gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads: list[str | None] = []

    def reload(self) -> None:
        self.reads.append(self.path.read_text() if self.path.exists() else None)

    async def polls(self, count: int) -> None:
        await anyio.sleep(count * POLL_S)


def play(path: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        watched = Scene(path)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, path, digest_of(path), watched.reload)
            # Between two polls from here on.
            await anyio.sleep(POLL_S / 2)
            await scene(watched)
            tasks.cancel_scope.cancel()

    run_virtual(main)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "fleet.yaml"
    made.write_text(FIRST)
    return made


def write(path: Path) -> None:
    path.write_text(SECOND)


def rename_over(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text(SECOND)
    new.replace(path)


@pytest.mark.parametrize("save", [write, rename_over])
def test_a_save_is_noticed_once(path: Path, save: Callable[[Path], None]) -> None:
    async def scene(at: Scene) -> None:
        await at.polls(3)
        assert at.reads == []
        save(at.path)
        await at.polls(2)
        assert at.reads == [SECOND]
        await at.polls(20)
        assert at.reads == [SECOND]

    play(path, scene)


def test_a_config_maps_symlink_swap_is_noticed(tmp_path: Path) -> None:
    """As the kubelet does it: fleet.yaml -> ..data/fleet.yaml, ..data -> ..2024_1, and ..data is swapped."""
    for name, text in (("..2024_1", FIRST), ("..2024_2", SECOND)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fleet.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..2024_1")
    (tmp_path / "fleet.yaml").symlink_to("..data/fleet.yaml")

    async def scene(at: Scene) -> None:
        (tmp_path / "..data_tmp").symlink_to("..2024_2")
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")
        (tmp_path / "..2024_1" / "fleet.yaml").unlink()
        await at.polls(2)
        assert at.reads == [SECOND]

    play(tmp_path / "fleet.yaml", scene)


def test_a_file_that_is_still_being_written_is_not_read(path: Path) -> None:
    async def scene(at: Scene) -> None:
        for end in range(1, len(SECOND)):
            at.path.write_text(SECOND[:end])
            await at.polls(1)
        assert at.reads == []
        at.path.write_text(SECOND)
        await at.polls(2)
        assert at.reads == [SECOND]

    play(path, scene)


@pytest.mark.parametrize("away_polls", [0, 1])
def test_a_file_that_is_gone_for_a_moment_is_not_missed(path: Path, away_polls: int) -> None:
    async def scene(at: Scene) -> None:
        at.path.unlink()
        await at.polls(away_polls)
        at.path.write_text(SECOND)
        await at.polls(2)
        assert at.reads == [SECOND]

    play(path, scene)


def test_a_file_that_stays_away_is_told_of_and_its_return_noticed(path: Path) -> None:
    async def scene(at: Scene) -> None:
        at.path.unlink()
        await at.polls(10)
        assert at.reads == [None]
        at.path.write_text(FIRST)
        await at.polls(2)
        assert at.reads == [None, FIRST]

    play(path, scene)


def test_the_same_content_is_no_change(path: Path) -> None:
    async def scene(at: Scene) -> None:
        at.path.write_text(FIRST)
        at.path.touch()
        await at.polls(5)
        at.path.write_text(SECOND)
        await at.polls(1)
        at.path.write_text(FIRST)
        await at.polls(5)
        assert at.reads == []

    play(path, scene)


def test_an_edit_that_is_taken_back_is_a_change_again(path: Path) -> None:
    async def scene(at: Scene) -> None:
        for text in (SECOND, FIRST):
            at.path.write_text(text)
            await at.polls(2)
        assert at.reads == [SECOND, FIRST]

    play(path, scene)
