"""Client order ids: they say whose they are: fleet, symbol, run, number.

Must fit `^[\\.A-Z\\:/a-z0-9_-]{1,36}$` (docs: New Order): at most 12 characters for the fleet, 10 for the run, 5 for
the number, 3 between them, and what is left for the symbol. An order whose id is not ours is never touched.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from random import Random, SystemRandom

_OURS = re.compile(r"([a-z0-9_.-]{1,12}):([A-Za-z0-9]+):([a-z0-9]+):([a-z0-9]+)")
_BY_OWNER = re.compile(r"([a-z0-9_.-]{1,12}):[A-Za-z0-9]+:\.[a-z0-9]+:[a-z0-9]+")
"""Not placed by a run of the fleet, but beside it on its owner's word: who sees such an order has not been replaced."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

_CHANCES = 36**2
"""Of runs that begin in the same millisecond."""

_MOST_OF_SYMBOL = 10
_MOST_OF_BOTH = 18
"""Of fleet and symbol together: 36 without run, number and what stands between. A fleet's own share is 12 at most."""


def base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if number == 0:
            return text


def is_ours(fleet: str, client_id: str) -> bool:
    return client_id.startswith(f"{fleet}:")


def is_by_owner(client_id: str) -> bool:
    """Whether it was placed beside the fleet's runs, on its owner's word."""
    return _BY_OWNER.fullmatch(client_id) is not None


def fleet_of(client_id: str) -> str | None:
    """The fleet that made an id of this form; None for any other id."""
    match = _OURS.fullmatch(client_id) or _BY_OWNER.fullmatch(client_id)
    return match[1] if match else None


class Run:
    """One life of a fleet, known by the millisecond of its start and two digits of chance, so that none repeats
    another's ids. What earlier versions were known by, the second of their start, is a smaller number, and earlier.

    Of two that trade under one name at the same time the later one is right: the earlier has been replaced, or was
    forgotten somewhere. It leaves the later one's orders alone.
    """

    def __init__(self, fleet: str, number: int, chance: Random | None = None) -> None:
        self.fleet = fleet
        self.number = number
        self._chance = chance or SystemRandom()
        self._made: dict[str, int] = {}

    @classmethod
    def beginning(cls, fleet: str, now_ms: int, chance: Random | None = None) -> Run:
        run = cls(fleet, 0, chance)
        run.begin_anew(now_ms)
        return run

    @classmethod
    def last(cls, fleet: str) -> Run:
        """Later than any: all orders of the fleet are its own. For who ends the fleet, and places none."""
        return cls(fleet, 36**12)

    def owns(self, client_id: str) -> bool:
        """Whether an order is this run's, or was left by an earlier one."""
        return is_ours(self.fleet, client_id) and not self.is_newer(client_id)

    def is_newer(self, client_id: str) -> bool:
        """Whether a later run of the fleet placed it: then there are two runners."""
        match = self._match(client_id)
        return match is not None and int(match[3], 36) > self.number

    def is_later_than(self, client_id: str) -> bool:
        """Whether an earlier run of the fleet placed it: one that has ended, or has yet to hear of this one."""
        match = self._match(client_id)
        return match is not None and int(match[3], 36) < self.number

    def is_repeated_by(self, client_id: str) -> bool:
        """Whether it is of this run's number, and not made here: then there are two runners, and none is later."""
        match = self._match(client_id)
        if match is None or int(match[3], 36) != self.number:
            return False
        return int(match[4], 36) > self._made.get(match[2], 0)

    def begin_anew(self, now_ms: int) -> None:
        """Makes this run later than it was; if another that shared its number does so too, by other digits."""
        self.number = max(now_ms, self.number // _CHANCES + 1) * _CHANCES + self._chance.randrange(_CHANCES)

    def begin_after(self, client_ids: Iterable[str]) -> None:
        """Makes this run later than those whose orders are found at its start, whatever the clocks say."""
        latest = max((int(match[3], 36) for each in client_ids if (match := self._match(each))), default=0)
        if latest >= self.number:
            # The digits of chance stay: two that begin at once may find the same.
            self.number = (latest // _CHANCES + 1) * _CHANCES + self.number % _CHANCES

    def next(self, name: str) -> str:
        """`name`: the symbol's, as it stands in an id."""
        made = self._made[name] = self._made.get(name, 0) + 1
        return f"{self.fleet}:{name}:{base36(self.number)}:{base36(made)}"

    def _match(self, client_id: str) -> re.Match[str] | None:
        match = _OURS.fullmatch(client_id)
        return match if match and match[1] == self.fleet else None


def owners_ids(fleet: str, symbol: str, now_ms: int) -> Iterator[str]:
    """For orders that close a fleet's position and are placed by no run of it; `now_ms` tells two such words apart."""
    prefix = f"{fleet}:{_short(fleet, symbol)}:.{base36(now_ms)}:"
    return (f"{prefix}{base36(number)}" for number in count(1))


def _short(fleet: str, symbol: str) -> str:
    most = min(_MOST_OF_SYMBOL, _MOST_OF_BOTH - len(fleet))
    name = re.sub("[^A-Z0-9]", "", symbol)
    if name != symbol or len(name) > most:
        # Some real symbols are not ASCII, and two of them must not share an id.
        name = f"{name[: most - 5]}{base36(zlib.crc32(symbol.encode()))[:5]}"
    return name


class ClientIds:
    """Those of one symbol of a run."""

    def __init__(self, run: Run, symbol: str) -> None:
        self.run = run
        self._name = _short(run.fleet, symbol)

    def next(self) -> str:
        """Each is a new one, also to who asks later for the same symbol of the same run."""
        return self.run.next(self._name)

    def are_of(self, client_id: str) -> bool:
        """Whether the order is of this fleet, and no later run placed it, nor its owner."""
        return self.run.owns(client_id) and not _BY_OWNER.fullmatch(client_id)
