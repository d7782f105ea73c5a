"""What the rows add up to: exact sums, by symbol and day, read while the ledger is being written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_words import MORNING_MS, OWNER, X, market, open_at, trade, traded

from exchange.errors import Throttled
from exchange.model import Fill, FundingPayment, Place, Side
from fleet.ledger.entries import Entry, Equity, FundingRead, Holding, Marked, OrderChanged, Traded
from fleet.ledger.reading import DAY_MS, Reader, Span
from fleet.ledger.report import Line, Report, report
from fleet.ledger.store import LedgerError, Owner
from fleet.orders import lifecycle

FOREVER = Span(0, 10**15, 1)
DAY = MORNING_MS // DAY_MS


def made(
    tmp_path: Path, entries: Sequence[Entry], span: Span = FOREVER, *, symbol: bool = True, day: bool = False
) -> Report:
    """Read while the file is still open for writing."""
    path = tmp_path / "a.sqlite3"
    path.unlink(missing_ok=True)
    with open_at(path) as store:
        store.write(entries)
        with Reader(path) as reader:
            return report(reader, span, by_symbol=symbol, by_day=day)


def held(
    quantity: str, *, mark: int | None = 100, as_of: int | None = None, entry: int = 100, symbol: str = "XUSDT"
) -> Holding:
    """`as_of`: so many milliseconds into the morning."""
    as_of_ms = None if as_of is None else MORNING_MS + as_of
    return Holding(symbol, Decimal(quantity), Decimal(entry), None if mark is None else Decimal(mark), as_of_ms)


def worth(at: int, *holdings: Holding) -> Equity:
    return Equity(MORNING_MS + at, Decimal(1), Decimal(0), holdings)


def funding(number: int, amount: str, at_ms: int = MORNING_MS, asset: str = "USDT") -> FundingPayment:
    return FundingPayment(f"{number}:XUSDT", "XUSDT", Decimal(amount), asset, at_ms)


def order(number: int, at_us: int = MORNING_MS * 1000) -> OrderChanged:
    placed = lifecycle.placing(Place("XUSDT", f"f:X:r:{number}", Side.BUY, 1000, 50), at_us)
    return OrderChanged(X, replace(placed, order_id=1000 + number), at_us)


def test_a_round_trip_of_which_all_is_known(tmp_path: Path) -> None:
    """Bought at 100 and sold at 102 with mid at 101: a dollar on each side, and a second later half of it is left."""
    entries: list[Entry] = [
        *traded(trade(1, Side.BUY, 1000, 100, fee="0.02"), ticker=market(1000, 1020), mark="101"),
        *traded(trade(2, Side.SELL, 1020, 60, pnl="1.2", fee="0.03", maker=False), ticker=market(1000, 1020)),
        Marked("XUSDT", 1, 1, Decimal("100.5")),
        FundingRead((funding(1, "-0.5"), funding(2, "0.125")), MORNING_MS),
        order(1), order(2), order(7),
        Equity(MORNING_MS + 10, Decimal(1), Decimal(0), (held("0.4", mark=103, as_of=2),)),
    ]  # fmt: skip
    [line] = made(tmp_path, entries).lines
    assert (line.symbol, line.day, line.fills) == ("XUSDT", None, 2)
    assert (line.maker_volume, line.taker_volume, line.volume) == (Decimal(100), Decimal("61.2"), Decimal("161.2"))
    assert (line.realised, line.fees, line.funding) == (Decimal("1.2"), Decimal("0.05"), Decimal("-0.375"))
    assert line.net == Decimal("0.775")
    assert (line.position, line.position_usd) == (Decimal("0.40"), Decimal("41.2"))
    assert (line.orders, line.orders_filled, line.fill_ratio) == (3, 2, pytest.approx(2 / 3))
    assert (line.spread.usd, line.spread.volume) == (Decimal("1.6"), Decimal("161.2"))
    assert (line.markouts[1].usd, line.markouts[1].bps) == (Decimal("0.5"), pytest.approx(50.0))
    assert line.markouts[10].bps is None


def test_days_are_utc_and_positions_go_on(tmp_path: Path) -> None:
    fills = [
        trade(1, Side.BUY, 1000, 100, pnl="0", fee="1", at_ms=DAY * DAY_MS),
        trade(2, Side.SELL, 1000, 30, pnl="5", fee="1", at_ms=(DAY + 1) * DAY_MS - 1),
        trade(3, Side.SELL, 1100, 50, pnl="7", fee="1", at_ms=(DAY + 2) * DAY_MS),
    ]
    both = made(tmp_path, traded(*fills), day=True)
    assert [(line.day, line.realised, line.position, line.position_usd) for line in both.lines] == [
        (DAY, 5, Decimal("0.70"), 70), (DAY + 2, 7, Decimal("0.20"), 22),
    ]  # fmt: skip
    assert (both.total.realised, both.total.fees, both.total.position, both.total.position_usd) == (12, 3, None, 22)
    [first, second] = made(tmp_path, traded(*fills), symbol=False, day=True).lines
    assert (first.symbol, first.position, first.position_usd, second.realised) == (None, None, 70, 7)


@pytest.mark.parametrize(
    ("since", "until", "realised", "position"),
    [
        (0, 9, "6", "3.00"),
        (2, 9, "5", "3.00"),
        (0, 2, "1", "1.00"),
        (2, 3, "2", "2.00"),
        (9, 99, "0", "3.00"),
        (0, 1, "0", None),
    ],
)
def test_only_what_is_asked_for_is_added_up_and_the_position_is_all_until_then(
    since: int, until: int, realised: str, position: str | None, tmp_path: Path
) -> None:
    fills = [trade(number, pnl=str(number)) for number in (1, 2, 3)]
    found = made(tmp_path, traded(*fills), Span(MORNING_MS + since, MORNING_MS + until, 1))
    assert found.total.realised == Decimal(realised)
    assert [line.position for line in found.lines] == ([] if position is None else [Decimal(position)])


def test_fees_in_what_is_no_dollar_are_not_added_to_dollars(tmp_path: Path) -> None:
    entries: list[Entry] = [
        *traded(trade(1, fee="0.5", asset="ASTER"), trade(2, fee="0.25", asset="ASTER"), trade(3, fee="1")),
        FundingRead((funding(1, "0.1", asset="BNB"),), 1),
    ]
    total = made(tmp_path, entries).total
    assert (total.fees, total.funding, total.other) == (1, 0, {"ASTER": Decimal("-0.75"), "BNB": Decimal("0.1")})


def test_former_accounts_are_added_when_asked_for_and_their_positions_never(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    for number in (1, 2):
        with open_at(path, replace(OWNER, is_new=True)) as store:
            store.write(traded(trade(1, lots=100 * number, pnl=str(number), at_ms=MORNING_MS + number)))
    with Reader(path) as reader:
        account = reader.newest_account()
        assert account is not None
        assert account.id == 2
        one = report(reader, Span(0, 10**15, 2), by_symbol=True, by_day=False).lines
        every = report(reader, Span(0, 10**15, 2, all_accounts=True), by_symbol=True, by_day=False).lines
    assert [(line.realised, line.position) for line in (*one, *every)] == [(2, Decimal("2.00")), (3, Decimal("2.00"))]


# --- what is held


@pytest.mark.parametrize(
    ("entries", "position"),
    [
        # Bought long before the first trade on record, and taken up by the fleet.
        ([worth(0, held("1.00", as_of=-5)), *traded(trade(1, Side.SELL, lots=40))], "0.60"),
        # The same of a ledger that was lost: the venue says 0.60 when the trade is known already, or before.
        ([*traded(trade(1, Side.SELL, lots=40)), worth(9, held("0.60", as_of=1))], "0.60"),
        ([worth(9, held("0.60", as_of=1)), *traded(trade(1, Side.SELL, lots=40), trade(2, lots=7))], "0.67"),
        # What no trade told of is in the venue's word.
        ([*traded(trade(1), trade(9)), worth(3, held("1.00", as_of=1)), worth(8, held("0.25", as_of=5))], "1.25"),
        # It is flat, whatever the trades on record come to.
        ([*traded(trade(1)), worth(3, held("0", mark=None, as_of=2))], None),
        # From before this was written down: no word.
        ([*traded(trade(1)), worth(3, held("5"))], "1.00"),
        # Held without a trade on record.
        ([worth(3, held("-0.50", as_of=-9))], "-0.50"),
    ],
)
def test_a_position_goes_on_from_what_the_exchange_told(
    entries: list[Entry], position: str | None, tmp_path: Path
) -> None:
    for day in (False, True):
        found = made(tmp_path, entries, day=day)
        assert found.lines[-1].position == Decimal(position or 0)
        assert found.total.position_usd == 100 * Decimal(position or 0)


def test_before_the_first_word_the_trades_are_taken_back_out_of_it(tmp_path: Path) -> None:
    """Sold 0.30 and 0.40 of 1.00; the exchange was asked after both."""
    fills = traded(trade(1, Side.SELL, lots=30), trade(5, Side.SELL, lots=40))
    entries = [*fills, worth(9, held("0.30", as_of=5))]
    for until, position in ((99, "0.30"), (5, "0.70"), (2, "0.70")):
        [line] = made(tmp_path, entries, Span(0, MORNING_MS + until, 1)).lines
        assert (until, line.position) == (until, Decimal(position))


STEPS = st.lists(st.tuples(st.integers(1, 5), st.integers(-50, 50), st.booleans()), min_size=1, max_size=12)


@given(steps=STEPS, before=st.integers(-50, 50), until=st.integers(0, 60), known_from=st.integers(0, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whenever_the_exchange_was_asked_the_position_is_its_own(
    steps: list[tuple[int, int, bool]], before: int, until: int, known_from: int, tmp_path: Path
) -> None:
    """Trades of (so much later, signed lots), after each of which it may have been asked; the first ones are unknown."""
    entries: list[Entry] = []
    at, position = 0, before
    truth, was_asked = 0, False
    for number, (later, lots, asked) in enumerate(steps, 1):
        at, position = at + later, position + lots
        if lots and at >= known_from:
            side = Side.BUY if lots > 0 else Side.SELL
            entries += traded(trade(number, side, lots=abs(lots), at_ms=MORNING_MS + at))
        if asked and at >= known_from:
            was_asked = True
            entries.append(worth(at, held(str(Decimal(position) / 100), as_of=at)))
        if at < until and at >= known_from:
            truth = position
    if was_asked:
        found = made(tmp_path, entries, Span(0, MORNING_MS + until, 1))
        assert [line.position for line in found.lines if line.position] == [Decimal(truth) / 100] * bool(truth)


@pytest.mark.parametrize(
    ("entries", "usd"),
    [
        # A trade after the last holdings of the day, and holdings after the last trade.
        ([*traded(trade(1), mark="100"), worth(2, held("1", as_of=1)), *traded(trade(9), mark="120")], 240),
        ([*traded(trade(1), mark="100"), *traded(trade(5), mark="120"), worth(9, held("2", as_of=5, mark=130))], 260),
        # Told late: its mark is of when it was made.
        ([worth(9, held("2", as_of=5, mark=130)), *traded(trade(5), mark="120")], 260),
    ],
)
def test_what_is_held_counts_at_the_newest_price(entries: list[Entry], usd: int, tmp_path: Path) -> None:
    for day in (False, True):
        found = made(tmp_path, entries, day=day)
        assert [line.position_usd for line in (*found.lines, found.total)] == [usd, usd]


def test_whatever_is_held_has_a_line_so_that_the_lines_add_up(tmp_path: Path) -> None:
    """X is traded on the first day, Y on the third; nothing on the second and from the fourth on."""
    entries: list[Entry] = [
        *traded(trade(1), mark="100"),
        *[Traded(replace(X, symbol="YUSDT"), replace(trade(2, at_ms=MORNING_MS + 2 * DAY_MS), symbol="YUSDT"))],
    ]
    later = Span(MORNING_MS + 3 * DAY_MS, 10**15, 1)
    for span in (FOREVER, Span(MORNING_MS + DAY_MS, 10**15, 1), later):
        found = made(tmp_path, entries, span)
        assert [(line.symbol, line.position_usd) for line in found.lines] == [("XUSDT", 100), ("YUSDT", 100)]
        assert found.total.position_usd == 200
    both = made(tmp_path, entries, day=True).lines
    assert [(line.day, line.symbol, line.fills, line.position_usd) for line in both] == [
        (DAY, "XUSDT", 1, 100), (DAY + 2, "XUSDT", 0, 100), (DAY + 2, "YUSDT", 1, 100),
    ]  # fmt: skip
    assert [(line.day, line.position_usd) for line in made(tmp_path, entries, later, symbol=False, day=True).lines] == [
        (DAY + 2, 200),
    ]  # fmt: skip


# --- orders


@pytest.mark.parametrize(
    ("since", "until", "orders", "filled"),
    [
        (0, 10**6, 3, 1),
        # Placed in that time, and filled after it.
        (0, 5000, 3, 0),
        # Placed before it, and filled in it.
        (5000, 10**6, 1, 1),
        (9000, 10**6, 0, 0),
    ],
)
def test_an_order_counts_that_the_exchange_took_in_and_as_filled_when_it_was(
    since: int, until: int, orders: int, filled: int, tmp_path: Path
) -> None:
    placed = lifecycle.placing(Place("XUSDT", "f:X:r:4", Side.BUY, 1000, 50), MORNING_MS * 1000)
    throttled = lifecycle.unanswered(placed, Throttled("429", retry_after_s=1), MORNING_MS * 1000)
    entries: list[Entry] = [
        *(order(number) for number in (1, 2, 3)),
        OrderChanged(X, placed, MORNING_MS * 1000),
        OrderChanged(X, throttled, MORNING_MS * 1000),
        *traded(replace(trade(7000), order_id=1002), replace(trade(8000), order_id=1002)),
    ]
    total = made(tmp_path, entries, Span(MORNING_MS + since, MORNING_MS + until, 1)).total
    assert (total.orders, total.orders_filled) == (orders, filled)


def test_an_order_counts_on_one_day(tmp_path: Path) -> None:
    """Placed on the first day, filled in part on the second and on the third."""
    fills = [replace(trade(number, at_ms=MORNING_MS + number * DAY_MS), order_id=1001) for number in (1, 2)]
    found = made(tmp_path, [order(1), order(2), *traded(*fills)], day=True)
    assert [(line.day - DAY, line.orders, line.orders_filled) for line in found.lines if line.day] == [
        (0, 1, 0), (1, 1, 1), (2, 0, 0),
    ]  # fmt: skip
    assert (found.total.orders, found.total.orders_filled) == (2, 1)


@pytest.mark.parametrize(
    ("client_id", "order_id", "is_ours"),
    [
        # As the line tells it: ours, one that closed a position on its owner's word, and others.
        ("f:X:r:7", 9, True),
        ("f:X:.r:7", 9, True),
        ("web_12", 9, False),
        ("other:X:r:7", 9, False),
        # As the list tells it: by an order on record; and one that may be anybody's.
        ("", 1001, True),
        ("", 9, False),
    ],
)
def test_a_trade_by_no_order_on_record_as_the_fleets_is_told_apart(
    client_id: str, order_id: int, is_ours: bool, tmp_path: Path
) -> None:
    fill = replace(trade(1, pnl="3", fee="1", client_id=client_id), order_id=order_id)
    found = made(tmp_path, [order(1), *traded(fill)])
    assert (found.total.fills, found.total.net) == (1, 2)
    assert (found.unattributed.fills, found.unattributed.net) == ((0, 0) if is_ours else (1, 2))


@pytest.mark.parametrize(
    ("begun", "placed", "since"),
    [(0, None, 0), (0, 5, 0), (9000, None, 9000), (9000, 5, 5)],
)
def test_what_is_the_fleets_begins_with_its_ledger_or_with_an_order_where_clocks_are_apart(
    begun: int, placed: int | None, since: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path, now_ms=MORNING_MS + begun) as store, Reader(path) as reader:
        if placed is not None:
            store.write([order(1, (MORNING_MS + placed) * 1000)])
        account = reader.newest_account()
        assert account is not None
        assert reader.begun_ms(account) == reader.begun_ms(account, all_accounts=True) == MORNING_MS + since


# --- accounts


def test_what_two_keys_of_one_account_have_learnt_is_counted_once(tmp_path: Path) -> None:
    """A key's trades, told by the line; then its user's, whose list is read from the beginning."""
    path = tmp_path / "a.sqlite3"
    bought, sold = trade(1, pnl="5", client_id="f:X:r:1"), trade(2, Side.SELL, lots=30, pnl="7")
    payment = FundingRead((funding(1, "-0.5"),), MORNING_MS)
    with open_at(path, Owner("mainnet", "key 0123")) as store:
        store.write([*traded(bought, ticker=market(1000, 1020)), Marked("XUSDT", 1, 1, Decimal("100.5")), payment])
    with open_at(path, Owner("mainnet", "0xabc")) as store:
        store.write([*traded(replace(bought, client_id=""), sold), payment])
    # Another account that traded with it: the same trade, seen from the other side.
    with open_at(path, Owner("mainnet", "0xdef")) as store:
        store.write(traded(replace(sold, order_id=5, side=Side.BUY, realised_pnl=Decimal(0))))
    with open_at(path, Owner("mainnet", "0xabc")), Reader(path) as reader:
        account = reader.newest_account()
        assert account is not None
        assert (account.id, account.owner) == (2, "0xabc")
        [line] = report(reader, Span(0, 10**15, 2, all_accounts=True), by_symbol=True, by_day=False).lines
    assert (line.fills, line.realised, line.funding, line.position) == (3, 12, Decimal("-0.5"), Decimal("0.70"))
    assert (line.spread.volume, line.markouts[1].usd) == (100, Decimal("0.5"))


TRADES = st.lists(
    st.builds(
        trade,
        st.integers(1, 60),
        st.sampled_from(Side),
        st.integers(900, 1100),
        st.integers(1, 500),
        pnl=st.decimals(-10, 10, places=8).map(str),
        fee=st.decimals(0, 1, places=8).map(str),
        at_ms=st.integers(MORNING_MS, MORNING_MS + 3 * DAY_MS),
    ),
    max_size=25,
    unique_by=lambda fill: fill.trade_id,
)


@given(fills=TRADES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_it_is_cut_the_lines_add_up_to_the_exchanges_figures(fills: list[Fill], tmp_path: Path) -> None:
    def sums(lines: Sequence[Line]) -> tuple[Decimal | int, ...]:
        return (
            sum(line.fills for line in lines),
            sum((line.realised for line in lines), Decimal(0)),
            sum((line.fees for line in lines), Decimal(0)),
            sum((line.volume for line in lines), Decimal(0)),
        )

    expected = (
        len(fills),
        sum((fill.realised_pnl for fill in fills), Decimal(0)),
        sum((fill.fee for fill in fills), Decimal(0)),
        sum((X.notional(fill.price_ticks, fill.lots) for fill in fills), Decimal(0)),
    )
    for symbol, day in ((True, False), (False, True), (True, True)):
        found = made(tmp_path, traded(*fills), symbol=symbol, day=day)
        assert sums(found.lines) == sums([found.total]) == expected


# --- what cannot be read


def test_where_there_is_no_ledger_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no ledger at .*a\.sqlite3: a fleet that runs writes one"):
        Reader(tmp_path / "a.sqlite3")


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"hello" * 1000)
    with pytest.raises(LedgerError, match="cannot be read: file is not a database"):
        Reader(tmp_path / "a.sqlite3")


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with open_at(path) as store:
        store.write(traded(trade(1)))
    before = path.read_bytes()
    with Reader(path) as reader:
        assert report(reader, FOREVER, by_symbol=True, by_day=False).total.fills == 1
    assert path.read_bytes() == before


@contextmanager
def read_only(directory: Path) -> Generator[None]:
    """As it is for somebody who may read it alone; root may do everything."""
    is_root = os.geteuid() == 0
    directory.chmod(0o555)
    if is_root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        directory.chmod(0o755)


@pytest.fixture
def directory() -> Generator[Path]:
    """One that everybody may look into, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def test_a_ledger_is_read_where_nothing_can_be_written(directory: Path) -> None:
    path = directory / "a.sqlite3"
    with open_at(path) as store:
        store.write(traded(trade(1)))
    with read_only(directory), Reader(path) as reader:
        assert report(reader, FOREVER, by_symbol=True, by_day=False).total.fills == 1


def test_what_cannot_be_read_there_is_told_and_not_left_out(directory: Path) -> None:
    """A copy of a ledger that was being written, with its log."""
    with open_at(directory / "a.sqlite3") as store:
        store.write(traded(trade(1)))
        for end in ("", "-wal"):
            copy = directory / f"copy.sqlite3{end}"
            copy.write_bytes((directory / f"a.sqlite3{end}").read_bytes())
            copy.chmod(0o444)
        said = r"where nothing can be written: its newest entries are in copy.sqlite3-wal; copy both to another"
        with read_only(directory), pytest.raises(LedgerError, match=said):
            Reader(directory / "copy.sqlite3")


def test_a_log_that_cannot_be_opened_is_told_where_it_could_be_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason is: what was not heard of may be in it."""
    path = directory / "a.sqlite3"
    open_at(path).close()

    def may(_path: Path, _mode: int) -> bool:
        return True

    monkeypatch.setattr("os.access", may)
    with read_only(directory), pytest.raises(LedgerError, match="cannot be read: attempt to write a readonly database"):
        Reader(path)
