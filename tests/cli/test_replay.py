"""replay: incidents as their owner finds them in a ledger, and what led up to one, step by step."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ledger_words import open_at
from processes import end, run, start, wait_until
from recorded_table import SECOND, Table
from runtime_fakes import EPOCH_US

from exchange.errors import OutcomeUnknown
from fleet.cli.main import main
from fleet.ledger.entries import Incident
from fleet.runtime.flight import Flights
from strategies.base import Decision, Situation
from strategies.ping_pong import PingPong

FILE = """
fleet: a
venue: paper
control: null
defaults: {buy_spread: 5bps, sell_spread: 5bps, balance_fraction: 0.3}
symbols: {ASTERUSDT: {}, SOLUSDT: {}}
"""
AT_S = 40
"""After so many seconds the answer to a cancel is lost."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with an incident that is recorded (1), the one after it (2), and one in a file that was cut (3)."""
    monkeypatch.delenv("ASTERMM_LEDGERS", raising=False)
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE, "utf-8")
    flights = Flights()
    table = Table(flights.of("XUSDT"))
    table.places()
    for _ in range(AT_S - 2):
        table.look()
    [change, *_] = table.desk.plan(table.now_us).changes or [None]
    assert change is not None, "an amendment is wanted"
    action = table.desk.sending(change, table.now_us)
    table.desk.failed(action, OutcomeUnknown("no answer within 5 s"), table.now_us)
    now_ms = table.now_us // 1000
    with open_at(tmp_path / ".astermm" / "a-paper.sqlite3") as store:
        store.write(
            [
                Incident(
                    now_ms, "unknown outcome", "of the amend", "XUSDT", flights.cut("XUSDT", "unknown outcome", now_ms)
                ),
                Incident(
                    now_ms + 1,
                    "unknown outcome",
                    "the next",
                    "XUSDT",
                    flights.cut("XUSDT", "unknown outcome", now_ms + 1),
                ),
                Incident(now_ms + 2, "crash", "the file was cut", "XUSDT", Cut()),
            ]
        )
    return path


class Cut:
    def packed(self) -> bytes:
        return b"\x93\x01"


def ask(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *(str(argument) for argument in arguments)])


def test_without_a_number_the_incidents_are_listed(file: Path) -> None:
    _, first, second, third, note = ask(file).output.splitlines()
    assert re.fullmatch(r" *1  .* XUSDT   unknown outcome  of the amend", first)
    assert re.fullmatch(r" *2\*  .* XUSDT   unknown outcome  the next", second)
    assert "3  " in third
    assert note == "* what led up to it is not on record"
    listed = json.loads(ask(file, "--json").output)
    assert [(each["id"], each["kind"], each["is_recorded"]) for each in listed] == [
        (1, "unknown outcome", True), (2, "unknown outcome", False), (3, "crash", True),
    ]  # fmt: skip


def test_each_step_tells_what_came_what_was_believed_wanted_and_sent(file: Path) -> None:
    said = ask("1", file)
    assert said.exit_code == 0, said.output
    head, *steps = said.output.splitlines()
    assert head.startswith("incident 1, 2023-11-14 ")
    assert head.endswith("XUSDT: unknown outcome: of the amend")
    text = "\n".join(steps)
    assert "around: market line: up, account line: up, dead-man's switch: armed, leverage: 1" in text
    assert re.search(r"a new desk begins\n +believes +position 0\.00; no orders\n", text)
    assert re.search(r"looks: \d+\.\d / \d+\.\d, mark \d+\n", text)
    assert re.search(r" wants +buy .* at .*, sell .* at ", text)
    assert re.search(r" asks to +place buy .* at .*, place sell .* at ", text)
    assert re.search(r"sends place buy .* at ", text)
    assert re.search(r"answer to place: buy .* is NEW \(f:XUSDT:", text)
    assert re.search(r"\+0\.000s  amend of f:XUSDT:\S+ failed: OutcomeUnknown: no answer within 5 s", text)
    assert re.search(r"believes +position 0\.00; .* unknown", text)
    assert re.fullmatch(r"\d+ steps, and every plan is as it was recorded", steps[-1])


@pytest.mark.parametrize(("around", "first_s"), [("5s", 5), ("500ms", 1), ("1h", AT_S - 2)])
def test_only_what_is_near_is_shown(file: Path, around: str, first_s: int) -> None:
    told = json.loads(ask("1", file, "--around", around, "--json").output)
    seconds = [step["seconds"] for step in told["steps"]]
    assert -first_s <= seconds[0] < -first_s + 1.5
    assert seconds[-1] == 0


def test_that_no_step_is_so_near_is_told(tmp_path: Path, file: Path) -> None:
    flights = Flights()
    table = Table(flights.of("XUSDT"))
    table.look()
    later_ms = table.now_us // 1000 + 12_345
    with open_at(tmp_path / ".astermm" / "a-paper.sqlite3") as store:
        store.write([Incident(later_ms, "pause", "a pause", "XUSDT", flights.cut("XUSDT", "pause", later_ms))])
    said = ask("4", file, "--around", "3s")
    assert said.exit_code == 0, said.output
    assert re.fullmatch(
        r"incident 4, .*: pause: a pause\n"
        r"\nno step is within 3 s of it: the nearest one is 12\.\d{3} s before\n"
        r"\n\d+ steps in all, and every plan is as it was recorded\n",
        said.output,
    )
    assert "no step is within" not in ask("4", file, "--around", "13s").output
    assert json.loads(ask("4", file, "--around", "3s", "--json").output)["steps"] == []


def test_an_incident_told_in_several_lines_is_one_line_of_the_list(tmp_path: Path, file: Path) -> None:
    with open_at(tmp_path / ".astermm" / "a-paper.sqlite3") as store:
        store.write([Incident(EPOCH_US // 1000, "reload refused", "f:1:1: one\nf:2:1: two", None, None)])
    assert ask(file).output.splitlines()[4].endswith(" all     reload refused   f:1:1: one f:2:1: two")


def test_for_pipes_each_step_is_an_object(file: Path) -> None:
    told: dict[str, Any] = json.loads(ask("1", file, "--json").output)
    assert (told["id"], told["symbol"], told["left_out"]) == (1, "XUSDT", [])
    first, last = told["steps"][0], told["steps"][-1]
    assert (first["step"], first["at_us"]) == ("Checkpoint", EPOCH_US + SECOND)
    assert (last["step"], last["difference"], last["position_lots"]) == ("Failed", "", 0)
    assert sorted(order["phase"] for order in last["orders"]) == ["open", "unknown"]


def test_another_decision_is_told_with_its_step_and_the_exit_code(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = PingPong.decide

    def cheaper(self: PingPong, state: None, at: Situation) -> tuple[None, Decision]:
        _, decision = decide(self, state, at)
        quotes = tuple(replace(quote, price_ticks=quote.price_ticks - 1) for quote in decision.quotes)
        return None, replace(decision, quotes=quotes)

    monkeypatch.setattr(PingPong, "decide", cheaper)
    said = ask("1", file)
    assert said.exit_code == 1
    assert re.search(r"\n +DIFFERS +another plan was made then\n", said.output)
    assert re.search(
        r"this program decides otherwise than the one that was recorded, in \d+ of \d+ steps; it was", said.output
    )
    assert "it was recorded by version 1" in said.output
    assert "every plan is as it was recorded" not in said.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["7"], 1, "error: there is no incident 7 on record: replay without a number shows which there are"),
        (["9" * 19], 1, f"error: there is no incident {'9' * 19} on record: "),
        (["9" * 5000], 1, "on record: replay without a number shows which there are"),
        (["²"], 2, "² is no number of an incident"),
        (["2"], 1, "error: what led up to incident 2 is not on record, but to 1, 0.001 s before: "),
        (["3"], 1, "error: incident 3 cannot be replayed: it is damaged, or was recorded by another version"),
        (["one"], 2, "one is no number of an incident"),
        (["1", "--around", "1e999s"], 2, "1e999s is no duration"),
        (["1", "--around", "never"], 2, "never is no duration"),
        (["1", "--ledger", "none.sqlite3"], 1, "error: there is no ledger at none.sqlite3"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_line(file: Path, arguments: list[str], exit_code: int, said: str) -> None:
    answer = ask(arguments[0], file, *arguments[1:])
    assert answer.exit_code == exit_code
    assert said in answer.output
    assert "Traceback" not in answer.output


def on_record(ledger: Path, table: str) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_of_a_real_fleet_an_incident_is_replayed(tmp_path: Path) -> None:
    path, ledger = tmp_path / "fleet.yaml", tmp_path / ".astermm" / "a-paper.sqlite3"
    path.write_text(FILE, "utf-8")
    fleet = start("up", "fleet.yaml", "--plain", "--for", "60s", cwd=tmp_path)
    wait_until(lambda: on_record(ledger, "orders") >= 4, fleet)
    path.write_text(FILE + "nonsense: 1\n", "utf-8")
    wait_until(lambda: on_record(ledger, "incidents") >= 1, fleet)
    fleet.terminate()
    assert end(fleet)[0] == 0
    path.write_text(FILE, "utf-8")
    code, listed, err = run("replay", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "reload refused" in listed
    code, told, err = run("replay", "1", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert told.splitlines()[-1].endswith("steps, and every plan is as it was recorded")
    assert {"ASTERUSDT", "SOLUSDT"} <= set(told.splitlines())
