"""The flight recorder: what a ring holds, what is cut out of it for an incident, and that it comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from recorded_table import BUY, Table, order_of
from runtime_fakes import symbol_config

from exchange.errors import LimitReached, OutcomeUnknown, Throttled, UnknownOrder, VenueError
from exchange.model import Amend, Cancel, Fill, Place
from fleet.config.models import SymbolConfig
from fleet.orders.plan import Action, Query
from fleet.research.replay import replay
from fleet.runtime.desk import Desk
from fleet.runtime.flight import EVERY_MS, MOST_CLOSE, MOST_STEPS, MOST_SYMBOLS, MOST_WAITING, SPAN_US, Flights
from fleet.runtime.flight_file import LAYOUT, CannotRead, Unpacked, packed, unpacked
from fleet.runtime.steps import Failed, Segment, Sent
from strategies import registry
from strategies.base import Decision, Quote, Situation
from strategies.registry import STRATEGIES, StrategyKind, make_strategy


def differences(track: list[Segment] | tuple[Segment, ...]) -> list[str]:
    return [moment.difference for moment in replay("XUSDT", track) if moment.difference]


# --- the ring


def test_a_ring_holds_a_span_or_two() -> None:
    table = Table()
    for _ in range(200):
        table.look()
        kept = table.flight.cut()
        held_us = table.now_us - kept[0].begins.at_us
        assert held_us <= 2 * SPAN_US
        assert len(kept) == 1 or held_us >= SPAN_US


def test_a_busy_ring_holds_so_many_steps_at_most() -> None:
    table = Table()
    for _ in range(5 * MOST_STEPS):
        table.look(1000)
        # A plan may be noted with what has changed around it.
        assert max(len(each.steps) for each in table.flight.cut()) <= MOST_STEPS + 1
    assert [len(each.steps) >= MOST_STEPS for each in table.flight.cut()] == [True, False]
    assert differences(table.flight.cut()) == []


@pytest.mark.parametrize("left", range(1, 5))
def test_what_is_sent_stays_with_the_plan_that_wanted_it(left: int) -> None:
    table = Table()
    table.look()
    while len(table.flight.cut()[-1].steps) < MOST_STEPS - left:
        table.look(1000)
    assert len(table.send()) == 2
    table.look()
    assert len(table.flight.cut()) == 2
    assert differences(table.flight.cut()) == []


def test_another_desk_begins_with_its_own_checkpoint() -> None:
    table = Table()
    table.look()
    after = Table(table.flight)
    after.look()
    assert [each.begins.is_first for each in table.flight.cut()] == [True, True]
    assert differences(table.flight.cut()) == []


def test_what_was_cut_does_not_grow() -> None:
    table = Table()
    table.look()
    cut = table.flight.cut()
    count = len(cut[0].steps)
    table.look()
    assert len(cut[0].steps) == count


# --- cutting


def test_of_incidents_of_a_kind_that_follow_each_other_closely_so_many_are_recorded() -> None:
    flights = Flights()
    table = Table(flights.of("XUSDT"))
    recorded: list[bool] = []
    for ms in (*range(MOST_CLOSE + 2), EVERY_MS - 1, EVERY_MS, EVERY_MS + 1):
        table.look()
        recorded.append(flights.cut("XUSDT", "crash", 1000 + ms) is not None)
    assert recorded == [True] * MOST_CLOSE + [False] * 3 + [True, True]
    assert flights.cut("XUSDT", "difference", 1000 + EVERY_MS + 1) is not None


@pytest.mark.parametrize("symbol", [None, "XUSDT"])
def test_one_shortly_after_another_has_the_steps_between_them(symbol: str | None) -> None:
    flights = Flights()
    table = Table(flights.of("XUSDT"))
    table.look()
    first = flights.cut(symbol, "crash", 1000)
    assert flights.cut(symbol, "crash", 1001) is None, "the first has the same steps"
    table.look()
    second = flights.cut(symbol, "crash", 1002)
    assert first is not None
    assert second is not None
    steps = [each.tracks["XUSDT"][-1].steps for each in (first, second)]
    assert steps[1][: len(steps[0])] == steps[0]
    assert [step.at_us for step in steps[1]][-1] == table.now_us


@pytest.mark.parametrize("symbol", [None, "XUSDT", "YUSDT"])
def test_where_no_desk_was_there_is_nothing_to_keep(symbol: str | None) -> None:
    flights = Flights()
    flights.of("XUSDT")
    assert flights.cut(symbol, "crash", 0) is None


def test_the_whole_fleets_incident_has_the_last_part_of_so_many_symbols() -> None:
    flights = Flights()
    flights.of("EMPTY")
    for number in range(MOST_SYMBOLS + 3):
        table = Table(flights.of(f"S{number}"))
        for _ in range(40):
            table.look()
    recording = flights.cut(None, "crash", 0)
    assert recording is not None
    assert list(recording.tracks) == [f"S{number}" for number in range(MOST_SYMBOLS)]
    assert {len(track) for track in recording.tracks.values()} == {1}
    blob = recording.packed()
    assert blob is not None
    assert unpacked(blob).left_out == [f"S{number}" for number in range(MOST_SYMBOLS, MOST_SYMBOLS + 3)]


def test_while_nothing_can_be_written_the_oldest_recordings_go() -> None:
    flights = Flights()
    Table(flights.of("XUSDT")).look()
    cut = [flights.cut("XUSDT", "crash", number * EVERY_MS) for number in range(MOST_WAITING + 2)]
    assert [each is not None and each.packed() is not None for each in cut] == [False] * 2 + [True] * MOST_WAITING


def test_a_symbol_that_has_left_is_forgotten() -> None:
    flights = Flights()
    Table(flights.of("XUSDT")).look()
    flights.drop("XUSDT")
    assert flights.cut("XUSDT", "crash", 0) is None


# --- the file


def back(table: Table) -> Unpacked:
    blob = packed({"XUSDT": table.flight.cut()})
    assert blob is not None
    return unpacked(blob)


ERRORS = (
    OutcomeUnknown("no answer"), LimitReached("too many", code=-2025), UnknownOrder("Order does not exist.", code=-2013),
    Throttled("slower", retry_after_s=3.0),
)  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("what", [Place, Amend, Cancel, Query])
def test_every_action_and_error_comes_back_and_does_the_same(what: type[Action], error: VenueError) -> None:
    table = Table()
    if what is Place:
        action = table.send()[0]
    else:
        table.places()
        first = next(iter(table.desk.orders.values()))
        actions: dict[type[Action], Action] = {
            Amend: Amend("XUSDT", first.client_id, first.side, first.price_ticks - 5, first.lots),
            Cancel: Cancel("XUSDT", first.client_id),
            Query: Query("XUSDT", first.client_id),
        }
        action = actions[what]
    table.desk.failed(action, error, table.now_us + 1)
    table.look()
    table.look()
    told = back(table)
    assert tuple(told.tracks["XUSDT"]) == table.flight.cut()
    steps = [step for segment in told.tracks["XUSDT"] for step in segment.steps]
    failure = next(step for step in steps if isinstance(step, Failed))
    assert (type(failure.action), failure.message, failure.code) == (what, error.message, error.code)
    moments = list(replay("XUSDT", told.tracks["XUSDT"]))
    assert [moment.difference for moment in moments if moment.difference] == []
    assert moments[-1].orders == tuple(table.desk.orders.values())


def test_news_of_every_kind_comes_back_and_does_the_same() -> None:
    table = Table(config=symbol_config(max_fills={"count": 2, "per": "1s", "pause": "5s"}))
    table.places()
    for number, order in enumerate(list(table.desk.orders.values())):
        fill = Fill("XUSDT", number, order.order_id or 0, order.client_id, order.side, order.price_ticks, 3, True,
                    Decimal("0.01"), "USDT", Decimal("-0.5"), table.now_us // 1000)  # fmt: skip
        table.book.add(fill)
        table.desk.on_fill(fill, table.now_us)
    table.look()
    told = order_of(Place("XUSDT", "the-owners", BUY, 900, 5), 9, table.now_us)
    table.desk.reconcile([told], table.now_us, table.now_us + 1, table.desk.working.filled)
    table.desk.risk.killed = "its owner said so"
    table.look()
    table.desk.risk.killed = ""
    wide = symbol_config(refresh_interval="250ms", max_order_usd=20)
    table.desk.reconfigure(wide, make_strategy("ping_pong", wide.parameters))
    for _ in range(40):
        table.look()
    told_back = back(table)
    assert tuple(told_back.tracks["XUSDT"]) == table.flight.cut()
    assert differences(told_back.tracks["XUSDT"]) == []


def fill_of(table: Table, lots: int) -> Fill:
    order = next(iter(table.desk.orders.values()))
    return Fill("XUSDT", 5, order.order_id or 0, order.client_id, order.side, order.price_ticks, lots, True,
                Decimal(0), "USDT", Decimal(0), table.now_us // 1000)  # fmt: skip


def test_the_position_is_shown_as_it_was_at_every_step() -> None:
    table = Table()
    table.places()
    fill = fill_of(table, 3)
    table.book.add(fill)
    table.desk.on_fill(fill, table.now_us)
    assert table.book.position_lots == 3
    assert [moment.position_lots for moment in replay("XUSDT", back(table).tracks["XUSDT"])][-2:] == [0, 3]
    while len(table.flight.cut()) < 2:
        table.look()
    told = back(table).tracks["XUSDT"]
    assert next(replay("XUSDT", told[1:])).position_lots == 3
    assert differences(told) == []


def sends(table: Table) -> None:
    table.desk.sending(table.desk.plan(table.now_us).changes[0], table.now_us)


TAKEN: dict[str, Callable[[Table], object]] = {
    "on_order": lambda at: at.desk.on_order(at.told(), at.now_us),
    "on_fill": lambda at: at.desk.on_fill(fill_of(at, 3), at.now_us),
    "answered": lambda at: at.desk.answered(Cancel("XUSDT", at.told().client_id), at.told(), at.now_us),
    "failed": lambda at: at.desk.failed(Cancel("XUSDT", at.told().client_id), OutcomeUnknown("no answer"), at.now_us),
    "reconcile": lambda at: at.desk.reconcile([at.told()], at.now_us, at.now_us, {}),
    "reconfigure": lambda at: at.desk.reconfigure(at.config, make_strategy("ping_pong", at.config.parameters)),
    "sending": sends,
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_broke_while_it_was_taken_breaks_again_and_no_more_once_it_is_mended(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("planted")

    table = Table()
    table.places()
    while not table.desk.plan(table.now_us).changes:
        table.look()
    with monkeypatch.context() as patched:
        patched.setattr(Desk, what, broken)
        with pytest.raises(KeyError):
            TAKEN[what](table)
        told = back(table).tracks["XUSDT"]
        *_, last = replay("XUSDT", told)
        assert (last.broke, last.difference) == ("KeyError: 'planted'", "")
    assert differences(told) == ["it broke with KeyError then, and does not now"]
    # And the other way round: what went well breaks now.
    table = Table()
    table.places()
    while not table.desk.plan(table.now_us).changes:
        table.look()
    TAKEN[what](table)
    monkeypatch.setattr(Desk, what, broken)
    assert differences(back(table).tracks["XUSDT"])[-1] == "it breaks with KeyError"


FULL = symbol_config(
    "BTCUSDT",
    leverage=7,
    refresh_interval="1234ms",
    price_change_threshold="0.00012345",
    priority=2.5,
    on_remove="close",
    stale_after="7s",
    max_order_usd="123.45",
    max_fills={"count": 3, "per": "1500ms", "pause": "1h"},
    mmp={"window": "3s", "frozen": 0, "quantity": 5},
)


@pytest.mark.parametrize("config", [symbol_config(), FULL])
def test_a_configuration_comes_back_as_it_was(config: SymbolConfig) -> None:
    table = Table(config=config)
    table.look()
    begins = back(table).tracks["XUSDT"][0].begins
    assert begins.config == config
    assert type(begins.config.parameters) is type(config.parameters)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_state_of_every_strategy_there_is_can_be_written_down(name: str) -> None:
    parameters = STRATEGIES[name].parameters.model_construct()
    state = STRATEGIES[name].make(parameters).start()
    checkpoint = Table().desk.checkpoint(0)
    kept = msgspec.structs.replace(
        checkpoint, state=state, config=checkpoint.config.model_copy(update={"strategy": name})
    )
    blob = packed({"XUSDT": (Segment(kept, []),)})
    assert blob is not None
    if name == checkpoint.config.strategy:
        assert unpacked(blob).tracks["XUSDT"][0].begins.state == state


@dataclass(frozen=True)
class Counted:
    looks: int = 0
    last_mid: Decimal = Decimal(0)


class Counting(BaseModel):
    pass


class Counter:
    """Quotes deeper with each look: what it does follows from its state alone."""

    def __init__(self, _: Counting) -> None:
        pass

    def start(self) -> Counted:
        return Counted()

    def decide(self, state: Counted, situation: Situation) -> tuple[Counted, Decision]:
        quote = Quote(BUY, situation.book.bid_ticks - 1 - state.looks, 10)
        return Counted(state.looks + 1, situation.mid), Decision((quote,))


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> SymbolConfig:
    monkeypatch.setitem(registry.STRATEGIES, "counter", StrategyKind("counter", Counting, Counter))
    given: dict[str, Any] = {"symbol": "XUSDT", "strategy": "counter", "balance_fraction": "0.1"}
    return SymbolConfig.model_validate({**given, "parameters": Counting()})


def test_a_strategy_goes_on_from_its_state(counter: SymbolConfig) -> None:
    table = Table(config=counter)
    for _ in range(100):
        table.look()
    track = back(table).tracks["XUSDT"]
    assert [segment.begins.state.looks for segment in track] == [60, 90]
    assert differences(track) == []
    # From another state other plans come.
    forgotten = [Segment(msgspec.structs.replace(each.begins, state=Counted()), each.steps) for each in track]
    assert "another plan was made then" in differences(forgotten)
    assert "it has come to another state than was recorded" in differences(forgotten)


def test_a_state_that_cannot_be_written_down_keeps_no_incident_from_the_ledger() -> None:
    checkpoint = msgspec.structs.replace(Table().desk.checkpoint(0), state=object())
    assert packed({"XUSDT": (Segment(checkpoint, []),)}) is None


def test_of_what_is_too_large_the_last_part_is_kept_and_else_it_is_named() -> None:
    table = Table()
    for _ in range(100):
        table.look()
    both = table.flight.cut()
    sizes = [len(packed({"X": part}) or b"") for part in (both, both[-1:])]
    assert sizes[1] < sizes[0]
    tracks = {"X": both, "Y": both, "Z": both}
    blob = packed(tracks, most=sizes[0] + sizes[1])
    assert blob is not None
    assert len(blob) < sizes[0] + sizes[1] + 100
    found = unpacked(blob)
    assert [len(track) for track in found.tracks.values()] == [2, 1]
    assert found.left_out == ["Z"]


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (b"", "damaged"),
        (b"\xc1 no such thing", "damaged"),
        (msgspec.msgpack.encode({"layout": 99, "tracks": {}, "left_out": []}), "another version"),
        (msgspec.msgpack.encode({"layout": LAYOUT, "tracks": {"X": b"abc"}, "left_out": []}), "damaged"),
    ],
)
def test_what_cannot_be_read_says_so(blob: bytes, said: str) -> None:
    with pytest.raises(CannotRead, match=said):
        unpacked(blob)


def test_what_was_not_wanted_now_is_told_and_the_replay_goes_on() -> None:
    table = Table()
    table.places()
    table.look()
    [segment] = table.flight.cut()
    at = next(number for number, step in enumerate(segment.steps) if isinstance(step, Sent))
    sent = segment.steps[at]
    assert isinstance(sent, Sent)
    dearer = replace(sent.action, price_ticks=sent.action.price_ticks - 1)
    planted = [*segment.steps[:at], msgspec.structs.replace(sent, action=dearer), *segment.steps[at + 1 :]]
    assert differences([Segment(segment.begins, planted)]) == ["this was not wanted now"]
