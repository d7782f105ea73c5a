"""The run file of two runs by one fleet file: the one that was there first is to be asked, then the other."""

from __future__ import annotations

from pathlib import Path

from fleet.cli.commands import OwnRunFile
from fleet.runtime.beside import RunFile, beside, read


def test_the_first_of_two_is_asked_until_it_is_gone(tmp_path: Path) -> None:
    places = beside(tmp_path / "fleet.yaml", {})

    def token() -> str | None:
        found = read(places.run, RunFile)
        return found and found.token

    first, second = OwnRunFile(places), OwnRunFile(places)
    assert (first.is_alone, first.is_anothers, second.is_alone, second.is_anothers) == (True, False, False, True)
    first.write("f", "127.0.0.1", 1)
    # It gave up: the other's stays.
    third = OwnRunFile(places)
    third.remove()
    assert (token(), second.is_anothers) == (first.token, True)
    first.remove()
    assert token() is None
    assert (second.is_anothers, second.is_alone) == (False, True)
    second.write("f", "127.0.0.1", 2)
    first.remove()
    assert token() == second.token
    second.remove()
    second.write("f", "127.0.0.1", 2)
    assert token() is None


def test_what_a_run_left_that_was_killed_is_nobodys(tmp_path: Path) -> None:
    places = beside(tmp_path / "fleet.yaml", {})
    killed = OwnRunFile(places)
    killed.write("f", "127.0.0.1", 1)
    # Its process takes its lock along, and leaves its file.
    killed._life.release()  # pyright: ignore[reportPrivateUsage]
    next_one = OwnRunFile(places)
    assert (next_one.is_alone, next_one.is_anothers) == (True, False)


def test_where_nothing_can_be_locked_it_is_nobody_elses_for_sure(tmp_path: Path) -> None:
    (tmp_path / ".astermm").write_text("no directory", "utf-8")
    run_file = OwnRunFile(beside(tmp_path / "fleet.yaml", {}))
    assert (run_file.is_alone, run_file.is_anothers) == (False, False)
