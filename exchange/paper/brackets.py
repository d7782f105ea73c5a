"""Leverage brackets: how much leverage a position's size allows, and what it takes to maintain it.

Owns: the brackets of every symbol, and the arithmetic on them. Must not know: accounts, JSON.

The real exchange tells its brackets only to who signs with a key, so these are made up, by one rule; an owner may give
the real ones in the settings (`brackets_of` reads the answer of leverageBracket). The rule: a bracket's maintenance
margin is half the initial margin at its highest leverage, as it about is in the docs' example (leverage 75: 0.0065).
Symbols that exchangeInfo gives the lowest maintenance percentage have the steep ladder, which begins at leverage 125;
all others that which begins with the docs' bracket (75, up to a notional of 10,000).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchange.paper.instruments import is_established
from exchange.paper.money import CENT8, ZERO
from exchange.protocol.margin_payloads import BracketRow, LeverageBracketBody


@dataclass(frozen=True, slots=True)
class Bracket:
    """Notionals in (floor, cap]: the highest initial leverage, the maintenance ratio, and what `cum` takes off it."""

    number: int
    max_leverage: int
    floor: Decimal
    cap: Decimal
    ratio: Decimal
    cum: Decimal
    """Makes maintenance continuous: as if each part of the notional were charged its own bracket's ratio."""


Brackets = tuple[Bracket, ...]
"""By size, beginning at 0."""


def ladder(steps: Iterable[tuple[int, int, Decimal]]) -> Brackets:
    """Of (highest leverage, notional cap, maintenance ratio), smallest first."""
    brackets: list[Bracket] = []
    floor, ratio_before, cum = ZERO, ZERO, ZERO
    for number, (leverage, cap, ratio) in enumerate(steps, 1):
        cum += floor * (ratio - ratio_before)
        brackets.append(Bracket(number, leverage, floor, Decimal(cap), ratio, cum))
        floor, ratio_before = Decimal(cap), ratio
    return tuple(brackets)


def _half(leverage: int, cap: int) -> tuple[int, int, Decimal]:
    return (
        leverage,
        cap,
        Decimal("0.0065") if leverage == 75 else (Decimal("0.5") / leverage).quantize(Decimal("0.0001")),
    )


_STEEP = ladder(
    _half(leverage, cap)
    for leverage, cap in (
        (125, 50_000),
        (100, 500_000),
        (75, 2_000_000),
        (50, 10_000_000),
        (25, 30_000_000),
        (20, 50_000_000),
        (10, 100_000_000),
        (5, 200_000_000),
        (4, 300_000_000),
        (2, 400_000_000),
        (1, 500_000_000),
    )
)
_FLAT = ladder(
    _half(leverage, cap)
    for leverage, cap in (
        (75, 10_000),
        (50, 100_000),
        (25, 500_000),
        (20, 1_000_000),
        (10, 2_000_000),
        (5, 5_000_000),
        (4, 6_000_000),
        (2, 8_000_000),
        (1, 10_000_000),
    )
)


def default_brackets(symbol: str) -> Brackets:
    return _STEEP if is_established(symbol) else _FLAT


def brackets_of(answer: Iterable[LeverageBracketBody]) -> Mapping[str, Brackets]:
    """Real brackets for the settings, from the real exchange's answer to leverageBracket."""
    return {body.symbol: tuple(_bracket(row) for row in body.brackets) for body in answer}


def _bracket(row: BracketRow) -> Bracket:
    exact = (Decimal(str(number)) for number in (row.notional_floor, row.notional_cap, row.maint_margin_ratio, row.cum))
    return Bracket(row.bracket, row.initial_leverage, *exact)


def bracket_at(brackets: Brackets, notional: Decimal) -> Bracket:
    """That of a notional's size; beyond the last cap the last."""
    for bracket in brackets:
        if notional <= bracket.cap:
            return bracket
    return brackets[-1]


def maintenance(brackets: Brackets, notional: Decimal) -> Decimal:
    bracket = bracket_at(brackets, notional)
    return (notional * bracket.ratio - bracket.cum).quantize(CENT8)


def max_notional(brackets: Brackets, leverage: int) -> Decimal:
    """The largest position that a leverage allows; 0 when it is above every bracket's."""
    return max((bracket.cap for bracket in brackets if bracket.max_leverage >= leverage), default=ZERO)
