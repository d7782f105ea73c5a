"""How much the paper exchange carries on one core: orders through memory and through sockets, and moving markets.

An order here is one signed request, half of them placements, half cancels, its signature checked by the exchange.
Through sockets the figure is the server process's own CPU time, so that what the load costs is not in it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import psutil

from bench.exchange_load import CHAIN_ID, START_US, Orders, open_exchange, open_market
from bench.rows import Row
from exchange.aster.http_sockets import SocketTransport
from exchange.paper.answers import Request
from exchange.paper.instruments import instrument, trading_symbols
from exchange.paper.market import Trade
from exchange.paper.venue import Venue
from exchange.protocol.signing import recover
from exchange.protocol.streams import ALL_BOOK_TICKERS, ALL_MARK_PRICES, agg_trade

_CONNECTIONS = 16


async def run(*, quick: bool = False) -> list[Row]:
    return [
        _memory(200 if quick else 20_000),
        await _sockets(100 if quick else 10_000),
        _markets(3 if quick else 200, seconds=2 if quick else 30),
    ]


def _memory(number: int) -> Row:
    requests = list(Orders().requests(number, START_US))
    venue = open_exchange(START_US, 1)
    began_ns = time.perf_counter_ns()
    for each in requests:
        answer = venue.handle(each, START_US)
        if answer.status != 200:
            raise AssertionError(answer.body)
    ours_us = (time.perf_counter_ns() - began_ns) / number / 1000
    signed = [_signed(each) for each in requests]
    began_ns = time.perf_counter_ns()
    for text, signature in signed:
        recover(text, signature, CHAIN_ID)
    baseline_us = (time.perf_counter_ns() - began_ns) / number / 1000
    note = f"{1e6 / ours_us:,.0f} orders/s"
    return Row("exchange", "an order, memory", "us", ours_us, baseline_us, "checking its signature alone", note)


def _signed(request: Request) -> tuple[str, str]:
    text, _, signature = request.body.decode().partition("&signature=")
    return text, signature


async def _sockets(number: int) -> Row:
    (ours_us, took_us), (baseline_us, _) = [await _served(number, *mode) for mode in ((), ("bare",))]
    note = f"{1e6 / ours_us:,.0f} orders/s of one core; seen from outside {1e6 / took_us:,.0f}/s"
    against = "the same server, answering {} to the same requests"
    return Row("exchange", "an order, sockets (server CPU)", "us", ours_us, baseline_us, against, note)


async def _served(number: int, *mode: str) -> tuple[float, float]:
    """Microseconds an order takes: of the server's CPU, and of time as its clients see it."""
    with _process(*mode) as (process, port):
        orders = Orders()
        transport = SocketTransport()
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as http:
            # A placement and its cancel go over one connection, one after the other.
            nonces = iter(range(time.time_ns() // 1000, sys.maxsize, 2))
            pairs = iter(range(number // 2))

            async def trade() -> None:
                for _ in pairs:
                    for request in list(orders.requests(2, next(nonces))):
                        headers = {"content-type": "application/x-www-form-urlencoded"}
                        answer = await http.request(request.method, request.path, content=request.body, headers=headers)
                        if answer.status_code != 200:
                            raise AssertionError(answer.text)

            before, began_s = process.cpu_times(), time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for _ in range(_CONNECTIONS):
                    tasks.start_soon(trade)
            after, took_s = process.cpu_times(), time.perf_counter() - began_s
    used_s = max(after.user + after.system - before.user - before.system, 0.01)
    return used_s / number * 1e6, took_s / number * 1e6


@contextmanager
def _process(*mode: str) -> Generator[tuple[psutil.Process, int]]:
    command = [sys.executable, "-m", "bench.served_exchange", *mode]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        assert started.stdout is not None
        yield psutil.Process(started.pid), int(started.stdout.readline())
    finally:
        started.kill()
        started.communicate()


def _markets(symbols: int, seconds: int) -> Row:
    """Everything that moves: books, trades, mark prices, all of them listened to."""
    venue = open_exchange(START_US, symbols)
    names = trading_symbols()[:symbols]
    streams = "/".join([ALL_BOOK_TICKERS, ALL_MARK_PRICES, *(agg_trade(symbol) for symbol in names[:190])])
    venue.open_line(f"/stream?streams={streams}", START_US)
    events, ours_s = _advance(venue, seconds)
    alone = [open_market(instrument(symbol), START_US) for symbol in names]
    began_s = time.perf_counter()
    for market in alone:
        market.advance(START_US + seconds * 1_000_000, _ignore)
    baseline_s = time.perf_counter() - began_s
    note = f"{events / ours_s:,.0f} events/s; {seconds / ours_s:.1f} times real time"
    against = "the bare markets, nobody told"
    per_event = (ours_s / events * 1e6, baseline_s / events * 1e6)
    return Row("exchange", f"a market event, {symbols} symbols", "us", *per_event, against, note)


def _advance(venue: Venue, seconds: int) -> tuple[int, float]:
    """How many frames came up, and how long it took. In steps, as a server wakes."""
    events = 0
    began_s = time.perf_counter()
    for step in range(seconds * 100):
        venue.advance(START_US + (step + 1) * 10_000)
        events += len(venue.take_pushes())
    return events, time.perf_counter() - began_s


def _ignore(trade: Trade) -> None:
    pass
