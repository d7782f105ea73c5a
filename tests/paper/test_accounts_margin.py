"""The terms an account trades on: modes, leverage, margin types, isolated margin, brackets."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.paper.brackets import (
    Bracket,
    bracket_at,
    brackets_of,
    default_brackets,
    ladder,
    maintenance,
    max_notional,
)
from exchange.paper.instruments import all_symbols
from exchange.protocol.margin_payloads import LeverageBracketBody

Act = Callable[[Bench], Any]


@pytest.fixture
def bench() -> Bench:
    """Asks and bids of 1000 USDT each at 2.0000."""
    bench = Bench()
    bench.book([(19_999, 50_000)], [(20_000, 50_000)])
    return bench


def set_mode(bench: Bench, dual: str) -> Any:
    return bench.ask("POST", "positionSide/dual", dualSidePosition=dual)


def set_multi(bench: Bench, on: str) -> Any:
    return bench.ask("POST", "multiAssetsMargin", multiAssetsMargin=on)


def set_type(bench: Bench, margin_type: str) -> Any:
    return bench.ask("POST", "marginType", symbol=SYMBOL, marginType=margin_type)


def set_leverage(bench: Bench, leverage: int) -> Any:
    return bench.ask("POST", "leverage", symbol=SYMBOL, leverage=leverage)


def move(bench: Bench, amount: str, kind: int, **more: str) -> Any:
    return bench.ask("POST", "positionMargin", symbol=SYMBOL, amount=amount, type=kind, **more)


def isolate(bench: Bench) -> None:
    set_type(bench, "ISOLATED")


def buy(bench: Bench) -> None:
    bench.order("BUY", None, "10")


def rest(bench: Bench) -> None:
    bench.order("BUY", "1.9", "10")


def hedge(bench: Bench) -> None:
    set_mode(bench, "true")


def multi(bench: Bench) -> None:
    set_multi(bench, "true")


def owe(bench: Bench) -> None:
    bench.books.balances["USDF"] = Decimal(-1)


TERMS: list[tuple[list[Act], Act, int]] = [
    ([], lambda bench: set_mode(bench, "false"), -4059),
    ([], lambda bench: set_mode(bench, "maybe"), -1130),
    ([], lambda bench: bench.ask("POST", "positionSide/dual"), -1102),
    ([rest], lambda bench: set_mode(bench, "true"), -4067),
    ([buy], lambda bench: set_mode(bench, "true"), -4068),
    ([hedge], lambda bench: set_mode(bench, "false"), 200),
    ([], lambda bench: set_mode(bench, "true"), 200),
    ([], lambda bench: set_multi(bench, "false"), -4171),
    ([isolate], lambda bench: set_multi(bench, "true"), -4167),
    ([rest], lambda bench: set_multi(bench, "true"), -4170),
    ([owe], lambda bench: set_multi(bench, "true"), -4172),
    ([buy], lambda bench: set_multi(bench, "true"), 200),
    ([], lambda bench: set_type(bench, "CROSSED"), -4046),
    ([], lambda bench: set_type(bench, "crossed"), -1130),
    ([multi], lambda bench: set_type(bench, "ISOLATED"), -4168),
    ([rest], lambda bench: set_type(bench, "ISOLATED"), -4047),
    ([buy], lambda bench: set_type(bench, "ISOLATED"), -4048),
    ([isolate], lambda bench: set_type(bench, "CROSSED"), 200),
    ([], lambda bench: set_leverage(bench, 0), -4028),
    ([], lambda bench: set_leverage(bench, 76), -4028),
    ([isolate, buy], lambda bench: set_leverage(bench, 10), -4161),
    ([buy], lambda bench: move(bench, "1", 1), -4049),
    ([isolate], lambda bench: move(bench, "1", 1), -4054),
    ([isolate, buy], lambda bench: move(bench, "0", 1), -4055),
    ([isolate, buy], lambda bench: move(bench, "-1", 1), -4055),
    ([isolate, buy], lambda bench: move(bench, "x", 1), -1130),
    ([isolate, buy], lambda bench: move(bench, "0.000000001", 1), -1111),
    ([isolate, buy], lambda bench: move(bench, "1", 3), -1130),
    ([isolate, buy], lambda bench: move(bench, "10000", 1), -4050),
    ([isolate, buy], lambda bench: move(bench, "0.01", 2), -4051),
    ([isolate, buy], lambda bench: move(bench, "1", 1, positionSide="LONG"), -4061),
    ([isolate, buy], lambda bench: move(bench, "1", 1, positionSide="UP"), -4060),
    ([hedge, isolate], lambda bench: move(bench, "1", 1), -1102),
    ([isolate, buy], lambda bench: move(bench, "1", 1), 200),
]


@pytest.mark.parametrize(("before", "act", "code"), TERMS)
def test_terms_change_by_the_rules(bench: Bench, before: list[Act], act: Act, code: int) -> None:
    for step in before:
        step(bench)
    assert act(bench)["code"] == code


def test_the_answer_to_single_assets_is_no_when_the_other_assets_are_what_margin_stands_on() -> None:
    bench = Bench(balances={"USDT": Decimal(1), "USDF": Decimal(100)})
    bench.book(asks=[(20_000, 10_000)])
    bench.order("BUY", None, "100")
    assert set_multi(bench, "false")["code"] == -4169
    assert bench.ask("GET", "multiAssetsMargin") == {"multiAssetsMargin": True}


def test_modes_and_terms_are_told(bench: Bench) -> None:
    bench.user_line()
    bench.frames()
    hedge(bench)
    set_leverage(bench, 7)
    isolate(bench)
    set_type(bench, "CROSSED")
    multi(bench)
    told = bench.frames()
    assert told[0]["ai"] == {"j": False, "f": False, "d": True}
    assert told[1]["ac"] == {"s": SYMBOL, "l": 7}
    assert [(each["a"]["m"], each["a"]["B"]) for each in told[2:4]] == [("MARGIN_TYPE_CHANGE", [])] * 2
    assert [[(row["ps"], row["mt"]) for row in each["a"]["P"]] for each in told[2:4]] == [
        [("LONG", "isolated"), ("SHORT", "isolated")],
        [("LONG", "cross"), ("SHORT", "cross")],
    ]
    assert told[4]["ai"] == {"j": True, "f": False, "d": True}


# Hedge mode


def test_in_hedge_mode_both_sides_are_held_at_once(bench: Bench) -> None:
    hedge(bench)
    assert bench.order("BUY", None, "10")["code"] == -4061
    bench.order("BUY", None, "10", positionSide="LONG")
    bench.order("SELL", None, "4", positionSide="SHORT")
    rows = bench.ask("GET", "positionRisk", symbol=SYMBOL)
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [("LONG", "10.00"), ("SHORT", "-4.00")]
    positions = bench.ask("GET", "account")["positions"]
    assert [(row["positionSide"], row["positionAmt"]) for row in positions] == [("LONG", "10.00"), ("SHORT", "-4.00")]
    assert bench.order("SELL", None, "3", positionSide="LONG")["executedQty"] == "3.00"
    assert bench.order("BUY", None, "9", positionSide="SHORT")["code"] == -2022
    assert bench.order("BUY", None, "4", positionSide="SHORT")["executedQty"] == "4.00"
    sides = [row["positionSide"] for row in bench.ask("GET", "userTrades", symbol=SYMBOL)]
    assert sides == ["LONG", "SHORT", "LONG", "SHORT"]
    assert bench.books.position_lots(SYMBOL) == 0


# Isolated margin


def test_an_isolated_position_has_margin_of_its_own(bench: Bench) -> None:
    isolate(bench)
    bench.order("BUY", None, "100")
    fee = Decimal("0.07")
    (row,) = bench.ask("GET", "positionRisk", symbol=SYMBOL)
    assert (row["marginType"], Decimal(row["isolatedMargin"])) == ("isolated", 10 - fee)
    (asset,) = bench.ask("GET", "account")["assets"]
    assert (Decimal(asset["walletBalance"]), Decimal(asset["crossWalletBalance"])) == (10_000 - fee, 9_990)
    assert Decimal(asset["availableBalance"]) == 9_990
    # Its profit is no one else's margin.
    bench.market.mark_ticks = 20_500
    bench.wait(1)
    (asset,) = bench.ask("GET", "account")["assets"]
    assert (Decimal(asset["unrealizedProfit"]), Decimal(asset["crossUnPnl"])) == (5, 0)
    assert Decimal(asset["availableBalance"]) == 9_990
    # A quarter sold at 1.9999 gives back a quarter of its margin, less the loss; the fee is the position's.
    bench.order("SELL", None, "25")
    assert bench.books.isolated == (10 - fee) * 3 / 4 - Decimal("0.01749912")
    bench.order("SELL", None, "75")
    assert (bench.books.isolated, bench.books.margin) == (0, 0)
    assert bench.books.wallet == bench.books.collateral == 10_000 + bench.books.realised - bench.books.fees


def test_isolated_margin_is_moved_on_request_and_remembered(bench: Bench) -> None:
    isolate(bench)
    bench.order("BUY", None, "100")
    bench.user_line()
    bench.frames()
    assert move(bench, "5.5", 1) == {
        "amount": 5.5, "code": 200, "msg": "Successfully modify position margin.", "type": 1,
    }  # fmt: skip
    told = bench.frames()[-1]["a"]
    assert (told["m"], told["B"][0]["cw"], told["B"][0]["bc"]) == ("MARGIN_TRANSFER", "9984.50000000", "0")
    assert (told["P"][0]["mt"], told["P"][0]["iw"]) == ("isolated", "15.43000000")
    assert move(bench, "5.44", 2)["code"] == -4051
    assert move(bench, "5.43", 2)["code"] == 200
    rows = bench.ask("GET", "positionMargin/history", symbol=SYMBOL)
    assert [(row["amount"], row["type"], row["positionSide"]) for row in rows] == [
        ("5.5", 1, "BOTH"), ("5.43", 2, "BOTH"),
    ]  # fmt: skip
    assert bench.ask("GET", "positionMargin/history", symbol=SYMBOL, type=2) == rows[1:]
    assert bench.ask("GET", "positionMargin/history", symbol=SYMBOL, limit=1) == rows[1:]
    assert bench.ask("GET", "positionMargin/history", symbol=SYMBOL, startTime=0, limit=1) == rows[:1]


def test_orders_for_an_isolated_position_hold_cross_margin(bench: Bench) -> None:
    isolate(bench)
    bench.order("BUY", "1.9", "100")
    assert bench.books.margin == Decimal("9.5")
    bench.order("SELL", "2.1", "300")
    assert bench.books.margin == Decimal("31.5")
    bench.ask("DELETE", "allOpenOrders", symbol=SYMBOL)
    assert bench.books.margin == 0


# Brackets


@pytest.mark.parametrize("symbol", ["BTCUSDT", SYMBOL])
def test_brackets_cover_every_size_and_maintenance_is_continuous(symbol: str) -> None:
    brackets = default_brackets(symbol)
    assert brackets[0].floor == 0
    assert brackets[-1].max_leverage == 1
    for smaller, larger in pairwise(brackets):
        assert smaller.cap == larger.floor
        assert smaller.max_leverage > larger.max_leverage
        assert smaller.ratio < larger.ratio
        assert smaller.cap * smaller.ratio - smaller.cum == larger.floor * larger.ratio - larger.cum
        assert smaller.ratio * smaller.max_leverage <= Decimal("0.51")


@given(st.decimals(0, 600_000_000, places=4))
def test_maintenance_charges_each_part_its_own_ratio(notional: Decimal) -> None:
    brackets = default_brackets("BTCUSDT")
    parts = sum(
        ((min(notional, each.cap) - each.floor) * each.ratio for each in brackets if notional > each.floor), Decimal(0)
    )
    beyond = max(Decimal(0), notional - brackets[-1].cap) * brackets[-1].ratio
    assert maintenance(brackets, notional) == (parts + beyond).quantize(Decimal("0.00000001"))


@pytest.mark.parametrize(
    ("notional", "number"), [("0", 1), ("10000", 1), ("10000.01", 2), ("10000000", 9), ("10000001", 9)]
)
def test_a_notional_is_in_one_bracket(notional: str, number: int) -> None:
    assert bracket_at(default_brackets(SYMBOL), Decimal(notional)).number == number


@pytest.mark.parametrize(("leverage", "most"), [(75, 10_000), (60, 10_000), (50, 100_000), (1, 10_000_000), (76, 0)])
def test_leverage_limits_the_position(leverage: int, most: int) -> None:
    assert max_notional(default_brackets(SYMBOL), leverage) == most


def test_brackets_are_answered_as_documented(bench: Bench) -> None:
    one = bench.ask("GET", "leverageBracket", symbol=SYMBOL)
    assert one["brackets"][0] == {
        "bracket": 1, "initialLeverage": 75, "notionalCap": 10_000, "notionalFloor": 0,
        "maintMarginRatio": 0.0065, "cum": 0,
    }  # fmt: skip
    assert bench.ask("GET", "leverageBracket") == [one]
    assert bench.ask("GET", "leverageBracket", symbol="NOSUCH")["code"] == -1121
    rows = msgspec.convert([one], type=list[LeverageBracketBody])
    assert brackets_of(rows) == {SYMBOL: default_brackets(SYMBOL)}


def test_every_symbol_has_brackets() -> None:
    assert all(default_brackets(symbol) for symbol in all_symbols())


def test_an_owner_may_give_the_real_brackets() -> None:
    real = ladder([(3, 50, Decimal("0.1")), (2, 100, Decimal("0.2"))])
    assert real[1] == Bracket(2, 2, Decimal(50), Decimal(100), Decimal("0.2"), Decimal(5))
    bench = Bench(brackets={SYMBOL: real})
    bench.book(asks=[(20_000, 10_000)])
    assert set_leverage(bench, 4)["code"] == -4028
    assert bench.ask("GET", "positionRisk", symbol=SYMBOL)[0]["leverage"] == "3"
    assert bench.order("BUY", None, "30")["code"] == -2027
    assert set_leverage(bench, 2) == {"symbol": SYMBOL, "leverage": 2, "maxNotionalValue": "100"}
    assert bench.order("BUY", None, "30")["executedQty"] == "30.00"
    assert set_leverage(bench, 3)["code"] == -2027
    assert bench.order("BUY", "1.9", "22")["code"] == -2027
    assert bench.order("BUY", "1.9", "21")["status"] == "NEW"
    assert bench.order("SELL", "2.05", "30")["status"] == "NEW"
