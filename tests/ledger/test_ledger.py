"""The queue in front of the file: what is told is known when it is on disk, whatever the disk does."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_words import MORNING_MS, OWNER, ids, open_at, rows, trade, traded
from sqlalchemy import text

from exchange.model import Fill
from fleet.ledger import schema
from fleet.ledger.entries import FundingRead, Incident, ListRead
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Store
from fleet.wiring.ledger import open_ledger


def tell(ledger: Ledger, first: int, last: int) -> None:
    """As whoever reads the trade list does."""
    for entry in traded(*(trade(number) for number in range(first, last + 1))):
        ledger.write(entry)
    ledger.write(ListRead("XUSDT", first - 1, last))


def fill_disk(store: Store) -> None:
    """No page more than there are now."""
    with store.connection.begin():
        pages = store.connection.execute(text("PRAGMA page_count")).scalar_one()
        store.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def free_disk(store: Store) -> None:
    with store.connection.begin():
        store.connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


def test_what_is_told_is_known_once_it_is_synced() -> None:
    ledger = Ledger(open_at())
    tell(ledger, 1, 5)
    assert (ledger.read_to("XUSDT"), ledger.waiting, ledger.symbols()) == (0, 6, [])
    assert ledger.sync()
    assert (ledger.read_to("XUSDT"), ledger.waiting, ledger.symbols()) == (5, 0, ["XUSDT"])
    assert (ledger.last_trade_ms("XUSDT"), ledger.funding_from_ms()) == (MORNING_MS + 5, MORNING_MS + 1)


def test_a_crash_loses_what_was_not_synced_and_nothing_else() -> None:
    store = open_at()
    ledger = Ledger(store)
    tell(ledger, 1, 5)
    ledger.sync()
    tell(ledger, 6, 9)
    ledger.lose_unsynced()
    ledger.sync()
    assert (ids(store), ledger.read_to("XUSDT")) == ([1, 2, 3, 4, 5], 5)


def test_on_a_full_disk_nothing_is_known_and_nothing_lost(tmp_path: Path) -> None:
    with open_at(tmp_path / "a.sqlite3") as store:
        ledger = Ledger(store)
        tell(ledger, 1, 10)
        assert ledger.sync()
        fill_disk(store)
        tell(ledger, 11, 3000)
        for _ in range(3):
            assert not ledger.sync()
            assert ledger.problem == f"ledger {store.path} cannot be written: database or disk is full"
        assert (ledger.read_to("XUSDT"), ledger.waiting, ledger.lost) == (10, 2991, 0)
        tell(ledger, 3001, 3010)
        free_disk(store)
        assert ledger.sync()
        assert (ledger.problem, ledger.read_to("XUSDT")) == ("", 3010)
        assert ids(store) == list(range(1, 3011))


def test_a_file_that_somebody_else_holds_is_written_when_they_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.ledger.store.BUSY_S", 0.01)
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        ledger = Ledger(store)
        tell(ledger, 1, 5)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not ledger.sync()
        assert ledger.problem.endswith("cannot be written: database is locked")
        other.execute("ROLLBACK")
        other.close()
        assert ledger.sync()
        assert ids(store) == [1, 2, 3, 4, 5]


def test_a_full_queue_takes_no_more_and_calls_nothing_known_that_it_did_not_take() -> None:
    store = open_at()
    ledger = Ledger(store, most=10)
    tell(ledger, 1, 20)
    assert (ledger.waiting, ledger.lost) == (10, 11)
    ledger.sync()
    # There is room again, but this reading joins on to one that was not taken.
    tell(ledger, 21, 22)
    ledger.write(FundingRead((), MORNING_MS))
    ledger.sync()
    assert (ledger.read_to("XUSDT"), store.funding_read_ms) == (0, None)
    assert ledger.reread()
    assert not ledger.reread()
    tell(ledger, 1, 9)
    ledger.sync()
    assert ledger.read_to("XUSDT") == 9


def test_an_entry_that_makes_no_sense_keeps_no_other_from_the_disk() -> None:
    store = open_at()
    ledger = Ledger(store)
    entries = [*traded(trade(1), trade(2**70), trade(2)), Incident(1, "kind", "text")]
    for entry in entries:
        ledger.write(entry)
    assert ledger.sync()
    assert (ids(store), len(rows(store, schema.incidents))) == ([1, 2], 1)
    assert ledger.refused() == [
        f"trade {2**70} of XUSDT, and how far its list was read, cannot be written down: a bug in astermm-fleet "
        "(OverflowError)"
    ]
    assert (ledger.refused(), ledger.lost) == ([], 0)


SPOILT = replace(trade(2), order_id=2**63)
"""Cannot be written down."""


@pytest.mark.parametrize(
    ("told", "known", "kept"),
    [
        ([[1, SPOILT, 3, (0, 3)]], 0, [1, 3]),
        # What comes behind it in a later batch joins on to what is not known either.
        ([[1, SPOILT, (0, 1), (1, 2)], [3, (2, 3), (1, 3)]], 1, [1, 3]),
        ([[1, SPOILT, 3, (0, 3)], [1, SPOILT, 3, (0, 3)]], 0, [1, 3]),
        # Told again as it can be written, by whoever reads the list again.
        ([[1, SPOILT, 3, (0, 3)], [1, 2, 3, (0, 3)]], 3, [1, 2, 3]),
        ([[1, SPOILT, 3, (0, 3)], [2], [(0, 3)]], 3, [1, 2, 3]),
        ([[1, SPOILT, 3, (0, 3)], [2, SPOILT, (0, 3)], [2, (0, 3)]], 3, [1, 2, 3]),
    ],
)
def test_a_list_is_known_only_up_to_a_trade_that_could_not_be_written(
    told: list[list[int | Fill | tuple[int, int]]], known: int, kept: list[int]
) -> None:
    store = open_at()
    ledger = Ledger(store)
    for batch in told:
        for each in batch:
            if isinstance(each, tuple):
                ledger.write(ListRead("XUSDT", *each))
            else:
                [entry] = traded(trade(each) if isinstance(each, int) else each)
                ledger.write(entry)
        assert ledger.sync()
    assert (ledger.read_to("XUSDT"), ids(store), ledger.lost) == (known, kept, 0)
    assert [text[:17] for text in ledger.refused()] == ["trade 2 of XUSDT,"]


def test_an_account_begun_anew_keeps_what_was_told_before_apart() -> None:
    store = open_at()
    ledger = Ledger(store)
    tell(ledger, 1, 2)
    ledger.begin_account(MORNING_MS)
    tell(ledger, 1, 3)
    ledger.sync()
    assert [(row.account, row.trade_id) for row in rows(store, schema.fills)] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (2, 3),
    ]


def test_an_account_that_cannot_be_begun_now_is_begun_before_anything_of_it_is_written(tmp_path: Path) -> None:
    """Its trades have the numbers of the old one's: under that they would be taken for known."""
    with open_at(tmp_path / "a.sqlite3") as store:
        ledger = Ledger(store)
        tell(ledger, 1, 2)
        assert ledger.sync()
        tell(ledger, 3, 3000)
        fill_disk(store)
        ledger.begin_account(MORNING_MS)
        assert not ledger.sync()
        assert (ledger.symbols(), ledger.read_to("XUSDT"), ledger.last_trade_ms("XUSDT")) == ([], 0, None)
        assert ledger.funding_from_ms() is None
        tell(ledger, 1, 4)
        assert not ledger.sync()
        free_disk(store)
        assert ledger.sync()
        kept = [(row.account, row.trade_id) for row in rows(store, schema.fills)]
        assert kept == [*((1, number) for number in range(1, 3001)), *((2, number) for number in range(1, 5))]
        assert (ledger.read_to("XUSDT"), store.account) == (4, 2)
        assert [row.account for row in rows(store, schema.runs)] == [2]


def test_a_thread_writes_it_soon_and_the_rest_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_ledger(path, OWNER, now_ms=1, fleet="f", program="1") as (ledger, notice):
        assert notice == ""
        tell(ledger, 1, 100)
        deadline = time.monotonic() + 20
        while ledger.read_to("XUSDT") < 100:
            # What another thread does can be waited for in no other way.
            assert time.monotonic() < deadline
            time.sleep(0.01)
        tell(ledger, 101, 200)
    with open_at(path) as store:
        assert ids(store) == list(range(1, 201))


def test_a_disk_that_is_full_for_a_while_is_written_again_by_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.wiring.ledger.RETRY_S", 0.05)
    path = tmp_path / "a.sqlite3"
    with open_ledger(path, OWNER, now_ms=1, fleet="f", program="1") as (ledger, _):
        fill_disk(ledger.store)
        tell(ledger, 1, 3000)
        deadline = time.monotonic() + 20
        while not ledger.problem:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        ledger.lose_unsynced()  # holds the writer off while the disk is freed
        free_disk(ledger.store)
        tell(ledger, 1, 3000)
    with open_at(path) as store:
        assert ids(store) == list(range(1, 3001))
