from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from strategies.units import Duration, Fraction, duration_text, percent_text

FRACTION = TypeAdapter[Decimal](Fraction)
DURATION = TypeAdapter[int](Duration)


@pytest.mark.parametrize(
    ("given", "fraction"),
    [
        (0.006, "0.006"),
        (Decimal("0.006"), "0.006"),
        ("0.006", "0.006"),
        ("0.6%", "0.006"),
        ("0.6 %", "0.006"),
        ("60bps", "0.006"),
        (" 60 bps ", "0.006"),
        ("1bp", "0.0001"),
        ("2.5bps", "0.00025"),
        (1e-7, "0.0000001"),
        (1, "1"),
        ("-1%", "-0.01"),
    ],
)
def test_a_fraction_is_the_same_however_it_is_written(given: object, fraction: str) -> None:
    assert FRACTION.validate_python(given) == Decimal(fraction)


@pytest.mark.parametrize(
    ("given", "milliseconds"),
    [
        ("500ms", 500),
        ("1s", 1000),
        ("1.5s", 1500),
        ("2m", 120_000),
        ("1h", 3_600_000),
        (1, 1000),
        (0.5, 500),
        ("3", 3000),
    ],
)
def test_a_duration_becomes_whole_milliseconds(given: object, milliseconds: int) -> None:
    assert DURATION.validate_python(given) == milliseconds


@pytest.mark.parametrize("given", ["", "x", "6 0bps", "%", "1e400", "nan", "inf", None, True, [], "1s", "٣%", "60BPS"])
def test_what_is_no_fraction_is_refused_with_examples(given: object) -> None:
    with pytest.raises(ValidationError, match=r"0\.006, 0\.6% or 60bps"):
        FRACTION.validate_python(given)


@pytest.mark.parametrize("given", ["", "x", "1d", "-1s", "0.5ms", "1 minute", None, False, {}, float("nan"), "1e3"])
def test_what_is_no_duration_is_refused_with_examples(given: object) -> None:
    with pytest.raises(ValidationError, match="500ms, 1s or 2m"):
        DURATION.validate_python(given)


@pytest.mark.parametrize(
    ("fraction", "text"), [("0.006", "60bps"), ("0.01", "1%"), ("0.00025", "2.5bps"), ("0.2", "20%"), ("1", "100%")]
)
def test_fractions_are_shown_in_bps_or_percent(fraction: str, text: str) -> None:
    assert percent_text(Decimal(fraction)) == text


@pytest.mark.parametrize(("ms", "text"), [(500, "500ms"), (1000, "1s"), (1500, "1500ms"), (120_000, "2m"), (0, "0ms")])
def test_durations_are_shown_in_the_largest_whole_unit(ms: int, text: str) -> None:
    assert duration_text(ms) == text
