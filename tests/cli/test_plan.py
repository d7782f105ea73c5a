"""plan: the table for people, the JSON for pipes, and where it has its figures from."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import processes
import pytest
from click.testing import CliRunner, Result

from exchange.model import Depth
from exchange.paper import instruments as listed
from exchange.paper.recordings import RecordingWriter
from fleet.cli.main import main

ROOT = Path(__file__).parents[2]
SHIPPED = ["fleet.yaml", *sorted(f"configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml"))]
RECORDED = ROOT.parent / "shared" / "data" / "aster-2025-09-29"
SMALL = """\
fleet: a
venue: paper
defaults: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1, price_change_threshold: 3bps}
symbols: {ASTERUSDT: {}, BNBUSDT: {entry: long}}
"""
LARGE = SMALL.replace("price_change_threshold: 3bps", "price_change_threshold: 0, refresh_interval: 100ms")


def plan(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, arguments)], env={"COLUMNS": "80"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def parsed(*arguments: object) -> dict[str, Any]:
    result = plan(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_has_a_plan_that_fits_in_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "replay" in name and not RECORDED.exists():
        pytest.skip("no recorded markets beside the project")
    monkeypatch.chdir(ROOT)
    # Nobody is asked: what the file's exchange would say is taken to be as it is known.
    monkeypatch.setattr("fleet.cli.verdict.venue_facts", _silent)
    result = plan(name)
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "It fits" in result.stdout
    assert "\x1b" not in result.stdout


async def _silent(*_: object) -> object:
    from exchange.errors import Unavailable

    raise Unavailable("no answer")


def test_the_table(file: Path) -> None:
    result = plan(file, "--volatility", "15.49bps")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["symbol", "bps/min", "from", "amends/min", "gets", "refresh", "will", "be", "stretch"]
    # σ = 2 bps/√s, θ = 3 bps, r = 1 s: a quote is amended every 2.47 s.
    assert lines[1] == ["ASTERUSDT", "15.5", "given", "48.5", "48.5", "1s", "1s", "-"]
    assert lines[2] == ["BNBUSDT", "15.5", "given", "24.3", "24.3", "1s", "1s", "-"]
    assert [line[0] for line in lines[4:8]] == ["a", "REQUEST_WEIGHT_1M", "ORDERS_1M", "ORDERS_10S"]
    assert "a: 2 symbols, 3 quotes, policy value; a heartbeat of each symbol every 30s" in result.stdout
    assert "To fit" not in result.stdout


def test_what_does_not_fit_is_told_with_what_to_change(file: Path) -> None:
    file.write_text(LARGE, encoding="utf-8")
    result = plan(file, "--volatility", "15bps")
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    assert max(map(len, told)) <= 80
    assert any(line.startswith("It asks for 1800 amends a minute, and ORDERS_1M leaves ") for line in told)
    advice = [line.strip() for line in told[told.index("To fit, any one of:") + 1 :]]
    assert advice[0].startswith("refresh_interval of at least ")
    interval = advice[0].split()[4]
    file.write_text(LARGE.replace("100ms", interval), encoding="utf-8")
    assert "It fits" in plan(file, "--volatility", "15bps").stdout


def test_orders_that_would_never_be_placed_are_told_beside_what_fits(file: Path) -> None:
    file.write_text(f"{LARGE}risk: {{max_open_usd: 500}}\n", encoding="utf-8")
    result = plan(file)
    assert result.exit_code == 0
    (told,) = result.stderr.splitlines()  # what is slow, the table itself says
    assert told.startswith(f"warning: {file}:5:22: an order of ASTERUSDT and 1 more would be up to ")
    assert told.endswith("or smaller orders (balance_fraction, max_order_usd)")


def test_json_says_the_same(file: Path) -> None:
    file.write_text(LARGE, encoding="utf-8")
    shape = parsed(file, "--volatility", "15bps")
    assert (shape["fleet"], shape["fits"], shape["binding"]) == ("a", False, "ORDERS_1M")
    assert sum(each["amends_per_min_wanted"] for each in shape["symbols"]) == pytest.approx(1800)
    room = next(each["room_for_amends_per_min"] for each in shape["limiters"] if each["name"] == "ORDERS_1M")
    assert shape["amends_per_min_granted"] == pytest.approx(room, abs=0.01)
    for each in shape["symbols"]:
        assert each["refresh_s_granted"] == pytest.approx(each["refresh_s_wanted"] * each["stretch"], abs=0.001)
        assert each["source"] == "given"
    assert len(shape["advice"]) >= 2


def test_what_never_happens_is_null_and_never(file: Path) -> None:
    file.write_text(LARGE + "budget: {safety: 0.02}\ndead_man: {timeout: 1h}\n", encoding="utf-8")
    shape = parsed(file)
    assert [each["stretch"] for each in shape["symbols"]] == [None, None]
    assert " never " in plan(file).stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        SMALL.replace("1%", "1x"),
        SMALL.replace("ASTER", "ASTR"),
        SMALL.replace("balance_fraction: 0.1", "balance_fraction: 0.00001, leverage: 100"),
        SMALL + "dead_man: {timeout: 10s, share: 1%}\n",
        SMALL + "budget: {safety: 0.01}\n",
    ],
)
def test_faults_are_told_as_by_validate(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    ours, theirs = plan(file), CliRunner().invoke(main, ["validate", str(file)])
    assert ours.exit_code == theirs.exit_code == 2
    assert (ours.stdout, ours.stderr) == ("", theirs.stderr)


def test_without_more_the_figures_are_the_feeds_own(file: Path) -> None:
    assert [each["source"] for each in parsed(file)["symbols"]] == ["synthetic", "synthetic"]
    aster, bnb = parsed(file)["symbols"]
    assert aster["volatility_bps_per_min"] > 2 * bnb["volatility_bps_per_min"]


def record(directory: Path, symbol: str, volatility_bps: float) -> None:
    """Ten minutes of a random walk, looked at four times a second."""
    instrument, random, mid = listed.instrument(symbol), Random(1), 20_000.0
    writer = RecordingWriter(directory, instrument)
    for look in range(2400):
        mid *= math.exp(random.gauss(0, volatility_bps * 1e-4 / 2))
        ms = 1_700_000_000_000 + look * 250
        writer.book(Depth(symbol, look, ((round(mid), 5),), ((round(mid) + 1, 5),), ms, ms * 1000))
    writer.close()


def test_a_recording_is_measured(file: Path, tmp_path: Path) -> None:
    record(tmp_path / "data", "ASTERUSDT", 2.0)
    result = plan(file, "--recording", tmp_path / "data", "--json")
    assert result.stderr == f"note: {tmp_path / 'data'} holds nothing of BNBUSDT\n"
    aster, bnb = json.loads(result.stdout)["symbols"]
    assert (aster["source"], bnb["source"]) == ("recorded", "typical")
    # A quarter of a second between two looks, and ticks of half a bp: late at its barrier.
    assert aster["volatility_bps_per_min"] == pytest.approx(2 * math.sqrt(60), rel=0.25)


def test_a_replayed_recording_moves_as_fast_as_it_is_played(file: Path, tmp_path: Path) -> None:
    for symbol in ("ASTERUSDT", "BNBUSDT"):
        record(tmp_path / "data", symbol, 2.0)
    once, four = (
        parsed(_with(file, f"paper: {{feed: {{replay: data, speed: {speed}}}}}"))["symbols"][0] for speed in (1, 4)
    )
    assert once["source"] == four["source"] == "recorded"
    assert four["volatility_bps_per_min"] == pytest.approx(2 * once["volatility_bps_per_min"], rel=0.01)


def _with(file: Path, line: str) -> Path:
    file.write_text(f"{SMALL}{line}\n", encoding="utf-8")
    return file


def test_a_recording_of_none_of_the_symbols_is_an_error(file: Path, tmp_path: Path) -> None:
    record(tmp_path / "data", "ETHUSDT", 2.0)
    result = plan(file, "--recording", tmp_path / "data")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {tmp_path / 'data'} holds nothing of ASTERUSDT, BNBUSDT\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--volatility", "lots"], "a part of the price, such as 5bps or 0.05%"),
        (["--volatility", "0"], "a part of the price"),
        (["--volatility", "-5bps"], "a part of the price"),
        (["--volatility", "5bps", "--venue", "mainnet"], "exclude each other"),
        (["--recording", "no-such"], "does not exist"),
        (["--venue", "mainet"], "did you mean mainnet?"),
    ],
)
def test_wrong_options_are_told(file: Path, arguments: list[str], told: str) -> None:
    result = plan(file, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_an_exchange_that_does_not_answer_is_told_and_done_without(file: Path) -> None:
    result = plan(file, "--venue", "http://127.0.0.1:9", "--json")
    assert result.exit_code == 0
    assert result.stderr.startswith("note: no candles from http://127.0.0.1:9: ")
    assert [each["source"] for each in json.loads(result.stdout)["symbols"]] == ["typical", "typical"]


def test_candles_are_asked_of_an_exchange(file: Path) -> None:
    with processes.paper() as said:
        result = plan(file, "--venue", said["rest"], "--json")
    assert result.exit_code == 0, result.stderr
    for each in json.loads(result.stdout)["symbols"]:
        # Only just begun, it may have none: then that is told.
        assert each["source"] == "candles" or f"no candles of {each['symbol']} from" in result.stderr
