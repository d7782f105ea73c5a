"""Who waits, in which order: by class, then the policy's rank, then arrival, one wish a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.ports import Cost, RequestClass
from fleet.scheduling.policies import Fifo
from fleet.scheduling.queue import WaitingList
from fleet.scheduling.value import Stake

CANCEL, REDUCE, QUOTE, REFRESH, QUERY = RequestClass
ONE = Cost()


def nothing() -> None:
    pass


def line(*entries: tuple[str, RequestClass]) -> WaitingList:
    waiting = WaitingList(Fifo())
    for key, request_class in entries:
        waiting.upsert(key, request_class, ONE, nothing)
    return waiting


def keys(waiting: WaitingList) -> list[object]:
    return [entry.key for entry in waiting]


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        pytest.param([], [], id="nobody"),
        pytest.param([("a", QUOTE), ("b", QUOTE)], ["a", "b"], id="first come"),
        pytest.param([("a", QUERY), ("b", REFRESH), ("c", CANCEL)], ["c", "b", "a"], id="the better class"),
        pytest.param([("a", QUOTE), ("b", QUOTE), ("a", QUOTE)], ["a", "b"], id="a newer wish keeps its place"),
        pytest.param(
            [("a", QUOTE), ("b", CANCEL), ("a", CANCEL)], ["b", "a"], id="a better one goes to that class's end"
        ),
        pytest.param([("a", QUOTE), ("b", QUERY), ("a", QUERY)], ["a", "b"], id="a lesser one keeps its arrival"),
    ],
)
def test_order(entries: list[tuple[str, RequestClass]], order: list[str]) -> None:
    waiting = line(*entries)
    assert keys(waiting) == order
    assert [head.key for head in waiting.heads()] == order[:1]


def test_the_newest_wish_is_the_one_that_waits() -> None:
    waiting = line(("a", QUOTE))
    waiting.upsert("a", QUOTE, Cost(5, 3), nothing)
    (head,) = waiting.heads()
    assert head.cost == Cost(5, 3)
    assert len(waiting) == 1


def test_withdrawing_lets_the_next_come_up() -> None:
    waiting = line(("a", QUOTE), ("b", QUOTE))
    assert waiting.withdraw("a")
    assert not waiting.withdraw("a")
    assert keys(waiting) == ["b"]
    assert waiting.get("a") is None


def test_sent_back_is_last_of_its_class_until_it_asks_again() -> None:
    waiting = line(("a", QUOTE), ("b", QUOTE), ("c", QUERY))
    waiting.send_back("a")
    assert keys(waiting) == ["b", "a", "c"]
    waiting.upsert("a", QUOTE, ONE, nothing)
    assert keys(waiting) == ["a", "b", "c"]


class BySize:
    """A policy: the greatest notional first."""

    def rank(self, stake: Stake, since_us: int, now_us: int) -> float:
        return -stake.notional_usd

    def spent(self, stake: Stake, requests: int, now_us: int) -> None: ...


def test_the_policy_orders_those_who_are_not_urgent() -> None:
    waiting = WaitingList(BySize())
    for key, request_class, notional_usd in [
        ("small", REFRESH, 1),
        ("big", REFRESH, 3),
        ("early", CANCEL, 1),
        ("late", CANCEL, 3),
    ]:
        waiting.upsert(key, request_class, ONE, nothing, Stake("X", notional_usd=notional_usd))
    assert keys(waiting) == ["early", "late", "big", "small"]
    waiting.upsert("small", REFRESH, ONE, nothing, Stake("X", notional_usd=4))
    assert keys(waiting) == ["early", "late", "small", "big"]
    waiting.rank_anew(Fifo(), 0)
    assert keys(waiting) == ["early", "late", "small", "big"]
    waiting.upsert("small", REFRESH, ONE, nothing, Stake("X", notional_usd=0))
    assert keys(waiting) == ["early", "late", "small", "big"]


@pytest.mark.parametrize(
    ("now_s", "order"),
    [(9, ["cancel", "quote", "amend", "query"]), (11, ["cancel", "query", "quote", "amend"])],
)
def test_who_has_waited_too_long_goes_before_all_that_is_not_urgent(now_s: int, order: list[str]) -> None:
    waiting = WaitingList(Fifo())
    for at_s, (key, request_class) in enumerate(
        [("query", QUERY), ("cancel", CANCEL), ("amend", REFRESH), ("quote", QUOTE)]
    ):
        waiting.upsert(key, request_class, ONE, nothing, now_us=at_s * 1_000_000)
    for key in order:
        assert waiting.heads(now_s * 1_000_000, 10_000_000)[0].key == key
        waiting.withdraw(key)


def test_a_promoted_wish_keeps_its_place_when_it_is_renewed() -> None:
    waiting = WaitingList(Fifo())
    waiting.upsert("query", QUERY, ONE, nothing, now_us=0)
    waiting.upsert("quote", QUOTE, ONE, nothing, now_us=5)
    waiting.heads(12, 10)
    waiting.upsert("query", QUERY, ONE, nothing, now_us=12)
    assert keys(waiting) == ["query", "quote"]


def test_what_costs_orders_and_what_does_not_stand_in_two_lines() -> None:
    waiting = WaitingList(Fifo())
    waiting.upsert("place", QUOTE, Cost(1, 1), nothing)
    waiting.upsert("amend", REFRESH, Cost(1, 1), nothing)
    waiting.upsert("query", QUERY, ONE, nothing)
    assert [head.key for head in waiting.heads()] == ["place", "query"]
    waiting.upsert("place", QUOTE, ONE, nothing)
    assert [head.key for head in waiting.heads()] == ["place", "amend"]


operations = st.lists(
    st.tuples(
        st.sampled_from(["upsert", "withdraw", "send_back"]),
        st.integers(0, 7),
        st.sampled_from(RequestClass),
        st.integers(0, 1),
    ),
    max_size=200,
)


@given(operations)
def test_the_heads_are_the_first_of_plain_sorted_lists(steps: list[tuple[str, int, RequestClass, int]]) -> None:
    waiting = WaitingList(Fifo())
    model: dict[int, tuple[tuple[RequestClass, bool, int], int, int]] = {}
    """By key: its place, when it arrived, its orders."""
    for arrival, (operation, key, request_class, orders) in enumerate(steps):
        known = model.get(key)
        if operation == "upsert":
            waiting.upsert(key, request_class, Cost(1, orders), nothing)
            since = arrival if known is None or request_class < known[0][0] else known[1]
            model[key] = ((request_class, False, since), since, orders)
        elif operation == "withdraw":
            assert (waiting.withdraw(key) is None) == (model.pop(key, None) is None)
        elif known is not None:
            waiting.send_back(key)
            model[key] = ((known[0][0], True, arrival), known[1], known[2])
        lines = [[key for key in model if bool(model[key][2]) == has_orders] for has_orders in (False, True)]
        firsts = [min(each, key=lambda key: model[key][0]) for each in lines if each]
        assert [head.key for head in waiting.heads()] == sorted(firsts, key=lambda key: model[key][0])
    assert keys(waiting) == sorted(model, key=lambda key: model[key][0])
