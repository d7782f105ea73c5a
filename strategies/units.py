"""Fractions and durations as people write them: `0.6%`, `60bps`, `500ms`, `2m`.

Owns: the reading of units, the bounds on them, and what to say when they are wrong. Must not know: files, strategies.
A wrong value raises pydantic's error of type `unit`, whose context says `what` is wrong and what would be `right`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,30})?"
_FRACTION = re.compile(rf"([+-]?{_NUMBER}(?:[eE][+-]?[0-9]{{1,2}})?) ?(%|bps|bp)?", re.ASCII)
_DURATION = re.compile(rf"({_NUMBER}) ?(ms|s|m|h)?", re.ASCII)
_FRACTION_SCALE = {None: Decimal(1), "%": Decimal(100), "bps": Decimal(10000), "bp": Decimal(10000)}
_DURATION_MS = {None: 1000, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_FRACTION_RIGHT = "a fraction such as 0.006, 0.6% or 60bps"
_DURATION_RIGHT = "a duration such as 500ms, 1s or 2m (a plain number is seconds)"


def wrong(what: str, right: str) -> PydanticCustomError:
    """The error that the loader prints after the value as the file writes it; it never carries the value itself."""
    return PydanticCustomError("unit", "{what}: {right}", {"what": what, "right": right})


def parse_fraction(given: object) -> Decimal:
    """A share of one: 0.006, "0.6%" and "60bps" are the same. Raises PydanticCustomError."""
    match = _FRACTION.fullmatch(_text(given))
    if match is None:
        raise wrong("is no fraction", _FRACTION_RIGHT)
    return Decimal(match[1]) / _FRACTION_SCALE[match[2]]


def parse_duration(given: object) -> int:
    """Milliseconds of "500ms", "1s", "2m", "1h" or a plain number of seconds. Raises PydanticCustomError."""
    match = _DURATION.fullmatch(_text(given))
    if match is None:
        raise wrong("is no duration", _DURATION_RIGHT)
    milliseconds = Decimal(match[1]) * _DURATION_MS[match[2]]
    if milliseconds != int(milliseconds):
        raise wrong("is finer than a millisecond", _DURATION_RIGHT)
    return int(milliseconds)


def percent_text(fraction: Decimal) -> str:
    """A fraction for people: in bps below 1%, in percent from there on."""
    scale, unit = (10000, "bps") if abs(fraction) < Decimal("0.01") else (100, "%")
    return f"{(fraction * scale).normalize():f}{unit}"


def duration_text(milliseconds: int) -> str:
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def fraction_between(low: Decimal, high: Decimal, *, low_included: bool, high_included: bool) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        above = value >= low if low_included else value > low
        below = value <= high if high_included else value < high
        if not (above and below):
            lower = "from" if low_included else "above"
            upper = "up to" if high_included else "and below"
            right = f"a fraction {lower} {_plain(low)} {upper} {_plain(high)}, such as 0.006, 0.6% or 60bps"
            raise wrong("is out of bounds", right)
        return value

    return AfterValidator(check)


def duration_between(low_ms: int, high_ms: int) -> AfterValidator:
    def check(value: int) -> int:
        if not low_ms <= value <= high_ms:
            right = f"a duration from {duration_text(low_ms)} to {duration_text(high_ms)}"
            raise wrong("is out of bounds", right)
        return value

    return AfterValidator(check)


def _text(given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        return ""
    return str(given).strip()


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _unit_schema(name: str, units: str, minimum: int, examples: list[str | float]) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "title": name,
            "anyOf": [
                {"type": "number", "minimum": minimum},
                {"type": "string", "pattern": rf"^[0-9]+(\.[0-9]+)? ?({units})?$"},
            ],
            "examples": examples,
        }
    )


def _reader(parse: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(parse)


Fraction = Annotated[
    Decimal, _reader(parse_fraction), _unit_schema("Fraction", "%|bps|bp", 0, [0.006, "0.6%", "60bps"])
]
"""Decimal share of one."""

Duration = Annotated[int, _reader(parse_duration), _unit_schema("Duration", "ms|s|m|h", 0, ["500ms", "1s", "2m", 1])]
"""Whole milliseconds. Caution in Python: a plain number given to it is seconds, as in the file."""

Spread = Annotated[Fraction, fraction_between(Decimal(0), Decimal(1), low_included=False, high_included=False)]
"""A distance from mid: above 0, below 1."""

Share = Annotated[Fraction, fraction_between(Decimal(0), Decimal(1), low_included=False, high_included=True)]
"""A part of a whole: above 0, up to 1."""

Tolerance = Annotated[Fraction, fraction_between(Decimal(0), Decimal(1), low_included=True, high_included=False)]
"""A deviation that is let pass: from 0, below 1."""
