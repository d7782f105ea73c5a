"""The live view fits every terminal, leaves nothing out unsaid, and gives the terminal back."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fleet.control.state import EventLine, FleetState, LimiterState, Phase, StreamState, SymbolState
from fleet.views.picture import picture
from fleet.views.sample import NOW_MS, crowded_state, sample_state
from fleet.views.table import most_active
from fleet.views.terminal import bar, render, run

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


def test_a_pause_that_is_over_is_not_shown() -> None:
    assert "sending nothing" not in "\n".join(page(replace(sample_state(), paused_until_ms=NOW_MS), 120, 40))


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (160, ["BID", "-bps", "ASK", "+bps", "USD", "REQ"]),
        (120, ["BID", "-bps", "ASK", "+bps", "REQ"]),
        (100, ["BID", "-bps", "ASK", "+bps", "REQ"]),
        (80, ["-bps", "+bps", "REQ"]),
    ],
)
def test_columns_give_way_in_order(width: int, columns: list[str]) -> None:
    (titles,) = [line.split() for line in page(sample_state(), width, 30) if line.startswith(" SYMBOL")]
    assert [title for title in titles if title in {"BID", "-bps", "ASK", "+bps", "USD", "REQ"}] == columns


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
