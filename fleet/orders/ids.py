"""Client order ids: deterministic, and they say whose they are: fleet, symbol, run, sequence.

Must fit `^[\\.A-Z\\:/a-z0-9_-]{1,36}$` (docs: New Order). An order whose id is not ours is never touched.
"""

from __future__ import annotations

import re
import zlib

_OURS = re.compile(r"([a-z0-9_.-]{1,12}):[A-Za-z0-9]+:[a-z0-9]+:[a-z0-9]+")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if number == 0:
            return text


def is_ours(fleet: str, client_id: str) -> bool:
    return client_id.startswith(f"{fleet}:")


def fleet_of(client_id: str) -> str | None:
    """The fleet that made an id of this form; None for any other id."""
    match = _OURS.fullmatch(client_id)
    return match[1] if match else None


class ClientIds:
    """Counts up for one symbol of one run; `run` is the run's start in seconds, so a later run never repeats an id."""

    def __init__(self, fleet: str, symbol: str, started_s: int) -> None:
        name = re.sub("[^A-Z0-9]", "", symbol)
        if name != symbol or len(name) > 10:
            # Some real symbols are not ASCII, and two of them must not share an id.
            name = f"{name[:5]}{base36(zlib.crc32(symbol.encode()))[:5]}"
        self._fleet = fleet
        self._prefix = f"{fleet}:{name}:{base36(started_s)}:"
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{base36(self._count)}"

    def are_of(self, client_id: str) -> bool:
        """Whether the order is of this fleet, whichever run placed it."""
        return is_ours(self._fleet, client_id)
