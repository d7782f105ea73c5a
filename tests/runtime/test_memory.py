"""The file that keeps what the risk limits should not forget."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from runtime_worlds import X, Y

from fleet.risk.loss import Basis, RiskMemory
from fleet.runtime.memory import MemoryFile


def test_the_newest_is_written_once_the_one_before_is_on_disk(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "risk")
    for day in range(5):
        for _ in range(10**6):
            assert file.keep(RiskMemory(day)) == ""
            if file.read() == RiskMemory(day):
                break
        assert file.read() == RiskMemory(day)


def test_what_the_owner_resumes_while_no_fleet_runs_is_the_loss_alone(tmp_path: Path) -> None:
    file, fills = MemoryFile(tmp_path / "risk"), {Y: ((1, 2), 3)}
    file.finish(RiskMemory(7, Decimal(-9), Decimal(9), "lost", {X: Basis(5, 7, 1, Decimal(-4))}, fills, held=(X,)))
    file.resume()
    assert file.read() == RiskMemory(7, fills=fills, held=(X,), resumed_ms=0)
    (tmp_path / "risk").write_text("{}", "utf-8")
    file.resume()
    file.resume()
    assert file.read() is None


def test_where_no_memory_is_nothing_was_hit(tmp_path: Path) -> None:
    assert MemoryFile(tmp_path / "risk").read() is None
    assert MemoryFile(tmp_path / "risk" / "risk").read() is None


def test_a_memory_comes_back_as_it_was(tmp_path: Path) -> None:
    basis = Basis(-5, 7, 1_700_000_000_000, Decimal("-0.25"), 20_000)
    hit = (Decimal("0.40"), None)
    memory = RiskMemory(
        20_000, Decimal("-1.10"), Decimal("3.5"), "lost", {X: basis}, {Y: ((1, 2), 3)}, hit=hit, resumed_ms=5
    )
    file = MemoryFile(tmp_path / "risk")
    assert file.keep(memory) == ""
    assert file.finish(memory) == ""
    assert file.read() == memory


def test_a_memory_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    (tmp_path / "risk").write_text('{"day":7,"day_result":"-1","below_best":"2","limit":"lost"}', "utf-8")
    assert MemoryFile(tmp_path / "risk").read() == RiskMemory(7, Decimal(-1), Decimal(2), "lost")
