"""kill, flatten and resume from another terminal: at a fleet that runs, one that hangs, and one that is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fleet_process import PATIENCE_S, ROOT, FleetProcess
from paper_process import PROGRAM, PaperProcess, asked, place_foreign

from fleet.runtime.beside import beside, read_kills

Start = Callable[..., FleetProcess]
SYMBOLS = ("ASTERUSDT", "SOLUSDT")


def say(paper: PaperProcess, *words: str, file: Path, code: int = 0) -> str:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | paper.told["env"]
    ran = subprocess.run(
        [*PROGRAM, *words, "--file", str(file)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def own_orders(paper: PaperProcess) -> list[str]:
    return [order["client_id"] for order in asked(paper, "orders") if order["client_id"].startswith("e2e:")]


def phases(fleet: FleetProcess) -> dict[str, str]:
    return {name: symbol["phase"] for name, symbol in fleet.symbols().items()}


def test_a_running_fleet_is_killed_symbol_by_symbol_and_resumed(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    place_foreign(paper)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    assert "killed ASTERUSDT" in say(paper, "kill", "ASTERUSDT", file=file)
    assert not any(":ASTERUSDT:" in name for name in own_orders(paper))
    assert phases(fleet)["ASTERUSDT"] == "killed"
    assert phases(fleet)["SOLUSDT"] != "killed"
    say(paper, "kill", file=file)
    assert own_orders(paper) == []
    assert "by-hand-1" in {order["client_id"] for order in asked(paper, "orders")}
    say(paper, "resume", "SOLUSDT", file=file)
    fleet.wait_until(lambda now: any(":SOLUSDT:" in name for name in own_orders(paper)))
    assert phases(fleet)["ASTERUSDT"] == "killed"
    say(paper, "resume", file=file)
    fleet.wait_until(lambda now: any(":ASTERUSDT:" in name for name in own_orders(paper)))
    assert fleet.stop() == 0
    assert not beside(file, {}).run.exists()
    assert not beside(file, {}).kill.exists()


def test_a_kill_outlives_the_process_until_the_owner_resumes(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    first = start_fleet(file, env=paper.told["env"])
    first.until_quoting()
    say(paper, "kill", file=file)
    assert first.stop() == 0
    second = start_fleet(file, env=paper.told["env"])
    second.wait_until(lambda now: set(phases(now).values()) == {"killed"})
    assert second.stop() == 0
    assert own_orders(paper) == []
    third = start_fleet(file, "--resume", env=paper.told["env"])
    third.until_quoting()
    assert third.stop() == 0


def test_a_fleet_that_hangs_is_killed_at_the_exchange_and_does_not_quote_when_it_wakes(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    place_foreign(paper)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    fleet.process.send_signal(signal.SIGSTOP)
    said = say(paper, "kill", file=file)
    assert "does not answer" in said
    assert "none is left" in said
    assert own_orders(paper) == []
    fleet.process.send_signal(signal.SIGCONT)
    fleet.wait_until(lambda now: set(phases(now).values()) == {"killed"})
    # What was on its way when it was stopped is cancelled by itself.
    fleet.wait_until(lambda now: own_orders(paper) == [])
    placed = {name: symbol["placed"] for name, symbol in fleet.symbols().items()}
    until_s = time.monotonic() + 3
    fleet.wait_until(lambda now: time.monotonic() > until_s)
    assert {name: symbol["placed"] for name, symbol in fleet.symbols().items()} == placed
    assert [order["client_id"] for order in asked(paper, "orders")] == ["by-hand-1"]


def test_a_fleet_that_hangs_is_flattened_at_the_exchange_and_goes_on_killed(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    """Once it was taken for an older run of itself by what had closed its positions."""
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: any(float(symbol["position"]) for symbol in now.symbols().values()))
    fleet.process.send_signal(signal.SIGSTOP)
    said = say(paper, "flatten", file=file)
    assert "no position is left" in said
    assert "the exchange's countdown may still run out" in said
    assert "as soon as it goes on" in say(paper, "resume", file=file)
    say(paper, "kill", file=file)
    fleet.process.send_signal(signal.SIGCONT)
    fleet.wait_until(lambda now: set(phases(now).values()) == {"killed"})
    fleet.wait_until(lambda now: not any(float(symbol["position"]) for symbol in now.symbols().values()))
    assert fleet.stop() == 0


def test_a_fleet_that_cannot_be_asked_is_flattened_beside_it_and_goes_on_killed(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    file.write_text(file.read_text("utf-8") + "control: null\n", "utf-8")
    # Started without --control: nothing can be asked of it but its log.
    log = file.with_suffix(".log")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | paper.told["env"]
    with log.open("wb") as written:
        fleet = subprocess.Popen(
            [*PROGRAM, "up", str(file), "--plain"], stdout=written, stderr=written, env=environment
        )
    try:
        until_s = time.monotonic() + PATIENCE_S
        while not asked(paper, "positions"):
            assert time.monotonic() < until_s
        assert "no position is left" in say(paper, "flatten", file=file)
        assert asked(paper, "positions") == []
        assert own_orders(paper) == []
        assert fleet.poll() is None, log.read_text("utf-8")
        # Though the file be broken it hears its owner, if of nobody else.
        say(paper, "resume", file=file)
        sound = file.read_text("utf-8")
        file.write_text(sound + "\nsymbols: [\n", "utf-8")
        assert "it is written down for the fleet" in say(paper, "kill", file=file, code=2)
        file.write_text(sound, "utf-8")
        assert set(read_kills(beside(file, {}).kill)) == {"*"}
        fleet.terminate()
        assert fleet.wait(PATIENCE_S) == 0
        assert "another fleet" not in log.read_text("utf-8")
    finally:
        fleet.kill()
        fleet.wait(PATIENCE_S)


def test_a_fleet_that_is_gone_is_flattened_at_the_exchange(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    place_foreign(paper)
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: any(float(symbol["position"]) for symbol in now.symbols().values()))
    fleet.process.kill()
    fleet.process.wait(PATIENCE_S)
    assert own_orders(paper)
    said = say(paper, "flatten", file=file)
    assert "no position is left" in said
    # Those of a fleet that is gone are ended.
    assert "countdown" not in said
    assert asked(paper, "positions") == []
    assert [order["client_id"] for order in asked(paper, "orders")] == ["by-hand-1"]


def test_a_fleet_that_is_no_fleet_yet_is_killed_at_the_exchange(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    first = start_fleet(file, env=paper.told["env"])
    first.until_quoting()
    first.process.kill()
    first.process.wait(PATIENCE_S)
    for path in ("/fapi/v3/positionSide/dual", "/fapi/v3/positionSide"):
        paper.admin("POST", "/faults/once", fault="requests", answer="503", count=10000, path=path)
    second = start_fleet(file, env=paper.told["env"])
    second.wait_until(lambda now: "could not be read" in now.log)
    said = say(paper, "kill", file=file)
    assert "it is starting, or stopping" in said
    assert "none is left" in said
    assert own_orders(paper) == []


def test_a_fleet_whose_file_is_broken_or_gone_hears_its_owner(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    sound = file.read_text("utf-8")
    file.write_text(sound + "\nsymbols: [\n", "utf-8")
    assert "killed ASTERUSDT" in say(paper, "kill", "ASTERUSDT", file=file)
    assert phases(fleet)["ASTERUSDT"] == "killed"
    file.unlink()
    assert "BTCUSDT is not in the fleet" in say(paper, "kill", "BTCUSDT", file=file, code=1)
    assert set(read_kills(beside(file, {}).kill)) == {"ASTERUSDT"}
    assert "no position is left" in say(paper, "flatten", "--yes", file=file)
    assert own_orders(paper) == []
    fleet.process.kill()
    fleet.process.wait(PATIENCE_S)
    said = say(paper, "kill", file=file, code=2)
    assert "for the way to the exchange the fleet file is needed" in said
    assert "cannot be read" in said


def test_a_symbol_that_has_left_the_file_and_still_trades_is_its_owners_to_kill(
    start_fleet: Start, file: Path, paper: PaperProcess
) -> None:
    file.write_text(file.read_text("utf-8").replace("defaults: {", "defaults: {on_remove: close, "), "utf-8")
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: (each := now.symbols().get("ASTERUSDT")) and float(each["position"]))
    fleet.process.send_signal(signal.SIGSTOP)
    file.write_text(file.read_text("utf-8").replace("ASTERUSDT: {}, ", ""), "utf-8")
    # By its orders, and by the ledger when there are none left.
    say(paper, "kill", "ASTERUSDT", file=file)
    assert not any(":ASTERUSDT:" in name for name in own_orders(paper))
    fleet.process.send_signal(signal.SIGCONT)
    fleet.wait_until(lambda now: "config v2" in now.log)
    assert "killed ASTERUSDT" in say(paper, "kill", "ASTERUSDT", file=file)
    fleet.process.kill()
    fleet.process.wait(PATIENCE_S)
    say(paper, "flatten", "ASTERUSDT", file=file)
    assert "ASTERUSDT" not in {position["symbol"] for position in asked(paper, "positions")}


def test_a_running_fleet_is_flattened(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.wait_until(lambda now: any(float(symbol["position"]) for symbol in now.symbols().values()))
    say(paper, "flatten", "--slippage", "2%", file=file)
    assert asked(paper, "positions") == []
    fleet.wait_until(lambda now: not any(float(symbol["position"]) for symbol in now.symbols().values()))
    assert set(phases(fleet).values()) == {"killed"}
    assert own_orders(paper) == []
    assert fleet.stop() == 0


def test_only_who_can_read_the_run_file_may_command(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    run_file = beside(file, {}).run
    assert run_file.stat().st_mode & 0o777 == 0o600
    told: dict[str, Any] = json.loads(run_file.read_bytes())
    assert told["pid"] == fleet.process.pid
    assert told["token"] not in fleet.log

    def status(**headers: str) -> int:
        request = urllib.request.Request(f"{told['url']}/v1/kill", b"{}", headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status() == 401
    assert status(**{"X-Astermm-Token": "x"}) == 401
    assert status(**{"X-Astermm-Token": told["token"], "Origin": "http://127.0.0.1:8787"}) == 403
    assert "killed" not in phases(fleet).values()
    assert status(**{"X-Astermm-Token": told["token"]}) == 200


def test_a_fleet_with_its_own_exchange_is_killed_flattened_and_resumed(
    start_fleet: Start, tmp_path: Path, paper: PaperProcess
) -> None:
    file = tmp_path / "paper.yaml"
    file.write_text((ROOT / "configs" / "one-symbol.yaml").read_text("utf-8"), "utf-8")
    fleet = start_fleet(file)
    fleet.until_quoting()
    [symbol] = fleet.symbols()
    say(paper, "kill", symbol, file=file)
    assert phases(fleet) == {symbol: "killed"}
    say(paper, "flatten", file=file)
    say(paper, "resume", file=file)
    fleet.wait_until(lambda now: phases(now)[symbol] == "quoting")
    assert fleet.stop() == 0


@pytest.mark.parametrize("ledger", ["", "ledger: null\n"], ids=["refused", "beside it"])
def test_a_second_run_of_the_same_file_does_not_keep_the_first_from_being_asked(
    start_fleet: Start, tmp_path: Path, paper: PaperProcess, ledger: str
) -> None:
    """Without a ledger both may run, each with an exchange of its own."""
    file = tmp_path / "paper.yaml"
    file.write_text((ROOT / "configs" / "one-symbol.yaml").read_text("utf-8") + ledger, "utf-8")
    first = start_fleet(file)
    first.until_quoting()
    second = start_fleet(file)
    if ledger:
        second.until_quoting()
        assert "another process runs by this file" in second.log
    else:
        assert second.process.wait(PATIENCE_S) == 1
        assert "is being written by another process" in second.log
    say(paper, "kill", file=file)
    assert set(phases(first).values()) == {"killed"}
    say(paper, "resume", file=file)
    assert first.stop() == 0
    if ledger:
        second.wait_until(lambda now: beside(file, {}).run.exists())
        say(paper, "kill", file=file)
        assert set(phases(second).values()) == {"killed"}
        assert second.stop() == 0
    assert not beside(file, {}).run.exists()


def test_a_fleet_that_hangs_with_its_own_exchange_hears_of_the_kill_when_it_goes_on(
    start_fleet: Start, tmp_path: Path, paper: PaperProcess
) -> None:
    file = tmp_path / "paper.yaml"
    file.write_text((ROOT / "configs" / "one-symbol.yaml").read_text("utf-8"), "utf-8")
    fleet = start_fleet(file)
    fleet.until_quoting()
    fleet.process.send_signal(signal.SIGSTOP)
    assert "does so as soon as it goes on" in say(paper, "kill", file=file, code=1)
    fleet.process.send_signal(signal.SIGCONT)
    fleet.wait_until(lambda now: set(phases(now).values()) == {"killed"})
    assert fleet.stop() == 0
    # The next one has an exchange of its own.
    assert not beside(file, {}).kill.exists()


@pytest.mark.parametrize("command", ["kill", "flatten", "resume"])
def test_an_embedded_exchange_ends_with_its_fleet(tmp_path: Path, command: str, paper: PaperProcess) -> None:
    file = tmp_path / "paper.yaml"
    file.write_text((ROOT / "configs" / "one-symbol.yaml").read_text("utf-8"), "utf-8")
    assert "its exchange has ended with it" in say(paper, command, file=file, code=1)
    assert os.listdir(tmp_path) == ["paper.yaml"]


def test_a_symbol_that_is_not_in_the_file_is_told(file: Path, paper: PaperProcess) -> None:
    assert "did you mean ASTERUSDT?" in say(paper, "kill", "ASTERUSD", file=file, code=2)
    assert not beside(file, {}).kill.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("venue: mainnet\nsymbols: {ASTERUSDT: {}}\n", "fleet is missing"),
        ("fleet: a b\nvenue: mainnet\nsymbols: {ASTERUSDT: {}}\n", "fleet a b is malformed"),
        ("fleet: a\nsymbols: {ASTERUSDT: {}}\n", "venue is missing"),
    ],
)
def test_a_file_that_does_not_say_whose_orders_they_are_is_refused(
    tmp_path: Path, text: str, expected: str, paper: PaperProcess
) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text, "utf-8")
    assert expected in say(paper, "kill", file=file, code=2)
    assert os.listdir(tmp_path) == ["broken.yaml"]


def test_a_file_that_an_edit_has_broken_kills_all_the_same(start_fleet: Start, file: Path, paper: PaperProcess) -> None:
    fleet = start_fleet(file, env=paper.told["env"])
    fleet.until_quoting()
    fleet.process.kill()
    fleet.process.wait(PATIENCE_S)
    sound = file.read_text("utf-8")
    file.write_text(
        sound.replace("fleet: e2e", "fleet: other").replace("SOLUSDT: {}", "SOLUSDT: {leverage: x}"), "utf-8"
    )
    # The name is the one that the fleet was started with.
    assert "killed fleet e2e" in say(paper, "kill", file=file)
    assert own_orders(paper) == []


def test_real_money_asks(tmp_path: Path, paper: PaperProcess) -> None:
    file = tmp_path / "real.yaml"
    file.write_text((ROOT / "configs" / "conservative.yaml").read_text("utf-8"), "utf-8")
    assert "real money" in say(paper, "kill", file=file, code=2)
    # The mark is set all the same: it can only keep a fleet from trading.
    assert beside(file, {}).kill.exists()
    assert "Aborted" in say(paper, "flatten", file=file, code=1)
