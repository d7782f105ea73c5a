"""From what the market or the account tells to the signed order that answers it, on real loopback sockets.

The stopwatch is the stub venue's: it starts before the frame is handed to the socket and stops when the last byte of
the request has come. The bots take turns, round by round, so that all of them see the same machine. Each is idle for
60 ms before its turn, as in a quiet market: its code is cold, and takes several times as long as in a busy loop.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import anyio

from bench import bots, samples
from bench.rows import Row, percentile
from bench.stub_venue import Request, StubVenue

SYMBOL = "BTCUSDT"
_MIDS = (Decimal(60000), Decimal(60600))
_ORDERS = bots.Orders((SYMBOL,), ("BUY",), threshold="0.001", refresh_ms=50)
_TURN_S = 0.022
"""Three bots' turns are longer than a refresh interval, within which no order is moved twice."""
_WARM_UP = 20


@dataclass(slots=True)
class _Seat:
    """One bot and its venue; `next_order` waits for the order that the bot's last news calls for."""

    venue: StubVenue
    samples_us: list[float] = field(default_factory=list[float])
    last: Request | None = None
    _came: anyio.Event = field(default_factory=anyio.Event)

    def hear(self, request: Request) -> None:
        self.last = request
        self._came.set()

    async def time(self, tell: Awaitable[None]) -> float:
        self._came = anyio.Event()
        began_ns = time.perf_counter_ns()
        await tell
        with anyio.fail_after(5):
            await self._came.wait()
        assert self.last is not None
        return (self.last.arrived_ns - began_ns) / 1000


async def book_to_order(*, quick: bool = False) -> list[Row]:
    async def move(venue: StubVenue, turn: int, _: Request | None) -> None:
        mid = _MIDS[turn % 2]
        number = venue.next_number() + 10**12
        await venue.tell_market(samples.book_ticker(SYMBOL, f"{mid}.0", f"{mid}.1", number))

    return await _race("book to order", move, quick=quick)


async def fill_to_order(*, quick: bool = False) -> list[Row]:
    async def fill(venue: StubVenue, _: int, last: Request | None) -> None:
        assert last is not None
        given = last.params
        client_id = given.get("newClientOrderId", "none")
        now_ms = time.time_ns() // 1_000_000
        frame = samples.fill(
            SYMBOL, given["side"], given["price"], given["quantity"], client_id, venue.next_number(), now_ms
        )
        await venue.tell_account(frame)

    return await _race("fill to order", fill, quick=quick)


_Tell = Callable[[StubVenue, int, Request | None], Awaitable[None]]


async def _race(benchmark: str, tell: _Tell, *, quick: bool) -> list[Row]:
    turns = 5 if quick else 250
    rng = random.Random(1)
    async with _seats() as seats, anyio.create_task_group() as tasks:
        for seat in seats:
            tasks.start_soon(_keep_alive, seat.venue)
            await _first_order(seat)
        gc.collect()
        gc.disable()
        try:
            for turn in range(turns + (2 if quick else _WARM_UP)):
                for seat in seats:
                    await anyio.sleep(_TURN_S + rng.random() * 0.002)
                    seat.samples_us.append(await seat.time(tell(seat.venue, turn + 1, seat.last)))
        finally:
            gc.enable()
        tasks.cancel_scope.cancel()
    ours, typical, sockets = (seat.samples_us[-turns:] for seat in seats)
    return [
        Row(
            benchmark,
            name,
            "us",
            percentile(ours, share),
            percentile(typical, share),
            "typical bot: json, eth-account, httpx, uvloop",
            f"bare sockets alone {percentile(sockets, share):,.0f}",
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


@asynccontextmanager
async def _seats() -> AsyncGenerator[list[_Seat]]:
    async with AsyncExitStack() as stack:
        seats: list[_Seat] = []
        for module in (bots.FLEET, bots.TYPICAL, bots.SOCKETS):
            seat = _Seat(StubVenue({SYMBOL: _MIDS[0]}))
            seat.venue.on_order = seat.hear
            await stack.enter_async_context(seat.venue.serve())
            await stack.enter_async_context(bots.start(module, seat.venue, _ORDERS))
            seats.append(seat)
        yield seats


async def _first_order(seat: _Seat) -> None:
    """A bot may quote by itself once it knows a price; one that does not is told one, until it does."""
    number = 0
    with anyio.fail_after(bots.READY_WITHIN_S):
        while seat.last is None:
            number += 1
            await seat.venue.tell_market(samples.book_ticker(SYMBOL, "60000.0", "60000.1", number))
            await anyio.sleep(0.2)


async def _keep_alive(venue: StubVenue) -> None:
    while True:
        await venue.tell_marks()
        await anyio.sleep(1)
