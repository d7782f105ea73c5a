"""The ledger of real processes: killed in mid-write, its file damaged, its disk full, another fleet already on it."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess

from exchange.clock import Clock
from exchange.model import Fill
from exchange.protocol.hosts import Host
from fleet.config.credentials import Credentials
from fleet.wiring.client import Address, open_venue

Start = Callable[..., FleetProcess]
PROGRAM = [sys.executable, "-m", "fleet.cli"]
SYMBOLS = ("ASTERUSDT", "SOLUSDT")
Row = tuple[Any, ...]


@pytest.fixture
def paper() -> Iterator[dict[str, Any]]:
    """One for each test: what another test spent of its limits would be missing."""
    command = [*PROGRAM, "paper", "--port", "0", "--json", "--symbols", ",".join(SYMBOLS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def file(tmp_path: Path, paper: dict[str, Any]) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(
        f"""
fleet: ledger
venue: {{rest: "{paper["rest"]}", stream: "{paper["stream"]}", chain_id: {paper["chain_id"]}}}
ledger: {{path: kept/it.sqlite3}}
defaults: {{buy_spread: 1bps, sell_spread: 1bps, balance_fraction: 0.2, refresh_interval: 500ms, price_change_threshold: 1bps}}
symbols: {{ASTERUSDT: {{}}, SOLUSDT: {{}}}}
""",
        "utf-8",
    )
    return path


def ledger_of(file: Path) -> Path:
    return file.parent / "kept" / "it.sqlite3"


def at_the_exchange(paper: dict[str, Any]) -> list[Row]:
    keys = paper["env"]
    host = Host(paper["rest"], paper["stream"], paper["chain_id"])
    credentials = Credentials(keys["API_USER"], keys["API_SIGNER"], keys["API_PRIVATE_KEY"])

    async def ask() -> list[Row]:
        async with open_venue(Address("paper", host), credentials, Clock(time.time_ns() // 1000)) as venue:
            found: list[Fill] = []
            for symbol in SYMBOLS:
                found += await venue.trading.fills(symbol, from_id=1, limit=1000)
            instruments = venue.info.instruments
            return [
                (
                    fill.symbol, fill.trade_id, fill.exchange_ms, fill.side.value,
                    instruments[fill.symbol].price(fill.price_ticks), instruments[fill.symbol].quantity(fill.lots),
                    fill.is_maker, fill.fee, fill.realised_pnl,
                )
                for fill in found
            ]  # fmt: skip

    return anyio.run(ask)


def on_record(file: Path) -> list[Row]:
    """By SQLite alone."""
    connection = sqlite3.connect(f"file:{ledger_of(file)}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT symbol, trade_id, exchange_ms, side, price, quantity, is_maker, fee, realised_pnl FROM fills "
        "ORDER BY symbol, trade_id"
    ).fetchall()
    connection.close()
    return [
        (*row[:4], Decimal(row[4]), Decimal(row[5]), bool(row[6]), Decimal(row[7]), Decimal(row[8])) for row in rows
    ]


def incidents(file: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(f"file:{ledger_of(file)}?mode=ro", uri=True)
    rows = connection.execute("SELECT kind, text FROM incidents ORDER BY id").fetchall()
    connection.close()
    return rows


def fills(fleet: FleetProcess) -> int:
    return sum(symbol["fills"] for symbol in fleet.symbols().values())


def test_killed_again_and_again_it_has_each_of_the_exchanges_trades_once(
    start_fleet: Start, file: Path, paper: dict[str, Any]
) -> None:
    for _ in range(3):
        fleet = start_fleet(file, env=paper["env"])
        fleet.wait_until(lambda now: fills(now) >= 2)
        fleet.process.kill()
        fleet.process.wait(PATIENCE_S)
    last = start_fleet(file, env=paper["env"])
    last.until_quoting()
    assert last.stop() == 0
    assert on_record(file) == at_the_exchange(paper)
    report = subprocess.run([*PROGRAM, "report", str(file), "--json"], capture_output=True, check=True, cwd=ROOT)
    total = json.loads(report.stdout)["total"]
    assert Decimal(total["realised"]) == sum(row[8] for row in on_record(file))
    assert Decimal(total["fees"]) == sum(row[7] for row in on_record(file))


def test_a_damaged_ledger_is_set_aside_and_filled_again(start_fleet: Start, file: Path, paper: dict[str, Any]) -> None:
    first = start_fleet(file, env=paper["env"])
    first.wait_until(lambda now: fills(now) >= 1)
    first.process.kill()
    first.process.wait(PATIENCE_S)
    # With the log it left, SQLite mends the file by itself.
    ledger_of(file).with_name("it.sqlite3-wal").unlink()
    ledger_of(file).write_bytes(b"nonsense" * 2000)
    second = start_fleet(file, env=paper["env"])
    second.until_quoting()
    assert second.stop() == 0
    assert "is damaged" in second.log
    assert "a new one is filled from the exchange's trade list" in second.log
    assert len(list(ledger_of(file).parent.glob("it.sqlite3.corrupt-*"))) >= 1
    assert on_record(file) == at_the_exchange(paper)
    assert [kind for kind, _ in incidents(file)] == ["ledger"]


def test_a_ledger_that_can_grow_no_more_stops_nothing(start_fleet: Start, file: Path, paper: dict[str, Any]) -> None:
    """The size that a file may have stands for the size of the disk."""
    fleet = start_fleet(file, env=paper["env"])
    fleet.until_quoting()
    ledger = ledger_of(file)
    largest = max(each.stat().st_size for each in ledger.parent.glob(f"{ledger.name}*"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    unlimited = resource.prlimit(fleet.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(fleet.process.pid, resource.RLIMIT_FSIZE, (largest, unlimited[1]))
    fleet.wait_until(
        lambda now: any("trading goes on, and what is missing" in e["text"] for e in now.state()["events"])
    )
    before = fills(fleet)
    fleet.wait_until(lambda now: fills(now) > before)
    resource.prlimit(fleet.process.pid, resource.RLIMIT_FSIZE, unlimited)
    fleet.wait_until(lambda now: any("the ledger is written again" in e["text"] for e in now.state()["events"]))
    assert fleet.stop() == 0
    assert on_record(file) == at_the_exchange(paper)


def test_two_fleets_do_not_share_a_ledger(start_fleet: Start, file: Path, paper: dict[str, Any]) -> None:
    first = start_fleet(file, env=paper["env"])
    first.until_quoting()
    second = start_fleet(file, env=paper["env"])
    assert second.process.wait(PATIENCE_S) == 1
    assert "it.sqlite3 is being written by another process: stop that fleet" in second.log
    assert "Traceback" not in second.log
    assert first.stop() == 0


def test_where_no_ledger_can_be_written_nothing_is_traded(
    start_fleet: Start, file: Path, paper: dict[str, Any]
) -> None:
    ledger_of(file).parent.write_text("a file, not a directory")
    fleet = start_fleet(file, env=paper["env"])
    assert fleet.process.wait(PATIENCE_S) == 1
    assert "it.sqlite3 cannot be written" in fleet.log
    assert "ledger: null trades without" in fleet.log


def test_without_a_ledger_nothing_is_kept(start_fleet: Start, file: Path, paper: dict[str, Any]) -> None:
    file.write_text(file.read_text("utf-8").replace("ledger: {path: kept/it.sqlite3}", "ledger: null"))
    fleet = start_fleet(file, "--for", "5s", env=paper["env"])
    assert fleet.process.wait(PATIENCE_S) == 0
    assert not ledger_of(file).parent.exists()
    assert list(file.parent.rglob("*.sqlite3")) == []


def test_a_file_that_is_edited_leaves_its_versions_and_refusals(
    start_fleet: Start, file: Path, paper: dict[str, Any]
) -> None:
    fleet = start_fleet(file, env=paper["env"])
    fleet.until_quoting()
    text = file.read_text("utf-8")

    def save(edited: str, said: str) -> None:
        beside = file.with_suffix(".new")
        beside.write_text(edited, "utf-8")
        os.replace(beside, file)
        fleet.wait_until(lambda now: said in now.log)

    save(text.replace("SOLUSDT: {}", "SOLUSDT: {entry: long}"), "config v2")
    save(text.replace("SOLUSDT: {}", "SOLUSDT: {entry: sideways}"), "is refused, nothing has changed")
    assert fleet.stop() == 0
    connection = sqlite3.connect(ledger_of(file))
    configs = connection.execute("SELECT version, digest, config FROM configs ORDER BY id").fetchall()
    connection.close()
    assert [row[0] for row in configs] == [1, 2]
    assert len({row[1] for row in configs}) == 2
    assert json.loads(configs[1][2])["symbols"]["SOLUSDT"]["parameters"]["entry"] == "long"
    assert [kind for kind, _ in incidents(file)] == ["reload refused"]
    secret = paper["env"]["API_PRIVATE_KEY"].removeprefix("0x").encode()
    assert secret not in ledger_of(file).read_bytes()
