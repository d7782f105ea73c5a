"""Client order ids: deterministic, and they say whose they are: fleet, symbol, run, sequence.

Must fit `^[\\.A-Z\\:/a-z0-9_-]{1,36}$` (docs: New Order). An order whose id is not ours is never touched.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import count

_OURS = re.compile(r"([a-z0-9_.-]{1,12}):[A-Za-z0-9]+:([a-z0-9]+):[a-z0-9]+")
_BY_OWNER = re.compile(r"([a-z0-9_.-]{1,12}):[A-Za-z0-9]+:\.[a-z0-9]+:[a-z0-9]+")
"""Not placed by a run of the fleet, but beside it on its owner's word: who sees such an order has not been replaced."""
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
    match = _OURS.fullmatch(client_id) or _BY_OWNER.fullmatch(client_id)
    return match[1] if match else None


class Run:
    """One life of a fleet, known by its start in seconds, so that a later run never repeats an id.

    Of two that trade under one name at the same time the later one is right: the earlier has been replaced, or was
    forgotten somewhere. It leaves the later one's orders alone.
    """

    def __init__(self, fleet: str, started_s: int) -> None:
        self.fleet = fleet
        self.started_s = started_s

    @classmethod
    def last(cls, fleet: str) -> Run:
        """Later than any: all orders of the fleet are its own. For who ends the fleet, and places none."""
        return cls(fleet, 36**12)

    def owns(self, client_id: str) -> bool:
        """Whether an order is this run's, or was left by an earlier one."""
        return is_ours(self.fleet, client_id) and not self.is_newer(client_id)

    def is_newer(self, client_id: str) -> bool:
        """Whether a later run of the fleet placed it: then there are two runners."""
        started_s = self._started_s(client_id)
        return started_s is not None and started_s > self.started_s

    def begin_after(self, client_ids: Iterable[str]) -> None:
        """Makes this run later than those whose orders are found at its start, whatever the clocks say."""
        runs = [started_s for each in client_ids if (started_s := self._started_s(each)) is not None]
        self.started_s = max([self.started_s, *(started_s + 1 for started_s in runs)])

    def _started_s(self, client_id: str) -> int | None:
        match = _OURS.fullmatch(client_id)
        return int(match[2], 36) if match and match[1] == self.fleet else None


def owners_ids(fleet: str, symbol: str, now_ms: int) -> Iterator[str]:
    """For orders that close a fleet's position and are placed by no run of it; `now_ms` tells two such words apart."""
    prefix = f"{fleet}:{_short(symbol)}:.{base36(now_ms)}:"
    return (f"{prefix}{base36(number)}" for number in count(1))


def _short(symbol: str) -> str:
    name = re.sub("[^A-Z0-9]", "", symbol)
    if name != symbol or len(name) > 10:
        # Some real symbols are not ASCII, and two of them must not share an id.
        name = f"{name[:5]}{base36(zlib.crc32(symbol.encode()))[:5]}"
    return name


class ClientIds:
    """Counts up for one symbol of one run."""

    def __init__(self, run: Run, symbol: str) -> None:
        self.run = run
        self._prefix = f"{run.fleet}:{_short(symbol)}:{base36(run.started_s)}:"
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{base36(self._count)}"

    def are_of(self, client_id: str) -> bool:
        """Whether the order is of this fleet, and no later run placed it, nor its owner."""
        return self.run.owns(client_id) and not _BY_OWNER.fullmatch(client_id)
