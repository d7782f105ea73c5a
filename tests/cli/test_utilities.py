"""The utilities against a paper exchange in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import processes
import pytest
from click.testing import CliRunner, Result
from loguru import logger

from fleet.cli.main import main

BALANCES = ("--balance", "USDT=5000", "--balance", "USDF=3000")


@pytest.fixture(scope="module")
def venue() -> Iterator[dict[str, Any]]:
    with processes.paper(*BALANCES) as said:
        yield said


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Commands set logging up for a process of their own; keys in the environment are not for tests."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("API", "ASTERMM_")):
            monkeypatch.delenv(name)
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logger.remove()
    logger.configure(patcher=lambda _: None)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def ask(venue: dict[str, Any], *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--venue", venue["rest"]])


PRICE = r"\d+\.\d+"


@pytest.mark.parametrize(
    ("arguments", "heading", "line"),
    [
        (["price", "btcusdt", "AVAXUSDT"], "symbol bid ask mid mark spread bps", rf"AVAXUSDT( {PRICE}){{5}}"),
        (["depth", "BTCUSDT", "--limit", "3"], r"BTCUSDT \S+ \S+ UTC", rf"{PRICE} \d+\.\d {PRICE} {PRICE}"),
        (["balance"], "asset wallet unrealised PnL available", r"multi-assets mode: .* do not add up"),
        (["account"], "USD", r"available 8,000.00"),
        (["positions"], "no open positions", "no open positions"),
        (["orders"], "no open orders", "no open orders"),
        (["orders", "BTCUSDT"], "no open orders", "no open orders"),
    ],
)
def test_tables_for_people(venue: dict[str, Any], arguments: list[str], heading: str, line: str) -> None:
    result = ask(venue, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [re.sub(r"\s+", " ", each).strip() for each in result.stdout.splitlines()]
    assert re.fullmatch(heading, lines[0])
    assert re.fullmatch(line, lines[-1])
    assert all(each == each.rstrip() for each in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (
            ["price", "BTCUSDT"],
            ["symbol", "bid", "bid_qty", "ask", "ask_qty", "mid", "mark", "spread_bps", "exchange_ms"],
        ),
        (["trades", "BTCUSDT", "--limit", "2"], ["symbol", "id", "side", "price", "qty", "exchange_ms"]),
        (["depth", "BTCUSDT", "--limit", "3"], ["symbol", "update_id", "bids", "asks", "exchange_ms"]),
        (["balance"], ["asset", "wallet", "unrealised_pnl", "available"]),
        (
            ["account"],
            [
                *("multi_assets", "collateral", "unrealised_pnl", "equity", "position_margin", "order_margin"),
                *("maintenance_margin", "available", "assets"),
            ],
        ),
        (["positions"], []),
        (["orders"], []),
    ],
)
def test_json_for_pipes(venue: dict[str, Any], arguments: list[str], fields: list[str]) -> None:
    result = ask(venue, *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document: Any = json.loads(result.stdout, parse_float=lambda text: pytest.fail(f"{text} is no exact number"))
    rows: Any = document if result.stdout.startswith("[") else [document]
    assert [list(row) for row in rows] == [fields] * len(rows)
    assert bool(rows) is bool(fields)
    assert result.stdout.count("\n") == 1


def test_depth_gives_as_many_levels_as_asked_for_best_first(venue: dict[str, Any]) -> None:
    book = json.loads(ask(venue, "depth", "BTCUSDT", "--limit", "7", "--json").stdout)
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert (len(bids), len(asks)) == (7, 7)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_in_multi_assets_mode_collateral_is_counted_once(venue: dict[str, Any]) -> None:
    account = json.loads(ask(venue, "account", "--json").stdout)
    assert account["multi_assets"] is True
    assert Decimal(account["collateral"]) == Decimal(account["available"]) == 8000
    assert [(a["asset"], Decimal(a["wallet"])) for a in account["assets"]] == [("USDT", 5000), ("USDF", 3000)]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["price", "BTCUSD", "ETHUSDTT"], 2, "BTCUSD is not listed at {rest}: did you mean BTCUSDT?\nETHUSDTT is"),
        (["orders", "ATERUSDT"], 2, "did you mean ASTERUSDT?"),
        (["trades", "BTCUSDT", "--limit", "0"], 2, "--limit"),
        (["watch", "prices", "NOSUCHUSDT"], 2, "NOSUCHUSDT is not listed"),
        (["record", "NOSUCHUSDT", "--out", "somewhere"], 2, "NOSUCHUSDT is not listed"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    venue: dict[str, Any], arguments: list[str], exit_code: int, message: str
) -> None:
    result = ask(venue, *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message.format(**venue) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["price", "BTCUSDT", "--venue", "http://127.0.0.1:1"], 1, "nothing listens at http://127.0.0.1:1: start"),
        (["price", "BTCUSDT", "--venue", "mainet"], 2, "mainet is no venue: did you mean mainnet?"),
        (["price", "BTCUSDT", "--venue", "ftp://x"], 2, "ftp://x is no base URL"),
        (["price", "BTCUSDT", "--venue", "testnet", "--chain-id", "1"], 2, "go with a URL"),
        (["price"], 2, "Missing argument"),
        (["balance", "--venue", "https://venue.invalid"], 2, "no credentials: set API_USER"),
        (["paper", "--port", "0", "--symbols", "BTCUSD"], 2, "BTCUSD is not listed: did you mean BTCUSDT?"),
        (["paper", "--port", "0", "--feed", "nowhere"], 2, "nowhere: no such directory to replay from"),
        (["paper", "--port", "0", "--speed", "2"], 2, "--speed is for a recording"),
        (["paper", "--balance", "USDT=many"], 2, "USDT=many is no ASSET=AMOUNT"),
    ],
)
def test_a_venue_that_is_not_there_or_wrong_is_told(arguments: list[str], exit_code: int, message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert message in result.stderr


def test_the_venue_may_stand_in_the_environment(venue: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTERMM_VENUE", venue["rest"])
    assert CliRunner().invoke(main, ["price", "BTCUSDT"]).exit_code == 0


@pytest.mark.parametrize("names", [("API_USER", "API_PRIVATE_KEY"), ("APIV1_PUBLIC_KEY", "APIV1_PRIVATE_KEY")])
def test_keys_of_either_kind_open_the_account(
    venue: dict[str, Any], monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    for name in names:
        monkeypatch.setenv(name, venue["env"][name])
    assert json.loads(ask(venue, "balance", "--json").stdout)[0]["wallet"] == "5000.00000000"


def test_a_key_that_is_refused_is_not_shown(venue: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIV1_PUBLIC_KEY", "a" * 64)
    monkeypatch.setenv("APIV1_PRIVATE_KEY", "b" * 64)
    result = ask(venue, "balance")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert "bbb" not in result.stderr


# Commands that follow


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["prices", "BTCUSDT", "ETHUSDT"], {"symbol", "bid", "ask", "mid", "mark"}),
        (["depth", "BTCUSDT", "--levels", "5"], {"symbol", "bids", "asks"}),
        (["depth", "BTCUSDT", "--levels", "100"], {"symbol", "bids", "asks"}),
        (["trades", "BTCUSDT", "ETHUSDT"], {"symbol", "id", "side", "price", "qty"}),
    ],
)
def test_watching_gives_lines_until_its_time_is_over(
    venue: dict[str, Any], arguments: list[str], fields: set[str]
) -> None:
    code, out, err = processes.run("watch", *arguments, "--venue", venue["rest"], "--for", "2s", "--json")
    assert (code, err.split(" ", 1)[1].split()) == (0, ["INFO", "market", "stream:", "up"])
    events = [json.loads(line) for line in out.splitlines()]
    assert len(events) > 1
    assert all(fields <= event.keys() for event in events)


def test_watching_in_words(venue: dict[str, Any]) -> None:
    code, out, _ = processes.run("watch", "trades", "BTCUSDT", "--venue", venue["rest"], "--for", "2s")
    assert code == 0
    assert all(
        re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} BTCUSDT (buy |sell) \d+\.\d+ @ \d+\.\d", line) for line in out.splitlines()
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_good_end(venue: dict[str, Any], number: int) -> None:
    process = processes.start("watch", "prices", "BTCUSDT", "--venue", venue["rest"], "--for", "30s")
    assert process.stderr is not None
    assert "stream: up" in process.stderr.readline()
    process.send_signal(number)
    code, _, err = processes.end(process)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recorder_that_is_stopped_says_what_it_has(venue: dict[str, Any], tmp_path: Path, number: int) -> None:
    options = ["--out", str(tmp_path), "--venue", venue["rest"], "--for", "30s"]
    process = processes.start("record", "BTCUSDT", *options)
    processes.wait_until(lambda: any(tmp_path.glob("*.zst")), process)
    process.send_signal(number)
    code, out, err = processes.end(process)
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("BTCUSDT")


def test_a_reader_that_goes_away_ends_it_quietly(venue: dict[str, Any]) -> None:
    process = processes.start("watch", "prices", "BTCUSDT", "--json", "--venue", venue["rest"], "--for", "30s")
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["symbol"] == "BTCUSDT"
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=20) == 1
    assert "Traceback" not in err
    assert "rror" not in err
    process.stderr.close()


def test_a_line_that_breaks_is_told_and_taken_up_again(tmp_path: Path) -> None:
    with processes.paper("--symbols", "BTCUSDT") as first:
        port = first["rest"].rpartition(":")[2]
        watch = processes.start("watch", "prices", "BTCUSDT", "--venue", first["rest"], "--json", "--for", "60s")
        assert watch.stdout is not None
        watch.stdout.readline()
    again = processes.start("paper", "--port", port, "--for", "30s", "--symbols", "BTCUSDT")
    assert watch.stderr is not None
    told = [watch.stderr.readline() for _ in range(2)]
    while "up again" not in told[-1]:
        told.append(watch.stderr.readline())
    assert "connecting again in" in told[1]
    watch.terminate()
    assert processes.end(watch)[0] == 0
    again.terminate()
    assert processes.end(again)[0] == 0
