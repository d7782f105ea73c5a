"""Never more signed requests under way than the venue remembers nonces, and none that others overtake too far."""

from __future__ import annotations

import heapq
from random import Random
from urllib.parse import parse_qs

import anyio
import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes, settle, signer

from exchange.aster.auth import SignerAuth
from exchange.aster.nonce_window import SIZE, NonceWindow
from exchange.aster.rest import Rest, http_client
from exchange.clock import Clock
from exchange.errors import Unavailable
from exchange.protocol import endpoints
from fleet.simulation.loop import run_virtual


class SlowVenue(httpx.AsyncBaseTransport):
    """Each request is `way_s(rng)` on its way there and as long back; nonces are judged as the docs tell."""

    def __init__(self, shortest_s: float, longest_s: float) -> None:
        self._rng = Random(7)
        self._between = (shortest_s, longest_s)
        self._nonces: list[int] = []
        self.signed: list[tuple[int, str]] = []
        self.ages_us: list[int] = []
        self.at_once = 0
        self.most_at_once = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        params = parse_qs(request.content.decode())
        nonce = int(params["nonce"][0])
        self.signed.append((nonce, params["symbol"][0]))
        self.ages_us.append(EPOCH_US + round(anyio.current_time() * 1e6) - nonce)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await anyio.sleep(self._rng.uniform(*self._between))
            if not self._accepts(nonce):
                return httpx.Response(400, json={"code": -4225, "msg": "Nonce Expired"})
            await anyio.sleep(self._rng.uniform(*self._between))
            return httpx.Response(200, json={})
        finally:
            self.at_once -= 1

    def _accepts(self, nonce: int) -> bool:
        if nonce in self._nonces or (len(self._nonces) == SIZE and nonce < self._nonces[0]):
            return False
        heapq.heappush(self._nonces, nonce)
        if len(self._nonces) > SIZE:
            heapq.heappop(self._nonces)
        return True


@pytest.mark.parametrize(("shortest_s", "longest_s"), [(0.5, 0.5), (0.01, 1.9)], ids=["alike", "some far slower"])
def test_of_300_requests_at_once_100_are_under_way_and_none_expires(shortest_s: float, longest_s: float) -> None:
    async def scenario() -> None:
        venue, clock = SlowVenue(shortest_s, longest_s), Clock(EPOCH_US)
        rest = Rest(http_client(venue), "http://venue", clock, AlwaysYes(), SignerAuth(signer(), clock))
        async with anyio.create_task_group() as tasks:
            for number in range(300):
                tasks.start_soon(rest.call, endpoints.CANCEL_ALL, [("symbol", f"S{number:03d}")], bytes)
        assert venue.most_at_once == 100
        assert len(venue.signed) == 300
        # Signed when sent, however long the wait was, and in the order in which leave was given.
        assert max(venue.ages_us) < 1000
        assert [symbol for _, symbol in venue.signed] == [f"S{number:03d}" for number in range(300)]
        assert venue.signed == sorted(venue.signed)

    run_virtual(scenario)


def test_without_the_window_some_would_have_expired() -> None:
    async def scenario() -> None:
        venue, clock = SlowVenue(0.01, 1.9), Clock(EPOCH_US)
        auth = SignerAuth(signer(), clock)
        auth.window = NonceWindow(1000)
        rest = Rest(http_client(venue), "http://venue", clock, AlwaysYes(), auth)
        expired = 0

        async def ask() -> None:
            nonlocal expired
            try:
                await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
            except Unavailable:
                expired += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(300):
                tasks.start_soon(ask)
        assert expired > 50

    run_virtual(scenario)


def test_a_request_that_hangs_holds_up_the_hundredth_after_it_and_not_for_long() -> None:
    async def scenario() -> None:
        window = NonceWindow(size=10, patience_s=2.0)
        entered: list[tuple[float, int]] = []

        async def enter_and_leave() -> None:
            place = await window.enter()
            entered.append((anyio.current_time(), place))
            window.leave(place)

        hanging = await window.enter()
        for _ in range(9):
            await enter_and_leave()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(enter_and_leave)
        assert entered == [(0.0, place) for place in range(1, 10)] + [(2.0, place) for place in range(10, 13)]
        window.leave(hanging)
        assert window.in_flight == 0

    run_virtual(scenario)


def test_who_gives_up_waiting_lets_the_next_go() -> None:
    async def scenario() -> None:
        window = NonceWindow(size=1)
        first = await window.enter()
        got: list[int] = []

        async def enter() -> None:
            got.append(await window.enter())

        async with anyio.create_task_group() as tasks:
            gave_up = anyio.CancelScope()

            async def enter_and_give_up() -> None:
                with gave_up:
                    await enter()

            tasks.start_soon(enter_and_give_up)
            tasks.start_soon(enter)
            await settle()
            gave_up.cancel()
            await settle()
            assert got == []
            window.leave(first)
        assert got == [1]

    run_virtual(scenario)


async def test_leave_to_send_is_given_back_by_who_is_cancelled_while_waiting() -> None:
    clock, admission = Clock(EPOCH_US), AlwaysYes()
    auth = SignerAuth(signer(), clock)
    auth.window = NonceWindow(size=1)
    place = await auth.window.enter()
    rest = Rest(http_client(httpx.MockTransport(lambda _: httpx.Response(200))), "http://v", clock, admission, auth)
    with anyio.move_on_after(0.01):
        await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
    assert (admission.settled, admission.released) == ([], 1)
    auth.window.leave(place)
    await rest.call(endpoints.CANCEL_ALL, [("symbol", "A")], bytes)
    assert (len(admission.settled), auth.window.in_flight) == (1, 0)
