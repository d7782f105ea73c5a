"""What is wrong with a configuration, said to a person: where, what, and what would be right.

Owns: the form of such a message and the one exception that carries them. Must not know: YAML, models, the venue.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from fleet.words import one_line

_LONG_TOKEN = re.compile(r"[0-9A-Za-z]{44,}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Line and column count from 1; line 0 stands for the file as a whole."""

    file: str
    line: int
    column: int
    what: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.what}: {self.right}" if self.right else f"{place}: {self.what}"


class ConfigError(Exception):
    """A configuration that cannot be used; `faults` holds all that was found, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def shown(given: object) -> str:
    """A value for a message: short, on one line, and hidden when it is long enough to be a key."""
    text = one_line(str(given))
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if not text:
        return "an empty text"
    if _LONG_TOKEN.search(text):
        return "(hidden)"
    return text if len(text) <= 40 else f"{text[:37]}..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; letter case is no difference."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(word.casefold()[:80], list(by_folded), n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or the list of what there is when nothing is near and the list is short."""
    candidates = list(known)
    near = nearest(word, candidates)
    if near is not None:
        return f"did you mean {near}?"
    return f"one of {', '.join(candidates)}" if len(candidates) <= 24 else "no known name is near it"
