"""Ready means: everything that should work works, and what cannot be mended by a restart does not count."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from fleet.control.state import FleetState, Phase, StreamState, SymbolState, not_ready
from fleet.views.sample import sample_state

UP = StreamState("market", True, 0)
READY = FleetState("f", "paper", False, 0, 1, streams=(UP,), instruments_loaded=True)


def with_phase(phase: Phase, reason: str = "") -> FleetState:
    return replace(READY, symbols=(SymbolState("ETHUSDT", "ping_pong", phase, reason),))


@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (READY, ()),
        (with_phase(Phase.QUOTING), ()),
        (with_phase(Phase.REDUCING), ()),
        (with_phase(Phase.QUARANTINED, "crashed 5 times"), ()),
        (with_phase(Phase.STOPPED), ()),
        (with_phase(Phase.STARTING), ("ETHUSDT is starting",)),
        (with_phase(Phase.STALE, "no book update"), ("ETHUSDT is stale: no book update",)),
        (with_phase(Phase.BACKOFF), ("ETHUSDT is backoff",)),
        (with_phase(Phase.PAUSED), ("ETHUSDT is paused",)),
        (replace(READY, instruments_loaded=False), ("instruments not loaded",)),
        (replace(READY, streams=()), ("no stream opened yet",)),
        (replace(READY, streams=(UP, StreamState("account", False, 0))), ("account stream is down",)),
        (replace(READY, stopping=True), ("stopping",)),
    ],
)
def test_a_fleet_is_ready_or_says_why_not(state: FleetState, reasons: tuple[str, ...]) -> None:
    assert not_ready(state) == reasons


def test_the_state_survives_json_to_the_last_digit() -> None:
    state = replace(sample_state(), equity=Decimal("10019.1234567890123456789"))
    assert msgspec.json.decode(msgspec.json.encode(state), type=FleetState) == state
