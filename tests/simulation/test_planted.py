"""The simulator bites: each of these small wrong changes is noticed on the day named (`make sim PLANTED=1` finds it)."""

from __future__ import annotations

import planted
import pytest

NOTICED = {
    "cancels are forgotten when quotes are pulled": 1,
}


@pytest.mark.parametrize(("name", "seed"), NOTICED.items())
def test_a_planted_bug_is_noticed(name: str, seed: int) -> None:
    assert planted.first_day(name, range(seed, seed + 1)) is not None


@pytest.mark.parametrize("seed", sorted(set(NOTICED.values())))
def test_without_it_the_same_day_is_a_good_one(seed: int) -> None:
    assert planted.live(planted.day(seed)).violations == ()


def test_every_planted_bug_is_on_the_list_and_there_are_enough() -> None:
    assert list(NOTICED) == list(planted.PLANTS)
    assert len(planted.PLANTS) >= 15
    assert max(NOTICED.values()) < planted.WITHIN
