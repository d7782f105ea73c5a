"""Which symbols are killed: what was said, by this process and by others, and what of it lasts."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fleet.runtime.beside import ALL, beside, read_kills, with_kill, without_kill, write_kills
from fleet.runtime.kill_switch import LOOK_EVERY_S, KillSwitch
from fleet.simulation.loop import run_virtual


@pytest.mark.parametrize(
    ("kills", "symbol", "left"),
    [
        ({ALL: "a"}, None, {}),
        ({"X": "x", "Y": "y"}, "X", {"Y": "y"}),
        ({ALL: "a"}, "X", {"Y": "a"}),
        ({ALL: "a", "Y": "y"}, "X", {"Y": "y"}),
        ({}, "X", {}),
    ],
)
def test_what_is_left_of_a_kill(kills: dict[str, str], symbol: str | None, left: dict[str, str]) -> None:
    assert without_kill(kills, symbol, ("X", "Y")) == left


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
        switch.resume("X", ("X", "Y"))
        assert (switch.why("X"), switch.why("Y")) == ("", "killed")
        switch.resume(None, ("X", "Y"))
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
        switch.resume("X", ("X", "Y"))
        assert switch.why("X") == ""

    run_virtual(main)


def test_the_files_are_beside_the_fleet_file_or_where_the_owner_says(tmp_path: Path) -> None:
    assert beside(Path("a/fleet.yaml"), {}).kill == Path("a/.astermm/fleet.yaml.kill")
    assert beside(Path("a/fleet.yaml"), {"ASTERMM_LEDGERS": "/b"}).run == Path("/b/fleet.yaml.run")
