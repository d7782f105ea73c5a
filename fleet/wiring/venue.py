"""The venue that a fleet file names, open for a fleet.

Owns: whether it is another's, or a paper exchange of our own. Must not know: what trades on it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from exchange.clock import Clock
from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig
from fleet.runtime.venue import Venue
from fleet.wiring.client import address_of, open_venue
from fleet.wiring.paper import open_feed, paper_venue, run_paper


@asynccontextmanager
async def open_fleet_venue(
    config: FleetConfig, credentials: Credentials | None, clock: Clock, tell: Callable[[str], None]
) -> AsyncGenerator[Venue]:
    """The venue that a fleet file names; paper is run here, on loopback. `tell` hears why it takes long. Raises
    VenueError, RecordingError."""
    safety = config.budget.safety
    if config.venue == "paper":
        # A clock of its own: the fleet's follows what the venue tells it, right or wrong.
        venue_clock, symbols = Clock(clock.now_us()), list(config.symbols)
        async with open_feed(config.paper.feed, symbols, venue_clock) as feed:
            paper = paper_venue(config.paper, symbols, venue_clock, feed)
            async with (
                run_paper(paper, venue_clock, feed=feed, faults=config.paper.faults) as running,
                open_venue(running.address, running.credentials, clock, safety=safety) as venue,
            ):
                yield venue
    else:
        async with open_venue(address_of(config.venue), credentials, clock, safety=safety, tell=tell) as venue:
            yield venue
