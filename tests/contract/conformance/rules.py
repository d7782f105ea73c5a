"""What must hold within an answer, at every venue and whatever its figures are.

Owns: those rules. Must not know: shapes, rows, how an answer was come by.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

_CENT = Decimal("0.01")


def bracket_faults(body: Any) -> list[str]:
    """Brackets follow one another without a gap; the larger the position, the less leverage and the more maintenance.

    `cum` makes maintenance continuous where one bracket ends and the next begins (docs: Notional and Leverage
    Brackets).
    """
    brackets: list[dict[str, Any]] = body["brackets"]
    found: list[str] = []

    def expect(holds: bool, told: str, bracket: dict[str, Any]) -> None:
        if not holds:
            found.append(f"bracket {bracket['bracket']}: {told}: {bracket}")

    first = brackets[0]
    expect(first["bracket"] == 1, "the first should have the number 1", first)
    expect(first["notionalFloor"] == 0, "the first should begin at 0", first)
    expect(first["cum"] == 0, "the first should take nothing off", first)
    for each in brackets:
        expect(each["notionalFloor"] < each["notionalCap"], "should begin below its cap", each)
        expect(each["initialLeverage"] >= 1, "should allow leverage", each)
        expect(
            0 < _exact(each, "maintMarginRatio") * each["initialLeverage"] < 1,
            "maintenance should be less than what a position of the highest leverage is opened with",
            each,
        )
    for before, each in pairwise(brackets):
        expect(each["bracket"] == before["bracket"] + 1, "should be one further than the one before", each)
        expect(each["notionalFloor"] == before["notionalCap"], "should begin where the one before ends", each)
        expect(each["initialLeverage"] < before["initialLeverage"], "should allow less leverage", each)
        expect(each["maintMarginRatio"] > before["maintMarginRatio"], "should take more maintenance", each)
        steps = _exact(each, "maintMarginRatio") - _exact(before, "maintMarginRatio")
        cum = _exact(before, "cum") + _exact(each, "notionalFloor") * steps
        expect(abs(_exact(each, "cum") - cum) < _CENT, f"cum should be {cum}", each)
    return found


def _exact(bracket: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(bracket[name]))
