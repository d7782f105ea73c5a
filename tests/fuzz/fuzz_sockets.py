"""A venue under fire on real sockets: HTTP, what is no HTTP, and websockets.

Owns: the run and its counts. Must not know: what is sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random

import anyio
import fuzz_frames
import httpx
from fuzz_memory import Figures, demo_wallet, fault_of, wallets
from fuzz_requests import SYMBOLS, Requests
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from exchange.asgi import serve
from exchange.clock import Clock
from exchange.model import RateLimit
from exchange.paper.config import PaperSettings
from exchange.paper.markets import synthetic_markets
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.paper.venue import Venue

_PATIENCE_S = 10.0
_AT_ONCE = 8
_MOST_A_SECOND = 10
"""Messages on a line, beyond which the venue ends it."""
_NO_LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 10**9), RateLimit("ORDERS", 60, 10**9))
_NO_HTTP = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
)


async def fire_on_sockets(seed: int, requests: int, messages: int) -> Figures:
    rng = Random(seed)
    clock = Clock(time.time_ns() // 1000)
    settings = PaperSettings(symbols=SYMBOLS, seed=seed, limits=_NO_LIMITS)
    venue = Venue(
        settings,
        lambda instrument, now_us: synthetic_markets([instrument], 1, now_us)[instrument.symbol],
        clock.now_us(),
    )
    runner = Runner(venue, clock.now_us)
    figures = Figures()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        port: int = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
        drawn = Requests(rng, [demo_wallet(venue), *wallets(3)])
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=_PATIENCE_S) as http:
            async with anyio.create_task_group() as hands:
                for each in range(_AT_ONCE):
                    hands.start_soon(ask, http, drawn, clock, figures, _share(requests, each))
                    hands.start_soon(_say, port, rng, figures, _share(messages, each))
                hands.start_soon(_babble, port, figures, 20)
            # It still answers, whatever came before.
            response = await http.get("/fapi/v3/ping")
            if response.status_code != 200:
                figures.faults.append(f"at the end ping answers {response.status_code}")
        tasks.cancel_scope.cancel()
    return figures


def _share(number: int, hand: int) -> int:
    return number // _AT_ONCE + (hand < number % _AT_ONCE)


async def ask(http: httpx.AsyncClient, drawn: Requests, clock: Clock, figures: Figures, number: int) -> None:
    for _ in range(number):
        request = drawn.draw(clock.now_us())
        figures.requests += 1
        told = f"{request.method} {request.path} {request.query[:300]}"
        try:
            url = httpx.URL(http.base_url).copy_with(raw_path=_raw(request.path, request.query))
            built = http.build_request(
                request.method, url, content=request.body or None, headers=_sendable(request.headers)
            )
            response = await http.send(built)
        except httpx.TimeoutException as timeout:
            figures.hangs.append(f"{type(timeout).__name__}: {told}")
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            # What httpx itself will not send.
            figures.statuses[0] += 1
        except httpx.HTTPError as unanswered:
            figures.faults.append(f"{type(unanswered).__name__}: {told}")
        else:
            figures.statuses[response.status_code] += 1
            if response.status_code >= 500:
                figures.faults.append(
                    f"{request.method} {request.path}: {fault_of(response.status_code, response.content)}"
                )


def _raw(path: str, query: str) -> bytes:
    text = f"{path}?{query}" if query else path
    return "".join(char if "!" <= char <= "~" else f"%{ord(char) & 255:02x}" for char in text).encode()


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value.encode("ascii", "replace").decode() for name, value in headers.items() if value.isprintable()}


async def _say(port: int, rng: Random, figures: Figures, number: int) -> None:
    for at in range(0, number, _MOST_A_SECOND):
        path = _raw(fuzz_frames.target(rng), "").decode()
        figures.messages += min(_MOST_A_SECOND, number - at)
        try:
            # What comes is not read, and must not keep pongs from being heard.
            async with connect(
                f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=_PATIENCE_S, max_queue=None
            ) as line:
                for _ in range(min(_MOST_A_SECOND, number - at)):
                    await line.send(fuzz_frames.message(rng))
                with anyio.fail_after(_PATIENCE_S):
                    await (await line.ping())
        except (InvalidHandshake, ConnectionClosed):
            continue
        except TimeoutError:
            figures.hangs.append(f"a websocket at {path} that neither opened nor answered a ping")


async def _babble(port: int, figures: Figures, number: int) -> None:
    """What is no HTTP is answered or cut off, and nobody waits for it for ever."""
    for each in range(number):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(_NO_HTTP[each % len(_NO_HTTP)])
            await stream.send_eof()
            with anyio.move_on_after(_PATIENCE_S) as scope:
                try:
                    while True:
                        await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    pass
            if scope.cancelled_caught:
                figures.hangs.append(f"a connection that said {_NO_HTTP[each % len(_NO_HTTP)]!r}")
