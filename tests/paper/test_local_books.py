"""Whoever keeps a book as the docs say has the venue's (docs: How to manage a local order book correctly)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.model import Side

SPEEDS = ("depth@100ms", "depth", "depth@500ms")


@dataclass
class LocalBook:
    """A client that does to the letter what the docs' nine steps say, and takes no event that does not fit."""

    buffered: list[Any] = field(default_factory=list[Any])
    last_id: int | None = None
    """`u` of the event processed last."""
    snapshot_id: int | None = None
    sides: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def take_snapshot(self, snapshot: Any) -> None:
        self.snapshot_id = snapshot["lastUpdateId"]
        self.last_id = None
        self.sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        events, self.buffered = self.buffered, []
        for event in events:
            self.take(event)

    def take(self, event: Any) -> None:
        if self.snapshot_id is None:
            self.buffered.append(event)
            return
        if event["u"] < self.snapshot_id:
            return
        if self.last_id is None:
            assert event["U"] <= self.snapshot_id <= event["u"]
        else:
            assert event["pu"] == self.last_id
        self.last_id = event["u"]
        for side, levels in self.sides.items():
            for price, quantity in event[side]:
                levels[price] = quantity
                if Decimal(quantity) == 0:
                    del levels[price]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from(["BUY", "SELL"]), st.integers(-30, 30), st.integers(3, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 10)),
        st.tuples(st.just("hit"), st.sampled_from(list(Side)), st.integers(1, 3000)),
        st.tuples(st.just("quote"), st.sampled_from(list(Side)), st.integers(1, 40), st.integers(1, 900)),
        st.tuples(st.just("wait"), st.sampled_from([0.01, 0.05, 0.1, 0.13, 0.6])),
        st.tuples(st.just("snapshot"), st.sampled_from(SPEEDS)),
        st.tuples(st.just("other snapshot"), st.sampled_from([5, 1000])),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_snapshot_and_differences_at_any_speed_make_the_venues_book(steps: list[Any]) -> None:
    bench = Bench()
    bench.book([(19_990, 1000), (19_980, 1000)], [(20_010, 1000), (20_020, 1000)])
    bench.listen(*(f"asterusdt@{speed}" for speed in SPEEDS), "asterusdt@bookTicker", "asterusdt@depth5@100ms")
    books = {speed: LocalBook() for speed in SPEEDS}
    ends: dict[str, int] = {}

    def listen() -> None:
        for each in bench.frames():
            name, event = each["stream"].partition("@")[2], each["data"]
            if "pu" in event:
                assert event["pu"] < event["U"] <= event["u"]
                assert event["pu"] == ends.get(name, event["pu"])
                ends[name] = event["u"]
            if name in books:
                assert event["b"] or event["a"]
                books[name].take(event)

    def snapshot(limit: int = 1000) -> Any:
        return bench.public("depth", symbol=SYMBOL, limit=limit)

    orders: list[int] = []
    for kind, *what in steps:
        match kind:
            case "order":
                side, distance, quantity = what
                placed = bench.order(side, f"{2 + distance / 10_000:.4f}", str(quantity))
                orders.append(placed.get("orderId", 0))
            case "cancel":
                if what[0] < len(orders):
                    bench.ask("DELETE", "order", symbol=SYMBOL, orderId=orders[what[0]])
            case "hit":
                bench.hit(what[0], None, what[1])
            case "quote":
                side, distance, lots = what
                ticks = 20_000 - side.sign * distance
                if not bench.market.would_cross(side, ticks):
                    bench.market.quote(side, ticks, lots)
                    bench.venue.engine.acted(bench.venue.engine.listing(SYMBOL))
            case "wait":
                bench.wait(what[0])
            case "snapshot":
                # On a real line some events arrive after the answer: those stay in the queue until the next step.
                books[what[0]].take_snapshot(snapshot())
            case _:
                snapshot(what[0])
        listen()

    for book in books.values():
        if book.snapshot_id is None:
            book.take_snapshot(snapshot())
    bench.wait(0.5)
    listen()
    now = snapshot()
    for book in books.values():
        assert book.sides == {"b": dict(now["bids"]), "a": dict(now["asks"])}


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_market_that_stood_still_until_the_snapshot_needs_no_second_one(speed: str) -> None:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    bench.listen(f"asterusdt@{speed}")
    snapshot = bench.public("depth", symbol=SYMBOL, limit=1000)
    bench.wait(3)
    assert bench.frames() == []
    bench.order("BUY", "1.9995", "5")
    bench.wait(0.5)
    first = bench.frames()[0]["data"]
    assert first["U"] <= snapshot["lastUpdateId"] <= first["u"]
    assert first["b"] == [["1.99950", "5.00"]]


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_level_that_only_a_snapshot_has_seen_is_taken_back(speed: str) -> None:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    bench.listen(f"asterusdt@{speed}")
    first = bench.order("BUY", "1.9995", "5")["orderId"]
    bench.public("depth", symbol=SYMBOL, limit=5)
    bench.ask("DELETE", "order", symbol=SYMBOL, orderId=first)
    bench.order("BUY", "1.9996", "5")
    bench.wait(0.5)
    assert bench.frames()[0]["data"]["b"] == [["1.99960", "5.00"], ["1.99950", "0.00"]]
    unseen = bench.order("BUY", "1.9997", "5")["orderId"]
    bench.ask("DELETE", "order", symbol=SYMBOL, orderId=unseen)
    bench.wait(0.5)
    assert bench.frames() == []


def test_books_tickers_and_differences_share_one_sequence() -> None:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    bench.listen("asterusdt@bookTicker", "asterusdt@depth@100ms", "asterusdt@depth5@100ms")
    before = bench.public("depth", symbol=SYMBOL)["lastUpdateId"]
    bench.order("BUY", "1.9995", "5")
    ticker = bench.frames()[0]["data"]
    bench.wait(0.1)
    diff, partial = (each["data"] for each in bench.frames())
    after = bench.public("depth", symbol=SYMBOL)["lastUpdateId"]
    assert before < ticker["u"] == diff["u"] == partial["u"] < after


def test_differences_tell_of_the_whole_book() -> None:
    bench = Bench()
    bench.book([(10_000 + each, 1) for each in range(1200)], [(20_010, 1000)])
    bench.listen("asterusdt@depth@100ms")
    bench.market.quote(Side.BUY, 9_000, 7)
    bench.venue.engine.acted(bench.venue.engine.listing(SYMBOL))
    bench.wait(0.1)
    assert bench.frames()[0]["data"]["b"] == [["0.90000", "0.07"]]
