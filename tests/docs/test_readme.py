"""Every command that the README shows is run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared" / "data" / "aster-2025-09-29"
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    for line in block.splitlines()
]
OF_A_LEDGER = ("report", "volume", "replay")
"""These read what a fleet has kept: one runs before."""
ENDLESS = ("up", "paper", "watch", "record")
"""These run until they are told to stop: `--for 3s` is added."""


@pytest.fixture(scope="module")
def paper() -> Iterator[str]:
    """The paper exchange that, as the README says, runs meanwhile; on a free port, so that tests can run side by side."""
    command = [sys.executable, "-m", "fleet.cli", "paper", "--json", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["rest"]
    process.terminate()
    process.communicate(timeout=30)


def ours(command: str) -> bool:
    return command.startswith("astermm-fleet")


@pytest.mark.parametrize("command", [command for command in COMMANDS if ours(command)])
def test_a_command_of_ours(command: str, tmp_path: Path, paper: str) -> None:
    words = shlex.split(command)[1:]
    if "configs/replay-aster.yaml" in words and not RECORDED.exists():
        pytest.skip("no recorded markets beside the project")
    for name in ("fleet.yaml", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    if words[0] in ENDLESS:
        words += ["--for", "3s"]
    if words[0] == "paper":
        words += ["--port", "0"]
    if words[0] == "up":
        words += ["--control", "127.0.0.1:0"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("API", "ASTERMM"))}
    env |= {"PYTHONPATH": str(ROOT), "ASTERMM_VENUE": paper, "ASTERMM_LEDGERS": str(tmp_path / "ledgers")}
    before = [["up", "fleet.yaml", "--for", "3s", "--control", "127.0.0.1:0"]] if words[0] in OF_A_LEDGER else []
    for each in (*before, words):
        ran = subprocess.run(
            [sys.executable, "-m", "fleet.cli", *each],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_a_make_target(command: str) -> None:
    """Run for real by whoever runs these tests; here that the target is there."""
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(make [^`]+)`", (ROOT / "README.md").read_text("utf-8")))))
def test_a_make_target_that_the_text_names(command: str) -> None:
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


def test_every_other_command_is_covered_by_the_deployment_tests() -> None:
    others = [command for command in COMMANDS if not ours(command) and not command.startswith("make ")]
    assert others == ["docker compose up", "kubectl apply -k k8s/overlays/paper"]
