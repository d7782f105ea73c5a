from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn

import anyio
import httpx
import pytest
from loguru import logger
from still_market import START_US, SYMBOL, Bench
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from exchange.asgi import bind, serve
from exchange.clock import Clock
from exchange.model import RateLimit, Side
from exchange.paper.fault_settings import Constant, FaultSettings, Uniform
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.outbox import Outbox
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.streams import Push, PushKind
from fleet.simulation.loop import run_virtual

MARKET, ACCOUNT = PushKind.MARKET, PushKind.ACCOUNT


def runner_of(bench: Bench, settings: FaultSettings | None = None) -> Runner:
    return Runner(bench.venue, Clock(START_US).now_us, FaultPlan(settings, 1))


# Queues


@pytest.mark.parametrize(
    ("kinds", "left", "is_cut"),
    [
        ([MARKET] * 5, [2, 3, 4], False),
        ([ACCOUNT, MARKET, MARKET, MARKET], [0, 2, 3], False),
        ([MARKET, ACCOUNT, ACCOUNT, ACCOUNT], [1, 2, 3], False),
        ([ACCOUNT, ACCOUNT, ACCOUNT, MARKET], [0, 1, 2], False),
        ([ACCOUNT] * 4, [], True),
    ],
)
async def test_a_slow_line_loses_old_market_data_but_never_news_of_its_account(
    kinds: list[PushKind], left: list[int], is_cut: bool
) -> None:
    outbox = Outbox(limit=3)
    for number, kind in enumerate(kinds):
        outbox.put(Push(1, kind, str(number)))
    assert (outbox.closed is not None) is is_cut
    assert [int(await outbox.get()) for _ in left] == left


# In memory


def test_in_memory_a_request_takes_its_latency_each_way() -> None:
    async def main() -> tuple[float, int]:
        bench = Bench()
        settings = FaultSettings(to_venue=Constant(ms=19), from_venue=Constant(ms=29))
        transport = PaperTransport(runner_of(bench, settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://paper") as client:
            response = await client.get("/fapi/v3/time")
            return anyio.current_time(), response.json()["serverTime"]

    assert run_virtual(main) == (pytest.approx(0.05), START_US // 1000 + 20)


def test_in_memory_frames_arrive_in_order_whatever_their_latency() -> None:
    async def main() -> list[str]:
        runner = runner_of(Bench(), FaultSettings(stream=Uniform(low_ms=0, high_ms=5000)))
        lines = PaperLines(runner)
        seen: list[str] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            async with lines.connect("wss://paper/ws/asterusdt@markPrice@1s") as line:
                while len(seen) < 20:
                    seen.append(str(json.loads(await line.recv())["E"]))
            tasks.cancel_scope.cancel()
        return seen

    seen = run_virtual(main)
    assert seen == sorted(seen)
    assert len(set(seen)) == 20


# On sockets


async def closing(line: ClientConnection) -> AsyncIterator[str | bytes]:
    """What still comes until the other end closes."""
    with suppress(ConnectionClosed):
        while True:
            yield await line.recv()


async def test_on_real_sockets_rest_and_streams_share_a_port() -> None:
    bench = Bench()
    bench.book(asks=[(20_000, 1000)])
    runner = Runner(bench.venue, Clock(START_US).now_us)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            port = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
            base = f"127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=f"http://{base}") as client:
                info = await client.get("/fapi/v1/exchangeInfo")
                assert info.headers["X-MBX-USED-WEIGHT-1M"] == "1"
                assert info.json()["symbols"][0]["symbol"] == SYMBOL
                assert (await client.get("/favicon.ico")).status_code == 404
                assert (await client.request("DELETE", "/fapi/v3/order", content=b"\xff" * 100)).status_code == 400
            async with connect(f"ws://{base}/stream?streams=asterusdt@bookTicker", proxy=None) as line:
                await line.send('{"method":"SUBSCRIBE","params":["asterusdt@markPrice@1s"],"id":7}')
                assert json.loads(await line.recv()) == {"result": None, "id": 7}
                assert json.loads(await line.recv())["data"]["e"] == "markPriceUpdate"
                bench.market.quote(Side.BUY, 19_000, 1000)
                bench.venue.engine.acted(bench.venue.engine.listing(SYMBOL))
                while json.loads(await line.recv())["data"]["e"] != "bookTicker":
                    pass
                for _ in range(11):
                    await line.send("{}")
                async for _ in closing(line):
                    pass
                assert line.close_code == 1008
            with pytest.raises(InvalidStatus):
                await connect(f"ws://{base}/nonsense", proxy=None)
            tasks.cancel_scope.cancel()


async def test_a_fault_of_its_own_is_logged_and_answered_as_the_exchange_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = Runner(Bench().venue, Clock(START_US).now_us)
    log: list[tuple[str, str]] = []
    answers: list[httpx.Response] = []

    def break_down(*_: object) -> NoReturn:
        raise ZeroDivisionError("oh no")

    sink = logger.add(lambda text: log.append((text.record["level"].name, str(text))), format="{message}")
    try:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                port = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
                async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as line:
                    for name in ("handle", "receive", "open_line"):
                        monkeypatch.setattr(runner.venue, name, break_down)
                    async with httpx.AsyncClient() as client:
                        answers.append(await client.get(f"http://127.0.0.1:{port}/fapi/v3/time?signature=secret"))
                    await line.send("{}")
                    async for _ in closing(line):
                        pass
                    assert line.close_code == 1011
                with pytest.raises(InvalidStatus):
                    await connect(f"ws://127.0.0.1:{port}/ws/listenkey", proxy=None)
                tasks.cancel_scope.cancel()
    finally:
        logger.remove(sink)
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (500, {"code": -1000, "msg": "An unknown error occured while processing the request."})
    ]
    assert [text.strip() for level, text in log if level == "ERROR"] == [
        f"paper exchange: a fault of its own at {where}: ZeroDivisionError: oh no"
        for where in ("GET /fapi/v3/time", "a websocket's message", "a websocket's opening")
    ]
    assert not any("secret" in text or "listenkey" in text for level, text in log if level == "ERROR")
    assert all("Traceback" in text for level, text in log if level == "DEBUG")


async def test_a_cancelled_server_ends_its_lines_and_frees_its_port() -> None:
    runner = Runner(Bench().venue, Clock(START_US).now_us)
    app = PaperApp(runner)
    ports: list[int] = []
    lines: list[ClientConnection] = []
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            ports.append(await tasks.start(serve, app, "127.0.0.1", 0))
            lines.append(await connect(f"ws://127.0.0.1:{ports[0]}/ws", proxy=None))
            tasks.cancel_scope.cancel()
        with pytest.raises(ConnectionClosed):
            await lines[0].recv()
        await lines[0].close()
        async with anyio.create_task_group() as tasks:
            assert await tasks.start(serve, app, "127.0.0.1", ports[0]) == ports[0]
            with pytest.raises(OSError, match="in use"):
                await serve(app, "127.0.0.1", ports[0])
            tasks.cancel_scope.cancel()


def test_small_answers_leave_at_once() -> None:
    """asyncio switches Nagle's algorithm off only for sockets that name their protocol: else each answer takes 40 ms."""
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_a_banned_address_gets_no_websocket() -> None:
    runner = runner_of(Bench(limits=(RateLimit("REQUEST_WEIGHT", 60, 1),)))
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
            async with httpx.AsyncClient(trust_env=False) as client:
                answers = [await client.get(f"http://127.0.0.1:{port}/fapi/v3/ping") for _ in range(12)]
            assert answers[-1].status_code == 418
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{port}/ws", proxy=None)
            assert refused.value.response.status_code == 403
            tasks.cancel_scope.cancel()


async def _post_raw(port: int, megabytes: int) -> tuple[int, bytes]:
    """As a client does that sends all of it before it listens."""
    length = megabytes * 1_000_000
    async with await anyio.connect_tcp("127.0.0.1", port) as line:
        await line.send(b"POST /fapi/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length)
        for _ in range(megabytes):
            await line.send(b"x" * 1_000_000)
        answer = b""
        while b"}" not in answer:
            answer += await line.receive()
        return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(("megabytes", "status", "code"), [(1, 400, -1102), (2, 413, -1101), (15, 413, -1101)])
async def test_a_body_that_is_too_long_is_read_to_its_end_and_refused(megabytes: int, status: int, code: int) -> None:
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, PaperApp(runner_of(Bench())), "127.0.0.1", 0)
            got, body = await _post_raw(port, megabytes)
            assert (got, json.loads(body)["code"]) == (status, code)
            tasks.cancel_scope.cancel()


async def test_of_a_body_without_an_end_not_more_than_enough_is_read() -> None:
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            port = await tasks.start(serve, PaperApp(runner_of(Bench())), "127.0.0.1", 0)
            with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream)):
                await _post_raw(port, 200)
            tasks.cancel_scope.cancel()
