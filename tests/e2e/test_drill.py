"""A small drill, whole: each kind of round once, and the checks bite when something is lost."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from pathlib import Path
from random import Random

import anyio
import drill
import pytest
from drill_damage import KINDS
from drill_lane import Lane, Lost
from drill_rounds import ROUNDS

PATIENT_S = "30"
"""How quickly a fleet starts on a machine that does other things meanwhile is not asserted here."""


def test_a_small_drill_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = drill.main(["--kills", "2", "--rounds", "1", "--within", PATIENT_S])
    *lines, last = capsys.readouterr().out.splitlines()
    assert code == 0, "\n".join([*lines, last])
    assert last.startswith(
        "rounds 7 (kill 2, stream cut 1, exchange restart 1, SIGSTOP 1, full disk 1, damaged ledger 1)"
    )
    assert "missing 0, double 0, orders left 0" in last
    assert last.endswith("nothing lost")
    assert len(lines) == 7


def test_every_round_is_drawn_as_often_as_asked_for_and_the_same_for_the_same_seed() -> None:
    assert Counter(drill.drawn(5, 3, 1)) == {kind: 5 if kind == "kill" else 3 for kind in ROUNDS}
    assert drill.drawn(5, 3, 1) == drill.drawn(5, 3, 1) != drill.drawn(5, 3, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_damage_changes_the_file_or_its_log(tmp_path: Path, kind: str) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE fills (id INTEGER)")
    connection.executemany("INSERT INTO fills VALUES (?)", [(number,) for number in range(5000)])
    connection.commit()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}
    assert len(before) == 2
    KINDS[kind](ledger, Random(1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")} != before
    connection.close()


def test_what_is_missing_double_or_left_is_found(tmp_path: Path) -> None:
    lane = Lane("0", 1, tmp_path, 30, lambda text: None)

    async def look() -> None:
        async with lane.connected():
            await lane.until_quoting()
            while len(await lane.trades()) < 3:  # noqa: ASYNC110 another process trades
                await anyio.sleep(0.1)
            with pytest.raises(Lost, match="orders are left"):
                await lane.until_none_is_left(time.monotonic() - 60)
            await lane.stop()
            _change(lane, "DELETE FROM fills WHERE rowid = (SELECT min(rowid) FROM fills)")
            with pytest.raises(Lost, match="lacks 1 trades and has 0 too many"):
                await lane.expect_ledger_to_agree(0)
            _change(
                lane,
                "CREATE TABLE again AS SELECT * FROM fills LIMIT 1",
                "UPDATE again SET account = 99",
                "INSERT INTO fills SELECT * FROM again",
            )
            with pytest.raises(Lost, match="lacks 1 trades and has 1 too many"):
                await lane.expect_ledger_to_agree(0)

    try:
        anyio.run(look)
    finally:
        lane.end()
    assert (lane.figures.missing, lane.figures.double) == (2, 1)
    assert lane.figures.left >= 1


def _change(lane: Lane, *statements: str) -> None:
    connection = sqlite3.connect(lane.ledger)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
