"""Words for people, wherever in the fleet they are said: numbers agree with what they count, a text is on one line.

Pure, and knows nothing of the fleet.
"""

from __future__ import annotations


def many(count: int, one: str, more: str = "") -> str:
    """1 order, 2 orders; `more` where an s is not all that it takes."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def one_line(text: str) -> str:
    """Blanks and ends of lines become one blank each."""
    return " ".join(text.split())
