"""The three orders: who is served next of those who always want to be, and how the shares come out over time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.config.models import Budget, Weights
from fleet.scheduling.policies import Fair, Fifo, Policy, Value, policy_of
from fleet.scheduling.shares import Shares
from fleet.scheduling.value import Stake

SECOND = 1_000_000


def serve(policy: Policy, stakes: list[Stake], rounds: int) -> Counter[str]:
    """A request every 100 ms; each symbol wants its next one as soon as it was served."""
    since = dict.fromkeys(stakes, 0)
    served: Counter[str] = Counter()
    for now in range(0, rounds * SECOND // 10, SECOND // 10):
        best = min(stakes, key=lambda stake: (policy.rank(stake, since[stake], now), since[stake]))
        policy.spent(best, 1, now)
        since[best] = now
        served[best.symbol] += 1
    return served


def some(count: int) -> list[Stake]:
    return [Stake(f"S{number}", error_bps=1, notional_usd=100) for number in range(count)]


@pytest.mark.parametrize(("name", "kind"), [("value", Value), ("fair", Fair), ("fifo", Fifo)])
def test_the_file_names_the_policy(name: str, kind: type) -> None:
    assert type(policy_of(Budget.model_validate({"policy": name}))) is kind


@pytest.mark.parametrize("policy", [Value(Weights()), Fair(), Fifo()], ids=["value", "fair", "fifo"])
def test_equal_symbols_get_equal_shares(policy: Policy) -> None:
    served = serve(policy, some(7), 700)
    assert max(served.values()) - min(served.values()) <= 2


def test_fair_shares_follow_priority() -> None:
    stakes = [*some(2), Stake("first", priority=2)]
    assert serve(Fair(), stakes, 400) == {"S0": 100, "S1": 100, "first": 200}


def test_who_was_away_has_saved_nothing_up_under_fair() -> None:
    policy = Fair()
    serve(policy, some(1), 100)
    served = serve(policy, some(2), 100)
    assert abs(served["S0"] - served["S1"]) <= 1


def test_the_most_valuable_goes_first() -> None:
    policy = Value(Weights())
    little, much = some(1)[0], Stake("B", error_bps=3, notional_usd=100)
    assert policy.rank(much, 0, 0) < policy.rank(little, 0, 0)


def test_waiting_makes_anything_valuable() -> None:
    weights = Weights.model_validate({"waiting": "10s"})
    policy = Value(weights)
    policy.rank(some(1)[0], 0, 0)
    old, fresh = some(1)[0], Stake("B", error_bps=2, notional_usd=100)
    # Eight times as valuable: e-fold each ten seconds makes up for it after 20.8.
    assert policy.rank(fresh, 20 * SECOND, 0) < policy.rank(old, 0, 0) < policy.rank(fresh, 21 * SECOND, 0)


def test_one_that_always_wants_much_takes_no_more_than_three_shares() -> None:
    greedy = Stake("greedy", error_bps=1000, notional_usd=1e6)
    served = serve(Value(Weights()), [*some(9), greedy], 3000)
    assert 800 <= served["greedy"] <= 1000
    others = [served[stake.symbol] for stake in some(9)]
    assert max(others) - min(others) <= 0.05 * max(others)


def test_one_alone_may_have_all_that_nobody_else_wants() -> None:
    policy = Value(Weights())
    serve(policy, some(9), 100)
    greedy = Stake("greedy", error_bps=1000, notional_usd=1e6)
    assert serve(policy, [greedy], 1000)["greedy"] == 1000


def test_shares_fade_and_are_forgotten() -> None:
    shares = Shares()
    assert shares.fair_shares("A", 0) == 0
    shares.spent("A", 298, 1.0, 0)
    shares.spent("B", 98, 1.0, 0)
    # Two requests are given to everybody.
    assert (shares.fair_shares("A", 0), shares.fair_shares("B", 0)) == (1.5, 0.5)
    # A minute's fading leaves 1/e of what was had.
    left = 298 / math.e + 2
    total = 396 / math.e + 4
    assert shares.fair_shares("A", 60 * SECOND) == pytest.approx(2 * left / total)
    shares.spent("B", 1, 1.0, 3600 * SECOND)
    assert shares.fair_shares("A", 3600 * SECOND) == 0


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 100 * SECOND)), max_size=60))
def test_all_fair_shares_together_are_as_many_as_there_are_symbols(steps: list[tuple[str, int]]) -> None:
    shares, now, symbols = Shares(), 0, "ABCDE"
    for symbol, pause in steps:
        now += pause
        shares.spent(symbol, 1, 1.0, now)
        had = [shares.fair_shares(each, now) for each in symbols]
        assert sum(had) == pytest.approx(sum(each > 0 for each in had))


def test_priorities_make_a_share_bigger() -> None:
    stakes = [replace(stake, priority=2.0 if stake.symbol == "S0" else 1.0) for stake in some(4)]
    shares = Shares()
    for stake in stakes:
        shares.spent(stake.symbol, 10, stake.priority, 0)
    assert shares.fair_shares("S0", 0) == pytest.approx(1 / 4 * 5 / 2)
