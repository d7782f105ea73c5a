"""Keeps our clock in step with the venue's: nonces are refused when they are 10 s off (docs: V3 Nonce Mechanism)."""

from __future__ import annotations

import anyio
import msgspec

from exchange.aster.rest import Rest
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.ports import RequestClass
from exchange.protocol.endpoints import TIME
from exchange.protocol.payloads import ServerTime

_decode = msgspec.json.Decoder(ServerTime).decode


class ClockSync:
    """`offset_us` and `round_trip_us` are what the last measurement found."""

    def __init__(self, rest: Rest, clock: Clock, *, samples: int = 5, every_s: float = 600.0) -> None:
        self._rest = rest
        self._clock = clock
        self._samples = samples
        self._every_s = every_s
        self.offset_us = 0
        self.round_trip_us = 0

    async def sync(self) -> int:
        """Measures, shifts the clock, and returns the shift in microseconds. Raises VenueError."""
        self.round_trip_us, self.offset_us = min([await self._sample() for _ in range(self._samples)])
        # Within half a round trip, and the venue's whole milliseconds, the offset is not known: leave the clock alone.
        if abs(self.offset_us) <= self.round_trip_us // 2 + 1000:
            return 0
        self._clock.shift(self.offset_us)
        return self.offset_us

    async def run(self) -> None:
        """Again and again; a measurement that fails is left out."""
        while True:
            await anyio.sleep(self._every_s)
            try:
                await self.sync()
            except VenueError:
                continue

    async def _sample(self) -> tuple[int, int]:
        # Leave to send is waited for outside the measured time.
        ticket = await self._rest.admit(RequestClass.QUERY, TIME)
        sent_us = self._clock.now_us()
        answer = await self._rest.call(TIME, [], _decode, ticket=ticket)
        got_us = self._clock.now_us()
        return got_us - sent_us, answer.server_time * 1000 + 500 - (sent_us + got_us) // 2
