"""Cancels of one instant share a request; nothing else would gain by it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exchange.model import Cancel, Place, Side
from exchange.ports import RequestClass
from exchange.protocol import endpoints
from fleet.orders.batches import MOST_TOGETHER, together
from fleet.orders.plan import CANCEL_COST, PLACE_COST, Change, Query
from fleet.scheduling.value import NOTHING


def cancel(name: str) -> Change:
    return Change(("X", name), Cancel("X", name), RequestClass.CANCEL, CANCEL_COST, NOTHING)


A, B, C = (cancel(name) for name in "abc")
PLACED = Change(("X", "BUY"), Place("X", "", Side.BUY, 1, 1), RequestClass.QUOTE, PLACE_COST, NOTHING)
ASKED = Change(("X", "q"), Query("X", "q"), RequestClass.REDUCE, CANCEL_COST, NOTHING)


@pytest.mark.parametrize(
    ("changes", "requests"),
    [
        ([], []),
        ([A], [(A,)]),
        ([PLACED, ASKED], [(PLACED,), (ASKED,)]),
        ([A, B], [(A, B)]),
        ([A, B, C, PLACED], [(A, B, C), (PLACED,)]),
        ([ASKED, A, PLACED, B], [(ASKED,), (A, B), (PLACED,)]),
        ([PLACED, replace(PLACED, key=("X", "SELL"))], [(PLACED,), (replace(PLACED, key=("X", "SELL")),)]),
    ],
)
def test_what_goes_together(changes: list[Change], requests: list[tuple[Change, ...]]) -> None:
    assert together(changes) == requests


@pytest.mark.parametrize(("count", "sizes"), [(10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_a_request_holds_no_more_than_the_exchange_takes(count: int, sizes: list[int]) -> None:
    changes = [cancel(str(number)) for number in range(count)]
    requests = together(changes)
    assert [len(request) for request in requests] == sizes
    assert [change for request in requests for change in request] == changes


def cost(endpoint: endpoints.Endpoint, **params: object) -> tuple[int, int]:
    """Weight and orders."""
    texts = {name: json.dumps(value) for name, value in params.items()}
    return endpoint.weight_of(texts), endpoint.orders_of(texts)


@pytest.mark.parametrize("count", range(1, 6))
def test_placing_in_a_batch_is_never_cheaper_than_one_by_one(count: int) -> None:
    """docs/decisions/0010-batches.md stands on this: when it fails, placements should be batched after all."""
    one_weight, one_order = cost(endpoints.NEW_ORDER)
    weight, orders = cost(endpoints.NEW_BATCH, batchOrders=[{"symbol": "X"}] * count)
    assert weight >= count * one_weight
    assert orders >= count * one_order


@pytest.mark.parametrize("count", range(2, MOST_TOGETHER + 1))
def test_cancelling_in_a_batch_always_is(count: int) -> None:
    one_weight, one_order = cost(endpoints.CANCEL_ORDER)
    weight, orders = cost(endpoints.CANCEL_BATCH, origClientOrderIdList=["a"] * count)
    assert weight < count * one_weight
    assert orders <= count * one_order
    assert weight == CANCEL_COST.weight
