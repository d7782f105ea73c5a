"""The way to a run's venue: it is opened, and asked for what the fleet file is held against.

Owns: how long a venue that is away is waited for, what is said meanwhile, and what a stop makes of all this. Must not
know: fleets.
"""

from __future__ import annotations

import math
from contextlib import AsyncExitStack

import anyio

from exchange.clock import Clock
from exchange.errors import VenueError
from fleet.cli.main import Failure
from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig
from fleet.config.venue_check import VenueFacts
from fleet.runtime.journal import Journal
from fleet.runtime.supervisor import OUTAGES
from fleet.runtime.venue import Venue
from fleet.wiring.client import telling
from fleet.wiring.facts import collateral_of, facts_of
from fleet.wiring.venue import open_fleet_venue

OPENING_S = 12.0
"""How long a venue that is away at the start is waited for."""
_PAUSE_S = 1.0

STOPPING_S = 5.0
"""How long a venue that is being opened may take yet once the run is told to stop."""


class Opening:
    """`scope`: all that the venue is opened for; cancelled when told to stop and there will be no venue."""

    def __init__(
        self,
        config: FleetConfig,
        credentials: Credentials | None,
        clock: Clock,
        journal: Journal,
        scope: anyio.CancelScope,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._clock = clock
        self._journal = journal
        self._scope = scope
        self._asking = anyio.CancelScope()
        self._is_open = False
        self._is_away = False
        """Since it was tried last."""
        self._is_stopped = False

    def stop(self) -> None:
        """What an earlier run left is to be looked at all the same, where that is near. A paper exchange of our own
        begins with us."""
        if self._is_stopped:
            return
        self._is_stopped = True
        if self._config.venue == "paper" or self._is_away:
            self._scope.cancel()
            return
        self._journal.info("told to stop: looks first at what an earlier run may have left open")
        self._asking.cancel()
        if not self._is_open:
            self._scope.deadline = anyio.current_time() + STOPPING_S

    async def run(self, opened: AsyncExitStack) -> tuple[Venue, VenueFacts | None]:
        """The venue, kept open by `opened`, and what the file is held against: None when told to stop. Raises Failure
        when the venue stays away, and at once the VenueError that trying again cannot help."""
        name = self._config.venue_name
        until_s = anyio.current_time() + OPENING_S
        while True:
            # Not raised inside: the venue's own task group would wrap it.
            failure: VenueError
            self._is_away = False
            async with AsyncExitStack() as attempt:
                try:
                    venue = await attempt.enter_async_context(
                        open_fleet_venue(self._config, self._credentials, self._clock, self._journal.info)
                    )
                    facts = await self._ask(venue)
                except VenueError as error:
                    failure = error
                else:
                    await opened.enter_async_context(attempt.pop_all())
                    return venue, facts
            self._is_open, self._is_away = False, True
            if not isinstance(failure, OUTAGES):
                raise failure
            if self._is_stopped:
                self._scope.cancel()
            elif anyio.current_time() >= until_s:
                raise Failure(f"error: {name} stays out of reach, nothing was sent: {failure}")
            else:
                self._journal.warning(f"{name} is out of reach, trying again: {failure}")
            await anyio.sleep(_PAUSE_S)

    async def _ask(self, venue: Venue) -> VenueFacts | None:
        """None when told to stop. Raises VenueError."""
        self._is_open = True
        self._scope.deadline = math.inf
        if self._is_stopped:
            return None
        with anyio.CancelScope() as self._asking:
            return await telling(venue.gate, lambda: self._facts(venue), self._journal.info)
        return None

    async def _facts(self, venue: Venue) -> VenueFacts:
        return await facts_of(venue, await collateral_of(venue, self._config.symbols))
