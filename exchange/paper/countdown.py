"""Countdowns at whose end all orders of a symbol go (docs: Auto-Cancel All Open Orders).

Owns: which countdown runs for whom. Must not know: orders. The docs' check every 10 ms is done to the microsecond.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper.accounts import Account
from exchange.paper.listing import Listing
from exchange.paper.register import Key
from exchange.paper.timetable import Timetable

OnEnd = Callable[[Account, Listing, int], None]


class Countdowns:
    def __init__(self, timetable: Timetable, on_end: OnEnd) -> None:
        self._timetable = timetable
        self._on_end = on_end
        self._due_us: dict[Key, int] = {}
        self._next_look_us: dict[Key, int] = {}
        self.ended = 0
        """How many were not put off in time."""
        self.is_ending = False
        """While the orders go: what is cancelled now is cancelled by nobody's request."""

    def running(self, account: Account) -> list[str]:
        """The symbols that one runs for."""
        return [symbol for address, symbol in self._due_us if address == account.address]

    def ends_us(self, account: Account, symbol: str) -> int | None:
        """When the one that runs will end, unless it is put off."""
        return self._due_us.get((account.address, symbol))

    def start(self, account: Account, listing: Listing, ms: int, now_us: int) -> None:
        """In place of the one that runs; 0 ms ends it."""
        key = (account.address, listing.symbol)
        if not ms:
            self._due_us.pop(key, None)
            return
        due_us = self._due_us[key] = now_us + ms * 1000
        looking_us = self._next_look_us.get(key)
        # Heartbeats put the end off: the look that is under way then finds that it is not due, and looks again.
        if looking_us is None or due_us < looking_us:
            self._look_at(due_us, key, account, listing)

    def _look_at(self, at_us: int, key: Key, account: Account, listing: Listing) -> None:
        self._next_look_us[key] = at_us
        self._timetable.at(at_us, lambda now_us: self._look(key, account, listing, now_us))

    def _look(self, key: Key, account: Account, listing: Listing, now_us: int) -> None:
        if self._next_look_us.get(key) != now_us:
            return
        del self._next_look_us[key]
        due_us = self._due_us.get(key)
        if due_us is None:
            return
        if due_us > now_us:
            self._look_at(due_us, key, account, listing)
            return
        del self._due_us[key]
        self.ended += 1
        self.is_ending = True
        self._on_end(account, listing, now_us)
        self.is_ending = False
