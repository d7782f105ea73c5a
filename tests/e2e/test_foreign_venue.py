"""A fleet against a paper exchange that is a process of its own, as against any venue at an address."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from fleet_process import PATIENCE_S, FleetProcess
from paper_process import PaperProcess, asked, place_foreign

Start = Callable[..., FleetProcess]


def test_after_a_kill_the_next_run_clears_what_was_left_and_touches_nothing_else(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    place_foreign(paper)
    first = start_fleet(file, env=paper.told["env"])
    first.until_quoting()
    first.process.kill()
    first.process.wait(PATIENCE_S)
    left = {order["client_id"] for order in asked(paper, "orders")}
    assert "by-hand-1" in left
    assert len(left) > 1

    second = start_fleet(file, env=paper.told["env"])
    # One order is enough: who begins in a position quotes one side.
    second.wait_until(lambda fleet: (found := fleet.symbols()) and all(s["placed"] for s in found.values()))
    now = {order["client_id"] for order in asked(paper, "orders")}
    assert now & left == {"by-hand-1"}
    assert second.stop() == 0
    assert [order["client_id"] for order in asked(paper, "orders")] == ["by-hand-1"]


def test_the_fleet_and_the_exchange_agree_on_money_to_the_last_digit(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: sum(symbol["fills"] for symbol in now.symbols().values()) >= 3)
    assert fleet.stop() == 0
    told = json.loads(fleet.summary_path.read_text("utf-8"), parse_float=Decimal)["fleet"]
    [usdt] = [row for row in asked(paper, "balance") if row["asset"] == "USDT"]
    assert told["wallet"] == Decimal(usdt["wallet"])
    assert told["wallet"] == 10_000 + told["realised_pnl"] - told["fees"] + told["funding"]


def test_a_second_signal_leaves_at_once_and_says_what_may_remain(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    # The exchange answers no more: the orders cannot be cancelled.
    paper.process.send_signal(signal.SIGSTOP)
    fleet.process.send_signal(signal.SIGINT)
    fleet.wait_until(lambda now: now.state()["stopping"])
    fleet.process.send_signal(signal.SIGINT)
    assert fleet.process.wait(PATIENCE_S) == 130
    assert "these own orders may still be open" in fleet.log
    assert "ASTERUSDT BUY e2e:ASTERUSDT:" in fleet.log
    assert "Traceback" not in fleet.log


def lines_for_dotenv(paper: PaperProcess) -> str:
    return "".join(f"{name}={value}\n" for name, value in paper.told["env"].items())


@pytest.mark.parametrize("where", ["beside the file", "working directory"])
def test_credentials_come_from_dotenv(start_fleet: Start, file: Path, paper: PaperProcess, where: str) -> None:
    (file.parent / "elsewhere").mkdir()
    moved = file.rename(file.parent / "elsewhere" / "fleet.yaml")
    beside, working = moved.parent / ".env", file.parent / ".env"
    (beside if where == "beside the file" else working).write_text(lines_for_dotenv(paper), "utf-8")
    if where == "beside the file":
        working.write_text("API_USER=0x1\n", "utf-8")
    fleet = start_fleet(moved, cwd=file.parent)
    fleet.until_quoting()
    assert fleet.stop() == 0


def test_a_venue_that_is_away_at_the_start_is_waited_for(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    port = int(paper.told["rest"].rpartition(":")[2])
    paper.end()
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: "is out of reach, trying again" in now.log)
    paper.restart(port)
    fleet.until_quoting()
    assert fleet.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGINT, None], ids=["interrupted", "left alone"])
def test_a_venue_that_stays_away(
    start_fleet: Start, file: Path, paper: PaperProcess, how: signal.Signals | None
) -> None:
    paper.end()
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: "is out of reach, trying again" in now.log)
    if how is None:
        assert fleet.process.wait(PATIENCE_S) == 1
        assert "stays out of reach, nothing was sent" in fleet.log.splitlines()[-1]
    else:
        assert fleet.stop(how) == 1
        assert (
            "told to stop before the fleet was up: nothing was sent, and what an earlier run may have left" in fleet.log
        )
        assert fleet.log.splitlines()[-1].startswith("error: orders of an earlier run may still be open")
        told = fleet.summary()["fleet"]
        assert (told["own_orders_left_open"], told["left_unknown"]) == (None, True)
    assert "Traceback" not in fleet.log


def test_keys_that_are_refused_end_it_at_once(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    keys = paper.told["env"] | {"API_USER": "0x" + "12" * 20}
    fleet = start_fleet(file, env=keys)
    assert fleet.process.wait(PATIENCE_S) == 1
    assert "trying again" not in fleet.log
    assert "Traceback" not in fleet.log


def test_orders_that_the_accounts_collateral_is_too_small_for_are_told_at_the_start(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    file.write_text(file.read_text("utf-8").replace("SOLUSDT: {}", "SOLUSDT: {balance_fraction: 0.0001}"), "utf-8")
    fleet = start_fleet(file, env=paper.told["env"])
    assert fleet.process.wait(PATIENCE_S) == 2
    assert "an order of SOLUSDT would be 0.98 USD" in fleet.log


def test_no_secret_is_told(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    file.write_text(file.read_text("utf-8") + "logging: {level: trace}\n", "utf-8")
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    state = json.dumps(fleet.state())
    assert fleet.stop() == 0
    secret = paper.told["env"]["API_PRIVATE_KEY"].removeprefix("0x")
    for text in (fleet.log, state, fleet.summary_path.read_text("utf-8")):
        assert secret not in text
        assert "signature=" not in text
