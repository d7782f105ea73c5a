"""Signed requests as HTTP libraries send them, over a real socket: what is signed is what arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import anyio
import httpx
from still_market import START_US, SYMBOL, Bench

from exchange.asgi import serve
from exchange.clock import Clock
from exchange.paper.runner import Runner
from exchange.paper.sockets import PaperApp
from exchange.protocol.signing import Signer

SIGNER = Signer("0x" + "11" * 32, 714, "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e")


@asynccontextmanager
async def served() -> AsyncGenerator[int]:
    runner = Runner(Bench().venue, Clock(START_US).now_us)
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(serve, PaperApp(runner), "127.0.0.1", 0)
        yield port
        tasks.cancel_scope.cancel()


def signed(nonce: int) -> tuple[dict[str, str], str]:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1.9", "quantity": "5"}
    fields = {**order, "nonce": str(START_US + nonce), "user": SIGNER.user, "signer": SIGNER.signer}
    return fields, SIGNER.sign(urlencode(fields))


async def test_in_the_query_in_a_form_in_json_and_over_both() -> None:
    async with served() as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/fapi/v3") as client:
        for number, kind in enumerate(("query", "form", "json", "both")):
            fields, signature = signed(number)
            everything = {**fields, "signature": signature}
            if kind == "query":
                answer = await client.post("/order", params=everything)
            elif kind == "form":
                answer = await client.post("/order", data=everything)
            elif kind == "json":
                answer = await client.post("/order", json=everything)
            else:
                answer = await client.post("/order", params=fields, data={"signature": signature})
            assert (answer.status_code, answer.json().get("status")) == (200, "NEW"), (kind, answer.text)
            assert answer.headers["X-MBX-ORDER-COUNT-10S"] == str(number + 1)
            assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(number + 1)
