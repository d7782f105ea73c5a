"""Each benchmark runs and answers with sane rows at tiny sizes. How quick anything is is never asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import samples
from bench.__main__ import BENCHMARKS, main
from bench.rows import Row, percentile
from exchange.protocol import frames

CASES = {
    "signing": ["a new order's message"],
    "decode": [
        "bookTicker to struct",
        "bookTicker to event",
        "markPrice to struct",
        "markPrice to event",
        "ORDER_TRADE_UPDATE to struct",
        "ORDER_TRADE_UPDATE to event",
    ],
    "book-to-order": ["p50", "p99"],
    "fill-to-order": ["p50", "p99"],
    "scale": ["2 symbols, CPU", "2 symbols, memory"],
    "exchange": ["an order, memory", "an order, sockets (server CPU)", "a market event, 3 symbols"],
}


def test_there_is_a_case_for_each_benchmark() -> None:
    assert list(CASES) == list(BENCHMARKS)


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not to be had on Windows")
@pytest.mark.parametrize("name", CASES)
def test_a_benchmark_has_a_figure_and_a_baseline_for_each_case(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    result = CliRunner().invoke(main, [name, "--quick", "--json", str(file)], catch_exceptions=False)
    assert result.exit_code == 0
    told, *shown = result.output.splitlines()
    written = json.loads(file.read_text())
    rows = written["rows"]
    assert told == written["machine"]
    assert "CPython" in told
    assert [row["case"] for row in rows] == CASES[name]
    for row in rows:
        assert row["ours"] > 0
        assert row["baseline"] > 0
        assert row["ratio"] == row["baseline"] / row["ours"]
        assert any(row["case"] in line for line in shown)


def test_no_benchmark_of_an_unknown_name() -> None:
    result = CliRunner().invoke(main, ["singing"])
    assert result.exit_code == 2
    assert "'singing' is not one of" in result.output


@pytest.mark.parametrize(
    ("samples_us", "share", "expected"),
    [
        ([5.0], 0.5, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (list(map(float, range(100))), 0.5, 50.0),
        (list(map(float, range(100))), 0.99, 99.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_percentile(samples_us: list[float], share: float, expected: float) -> None:
    assert percentile(samples_us, share) == expected


def test_a_ratio_says_how_many_times_less_ours_is() -> None:
    assert Row("signing", "one", "us", 50.0, 200.0, "another").ratio == 4.0


def test_made_frames_stand_in_where_no_recording_is(tmp_path: Path) -> None:
    made, origin = samples.book_tickers(3, tmp_path / "absent.jsonl.gz")
    assert origin == "made"
    tickers = [frames.decode_envelope(frame).data for frame in made]
    assert [each.update_id for each in tickers if isinstance(each, frames.BookTickerFrame)] == [1, 2, 3]
