from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.planning.shares import MOST_SHARES, Wish, grants_by_value, grants_in_line, grants_in_turn, total

Divide = Callable[[Sequence[Wish], float], dict[str, float]]
POLICIES: list[Divide] = [grants_by_value, grants_in_turn, grants_in_line]
A_MINUTE = 60.0


def wish(symbol: str, rate: float, priority: float = 1.0, worth: float = 1.0) -> Wish:
    return Wish(symbol, 1, A_MINUTE / rate, priority, worth)


@st.composite
def fleets(draw: st.DrawFn) -> list[Wish]:
    numbers = st.floats(0.01, 100)
    count = draw(st.integers(1, 12))
    return [
        Wish(f"S{place}", draw(st.integers(1, 2)), draw(numbers), draw(st.floats(0.1, 10)), draw(numbers))
        for place in range(count)
    ]


@given(fleets(), st.floats(0.1, 3000), st.sampled_from(POLICIES))
def test_all_is_given_out_and_nobody_gets_more_than_he_wants(
    wishes: list[Wish], capacity: float, divide: Divide
) -> None:
    grants = divide(wishes, capacity)
    assert list(grants) == [each.symbol for each in wishes]
    for each in wishes:
        assert 0 < grants[each.symbol] <= each.rate * (1 + 1e-9)
    assert sum(grants.values()) == pytest.approx(min(capacity, total(wishes)), rel=1e-6)


@pytest.mark.parametrize(
    ("divide", "wishes", "capacity", "grants"),
    [
        (grants_in_turn, [wish("A", 100), wish("B", 100)], 60, [30, 30]),
        (grants_in_turn, [wish("A", 100), wish("B", 10)], 60, [50, 10]),
        (grants_in_turn, [wish("A", 100, priority=2), wish("B", 100)], 60, [40, 20]),
        (grants_in_line, [wish("A", 100), wish("B", 100)], 60, [30, 30]),
        # Each its own 1 s, or 4 s, and 2 s in line.
        (grants_in_line, [wish("A", 60), wish("B", 15)], 30, [20, 10]),
        (grants_by_value, [wish("A", 100), wish("B", 100)], 60, [30, 30]),
        (grants_by_value, [wish("A", 100, worth=8), wish("B", 100), wish("C", 100), wish("D", 100)], 70, [35, *[35 / 3] * 3]),
        (grants_by_value, [wish("A", 100, priority=8), wish("B", 100)], 50, [40, 10]),
        (grants_by_value, [wish("A", 100, worth=1000), wish("B", 5), wish("C", 5)], 60, [50, 5, 5]),
    ],
)  # fmt: skip
def test_the_division(divide: Divide, wishes: list[Wish], capacity: float, grants: list[float]) -> None:
    assert list(divide(wishes, capacity).values()) == pytest.approx(grants)


def test_eight_times_the_worth_is_four_times_the_requests_but_no_more_than_twice_a_fair_share() -> None:
    """8^(2/3) = 4: of eleven symbols' 140, 40 and ten times 10; a fair share is 12.7."""
    wishes = [wish("A", 100, worth=8), *(wish(f"B{place}", 100) for place in range(10))]
    assert grants_by_value(wishes, 140)["A"] == pytest.approx(MOST_SHARES * 140 / 11)
    modest = [wish("A", 100, worth=1.3), *(wish(f"B{place}", 100) for place in range(10))]
    grants = grants_by_value(modest, 140)
    assert grants["A"] / grants["B3"] == pytest.approx(1.3 ** (2 / 3))


@given(st.floats(0.5, 1.9), st.floats(0.02, 0.3))
def test_the_division_by_value_costs_least(worth: float, shift: float) -> None:
    """Whatever is taken from one and given to the other, Σ n·b with b = σ/√rate grows."""
    volatilities, notionals = (1.0, worth), (1.0, 1.0)
    wishes = [wish(name, 1000, worth=n * v) for name, n, v in zip("AB", notionals, volatilities, strict=True)]
    grants = list(grants_by_value(wishes, 100).values())

    def cost(rates: list[float]) -> float:
        return sum(n * v / rate**0.5 for n, v, rate in zip(notionals, volatilities, rates, strict=True))

    assert cost(grants) < cost([grants[0] * (1 + shift), grants[1] - grants[0] * shift])
    assert cost(grants) < cost([grants[0] * (1 - shift), grants[1] + grants[0] * shift])
