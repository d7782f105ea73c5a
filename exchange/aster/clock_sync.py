"""Keeps our clock in step with the venue's: nonces are refused when they are 10 s off (docs: V3 Nonce Mechanism).

Owns: what is measured, what is believed of it, and when it is measured again. Must not know: nonces, signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from exchange.aster.again import Again
from exchange.aster.rest import Rest
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.ports import RequestClass
from exchange.protocol.endpoints import TIME
from exchange.protocol.payloads import ServerTime

_decode = msgspec.json.Decoder(ServerTime).decode
_MILLISECOND_US = 1000
_NOT_SOONER_S = 10.0


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """`offset_us` is venue minus ours, as it would be if both ways took as long."""

    round_trip_us: int
    offset_us: int

    @property
    def error_us(self) -> int:
        """How far off it may be: all the time may have gone one way, and the venue tells whole milliseconds."""
        return self.round_trip_us // 2 + _MILLISECOND_US

    def agrees(self, other: Sample) -> bool:
        return abs(self.offset_us - other.offset_us) <= self.error_us + other.error_us


def believed(samples: Sequence[Sample]) -> Sample:
    """The quickest with which at least half of all, itself among them, agree: a slow answer tells little, and one from
    a server whose own clock is off tells a lie, however quick it was. Else the quickest.
    """
    for sample in sorted(samples):
        if 2 * sum(sample.agrees(other) for other in samples) > len(samples):
            return sample
    return min(samples)


class ClockSync(Again):
    """`offset_us` and `round_trip_us` are what the last measurement found, `shifted_us` all the shifts so far."""

    def __init__(self, rest: Rest, clock: Clock, *, samples: int = 5, every_s: float = 600.0) -> None:
        super().__init__(every_s, _NOT_SOONER_S)
        self._rest = rest
        self._clock = clock
        self._samples = samples
        self.offset_us = 0
        self.round_trip_us = 0
        self.shifted_us = 0
        # A request was too old or too young: our clock may be off.
        rest.on_stale = self.doubt

    async def sync(self) -> int:
        """Measures, shifts the clock, and returns the shift in microseconds. Raises VenueError if nothing answered."""
        best = believed(await self._measure())
        self.round_trip_us, self.offset_us = best.round_trip_us, best.offset_us
        if abs(best.offset_us) <= best.error_us:
            return 0
        self._clock.shift(best.offset_us)
        self.shifted_us += best.offset_us
        return best.offset_us

    async def _measure(self) -> list[Sample]:
        """Those of the samples that could be had, at least one."""
        found: list[Sample] = []
        for number in range(self._samples):
            try:
                found.append(await self._sample())
            except VenueError:
                if not found and number == self._samples - 1:
                    raise
        return found

    async def _sample(self) -> Sample:
        # Leave to send is waited for outside the measured time.
        # First of all: with a clock that is off, cancels are refused like everything else.
        ticket = await self._rest.admit(RequestClass.CANCEL, TIME)
        sent_us = self._clock.now_us()
        answer = await self._rest.call(TIME, [], _decode, ticket=ticket)
        got_us = self._clock.now_us()
        offset_us = answer.server_time * _MILLISECOND_US + _MILLISECOND_US // 2 - (sent_us + got_us) // 2
        return Sample(got_us - sent_us, offset_us)
