"""A fleet's orders and positions dealt with at the exchange, by a process that is not the fleet's.

Owns: for how long it looks again. Must not know: what the fleet itself believes; foreign orders are never touched.
"""

from __future__ import annotations

import time
from decimal import Decimal

import anyio

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, VenueError
from fleet.config.credentials import Credentials
from fleet.config.models import VenueAddress
from fleet.orders.ids import ClientIds, Run
from fleet.runtime.clearing import clear
from fleet.runtime.flatten import Closed, flatten
from fleet.runtime.owner import Done, told
from fleet.runtime.venue import Venue
from fleet.wiring.client import address_of, open_venue

SETTLE_S = 2.0
"""Looked at again so much later: a request of the fleet's may have been on its way."""

CLEARED_WITHIN_S = 60.0


async def directly(
    fleet: str,
    address: str | VenueAddress,
    credentials: Credentials | None,
    symbol: str | None,
    symbols: tuple[str, ...],
    slippage: Decimal | None,
) -> Done:
    """Cancels the fleet's orders, of one symbol or of all that there are; with `slippage` closes the positions of
    `symbols` too. Raises VenueError."""
    cancelled, problems = 0, list[str]()
    # Not raised inside: the venue's own task group would wrap it.
    failure: VenueError | None = None
    async with open_venue(address_of(address), credentials, Clock(time.time_ns() // 1000)) as venue:
        try:
            with anyio.move_on_after(CLEARED_WITHIN_S) as scope:
                cancelled = await _until_none_is_left(fleet, venue, symbol)
            if scope.cancelled_caught:
                problems.append(f"not every order could be cancelled within {CLEARED_WITHIN_S:.0f} s: say it again")
            if slippage is not None:
                closed = [await _close(fleet, venue, each, slippage) for each in symbols]
                problems += told(closed)
        except (Banned, BadCredentials) as error:
            failure = error
    if failure is not None:
        raise failure
    return Done(symbols, cancelled, tuple(problems))


async def _until_none_is_left(fleet: str, venue: Venue, symbol: str | None) -> int:
    run = Run.last(fleet)
    cancelled = await clear(run, venue.trading, venue.gate, symbol)
    while True:
        await anyio.sleep(SETTLE_S)
        more = await clear(run, venue.trading, venue.gate, symbol)
        if not more:
            return cancelled
        cancelled += more


async def _close(fleet: str, venue: Venue, symbol: str, slippage: Decimal) -> Closed:
    instrument = venue.info.instruments.get(symbol)
    if instrument is None:
        return Closed(symbol, Decimal(0))
    ids = ClientIds(Run(fleet, venue.clock.now_ms() // 1000), symbol)
    return await flatten(instrument, venue.trading, venue.market_data, ids.next, slippage)
