"""Orders in hedge mode (docs: New Order's positionSide)."""

from __future__ import annotations

from typing import Any

import pytest
from still_market import SYMBOL, Bench

from exchange.model import PositionSide, Side


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 10_000)], [(20_010, 10_000)])
    bench.books.is_hedge = True
    return bench


def lots(bench: Bench) -> tuple[int, int]:
    return tuple(bench.books.position_lots(SYMBOL, side) for side in (PositionSide.LONG, PositionSide.SHORT))  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, -4061),
        ({"positionSide": "BOTH"}, -4061),
        ({"positionSide": "long"}, -4060),
        ({"positionSide": "LONG", "reduceOnly": "true"}, -1106),
        ({"positionSide": "LONG", "reduceOnly": "false"}, -1106),
    ],
)
def test_the_position_side_must_be_sent_and_reduce_only_must_not(
    bench: Bench, change: dict[str, str], code: int
) -> None:
    assert bench.order("BUY", "1.9", "5", **change)["code"] == code


def test_each_side_is_opened_and_closed_by_itself(bench: Bench) -> None:
    assert bench.order("BUY", None, "10", positionSide="LONG")["positionSide"] == "LONG"
    assert bench.order("SELL", None, "6", positionSide="SHORT")["status"] == "FILLED"
    assert lots(bench) == (1000, -600)
    answer = bench.order("SELL", None, "4", positionSide="LONG")
    assert (answer["status"], answer["reduceOnly"]) == ("FILLED", True)
    assert lots(bench) == (600, -600)
    assert bench.order("SELL", None, "7", positionSide="LONG")["code"] == -2022
    assert bench.order("BUY", None, "7", positionSide="SHORT")["code"] == -2022
    bench.order("BUY", None, "6", positionSide="SHORT")
    assert bench.order("BUY", None, "1", positionSide="SHORT")["code"] == -2022


@pytest.mark.parametrize(
    ("side", "position_side", "code"),
    [("BUY", "LONG", -4138), ("SELL", "SHORT", -4138), ("SELL", "LONG", None), ("BUY", "SHORT", None)],
)
def test_close_position_must_close(bench: Bench, side: str, position_side: str, code: int | None) -> None:
    stop = "2.1" if side == "BUY" else "1.9"
    answer = bench.ask(
        "POST", "order", symbol=SYMBOL, side=side, type="STOP_MARKET", stopPrice=stop, closePosition="true",
        positionSide=position_side,
    )  # fmt: skip
    assert answer.get("code") == code


def test_a_triggered_close_leaves_the_other_side_alone(bench: Bench) -> None:
    bench.order("BUY", None, "10", positionSide="LONG")
    bench.order("SELL", None, "10", positionSide="SHORT")
    params: dict[str, Any] = {"symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET", "closePosition": "true"}
    bench.ask("POST", "order", **params, stopPrice="1.98", positionSide="LONG")
    bench.book(bids=[(19_800, 10_000)])
    bench.hit(Side.SELL, 19_800, 10_000)
    assert lots(bench) == (0, -1000)
