"""A book kept from its diffs: what follows on, what does not, and that it equals the venue's."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import pytest
from aster_fakes import instrument
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.aster.conversion import lots_of, ticks_above, ticks_below
from exchange.aster.local_book import Applied, LocalBook
from exchange.model import Depth, Instrument
from exchange.protocol import frames
from exchange.protocol.frames import BookTickerFrame, DepthFrame, Levels
from exchange.protocol.payloads import DepthBody

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "binance-usdm-2024-08-08" / "btcusdt.jsonl.gz"
OK, STALE, EARLY, GAP = Applied.OK, Applied.STALE, Applied.EARLY, Applied.GAP


def diff(first: int, last: int, previous: int, bids: Levels | None = None, asks: Levels | None = None) -> DepthFrame:
    return DepthFrame(9, "ASTERUSDT", last, bids or [], asks or [], first, previous, 8)


def snapshot(update_id: int, bids: dict[int, int] | None = None, asks: dict[int, int] | None = None) -> Depth:
    best_first = tuple(sorted(({7000: 100} if bids is None else bids).items(), reverse=True))
    return Depth(
        "ASTERUSDT", update_id, best_first, tuple(sorted(({7002: 200} if asks is None else asks).items())), 7, 0
    )


@pytest.mark.parametrize(
    ("events", "expected", "update_id"),
    [
        # The snapshot lies in an event's midst, at its end, at its start, or right before it.
        ([diff(95, 105, 94)], [OK], 105),
        ([diff(95, 100, 94)], [OK], 100),
        ([diff(100, 105, 99)], [OK], 105),
        ([diff(101, 105, 100)], [OK], 105),
        # Before it all is old; after it there must be no hole.
        ([diff(80, 99, 79)], [STALE], 100),
        ([diff(80, 94, 79), diff(95, 105, 94)], [STALE, OK], 105),
        ([diff(103, 105, 102)], [GAP], 100),
        # From then on each event's `pu` is the `u` before it.
        ([diff(95, 105, 94), diff(107, 110, 105)], [OK, OK], 110),
        ([diff(95, 105, 94), diff(95, 105, 94)], [OK, STALE], 105),
        ([diff(95, 105, 94), diff(108, 110, 107)], [OK, GAP], 105),
        ([diff(95, 105, 94), diff(104, 110, 103)], [OK, GAP], 105),
        # After a gap all is held.
        ([diff(103, 105, 102), diff(106, 107, 105)], [GAP, EARLY], 100),
        # A crossed book has lost something, whatever its numbers say.
        ([diff(95, 105, 94, bids=[("0.7002", "1")])], [GAP], 105),
    ],
)
def test_what_follows_on_a_snapshot_at_100(events: list[DepthFrame], expected: list[Applied], update_id: int) -> None:
    book = LocalBook(instrument())
    assert book.load(snapshot(100)) is OK
    assert [book.apply(event) for event in events] == expected
    assert book.update_id == update_id
    assert book.is_synced == (GAP not in expected)


@pytest.mark.parametrize(
    ("held", "update_id", "loaded"),
    [
        ([], 100, OK),
        ([diff(90, 95, 89)], 100, OK),
        ([diff(90, 97, 89), diff(98, 103, 97), diff(104, 109, 103)], 109, OK),
        # Too old: what comes next is not what is held.
        ([diff(104, 109, 103)], 100, GAP),
        # A hole among what is held.
        ([diff(98, 103, 97), diff(106, 109, 105)], 103, GAP),
    ],
)
def test_what_was_held_is_applied_to_the_snapshot(held: list[DepthFrame], update_id: int, loaded: Applied) -> None:
    book = LocalBook(instrument())
    assert [book.apply(event) for event in held] == [EARLY] * len(held)
    assert book.load(snapshot(100)) is loaded
    assert (book.update_id, book.is_synced) == (update_id, loaded is OK)


def test_after_a_gap_a_newer_snapshot_takes_up_what_is_held() -> None:
    book = LocalBook(instrument())
    book.load(snapshot(100))
    assert [book.apply(diff(103, 105, 102)), book.apply(diff(106, 109, 105))] == [GAP, EARLY]
    assert book.load(snapshot(107)) is OK
    assert book.update_id == 109


def test_levels_are_set_taken_away_and_told_best_first() -> None:
    book = LocalBook(instrument())
    book.load(snapshot(100, {7000: 100, 6999: 50}, {7002: 200}))
    # One that is not there may be taken away.
    book.apply(diff(95, 105, 94, [("0.7000", "0.00"), ("0.6998", "3.00"), ("0.6000", "0")], [("0.7001", "0.50")]))
    expected = Depth("ASTERUSDT", 105, ((6999, 50), (6998, 300)), ((7001, 50), (7002, 200)), 8, 1)
    assert book.depth(10, 1) == expected
    assert book.depth(1, 1).bids == ((6999, 50),)
    assert book.depth(1, 1).asks == ((7001, 50),)


def test_a_text_that_is_no_number_ends_what_was_in_step() -> None:
    book = LocalBook(instrument())
    book.load(snapshot(100))
    with pytest.raises(ArithmeticError):
        book.apply(diff(95, 105, 94, [("cheap", "1")]))
    assert not book.is_synced
    assert book.apply(diff(106, 107, 105)) is EARLY


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), lost=st.sets(st.integers(0, 59), max_size=3), late=st.integers(0, 8))
def test_in_step_it_is_the_venues_book_and_every_loss_is_noticed(seed: int, lost: set[int], late: int) -> None:
    """A venue's book changes at random, is pushed in diffs of which some are lost, and tells snapshots `late` diffs
    after they were made."""
    rng, known = Random(seed), instrument()
    truth: dict[int, dict[int, int]] = {1: {7000: 100}, -1: {7002: 100}}
    book = LocalBook(known)
    update_id = 1000
    made: list[Depth] = []
    for number in range(60):
        first, previous = update_id + 1, update_id
        changes: dict[int, Levels] = {1: [], -1: []}
        for _ in range(rng.randint(1, 4)):
            update_id += rng.randint(1, 3)
            side = rng.choice((1, -1))
            ticks = rng.randint(6980, 7000) if side == 1 else rng.randint(7001, 7020)
            lots = rng.choice((0, rng.randint(1, 500)))
            truth[side].pop(ticks, None)
            if lots:
                truth[side][ticks] = lots
            changes[side].append((known.price_text(ticks), known.quantity_text(lots)))
            if rng.random() < 0.2:
                # Snapshots are made in an event's midst too.
                made.append(snapshot(update_id, truth[1], truth[-1]))
        was_synced = book.is_synced
        if number not in lost:
            applied = book.apply(diff(first, update_id, previous, changes[1], changes[-1]))
            assert (applied is GAP) == (was_synced and not book.is_synced)
        if not book.is_synced and len(made) > late:
            book.load(made[-1 - late])
        if book.is_synced and number not in lost and book.update_id == update_id:
            assert dict(book.depth(100, 0).bids) == truth[1]
            assert dict(book.depth(100, 0).asks) == truth[-1]


# --- the recorded frames of a real venue


def recorded() -> Iterator[bytes]:
    if not RECORDED.exists():
        pytest.skip("no recorded frames here: ../shared/data/binance-usdm-2024-08-08")
    with gzip.open(RECORDED) as lines:
        for line in lines:
            yield line.split(b" ", 1)[1]


def bitcoin() -> Instrument:
    return replace(instrument("BTCUSDT"), tick_size=Decimal("0.10"), step_size=Decimal("0.001"))


def test_the_recorded_book_agrees_with_every_recorded_best_price() -> None:
    """After each event the best prices are those of the newest ticker up to it: both streams tell every change."""
    known = bitcoin()
    book = LocalBook(known)
    applied: dict[Applied, int] = dict.fromkeys(Applied, 0)
    tickers: dict[int, BookTickerFrame] = {}
    books: list[Depth] = []
    for body in recorded():
        if body.startswith(b'{"lastUpdateId"'):
            told = msgspec.json.decode(body, type=DepthBody)
            bids = tuple((ticks_below(known, price), lots_of(known, qty)) for price, qty in told.bids)
            asks = tuple((ticks_above(known, price), lots_of(known, qty)) for price, qty in told.asks)
            assert book.load(Depth("BTCUSDT", told.last_update_id, bids, asks, 0, 0)) is OK
            continue
        frame = frames.decode_envelope(body).data
        if isinstance(frame, BookTickerFrame):
            tickers[frame.update_id] = frame
        elif isinstance(frame, DepthFrame):
            result = book.apply(frame)
            applied[result] += 1
            if result is OK:
                books.append(book.depth(1, 0))
    assert applied == {OK: 6545, EARLY: 6, STALE: 0, GAP: 0}
    met = [each for each in books if each.update_id in tickers]
    assert len(met) == 629
    in_order = iter(sorted(tickers.values(), key=lambda each: each.update_id))
    ahead, newest = next(in_order, None), None
    for each in books:
        while ahead is not None and ahead.update_id <= each.update_id:
            ahead, newest = next(in_order, None), ahead
        assert newest is not None
        assert each.bids[0] == (known.ticks(newest.bid), known.lots(newest.bid_qty))
        assert each.asks[0] == (known.ticks(newest.ask), known.lots(newest.ask_qty))


def test_a_recorded_frame_left_out_is_noticed_at_the_next() -> None:
    book = LocalBook(bitcoin())
    diffs = [frame for body in recorded() if isinstance(frame := frames.decode_envelope(body).data, DepthFrame)]
    book.load(Depth("BTCUSDT", diffs[100].update_id, (), (), 0, 0))
    results = [book.apply(frame) for frame in (*diffs[98:110], *diffs[111:113])]
    assert results == [STALE, STALE, *[OK] * 10, GAP, EARLY]
