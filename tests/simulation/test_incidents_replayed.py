"""Incidents of a whole fleet, stored in a ledger on disk and lived through again from there: the same plans come of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
import zstandard

from exchange.paper.fault_settings import FaultSettings, Uniform
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.loader import parse
from fleet.ledger.ledger import Ledger
from fleet.ledger.reading import IncidentOnRecord, Reader
from fleet.ledger.store import Owner, Store
from fleet.research.replay import Moment, replay
from fleet.runtime import flight_file
from fleet.runtime.mailbox import Crash
from fleet.runtime.steps import Checkpoint, Failed, HeardFill, Planned, Reconciled, Sent
from fleet.simulation.loop import START_US
from fleet.simulation.scenario import CALM, Running, simulate
from strategies import ping_pong
from strategies.base import Decision, Situation
from strategies.ping_pong import PingPong

CONFIG = parse(
    """
fleet: sim-1
venue: paper
control: null
risk: {max_open_usd: 20000}
defaults: {buy_spread: 1bps, sell_spread: 1bps, balance_fraction: 0.3, refresh_interval: 500ms, price_change_threshold: 1bps}
symbols:
  ASTERUSDT: {max_fills: {count: 4, per: 2s, pause: 3s}}
  SOLUSDT: {leverage: 2, max_order_usd: 900}
""",
    "fleet.yaml",
    {},
).config
_WAY = Uniform(low_ms=0, high_ms=199)
BAD_DAY = FaultSettings(
    to_venue=_WAY, from_venue=_WAY, stream=_WAY, no_answer_executed=0.02, no_answer_not_executed=0.02,
    event_dropped=0.05, event_reordered=0.05, close_every_s=15,
)  # fmt: skip

Script = Callable[[Running], Coroutine[Any, Any, None]]


async def trouble(running: Running) -> None:
    """Something of each kind, with time between for what it leads to."""
    fleet = running.fleet
    await anyio.sleep(20)
    sol = fleet.slots["SOLUSDT"]
    sol.book.position_lots += 7
    await anyio.sleep(0.5)
    sol.doubt()
    await anyio.sleep(5)
    fleet.slots["ASTERUSDT"].mailbox.put(Crash(RuntimeError("planted")))
    await anyio.sleep(5)
    fleet.refuse("planted")
    await anyio.sleep(10)


class Day:
    """A fleet's day on a ledger file, and its incidents."""

    def __init__(
        self, path: Path, seed: int, faults: FaultSettings = CALM, script: Script = trouble, seconds: float = 45
    ) -> None:
        with Store(path, Owner("paper", "sim", is_new=True), now_ms=START_US // 1000, fleet="sim-1") as store:
            ledger = Ledger(store)
            self.paper: PaperVenue = simulate(CONFIG, seed, seconds, faults=faults, script=script, ledger=ledger).paper
            assert ledger.sync()
            assert not ledger.lost
        with Reader(path) as reader:
            self.incidents = reader.incidents(100)
            self.blobs = {
                each.id: blob for each in self.incidents if (blob := reader.recording(each.id)) is not None
            }  # fmt: skip

    def of(self, kind: str) -> IncidentOnRecord:
        return next(each for each in self.incidents if each.kind == kind)

    def moments(self, incident: IncidentOnRecord) -> list[Moment]:
        tracks = flight_file.unpacked(self.blobs[incident.id]).tracks
        return [moment for symbol, track in tracks.items() for moment in replay(symbol, track)]


def differences(moments: list[Moment]) -> list[tuple[object, str]]:
    return [(moment.step, moment.difference) for moment in moments if moment.difference]


@pytest.mark.parametrize(("seed", "faults"), [(1, CALM), (2, CALM), (3, BAD_DAY), (4, BAD_DAY), (5, BAD_DAY)])
def test_what_led_up_to_an_incident_is_planned_again_as_it_was(
    seed: int, faults: FaultSettings, tmp_path: Path
) -> None:
    day = Day(tmp_path / "l.sqlite3", seed, faults)
    assert {"difference", "crash", "reload refused"} <= {each.kind for each in day.incidents}
    kinds: set[type] = set()
    planned = 0
    for incident in day.incidents:
        if not incident.is_recorded:
            continue
        moments = day.moments(incident)
        assert differences(moments) == []
        assert {moment.symbol for moment in moments} <= ({incident.symbol} if incident.symbol else set(CONFIG.symbols))
        assert max(moment.step.at_us for moment in moments) // 1000 <= incident.at_ms
        kinds |= {type(moment.step) for moment in moments}
        planned += sum(bool(moment.planned) for moment in moments)
    assert planned > 50
    assert {Checkpoint, Planned, Sent, HeardFill} <= kinds
    assert faults is CALM or {Failed, Reconciled} <= kinds


def test_an_incident_of_a_symbol_has_what_it_believed_until_then(tmp_path: Path) -> None:
    day = Day(tmp_path / "l.sqlite3", 1)
    incident = day.of("difference")
    positions = [moment.position_lots for moment in day.moments(incident)]
    # 7 lots beside the truth, for as long as it took to ask the exchange.
    jumps = [after - before for before, after in pairwise(positions)]
    assert 7 in jumps
    first_us = day.moments(incident)[0].step.at_us
    assert 10e6 < incident.at_ms * 1000 - first_us <= 61e6


def test_an_unknown_outcome_shows_the_order_that_nobody_answered(tmp_path: Path) -> None:
    day = Day(tmp_path / "l.sqlite3", 3, BAD_DAY)
    incident = next(each for each in day.incidents if each.kind == "unknown outcome" and each.is_recorded)
    last = day.moments(incident)[-1]
    assert isinstance(last.step, Failed)
    assert last.step.action.client_id in incident.text
    assert [order.phase for order in last.orders if order.client_id == last.step.action.client_id] == ["unknown"]


def test_another_decision_is_told_at_its_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = Day(tmp_path / "l.sqlite3", 1)
    incident = day.of("difference")
    decide = PingPong.decide

    def wider(self: PingPong, state: None, at: Situation) -> tuple[None, Decision]:
        _, decision = decide(self, state, at)
        quotes = (replace(quote, price_ticks=quote.price_ticks + 30) for quote in decision.quotes)
        return None, replace(decision, quotes=tuple(quotes))

    monkeypatch.setattr(PingPong, "decide", wider)
    moments = day.moments(incident)
    first = next(moment for moment in moments if moment.difference)
    assert isinstance(first.step, Planned)
    assert first.difference == "another plan was made then"
    # It is the step after which something was asked for, not a later one.
    before = moments[: moments.index(first)]
    assert not any(moment.planned for moment in before)


def test_a_decision_that_broke_breaks_again_and_no_more_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_flat = ping_pong.is_flat

    def breaks(at: Situation, threshold_usd: Any) -> bool:
        if at.now_us > START_US + 12_000_000 and at.position_lots:
            raise ZeroDivisionError("planted")
        return is_flat(at, threshold_usd)

    async def nothing(_: Running) -> None:
        await anyio.sleep(20)

    with monkeypatch.context() as patched:
        patched.setattr(ping_pong, "is_flat", breaks)
        day = Day(tmp_path / "l.sqlite3", 2, script=nothing, seconds=20)
        crash = day.of("crash")
        moments = day.moments(crash)
        assert moments[-1].broke == "ZeroDivisionError: planted"
        assert differences(moments) == []
    assert [told for _, told in differences(day.moments(crash))] == [
        "it broke with ZeroDivisionError then, and does not now"
    ]


def test_a_recording_is_small_and_has_no_secret_in_it(tmp_path: Path) -> None:
    day = Day(tmp_path / "l.sqlite3", 3, BAD_DAY)
    assert day.blobs
    demo = day.paper.demo
    secrets = [demo.private_key, demo.api_key, demo.api_secret, demo.signer]
    for blob in day.blobs.values():
        assert len(blob) <= flight_file.MOST_BYTES
        for track in msgspec.msgpack.decode(blob)["tracks"].values():
            plain = zstandard.ZstdDecompressor().decompress(track)
            for secret in secrets:
                assert secret
                assert secret.removeprefix("0x").lower().encode() not in plain.lower()
