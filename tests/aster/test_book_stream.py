"""Whole books over the market line, in virtual time: snapshots are asked for when they are wanted, and only then."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import anyio
from aster_fakes import EPOCH_US, FakeLines, instruments, mark_price, settle

from exchange.aster.book_stream import AsterBookStream
from exchange.clock import Clock
from exchange.errors import Unavailable
from exchange.model import BookTicker, Depth, ExchangeInfo, MarketEvent, MarkPrice, PublicTrade, StreamDown, StreamUp
from exchange.ports import Ticket
from fleet.simulation.loop import run_virtual

SYMBOLS = ("ASTERUSDT", "BNBUSDT")


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    @functools.wraps(test)
    def run() -> None:
        run_virtual(test)

    del run.__wrapped__
    return run


def diff(first: int, last: int, previous: int, bid: str = "0.7", symbol: str = "ASTERUSDT") -> dict[str, object]:
    data = {"e": "depthUpdate", "E": 9, "T": 8, "s": symbol, "U": first, "u": last, "pu": previous}
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": {**data, "b": [[bid, "1"]], "a": []}}


class Snapshots:
    """exchange.ports.MarketData of which only the depth is asked; an answer takes a second."""

    def __init__(self) -> None:
        self.update_id = 100
        self.failures = 0
        self.asked: list[tuple[float, str, int]] = []

    async def depth(self, symbol: str, limit: int) -> Depth:
        self.asked.append((anyio.current_time(), symbol, limit))
        update_id = self.update_id
        await anyio.sleep(1)
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("busy")
        return Depth(symbol, update_id, ((6990, 500),), ((7010, 500),), 7, 5)

    async def server_ms(self) -> int:
        raise NotImplementedError

    async def exchange_info(self) -> ExchangeInfo:
        raise NotImplementedError

    async def book_tickers(self) -> list[BookTicker]:
        raise NotImplementedError

    async def mark_prices(self, *, ticket: Ticket | None = None) -> list[MarkPrice]:
        raise NotImplementedError

    async def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        raise NotImplementedError


class Watched:
    def __init__(self, symbols: Sequence[str] = ("ASTERUSDT",)) -> None:
        self.lines = FakeLines()
        self.snapshots = Snapshots()
        self.told: list[MarketEvent] = []
        self.stream = AsterBookStream(
            self.lines.connect, "ws://venue", Clock(EPOCH_US), instruments(*SYMBOLS), Random(1), self.snapshots
        )
        self.stream.want(symbols)
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> Watched:
        await self._tasks.__aenter__()
        self._tasks.start_soon(self.stream.run, self.told.append)
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def push(self, *diffs: dict[str, object], then_s: float = 0.0) -> None:
        for each in diffs:
            self.lines.last.push(each)
        await settle()
        await anyio.sleep(then_s)

    def books(self) -> list[tuple[int, int]]:
        """Update id and best bid of each book that was told."""
        return [(event.update_id, event.bids[0][0]) for event in self.told if isinstance(event, Depth)]


@virtual
async def test_the_first_book_is_told_with_its_snapshot_and_then_each_after_its_diff() -> None:
    async with Watched() as watched:
        assert list(watched.lines.last.carried) == ["asterusdt@depth@100ms", "asterusdt@markPrice@1s"]
        assert watched.snapshots.asked == []
        await watched.push(diff(95, 105, 94, "0.7000"), diff(106, 108, 105, "0.7001"), then_s=1.5)
        assert watched.books() == [(108, 7001)]
        await watched.push(diff(109, 110, 108, "0.7002"))
        assert watched.books() == [(108, 7001), (110, 7002)]
        assert watched.told[-1] == Depth(
            "ASTERUSDT",
            110,
            ((7002, 100), (7001, 100), (7000, 100), (6990, 500)),
            ((7010, 500),),
            8,
            EPOCH_US + 1_500_000,
        )
        assert watched.snapshots.asked == [(0.0, "ASTERUSDT", 1000)]


@virtual
async def test_after_a_gap_nothing_is_told_until_a_new_snapshot() -> None:
    async with Watched() as watched:
        await watched.push(diff(95, 105, 94), then_s=1.5)
        watched.snapshots.update_id = 125
        await watched.push(diff(120, 130, 119, "0.7003"), diff(131, 135, 130, "0.7004"))
        assert watched.books() == [(105, 7000)]
        await anyio.sleep(1.5)
        await watched.push(diff(136, 137, 135, "0.7005"))
        assert watched.books() == [(105, 7000), (135, 7004), (137, 7005)]
        assert (watched.stream.gaps, watched.stream.snapshots) == (1, 2)


@virtual
async def test_a_snapshot_that_is_too_old_or_cannot_be_had_is_asked_for_again() -> None:
    async with Watched() as watched:
        watched.snapshots.failures = 1
        await watched.push(diff(120, 130, 119), then_s=3.5)
        assert watched.books() == []
        watched.snapshots.update_id = 125
        await anyio.sleep(2.5)
        assert [at for at, _, _ in watched.snapshots.asked] == [0.0, 2.0, 4.0]
        assert watched.books() == [(130, 7000)]


@virtual
async def test_snapshots_are_asked_for_one_at_a_time() -> None:
    async with Watched(SYMBOLS) as watched:
        await watched.push(diff(95, 105, 94), diff(95, 105, 94, symbol="BNBUSDT"), then_s=2.5)
        assert watched.snapshots.asked == [(0.0, "ASTERUSDT", 1000), (1.0, "BNBUSDT", 1000)]
        assert [event.symbol for event in watched.told if isinstance(event, Depth)] == list(SYMBOLS)


@virtual
async def test_a_snapshot_for_a_line_that_is_gone_is_not_told() -> None:
    async with Watched() as watched:
        await watched.push(diff(95, 105, 94), then_s=0.5)
        watched.lines.last.cut()
        await anyio.sleep(5)
        assert [type(event) for event in watched.told] == [StreamUp, StreamDown, StreamUp]
        await watched.push(diff(95, 105, 94), then_s=1.5)
        assert watched.books() == [(105, 7000)]


@virtual
async def test_a_symbol_no_longer_wanted_costs_no_snapshot() -> None:
    async with Watched(SYMBOLS) as watched:
        await watched.push(diff(95, 105, 94), diff(95, 105, 94, symbol="BNBUSDT"), then_s=0.5)
        watched.stream.want(["ASTERUSDT"])
        await anyio.sleep(3)
        assert [symbol for _, symbol, _ in watched.snapshots.asked] == ["ASTERUSDT"]


@virtual
async def test_other_channels_go_by_as_ever() -> None:
    async with Watched() as watched:
        await watched.push(mark_price("ASTERUSDT", 1000), mark_price("ASTERUSDT", 1000))
        assert [type(event) for event in watched.told] == [StreamUp, MarkPrice]


@virtual
async def test_a_diff_that_cannot_be_read_is_counted_and_mended_by_a_snapshot() -> None:
    async with Watched() as watched:
        await watched.push(diff(95, 105, 94), then_s=1.5)
        watched.snapshots.update_id = 108
        await watched.push(diff(106, 108, 105, "cheap"), then_s=1.5)
        await watched.push(diff(109, 110, 108, "0.7005"))
        assert watched.stream.malformed.total == 1
        assert watched.books() == [(105, 7000), (108, 6990), (110, 7005)]
