"""`up` as its owner meets it: a real process, a real file that is edited, real signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fleet_process import FleetProcess

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
    ],
    ids=["no such symbol", "misspelt key", "what cannot change live", "no YAML", "empty"],
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
    ],
    ids=["mainnet without --live", "no keys", "unknown symbol", "no YAML", "no duration"],
)
def test_what_it_will_not_start_with(
    start_fleet: Start, file: Path, text: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    file.write_text(text, "utf-8")
    fleet = start_fleet(file, *arguments)
    assert fleet.process.wait(40) == code
    assert told in fleet.log
    assert "Traceback" not in fleet.log
