"""Numbers read the same everywhere, and their columns stay in line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from fleet.views.text import Align, Column, amount, decimals, duration, money, plain, rows
from fleet.words import many, one_line


@pytest.mark.parametrize(
    ("value", "places", "sign", "text"),
    [
        ("10019.123", 2, False, "10,019.12"),
        ("0", 2, True, "0.00"),
        ("0.004", 2, True, "0.00"),
        ("-0.004", 2, True, "0.00"),
        ("-0.006", 2, False, "-0.01"),
        ("12.3", 2, True, "+12.30"),
        ("1E+3", 0, False, "1,000"),
    ],
)
def test_money(value: str, places: int, sign: bool, text: str) -> None:
    assert money(Decimal(value), places, sign=sign) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("612.000", "+612"), ("-0.1280", "-0.128"), ("0", "0"), ("0E-8", "0"), ("1E+3", "+1000"), ("1E-8", "+0.00000001")],
)
def test_a_quantity_has_all_its_digits_and_no_more(value: str, text: str) -> None:
    assert plain(Decimal(value), sign=True) == text


@pytest.mark.parametrize(("value", "count"), [("1", 0), ("1.50", 1), ("1E+2", 0), ("0.00001", 5), ("NaN", 0)])
def test_decimals(value: str, count: int) -> None:
    assert decimals(Decimal(value)) == count


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0ms"),
        (870, "870ms"),
        (12_900, "12s"),
        (249_000, "4m 09s"),
        (11_100_000, "3h 05m"),
        (212_400_000, "2d 11h"),
    ],
)
def test_duration(ms: int, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("order",), "0 orders"),
        (1, ("order",), "1 order"),
        (2, ("open order",), "2 open orders"),
        (12_345, ("fill",), "12,345 fills"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_a_noun_agrees_with_its_number(count: int, words: tuple[str, ...], text: str) -> None:
    assert many(count, *words) == text


def test_a_text_is_brought_onto_one_line() -> None:
    assert one_line(" a\n  b\t c\r\n") == "a b c"


@pytest.mark.parametrize(("value", "style"), [("1", "green"), ("-1", "red"), ("0.001", "dim"), ("-0.001", "dim")])
def test_colour_follows_what_is_shown(value: str, style: str) -> None:
    assert amount(Decimal(value)).style == style


def test_decimal_points_stand_under_each_other() -> None:
    column = Column("PRICE", [Text("91844.05"), Text("0.67125"), Text("–"), Text("512")], "point")
    assert [line.plain for line in rows([column], gap=1)] == [
        "      PRICE",
        "91844.05   ",
        "    0.67125",
        "    –      ",
        "  512      ",
    ]


@given(
    cells=st.lists(st.decimals(-(10**6), 10**6, places=4), min_size=1, max_size=5),
    align=st.sampled_from(("left", "right", "point")),
    pointed=st.booleans(),
)
def test_all_lines_are_of_one_width(cells: list[Decimal], align: Align, pointed: bool) -> None:
    column = Column("TITLE", [Text(plain(cell)) for cell in cells], align)
    assert len({line.cell_len for line in rows([column, column], gap=1, pointed=pointed)}) == 1
