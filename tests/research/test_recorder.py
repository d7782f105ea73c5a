"""What is recorded is what happened: nothing twice, and where something is missing a gap row says so."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import msgspec
import pytest
from zstandard import ZstdDecompressor

from exchange.clock import Clock
from exchange.errors import Unavailable
from exchange.model import Depth, Instrument, MarketEvent, PublicTrade, Side, StreamDown, StreamUp
from exchange.paper.fault_settings import CutLines
from exchange.paper.instruments import instrument
from exchange.paper.market import Trade
from exchange.paper.markets import replay_markets
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.recordings import Gap, Recorded, RecordingWriter, read_recording
from exchange.paper.runner import PaperLine, Runner
from exchange.protocol import frames
from exchange.protocol.hosts import Host
from fleet.config.models import Paper
from fleet.research.recorder import Counts, Missing, Recorder, Track
from fleet.simulation.loop import run_virtual
from fleet.wiring.client import Address, market_stream, open_venue
from fleet.wiring.paper import paper_venue

START_US = 1_750_000_000_000_000
SYMBOLS = ("ASTERUSDT", "BTCUSDT")
CHANNELS = ("depth10@100ms", "aggTrade", "markPrice@1s")


# What is new, and what is missing


def trade(trade_id: int, ms: int = 0, first_id: int = 0) -> PublicTrade:
    ms = ms or trade_id
    return PublicTrade("XUSDT", trade_id, Side.BUY, 100, 1, ms, ms * 1000, first_id)


def book(update_id: int, ms: int = 0) -> Depth:
    ms = ms or update_id
    return Depth("XUSDT", update_id, ((100, 1),), ((101, 1),), ms, ms * 1000)


@pytest.mark.parametrize(
    ("known", "then", "is_new", "missing"),
    [
        pytest.param(None, trade(5), True, None, id="before the first nothing is missing"),
        pytest.param(trade(5), trade(6), True, None, id="the next"),
        pytest.param(trade(5), trade(5), False, None, id="the same"),
        pytest.param(trade(5), trade(3), False, None, id="an older one"),
        pytest.param(trade(5), trade(8), True, (6, 7), id="two are left out"),
        pytest.param(trade(5), trade(9, first_id=6), True, None, id="an aggregate joins on"),
        pytest.param(trade(5), trade(9, first_id=8), True, (6, 7), id="an aggregate leaves two out"),
        pytest.param(trade(5), trade(2, ms=99), True, None, id="the venue counts anew"),
    ],
)
def test_trades_are_judged_by_their_numbers(
    known: PublicTrade | None, then: PublicTrade, is_new: bool, missing: tuple[int, int] | None
) -> None:
    track = Track(trade=known)
    wanted = missing and Missing("XUSDT", *missing, from_us=5000, to_us=then.received_us)
    assert track.judge(then) == (is_new, wanted)
    assert track.trade == (then if is_new else known)


@pytest.mark.parametrize(
    ("known", "then", "is_new"),
    [
        (None, book(5), True),
        (book(5), book(6), True),
        (book(5), book(5), False),
        (book(5), book(4), False),
        (book(5), book(1, ms=99), True),
    ],
)
def test_books_are_judged_by_their_update_ids(known: Depth | None, then: Depth, is_new: bool) -> None:
    assert Track(book=known).is_new_book(then) is is_new


# What is written


@dataclass
class Told:
    """A stream that says what a test tells it to."""

    sink: Callable[[MarketEvent], None] = lambda _: None

    def want(self, symbols: Sequence[str]) -> None:
        assert symbols == ["XUSDT"]

    async def run(self, sink: Callable[[MarketEvent], None]) -> None:
        self.sink = sink
        await anyio.sleep_forever()


@dataclass
class Asked:
    """Market data of which only recent trades are asked; `fails` times without an answer."""

    recent: list[PublicTrade] = field(default_factory=list[PublicTrade])
    fails: int = 0
    asked: int = 0

    async def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        self.asked += 1
        await anyio.sleep(0.5)
        if self.fails:
            self.fails -= 1
            raise Unavailable("no answer")
        return self.recent


X = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**6, 1, 10**9,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip


def record_told(directory: Path, events: Sequence[MarketEvent], asked: Asked, seconds: float = 3.0) -> Counts:
    """One event each 10 ms from the first second on; then `seconds` more. The clock starts at 0."""

    async def main() -> Counts:
        clock, stream = Clock(0), Told()
        recorder = Recorder(directory, [X], asked, clock)  # pyright: ignore[reportArgumentType]  # no more is asked
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder.run, [(stream, ["XUSDT"])])
            await anyio.sleep(1)
            for event in events:
                await anyio.sleep(0.01)
                stream.sink(event)
            await anyio.sleep(seconds)
            tasks.cancel_scope.cancel()
        return recorder.total

    return run_virtual(main)


UP, DOWN = StreamUp("market"), StreamDown("market", "cut")


def rows(directory: Path) -> list[Recorded]:
    return list(read_recording(directory, X))


def raw_rows(directory: Path, symbol: str) -> list[list[Any]]:
    """As they stand in the files, headers left out: the reader would leave out what comes twice."""
    found: list[list[Any]] = []
    for path in sorted(directory.glob(f"{symbol}-*.zst")):
        text = ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
        found += [row for line in text.splitlines() if (row := json.loads(line))[0] != "recording"]
    return found


def outages(directory: Path) -> list[Gap]:
    return [row for row in rows(directory) if isinstance(row, Gap)]


def gaps(directory: Path) -> list[str]:
    return [gap.reason for gap in outages(directory)]


def test_an_outage_is_a_gap_from_the_last_that_was_heard_to_the_return(tmp_path: Path) -> None:
    counts = record_told(tmp_path, [UP, book(1), book(1000), DOWN, UP, book(1001)], Asked())
    assert outages(tmp_path) == [Gap("XUSDT", 1_000_000, 1_050_000, "line lost: cut")]
    assert counts == Counts(books=3, gaps=1)


def test_an_outage_that_lasts_to_the_end_is_a_gap_too(tmp_path: Path) -> None:
    record_told(tmp_path, [UP, book(1000), DOWN], Asked())
    assert outages(tmp_path) == [Gap("XUSDT", 1_000_000, 4_030_000, "line lost: cut")]


@pytest.mark.parametrize(
    ("recent", "fails", "told", "backfilled", "gap"),
    [
        pytest.param([2, 3, 4, 5, 6], 0, [3, 4], 2, [], id="all are had"),
        pytest.param([4, 5, 6], 0, [4], 1, ["1 of the trades 3 to 4 are missing"], id="some are too old"),
        pytest.param([902, 903], 0, [], 0, ["2 of the trades 3 to 4 are missing"], id="numbers that do not connect"),
        pytest.param([3, 4], 1, [], 0, ["2 of the trades 3 to 4 are missing: no answer"], id="no answer"),
    ],
)
def test_trades_left_out_are_asked_for_and_only_what_is_not_had_is_a_gap(
    tmp_path: Path, recent: list[int], fails: int, told: list[int], backfilled: int, gap: list[str]
) -> None:
    asked = Asked([trade(each) for each in recent], fails)
    counts = record_told(tmp_path, [UP, trade(1), trade(2), trade(6, first_id=5)], asked)
    ids = sorted(row.trade_id for row in rows(tmp_path) if isinstance(row, PublicTrade))
    assert ids == [1, 2, *told, 6]
    assert gaps(tmp_path) == gap
    assert counts == Counts(trades=3, backfilled=backfilled, gaps=len(gap), missing=2 - backfilled)
    assert asked.asked == 1


def test_what_comes_twice_is_written_once(tmp_path: Path) -> None:
    events = [book(5), trade(5), trade(4), book(4)]
    counts = record_told(tmp_path, [UP, *events, DOWN, UP, *events, book(6), trade(6)], Asked())
    assert counts == Counts(books=2, trades=2, doubled=6, gaps=1)
    assert [row[:2] for row in raw_rows(tmp_path, "XUSDT") if row[0] != "gap"] == [
        ["book", 5],
        ["trade", 5],
        ["book", 6],
        ["trade", 6],
    ]


def test_a_venue_that_counts_anew_is_believed(tmp_path: Path) -> None:
    events = [book(5, 1005), trade(5, 1005), DOWN, UP, book(1, 1100), trade(1, 1100)]
    record_told(tmp_path, [UP, *events], Asked())
    assert [row for row in rows(tmp_path) if not isinstance(row, Gap)] == [
        event for event in events if isinstance(event, Depth | PublicTrade)
    ]


def test_a_recording_that_ends_before_the_answer_says_what_it_lacks(tmp_path: Path) -> None:
    record_told(tmp_path, [UP, trade(1), trade(3)], Asked([trade(2)]), seconds=0.1)
    assert gaps(tmp_path) == ["1 of the trades 2 to 2 are missing: recording ended"]


def test_a_kill_costs_no_more_than_a_second(tmp_path: Path) -> None:
    """Read as it stands on disk while the recorder runs."""
    seen: list[int] = []

    async def main() -> None:
        stream = Told()
        recorder = Recorder(tmp_path, [X], Asked(), Clock(0))  # pyright: ignore[reportArgumentType]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder.run, [(stream, ["XUSDT"])])
            for number in range(1, 41):
                await anyio.sleep(0.1)
                stream.sink(book(number))
                if number > 10:
                    seen.append(number - sum(isinstance(row, Depth) for row in rows(tmp_path)))
            tasks.cancel_scope.cancel()

    run_virtual(main)
    assert max(seen) <= 11


# Against a venue whose lines break and lose frames


@dataclass
class Truth:
    """All that the venue sent to a listener who was never cut off."""

    books: dict[tuple[str, int], frames.DepthFrame] = field(default_factory=dict[tuple[str, int], frames.DepthFrame])
    trades: list[frames.AggTradeFrame] = field(default_factory=list[frames.AggTradeFrame])


def listen(runner: Runner, truth: Truth) -> None:
    streams = "/".join(f"{symbol.lower()}@{channel}" for symbol in SYMBOLS for channel in CHANNELS)
    runner.venue.open_line(f"/stream?streams={streams}", START_US)
    hub = runner.venue.engine.feeds.hub
    broadcast = hub.broadcast

    def heard(stream: str, frame: bytes) -> None:
        data = msgspec.json.decode(frame, type=frames.MarketFrame)
        if isinstance(data, frames.DepthFrame):
            truth.books[data.symbol, data.update_id] = data
        elif isinstance(data, frames.AggTradeFrame):
            truth.trades.append(data)
        broadcast(stream, frame)

    hub.broadcast = heard  # pyright: ignore[reportAttributeAccessIssue]  # a method, and here a function


@dataclass
class Lossy:
    """Lines on which some trades never arrive."""

    lines: PaperLines
    rng: Random
    share: float

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncGenerator[_LossyLine]:
        async with self.lines.connect(url) as line:
            yield _LossyLine(line, self)


@dataclass
class _LossyLine:
    line: PaperLine
    of: Lossy

    async def recv(self) -> str | bytes:
        while True:
            text = await self.line.recv()
            if "aggTrade" not in str(text) or self.of.rng.random() >= self.of.share:
                return text

    async def send(self, text: str) -> None:
        await self.line.send(text)


def record_venue(directory: Path, seed: int, seconds: int, cuts: int, lost_share: float) -> tuple[Truth, Counts]:
    async def main() -> tuple[Truth, Counts]:
        clock, rng = Clock(START_US), Random(seed)
        runner = Runner(paper_venue(Paper(seed=seed), SYMBOLS, clock), clock.now_us)
        lines = PaperLines(runner)
        host = Host("http://paper", "ws://paper", 1666)
        lossy = Lossy(lines, rng, lost_share)
        address = Address("paper", host, transport=PaperTransport(runner), connect=lossy.connect)
        truth, total = Truth(), Counts()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            async with open_venue(address, None, clock, rng=rng) as venue:
                listen(runner, truth)
                instruments = [venue.info.instruments[symbol] for symbol in SYMBOLS]
                recorder = Recorder(directory, instruments, venue.market_data, clock)
                stream = market_stream(address, venue, CHANNELS, rng)
                async with anyio.create_task_group() as recording:
                    recording.start_soon(recorder.run, [(stream, SYMBOLS)])
                    for _ in range(cuts):
                        await anyio.sleep(rng.uniform(0.5, 2 * seconds / (cuts + 1)))
                        is_refusing = rng.random() < 0.5
                        down_s = rng.uniform(0.0, 3.0)
                        runner.inject(CutLines(refused_for_s=down_s if is_refusing else 0.0))
                        await anyio.sleep(down_s)
                    await anyio.sleep(seconds / 2)
                    recording.cancel_scope.cancel()
                total = recorder.total
            tasks.cancel_scope.cancel()
        return truth, total

    return run_virtual(main)


@pytest.mark.parametrize(
    ("seed", "cuts", "lost_share"), [(1, 0, 0.0), (2, 3, 0.0), (3, 0, 0.1), (4, 4, 0.1), (5, 6, 0.05), (6, 2, 0.3)]
)
def test_what_was_recorded_is_what_happened(tmp_path: Path, seed: int, cuts: int, lost_share: float) -> None:
    truth, counts = record_venue(tmp_path, seed, 40, cuts, lost_share)
    assert counts.missing == 0
    assert (counts.backfilled > 0) is (cuts > 0 or lost_share > 0)
    for symbol in SYMBOLS:
        known = instrument(symbol)
        recorded = list(read_recording(tmp_path, known))
        assert len(raw_rows(tmp_path, symbol)) == len(recorded)
        holes = [row for row in recorded if isinstance(row, Gap)]
        # A cut while the line is down already is no outage of its own.
        assert (len(holes) > 0) is (cuts > 0)
        assert len(holes) <= cuts
        books = [row for row in recorded if isinstance(row, Depth)]
        _books_are_true(known, books, truth, holes)
        _trades_are_true(known, [row for row in recorded if isinstance(row, PublicTrade)], truth)


def _books_are_true(known: Instrument, books: list[Depth], truth: Truth, holes: list[Gap]) -> None:
    sent = {update_id: frame for (symbol, update_id), frame in truth.books.items() if symbol == known.symbol}
    ids = [each.update_id for each in books]
    assert ids == sorted(set(ids))
    for each in books:
        frame = sent[each.update_id]
        for levels, told in ((each.bids, frame.bids), (each.asks, frame.asks)):
            assert [(known.price_text(t), known.quantity_text(q)) for t, q in levels] == told
    for update_id in sent.keys() - set(ids):
        at_us = sent[update_id].event_ms * 1000
        within = any(gap.from_us - 2_000 <= at_us <= gap.to_us + 2_000 for gap in holes)
        assert within or not ids[0] <= update_id <= ids[-1], f"book {update_id} is missing, and no gap says so"


def _trades_are_true(known: Instrument, trades: list[PublicTrade], truth: Truth) -> None:
    """Aggregates that were lost stand there as the single trades that REST tells of: sizes by price must agree."""
    first, last = min(t.trade_id for t in trades), max(t.trade_id for t in trades)
    sent = [f for f in truth.trades if f.symbol == known.symbol and first <= f.last_trade_id <= last]
    expected = [(f.last_trade_id, known.ticks(f.price), known.lots(f.qty)) for f in sent]
    ends = [end for end, _, _ in expected]
    got: dict[int, tuple[int, int]] = {}
    for each in sorted(trades, key=lambda each: each.trade_id):
        end = next(end for end in ends if end >= each.trade_id)
        ticks, lots = got.get(end, (each.price_ticks, 0))
        assert ticks == each.price_ticks
        got[end] = ticks, lots + each.lots
    assert [(end, *got[end]) for end in sorted(got)] == expected


def test_a_recording_is_played_again_as_it_was(tmp_path: Path) -> None:
    record_venue(tmp_path, seed=8, seconds=40, cuts=2, lost_share=0.1)
    for symbol, market in replay_markets(tmp_path, [instrument(s) for s in SYMBOLS], START_US, 10.0).items():
        recorded = list(read_recording(tmp_path, instrument(symbol)))
        played: list[Trade] = []
        market.advance(START_US + 60_000_000, played.append)
        first = next(row.exchange_ms for row in recorded if isinstance(row, Depth))
        wanted = [r for r in recorded if isinstance(r, PublicTrade) and r.exchange_ms >= first]
        assert [(t.ticks, t.lots, t.taker_side) for t in played][-len(wanted) + 5 :] == [
            (t.price_ticks, t.lots, t.side) for t in wanted
        ][5:]
        last = [row for row in recorded if isinstance(row, Depth)][-1]
        assert (tuple(market.levels(Side.BUY, 10)), tuple(market.levels(Side.SELL, 10))) == (last.bids, last.asks)
        assert market.next_us() is None


def test_the_same_seed_records_the_same_files(tmp_path: Path) -> None:
    contents: list[list[Recorded]] = []
    for name in ("once", "again"):
        record_venue(tmp_path / name, seed=9, seconds=15, cuts=2, lost_share=0.1)
        contents.append([row for s in SYMBOLS for row in read_recording(tmp_path / name, instrument(s))])
    assert contents[0] == contents[1]


def test_files_that_are_there_are_added_to(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, X)
    writer.book(book(1))
    writer.close()
    record_told(tmp_path, [UP, book(1000)], Asked())
    assert [type(row) for row in rows(tmp_path)] == [Depth, Gap, Depth]
