"""A fleet's orders and positions dealt with at the exchange, by a process that is not the fleet's.

Owns: for how long it looks again, and what else is the exchange's to end. Must not know: what the fleet itself
believes; foreign orders are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import anyio

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, Rejected, VenueError
from exchange.model import Order
from exchange.ports import Cost, RequestClass
from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig
from fleet.orders.ids import Run, owners_ids
from fleet.runtime.clearing import clear
from fleet.runtime.flatten import Holding, close
from fleet.runtime.owner import Done, told
from fleet.runtime.venue import Venue
from fleet.scheduling.heartbeats import HEARTBEAT_WEIGHT
from fleet.wiring.client import address_of, open_venue

SETTLE_S = 2.0
"""Looked at again so much later: a request of the fleet's may have been on its way."""

CLEARED_WITHIN_S = 60.0
COUNTDOWNS_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Errand:
    """`symbol` None: all that the fleet has orders in, and `symbols`. With `slippage` positions are closed too."""

    fleet: str
    config: FleetConfig
    credentials: Credentials | None
    symbol: str | None
    symbols: tuple[str, ...]
    slippage: Decimal | None
    is_gone: bool
    """Surely, so that nobody needs the exchange's countdowns any more."""


async def directly(errand: Errand) -> Done:
    """Raises VenueError."""
    # Not raised inside: the venue's own task group would wrap it.
    failure: VenueError | None = None
    done = Done(errand.symbols)
    address = address_of(errand.config.venue)
    async with open_venue(address, errand.credentials, Clock(time.time_ns() // 1000)) as venue:
        try:
            done = await carry_out(errand, venue)
        except (Banned, BadCredentials) as error:
            failure = error
    if failure is not None:
        raise failure
    return done


async def carry_out(errand: Errand, venue: Venue) -> Done:
    """Raises Banned and BadCredentials."""
    # Symbols that are in the file no more may be traded by the fleet all the same: its orders tell of them.
    symbols, cancelled, problems = dict.fromkeys(errand.symbols), 0, list[str]()

    def see(orders: Sequence[Order]) -> None:
        symbols.update(dict.fromkeys(order.symbol for order in orders))

    with anyio.move_on_after(CLEARED_WITHIN_S) as scope:
        run = Run.last(errand.fleet)
        cancelled = await clear(run, venue.trading, venue.gate, errand.symbol, seen=see)
        is_clear = False
        while not is_clear:
            await anyio.sleep(SETTLE_S)
            more = await clear(run, venue.trading, venue.gate, errand.symbol, seen=see)
            cancelled, is_clear = cancelled + more, not more
    if scope.cancelled_caught:
        problems.append(f"not every order could be cancelled within {CLEARED_WITHIN_S:.0f} s: say it again")
    if errand.slippage is not None:
        problems += told(await close(venue, _holdings(errand.fleet, venue, symbols), errand.slippage))
    notes = [] if scope.cancelled_caught else await _end_countdowns(errand, venue, symbols)
    return Done(tuple(symbols), cancelled, tuple(problems), tuple(notes))


def _holdings(fleet: str, venue: Venue, symbols: Iterable[str]) -> list[Holding]:
    now_ms, known = venue.clock.now_ms(), venue.info.instruments
    return [Holding(known[each], partial(next, owners_ids(fleet, each, now_ms))) for each in symbols if each in known]


async def _end_countdowns(errand: Errand, venue: Venue, symbols: Iterable[str]) -> list[str]:
    """What the dead fleet left running would cancel what its owner places next. A fleet that hangs may need them."""
    if errand.config.dead_man is None:
        return []
    running = {symbol: None for symbol in symbols if symbol in venue.info.instruments}

    async def end(symbol: str) -> None:
        try:
            # Among the new quotes: what is kept for cancels must not go there.
            ticket = await venue.gate.admit(RequestClass.QUOTE, Cost(HEARTBEAT_WEIGHT), symbol)
            await venue.trading.countdown_cancel_all(symbol, 0, ticket)
        except Rejected:
            # An exchange that knows of no countdown.
            pass
        except VenueError:
            return
        del running[symbol]

    if errand.is_gone:
        with anyio.move_on_after(COUNTDOWNS_WITHIN_S):
            async with anyio.create_task_group() as tasks:
                for symbol in list(running):
                    tasks.start_soon(end, symbol)
    if not running:
        return []
    which = ", ".join(running)
    return [f"the exchange's countdown may still run out, and cancel whatever is placed meanwhile in {which}"]
