"""Real processes over loopback, as a user starts them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0


class FleetProcess:
    """`astermm-fleet up` on a file, watched through its own control endpoint."""

    def __init__(self, file: Path, *arguments: str, env: dict[str, str], cwd: Path | None = None) -> None:
        self.summary_path = file.with_suffix(".summary.json")
        self.log_path = file.with_suffix(f".{time.monotonic_ns()}.log")
        command = [sys.executable, "-m", "fleet.cli", "up", str(file), "--plain", "--control", "127.0.0.1:0"]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--summary", str(self.summary_path), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd or file.parent,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8")

    def state(self) -> dict[str, Any]:
        place = re.search(r"state at (http://\S+)", self.log)
        if place is None:
            return {"symbols": []}
        with urllib.request.urlopen(f"{place[1]}/v1/state", timeout=5) as answer:
            return json.load(answer)

    def symbols(self) -> dict[str, dict[str, Any]]:
        return {symbol["symbol"]: symbol for symbol in self.state()["symbols"]}

    def wait_until(self, holds: Callable[[FleetProcess], object]) -> None:
        """Polls: what another process does can be waited for in no other way."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"the fleet ended with {self.process.returncode}:\n{self.log}")
            if holds(self):
                return
            time.sleep(0.05)
        pytest.fail(f"it did not come to pass; state: {self.state()}\n{self.log}")

    def until_quoting(self) -> None:
        """Both sides of every symbol are in the market, and known to be."""
        self.wait_until(lambda fleet: (found := fleet.symbols()) and all(s["placed"] >= 2 for s in found.values()))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def summary(self) -> dict[str, Any]:
        return json.loads(self.summary_path.read_text("utf-8"))
