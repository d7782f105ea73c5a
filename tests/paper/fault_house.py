"""A paper exchange over still markets, reached in memory or by sockets, with a client that signs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
from still_market import START_US, SYMBOL, Bench

from exchange.asgi import serve
from exchange.aster import sockets
from exchange.clock import Clock
from exchange.paper.fault_settings import FaultSettings
from exchange.paper.faults import FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.protocol.wire import Connect, WebSocket
from fleet.simulation.loop import VirtualLoop

BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "memory": ("asyncio", {"loop_factory": VirtualLoop}),
    "sockets": ("asyncio", {}),
    "sockets-uvloop": ("asyncio", {"use_uvloop": True}),
}


@dataclass(slots=True)
class FaultHouse:
    bench: Bench
    runner: Runner
    clock: Clock
    http: httpx.AsyncClient
    stream: str
    connect: Connect
    _nonces: count[int] = field(default_factory=count)

    def sign(self, **params: Any) -> str:
        signer = self.bench.signer
        # Spread out, as a test may send many within one instant of virtual time.
        nonce = self.clock.now_us() + next(self._nonces)
        text = urlencode(params | {"nonce": nonce, "user": signer.user, "signer": signer.signer})
        return f"{text}&signature={signer.sign(text)}"

    async def place(self, price: str = "1.9", side: str = "BUY", **more: Any) -> httpx.Response:
        order = {"symbol": SYMBOL, "side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": "5"}
        return await self.http.post("/fapi/v3/order", content=self.sign(**order | more))

    @property
    def orders(self) -> int:
        return len(self.bench.venue.engine.orders.all_open_orders(self.bench.books))

    def line(self, path: str = "/ws") -> AbstractAsyncContextManager[WebSocket]:
        return self.connect(self.stream + path)

    async def user_path(self) -> str:
        answer = await self.http.post("/fapi/v3/listenKey", content=self.sign())
        return f"/ws/{answer.json()['listenKey']}"


@asynccontextmanager
async def open_fault_house(way: str, settings: FaultSettings | None = None) -> AsyncGenerator[FaultHouse]:
    is_memory = way == "memory"
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    clock = Clock(START_US)
    runner = Runner(bench.venue, clock.now_us, FaultPlan(settings, seed=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        if is_memory:
            base, stream = "http://paper", "ws://paper"
            transport, connect = PaperTransport(runner), PaperLines(runner).connect
        else:
            port: int = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
            base, stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
            transport, connect = None, sockets.connect
        async with httpx.AsyncClient(transport=transport, base_url=base, trust_env=False, timeout=2) as http:
            yield FaultHouse(bench, runner, clock, http, stream, connect)
        tasks.cancel_scope.cancel()
