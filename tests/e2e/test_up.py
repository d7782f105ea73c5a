"""`up` as its owner meets it: a real process, a real file that is edited, real signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess

FILE = """
fleet: e2e
venue: paper
defaults: {buy_spread: 30bps, sell_spread: 30bps, balance_fraction: 0.2, refresh_interval: 500ms, price_change_threshold: 20bps}
symbols:
  ASTERUSDT: {}
  BNBUSDT: {}
  ETHUSDT: {}
"""
Start = Callable[..., FleetProcess]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE, "utf-8")
    return path


def save(path: Path, text: str) -> None:
    """As editors do: written beside, then put in its place."""
    beside = path.with_suffix(".new")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)


def test_it_stops_by_itself_and_leaves_nothing(start_fleet: Start, file: Path) -> None:
    fleet = start_fleet(file, "--for", "6s")
    assert fleet.process.wait(40) == 0
    summary = fleet.summary()
    assert set(summary["symbols"]) == {"ASTERUSDT", "BNBUSDT", "ETHUSDT"}
    assert all(symbol["placed"] >= 2 and symbol["rejected"] == 0 for symbol in summary["symbols"].values())
    assert summary["fleet"]["own_orders_left_open"] == 0
    assert (summary["fleet"]["http_429"], summary["fleet"]["http_418"]) == (0, 0)
    assert summary["fleet"]["first_quote_ms"] < 3000
    assert max(summary["fleet"]["peak_use"].values()) <= 0.9
    assert "none of ours left open" in fleet.log


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_order(start_fleet: Start, file: Path, how: signal.Signals) -> None:
    fleet = start_fleet(file)
    fleet.until_quoting()
    assert fleet.stop(how) == 0
    assert fleet.summary()["fleet"]["own_orders_left_open"] == 0


def test_an_edit_changes_what_it_says_and_nothing_else(start_fleet: Start, file: Path) -> None:
    fleet = start_fleet(file)
    fleet.until_quoting()
    before = fleet.symbols()
    save(file, FILE.replace("BNBUSDT: {}", "BNBUSDT: {entry: long}").replace("  ETHUSDT: {}", "  SOLUSDT: {}"))
    fleet.wait_until(lambda now: now.state()["config_version"] == 2)
    fleet.wait_until(lambda now: "SOLUSDT" in now.symbols() and now.symbols()["SOLUSDT"]["bid"])
    fleet.wait_until(lambda now: now.symbols()["BNBUSDT"]["ask"] is None)
    fleet.wait_until(lambda now: now.symbols()["ETHUSDT"]["phase"] == "stopped")
    after = fleet.symbols()
    assert after["ASTERUSDT"]["placed"] == before["ASTERUSDT"]["placed"] == 2
    assert after["ASTERUSDT"]["cancelled"] == 0
    assert after["BNBUSDT"]["cancelled"] == 1
    assert [stream["reconnects"] for stream in fleet.state()["streams"]] == [0, 0]
    assert fleet.stop() == 0
    assert fleet.summary()["fleet"]["reloads_applied"] == 1


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (FILE.replace("BNBUSDT", "BNBUSD"), "BNBUSD is not listed: did you mean BNBUSDT?"),
        (FILE.replace("buy_spread: 30bps", "buy_sprad: 30bps"), "fleet.yaml:4:12: unknown key buy_sprad"),
        (FILE.replace("fleet: e2e", "fleet: other"), "fleet cannot change while the fleet runs"),
        (FILE + "  - [", "fleet.yaml:9"),
        ("", "the file is empty"),
        (FILE + "logging: {file: nowhere/x.log}\n", "fleet.yaml:9:17: log file nowhere/x.log would be in a directory"),
        (FILE + "logging: {file: /proc/x.log}\n", "fleet.yaml:9:17: log file /proc/x.log cannot be"),
        (FILE.replace("BNBUSDT: {}", "BNBUSDT: {balance_fraction: 0.0001}"), "below the exchange's minimum of"),
        (FILE + "  SOLUSDT: {balance_fraction: 0.0001}\n", "fleet.yaml:9:31: an order of SOLUSDT would be"),
    ],
    ids=[
        "no such symbol",
        "misspelt key",
        "what cannot change live",
        "no YAML",
        "empty",
        "no directory for the log",
        "no file for the log",
        "orders too small",
        "a new symbol's orders too small",
    ],
)
def test_an_invalid_edit_changes_nothing(start_fleet: Start, file: Path, edit: str, told: str) -> None:
    fleet = start_fleet(file)
    fleet.until_quoting()
    before = fleet.symbols()
    save(file, edit)
    fleet.wait_until(lambda now: now.state()["reloads_refused"] == 1)
    assert told in fleet.state()["last_reload_error"]
    assert told in fleet.log
    after = fleet.symbols()
    assert {s: each["placed"] for s, each in after.items()} == {s: each["placed"] for s, each in before.items()}
    assert fleet.state()["config_version"] == 1
    save(file, FILE.replace("  ETHUSDT: {}\n", ""))
    fleet.wait_until(lambda now: now.state()["reloads_applied"] == 1)
    assert fleet.state()["last_reload_error"] is None
    assert fleet.stop() == 0


def test_warnings_of_the_check_are_told_at_the_start_and_at_each_edit(start_fleet: Start, file: Path) -> None:
    save(file, FILE.replace("BNBUSDT: {}", "BNBUSDT: {leverage: 25}"))
    fleet = start_fleet(file)
    fleet.until_quoting()
    assert "fleet.yaml:7:23: leverage 25: a move of 4% against BNBUSDT takes the whole margin" in fleet.log
    save(file, FILE.replace("BNBUSDT: {}", "BNBUSDT: {balance_fraction: 0.8}"))
    fleet.wait_until(lambda now: now.state()["reloads_applied"] == 1)
    fleet.wait_until(lambda now: "balance fractions add up to 1.2 of the collateral" in now.log)
    assert fleet.stop() == 0


def test_a_log_file_can_be_named_while_it_runs(start_fleet: Start, file: Path) -> None:
    fleet = start_fleet(file)
    fleet.until_quoting()
    save(file, FILE + "logging: {file: x.log}\n")
    fleet.wait_until(lambda now: now.state()["reloads_applied"] == 1)
    assert fleet.stop() == 0
    assert "stopping: cancels its orders" in (file.parent / "x.log").read_text("utf-8")
    assert "stopping: cancels its orders" in fleet.log


def test_a_terminal_that_goes_away_stops_the_fleet_in_order(file: Path) -> None:
    """It is drawn into a terminal, so nobody sees it any more: it must neither trade on nor die with orders open."""
    ours, its = pty.openpty()
    summary = file.parent / "s.json"
    log = file.parent / "x.log"
    save(file, FILE + "logging: {file: x.log}\n")
    command = [
        sys.executable,
        "-m",
        "fleet.cli",
        "up",
        str(file),
        "--control",
        "127.0.0.1:0",
        "--summary",
        str(summary),
    ]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its, cwd=file.parent, env=env, text=True
    )
    os.close(its)
    seen = b""
    try:
        while b"QUOTING" not in seen.upper():
            seen += os.read(ours, 65536)
    finally:
        os.close(ours)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=PATIENCE_S)
    told = log.read_text("utf-8")
    assert process.returncode == 0, told
    assert "the terminal is gone" in told
    assert "none of ours left open" in out
    assert json.loads(summary.read_text("utf-8"))["fleet"]["own_orders_left_open"] == 0


def test_a_summary_that_can_no_more_be_written_loses_nothing_else(start_fleet: Start, file: Path) -> None:
    place = file.parent / "place"
    place.mkdir()
    fleet = start_fleet(file, "--summary", str(place / "s.json"))
    fleet.until_quoting()
    place.rmdir()
    assert fleet.stop() == 1
    assert "none of ours left open" in fleet.log
    assert fleet.log.rstrip().endswith("s.json cannot be written: no such file or directory")


def test_sighup_and_a_symlink_swap_reload(start_fleet: Start, file: Path) -> None:
    """Kubernetes updates a mounted ConfigMap by swapping the link `..data` to a new directory."""
    mount = file.parent / "mount"
    for name, text in (("first", FILE), ("second", FILE.replace("  ETHUSDT: {}\n", ""))):
        (mount / name).mkdir(parents=True)
        (mount / name / "fleet.yaml").write_text(text, "utf-8")
    (mount / "..data").symlink_to("first")
    (mount / "fleet.yaml").symlink_to("..data/fleet.yaml")
    fleet = start_fleet(mount / "fleet.yaml")
    fleet.until_quoting()
    (mount / "..new").symlink_to("second")
    os.replace(mount / "..new", mount / "..data")
    fleet.wait_until(lambda now: now.state()["reloads_applied"] == 1)
    fleet.process.send_signal(signal.SIGHUP)
    fleet.wait_until(lambda now: "nothing has changed" in now.log)
    assert fleet.stop() == 0


@pytest.mark.parametrize(
    ("text", "arguments", "code", "told"),
    [
        (FILE.replace("venue: paper", "venue: mainnet"), (), 2, "mainnet is real money: say --live"),
        (FILE.replace("venue: paper", "venue: mainnet"), ("--live",), 2, "no credentials: set API_USER"),
        (
            FILE.replace("ASTERUSDT", "ASTRUSDT"),
            (),
            2,
            "fleet.yaml:6:3: ASTRUSDT is not listed: did you mean ASTERUSDT?",
        ),
        ("symbols: [", (), 2, "fleet.yaml:1"),
        (FILE, ("--for", "soon"), 2, "soon is no duration"),
        (FILE, ("--summary", "no/s.json"), 2, "--summary no/s.json cannot be written: no such file or directory"),
        (FILE + "logging: {file: no/x.log}", (), 2, "fleet.yaml:9:17: log file no/x.log would be in a directory that"),
        (FILE + "logging: {file: /proc/x.log}", (), 2, "fleet.yaml:9:17: log file /proc/x.log cannot be"),
    ],
    ids=[
        "mainnet without --live",
        "no keys",
        "unknown symbol",
        "no YAML",
        "no duration",
        "no place for the summary",
        "no directory for the log",
        "no file for the log",
    ],
)
def test_what_it_will_not_start_with(
    start_fleet: Start, file: Path, text: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    file.write_text(text, "utf-8")
    fleet = start_fleet(file, *arguments)
    assert fleet.process.wait(40) == code
    assert told in fleet.log
    assert "Traceback" not in fleet.log
