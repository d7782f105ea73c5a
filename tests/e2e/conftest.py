from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess


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
