"""The market line, in virtual time: up, lost, silent, renewed, and told apart."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from random import Random

import anyio
import pytest
from aster_fakes import EPOCH_US, FakeLines, book_ticker, instruments, mark_price, settle

from exchange.aster.market_stream import AsterMarketStream
from exchange.clock import Clock
from exchange.model import BookTicker, Depth, MarketEvent, MarkPrice, PublicTrade, Side, StreamDown, StreamUp
from exchange.protocol import streams
from fleet.simulation.loop import run_virtual

SYMBOLS = ("ASTERUSDT", "BNBUSDT")


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    @functools.wraps(test)
    def run() -> None:
        run_virtual(test)

    # Else pytest looks through the wrapper and takes the test for an async one.
    del run.__wrapped__
    return run


class Watched:
    """A running stream with what it told, and the venue's side of its lines."""

    def __init__(
        self,
        symbols: Sequence[str] = SYMBOLS,
        known: Sequence[str] = SYMBOLS,
        channels: Sequence[str] = (streams.BOOK_TICKER, streams.MARK_PRICE),
        life_s: float = 23.5 * 3600,
        silent_after_s: float = 5.0,
    ) -> None:
        self.lines = FakeLines()
        self.told: list[MarketEvent] = []
        self.stream = AsterMarketStream(
            self.lines.connect,
            "ws://venue",
            Clock(EPOCH_US),
            instruments(*known),
            Random(1),
            channels=channels,
            life_s=life_s,
            silent_after_s=silent_after_s,
        )
        self.stream.want(symbols)
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> Watched:
        await self._tasks.__aenter__()
        self._tasks.start_soon(self.stream.run, self.told.append)
        await anyio.sleep(1)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        assert not any(socket.is_open for socket in self.lines.sockets)

    async def tick(self, seconds: int) -> None:
        """Time passes, with a mark price every second on every open line, as the venue does."""
        for _ in range(seconds):
            await anyio.sleep(1)
            for socket in self.lines.sockets:
                if socket.is_open:
                    socket.push(mark_price("ASTERUSDT", round(anyio.current_time() * 1000)))
            await settle()

    def lifecycle(self) -> list[str]:
        names = {StreamUp: "up", StreamDown: "down"}
        return [names[type(event)] for event in self.told if isinstance(event, StreamUp | StreamDown)]

    def books(self) -> list[int]:
        return [event.update_id for event in self.told if isinstance(event, BookTicker)]


@virtual
async def test_subscribes_and_tells_that_it_is_up() -> None:
    async with Watched() as watched:
        assert watched.told == [StreamUp("market")]
        assert watched.lines.last.url == "ws://venue/stream"
        assert list(watched.lines.last.carried) == [
            "asterusdt@bookTicker",
            "bnbusdt@bookTicker",
            "asterusdt@markPrice@1s",
            "bnbusdt@markPrice@1s",
        ]
        assert len(watched.lines.last.asked) == 1


@virtual
async def test_frames_become_events_at_once() -> None:
    async with Watched() as watched:
        watched.lines.last.push(book_ticker("ASTERUSDT", 5))
        watched.lines.last.push(mark_price("BNBUSDT", 1000))
        await settle()
        _, book, mark = watched.told
        assert isinstance(mark, MarkPrice)
        assert book == BookTicker("ASTERUSDT", 5, 7000, 100, 8000, 200, 8, EPOCH_US + 1_000_000)
        assert (mark.symbol, mark.mark, mark.funding_rate) == ("BNBUSDT", Decimal("0.75"), Decimal("0.0001"))


@virtual
async def test_depth_and_trades_for_the_recorder() -> None:
    async with Watched(channels=(streams.DEPTH10, streams.TRADE)) as watched:
        depth = {"e": "depthUpdate", "E": 9, "T": 8, "s": "BNBUSDT", "U": 1, "u": 2, "pu": 0}
        trade = {"e": "trade", "E": 9, "T": 8, "s": "BNBUSDT", "t": 3, "p": "0.7", "q": "1", "m": True}
        levels = {"b": [["0.7", "1"]], "a": [["0.8", "2"], ["0.81", "3"]]}
        watched.lines.last.push({"stream": "bnbusdt@depth10@100ms", "data": {**depth, **levels}})
        watched.lines.last.push({"stream": "bnbusdt@trade", "data": trade})
        await anyio.sleep(60)
        now_us = EPOCH_US + 1_000_000
        assert watched.told[1:] == [
            Depth("BNBUSDT", 2, ((7000, 100),), ((8000, 200), (8100, 300)), 8, now_us),
            PublicTrade("BNBUSDT", 3, Side.SELL, 7000, 100, 8, now_us),
        ]
        # Depth and trades have no heartbeat: silence proves nothing.
        assert watched.lifecycle() == ["up"]


@virtual
async def test_symbols_come_and_go_on_the_same_line() -> None:
    async with Watched(symbols=["ASTERUSDT"]) as watched:
        watched.stream.want(["BNBUSDT"])
        await anyio.sleep(1)
        assert list(watched.lines.last.carried) == ["bnbusdt@bookTicker", "bnbusdt@markPrice@1s"]
        watched.lines.last.push(book_ticker("ASTERUSDT", 5))
        watched.lines.last.push(book_ticker("BNBUSDT", 6))
        await settle()
        assert watched.books() == [6]
        assert len(watched.lines.sockets) == 1


@virtual
async def test_messages_are_paced() -> None:
    many = [f"S{number}USDT" for number in range(99)]
    async with Watched(symbols=many, known=many) as watched:
        for count in (1, 99, 5, 90, 2):
            watched.stream.want(many[:count])
            await watched.tick(1)
        await watched.tick(5)
        times = [at for at, _ in watched.lines.last.asked]
        assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 5
        assert len(watched.lines.last.carried) == 4


@virtual
async def test_past_the_limit_it_goes_over_to_all_market_streams() -> None:
    many = [f"S{number}USDT" for number in range(120)]
    async with Watched(symbols=many[:90], known=many) as watched:
        watched.stream.want(many[:110])
        await watched.tick(3)
        assert list(watched.lines.last.carried) == ["!bookTicker", "!markPrice@arr@1s"]
        marks = [mark_price(symbol, 99_000)["data"] for symbol in many]
        watched.lines.last.push({"stream": "!markPrice@arr@1s", "data": marks})
        await settle()
        assert sum(isinstance(event, MarkPrice) for event in watched.told) == 110


@virtual
async def test_a_lost_line_is_told_at_once_and_comes_back() -> None:
    async with Watched() as watched:
        watched.lines.refusals = 3
        watched.lines.last.cut("24 hours are over")
        await settle()
        assert watched.told[-1] == StreamDown("market", "24 hours are over")
        await watched.tick(20)
        assert watched.lifecycle() == ["up", "down", "up"]
        assert len(watched.lines.attempts) == 5
        assert watched.lines.last.carried == watched.lines.sockets[0].carried


@virtual
async def test_reconnects_are_spread_and_slow_down() -> None:
    async with Watched() as watched:
        watched.lines.refusals = 1000
        watched.lines.last.cut()
        await anyio.sleep(600)
        waits = [
            after - before for before, after in zip(watched.lines.attempts, watched.lines.attempts[1:], strict=False)
        ]
        assert len(set(waits)) == len(waits)
        assert max(waits) <= 15
        assert sum(waits[-4:]) > 2 * sum(waits[1:5])


@virtual
async def test_a_silent_line_is_dead() -> None:
    async with Watched() as watched:
        await watched.tick(30)
        assert watched.lifecycle() == ["up"]
        await anyio.sleep(7)
        assert watched.lifecycle()[:2] == ["up", "down"]
        assert StreamDown("market", "silent for 5 s") in watched.told


@virtual
async def test_with_nothing_wanted_silence_is_normal() -> None:
    async with Watched(symbols=[]) as watched:
        await anyio.sleep(600)
        assert watched.lifecycle() == ["up"]
        assert watched.lines.last.asked == []


@virtual
async def test_before_the_cut_a_new_line_takes_over_without_a_gap() -> None:
    async with Watched(life_s=60) as watched:
        watched.lines.confirms = False
        await watched.tick(58)
        watched.lines.last.push(book_ticker("ASTERUSDT", 7))
        await watched.tick(1)
        await anyio.sleep(0.1)
        old, new = watched.lines.sockets
        new.push(book_ticker("ASTERUSDT", 8))
        new.push({"result": None, "id": 1})
        await anyio.sleep(0.5)
        # The new line is ahead of the old one, which still has to tell 8 and 9.
        for update_id in (8, 9, 10, 11):
            new.push(book_ticker("ASTERUSDT", update_id))
        for update_id in (8, 9):
            old.push(book_ticker("ASTERUSDT", update_id))
        await watched.tick(5)
        new.push(book_ticker("ASTERUSDT", 12))
        await settle()
        assert watched.books() == [7, 8, 9, 10, 11, 12]
        assert watched.lifecycle() == ["up"]
        assert not old.is_open
        assert new.carried == old.carried


@virtual
async def test_a_line_lost_while_the_next_is_ready_leaves_no_gap() -> None:
    async with Watched(life_s=60) as watched:
        await watched.tick(59)
        await anyio.sleep(0.2)
        old, new = watched.lines.sockets
        new.push(book_ticker("ASTERUSDT", 8))
        old.cut()
        await settle()
        assert watched.books() == [8]
        assert watched.lifecycle() == ["up"]


@virtual
async def test_a_take_over_that_fails_leaves_the_old_line_working() -> None:
    async with Watched(life_s=60) as watched:
        watched.lines.refusals = 4
        await watched.tick(90)
        assert watched.lifecycle() == ["up"]
        assert len(watched.lines.sockets) == 2


@virtual
async def test_after_a_gap_the_venue_may_count_anew() -> None:
    async with Watched() as watched:
        watched.lines.last.push(book_ticker("ASTERUSDT", 900))
        watched.lines.last.push(book_ticker("ASTERUSDT", 899))
        await settle()
        watched.lines.last.cut()
        await watched.tick(5)
        watched.lines.last.push(book_ticker("ASTERUSDT", 3))
        await settle()
        assert watched.books() == [900, 3]


@virtual
async def test_malformed_frames_are_counted_and_left_out() -> None:
    async with Watched() as watched:
        for frame in (
            "no json",
            "[]",
            '{"stream":"x","data":{"e":"new kind"}}',
            book_ticker("ASTERUSDT", 5, bid="dear"),
        ):
            watched.lines.last.push(frame)
            watched.lines.last.push(frame)
        watched.lines.last.push(book_ticker("NOSUCHUSDT", 6))
        watched.lines.last.push(book_ticker("ASTERUSDT", 7))
        await settle()
        assert watched.books() == [7]
        assert watched.stream.malformed.total == 8
        assert len(watched.stream.malformed.counts) == 4


@virtual
async def test_what_comes_before_the_confirmation_is_told_after_it() -> None:
    async with Watched() as watched:
        watched.lines.confirms = False
        watched.lines.last.cut()
        await anyio.sleep(1)
        watched.lines.last.push(book_ticker("ASTERUSDT", 5))
        await settle()
        assert watched.lifecycle() == ["up", "down"]
        assert watched.books() == []
        watched.lines.last.push({"result": None, "id": 1})
        await settle()
        assert [type(event) for event in watched.told[-2:]] == [StreamUp, BookTicker]


@virtual
async def test_a_subscription_that_is_never_confirmed_ends_the_line() -> None:
    watched = Watched()
    watched.lines.confirms = False
    async with watched:
        await anyio.sleep(20)
        assert watched.told == []
        assert len(watched.lines.sockets) > 1


@virtual
async def test_a_fault_of_the_sink_is_not_taken_for_a_bad_frame() -> None:
    lines = FakeLines()
    stream = AsterMarketStream(lines.connect, "ws://venue", Clock(EPOCH_US), instruments(), Random(1))

    def sink(event: MarketEvent) -> None:
        raise ValueError("a fault of ours")

    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        await stream.run(sink)
    assert stream.malformed.total == 0


@virtual
async def test_mark_prices_of_a_venue_that_has_set_its_clock_back_are_heard_and_late_ones_are_not() -> None:
    async with Watched() as watched:
        for event_ms in (100_000, 100_000, 99_000, 78_000):
            watched.lines.last.push(mark_price("BNBUSDT", event_ms))
        await settle()
        assert [each.exchange_ms for each in watched.told if isinstance(each, MarkPrice)] == [100_000, 78_000]
