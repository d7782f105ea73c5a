"""A desk within its limits: what it wants is cut to fit, refused, pulled or put off."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from desk_table import BUY, SECOND, SELL, Table
from runtime_fakes import symbol_config

from exchange.model import Amend, Cancel, Fill, Place, Side
from fleet.config.risk import Risk
from fleet.orders.lifecycle import Phase, placing
from fleet.orders.plan import Action
from fleet.risk.checks import Reason


def sides(actions: list[Action]) -> list[tuple[str, Side, int]]:
    return [(type(a).__name__, a.side, a.lots) for a in actions if isinstance(a, Place | Amend)]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_order_usd": 50}, [("Place", BUY, 50), ("Place", SELL, 49)]),
        ({"max_open_usd": 60}, [("Place", BUY, 30), ("Place", SELL, 29)]),
        ({"max_position_usd": 50}, [("Place", BUY, 50), ("Place", SELL, 49)]),
    ],
)
def test_orders_are_sized_to_fit_the_symbols_limits(limits: dict[str, Any], expected: list[Any]) -> None:
    assert sides(Table(symbol_config(**limits)).plan()) == expected


def test_a_limit_that_is_lowered_pulls_in_what_stands() -> None:
    table = Table()
    table.quote()
    table.desk.reconfigure(symbol_config(max_order_usd=96), table.desk._strategy)  # pyright: ignore[reportPrivateUsage]
    table.later(SECOND)
    # Within the tolerance of a twentieth, but over the limit.
    assert sides(table.send()) == [("Amend", SELL, 95), ("Amend", BUY, 96)]


def test_what_is_refused_is_not_sent_counted_once_and_told() -> None:
    table = Table()
    table.desk.risk.fleet.limits = Risk(max_open_usd=Decimal(150))
    actions = table.send()
    table.answer(actions)
    assert sides(actions) == [("Place", BUY, 98)]
    for _ in range(3):
        table.later(SECOND)
        assert table.plan() == []
    assert table.desk.risk.refusals == {Reason.FLEET_OPEN: 1}
    assert "150 are allowed" in table.desk.risk.words


def test_where_nothing_is_left_to_quote_the_decision_says_why() -> None:
    table = Table()
    table.desk.risk.fleet.loss.limit = "lost too much"
    assert table.plan() == []
    assert table.desk.decision.note == "lost too much"


def test_a_loss_limit_pulls_what_opens_and_lets_a_position_be_worked_off() -> None:
    table = Table()
    ids = table.quote()
    table.desk.risk.fleet.loss.limit = "lost too much"
    assert table.plan() == [Cancel("XUSDT", ids[BUY]), Cancel("XUSDT", ids[SELL])]
    table.fill(ids[BUY], 98)
    placed = [action for action in table.plan() if isinstance(action, Place)]
    assert [(each.side, each.reduce_only) for each in placed] == [(SELL, True)]


def test_a_kill_pulls_everything_and_lasts() -> None:
    table = Table()
    ids = table.quote()
    table.desk.risk.killed = "killed"
    actions = table.send()
    assert [action.client_id for action in actions] == [ids[BUY], ids[SELL]]
    table.answer(actions)
    table.later(SECOND)
    assert table.plan() == []
    assert table.desk.pulled == "killed"
    table.desk.risk.killed = ""
    assert len(table.plan()) == 2


def test_too_many_fills_pause_what_opens() -> None:
    table = Table(symbol_config(max_fills={"count": 2, "per": "10s", "pause": "30s"}))
    ids = table.quote()
    table.fill(ids[BUY], 5)
    table.fill(ids[BUY], 5)
    assert {type(action) for action in table.send()} == {Cancel}
    assert table.desk.risk.refusals[Reason.FILLS] == 2
    table.later(29 * SECOND)
    assert not any(isinstance(action, Place) for action in table.plan())


@pytest.mark.parametrize(
    ("client_id", "counts"),
    [
        ("f:XUSDT:0:earlier", True),  # an order that is gone with its worker
        ("", True),  # as the trade list tells: whose it was is not known any more
        ("by-hand", False),
    ],
)
def test_whose_fills_count_for_the_pause(client_id: str, counts: bool) -> None:
    table = Table(symbol_config(max_fills={"count": 1, "per": "10s", "pause": "30s"}))
    at_ms = table.now_us // 1000 - 5000
    fill = Fill("XUSDT", 1, 1, client_id, BUY, 990, 5, True, Decimal(0), "USDT", Decimal(0), at_ms)
    table.desk.on_fill(fill, table.now_us)
    assert table.desk.risk.fills.paused_until_us == (at_ms * 1000 + 30 * SECOND if counts else 0)


def test_a_bid_waits_until_the_ask_it_would_meet_has_moved() -> None:
    table = Table()
    ids = table.quote()
    table.later(SECOND, mid=1030)
    actions = table.send()
    assert [action.client_id for action in actions] == [ids[SELL]]
    table.answer(actions)
    assert [action.client_id for action in table.plan()] == [ids[BUY]]
    assert table.desk.risk.refusals == {Reason.SELF_TRADE: 1}


def test_a_quote_at_its_limit_follows_the_market_without_growing() -> None:
    table = Table(symbol_config(max_position_usd=50))
    table.quote()
    assert [order.lots for order in table.desk.working.live()] == [50, 49]
    table.later(SECOND, mid=980)
    # 51 lots at 970 would fit alone, but the 50 at 990 may fill before.
    assert [(a.side, a.price_ticks, a.lots) for a in table.send() if isinstance(a, Amend)] == [(BUY, 970, 50)]


def test_an_order_that_may_not_move_as_another_has_no_answer_is_pulled() -> None:
    table = Table(symbol_config(max_position_usd=120))
    ids = table.quote()
    lost = Place("XUSDT", "f:XUSDT:0:lost", BUY, 985, 30)
    table.desk.orders[lost.client_id] = replace(placing(lost, table.now_us), phase=Phase.UNKNOWN, query_us=table.now_us)
    table.later(SECOND, mid=1010)
    assert Cancel("XUSDT", ids[BUY]) in table.plan()


def test_while_quotes_are_pulled_nothing_is_refused_or_counted() -> None:
    table = Table()
    table.desk.risk.fleet.limits = Risk(max_open_usd=Decimal(150))
    table.answer(table.send())
    table.later(SECOND, up=False)
    for _ in range(3):
        table.desk.plan(table.now_us)
    assert (table.desk.risk.refusals, table.desk.risk.words) == ({Reason.FLEET_OPEN: 1}, "")
