from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.planning.demand import seconds_between_amends
from fleet.planning.shares import Wish, grants_by_value, grants_in_line, grants_in_turn, total
from fleet.scheduling.shares import MOST_SHARES

Divide = Callable[[Sequence[Wish], float], dict[str, float]]
POLICIES: list[Divide] = [grants_by_value, grants_in_turn, grants_in_line]


def wish(
    symbol: str,
    refresh_s: float,
    volatility_bps: float = 1.0,
    threshold_bps: float = 0.0,
    *,
    priority: float = 1.0,
    notional: float = 1.0,
    quotes: int = 1,
) -> Wish:
    """A quote in a random walk. Without a threshold it is amended once a refresh interval."""

    def seconds_of(threshold_bps: float, refresh_s: float) -> float:
        return seconds_between_amends(volatility_bps, threshold_bps, refresh_s)

    worth = priority * notional
    return Wish(symbol, quotes, threshold_bps, refresh_s, seconds_of, volatility_bps, priority, worth)


@st.composite
def fleets(draw: st.DrawFn) -> list[Wish]:
    return [
        wish(
            f"S{place}",
            draw(st.floats(0.1, 100)),
            draw(st.floats(0.05, 20)),
            draw(st.floats(0, 20)),
            priority=draw(st.floats(0.1, 10)),
            notional=draw(st.floats(0.01, 1000)),
            quotes=draw(st.integers(1, 2)),
        )
        for place in range(draw(st.integers(1, 10)))
    ]


@given(fleets(), st.floats(0.1, 3000), st.sampled_from(POLICIES))
def test_all_is_given_out_and_nobody_gets_more_than_he_wants(
    wishes: list[Wish], capacity: float, divide: Divide
) -> None:
    grants = divide(wishes, capacity)
    assert list(grants) == [each.symbol for each in wishes]
    for each in wishes:
        assert 0 < grants[each.symbol] <= each.rate * (1 + 1e-9)
    wanted = total(wishes)
    given_out = sum(grants.values())
    assert given_out <= capacity * (1 + 1e-6)
    if wanted <= capacity:
        assert given_out == pytest.approx(wanted)
    # What is wanted once a day in all is not divided.
    elif capacity > 0.001 * len(wishes):
        assert given_out == pytest.approx(capacity, rel=0.02)


FAST = 0.01


@pytest.mark.parametrize(
    ("divide", "wishes", "capacity", "grants"),
    [
        (grants_in_turn, [wish("A", 0.6), wish("B", 0.6)], 60, [30, 30]),
        (grants_in_turn, [wish("A", 0.6), wish("B", 6)], 60, [50, 10]),
        (grants_in_turn, [wish("A", 0.6, priority=2), wish("B", 0.6)], 60, [40, 20]),
        (grants_in_turn, [wish("A", 0.6, quotes=2), wish("B", 0.6)], 60, [30, 30]),
        (grants_in_line, [wish("A", 0.6), wish("B", 0.6)], 60, [30, 30]),
        # Each its own 1 s, or 4 s, and 2 s in line.
        (grants_in_line, [wish("A", 1), wish("B", 4)], 30, [20, 10]),
        (grants_in_line, [wish("A", 0.6, quotes=2), wish("B", 0.6)], 60, [40, 20]),
        (grants_by_value, [wish("A", FAST), wish("B", FAST)], 60, [30, 30]),
        # (σ·n)^(2/3), as in the docstring.
        (grants_by_value, [wish("A", FAST, 2), wish("B", FAST), wish("C", FAST)], 60, [26.5, 16.7, 16.7]),
        (grants_by_value, [wish("A", FAST, notional=2), wish("B", FAST), wish("C", FAST)], 60, [26.5, 16.7, 16.7]),
        (grants_by_value, [wish("A", FAST, notional=0.125), wish("B", FAST)], 50, [10, 40]),
        # Three fair shares, and no more, while the others could do with more; else all that is left.
        (grants_by_value, [wish("A", FAST, notional=1000), *(wish(name, FAST) for name in "BCD")], 40, [30, *[10 / 3] * 3]),
        (grants_by_value, [wish("A", FAST, notional=1000), *(wish(name, 60, notional=1000) for name in "BCD")], 40, [37, 1, 1, 1]),
    ],
)  # fmt: skip
def test_the_division(divide: Divide, wishes: list[Wish], capacity: float, grants: list[float]) -> None:
    assert list(divide(wishes, capacity).values()) == pytest.approx(grants, rel=0.02)


def test_eight_times_the_worth_would_be_four_times_the_requests_but_for_the_two_fair_shares() -> None:
    others = [wish(f"B{place}", FAST) for place in range(10)]
    grants = grants_by_value([wish("A", FAST, notional=8), *others], 140)
    assert grants["A"] == pytest.approx(MOST_SHARES * 140 / 11)


@given(st.floats(0.5, 1.9), st.floats(0.5, 2), st.floats(0.02, 0.3))
def test_the_division_by_value_costs_least(volatility_bps: float, notional: float, shift: float) -> None:
    """Whatever is taken from one and given to the other, Σ n·b with b = σ/√rate grows."""
    grants = list(grants_by_value([wish("A", FAST), wish("B", FAST, volatility_bps, notional=notional)], 100).values())

    def cost(rates: list[float]) -> float:
        return rates[0] ** -0.5 + notional * volatility_bps * rates[1] ** -0.5

    least = cost(grants)
    assert least < cost([grants[0] * (1 + shift), grants[1] - grants[0] * shift])
    assert least < cost([grants[0] * (1 - shift), grants[1] + grants[0] * shift])
