"""Ctrl-C at any time, and twice: no own order is left at the exchange, or those that may be are told one by one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess
from paper_process import PROGRAM, PaperProcess, asked

Start = Callable[..., FleetProcess]
ORDER = re.compile(r"^  [A-Z]+ (?:BUY|SELL) (\S+)$", re.MULTILINE)
CANCELS = ("/fapi/v3/order", "/fapi/v3/batchOrders", "/fapi/v3/allOpenOrders")
SLOW = {"shape": "constant", "ms": 150}
"""So that what is to be interrupted takes long enough."""


def own(paper: PaperProcess) -> set[str]:
    """Client ids, by the exchange's own word."""
    return {order["client_id"] for order in asked(paper, "orders")}


def quiet(file: Path) -> None:
    """Nobody trades so far from the market: what rests stays the same while it is compared."""
    file.write_text(file.read_text("utf-8").replace("3bps", "90bps"), "utf-8")


def save(file: Path, text: str) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(text, "utf-8")
    os.replace(beside, file)


def refuse(paper: PaperProcess, *paths: str) -> None:
    """From now on none of these requests is carried out, and nobody is told."""
    for path in paths:
        paper.admin("POST", "/faults/once", fault="requests", answer="503", count=10_000, path=path)


def interrupt_twice(fleet: FleetProcess) -> set[str]:
    """The orders that it then tells of."""
    fleet.process.send_signal(signal.SIGINT)
    fleet.wait_until(lambda now: "stopping: cancels its orders" in now.log)
    fleet.process.send_signal(signal.SIGINT)
    assert fleet.process.wait(PATIENCE_S) == 130
    assert "Traceback" not in fleet.log
    return set(ORDER.findall(fleet.log))


@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.7, 1.2, 2.0])
def test_during_the_start(start_fleet: Start, file: Path, paper: PaperProcess, after_s: float) -> None:
    paper.admin("PUT", "/faults", to_venue=SLOW)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: "health, metrics and state" in now.log)
    time.sleep(after_s)
    assert fleet.stop(signal.SIGINT) == 0
    assert own(paper) == set()
    assert "Traceback" not in fleet.log


def test_before_it_could_do_anything(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    assert fleet.stop(signal.SIGINT) in (-signal.SIGINT, 130)
    assert own(paper) == set()


def test_while_the_program_itself_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    ran = subprocess.run([*PROGRAM, "up"], env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


def test_during_a_start_that_finds_orders_of_a_run_that_was_killed(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    quiet(file)
    first = start_fleet(file, env=paper.told["env"])
    first.until_quoting()
    first.process.kill()
    first.process.wait(PATIENCE_S)
    left = own(paper)
    assert len(left) == 4
    refuse(paper, *CANCELS)
    second = start_fleet(file, env=paper.told["env"])
    second.wait_until(lambda now: paper.admin("GET", "/state")["faulty_requests_left"] < 30_000)
    assert interrupt_twice(second) == left == own(paper)


def test_during_a_start_that_does_not_get_to_know_of_any_order(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    refuse(paper, "/fapi/v3/positionSide", "/fapi/v3/openOrders")
    fleet.wait_until(lambda now: "the account could not be read" in now.log)
    assert interrupt_twice(fleet) == set()
    assert "left at once, before it was known what an earlier run may have left open" in fleet.log


@pytest.mark.parametrize("told", ["read", "taken up"])
def test_during_a_reload(start_fleet: Start, file: Path, paper: PaperProcess, told: str) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    paper.admin("PUT", "/faults", to_venue=SLOW)
    save(file, file.read_text("utf-8").replace("SOLUSDT: {}", "BNBUSDT: {}"))
    if told == "read":
        fleet.process.send_signal(signal.SIGHUP)
    else:
        fleet.wait_until(lambda now: "config v2" in now.log)
    assert fleet.stop(signal.SIGINT) == 0
    assert own(paper) == set()
    assert fleet.summary()["fleet"]["own_orders_left_open"] == 0


def test_twice_while_it_drains(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    quiet(file)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    refuse(paper, *CANCELS)
    told = interrupt_twice(fleet)
    assert len(told) == 4
    assert told == own(paper)


def test_twice_while_a_symbol_leaves_the_fleet(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    quiet(file)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    refuse(paper, *CANCELS)
    save(file, file.read_text("utf-8").replace(", SOLUSDT: {}", ""))
    fleet.wait_until(lambda now: "config v2" in now.log)
    told = interrupt_twice(fleet)
    assert len(told) == 4
    assert told == own(paper)
