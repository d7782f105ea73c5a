"""The live view fits every terminal, leaves nothing out unsaid, and gives the terminal back."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fleet.control.state import BudgetState, EventLine, FleetState, LimiterState, Phase, StreamState, SymbolState
from fleet.views.budget import bar
from fleet.views.picture import picture
from fleet.views.sample import NOW_MS, crowded_state, sample_state
from fleet.views.table import most_active, symbol_table
from fleet.views.terminal import render, run

YOUNG = FleetState("f", "paper", False, 0, 0)


def page(state: FleetState, width: int, height: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height, color_system=None).print(render(state, width, height))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 160, 240])
@pytest.mark.parametrize("count", [0, 1, 8, 60, 200])
@pytest.mark.parametrize("height", [24, 40, 60])
def test_a_page_fits_and_shows_every_symbol_or_says_how_many_more(width: int, count: int, height: int) -> None:
    state = crowded_state(count)
    lines = page(state, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    shown = sum(line.startswith(" COIN") for line in lines)
    more = sum(int(line.split()[0]) for line in lines if " more: " in line)
    assert shown + more == count
    assert any(line.startswith(" equity") for line in lines)
    assert any(line.startswith(" orders / 10s") for line in lines)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 200), height=st.integers(1, 60), count=st.sampled_from((0, 1, 8, 60)))
def test_no_size_breaks_it(width: int, height: int, count: int) -> None:
    lines = page(crowded_state(count), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_before_anything_is_known() -> None:
    text = "\n".join(page(YOUNG, 80, 24))
    assert "equity –" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (sample_state(), "config v3"),
        (sample_state(), "4 reducing · 4 quoting · 1 stale · 1 backoff"),
        (replace(sample_state(), live=True, venue="mainnet"), " LIVE  mainnet"),
        (replace(sample_state(), venue="testnet"), "test testnet"),
        (
            replace(sample_state(), other_unrealised_pnl=Decimal("0.47")),
            "9.45   other positions +0.47   net +9.45   re",
        ),
        (
            replace(sample_state(), began_pnl=Decimal(-1)),
            "net +10.45   realised +19.80   unrealised -0.26   before this",
        ),
        (replace(sample_state(), stopping=True), "stopping: own orders are being cancelled"),
        (replace(sample_state(), http_429=2), "the venue answered 2 times 429, 0 times 418"),
        (
            replace(sample_state(), paused_until_ms=NOW_MS + 12_000, pause_reason="429"),
            "sending nothing for 12s: 429",
        ),
        (
            replace(sample_state(), last_reload_error="fleet.yaml:3:5: no\nsuch key"),
            "reload refused, config v3 stays: fleet.yaml:3:5: no such key",
        ),
        (
            replace(sample_state(), streams=(StreamState("market", False, NOW_MS - 4000, reconnects=2),)),
            "✗ market  DOWN 4s  lag –  0 streams  2 reconnects",
        ),
        (replace(sample_state(), events=(EventLine(0, "ERROR", None, "two\nlines"),)), "00:00:00  error"),
    ],
)
def test_what_must_be_seen(state: FleetState, words: str) -> None:
    assert words in "\n".join(page(state, 120, 40))


BUDGET = BudgetState(by_class={"cancel": 1, "reduce": 0, "quote": 2, "amend": 7, "query": 0})
CALM = replace(sample_state(), budget=BUDGET)


@pytest.mark.parametrize(
    ("state", "height", "words"),
    [
        (CALM, 24, "budget ● nominal 0 waiting – bps mean"),
        (CALM, 40, "budget ● nominal 0 waiting policy value 0 withdrawn in time"),
        (CALM, 40, "sent / 1m 10 cancel 10% reduce 0% quote 20% amend 70% query 0%"),
        (CALM, 40, "quote error – bps mean – worst – 0 missing"),
        (sample_state(), 24, "○ stretched ×1.3 8 waiting 1.2 bps mean 3.1 worst HYPEUSDT"),
        (crowded_state(200), 40, "○ stretched ×9.0 200 waiting policy value"),
        (crowded_state(200), 40, "18 bps mean 38 worst COIN110USDT 4 missing"),
        (replace(CALM, paused_until_ms=NOW_MS + 61_000), 40, "budget ○ paused 1m 01s"),
        (replace(CALM, paused_until_ms=NOW_MS), 40, "budget ● nominal"),
        (YOUNG, 40, "sent / 1m 0"),
    ],
)
def test_the_budget_is_told_in_one_line_and_on_a_tall_terminal_in_three(
    state: FleetState, height: int, words: str
) -> None:
    assert words in " ".join(" ".join(page(state, 80, height)).split())


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_changes_from_one_moment_to_the_next_keeps_its_place(width: int) -> None:
    """Each word of the budget's lines stands where it stood, whatever the figures beside it."""
    calm, busy = replace(CALM, symbols=crowded_state(200).symbols), crowded_state(200)

    def places(state: FleetState) -> dict[str, int]:
        lines = [line for line in page(state, width, 40) if line.startswith((" budget", " sent", " quote error"))]
        words = ("waiting", "policy", "cancel", "reduce", "quote ", "amend", "query", "bps mean", "worst", "missing")
        return {word: line.index(word) for line in lines for word in words if word in line}

    assert places(calm) == places(busy)
    assert len(places(calm)) == 10


@pytest.mark.parametrize(
    ("symbol", "cells"),
    [
        ({"stretch": 1.04, "error_bps": 0.26}, ["×1.0", "0.3"]),
        ({"stretch": 9.96, "error_bps": 12.4}, ["×10", "12"]),
        ({"stretch": 5000.0, "error_bps": 1234.5}, ["×999", "999"]),
        ({"error_bps": 3.0, "missing_quotes": 1}, ["×1.0", "gap"]),
        ({}, ["×1.0", "–"]),
        ({"phase": Phase.STALE, "stretch": 3.0}, ["–", "–"]),
    ],
)
def test_how_late_and_how_wrong_a_symbol_is(symbol: dict[str, Any], cells: list[str]) -> None:
    one = replace(SymbolState("X", "ping_pong", Phase.QUOTING), **symbol)
    titles, row = symbol_table([one], 200, 9)
    names = titles.plain.split()
    # The state is a mark and a word.
    values = row.plain.replace("● ", "").replace("○ ", "").split()
    assert [values[names.index("×REF")], values[names.index("ERR")]] == cells


def test_a_pause_that_is_over_is_not_shown() -> None:
    assert "sending nothing" not in "\n".join(page(replace(sample_state(), paused_until_ms=NOW_MS), 120, 40))


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (160, ["BID", "-bps", "ASK", "+bps", "USD", "×REF", "ERR", "SHARE", "REQ"]),
        (120, ["BID", "-bps", "ASK", "+bps", "×REF", "ERR", "SHARE"]),
        (100, ["-bps", "+bps", "×REF", "ERR"]),
        (80, ["-bps", "+bps", "ERR"]),
    ],
)
def test_columns_give_way_in_order(width: int, columns: list[str]) -> None:
    (titles,) = [line.split() for line in page(sample_state(), width, 30) if line.startswith(" SYMBOL")]
    movable = {"BID", "-bps", "ASK", "+bps", "USD", "×REF", "ERR", "SHARE", "REQ"}
    assert [title for title in titles if title in movable] == columns


def test_trouble_and_activity_are_shown_first_in_the_fleets_order() -> None:
    def symbol(name: str, phase: Phase, fills: int = 0, position: str = "0") -> SymbolState:
        return SymbolState(name, "ping_pong", phase, fills=fills, position=Decimal(position))

    symbols = [
        symbol("IDLE", Phase.QUOTING),
        symbol("BUSY", Phase.QUOTING, fills=9),
        symbol("HELD", Phase.REDUCING, position="-1"),
        symbol("SICK", Phase.QUARANTINED),
    ]
    shown, hidden = most_active(symbols, 3)
    assert [s.symbol for s in shown] == ["HELD", "SICK"]
    assert [s.symbol for s in hidden] == ["IDLE", "BUSY"]
    assert most_active(symbols, 4) == (symbols, [])


@pytest.mark.parametrize(
    ("used", "text"),
    [(0, "░░░░░░░░░┃"), (1, "█░░░░░░░░┃"), (50, "█████░░░░┃"), (89, "█████████┃"), (120, "█████████┃")],
)
def test_a_bar_shows_use_and_where_our_allowance_ends(used: int, text: str) -> None:
    assert bar(LimiterState("ORDERS_10S", used, 90, 100), 10).plain == text


def test_without_colour_the_words_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    console = Console(file=out, width=120, height=30, force_terminal=True, color_system="truecolor")
    console.print(render(sample_state(), 120, 30))
    assert "\x1b[3" not in out.getvalue()
    assert "reducing" in out.getvalue()


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_the_terminal_is_given_back(how: str) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True)
    frames = 0

    def state() -> FleetState:
        nonlocal frames
        frames += 1
        if frames == 3:
            if how == "failed":
                raise RuntimeError("no state")
            scope.cancel()
        return sample_state()

    with anyio.CancelScope() as scope:
        if how == "failed":
            with pytest.raises(RuntimeError):
                await run(state, console, refresh_hz=1000)
        else:
            await run(state, console, refresh_hz=1000)
    written = out.getvalue()
    assert written.startswith("\x1b[?1049h")
    assert "ASTERUSDT" in written
    assert written.rindex("\x1b[?1049l") > written.rindex("ASTERUSDT")
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_the_picture_in_the_docs_is_up_to_date() -> None:
    drawn = picture()
    assert drawn == picture()
    stored = (Path(__file__).parents[2] / "docs" / "terminal.svg").read_text(encoding="utf-8")
    assert stored == drawn, "run: python -m fleet.views.picture > docs/terminal.svg"
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
