"""Each fault as a client meets it, in memory and by sockets: the same on either way."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import httpx
import pytest
from fault_house import BACKENDS, FaultHouse, open_fault_house
from still_market import SYMBOL

from exchange.paper.fault_settings import (
    Constant,
    CutLines,
    Events,
    ExpireListenKeys,
    FaultSettings,
    HalfOpen,
    Requests,
    Restart,
    Stall,
    Uniform,
)
from exchange.protocol.wire import LineClosed, WebSocket

WAYS = [way for way in BACKENDS if sys.platform != "win32" or way != "sockets-uvloop"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def anyio_backend(way: str) -> tuple[str, dict[str, Any]]:
    return BACKENDS[way]


@pytest.fixture
async def house(way: str) -> AsyncGenerator[FaultHouse]:
    with anyio.fail_after(40):
        async with open_fault_house(way) as opened:
            yield opened


async def ending(line: WebSocket) -> LineClosed:
    """How the line ends; what still comes before is passed over."""
    try:
        while True:
            await line.recv()
    except LineClosed as closed:
        return closed


async def events(line: WebSocket, number: int) -> list[str]:
    """The prices of the next order updates."""
    found: list[str] = []
    while len(found) < number:
        frame = json.loads(await line.recv())
        if frame["e"] == "ORDER_TRADE_UPDATE":
            found.append(frame["o"]["p"])
    return found


# Requests

TIMEOUT = {
    "code": -1007,
    "msg": "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
}


@pytest.mark.parametrize("executed", [True, False])
async def test_a_503_says_the_same_whether_it_was_carried_out_or_not(house: FaultHouse, executed: bool) -> None:
    house.runner.inject(Requests(answer="503", executed=executed))
    answer = await house.place()
    assert (answer.status_code, answer.json(), house.orders) == (503, TIMEOUT, int(executed))
    assert (await house.place()).status_code == 200


@pytest.mark.parametrize("executed", [True, False])
async def test_a_connection_breaks_before_or_after_the_request_is_carried_out(
    house: FaultHouse, executed: bool
) -> None:
    house.runner.inject(Requests(answer="none", executed=executed))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await house.place()
    assert house.orders == int(executed)
    assert (await house.place()).status_code == 200


async def test_on_a_half_open_connection_a_client_waits_for_nothing(house: FaultHouse) -> None:
    house.runner.inject(Requests(answer="none", executed=True, after_s=30))
    house.http.timeout = 0.5
    with pytest.raises(httpx.ReadTimeout):
        await house.place()
    assert house.orders == 1
    assert (await house.http.get("/fapi/v3/ping")).status_code == 200


@pytest.mark.parametrize(
    ("answer", "retry_after_s", "text"),
    [("429", 7, "Too many requests; current limit is"), ("418", 200, "Way too many requests; IP banned until")],
)
async def test_refusals_of_too_many_requests_come_with_retry_after_and_change_nothing(
    house: FaultHouse, answer: Any, retry_after_s: int, text: str
) -> None:
    house.runner.inject(Requests(answer=answer, executed=True, retry_after_s=retry_after_s))
    refused = await house.place()
    assert (refused.status_code, refused.headers["retry-after"]) == (int(answer), str(retry_after_s))
    assert refused.json()["code"] == -1003
    assert refused.json()["msg"].startswith(text)
    assert house.orders == 0


async def test_a_fault_may_wait_for_its_path_and_for_so_many(house: FaultHouse) -> None:
    house.runner.inject(Requests(answer="503", path="/fapi/v3/order", count=2))
    statuses = [(await house.http.get("/fapi/v3/ping")).status_code]
    statuses += [(await house.place()).status_code for _ in range(3)]
    assert statuses == [200, 503, 503, 200]


@pytest.mark.parametrize("path", ["order", "openOrder"])
async def test_a_server_that_lags_has_not_heard_of_an_order_that_is_there(house: FaultHouse, path: str) -> None:
    order_id = (await house.place()).json()["orderId"]
    house.runner.set_faults(FaultSettings(order_not_found=1, order_not_found_for=Constant(ms=300)))
    asked = f"/fapi/v3/{path}?"
    for _ in range(2):
        answer = await house.http.get(asked + house.sign(symbol=SYMBOL, orderId=order_id))
        assert (answer.status_code, answer.json()) == (400, {"code": -2013, "msg": "Order does not exist."})
    await anyio.sleep(0.35)
    answer = await house.http.get(asked + house.sign(symbol=SYMBOL, orderId=order_id))
    assert (answer.status_code, answer.json()["orderId"]) == (200, order_id)


async def test_nor_do_its_lists_have_one_that_is_young(house: FaultHouse) -> None:
    house.runner.set_faults(FaultSettings(order_not_found=1, order_not_found_for=Constant(ms=300)))
    order_id = (await house.place()).json()["orderId"]
    for asked in ({"symbol": SYMBOL}, {}):
        assert (await house.http.get("/fapi/v3/openOrders?" + house.sign(**asked))).json() == []
    await anyio.sleep(0.35)
    [row] = (await house.http.get("/fapi/v3/openOrders?" + house.sign(symbol=SYMBOL))).json()
    assert (row["orderId"], row["status"]) == (order_id, "NEW")


# Clocks


@pytest.mark.parametrize("skew_ms", [60_000, -60_000])
async def test_a_clock_that_is_wrong_is_told_and_held_against_nonces(house: FaultHouse, skew_ms: int) -> None:
    assert (await house.place()).status_code == 200
    house.runner.set_faults(FaultSettings(clock_skew_ms=skew_ms))
    told_ms = (await house.http.get("/fapi/v3/time")).json()["serverTime"]
    assert told_ms - house.clock.now_ms() == pytest.approx(skew_ms, abs=2000)
    info_ms = (await house.http.get("/fapi/v3/exchangeInfo")).json()["serverTime"]
    assert info_ms - house.clock.now_ms() == pytest.approx(skew_ms, abs=2000)
    assert (await house.place()).json() == {"code": -4225, "msg": "Nonce Expired"}
    house.clock.shift(skew_ms * 1000)
    nonce = house.sign(symbol=SYMBOL)
    house.clock.shift(-skew_ms * 1000)
    assert (await house.http.get("/fapi/v3/openOrders?" + nonce)).status_code == 200


@pytest.mark.parametrize("skew_ms", [60_000, -60_000])
async def test_a_clock_that_is_wrong_is_what_mark_prices_are_dated_by(house: FaultHouse, skew_ms: int) -> None:
    """Those who hold a price against that clock would else find it too old for ever."""
    house.runner.set_faults(FaultSettings(clock_skew_ms=skew_ms))
    async with house.line("/ws/asterusdt@markPrice@1s") as line:
        told_ms = json.loads(await line.recv())["E"]
    assert told_ms - house.clock.now_ms() == pytest.approx(skew_ms, abs=2000)


# Lines


@pytest.mark.parametrize(("code", "seen"), [(1006, 1006), (1001, 1001), (1012, 1012)])
async def test_lines_end_with_a_close_frame_or_without(house: FaultHouse, code: int, seen: int) -> None:
    async with house.line() as line, house.line("/ws/asterusdt@bookTicker") as other:
        house.runner.inject(CutLines(code=code, reason="so it goes"))
        ends = [await ending(each) for each in (line, other)]
        assert [each.code for each in ends] == [seen, seen]
        if code != 1006:
            assert ends[0].reason == "so it goes"
    async with house.line() as line:
        await line.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert json.loads(await line.recv()) == {"result": [], "id": 1}


async def test_new_lines_can_be_refused_for_a_time_while_requests_are_answered(house: FaultHouse) -> None:
    house.runner.inject(CutLines(refused_for_s=0.3))
    with pytest.raises(LineClosed):
        async with house.line():
            pass
    assert (await house.place()).status_code == 200
    await anyio.sleep(0.4)
    async with house.line():
        pass


async def test_a_path_that_is_no_stream_is_refused(house: FaultHouse) -> None:
    with pytest.raises(LineClosed):
        async with house.line("/nonsense"):
            pass


async def test_market_data_stall_while_the_line_is_alive(house: FaultHouse) -> None:
    async with house.line("/ws/asterusdt@markPrice@1s") as line:
        first_ms = json.loads(await line.recv())["E"]
        house.runner.inject(Stall(for_s=2.5))
        await line.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert json.loads(await line.recv())["id"] == 1
        assert json.loads(await line.recv())["E"] >= first_ms + 3000


async def test_a_half_open_line_is_silent_and_deaf_and_then_breaks(house: FaultHouse) -> None:
    async with house.line(await house.user_path()) as line:
        house.runner.inject(HalfOpen(for_s=1.0))
        began = anyio.current_time()
        await line.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        await house.place()
        with pytest.raises(LineClosed):
            await line.recv()
        assert anyio.current_time() - began >= 0.99
    async with house.line(await house.user_path()) as line:
        await house.place("1.8")
        assert await events(line, 1) == ["1.80000"]


async def test_a_restart_cuts_and_refuses_everything_and_keeps_the_orders(house: FaultHouse) -> None:
    await house.place()
    async with house.line(await house.user_path()) as line:
        house.runner.inject(Restart(for_s=0.5))
        assert (await ending(line)).code == 1006
    with pytest.raises(httpx.TransportError):
        await house.place()
    with pytest.raises(LineClosed):
        async with house.line():
            pass
    await anyio.sleep(0.6)
    assert house.orders == 1
    assert (await house.place()).status_code == 200


async def test_a_restart_loses_answers_that_are_under_way(way: str) -> None:
    slow = FaultSettings(from_venue=Constant(ms=300))
    with anyio.fail_after(20):
        async with open_fault_house(way, slow) as house, anyio.create_task_group() as tasks:

            async def place() -> None:
                with pytest.raises(httpx.TransportError):
                    await house.place()

            tasks.start_soon(place)
            while not house.orders:  # noqa: ASYNC110 the exchange tells nobody
                await anyio.sleep(0.01)
            house.runner.inject(Restart(for_s=0))


# User events


@pytest.mark.parametrize(
    ("fate", "seen"),
    [
        ("dropped", ["1.80000", "1.70000"]),
        ("duplicated", ["1.90000", "1.90000", "1.80000", "1.70000"]),
        ("reordered", ["1.80000", "1.90000", "1.70000"]),
        ("delayed", ["1.80000", "1.70000", "1.90000"]),
    ],
)
async def test_the_next_user_event_can_go_astray(house: FaultHouse, fate: Any, seen: list[str]) -> None:
    house.runner.set_faults(FaultSettings(event_delay=Constant(ms=500)))
    async with house.line(await house.user_path()) as line:
        house.runner.inject(Events(fate=fate))
        for price in ("1.9", "1.8", "1.7"):
            await house.place(price)
        assert await events(line, len(seen)) == seen


async def test_a_reordered_event_with_none_behind_it_comes_all_the_same(house: FaultHouse) -> None:
    async with house.line(await house.user_path()) as line:
        house.runner.inject(Events(fate="reordered"))
        began = anyio.current_time()
        await house.place()
        assert await events(line, 1) == ["1.90000"]
        assert anyio.current_time() - began >= 0.9


@pytest.mark.parametrize("address", [None, "its own", "another's"])
async def test_listen_keys_expire_on_demand(house: FaultHouse, address: str | None) -> None:
    own = house.bench.books.address
    async with house.line(await house.user_path()) as line:
        which = {"its own": own.upper().replace("0X", "0x"), "another's": "0x" + "1" * 40}.get(address or "")
        house.runner.inject(ExpireListenKeys(address=which))
        await house.place()
        frame = json.loads(await line.recv())
        assert frame["e"] == ("ORDER_TRADE_UPDATE" if address == "another's" else "listenKeyExpired")


async def test_a_listen_key_can_expire_seconds_after_connecting(way: str) -> None:
    with anyio.fail_after(20):
        async with open_fault_house(
            way, FaultSettings(listen_key_expires_young=1, listen_key_expires_after_s=0.2)
        ) as house:
            began = anyio.current_time()
            async with house.line(await house.user_path()) as line:
                assert json.loads(await line.recv())["e"] == "listenKeyExpired"
            assert 0.19 <= anyio.current_time() - began < 5


# Ways


async def test_each_direction_takes_its_own_time(way: str) -> None:
    settings = FaultSettings(to_venue=Constant(ms=100), from_venue=Constant(ms=200), stream=Constant(ms=400))
    with anyio.fail_after(20):
        async with open_fault_house(way, settings) as house:
            began = anyio.current_time()
            answer = await house.http.get("/fapi/v3/time")
            took_s = anyio.current_time() - began
            assert 0.3 <= took_s < 2
            assert answer.json()["serverTime"] == pytest.approx(house.clock.now_ms() - 200, abs=300)
            async with house.line() as line:
                began = anyio.current_time()
                for number in range(5):
                    await line.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
                answers = [json.loads(await line.recv())["id"] for _ in range(5)]
                assert answers == [0, 1, 2, 3, 4]
                assert anyio.current_time() - began >= 0.5


async def test_requests_overtake_one_another_and_frames_of_a_line_never_do(way: str) -> None:
    ways = Uniform(low_ms=0, high_ms=400)
    with anyio.fail_after(30):
        async with open_fault_house(way, FaultSettings(to_venue=ways, from_venue=ways, stream=ways)) as house:
            ended: list[int] = []

            async def ask(number: int) -> None:
                await house.http.get("/fapi/v3/ping")
                ended.append(number)

            async with anyio.create_task_group() as tasks:
                for number in range(12):
                    tasks.start_soon(ask, number)
            assert ended != sorted(ended)
            async with house.line() as line:
                for number in range(9):
                    await line.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
                assert [json.loads(await line.recv())["id"] for _ in range(9)] == list(range(9))
