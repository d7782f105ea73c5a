"""The floor: a frame comes in, the bytes of an order go out, and nothing is looked at or signed in between."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import anyio
from websockets.asyncio.client import connect

from bench.bots import read_task

_BODY = b"symbol=BTCUSDT&side=BUY&price=60000.0&quantity=0.033&origClientOrderId=none&signature=0x" + b"0" * 130
_REQUEST = b"PUT /fapi/v3/order HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(_BODY) + _BODY


async def _echo(url: str, writer: asyncio.StreamWriter) -> None:
    async with connect(url, compression=None, proxy=None) as line:
        while True:
            frame = await line.recv(decode=False)
            if b"bookTicker" in frame or b"ORDER_TRADE_UPDATE" in frame:
                writer.write(_REQUEST)


async def main() -> None:
    task = read_task()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(task.rest).port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_echo, f"{task.stream}/stream?streams=all", writer)
        tasks.start_soon(_echo, f"{task.stream}/ws/bench", writer)
        while await reader.read(65536):
            pass
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
