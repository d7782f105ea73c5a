"""report and volume: a ledger as its owner reads it, in a terminal of 80 columns or by a pipe."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ledger_words import MORNING_MS, OWNER, X, market, open_at, trade, traded

from exchange.model import FundingPayment, Place, Side
from fleet.cli.main import main
from fleet.config.credentials import Credentials
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.ledger.entries import Equity, FundingRead, Holding, Marked, OrderChanged
from fleet.ledger.store import Owner
from fleet.orders import lifecycle
from fleet.wiring.ledger import ledger_path, owner_of

FILE = """
fleet: a
venue: {venue}
symbols: {{XUSDT: {{buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}}}
{more}
"""
LARGE = 123_456


def config(venue: str = "paper", more: str = "", directory: Path | None = None) -> FleetConfig:
    return parse(FILE.format(venue=venue, more=more), "fleet.yaml", {}, directory).config


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet file and its ledger: a trade in the morning, and large ones a day later and on the day after."""
    monkeypatch.delenv("ASTERMM_LEDGERS", raising=False)
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE.format(venue="paper", more=""), "utf-8")
    with open_at(tmp_path / ".astermm" / "a-paper.sqlite3") as store:
        placed = lifecycle.placing(Place("XUSDT", "f:X:r:1", Side.BUY, 1000, 50), MORNING_MS * 1000)
        day_ms = 86_400_000
        store.write(
            [
                *traded(trade(1, Side.BUY, 1000, 100, fee="0.05"), ticker=market(1000, 1002)),
                *traded(trade(2, Side.BUY, LARGE, LARGE, pnl="-98765.4321", fee="12345.6789", at_ms=MORNING_MS + day_ms)),
                *traded(trade(3, Side.SELL, 1000, 40, pnl="1.5", fee="1", asset="ASTER", at_ms=MORNING_MS + 2 * day_ms)),
                Marked("XUSDT", 1, 1, Decimal("100.2")),
                Equity(MORNING_MS, Decimal("1000.5"), Decimal("0.5"), ()),
                Equity(MORNING_MS + day_ms, Decimal(900), Decimal(1), ()),
                Equity(MORNING_MS + 2 * day_ms, Decimal(1100), Decimal(-50), ()),
                FundingRead([FundingPayment("1:XUSDT", "XUSDT", Decimal("-2.5"), "USDT", MORNING_MS)], MORNING_MS),
                OrderChanged(X, replace(placed, order_id=1001), MORNING_MS * 1000),
            ]
        )  # fmt: skip
    return path


def ask(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", ["report", "volume"])
@pytest.mark.parametrize("by", ["symbol", "day", "both"])
def test_a_table_fits_eighty_columns_and_tells_all(file: Path, command: str, by: str) -> None:
    said = ask(command, file, "--by", by)
    assert said.exit_code == 0, said.output
    assert max(map(len, said.output.splitlines())) <= 80
    assert ("XUSDT" in said.output) is (by != "day")
    assert ("09-22" in said.output) is (by != "symbol")


def test_the_table_of_a_symbol(file: Path) -> None:
    [titles, line, total, other, equity, _, quality, marks, *_] = ask("report", file).output.splitlines()
    assert titles.split() == ["SYMBOL", "FILLS", "VOLUME", "REALISED", "FEES", "FUNDING", "NET", "INVENTORY"]
    told = ["3", "15,241,524", "-98,764", "12,346", "-2.50", "-111,112", "+123,516"]
    assert line.split() == ["XUSDT", *told]
    assert total.split() == ["all", *told]
    assert other == "not in it: -1 ASTER of fees and funding"
    assert equity == "equity of the account 1,050.00, +49.00 since 2026-09-21 14:13 UTC"
    assert quality.split() == ["SYMBOL", "ORDERS", "FILLED", "MAKER", "SPREAD", "bps", "1s", "10s", "60s"]
    assert marks.split() == ["XUSDT", "1", "100%", "100%", "+10.00", "+20.00", "-", "-"]


def test_for_pipes_every_digit_is_told(file: Path) -> None:
    told = json.loads(ask("report", file, "--json").output)
    [line] = told["lines"]
    assert line["symbol"] == "XUSDT"
    assert (line["realised"], line["fees"], line["funding"]) == ("-98763.9321", "12345.7289", "-2.5")
    assert (line["net"], line["position"], line["other"]) == ("-111112.1610", "1235.16", {"ASTER": "-1"})
    assert line["markouts"]["1s"] == {"usd": "0.200", "volume": "100.000", "bps": 20.0}
    assert told["total"]["fill_ratio"] == 1.0
    assert [worth["usd"] for worth in told["equity"]] == ["1001.0", "1050"]
    by_day = json.loads(ask("volume", file, "--json", "--by", "both").output)["lines"]
    assert [(each["day"], each["fills"]) for each in by_day] == [
        ("2026-09-21", 1), ("2026-09-22", 1), ("2026-09-23", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "fills"),
    [
        (["--since", "2026-09-22"], 2),
        (["--until", "2026-09-22"], 1),
        (["--since", "2026-09-22", "--until", "2026-09-23"], 1),
        (["--since", "2026-09-22T16:00+02:00", "--until", "2026-09-23T14:00"], 1),
        (["--since", "2100-01-01"], 0),
        (["--since", "0001-01-01T00:00+14:00", "--until", "9999-12-31T23:59-14:00"], 3),
        (["--until", "0001-01-01"], 0),
        (["--since", "9999-12-31", "--until", "9999-12-31"], 0),
        (["--since", "99999d", "--until", "9999-12-31"], 3),
    ],
)
def test_a_span_of_time(file: Path, options: list[str], fills: int) -> None:
    assert json.loads(ask("volume", file, "--json", *options).output)["total"]["fills"] == fills


@pytest.mark.parametrize(("ago", "days"), [("24h", 1), ("7d", 7), ("1.5d", 1.5)])
def test_so_long_ago(file: Path, ago: str, days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = MORNING_MS + round(days * 86_400_000)
    for off_ms, fills in ((-1000, 3), (1000, 2)):
        monkeypatch.setattr(time, "time_ns", lambda: (now_ms + off_ms) * 1_000_000)  # noqa: B023 called at once
        told = ask("volume", file, "--json", "--since", ago, "--until", "2100-01-01")
        assert json.loads(told.output)["total"]["fills"] == fills


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--ledger", "none.sqlite3"], 1, "error: there is no ledger at none.sqlite3: a fleet that runs writes one"),
        *(
            (["--since", said], 2, f"{said} is no moment: 2026-01-31, 2026-01-31T09:30, 24h or 7d")
            for said in ("yesterday", "-5d", "0d", "1e30d", "infd", "nand", "999999d", "-24h", "10000-01-01")
        ),
    ],
)
def test_what_cannot_be_told_is_told_in_a_line(file: Path, arguments: list[str], exit_code: int, said: str) -> None:
    answer = ask("report", file, *arguments)
    assert answer.exit_code == exit_code
    assert said in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("command", ["report", "volume"])
def test_a_time_of_which_nothing_is_on_record_is_told_once(file: Path, command: str) -> None:
    assert ask(command, file, "--until", "2026-01-01").output == "nothing is on record of testnet in that time\n"


@pytest.mark.parametrize("by", ["symbol", "day", "both"])
def test_what_is_held_is_told_though_nothing_was_done_in_that_time(file: Path, by: str) -> None:
    options = ["--since", "2027-01-01", "--until", "2028-01-01", "--by", by]
    [line, total] = ask("report", file, *options).output.splitlines()[1:3]
    assert [each.split()[-1] for each in (line, total)] == ["+123,516"] * 2
    told = json.loads(ask("report", file, *options, "--json").output)
    assert [each["position_usd"] for each in (*told["lines"], told["total"])] == ["123516.000"] * 2


def test_that_mid_was_not_known_of_all_trades_is_told(file: Path) -> None:
    told = ask("report", file).output.splitlines()
    assert "mid is known of so much volume: SPREAD 0.0%, 1s 0.0%, 10s 0.0%, 60s 0.0%" in told
    first_day = ask("report", file, "--until", "2026-09-22").output.splitlines()
    assert "mid is known of so much volume: 10s 0.0%, 60s 0.0%" in first_day
    marks = [Marked("XUSDT", 1, horizon_s, Decimal(100)) for horizon_s in (10, 60)]
    with open_at(file.parent / ".astermm" / "a-paper.sqlite3") as store:
        store.write(marks)
    assert "mid is known" not in ask("report", file, "--until", "2026-09-22").output


def test_what_is_by_no_order_of_the_fleets_is_told(file: Path) -> None:
    by_hand = "2 of these fills, {}, are by no order on record as the fleet's"
    assert ask("report", file).output.splitlines()[-1] == by_hand.format("net -111,110")
    assert ask("volume", file).output.splitlines()[-1] == by_hand.format("volume 15,241,424")
    told = json.loads(ask("report", file, "--json").output)
    assert (told["unattributed"]["fills"], told["unattributed"]["net"]) == (2, "-111109.6110")
    assert "on record as" not in ask("report", file, "--until", "2026-09-22").output


@pytest.mark.parametrize("command", ["report", "volume"])
def test_it_begins_with_the_ledger_and_tells_of_what_was_before(tmp_path: Path, command: str) -> None:
    (tmp_path / "fleet.yaml").write_text(FILE.format(venue="paper", more=""), "utf-8")
    begun_ms = MORNING_MS + 86_400_000
    with open_at(tmp_path / ".astermm" / "a-paper.sqlite3", now_ms=begun_ms) as store:
        store.write(
            [
                *traded(trade(1, pnl="-5"), trade(2, pnl="-7")),
                Equity(
                    begun_ms, Decimal(1), Decimal(0), (Holding("XUSDT", Decimal(2), Decimal(99), None, MORNING_MS + 2),)
                ),
            ]
        )
        before = "2 fills are from before the ledger began: see them with --since 2026-09-21"
        said = ask(command, tmp_path / "fleet.yaml").output.splitlines()
        assert said[-1] == before
        told = json.loads(ask(command, tmp_path / "fleet.yaml", "--json").output)
        assert (told["since_ms"], told["total"]["fills"]) == (begun_ms, 0)
        store.write(traded(trade(3, Side.SELL, 1020, 50, pnl="1.5", at_ms=begun_ms + 1, client_id="f:X:r:1")))
    assert ask(command, tmp_path / "fleet.yaml").output.splitlines()[-1] == before
    told = json.loads(ask(command, tmp_path / "fleet.yaml", "--json").output)
    assert (told["total"]["fills"], told["unattributed"]["fills"]) == (1, 0)
    if command == "report":
        [line] = told["lines"]
        assert (line["realised"], line["position"]) == ("1.5", "1.50"), "of what was held, and held from before"
    every = json.loads(ask(command, tmp_path / "fleet.yaml", "--since", "2026-09-21", "--json").output)
    assert (every["total"]["fills"], every["unattributed"]["fills"]) == (3, 2)
    assert "before the ledger" not in ask(command, tmp_path / "fleet.yaml", "--since", "2026-09-21").output


@pytest.mark.parametrize(
    ("other", "is_told"),
    [
        (replace(OWNER, name="key 1"), True),
        # An exchange that was begun anew, and another one.
        (replace(OWNER, is_new=True), False),
        (replace(OWNER, venue="mainnet"), False),
    ],
)
def test_that_there_are_trades_of_a_former_key_is_told(file: Path, other: Owner, is_told: bool) -> None:
    path = file.parent / ".astermm" / "a-paper.sqlite3"
    with open_at(path, other, MORNING_MS + 1) as store:
        store.write(traded(trade(9)))
    open_at(path, now_ms=MORNING_MS + 2).close()
    for command in ("report", "volume"):
        assert ("another key or user is on record, too" in ask(command, file).output) is is_told
        assert "another key or user" not in ask(command, file, "--all").output


def test_a_file_without_a_ledger_has_no_report(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE.format(venue="paper", more="ledger: null"), "utf-8")
    answer = ask("report", path)
    assert (answer.exit_code, answer.output) == (
        1, f"error: {path} says ledger: null, so that nothing was kept\n",
    )  # fmt: skip


# --- where it is, and whose


@pytest.mark.parametrize(
    ("venue", "more", "env", "path"),
    [
        ("paper", "", {}, "house/.astermm/a-paper.sqlite3"),
        ("mainnet", "", {"ASTERMM_LEDGERS": "/var/lib/x"}, "/var/lib/x/a-mainnet.sqlite3"),
        (
            "{rest: 'http://127.0.0.1:9090', stream: 'ws://127.0.0.1:9090', chain_id: 1}", "", {},
            "house/.astermm/a-127.0.0.1-9090.sqlite3",
        ),
        ("paper", "ledger: {path: kept/b.sqlite3}", {"ASTERMM_LEDGERS": "/var/lib/x"}, "house/kept/b.sqlite3"),
        ("paper", "ledger: {path: /abs/b.sqlite3}", {}, "/abs/b.sqlite3"),
        ("paper", "ledger: null", {"ASTERMM_LEDGERS": "/var/lib/x"}, None),
    ],
)  # fmt: skip
def test_where_the_ledger_is(venue: str, more: str, env: dict[str, str], path: str | None) -> None:
    found = ledger_path(config(venue, more, Path("house")), Path("house/fleet.yaml"), env)
    assert found == (None if path is None else Path(path))


def test_whose_trades_it_holds() -> None:
    v3, v1 = Credentials("0xABc", "0xdef", "0x1"), Credentials("", "", "", "public-key-of-somebody", "secret")
    assert owner_of(config(), None).is_new
    assert (owner_of(config("testnet"), v3).venue, owner_of(config("testnet"), v3).name) == ("testnet", "0xabc")
    assert "public-key" not in owner_of(config("testnet"), v1).name
    assert owner_of(config("testnet"), v1) != owner_of(config("testnet"), replace(v1, v1_public_key="another"))
    assert owner_of(config("mainnet"), v3) != OWNER
