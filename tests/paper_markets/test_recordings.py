"""What is recorded comes back, each row once and in order, even after a crash."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.model import Depth, Instrument, PublicTrade, Side
from exchange.paper.markets import replay_markets, replay_symbols
from exchange.paper.recorded_csv import read_csv
from exchange.paper.recordings import Gap, Recorded, RecordingError, RecordingWriter, read_recording

INSTRUMENT = Instrument(
    "XUSDT", "X", "USDT", "USDT", "TRADING", Decimal("0.0001"), Decimal("0.01"), 1, 10**6, 1, 10**9,
    Decimal(5), Decimal("1.05"), Decimal("0.95"),
)  # fmt: skip
DAY_MS = 86_400_000


def depth(ms: int, update_id: int | None = None) -> Depth:
    bids, asks = ((100, 5), (99, 7)), ((101, 3),)
    return Depth("XUSDT", ms if update_id is None else update_id, bids, asks, ms, ms * 1000)


def trade(ms: int, trade_id: int | None = None) -> PublicTrade:
    return PublicTrade("XUSDT", ms if trade_id is None else trade_id, Side.SELL, 100, 2, ms, ms * 1000)


def write(directory: Path, rows: list[Recorded]) -> None:
    writer = RecordingWriter(directory, INSTRUMENT)
    for row in rows:
        match row:
            case Depth():
                writer.book(row)
            case PublicTrade():
                writer.trade(row)
            case Gap():
                writer.gap(row.from_us, row.to_us, row.reason)
    writer.close()


def read(directory: Path, instrument: Instrument = INSTRUMENT) -> list[Recorded]:
    return list(read_recording(directory, instrument))


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows: list[Recorded] = [depth(1_000), trade(1_001), Gap("XUSDT", 1_002_000, 1_003_000, "line cut"), depth(1_004)]
    write(tmp_path, rows)
    assert read(tmp_path) == rows


def test_a_row_seen_twice_is_read_once_and_late_rows_take_their_place(tmp_path: Path) -> None:
    write(tmp_path, [depth(1_000), trade(1_001), depth(1_010), depth(1_010), trade(1_020), trade(1_001), trade(1_005)])
    assert read(tmp_path) == [depth(1_000), trade(1_001), trade(1_005), depth(1_010), trade(1_020)]


def test_each_day_has_its_file_and_reading_goes_through_them(tmp_path: Path) -> None:
    rows: list[Recorded] = [depth(DAY_MS - 1), depth(DAY_MS), trade(DAY_MS + 1)]
    write(tmp_path, rows)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["XUSDT-19700101.jsonl.zst", "XUSDT-19700102.jsonl.zst"]
    assert read(tmp_path) == rows


@pytest.mark.parametrize("torn", [b"", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x04\x58garbage", b"nonsense"])
def test_a_crash_costs_only_what_was_not_flushed_and_the_hole_is_told(tmp_path: Path, torn: bytes) -> None:
    write(tmp_path, [depth(1_000)])
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes() + torn)
    assert read(tmp_path) == [depth(1_000)]
    write(tmp_path, [depth(5_000)])
    hole = Gap("XUSDT", 1_000_000, 5_000_000, "recorder was not running")
    assert read(tmp_path) == [depth(1_000), hole, depth(5_000)]


def test_every_prefix_of_a_file_reads_as_whole_frames(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, INSTRUMENT)
    for ms in (1_000, 2_000):
        writer.book(depth(ms))
        writer.flush()
    file = next(tmp_path.iterdir())
    content = file.read_bytes()
    counts: list[int] = []
    for length in range(len(content) + 1):
        file.write_bytes(content[:length])
        counts.append(len(read(tmp_path)))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 2)


def test_rows_that_the_disk_refused_are_written_by_the_next_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordingWriter(tmp_path, INSTRUMENT)
    writer.book(depth(1_000))
    writer.flush()

    def refuse(_: int) -> None:
        file = next(tmp_path.iterdir())
        file.write_bytes(file.read_bytes()[:-3])
        raise OSError("no space left")

    writer.book(depth(2_000))
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="no space"):
            writer.flush()
    assert read(tmp_path) == [depth(1_000)]
    writer.book(depth(3_000))
    writer.close()
    assert read(tmp_path) == [depth(1_000), depth(2_000), depth(3_000)]


@pytest.mark.parametrize(
    ("tick_size", "outcome"),
    [("0.0001", 100), ("0.00005", 200), ("0.001", "does not fit"), ("0.00003", "does not fit")],
)
def test_prices_recorded_with_another_tick_size_are_converted_exactly_or_refused(
    tmp_path: Path, tick_size: str, outcome: int | str
) -> None:
    write(tmp_path, [trade(1_000)])
    instrument = replace(INSTRUMENT, tick_size=Decimal(tick_size))
    if isinstance(outcome, str):
        with pytest.raises(RecordingError, match=outcome):
            read(tmp_path, instrument)
    else:
        (row,) = read(tmp_path, instrument)
        assert isinstance(row, PublicTrade)
        assert row.price_ticks == outcome


BOOK_HEAD = (
    "unix_timestamp,lastUpdateId,bid_price_0,bid_qty_0,bid_price_1,bid_qty_1,"
    "ask_price_0,ask_qty_0,ask_price_1,ask_qty_1"
)
TRADE_HEAD = "id,unix_timestamp_ms,side,price,quantity"


def write_csv(directory: Path, books: list[str], trades: list[str]) -> None:
    (directory / "orderbook_XUSDT.csv").write_text("\n".join([BOOK_HEAD, *books, ""]))
    (directory / "trades_XUSDT.csv").write_text("\n".join([TRADE_HEAD, *trades, ""]))


A_BOOK = "1.5,7,2.288100,44.000000,2.287700,3600.150000,2.288300,31.750000,,"


def test_csv_prices_are_exact_ticks_and_thin_books_are_short(tmp_path: Path) -> None:
    write_csv(tmp_path, [A_BOOK], ["1,1600,sell,2.288100,0.010000"])
    assert list(read_csv(tmp_path, INSTRUMENT)) == [
        Depth("XUSDT", 7, ((22881, 4400), (22877, 360015)), ((22883, 3175),), 1500, 1_500_000),
        PublicTrade("XUSDT", 1, Side.SELL, 22881, 1, 1600, 1_600_000),
    ]


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([90_001, 90_002, 501, 502, 503], [501, 502, 503]),
        ([90_001, 90_002, 501], [501]),
        ([90_001, 501, 502, 90_050, 90_051, 503], [501, 502, 503]),
        ([501, 502, 501, 502, 503], [501, 502, 503]),
    ],
)
def test_of_two_trade_numberings_only_the_aggregate_one_is_read(
    tmp_path: Path, ids: list[int], kept: list[int]
) -> None:
    write_csv(tmp_path, [A_BOOK], [f"{i},{1600 + n},buy,2.2881,1" for n, i in enumerate(ids)])
    assert [row.trade_id for row in read_csv(tmp_path, INSTRUMENT) if isinstance(row, PublicTrade)] == kept


@pytest.mark.parametrize(("side", "ticks"), [("buy", 22881), ("sell", 22882)])
def test_a_hidden_trade_between_two_ticks_has_not_reached_the_farther(tmp_path: Path, side: str, ticks: int) -> None:
    write_csv(tmp_path, [A_BOOK], [f"1,1600,{side},2.288150,1"])
    assert [r.price_ticks for r in read_csv(tmp_path, INSTRUMENT) if isinstance(r, PublicTrade)] == [ticks]


@pytest.mark.parametrize(
    ("books", "trades", "why"),
    [
        ([A_BOOK, "x,8"], [], r"orderbook_XUSDT\.csv:3"),
        (["1.5,7,2.28815,1,,,2.2883,1,,"], [], "no multiple of the tick size"),
        ([A_BOOK], ["1,1600,up,2.2881,1"], r"trades_XUSDT\.csv:2"),
        ([A_BOOK], ["1,1600,buy,dear,1"], r"trades_XUSDT\.csv:2"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, books: list[str], trades: list[str], why: str) -> None:
    write_csv(tmp_path, books, trades)
    with pytest.raises(RecordingError, match=why):
        list(read_csv(tmp_path, INSTRUMENT))


def test_either_format_is_found_by_its_files(tmp_path: Path) -> None:
    write_csv(tmp_path, [A_BOOK], [])
    other = replace(INSTRUMENT, symbol="YUSDT")
    writer = RecordingWriter(tmp_path, other)
    writer.book(replace(depth(1_000), symbol="YUSDT"))
    writer.close()
    assert replay_symbols(tmp_path) == ["XUSDT", "YUSDT"]
    markets = replay_markets(tmp_path, [INSTRUMENT, other], 0, 1.0)
    assert [markets[s].best_bid() for s in ("XUSDT", "YUSDT")] == [(22881, 4400), (100, 5)]


@pytest.mark.parametrize(
    ("make", "symbol", "why"),
    [
        (False, "XUSDT", "no such directory"),
        (True, "XUSDT", "holds no recording"),
        (True, "ZUSDT", "holds no recording of ZUSDT, only of XUSDT"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, make: bool, symbol: str, why: str) -> None:
    path = tmp_path / "recording"
    if make:
        path.mkdir()
        if symbol != "XUSDT":
            write_csv(path, [A_BOOK], [])
    with pytest.raises(RecordingError, match=why):
        replay_markets(path, [replace(INSTRUMENT, symbol=symbol)], 0)
