"""A hundred bad days with a whole fleet, and what is told of one that ends badly (`make sim` lives through more)."""

from __future__ import annotations

import gc
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from anyio.lowlevel import checkpoint

from exchange.model import Side
from exchange.paper.fault_settings import Constant, Requests
from fleet.runtime.fleet import Fleet
from fleet.simulation import invariants
from fleet.simulation.fleet_file import FleetFile
from fleet.simulation.invariants import Books, Exposure, Limits, Resting, TradeRow
from fleet.simulation.shrink import shrunk
from fleet.simulation.trouble import Blow, Crash, Day, Edit, Stop, Trouble, WorkerCrash, draw_day
from fleet.simulation.world import live

DAYS = 100
SMALL = (40.0, 8)
"""Seconds and symbols of most days here; `make sim` has 60 and 20."""


@pytest.mark.parametrize("seed", range(DAYS))
def test_on_a_bad_day_no_rule_is_broken(seed: int) -> None:
    seconds, symbols = (60.0, 20) if seed % 10 == 0 else SMALL
    gc.disable()
    try:
        outcome = live(draw_day(seed, seconds, symbols))
    finally:
        gc.enable()
    assert outcome.violations == ()
    assert outcome.is_audited


@pytest.mark.parametrize("seed", [4, 9, 13])
def test_the_same_day_goes_the_same_way_byte_for_byte(seed: int) -> None:
    first, second = (live(draw_day(seed, *SMALL)) for _ in range(2))
    assert first.fills > 0
    assert invariants.same_trace(first.trace, second.trace) == ""


def test_a_day_follows_from_its_seed_alone_and_each_trouble_stands_by_itself() -> None:
    assert draw_day(3) == draw_day(3)
    assert draw_day(3) != draw_day(4)
    kinds = {type(trouble) for seed in range(40) for trouble in draw_day(seed).troubles}
    assert len(kinds) == 11


# --- a worker's crash


def business(trace: tuple[tuple[int, str], ...], without: str) -> list[tuple[int, str]]:
    """What was sent about orders of the other symbols, and when. Not their sizes: those follow the collateral, which is
    everybody's."""
    orders = [(us, text.split("&recvWindow")[0]) for us, text in trace if text[0] == ">" and "/order " in text]
    orders = [(us, re.sub("quantity=[0-9.]+&", "", text)) for us, text in orders]
    return [(us, text) for us, text in orders if f"symbol={without}&" not in text]


@pytest.mark.parametrize("seed", [1, 5])
def test_a_symbol_that_crashes_changes_nothing_in_the_others_trace(seed: int) -> None:
    ways = (Constant(ms=5), Constant(ms=5), Constant(ms=5))
    calm = Day(seed, 30.0, 8, ways, ())
    crashing = replace(calm, troubles=tuple(WorkerCrash(at_s, 7) for at_s in (6.0, 9.0, 13.0)))
    first, second = live(calm), live(crashing)
    symbol = FleetFile(seed, 8).symbols[7]
    assert first.violations == second.violations == ()
    assert business(first.trace, symbol) == business(second.trace, symbol)
    assert first.trace != second.trace


# --- what is told of a day that ended badly


def test_a_fleet_that_keeps_time_from_going_on_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spin(_: Fleet) -> None:
        while True:
            await checkpoint()

    monkeypatch.setattr(Fleet, "_watch_account", spin)
    (violation,) = live(draw_day(1, *SMALL)).violations
    assert violation.rule == "time goes on"


def test_a_failing_plan_is_shrunk_to_what_it_takes() -> None:
    guilty: tuple[Trouble, ...] = (Crash(3.0, 1.0), Edit(9.0, 2, 7))
    bystanders: tuple[Trouble, ...] = tuple(Stop(at_s / 2, 1.0) for at_s in range(1, 20))
    troubles = tuple(sorted((*guilty, *bystanders, Blow(8.0, Requests(answer="503"))), key=lambda each: each.at_s))
    day = Day(1, 60.0, 20, draw_day(1).ways, troubles)
    asked: list[Day] = []

    def fails(shorter: Day) -> bool:
        asked.append(shorter)
        return set(guilty) <= set(shorter.troubles)

    least = shrunk(day, fails)
    assert (least.troubles, least.seconds) == (guilty, 10.0)
    assert len(asked) <= 60


# --- the rules


def resting(name: str, side: Side = Side.BUY, *, reduce_only: bool = False, usd: int = 100) -> Resting:
    return Resting("X", name, side, reduce_only, Decimal(usd))


def exposure(order: int, all_open: int, position: int) -> Exposure:
    return Exposure(Decimal(order), Decimal(all_open), Decimal(position))


LIMITS = Limits(Decimal(100), Decimal(200), Decimal(150))
BOOKS = Books(5, 2, Decimal("0.1"), Decimal("0.02"))
ROW = TradeRow(1, 7, Side.BUY, True, Decimal(100), Decimal(2), Decimal("0.1"), "USDT", Decimal(0))
RULES = [
    pytest.param(invariants.one_order_a_side([resting("a"), resting("b", Side.SELL)]), "", id="an order a side"),
    pytest.param(
        invariants.one_order_a_side([resting("a"), resting("b", reduce_only=True)]), "", id="a replacement beside it"
    ),
    pytest.param(invariants.one_order_a_side([resting("a"), resting("b")]), "two orders on the BUY side", id="two"),
    pytest.param(invariants.within_cap("X", Decimal(0), [resting("a")], Decimal(100)), "", id="at the cap"),
    pytest.param(
        invariants.within_cap("X", Decimal(50), [resting("a")], Decimal(100)), "may come to hold 150", id="over the cap"
    ),
    pytest.param(
        invariants.within_cap("X", Decimal(-50), [resting("a", Side.SELL)], Decimal(100)),
        "may come to hold 150",
        id="over the cap, short",
    ),
    pytest.param(
        invariants.within_cap("X", Decimal(100), [resting("a", Side.SELL, reduce_only=True)], Decimal(100)),
        "",
        id="a reduction counts towards no cap",
    ),
    pytest.param(
        invariants.within_limits("X", exposure(100, 200, 150), LIMITS, Decimal(0)), "", id="at all of its limits"
    ),
    pytest.param(
        invariants.within_limits("X", exposure(101, 0, 0), LIMITS, Decimal(9)),
        "an order may come to 101",
        id="an order",
    ),
    pytest.param(
        invariants.within_limits("X", exposure(0, 201, 0), LIMITS, Decimal(9)), "open orders may come", id="all open"
    ),
    pytest.param(
        invariants.within_limits("X", exposure(0, 0, 160), LIMITS, Decimal(9)), "position may come", id="a position"
    ),
    pytest.param(
        invariants.within_limits("X", exposure(0, 0, 159), LIMITS, Decimal(9)), "", id="nine of it are its owner's"
    ),
    pytest.param(
        invariants.within_limits("X", exposure(9, 9, 9), LIMITS.or_more(Limits()), Decimal(0)), "", id="no limit once"
    ),
    pytest.param(
        invariants.within_limits(
            "all", invariants.together([exposure(90, 90, 80)] * 2), LIMITS.or_more(LIMITS), Decimal(0)
        ),
        "all: position may come to 160",
        id="together",
    ),
    pytest.param(invariants.no_limit_overstepped(0, 0), "", id="no refusal"),
    pytest.param(invariants.no_limit_overstepped(1, 0), "refused 1 requests", id="429"),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "stale", [resting("a")], 30.0, 5.0), "", id="not long enough"
    ),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "stale", [resting("a")], 30.0, 7.0), "a rests", id="too long"
    ),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "stale", [resting("a")], 50.0, 0.0),
        "a rests",
        id="too long though faults",
    ),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "stale", [resting("a")], 70.0, 0.0, is_spent=True),
        "",
        id="nothing could be asked",
    ),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "stale", [resting("a")], 76.0, 0.0, is_spent=True),
        "a rests",
        id="too long though nothing could be asked",
    ),
    pytest.param(
        invariants.nothing_rests_where_none_is_wanted("X", "", [resting("a")], 80.0, 80.0), "", id="it is wanted"
    ),
    pytest.param(invariants.nothing_rests_unseen("X", ["a"], 2.0, 9.0), "", id="its prices are not yet long too old"),
    pytest.param(invariants.nothing_rests_unseen("X", ["a"], 2.1, 9.0), "a rests", id="its prices are too old"),
    pytest.param(invariants.nothing_rests_unseen("X", ["a"], 9.0, 6.0), "", id="too old, and something in the way"),
    pytest.param(invariants.a_countdown_runs("a", 110.0), "", id="guarded"),
    pytest.param(invariants.a_countdown_runs("a", None), "no countdown ran", id="not guarded"),
    pytest.param(invariants.a_heartbeat_comes("X", 55.0, 99.0), "", id="half of a countdown is left"),
    pytest.param(invariants.a_heartbeat_comes("X", 54.0, 16.0), "54 s of the countdown", id="less is left"),
    pytest.param(invariants.a_heartbeat_comes("X", None, 16.0), "no countdown runs", id="no heartbeat came"),
    pytest.param(invariants.a_heartbeat_comes("X", None, 15.0), "", id="no heartbeat could come"),
    pytest.param(invariants.no_trade_with_oneself("a", []), "", id="meets nobody"),
    pytest.param(invariants.no_trade_with_oneself("a", ["b"]), "a would trade with b", id="meets itself"),
    pytest.param(invariants.what_may_be_quoted_is_quoted("X", 30.0, ""), "", id="not long without an order"),
    pytest.param(
        invariants.what_may_be_quoted_is_quoted("X", 30.1, "dead"), "for 30.1 s: dead", id="long without an order"
    ),
    pytest.param(invariants.nothing_rests_after_a_death(131.0, [resting("a")], ()), "", id="not yet long dead"),
    pytest.param(invariants.nothing_rests_after_a_death(132.0, [], ()), "", id="long dead, and nothing left"),
    pytest.param(invariants.nothing_rests_after_a_death(132.0, [resting("a")], ("X",)), "", id="guarded by nothing"),
    pytest.param(invariants.nothing_rests_after_a_death(132.0, [resting("a")], ("Y",)), "still a", id="long dead"),
    pytest.param(invariants.belief_is_true("X", "a is open", 3.0, None), "", id="not wrong for long"),
    pytest.param(invariants.belief_is_true("X", "a is open", 3.1, None), "X: a is open", id="wrong for too long"),
    pytest.param(invariants.belief_is_true("X", "a is open", 25.0, 15.0), "", id="its news was lost"),
    pytest.param(
        invariants.belief_is_true("X", "a is open", 25.1, 15.0), "X: a is open", id="and it was not looked for"
    ),
    pytest.param(invariants.what_is_over_stays_over([]), "", id="over"),
    pytest.param(invariants.what_is_over_stays_over(["a"]), "live: a", id="over, and live again"),
    pytest.param(invariants.nothing_left_after_a_stop([resting("a")], ("a",)), "", id="left, and told"),
    pytest.param(invariants.nothing_left_after_a_stop([resting("a")], ()), "there are still a", id="left"),
    pytest.param(invariants.foreign_orders_untouched({"a": True, "b": False}), "touched: b", id="foreign"),
    pytest.param(invariants.books_agree("X", BOOKS, BOOKS), "", id="books"),
    pytest.param(invariants.books_agree("X", BOOKS, replace(BOOKS, trades=3)), "the exchange's", id="other books"),
    pytest.param(invariants.wallet_agrees(Decimal("1.0"), Decimal("1.00")), "", id="wallet"),
    pytest.param(invariants.wallet_agrees(Decimal(1), Decimal("1.01")), "has 1.01", id="another wallet"),
    pytest.param(invariants.ledger_agrees("X", [ROW], [ROW]), "", id="ledger"),
    pytest.param(invariants.ledger_agrees("X", [], [ROW]), "missing [1]", id="a trade is missing"),
    pytest.param(
        invariants.ledger_agrees("X", [ROW, ROW], [ROW]), "the ledger has 2 trades", id="a trade is there twice"
    ),
    pytest.param(invariants.working_orders_agree(["a"], [resting("a")]), "", id="orders"),
    pytest.param(invariants.working_orders_agree([], [resting("a")]), "the exchange has ['a']", id="another order"),
    pytest.param(invariants.same_trace([(1, "a")], [(1, "b")]), "from line 0", id="another trace"),
    pytest.param(invariants.same_trace([(1, "a")], [(1, "a"), (2, "b")]), "1 lines far, and 2", id="a longer trace"),
]


@pytest.mark.parametrize(("complaint", "expected"), RULES)
def test_each_rule_holds_or_complains(complaint: str, expected: str) -> None:
    assert expected in complaint
    assert bool(expected) == bool(complaint)
