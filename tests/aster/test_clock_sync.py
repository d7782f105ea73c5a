"""Our clock and the venue's: what is believed of a measurement, and when the next one is due."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import anyio
import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes, signer

from exchange.aster.auth import SignerAuth
from exchange.aster.clock_sync import ClockSync, Sample, believed
from exchange.aster.rest import Rest, http_client
from exchange.clock import Clock
from exchange.errors import Unavailable
from exchange.protocol import endpoints
from fleet.simulation.loop import run_virtual

SECOND_US = 1_000_000


@pytest.mark.parametrize(
    ("samples", "expected_us"),
    [
        ([(20_000, 500)], 500),
        # The quickest is the one that can be least off.
        ([(900_000, 440_000), (20_000, 500), (300_000, -140_000)], 500),
        # A server whose clock is off is outvoted, however quick.
        ([(10_000, 40 * SECOND_US), (20_000, 500), (30_000, 900), (90_000, -9_000)], 500),
        # All the time on one way: off by half the round trip, and not contradicted by the others.
        ([(600_000, 300_000), (20_000, 500), (40_000, -900)], 500),
        # Nobody agrees with anybody.
        ([(10_000, 0), (20_000, 10 * SECOND_US), (30_000, 20 * SECOND_US)], 0),
    ],
)
def test_what_is_believed(samples: list[tuple[int, int]], expected_us: int) -> None:
    assert believed([Sample(*each) for each in samples]).offset_us == expected_us


class Venue(httpx.AsyncBaseTransport):
    """Its clock is `ahead_ms` before ours; `delays_s` are those of its answers, and None is one that never comes."""

    def __init__(self, ahead_ms: int, delays_s: Iterator[float | None]) -> None:
        self.ahead_ms = ahead_ms
        self.delays_s = delays_s
        self.asked_at: list[float] = []
        self.is_strict = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/time"):
            body = {"code": -4225, "msg": "Nonce Expired"}
            return httpx.Response(400 if self.is_strict else 200, json=body if self.is_strict else {})
        self.asked_at.append(anyio.current_time())
        delay_s = next(self.delays_s)
        if delay_s is None:
            raise httpx.ReadError("cut")
        await anyio.sleep(delay_s)
        # The way back takes no time: the slower the answer, the more the measurement is off.
        now_ms = EPOCH_US // 1000 + round(anyio.current_time() * 1000) + self.ahead_ms
        return httpx.Response(200, json={"serverTime": now_ms})


def rest_to(venue: Venue, clock: Clock, admission: AlwaysYes | None = None) -> Rest:
    auth = SignerAuth(signer(), clock)
    return Rest(http_client(venue), "http://venue", clock, admission or AlwaysYes(), auth)


@pytest.mark.parametrize(("ahead_ms", "expected_us"), [(3_000, 3_000_000), (-40_000, -40_000_000), (0, 0)])
def test_the_clock_is_brought_in_step_with_the_venues(ahead_ms: int, expected_us: int) -> None:
    async def scenario() -> None:
        clock, admission = Clock(EPOCH_US), AlwaysYes()
        venue = Venue(ahead_ms, iter([0.5, 0.02, 0.3, 0.4, 0.9, *[0.02] * 10]))
        sync = ClockSync(rest_to(venue, clock, admission), clock)
        shifted = await sync.sync()
        assert abs(shifted - expected_us) <= 11_000
        assert abs(await sync.sync()) <= 11_000
        assert sync.shifted_us == shifted
        assert len(admission.settled) == 10

    run_virtual(scenario)


def test_samples_that_fail_are_left_out_unless_all_do() -> None:
    async def scenario() -> None:
        clock = Clock(EPOCH_US)
        # A read is tried twice.
        venue = Venue(3_000, iter([None, None, None, None, 0.02, None, None, 0.02, None, None]))
        sync = ClockSync(rest_to(venue, clock), clock, samples=5)
        assert abs(await sync.sync() - 3 * SECOND_US) < 12_000
        venue.delays_s = repeat(None)
        with pytest.raises(Unavailable):
            await sync.sync()

    run_virtual(scenario)


def test_a_clock_that_leaps_is_followed_at_the_next_measurement() -> None:
    async def scenario() -> None:
        clock = Clock(EPOCH_US)
        venue = Venue(0, repeat(0.02))
        sync = ClockSync(rest_to(venue, clock), clock, samples=2, every_s=600)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sync.run)
            await anyio.sleep(610)
            venue.ahead_ms = 7_000
            await anyio.sleep(600)
            assert abs(sync.shifted_us - 7 * SECOND_US) < 12_000
            assert [round(at) for at in venue.asked_at] == [600, 600, 1200, 1200]
            tasks.cancel_scope.cancel()

    run_virtual(scenario)


def test_a_nonce_out_of_time_has_the_clock_measured_soon_and_not_over_and_over() -> None:
    async def scenario() -> None:
        clock = Clock(EPOCH_US)
        venue = Venue(0, repeat(0.02))
        rest = rest_to(venue, clock)
        sync = ClockSync(rest, clock, samples=1, every_s=600)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sync.run)
            await anyio.sleep(100)
            venue.is_strict, venue.ahead_ms = True, 15_000
            for _ in range(25):
                with pytest.raises(Unavailable):
                    await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
                await anyio.sleep(1)
            assert abs(sync.shifted_us - 15 * SECOND_US) < 12_000
            assert [round(at) for at in venue.asked_at] == [100, 110, 120]
            tasks.cancel_scope.cancel()

    run_virtual(scenario)
