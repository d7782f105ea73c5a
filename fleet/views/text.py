"""Numbers and times as people read them, and columns that stay in line.

Owns: formats and the laying out of columns. Must not know: a fleet. Pure: text in, rich Text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from rich.cells import cell_len
from rich.text import Text

GOOD, BAD, QUIET, WARN = "green", "red", "dim", "yellow"

Align = Literal["left", "right", "point"]
"""point: decimal points stand under each other."""


def money(value: Decimal, places: int = 2, *, sign: bool = False) -> str:
    """Thousands in groups. A value that rounds to nothing has no sign."""
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    if not rounded:
        rounded = abs(rounded)
    return f"{rounded:{'+' if sign and rounded else ''},f}"


def fixed(value: Decimal, places: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}"


def decimals(value: Decimal, most: int = 8) -> int:
    """How many decimals a number needs."""
    exponent = value.normalize().as_tuple().exponent
    return min(most, max(0, -exponent)) if isinstance(exponent, int) else 0


def plain(value: Decimal, *, sign: bool = False) -> str:
    """All digits, without trailing zeros."""
    return f"{value:{'+' if sign and value else ''}.{decimals(value)}f}"


def duration(ms: int) -> str:
    """The two largest units: 870ms, 12s, 4m 09s, 3h 05m, 2d 11h."""
    seconds = max(0, ms) // 1000
    if seconds < 1:
        return f"{max(0, ms)}ms"
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86_400:
        return f"{seconds // 3600}h {seconds // 60 % 60:02}m"
    return f"{seconds // 86_400}d {seconds // 3600 % 24:02}h"


def short(number: float) -> str:
    """In three places: 0.4, 7.2, 31, 999 at most."""
    return f"{number:.1f}" if number < 9.95 else f"{min(number, 999):.0f}"


def utc_time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def by_sign(value: Decimal) -> str:
    return GOOD if value > 0 else BAD if value < 0 else QUIET


def amount(value: Decimal, places: int = 2) -> Text:
    """Signed money, coloured by its sign as shown: what rounds to nothing is no gain."""
    return Text(money(value, places, sign=True), by_sign(value.quantize(Decimal(1).scaleb(-places))))


def dotted(parts: Sequence[Text]) -> Text:
    """Parts with quiet dots between them; each keeps its own style."""
    line = Text()
    for part in parts:
        if line:
            line.append(" · ", QUIET)
        line.append_text(part)
    return line


def in_a_line(parts: Sequence[Text], width: int) -> Text:
    """As many of the parts as there is room for; the first in any case."""
    gap = 3 if width > 100 else 2
    line = parts[0]
    for part in parts[1:]:
        if line.cell_len + gap + part.cell_len > width:
            break
        line = Text.assemble(line, " " * gap, part)
    return line


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    cells: Sequence[Text]
    align: Align = "left"

    def drawn(self, align: Align | None = None) -> list[Text]:
        """The title and the cells, all of one width."""
        how = align or self.align
        cells = _pointed(self.cells) if how == "point" else list(self.cells)
        title = Text(self.title, QUIET)
        width = max(cell_len(text.plain) for text in (title, *cells))
        return [_padded(text, width, "left" if how == "left" else "right") for text in (title, *cells)]


def rows(columns: Sequence[Column], gap: int, *, pointed: bool = True) -> list[Text]:
    """Columns side by side as lines, the titles first; without `pointed` decimal points give way to width."""
    drawn = [column.drawn(None if pointed or column.align != "point" else "right") for column in columns]
    space = Text(" " * gap)
    return [space.join(line) for line in zip(*drawn, strict=True)]


def _padded(text: Text, width: int, align: Literal["left", "right"]) -> Text:
    space = " " * (width - cell_len(text.plain))
    return Text.assemble(text, space) if align == "left" else Text.assemble(space, text)


def _pointed(cells: Sequence[Text]) -> list[Text]:
    tails = [_tail(cell.plain) for cell in cells]
    longest = max(tails, default=0)
    return [Text.assemble(cell, " " * (longest - tail)) for cell, tail in zip(cells, tails, strict=True)]


def _tail(text: str) -> int:
    _, point, after = text.partition(".")
    return len(point + after)
