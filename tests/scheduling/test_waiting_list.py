"""Who waits, in which order: by class, then arrival, one wish a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.ports import Cost, RequestClass
from fleet.scheduling.queue import WaitingList, may_use_reserve

CANCEL, REDUCE, QUOTE, REFRESH, QUERY = RequestClass
ONE = Cost()


def nothing() -> None:
    pass


def line(*entries: tuple[str, RequestClass]) -> WaitingList:
    waiting = WaitingList()
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
    head = waiting.head()
    assert (head and head.key) == (order[0] if order else None)


def test_the_newest_wish_is_the_one_that_waits() -> None:
    waiting = line(("a", QUOTE))
    waiting.upsert("a", QUOTE, Cost(5, 3), nothing)
    head = waiting.head()
    assert head is not None
    assert head.cost == Cost(5, 3)
    assert len(waiting) == 1


def test_withdrawing_lets_the_next_come_up() -> None:
    waiting = line(("a", QUOTE), ("b", QUOTE))
    assert waiting.withdraw("a")
    assert not waiting.withdraw("a")
    assert keys(waiting) == ["b"]
    assert waiting.get("a") is None


def test_sent_back_is_last_of_its_class() -> None:
    waiting = line(("a", QUOTE), ("b", QUOTE), ("c", QUERY))
    waiting.send_back("a")
    assert keys(waiting) == ["b", "a", "c"]
    assert [entry.missed_turn for entry in waiting] == [False, True, False]


def test_the_reserve_is_for_cancels_and_reductions() -> None:
    assert [may_use_reserve(request_class) for request_class in RequestClass] == [True, True, False, False, False]


operations = st.lists(
    st.tuples(st.sampled_from(["upsert", "withdraw", "send_back"]), st.integers(0, 7), st.sampled_from(RequestClass)),
    max_size=200,
)


@given(operations)
def test_the_head_is_the_first_of_a_plain_sorted_list(steps: list[tuple[str, int, RequestClass]]) -> None:
    waiting = WaitingList()
    model: dict[int, tuple[RequestClass, int]] = {}
    for arrival, (operation, key, request_class) in enumerate(steps):
        known = model.get(key)
        if operation == "upsert":
            waiting.upsert(key, request_class, ONE, nothing)
            fresh = known is None or request_class < known[0]
            model[key] = (request_class, arrival if known is None or fresh else known[1])
        elif operation == "withdraw":
            assert waiting.withdraw(key) == (model.pop(key, None) is not None)
        elif known is not None:
            waiting.send_back(key)
            model[key] = (known[0], arrival)
        head = waiting.head()
        expected = min(model, key=lambda key: model[key]) if model else None
        assert (None if head is None else head.key) == expected
    assert keys(waiting) == sorted(model, key=lambda key: model[key])
