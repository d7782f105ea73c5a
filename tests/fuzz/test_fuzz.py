"""A small run of the fuzz, and requests that nobody thought of: every one is answered, and every book balances."""

from __future__ import annotations

from random import Random
from urllib.parse import unquote

import httpx
import pytest
from fuzz_memory import Figures, Fire, fault_of, wallets
from fuzz_requests import Requests
from fuzz_sockets import ask, fire_on_sockets
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import START_US, Bench

from exchange.clock import Clock
from exchange.paper.answers import Request


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_is_answered_and_the_books_balance(seed: int) -> None:
    fire = Fire(seed)
    fire.run(1500, 400)
    assert (fire.figures.faults, fire.figures.hangs, fire.figures.unbalanced) == ([], [], [])
    assert fire.figures.statuses[200] > 300
    assert fire.figures.fills > 10


async def test_on_sockets_too() -> None:
    figures = await fire_on_sockets(3, 150, 60)
    assert (figures.faults, figures.hangs) == ([], [])
    assert figures.statuses[200] > 30


@pytest.mark.parametrize(
    ("error", "is_fault", "is_hang"),
    [
        (httpx.ReadError("closed without an answer"), True, False),
        (httpx.RemoteProtocolError("no HTTP"), True, False),
        (httpx.ReadTimeout("nothing came"), False, True),
        (httpx.LocalProtocolError("not to be sent"), False, False),
    ],
)
async def test_no_answer_is_a_fault_unless_nothing_was_sent(error: Exception, is_fault: bool, is_hang: bool) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise error

    figures, drawn = Figures(), Requests(Random(1), wallets(1))
    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://x") as http:
        await ask(http, drawn, Clock(START_US), figures, 3)
    assert (len(figures.faults), len(figures.hangs)) == (3 * is_fault, 3 * is_hang)


def test_nests_are_drawn_in_every_list_and_in_bodies_of_json() -> None:
    drawn = Requests(Random(1), wallets(1))
    texts = [unquote(f"{each.query}{each.body.decode('latin-1')}") for each in map(drawn.draw, range(3000))]
    for name in ("batchOrders=", "orderIdList=", "origClientOrderIdList=", '"batchOrders": '):
        assert any(f"{name}{'[' * 600}" in text for text in texts), name


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
