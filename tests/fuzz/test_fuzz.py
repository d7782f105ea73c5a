"""A small run of the fuzz, and requests that nobody thought of: every one is answered, and every book balances."""

from __future__ import annotations

import pytest
from fuzz_memory import Fire, fault_of
from fuzz_sockets import fire_on_sockets
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import Bench

from exchange.paper.answers import Request


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_is_answered_and_the_books_balance(seed: int) -> None:
    fire = Fire(seed)
    fire.run(1500, 400)
    assert (fire.figures.faults, fire.figures.hangs, fire.figures.unbalanced) == ([], 0, [])
    assert fire.figures.statuses[200] > 300
    assert fire.figures.fills > 10


async def test_on_sockets_too() -> None:
    figures = await fire_on_sockets(3, 150, 60)
    assert (figures.faults, figures.hangs) == ([], 0)
    assert figures.statuses[200] > 30


_bench = Bench("ASTERUSDT")


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(("GET", "POST", "PUT", "DELETE", "PATCH")),
    path=st.sampled_from(("/fapi/v3/order", "/fapi/v1/depth", "/fapi/v3/batchOrders", "/fapi/v3/income"))
    | st.text(max_size=30),
    query=st.text(max_size=200),
    body=st.binary(max_size=200),
    headers=st.dictionaries(st.sampled_from(("x-mbx-apikey", "content-type")), st.text(max_size=40)),
)
def test_no_request_is_answered_with_anything_but_json_and_a_status_below_500(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    _bench.now_us += 1_000_000
    response = _bench.venue.handle(Request(method, path, query, body, headers), _bench.now_us)
    assert fault_of(response.status, response.body) == ""
