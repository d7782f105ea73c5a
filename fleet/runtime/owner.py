"""What an owner may tell a running fleet from another terminal: kill, flatten, resume.

Owns: what each of them does, and that it is confirmed by the exchange before it is called done. Must not know: HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import anyio

from exchange.errors import VenueError
from fleet.runtime.clearing import clear
from fleet.runtime.flatten import Closed, close_all
from fleet.runtime.fleet import Fleet
from fleet.runtime.slot import Slot

CLEARED_WITHIN_S = 25.0
"""Long enough for the fate of an order to be known whose answer never came (fleet.orders.lifecycle)."""

LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Done:
    """`problems`: what could not be done, `notes`: what else should be known; for people."""

    symbols: tuple[str, ...]
    cancelled: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class NoSuchSymbol(Exception):
    pass


class Owner:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def kill(self, symbol: str | None) -> Done:
        """No order of the symbol (None: of any) stands until it is resumed."""
        slots = self._slots(symbol)
        problems = self._mark(symbol, slots)
        cancelled = sum(len(slot.live_orders()) for slot in slots)
        try:
            with anyio.fail_after(CLEARED_WITHIN_S):
                await self._until_none_is_left(symbol, slots)
        except (VenueError, TimeoutError) as error:
            problems.append(f"not every order is known to be cancelled yet: {str(error) or 'no answer in time'}")
        return Done(tuple(slot.config.symbol for slot in slots), cancelled, tuple(problems))

    async def flatten(self, symbol: str | None, slippage: Decimal) -> Done:
        """The same, and the position is closed at once."""
        done = await self.kill(symbol)
        closed = await close_all(self._fleet.venue, self._slots(symbol), slippage)
        return Done(done.symbols, done.cancelled, (*done.problems, *told(closed)))

    async def resume(self, symbol: str | None) -> Done:
        """Quotes again. Of the whole fleet: a loss limit that was hit begins anew too."""
        slots = self._slots(symbol)
        fleet, problems = self._fleet, list[str]()
        try:
            fleet.kill.resume(symbol, tuple(fleet.slots))
        except OSError as error:
            problems.append(f"the kill file could not be changed: {(error.strerror or str(error)).lower()}")
        if symbol is None:
            fleet.risk.loss.resume(fleet.venue.clock.now_ms())
        fleet.journal.info("resumed by its owner", symbol)
        for slot in slots:
            slot.mailbox.wake()
        return Done(tuple(slot.config.symbol for slot in slots), 0, tuple(problems))

    async def _until_none_is_left(self, symbol: str | None, slots: list[Slot]) -> None:
        """The workers cancel at once, by themselves; here it is seen to be so. Not before all that was on its way when
        they were told has arrived, and the fate of every order is known: one may come to rest after the first look."""
        fleet, venue = self._fleet, self._fleet.venue
        assert fleet.sender is not None
        await clear(fleet.run_id, venue.trading, venue.gate, symbol)
        is_clear = False
        while not is_clear:
            await fleet.sender.quiet(symbol)
            while any(slot.live_orders() for slot in slots):
                await anyio.sleep(LOOK_EVERY_S)
                await fleet.sender.quiet(symbol)
            is_clear = not await clear(fleet.run_id, venue.trading, venue.gate, symbol)

    def _mark(self, symbol: str | None, slots: list[Slot]) -> list[str]:
        problems: list[str] = []
        try:
            self._fleet.kill.kill(symbol, "killed by its owner")
        except OSError as error:
            problems.append(f"killed until this process ends only: {(error.strerror or str(error)).lower()}")
        for slot in slots:
            slot.mailbox.wake()
        return problems

    def _slots(self, symbol: str | None) -> list[Slot]:
        if symbol is None:
            return list(self._fleet.slots.values())
        if symbol not in self._fleet.slots:
            raise NoSuchSymbol(f"{symbol} is not in the fleet; it trades {', '.join(self._fleet.slots)}")
        return [self._fleet.slots[symbol]]


def told(closed: Iterable[Closed]) -> list[str]:
    return [each.words for each in closed if each.words]
