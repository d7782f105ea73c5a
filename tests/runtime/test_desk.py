"""One symbol's desk as a table: what has been heard -> which requests that calls for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_table import BUY, CANCELED, FILLED, SECOND, SELL, Table
from runtime_fakes import EPOCH_US, symbol_config

from exchange.model import Amend, Cancel, Place, Position, Side
from fleet.orders.working import FILL_PATIENCE_US
from strategies.base import Decision, Situation
from strategies.registry import make_strategy

# --- quoting


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("both", [(BUY, 990, 98), (SELL, 1010, 97)]), ("long", [(BUY, 990, 98)]), ("short", [(SELL, 1010, 97)])],
)
def test_first_quotes(entry: str, expected: list[tuple[Side, int, int]]) -> None:
    actions = Table(symbol_config(entry=entry)).send()
    assert [(a.side, a.price_ticks, a.lots) for a in actions if isinstance(a, Place)] == expected
    assert len({action.client_id for action in actions}) == len(expected)


def test_what_is_quoted_is_left_alone() -> None:
    table = Table()
    table.quote()
    table.later(10 * SECOND)
    assert table.plan() == []


def test_a_quote_follows_the_market_at_most_once_a_refresh_interval() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND // 2, mid=1005)
    assert table.plan() == []
    assert table.desk.plan(table.now_us).wake_us == EPOCH_US + SECOND
    table.later(SECOND // 2, mid=1005)
    actions = table.send()
    assert [(type(a), a.client_id) for a in actions] == [(Amend, ids[SELL]), (Amend, ids[BUY])]
    table.answer(actions)
    table.later(SECOND // 2, mid=1010)
    assert table.plan() == []


def test_margin_is_committed_for_what_works_and_for_the_position() -> None:
    table = Table()
    ids = table.quote()
    assert table.committed == Decimal("97.97")  # the sell: 97 lots at 101
    table.fill(ids[BUY], 98)
    table.plan()
    assert table.committed == 98 + Decimal("97.97")  # the opening sell is still in the market
    table.answer(table.send())
    table.plan()
    assert table.committed == 98  # the reducing one needs none


def test_an_opening_order_leaves_room_for_the_positions_own_margin() -> None:
    table = Table(symbol_config(balance_fraction="1"), wallet=100)
    table.book.begin(Position("XUSDT", 10, Decimal(100)), 0)
    [buy, _] = table.send()
    assert isinstance(buy, Place)
    assert Decimal(buy.lots) * 99 / 100 + 10 <= table.capital.usable


def test_too_little_collateral_is_told_and_nothing_is_sent() -> None:
    table = Table(wallet=40)
    assert table.plan() == []
    assert "below the exchange's minimum" in table.desk.decision.note


# --- fills


def test_a_fill_turns_the_mode_in_one_plan() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 98)
    assert table.plan() == [Cancel("XUSDT", ids[SELL]), Place("XUSDT", "", SELL, 1010, 98, reduce_only=True)]


@pytest.mark.parametrize(("lots", "turns"), [pytest.param(14, False, id="below"), pytest.param(16, True, id="over")])
def test_a_partial_fill_counts_from_the_threshold_on(lots: int, turns: bool) -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], lots)
    cancels = [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    assert table.plan() == ([*cancels, Place("XUSDT", "", SELL, 1010, lots, reduce_only=True)] if turns else [])


def test_a_reducing_order_that_is_filled_turns_the_mode_back() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 98)
    actions = table.send()
    table.answer(actions)
    table.fill(actions[1].client_id, 98)
    assert [(a.side, a.reduce_only) for a in table.plan() if isinstance(a, Place)] == [(BUY, False), (SELL, False)]


def test_dust_counts_as_flat() -> None:
    table = Table(symbol_config())
    table.book.begin(Position("XUSDT", 3, Decimal(100)), 0)
    assert [a.reduce_only for a in table.plan() if isinstance(a, Place)] == [False, False]


def test_dust_is_not_what_closing_waits_for() -> None:
    table = Table()
    table.book.begin(Position("XUSDT", 3, Decimal(100)), 0)
    table.desk.close()
    assert table.plan() == []
    assert table.desk.is_closed


def test_told_filled_before_the_trades_nothing_is_quoted_until_they_are_seen() -> None:
    table = Table()
    ids = table.quote()
    table.desk.on_order(replace(table.told[ids[BUY]], status=FILLED, filled_lots=98), table.now_us, answer=True)
    planned = table.desk.plan(table.now_us)
    assert (planned.changes, planned.wake_us) == ((), table.now_us + FILL_PATIENCE_US)
    assert not table.desk.working.fills_are_late(table.now_us)
    table.fill(ids[BUY], 98)
    assert [type(a) for a in table.plan()] == [Cancel, Place]


def test_trades_that_do_not_come_are_late_after_a_second() -> None:
    table = Table()
    ids = table.quote()
    table.hear(ids[BUY], FILLED, 98)
    table.plan()
    table.later(FILL_PATIENCE_US)
    assert table.desk.working.fills_are_late(table.now_us)
    table.reconcile([table.told[ids[SELL]]])
    table.plan()
    assert not table.desk.working.fills_are_late(table.now_us)


@pytest.mark.parametrize("seconds", [0, 1, 5])
def test_while_trades_are_awaited_a_line_that_goes_down_still_pulls_the_quotes(seconds: int) -> None:
    """And there is nothing to look at again before the line is back: no spinning."""
    table = Table()
    ids = table.quote()
    table.hear(ids[BUY], FILLED, 98)
    table.plan()
    table.desk.account_up = False
    table.later(seconds * SECOND)
    planned = table.desk.plan(table.now_us)
    assert [change.action for change in planned.changes] == [Cancel("XUSDT", ids[SELL])]
    assert planned.wake_us is None


# --- when no quote may stand


def stale(table: Table) -> None:
    table.now_us += 3 * SECOND


def set_back(table: Table) -> None:
    table.now_us -= 2 * SECOND


def market_down(table: Table) -> None:
    table.market(up=False)


def account_down(table: Table) -> None:
    table.desk.account_up = False


def far(table: Table) -> None:
    table.market(1000, mark_usd=102)


def crossed(table: Table) -> None:
    table.market(1000, width=0)


def no_data(table: Table) -> None:
    table.desk.see_market(None, None, up=True)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (stale, "market data is stale"),
        (set_back, "market data is stale"),
        (market_down, "market data line is down"),
        (account_down, "account line is down"),
        (far, "mid is far from mark price"),
        (crossed, "waiting for market data"),
        (no_data, "waiting for market data"),
    ],
)
def test_quotes_are_pulled(happens: Any, reason: str) -> None:
    table = Table()
    ids = table.quote()
    happens(table)
    assert table.send() == [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    assert table.desk.pulled == reason
    assert table.plan() == []


def test_looks_again_when_the_data_would_be_stale() -> None:
    table = Table()
    table.quote()
    assert table.desk.plan(table.now_us).wake_us == EPOCH_US + 3 * SECOND


def test_a_symbol_that_is_not_trading_is_not_quoted() -> None:
    table = Table()
    table.desk.instrument = replace(table.desk.instrument, status="SETTLING")
    assert table.plan() == []
    assert table.desk.pulled == "symbol is SETTLING"


# --- new parameters


def test_a_new_spread_moves_the_quotes_at_the_next_refresh() -> None:
    table = Table()
    ids = table.quote()
    wide = symbol_config()
    wide = wide.model_copy(update={"parameters": wide.parameters.model_copy(update={"buy_spread": Decimal("0.02")})})
    table.desk.reconfigure(wide, make_strategy("ping_pong", wide.parameters))
    assert table.plan() == []
    table.later(SECOND)
    assert table.plan() == [Amend("XUSDT", ids[BUY], BUY, 980, 100)]


def test_a_new_fraction_is_another_share() -> None:
    table = Table()
    table.quote()
    half = symbol_config(balance_fraction="0.05")
    table.desk.reconfigure(half, make_strategy("ping_pong", half.parameters))
    table.later(SECOND)
    assert [a.lots for a in table.plan() if isinstance(a, Amend)] == [49, 48]


class Counting:
    """A strategy whose state counts its decisions."""

    def start(self) -> int:
        return 0

    def decide(self, state: int, situation: Situation) -> tuple[int, Decision]:
        return state + 1, Decision((), note=str(state + 1))


@pytest.mark.parametrize(("strategy", "note"), [("ping_pong", "3"), ("another", "1")])
def test_a_strategys_state_is_kept_unless_it_is_another_strategy(strategy: str, note: str) -> None:
    table = Table(strategy=Counting())
    table.plan()
    table.plan()
    table.desk.reconfigure(table.config.model_copy(update={"strategy": strategy}), Counting())
    table.plan()
    assert table.desk.decision.note == note


# --- closing


def test_closing_works_the_position_off_and_is_done_when_nothing_is_left() -> None:
    table = Table()
    ids = table.quote()
    table.fill(ids[BUY], 10)  # below the threshold: it would be kept
    table.desk.close()
    actions = table.send()
    assert actions == [
        Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL]),
        Place("XUSDT", actions[2].client_id, SELL, 1010, 10, reduce_only=True),
    ]  # fmt: skip
    table.answer(actions)
    assert not table.desk.is_closed
    table.fill(actions[2].client_id, 10)
    assert table.plan() == []
    assert table.desk.is_closed


def test_what_was_decided_before_does_not_end_the_closing() -> None:
    """With too little collateral to open nothing was quoted; the position is there all the same."""
    table = Table(wallet=40)
    table.book.begin(Position("XUSDT", 10, Decimal(100)), 0)
    table.plan()
    table.desk.close()
    assert not table.desk.is_closed
    assert [type(a) for a in table.plan()] == [Place]


def test_closing_is_not_done_while_fills_are_awaited() -> None:
    table = Table(symbol_config(entry="long"))
    ids = table.quote()
    table.desk.close()
    [cancel] = table.send()
    table.desk.answered(cancel, replace(table.told[ids[BUY]], status=CANCELED, filled_lots=40), table.now_us)
    table.plan()
    assert not table.desk.is_closed
