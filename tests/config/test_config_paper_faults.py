"""`paper.faults` of a fleet file: its units, its errors, and that the exchange knows the same list."""

from __future__ import annotations

import pytest

from exchange.paper.fault_settings import Constant, FaultSettings, LogNormal, Uniform
from fleet.config.faults import ConfigError
from fleet.config.loader import parse
from fleet.config.paper_faults import Faults
from fleet.wiring.paper import fault_settings

GOOD = "fleet: a\nvenue: paper\nsymbols: {XUSDT: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}\n"


def test_faults_are_read_in_the_files_units() -> None:
    text = GOOD + (
        "paper: {faults: {to_venue: 20ms, from_venue: {low: 1ms, high: 2}, stream: {median: 40ms, sigma: 0.5},"
        " answer_429: 1%, reset_every: 1m, clock_skew_ms: -5}}\n"
    )
    settings = fault_settings(parse(text, "f", {}).config.paper.faults)
    assert settings == FaultSettings(
        to_venue=Constant(ms=20),
        from_venue=Uniform(low_ms=1, high_ms=2000),
        stream=LogNormal(median_ms=40, sigma=0.5),
        answer_429=0.01,
        reset_every_s=60,
        clock_skew_ms=-5,
    )


def test_a_fleet_file_and_the_exchange_know_the_same_faults_and_defaults() -> None:
    assert fault_settings(Faults()) == FaultSettings()
    in_file = {name.removesuffix("_ms").removesuffix("_s") for name in Faults.model_fields}
    assert in_file == {name.removesuffix("_ms").removesuffix("_s") for name in FaultSettings.__struct_fields__}


@pytest.mark.parametrize(
    ("faults", "column", "says"),
    [
        ("event_dropped: 2", 33, "event_dropped 2 is out of bounds: a fraction from 0 up to 1"),
        ("event_dropt: 0.1", 18, "unknown key event_dropt: "),
        ("reset_every: 0", 31, "reset_every 0 is out of bounds: a duration from 1ms to 24h"),
        ("to_venue: fast", 28, "to_venue fast is no duration: "),
        (
            "to_venue: {shape: uniform, low_ms: 5, high_ms: 50}",
            18,
            "to_venue is no latency: a duration such as 20ms, {low: 5ms, high: 50ms} or {median: 20ms, sigma: 0.5}",
        ),
        ("to_venue: {low: 5ms}", 18, "to_venue is no latency: a duration such as 20ms, {low: 5ms, high: 50ms} or"),
        ("to_venue: {low: 5ms, high: 1ms}", 18, "to_venue low is above high: the shorter"),
        ("to_venue: {median: 5ms, sigma: 9}", 49, "sigma 9 is out of bounds: at most 5"),
    ],
)
def test_a_wrong_fault_is_told_with_its_place(faults: str, column: int, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(GOOD + f"paper: {{faults: {{{faults}}}}}\n", "f", {})
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (GOOD.count("\n") + 1, column)
    assert f"{fault.what}: {fault.right}".startswith(says)
