"""How the utilities print: tables for people, JSON for pipes.

Owns: the two ways to stdout. Must not know: what is printed. Decimals go into JSON as texts with all their digits, as
the exchange writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import click
import msgspec
from rich.console import Console
from rich.text import Text

from exchange.model import Side
from fleet.views.text import BAD, GOOD, Align, Column, rows

as_json = click.option("--json", "json_output", is_flag=True, help="JSON instead of a table.")

Cell = str | Text
Titles = Sequence[tuple[str, Align]]


def print_json(value: object) -> None:
    """One document on one line."""
    click.echo(msgspec.json.encode(_exact(value)))


def _exact(value: object) -> object:
    """Left to the encoder, a small Decimal would be written with an exponent."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_exact(each) for each in cast("list[object]", value)]
    return value


def print_table(titles: Titles, lines: Sequence[Sequence[Cell]], gap: int = 2) -> None:
    print_lines(table(titles, lines, gap))


def table(titles: Titles, lines: Sequence[Sequence[Cell]], gap: int = 2) -> list[Text]:
    columns = [
        Column(title, [_text(line[place]) for line in lines], align) for place, (title, align) in enumerate(titles)
    ]
    drawn = rows(columns, gap)
    for line in drawn:
        line.rstrip()
    return drawn


def print_lines(lines: Sequence[Text]) -> None:
    console = Console(highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def side_text(side: Side) -> Text:
    return Text(side.lower(), GOOD if side is Side.BUY else BAD)


def utc(ms: int, *, date: bool = True) -> str:
    """2026-01-31 09:26:53.123, or the time alone."""
    if not ms:
        return "-"
    text = f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}.{ms % 1000:03}"
    return text if date else text.partition(" ")[2]
