"""What is learnt from the venue again and again, as it may change while we trade.

Owns: when it is learnt again. Must not know: what is learnt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import anyio

from exchange.errors import VenueError


class Again(ABC):
    """Every `every_s`, and when in doubt; but not sooner than `not_sooner_s` after the last time.

    What makes us doubt may come by the dozen, and have another cause.
    """

    def __init__(self, every_s: float, not_sooner_s: float) -> None:
        self._every_s = every_s
        self._not_sooner_s = not_sooner_s
        self._doubted = anyio.Event()

    @abstractmethod
    async def sync(self) -> object:
        """Raises VenueError."""

    def doubt(self) -> None:
        """`run` syncs again soon."""
        self._doubted.set()

    async def run(self) -> None:
        """Until cancelled; a time that fails is left out."""
        while True:
            self._doubted = anyio.Event()
            await anyio.sleep(min(self._not_sooner_s, self._every_s))
            with anyio.move_on_after(self._every_s - self._not_sooner_s):
                await self._doubted.wait()
            try:
                await self.sync()
            except VenueError:
                continue
