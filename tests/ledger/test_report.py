"""What the rows add up to: exact sums, by symbol and day, read while the ledger is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_words import MORNING_MS, OWNER, X, market, open_at, trade, traded

from exchange.model import Fill, FundingPayment, Place, Side
from fleet.ledger.entries import Entry, Equity, FundingRead, Holding, Marked, OrderChanged
from fleet.ledger.reading import DAY_MS, Reader, Span
from fleet.ledger.report import Line, Report, report
from fleet.ledger.store import LedgerError
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
        Equity(MORNING_MS + 10, Decimal(1), Decimal(0), (Holding("XUSDT", Decimal("0.4"), Decimal(100), Decimal(103)),)),
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
    [(0, 9, "6", "3.00"), (2, 9, "5", "3.00"), (0, 2, "1", "1.00"), (2, 3, "2", "2.00"), (9, 99, "0", None)],
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
            store.write(traded(trade(1, lots=100 * number, pnl=str(number))))
    with Reader(path) as reader:
        account = reader.newest_account()
        assert account is not None
        assert account.id == 2
        one = report(reader, Span(0, 10**15, 2), by_symbol=True, by_day=False).lines
        every = report(reader, Span(0, 10**15, 2, all_accounts=True), by_symbol=True, by_day=False).lines
    assert [(line.realised, line.position) for line in (*one, *every)] == [(2, Decimal("2.00")), (3, Decimal("2.00"))]


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
