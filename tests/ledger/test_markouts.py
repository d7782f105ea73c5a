"""Mid so many seconds after a trade: the one in force at that moment, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ledger_words import X, market, trade

from fleet.ledger.markouts import Markouts

S = 1_000_000
Seen = tuple[float, int]
"""(seconds after the trade, mid in ticks)"""


def at(seconds: float) -> int:
    return round(seconds * S)


def watch(*steps: Seen | str | float, told_s: float = 0) -> list[tuple[int, str]]:
    """A trade at 0, told of so late, with mid at 100; then tickers, moments ("5") that just pass, or the line lost."""
    markouts = Markouts()
    markouts.traded(X, trade(1, at_ms=0), market(999, 1001), at(told_s))
    found: list[tuple[int, str]] = []
    for step in steps:
        if isinstance(step, tuple):
            seconds, mid = step
            marked = markouts.see(market(mid - 1, mid + 1), at(seconds))
        elif isinstance(step, str):
            markouts.lose_market()
            marked = []
        else:
            marked = markouts.pass_time(at(step))
        found += [(each.horizon_s, str(each.mid)) for each in marked]
    return found


@pytest.mark.parametrize(
    ("steps", "marked"),
    [
        # Quiet: mid stays what it was.
        ([1.0, 10.0, 60.0], [(1, "100.0"), (10, "100.0"), (60, "100.0")]),
        ([0.9, 60.0], [(1, "100.0"), (10, "100.0"), (60, "100.0")]),
        # A ticker tells what was in force before it, and stands from then on.
        ([(0.5, 1010), (1.5, 1020)], [(1, "101.0")]),
        ([(1.0, 1020)], [(1, "100.0")]),
        ([(0.5, 1010), (11.0, 1020), (12.0, 990), 60.0], [(1, "101.0"), (10, "101.0"), (60, "99.0")]),
        # While the line is down nobody knows, and what was known before counts no more.
        ([(0.5, 1010), "lost", 2.0, (3.0, 990), 10.0], [(10, "99.0")]),
        (["lost", 60.0], []),
    ],
)
def test_mid_at_each_horizon(steps: list[Seen | str | float], marked: list[tuple[int, str]]) -> None:
    assert watch(*steps) == marked


def test_what_is_told_of_late_has_no_markout_for_what_has_passed() -> None:
    assert watch(60.0, told_s=2) == [(10, "100.0"), (60, "100.0")]
    assert watch(60.0, told_s=90) == []


def test_a_symbol_of_which_nothing_is_watched_costs_nothing() -> None:
    markouts = Markouts()
    assert markouts.see(market(999, 1001), 5) == []
    markouts.traded(X, trade(1, at_ms=0), market(999, 1001), 0)
    assert len(markouts.pass_time(at(60))) == 3
    assert markouts.see(market(989, 991), at(61)) == []
    assert markouts.pass_time(at(200)) == []


def test_several_trades_are_each_their_own() -> None:
    markouts = Markouts()
    markouts.traded(X, trade(1, at_ms=0), market(999, 1001), 0)
    markouts.traded(X, trade(2, at_ms=500), market(1009, 1011), at(0.5))
    found = [(each.trade_id, each.mid) for each in markouts.see(market(1019, 1021), at(1.2))]
    assert found == [(1, Decimal(101))]
    assert [each.trade_id for each in markouts.see(market(1029, 1031), at(1.6))] == [2]
