"""A run's summary: exact for machines, readable for people."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from fleet.control.state import FleetState
from fleet.views.sample import crowded_state, sample_state
from fleet.views.summary import expect_writable, render_summary, summary, summary_json, write_summary


def shown(state: FleetState, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(render_summary(state, width))
    return out.getvalue()


def test_the_shape_for_machines() -> None:
    state = replace(sample_state(), own_orders_left_open=0)
    told = json.loads(summary_json(state), parse_float=Decimal)
    assert set(told) == {"symbols", "fleet"}
    assert set(told["symbols"]["ASTERUSDT"]) >= {
        "fills", "volume_usd", "realised_pnl", "unrealised_pnl", "began_pnl", "fees", "funding", "position", "placed",
        "amended", "cancelled", "rejected", "restarts",
    }  # fmt: skip
    assert set(told["fleet"]) >= {
        "http_429", "http_418", "own_orders_left_open", "equity", "other_unrealised_pnl", "net_pnl", "peak_use", "reloads_applied", "reloads_refused",
        "first_quote_ms", "requests_by_class", "mean_stretch", "withdrawn",
    }  # fmt: skip
    assert list(told["symbols"]) == [s.symbol for s in state.symbols]
    assert told["fleet"]["peak_use"]["ORDERS_10S"] == Decimal(repr(262 / 300))
    assert told["symbols"]["ETHUSDT"]["position"] == Decimal("-0.128")


@pytest.mark.parametrize("digits", ["10019.12345678901234567890", "0E-8", "1E+3", "-0.10", "0"])
def test_money_is_a_number_with_all_its_digits(digits: str) -> None:
    told = json.loads(summary_json(replace(sample_state(), equity=Decimal(digits))), parse_float=Decimal)
    assert Decimal(told["fleet"]["equity"]) == Decimal(digits)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("0E-10"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-12E-10"), "-0.0000000012"),
        (Decimal("0.10"), "0.10"),
    ],
)
def test_no_number_has_an_exponent(value: Decimal, written: str) -> None:
    """Many readers, spreadsheets and shells among them, know none."""
    state = sample_state()
    told = replace(state, equity=value, symbols=(replace(state.symbols[0], fees=value),))
    lines = summary_json(told).decode().splitlines()
    assert f'"equity": {written},' in [line.strip() for line in lines]
    assert f'"fees": {written},' in [line.strip() for line in lines]


def test_a_place_that_cannot_be_written_is_known_before_the_run(tmp_path: Path) -> None:
    expect_writable(tmp_path / "s.json")
    expect_writable(Path(os.devnull))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        expect_writable(tmp_path / "nowhere" / "s.json")


def test_what_is_not_known_is_null() -> None:
    fleet = summary(FleetState("f", "paper", False, 0, 1))["fleet"]
    assert fleet["equity"] is None
    assert fleet["first_quote_ms"] is None
    assert fleet["peak_use"] == {}


def test_the_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("the one before")
    write_summary(sample_state(), path)
    assert path.read_bytes() == summary_json(sample_state())
    assert [p.name for p in tmp_path.iterdir()] == ["s.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "s.json")
    write_summary(sample_state(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "s.json").read_bytes() == summary_json(sample_state())


def test_a_missing_directory_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_summary(sample_state(), tmp_path / "nowhere" / "s.json")


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("state", [sample_state(), crowded_state(60)], ids=["ten", "sixty"])
def test_for_people_each_symbol_has_its_line(state: FleetState, width: int) -> None:
    lines = shown(state, width).splitlines()
    assert max(map(len, lines)) <= width
    for symbol in state.symbols:
        assert sum(line.startswith(symbol.symbol + " ") for line in lines) == 1


@pytest.mark.parametrize(
    ("left", "words"), [(0, "none of ours left open"), (2, "2 of ours may still be open: look before you leave")]
)
def test_it_ends_with_the_orders_left(left: int, words: str) -> None:
    assert shown(replace(sample_state(), own_orders_left_open=left), 100).rstrip().endswith(words)


@pytest.mark.parametrize(
    ("known", "written", "words"),
    [
        (0, None, "unknown whether any of ours is left open: look before you leave"),
        (2, 2, "2 of ours may still be open: look before you leave"),
    ],
)
def test_it_does_not_say_that_none_is_left_where_nobody_has_seen_that(
    known: int, written: int | None, words: str
) -> None:
    state = replace(sample_state(), own_orders_left_open=known, left_unknown=True)
    assert shown(state, 100).rstrip().endswith(words)
    fleet = summary(state)["fleet"]
    assert (fleet["own_orders_left_open"], fleet["left_unknown"]) == (written, True)


def test_what_is_no_result_of_the_run_is_told_apart_so_that_all_can_be_added_up() -> None:
    state = FleetState(
        "f", "paper", False, 0, 1, equity=Decimal("998.47"), wallet=Decimal(1000), realised_pnl=Decimal("-5.5"),
        unrealised_pnl=Decimal(-2), began_pnl=Decimal(-1), fees=Decimal("0.05"), other_unrealised_pnl=Decimal("0.47"),
    )  # fmt: skip
    told = shown(state, 120)
    assert "equity   998.47  wallet 1,000.00, unrealised -2.00, other positions of the account +0.47\n" in told
    net = "net PnL  -6.55  realised -5.50, unrealised -2.00 (-1.00 before this run), fees 0.05, funding 0.00\n"
    assert net in told
    told = shown(replace(state, other_unrealised_pnl=Decimal(0), began_pnl=Decimal(0)), 120)
    assert "other positions" not in told
    assert "before this run" not in told
    assert json.loads(summary_json(state), parse_float=Decimal)["fleet"]["net_pnl"] == Decimal("-6.55")


def test_a_fleet_that_did_nothing_has_a_summary_too() -> None:
    assert "equity   unknown" in shown(FleetState("f", "paper", False, 0, 1), 80)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (sample_state(), "requests 14,863: cancel 11%, reduce 14%, quote 15%, amend 60%, query 1%"),
        (sample_state(), "refresh intervals stretched ×1.2; 418 intents withdrawn in time"),
        (FleetState("f", "paper", False, 0, 1), "requests none"),
        (FleetState("f", "paper", False, 0, 1, http_429=1), "1 time 429, 0 times 418"),
        (FleetState("f", "paper", False, 0, 1), "refresh intervals as wished; 0 intents withdrawn in time"),
    ],
)
def test_what_the_budget_was_spent_on(state: FleetState, words: str) -> None:
    assert words in shown(state, 100)
