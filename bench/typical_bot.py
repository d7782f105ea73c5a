"""The baseline: what a bot of this kind usually is. json and Decimal, eth-account, one httpx client, no shared plan.

It is given what makes it quick: uvloop, warm connections, a task for each request so that reading goes on.
"""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
from anyio.abc import TaskGroup
from websockets.asyncio.client import connect

from bench.bots import Task, open_counts, read_task
from bench.signing import eth_account_signature
from exchange.protocol import streams


class TypicalBot:
    def __init__(self, task: Task, http: httpx.AsyncClient, tasks: TaskGroup) -> None:
        self._task = task
        self._http = http
        self._tasks = tasks
        self._counts = open_counts(Path("counts"))
        self._working: dict[tuple[str, str], dict[str, Any]] = {}
        self._mids: dict[str, Decimal] = {}
        self._ids = 0

    async def watch_market(self) -> None:
        names = "/".join(streams.book_ticker(symbol) for symbol in self._task.orders.symbols)
        async with connect(f"{self._task.stream}/stream?streams={names}", compression=None, proxy=None) as line:
            async for message in line:
                envelope: dict[str, Any] = json.loads(message)
                data = envelope["data"]
                if envelope["stream"].endswith(streams.BOOK_TICKER):
                    self._on_book(data)
                    self._counts[0] += 1

    async def watch_account(self) -> None:
        async with connect(f"{self._task.stream}/ws/bench", compression=None, proxy=None) as line:
            async for message in line:
                data = json.loads(message)
                if data["e"] == "ORDER_TRADE_UPDATE" and data["o"]["X"] == "FILLED":
                    self._on_fill(data["o"])

    def _on_book(self, data: dict[str, Any]) -> None:
        symbol = data["s"]
        mid = self._mids[symbol] = (Decimal(data["b"]) + Decimal(data["a"])) / 2
        self._counts[1] += 1
        for side in self._task.orders.sides:
            price = self._price(mid, side)
            order = self._working.get((symbol, side))
            if order is None:
                self._place(symbol, side, price)
            elif abs(Decimal(order["price"]) - price) > Decimal(self._task.orders.threshold) * price:
                self._amend(order, price)

    def _on_fill(self, order: dict[str, Any]) -> None:
        symbol, side = order["s"], "SELL" if order["S"] == "BUY" else "BUY"
        self._working.pop((symbol, order["S"]), None)
        self._place(symbol, side, self._price(self._mids[symbol], side))

    def _price(self, mid: Decimal, side: str) -> Decimal:
        spread = Decimal(self._task.orders.spread)
        # The venue checks no ticks: five digits will do for every symbol.
        return (mid * (1 - spread if side == "BUY" else 1 + spread)).quantize(Decimal(1).scaleb(mid.adjusted() - 5))

    def _place(self, symbol: str, side: str, price: Decimal) -> None:
        self._ids += 1
        order = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTX"}
        order |= {"quantity": f"{self._task.orders.order_usd / price:.3f}", "price": f"{price:f}"}
        order |= {"newClientOrderId": f"bot-{self._ids}"}
        self._working[symbol, side] = {**order, "sent": time.monotonic()}
        self._tasks.start_soon(self._send, "POST", order)

    def _amend(self, order: dict[str, Any], price: Decimal) -> None:
        now = time.monotonic()
        if now - order["sent"] < self._task.orders.refresh_ms / 1000:
            return
        order |= {"price": f"{price:f}", "sent": now}
        names = ("symbol", "side", "quantity", "price")
        params = {name: order[name] for name in names} | {"origClientOrderId": order["newClientOrderId"]}
        self._tasks.start_soon(self._send, "PUT", params)

    async def _send(self, method: str, params: dict[str, str]) -> None:
        task = self._task
        signed = {**params, "nonce": str(time.time_ns() // 1000), "user": task.user, "signer": task.signer}
        signed["signature"] = eth_account_signature(urlencode(signed), task.private_key, task.chain_id)
        (await self._http.request(method, f"{task.rest}/fapi/v3/order", data=signed)).json()


async def main() -> None:
    async with httpx.AsyncClient() as http, anyio.create_task_group() as tasks:
        bot = TypicalBot(read_task(), http, tasks)
        tasks.start_soon(bot.watch_account)
        await bot.watch_market()


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
