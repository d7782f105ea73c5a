"""CPU and memory of a fleet of 10, 50 and 200 symbols, each book moving 20 times a second."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

import anyio
import psutil

from bench import bots, samples
from bench.rows import Row
from bench.stub_venue import StubVenue, wants
from exchange.model import Instrument
from exchange.paper.calibration import parameters_for
from exchange.paper.instruments import instrument, trading_symbols
from exchange.protocol import streams

UPDATES_PER_S = 20
_STEP = 0.00005
"""How far a mid moves with an update: at 20 a second a quote is moved about every 20 s."""
_CPU_TICK_S = 0.01
"""The system counts a process's time in ticks: less than one cannot be told from none."""
_SLOTS = 10
"""Updates are spread evenly over their period, so that they come as a stream and not in bursts."""


@dataclass(frozen=True, slots=True)
class _Load:
    cpu_percent: float
    rss_mb: float
    sent: float
    handled: float
    decided: float
    orders: float
    """The last four a second."""


async def run(*, quick: bool = False) -> list[Row]:
    rows: list[Row] = []
    for size in (2,) if quick else (10, 50, 200):
        ours, baseline = [
            await _load(module, size, seconds=0.5 if quick else 8.0) for module in (bots.FLEET, bots.TYPICAL)
        ]
        against = "typical bot, all symbols in one process"
        handled = f"updates/s sent {ours.sent:,.0f}, handled {ours.handled:,.0f} (baseline {baseline.handled:,.0f})"
        done = f"decisions/s {ours.decided:,.0f}, orders/s {ours.orders:.1f} (baseline {baseline.orders:.1f})"
        rows += [
            Row("scale", f"{size} symbols, CPU", "%", ours.cpu_percent, baseline.cpu_percent, against, handled),
            Row("scale", f"{size} symbols, memory", "MB", ours.rss_mb, baseline.rss_mb, against, done),
        ]
    return rows


async def _load(module: str, size: int, seconds: float) -> _Load:
    chosen = [instrument(symbol) for symbol in trading_symbols()[:size]]
    prices = {each.symbol: Decimal(str(parameters_for(each).price)) for each in chosen}
    orders = bots.Orders(tuple(prices), ("BUY", "SELL"), threshold="0.001", refresh_ms=1000)
    venue = StubVenue(prices)
    async with venue.serve(), bots.start(module, venue, orders) as bot, anyio.create_task_group() as tasks:
        feed = _Feed(venue, chosen)
        tasks.start_soon(feed.run)
        with anyio.fail_after(bots.READY_WITHIN_S):
            while not wants(prices, orders.sides) <= venue.placed:
                bot.check()
                await anyio.sleep(0.05)
        await anyio.sleep(seconds / 8)
        found = await _watch(bot, feed, seconds)
        tasks.cancel_scope.cancel()
        return found
    raise AssertionError("unreachable: no task group above swallows what is raised in it")


async def _watch(bot: bots.Bot, feed: _Feed, seconds: float) -> _Load:
    process = psutil.Process(bot.process.pid)

    def read() -> tuple[float, ...]:
        cpu = process.cpu_times()
        used_s = cpu.user + cpu.system
        return anyio.current_time(), used_s, feed.sent, bot.counts[0], bot.counts[1], bot.venue.orders

    before = read()
    await anyio.sleep(seconds)
    took_s, used_s, sent, handled, decided, orders = (b - a for a, b in zip(before, read(), strict=True))
    rss_mb = process.memory_info().rss / 1e6
    return _Load(
        100 * max(used_s, _CPU_TICK_S) / took_s,
        rss_mb,
        sent / took_s,
        handled / took_s,
        decided / took_s,
        orders / took_s,
    )


class _Feed:
    """Books that walk at random, and mark prices each second."""

    def __init__(self, venue: StubVenue, instruments: list[Instrument]) -> None:
        self.sent = 0
        self._venue = venue
        self._instruments = instruments
        self._mids = {each.symbol: float(venue.prices[each.symbol]) for each in instruments}
        self._rng = random.Random(1)

    async def run(self) -> None:
        slot_s = 1 / UPDATES_PER_S / _SLOTS
        due = anyio.current_time()
        slot = 0
        while True:
            for each in self._instruments[slot % _SLOTS :: _SLOTS]:
                await self._move(each)
            if slot % (UPDATES_PER_S * _SLOTS) == 0:
                await self._venue.tell_marks()
            slot += 1
            due += slot_s
            await anyio.sleep_until(due)

    async def _move(self, each: Instrument) -> None:
        self._mids[each.symbol] *= 1 + self._rng.gauss(0, _STEP)
        bid = each.floor_price(self._mids[each.symbol])
        stream = streams.ALL_BOOK_TICKERS if self._venue.takes_all_books else None
        self.sent += 1
        number = 10**9 + self.sent
        frame = samples.book_ticker(each.symbol, each.price_text(bid), each.price_text(bid + 1), number, stream)
        await self._venue.tell_market(frame)
