"""Keeps our limits what the venue's are: it may change them while we trade (docs: LIMITS, "has the right to tighten").

Owns: when they are read again, and who is told. Must not know: budgets, what a limit means for sending.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from loguru import logger

from exchange.aster.again import Again
from exchange.aster.instruments import rate_limits
from exchange.aster.rest import Rest
from exchange.limits.stated import sound_limits
from exchange.model import RateLimit
from exchange.protocol.endpoints import EXCHANGE_INFO
from exchange.protocol.payloads import RateLimitsBody

_decode = msgspec.json.Decoder(RateLimitsBody).decode
_NOT_SOONER_S = 30.0


class LimitSync(Again):
    """`known` are the limits kept to so far; `restrict` is told of others."""

    def __init__(
        self,
        rest: Rest,
        known: Sequence[RateLimit],
        restrict: Callable[[Sequence[RateLimit]], None],
        *,
        every_s: float = 600.0,
    ) -> None:
        super().__init__(every_s, _NOT_SOONER_S)
        self._rest = rest
        self._known = tuple(known)
        self._restrict = restrict
        self._told: set[str] = set()
        # We sent too much: the limits may be others.
        rest.on_throttled = self.doubt

    async def sync(self) -> None:
        """Reads them, and passes on a change. Raises VenueError."""
        body = await self._rest.call(EXCHANGE_INFO, [], _decode)
        limits, faults = sound_limits(rate_limits(body.rate_limits), self._known)
        for fault in faults:
            if fault not in self._told:
                self._told.add(fault)
                logger.warning("exchangeInfo: {}", fault)
        if set(limits) != set(self._known):
            logger.warning("the venue's limits are now {}", ", ".join(f"{each.name} {each.limit}" for each in limits))
            self._known = limits
            self._restrict(limits)
