"""Which symbols are killed: what was said, by this process and by others, and what of it lasts."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from fleet.runtime.alone import Alone, is_held
from fleet.runtime.beside import ALL, beside, change_kills, read_kills, why_killed, with_kill, without_kill, write_kills
from fleet.runtime.kill_switch import LOOK_EVERY_S, KillSwitch
from fleet.simulation.loop import run_virtual


@pytest.mark.parametrize(
    ("kills", "symbol", "left"),
    [
        ({ALL: "a"}, None, {}),
        ({ALL: "a", "X": ""}, None, {}),
        ({"X": "x", "Y": "y"}, "X", {"Y": "y"}),
        ({ALL: "a"}, "X", {"Y": "a", "added later": "a"}),
        ({ALL: "a", "Y": "y", "X": "x"}, "X", {"Y": "y", "added later": "a"}),
        ({}, "X", {}),
    ],
)
def test_what_is_left_of_a_kill(kills: dict[str, str], symbol: str | None, left: dict[str, str]) -> None:
    after = without_kill(kills, symbol)
    killed = {each: why_killed(after, each) for each in ("X", "Y", "added later")}
    assert {each: why for each, why in killed.items() if why} == left


@pytest.mark.parametrize(
    ("symbol", "killed"), [(None, {"X": "again", "Y": "again"}), ("X", {"X": "again", "Y": "a"}), ("Y", {"Y": "again"})]
)
def test_what_was_resumed_can_be_killed_again(symbol: str | None, killed: dict[str, str]) -> None:
    after = with_kill({ALL: "a", "X": ""}, symbol, "again")
    assert {each: why for each in ("X", "Y") if (why := why_killed(after, each))} == killed


def test_another_process_is_heard_in_time_and_after_a_stop_before_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "f.kill"

    async def main() -> None:
        switch = KillSwitch(path)
        assert switch.why("X") == ""
        write_kills(path, with_kill({}, "X", "killed"))
        await anyio.sleep(LOOK_EVERY_S)
        assert (switch.why("X"), switch.why("Y")) == ("killed", "")
        write_kills(path, {})
        await anyio.sleep(LOOK_EVERY_S)
        assert switch.why("X") == ""

    run_virtual(main)


def test_what_this_process_says_holds_at_once_and_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / "f.kill"

    async def main() -> None:
        switch = KillSwitch(path)
        assert switch.why("X") == ""
        switch.kill(None, "killed")
        assert switch.why("X") == "killed"
        assert read_kills(path) == {ALL: "killed"}
        switch.resume("X")
        assert (switch.why("X"), switch.why("Y")) == ("", "killed")
        switch.resume(None)
        assert not path.exists()

    run_virtual(main)


def test_a_kill_file_that_makes_no_sense_kills_all(tmp_path: Path) -> None:
    path = tmp_path / "f.kill"
    path.write_text("{", "utf-8")
    assert "cannot be read" in read_kills(path)[ALL]


def test_where_it_cannot_be_written_it_holds_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    async def main() -> None:
        switch = KillSwitch(tmp_path / "file" / "f.kill")
        with pytest.raises(OSError, match="file"):
            switch.kill("X", "killed")
        await anyio.sleep(1)
        assert (switch.why("X"), switch.why("Y")) == ("killed", "")
        switch.resume("X")
        assert switch.why("X") == ""

    run_virtual(main)


def test_the_files_are_beside_the_fleet_file_or_where_the_owner_says(tmp_path: Path) -> None:
    assert beside(Path("a/fleet.yaml"), {}).kill == Path("a/.astermm/fleet.yaml.kill")
    assert beside(Path("a/fleet.yaml"), {"ASTERMM_LEDGERS": "/b"}).run == Path("/b/fleet.yaml.run")


def test_of_two_who_change_it_at_once_neither_is_lost(tmp_path: Path) -> None:
    """The first is stopped between its look and its writing."""
    path = tmp_path / "f.kill"
    looked, others = threading.Event(), [threading.Thread(target=_kill, args=(path, name)) for name in "YZ"]

    def slowly(kills: dict[str, str]) -> dict[str, str]:
        for each in others:
            each.start()
        looked.wait(0.2)
        return with_kill(kills, "X", "killed")

    change_kills(path, slowly)
    for each in others:
        each.join()
    assert sorted(read_kills(path)) == ["X", "Y", "Z"]


def _kill(path: Path, symbol: str) -> None:
    change_kills(path, lambda kills: with_kill(kills, symbol, "killed"))


def test_a_lock_that_somebody_sits_on_keeps_no_kill_from_being_written(tmp_path: Path) -> None:
    path = tmp_path / "f.kill"
    sitting = Alone(tmp_path / "f.kill.lock")
    _kill(path, "X")
    assert read_kills(path) == {"X": "killed"}
    sitting.release()


def test_whether_a_process_lives_is_known_while_it_does_and_after(tmp_path: Path) -> None:
    path = tmp_path / "there" / "f.life"
    assert is_held(path) is None
    life = Alone(path)
    assert (life.is_held, Alone(path).is_held, is_held(path)) == (True, False, True)
    life.release()
    assert is_held(path) is False
    (tmp_path / "file").write_text("", "utf-8")
    assert not Alone(tmp_path / "file" / "f.life").is_held
