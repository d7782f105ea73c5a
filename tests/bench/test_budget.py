"""The budget's benchmark: its markets and its arithmetic, and that it runs. What figures come out is never asserted."""

from __future__ import annotations

import json
from itertools import islice, pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.budget import main
from bench.budget_figures import jain
from bench.budget_market import SOURCES, cast, recorded_markets
from exchange.model import Side
from exchange.paper.instruments import instrument

TICKS = {"ASTERUSDT": 18_000, "BNBUSDT": 10_000, "BTCUSDT": 1_136_000, "ETHUSDT": 41_000}


def test_each_source_is_played_by_as_many_symbols_each_its_own() -> None:
    roles = cast(60, 1000)
    assert [(source, sum(role.source == source for role in roles)) for source in SOURCES] == [
        (source, 15) for source in SOURCES
    ]
    assert len({role.symbol for role in roles}) == 60
    assert [role.place for role in roles] == [*range(15)] * 4


@pytest.mark.parametrize(("count", "by_source"), [(4, [1, 1, 1, 1]), (6, [2, 2, 1, 1])])
def test_a_number_that_four_does_not_divide(count: int, by_source: list[int]) -> None:
    roles = cast(count, 1000)
    assert [sum(role.source == source for role in roles) for source in SOURCES] == by_source


def test_equal_markets_have_the_sizes_in_turn() -> None:
    sizes = [role.size for role in cast(12, 1000, (1, 4)) if role.source == "BTCUSDT"]
    assert sizes == [1, 4, 1]


def test_more_symbols_than_there_are_is_told() -> None:
    with pytest.raises(ValueError, match="symbols can play BTCUSDT, not 75"):
        cast(300, 1000)


@pytest.mark.parametrize(("shares", "index"), [([3, 3, 3], 1), ([9, 0, 0], 1 / 3), ([1, 1, 0], 2 / 3), ([0, 0], 1)])
def test_jain(shares: list[float], index: float) -> None:
    assert jain(shares) == pytest.approx(index)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Five books of each source, a tick apart and a quarter of a second."""
    day = tmp_path / "a-day"
    day.mkdir()
    for source, ticks in TICKS.items():
        own = instrument(source)
        rows = ["unix_timestamp,lastUpdateId,bid_price_1,bid_qty_1,ask_price_1,ask_qty_1"]
        for number in range(5):
            bid, ask = own.price_text(ticks + number), own.price_text(ticks + number + 1)
            rows.append(f"{1000 + number / 4},{number + 1},{bid},1000,{ask},2000")
        (day / f"orderbook_{source}.csv").write_text("\n".join(rows))
        (day / f"trades_{source}.csv").write_text("id,unix_timestamp_ms,side,price,quantity\n")
    return tmp_path


def test_a_recording_goes_there_and_back_and_never_jumps(recordings: Path) -> None:
    roles = cast(8, 1000)
    opened = recorded_markets(recordings, roles, seed=1)
    for role in roles:
        market = opened(instrument(role.symbol), 1_000_000)
        bids: list[int] = []
        times: list[int] = []
        for _ in islice(iter(int, 1), 20):
            best = market.best_bid()
            due_us = market.next_us()
            assert best is not None
            assert due_us is not None
            bids.append(best[0] - TICKS[role.source])
            times.append(due_us)
            market.advance(due_us, lambda trade: None)
        assert set(bids) == {0, 1, 2, 3, 4}
        assert {abs(later - earlier) for earlier, later in pairwise(bids)} == {1}
        assert {later - earlier for earlier, later in pairwise(times)} == {250_000}


def test_equal_markets_begin_at_places_of_their_own_and_sizes_are_worth_the_same(recordings: Path) -> None:
    roles = [role for role in cast(12, 1000) if role.source == "ASTERUSDT"]
    opened = recorded_markets(recordings, cast(12, 1000), seed=1)
    walks: list[tuple[int, ...]] = []
    for role in roles:
        market = opened(instrument(role.symbol), 0)
        ((ticks, lots),) = market.levels(Side.BUY, 9)
        assert float(market.instrument.notional(ticks, lots)) == pytest.approx(1800, rel=0.001)
        market.advance(250_000, lambda trade: None)
        walks.append((ticks, *(ticks for ticks, _ in market.levels(Side.BUY, 9))))
    assert len(set(walks)) == 3


@pytest.mark.parametrize("policy", ["queued", "unpaced"])
def test_the_baselines_run(recordings: Path, tmp_path: Path, policy: str) -> None:
    file = tmp_path / "figures.json"
    arguments = ["--quick", "--policy", policy, "--recordings", str(recordings), "--json", str(file)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    by_name = {row["name"]: row["by_policy"][policy] for row in json.loads(file.read_text())["figures"]}
    assert by_name[f"quote error, of {policy}'s"] == 1
    assert by_name["requests a minute"] > 0


@pytest.mark.parametrize("has_recordings", [True, False])
def test_it_runs_and_answers_the_same_twice(recordings: Path, tmp_path: Path, has_recordings: bool) -> None:
    directory = recordings if has_recordings else tmp_path / "nowhere"
    taken: list[dict[str, list[dict[str, object]]]] = []
    for name in ("once.json", "twice.json"):
        file = tmp_path / name
        arguments = ["--quick", "--policy", "fifo", "--recordings", str(directory), "--json", str(file)]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert ("SYNTHETIC" in result.output) is not has_recordings
        taken.append(json.loads(file.read_text()))
    # The scheduler's own cost is in real time.
    once, twice = ([row for row in each["figures"] if row["unit"] != "us"] for each in taken)
    assert once == twice
    by_name = {row["name"]: row["by_policy"] for row in once}
    assert by_name["refused with 429, most in a seed"] == {"fifo": 0}
    assert by_name["quote error, of fifo's"] == {"fifo": 1}
