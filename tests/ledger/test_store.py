"""A ledger file: what is written is there, once and to the last digit; what cannot be opened is told and never spoilt."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_words import MORNING_MS, OWNER, X, ids, market, open_at, rows, trade, traded
from sqlalchemy import Connection

from exchange.model import FundingPayment, Place, Side
from fleet.ledger import schema
from fleet.ledger.entries import (
    ConfigTaken,
    Entry,
    Equity,
    FundingRead,
    Holding,
    Incident,
    ListRead,
    Marked,
    OrderChanged,
    RunStopped,
)
from fleet.ledger.opening import open_store
from fleet.ledger.store import CHANGES_KEPT_US, PRUNE_EVERY_US, LedgerError, Owner
from fleet.orders import lifecycle

ROOT = Path(__file__).parents[2]

# --- what is written


def test_a_trade_is_kept_to_the_last_digit() -> None:
    store = open_at()
    fill = trade(7, Side.SELL, 1234, 5, pnl="-0.00000001", fee="0.000123456789", client_id="f:X:r:1", maker=False)
    store.write(traded(fill, ticker=market(1233, 1236), mark="123.45"))
    [row] = rows(store, schema.fills)
    assert tuple(row) == (
        1, "XUSDT", 7, 1, MORNING_MS + 7, 1007, "f:X:r:1", "SELL", "123.4", "0.05", False, "0.000123456789", "USDT",
        "-0.00000001", "123.45", "123.45",
    )  # fmt: skip


@pytest.mark.parametrize("line_first", [True, False])
def test_a_trade_told_by_line_and_list_is_one_with_what_only_the_line_tells(line_first: bool) -> None:
    store = open_at()
    told = [*traded(trade(1, client_id="f:X:r:1"), ticker=market(999, 1001)), *traded(trade(1))]
    for entry in told if line_first else reversed(told):
        store.write([entry])
    [row] = rows(store, schema.fills)
    assert (row.client_id, row.mid) == ("f:X:r:1", "100.0")


def test_an_order_is_one_row_and_each_change_another() -> None:
    store = open_at()
    placed = lifecycle.placing(Place("XUSDT", "f:X:r:1", Side.BUY, 1000, 50), 5)
    changes = [placed, lifecycle.cancelling(placed, 9), replace(placed, phase=lifecycle.Phase.DONE, reason="CANCELED")]
    store.write([OrderChanged(X, order, at) for at, order in enumerate(changes, 10)])
    [order] = rows(store, schema.orders)
    assert (order.client_id, order.phase, order.reason, order.placed_us, order.changed_us, order.price) == (
        "f:X:r:1", "done", "CANCELED", 5, 12, "100.0",
    )  # fmt: skip
    assert [(row.at_us, row.phase) for row in rows(store, schema.order_changes)] == [
        (10, "placing"), (11, "cancelling"), (12, "done"),
    ]  # fmt: skip


def test_changes_of_orders_are_kept_for_a_week_and_the_order_for_ever() -> None:
    store = open_at()
    placed = lifecycle.placing(Place("XUSDT", "f:X:r:1", Side.BUY, 1000, 50), 5)
    for at_us in (5, 1_000_000, CHANGES_KEPT_US, CHANGES_KEPT_US + 6, CHANGES_KEPT_US + PRUNE_EVERY_US + 7):
        store.write([OrderChanged(X, placed, at_us)])
    assert [row.at_us for row in rows(store, schema.order_changes)] == [
        CHANGES_KEPT_US, CHANGES_KEPT_US + 6, CHANGES_KEPT_US + PRUNE_EVERY_US + 7,
    ]  # fmt: skip
    assert len(rows(store, schema.orders)) == 1


class Unspeakable:
    def packed(self) -> bytes | None:
        raise ValueError("a strategy's state")


def test_what_led_up_to_an_incident_may_be_lost_without_the_incident() -> None:
    store = open_at()
    store.write([Incident(8, "crash", "it broke", "XUSDT", Unspeakable()), Incident(9, "pause", "asked to")])
    told = "it broke (what led up to it could not be kept: ValueError)"
    assert [(row.text, row.recording) for row in rows(store, schema.incidents)] == [(told, None), ("asked to", None)]


class Recording:
    def __init__(self, blob: bytes | None) -> None:
        self._blob = blob

    def packed(self) -> bytes | None:
        return self._blob


def test_what_led_up_to_incidents_is_kept_of_the_newest_and_the_incidents_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.ledger.store.RECORDINGS_KEPT", 2)
    store = open_at()
    for blob in (b"1", b"2", None, b"3", None, b"4"):
        store.write([Incident(8, "crash", "it broke", "XUSDT", Recording(blob))])
    placed = lifecycle.placing(Place("XUSDT", "f:X:r:1", Side.BUY, 1000, 50), 5)
    store.write([OrderChanged(X, placed, PRUNE_EVERY_US + 1)])
    assert [row.recording for row in rows(store, schema.incidents)] == [None, None, None, b"3", None, b"4"]


def test_everything_else_that_is_told_has_its_row() -> None:
    store = open_at()
    paid = FundingPayment("9:XUSDT", "XUSDT", Decimal("-0.1"), "USDT", 3)
    store.write(
        [
            FundingRead((paid, paid), 4),
            FundingRead((paid,), 5),
            Marked("XUSDT", 1, 10, Decimal("100.05")),
            Equity(6, Decimal(1000), Decimal("-1.5"), (Holding("XUSDT", Decimal(2), Decimal(99), None, 5),)),
            ConfigTaken(7, 1, "abc", "{}"),
            Incident(8, "crash", "it broke", "XUSDT"),
            RunStopped(9, is_clean=True),
        ]
    )
    assert [tuple(row)[1:] for row in rows(store, schema.funding)] == [("9:XUSDT", 3, "XUSDT", "-0.1", "USDT")]
    assert store.funding_read_ms == 5
    assert [tuple(row)[1:] for row in rows(store, schema.markouts)] == [("XUSDT", 1, 10, "100.05")]
    assert [tuple(row)[1:] for row in rows(store, schema.equity)] == [(6, "1000", "-1.5")]
    assert [tuple(row)[1:] for row in rows(store, schema.holdings)] == [(6, "XUSDT", "2", "99", None, 5)]
    assert [tuple(row)[1:] for row in rows(store, schema.configs)] == [(1, 7, 1, "abc", "{}")]
    assert [tuple(row)[1:] for row in rows(store, schema.incidents)] == [(1, 8, "crash", "XUSDT", "it broke", None)]
    [run] = rows(store, schema.runs)
    assert (run.fleet, run.started_ms, run.stopped_ms, run.is_clean) == ("f", MORNING_MS, 9, True)


def test_a_batch_is_written_as_a_whole_or_not_at_all() -> None:
    store = open_at()
    with pytest.raises(OverflowError):
        store.write([*traded(trade(1)), ListRead("XUSDT", 0, 1), *traded(trade(2**70))])
    assert (ids(store), store.reads) == ([], {})


# --- how far the lists were read


@pytest.mark.parametrize(
    ("reads", "known"),
    [
        ([(0, 5)], 5),
        ([(0, 5), (5, 9)], 9),
        # What lies between 5 and 7 nobody has read.
        ([(0, 5), (7, 9)], 5),
        ([(0, 5), (3, 9)], 9),
        # A page that was under way while another was read further.
        ([(0, 9), (0, 5)], 9),
        ([(3, 9)], 0),
    ],
)
def test_a_list_is_known_as_far_as_it_was_read_without_a_gap(reads: list[tuple[int, int]], known: int) -> None:
    one, each = open_at(), open_at()
    entries = [ListRead("XUSDT", after, to) for after, to in reads]
    one.write(entries)
    for entry in entries:
        each.write([entry])
    assert one.reads.get("XUSDT", 0) == each.reads.get("XUSDT", 0) == known


READS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted), max_size=12)


@given(reads=READS, cuts=st.sets(st.integers(0, 12)))
@settings(max_examples=60)
def test_whatever_is_read_in_whatever_batches_nothing_known_is_missing(reads: list[list[int]], cuts: set[int]) -> None:
    """The venue has twelve trades; each reading tells of those in it, as the runtime does."""
    store = open_at()
    batch: list[Entry] = []
    for number, (after, to) in enumerate(reads):
        batch += [*traded(*(trade(each) for each in range(after + 1, to + 1))), ListRead("XUSDT", after, to)]
        if number in cuts:
            store.write(batch)
            batch = []
    store.write(batch)
    assert set(range(1, store.reads.get("XUSDT", 0) + 1)) <= set(ids(store))


def test_a_later_run_goes_on_where_the_one_before_was(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        store.write([*traded(trade(3)), ListRead("XUSDT", 0, 3), FundingRead((), 77)])
    with open_at(path, now_ms=MORNING_MS + 9) as store:
        assert (store.account, store.run) == (1, 2)
        assert (store.reads, store.traded) == ({"XUSDT": 3}, {"XUSDT": MORNING_MS + 3})
        assert (store.funding_read_ms, store.oldest_ms) == (77, MORNING_MS + 3)


@pytest.mark.parametrize(
    "owner", [replace(OWNER, name="0xother"), replace(OWNER, venue="mainnet"), replace(OWNER, is_new=True)]
)
def test_trades_of_another_account_do_not_meet(owner: Owner, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        store.write([*traded(trade(1)), ListRead("XUSDT", 0, 1)])
    with open_at(path, owner) as store:
        assert (store.reads, store.oldest_ms) == ({}, None)
        store.write(traded(trade(1)))
        assert [row.account for row in rows(store, schema.fills)] == [1, 2]


def test_an_account_is_found_again_whatever_was_used_in_between(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    key = replace(OWNER, name="key 1")
    for owner, account, reads in ((OWNER, 1, {}), (key, 2, {}), (OWNER, 1, {"XUSDT": 1}), (key, 2, {"XUSDT": 1})):
        with open_at(path, owner) as store:
            assert (store.account, store.reads) == (account, reads)
            store.write([*traded(trade(1)), ListRead("XUSDT", 0, 1)])


def test_an_account_begun_anew_takes_the_run_along() -> None:
    store = open_at()
    store.write([*traded(trade(1)), ListRead("XUSDT", 0, 1)])
    store.begin_account(MORNING_MS + 5)
    assert (store.account, store.reads) == (2, {})
    assert [row.account for row in rows(store, schema.runs)] == [2]


# --- what cannot be opened


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    script = (
        "import sys; from pathlib import Path; from fleet.ledger.store import *\n"
        "try: Store(Path(sys.argv[1]), Owner('v', 'n'), now_ms=1, fleet='f')\n"
        "except LedgerError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with open_at(path):
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
        assert "is being written by another process: stop that fleet, or give this one a ledger of its own" in said
    assert not subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def _newer(path: Path) -> None:
    _change(path, f"PRAGMA user_version = {schema.VERSION + 1}")


def _foreign(path: Path) -> None:
    path.unlink()
    _change(path, "CREATE TABLE shopping (item TEXT)")


def _change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_newer, rf"is of version {schema.VERSION + 1}, this program's is {schema.VERSION}: use the newer program"),
        (_foreign, "is a database, but no ledger of ours: name another file"),
    ],
)
def test_a_file_that_is_not_this_programs_is_refused_and_left_alone(
    spoil: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.sqlite3"
    open_at(path).close()
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=said):
        open_store(path, OWNER, now_ms=1, fleet="f")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("*corrupt*")] == []


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda whole: whole[: len(whole) // 2],
    "a piece of a page": lambda whole: whole[:1000],
    "zeros": lambda whole: b"\x00" * len(whole),
    "text": lambda _: b"not a database at all, " * 500,
    "pages overwritten": lambda whole: whole[:4096] + b"\xff" * 8192 + whole[12288:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        store.write([*traded(*(trade(number) for number in range(1, 2000))), ListRead("XUSDT", 0, 1999)])
    damaged = DAMAGES[damage](path.read_bytes())
    path.write_bytes(damaged)
    store, notice = open_store(path, OWNER, now_ms=MORNING_MS, fleet="f")
    with store:
        assert (ids(store), store.reads) == ([], {})
    aside = tmp_path / "a.sqlite3.corrupt-20260921T141320"
    assert aside.read_bytes() == damaged
    assert re.match(rf"ledger {re.escape(str(path))} is damaged: [a-z]", notice)
    assert "\n" not in notice
    assert f"kept as {aside.name}, and a new one is filled from the exchange's trade list" in notice


def test_an_empty_file_is_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    path.touch()
    store, notice = open_store(path, OWNER, now_ms=1, fleet="f")
    with store:
        assert (notice, store.run) == ("", 1)


def test_where_no_file_can_be_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"ledger .*/file/a.sqlite3 cannot be written: (not a directory|file exists)"):
        open_at(tmp_path / "file" / "a.sqlite3")


def test_a_log_that_a_killed_process_left_is_taken_up(tmp_path: Path) -> None:
    """All that was synced is there, though the process never closed the file."""
    script = (
        "import os, sys; sys.path.insert(0, 'tests/ledger'); from pathlib import Path; from ledger_words import *\n"
        "store = open_at(Path(sys.argv[1])); store.write(traded(*(trade(n) for n in range(1, 100)))); os._exit(9)"
    )
    path = tmp_path / "a.sqlite3"
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=False, timeout=60)
    with open_at(path) as store:
        assert ids(store) == list(range(1, 100))
        assert [row.is_clean for row in rows(store, schema.runs)] == [None, None]


# --- versions


def test_an_older_file_is_taken_forward_step_by_step_and_only_as_a_whole() -> None:
    store = open_at()

    def add(column: str) -> schema.Step:
        def step(connection: Connection) -> None:
            connection.exec_driver_sql(f"ALTER TABLE fills ADD COLUMN {column} TEXT")

        return step

    def break_(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE fills ADD COLUMN never TEXT")
        raise RuntimeError

    def version() -> int:
        return int(store.connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    with store.connection.begin():
        schema.migrate(store.connection, 1, {2: add("one"), 3: add("two")}, newest=3)
    assert version() == 3
    store.connection.rollback()
    with pytest.raises(RuntimeError), store.connection.begin():
        schema.migrate(store.connection, 3, {4: add("three"), 5: break_}, newest=5)
    assert version() == 3
    columns = [row[1] for row in store.connection.exec_driver_sql("PRAGMA table_info(fills)")]
    assert columns[-2:] == ["one", "two"]


def test_a_ledger_of_the_first_version_goes_on_as_one_of_this(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        store.write([Incident(8, "crash", "it broke", "XUSDT")])
    for statement in (
        "DROP INDEX recorded_incidents",
        "ALTER TABLE incidents DROP COLUMN recording",
        "ALTER TABLE holdings DROP COLUMN as_of_ms",
        "PRAGMA user_version = 1",
    ):
        _change(path, statement)
    with open_at(path) as store, open_at() as fresh:
        store.write([Incident(9, "crash", "it broke", "XUSDT", Recording(b"1"))])
        assert [row.recording for row in rows(store, schema.incidents)] == [None, b"1"]
        for pragma in ("user_version", "table_info(incidents)", "index_list(incidents)", "table_info(holdings)"):
            old, new = (each.connection.exec_driver_sql(f"PRAGMA {pragma}").all() for each in (store, fresh))
            assert old == new


def test_what_this_version_creates_is_what_its_number_says() -> None:
    """Whoever changes the tables gives them a new version and a step that leads to it, and this digest anew."""
    store = open_at()
    found = store.connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    text = "\n".join(" ".join(str(row[0]).split()) for row in found)
    assert (schema.VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]) == (3, "a0e59eb8f11f6912"), text
    assert list(schema.STEPS) == list(range(2, schema.VERSION + 1))
