from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from exchange.errors import Unavailable
from fleet.cli import main as front_door
from fleet.cli.main import main
from fleet.config.faults import ConfigError, Fault

GOOD = """\
fleet: a
venue: paper
symbols:
  ASTERUSDT: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}
"""


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def fleet_file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_good_file_is_told_good(fleet_file: Path) -> None:
    result = run("validate", fleet_file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{fleet_file}: fleet a, 1 symbol: good\n"


def test_faults_of_the_file_go_to_stderr_with_exit_code_2(fleet_file: Path) -> None:
    fleet_file.write_text(GOOD.replace("1%", "1x").replace("fleet: a", "flet: a"), encoding="utf-8")
    result = run("validate", fleet_file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert [line.removeprefix(f"{fleet_file}:").split(":")[0] for line in result.stderr.splitlines()] == [
        "1",
        "4",
        "4",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "fleet: a\nvenue: paper\ndefaults: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}\n"
            "symbols:\n  ASTRUSDT: {refresh_interval: 20ms}\n  ETHUSDT: {leverage: 500}\n  BNBUSD: {}\n"
            "  BTCUSDT: {balance_fraction: 0.0001}\n",
            [
                "5:3: ASTRUSDT is not listed",
                "5:32: refresh_interval 20ms",
                "6:23: leverage 500",
                "7:3: BNBUSD is not listed",
                "8:31: an order of BTCUSDT would be",
            ],
        ),
        (
            "fleet: a\nvenue: paper\ndefaults: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 1x}\n"
            "symbols: {ASTRUSDT: {}, ETHUSDT: {}}\n",
            ["3:63: balance_fraction 1x", "4:11: ASTRUSDT is not listed"],
        ),
        (
            GOOD.replace("fleet: a", "fleet: A A").replace("ASTER", "ASTR") + "paper: {sed: 1, balance: {USDT: 1}}\n",
            ["1:8: fleet A A", "4:3: ASTRUSDT is not listed", "5:9: unknown key sed"],
        ),
    ],
    ids=["symbols", "defaults", "sections"],
)
def test_faults_of_the_file_and_of_the_exchange_are_told_at_once(fleet_file: Path, text: str, told: list[str]) -> None:
    fleet_file.write_text(text, encoding="utf-8")
    result = run("validate", fleet_file)
    assert result.exit_code == 2
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("note:", "warning:"))]
    assert len(lines) == len(told), lines
    assert all(line.startswith(f"{fleet_file}:{start}") for line, start in zip(lines, told, strict=True)), lines


def test_faults_that_only_the_exchange_can_tell_are_found_unless_offline(fleet_file: Path) -> None:
    fleet_file.write_text(GOOD.replace("ASTER", "ASTR"), encoding="utf-8")
    result = run("validate", fleet_file)
    assert (result.exit_code, result.stderr) == (
        2,
        f"{fleet_file}:4:3: ASTRUSDT is not listed: did you mean ASTERUSDT?\n",
    )
    assert run("validate", "--offline", fleet_file).exit_code == 0


@pytest.mark.parametrize("arguments", [["--offline"], ["--venue-check"]])
def test_warnings_are_told_and_the_file_is_good(fleet_file: Path, arguments: list[str]) -> None:
    fleet_file.write_text(GOOD.replace("0.1}", "0.1, leverage: 100}"), encoding="utf-8")
    result = run("validate", *arguments, fleet_file)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {fleet_file}:4:81: leverage 100: a move of 1%")


def test_order_sizes_are_reckoned_with_the_collateral_given(fleet_file: Path) -> None:
    result = run("validate", fleet_file, "--collateral", 20)
    assert result.exit_code == 2
    assert "below the exchange's minimum" in result.stderr
    assert run("validate", fleet_file, "--collateral", "much").exit_code == 2


def test_a_venue_that_does_not_answer_is_no_fault_of_the_file(
    fleet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> object:
        raise Unavailable("no answer from the exchange")

    monkeypatch.setattr("fleet.cli.verdict.venue_facts", silent)
    result = run("validate", fleet_file)
    assert result.exit_code == 0
    assert result.stderr == "note: not checked against the exchange: no answer from the exchange\n"


def test_up_refuses_what_validate_refuses_in_the_same_words(fleet_file: Path) -> None:
    fleet_file.write_text(GOOD + "dead_man: {timeout: 10s, share: 1%}\n", encoding="utf-8")
    validated, started = run("validate", fleet_file), run("up", fleet_file)
    assert (started.exit_code, started.stdout, started.stderr) == (2, "", validated.stderr)
    assert started.stderr.startswith(f"{fleet_file}:5:21: heartbeats of 1 symbol cost 1 x 10 weight every 5s")


def test_a_file_that_is_not_there_is_told() -> None:
    result = run("validate", "no-such.yaml")
    assert result.exit_code == 2
    assert result.stderr == "no-such.yaml: cannot be read: no such file or directory: a readable fleet file\n"


def test_schema_prints_json() -> None:
    assert json.loads(run("schema").stdout)["properties"]["fleet"]


def test_init_writes_a_file_that_validates_and_overwrites_none(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    assert run("init", path).exit_code == 0
    assert run("validate", path).exit_code == 0
    again = run("init", path)
    assert (again.exit_code, again.stderr) == (1, f"{path} exists, and is left as it is: give another name\n")
    assert run("init", tmp_path / "no" / "dir.yaml").stderr.startswith("error: No such file or directory: ")


def test_help_lists_every_command_without_importing_any(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> ModuleType:
        raise AssertionError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in front_door.COMMANDS)


def test_a_misspelt_command_is_told() -> None:
    result = run("valdate")
    assert result.exit_code == 2
    assert "no command 'valdate': did you mean validate?" in result.stderr


def test_a_command_whose_module_is_missing_is_told_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(front_door.COMMANDS, "gone", ("fleet.cli.gone", "Gone."))
    result = run("gone")
    assert (result.exit_code, result.stderr) == (1, "gone is not part of this installation\n")
    assert run("--help").exit_code == 0


def test_the_version_is_told() -> None:
    assert run("--version").stdout.startswith("astermm-fleet, version ")


def group(*errors: Exception) -> ExceptionGroup[Exception]:
    return ExceptionGroup("several", errors)


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (ConfigError([Fault("f", 1, 2, "wrong", "right")]), 2, "f:1:2: wrong: right\n"),
        (Unavailable("no answer", code=-1), 1, "error: no answer (-1)\n"),
        (FileNotFoundError(2, "No such file or directory", "x.log"), 1, "error: No such file or directory: x.log\n"),
        (ConnectionRefusedError(111, "Connection refused"), 1, "error: Connection refused\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.ClickException("no"), 1, "Error: no\n"),
        (group(Unavailable("a"), group(Unavailable("a"), Unavailable("b"))), 1, "error: a\nerror: b\n"),
        (ExceptionGroup("several", [ConfigError([Fault("f", 0, 0, "w", "r")])]), 2, "f: w: r\n"),
    ],
)
def test_an_error_becomes_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, exit_code: int, message: str
) -> None:
    result = run_failing(monkeypatch, error)
    assert (result.exit_code, result.stderr) == (exit_code, message)


def test_a_bug_shows_its_place_and_not_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_failing(monkeypatch, KeyError("0xsecret"))
    assert result.exit_code == 70
    assert "a bug in astermm-fleet (KeyError at test_cli_config.py:" in result.stderr
    assert "secret" not in result.stderr
    monkeypatch.setenv("ASTERMM_TRACEBACK", "1")
    assert isinstance(run_failing(monkeypatch, KeyError("x")).exception, KeyError)


def run_failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    @click.command()
    def failing() -> None:
        raise error

    module = ModuleType("fleet.cli.failing")
    module.failing = failing  # pyright: ignore[reportAttributeAccessIssue]  # a module made for this test
    monkeypatch.setitem(sys.modules, "fleet.cli.failing", module)
    monkeypatch.setitem(front_door.COMMANDS, "failing", ("fleet.cli.failing", "Fails."))
    return run("failing")
