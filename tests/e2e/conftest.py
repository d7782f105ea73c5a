from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess
from paper_process import PaperProcess


@pytest.fixture
def start_fleet(tmp_path: Path) -> Iterator[Callable[..., FleetProcess]]:
    running: list[FleetProcess] = []

    def start(file: Path, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> FleetProcess:
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | (env or {})
        process = FleetProcess(file, *arguments, env=environment, cwd=cwd)
        running.append(process)
        return process

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait(PATIENCE_S)


@pytest.fixture
def paper() -> Iterator[PaperProcess]:
    paper = PaperProcess("--admin-port", "0")
    yield paper
    paper.end()


@pytest.fixture
def file(tmp_path: Path, paper: PaperProcess) -> Path:
    told = paper.told
    path = tmp_path / "fleet.yaml"
    path.write_text(
        f"""
fleet: e2e
venue: {{rest: "{told["rest"]}", stream: "{told["stream"]}", chain_id: {told["chain_id"]}}}
defaults: {{buy_spread: 3bps, sell_spread: 3bps, balance_fraction: 0.2, refresh_interval: 500ms, price_change_threshold: 2bps}}
symbols: {{ASTERUSDT: {{}}, SOLUSDT: {{}}}}
""",
        "utf-8",
    )
    return path
