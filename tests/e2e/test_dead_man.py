"""The pulled plug, for real: the fleet's process is killed, and the exchange, a process of its own, cancels its orders."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet_process import PATIENCE_S, FleetProcess
from paper_process import PaperProcess, asked, place_foreign

Start = Callable[..., FleetProcess]
TIMEOUT_S = 10
SLACK_S = 5
"""What asking the exchange in a new process takes, on a busy machine."""


def armed(fleet: FleetProcess) -> dict[str, Any]:
    """Until when each symbol is guarded."""
    return {symbol: state["guarded_until_ms"] for symbol, state in fleet.symbols().items()}


def with_timeout(file: Path) -> None:
    file.write_text(file.read_text("utf-8") + f"dead_man: {{timeout: {TIMEOUT_S}s}}\n", "utf-8")


def kill(fleet: FleetProcess) -> float:
    """When it was dead."""
    fleet.process.kill()
    fleet.process.wait(PATIENCE_S)
    return time.monotonic()


def left_open(paper: PaperProcess) -> dict[str, set[str]]:
    """Client ids by symbol."""
    left: dict[str, set[str]] = {}
    for order in asked(paper, "orders"):
        left.setdefault(order["symbol"], set()).add(order["client_id"])
    return left


def until_only(paper: PaperProcess, symbols: set[str], deadline: float) -> dict[str, set[str]]:
    """Polls: another process does it, by itself."""
    while (left := left_open(paper)).keys() != symbols and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def test_killed_it_leaves_no_order_beyond_the_timeout(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    with_timeout(file)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    assert None not in armed(fleet).values()
    dead_s = kill(fleet)
    assert left_open(paper).keys() == {"ASTERUSDT", "SOLUSDT"}
    assert until_only(paper, set(), dead_s + TIMEOUT_S + SLACK_S) == {}


def test_killed_it_leaves_the_owners_orders_alone(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    with_timeout(file)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    assert None not in armed(fleet).values()
    place_foreign(paper)
    fleet.wait_until(lambda now: armed(now)["ASTERUSDT"] is None)
    assert armed(fleet)["SOLUSDT"] is not None
    assert "orders are open that are not ours" in fleet.log
    dead_s = kill(fleet)
    until_only(paper, {"ASTERUSDT"}, dead_s + TIMEOUT_S + SLACK_S)
    time.sleep(max(0, dead_s + TIMEOUT_S + 1 - time.monotonic()))
    left = left_open(paper)
    assert left.keys() == {"ASTERUSDT"}
    assert "by-hand-1" in left["ASTERUSDT"]
    # The next run clears its own, and guards nothing there either.
    second = start_fleet(file, env=paper.told["env"])
    second.wait_until(lambda now: (found := now.symbols()) and all(s["placed"] for s in found.values()))
    assert armed(second)["ASTERUSDT"] is None
    assert second.stop() == 0
    assert left_open(paper) == {"ASTERUSDT": {"by-hand-1"}}


def test_stopped_in_order_it_leaves_no_countdown_that_could_cancel_what_the_owner_places_after(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    with_timeout(file)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    assert None not in armed(fleet).values()
    assert fleet.stop() == 0
    stopped_s = time.monotonic()
    place_foreign(paper)
    time.sleep(max(0, stopped_s + TIMEOUT_S + 1 - time.monotonic()))
    assert left_open(paper) == {"ASTERUSDT": {"by-hand-1"}}
