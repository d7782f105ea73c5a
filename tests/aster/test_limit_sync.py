"""The venue's limits are read again while we trade, and what it states is kept to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes
from loguru import logger

from exchange.aster.limit_sync import LimitSync
from exchange.aster.rest import Rest, http_client
from exchange.clock import Clock
from exchange.errors import Throttled
from exchange.limits.stated import DOCUMENTED
from exchange.model import RateLimit
from exchange.protocol.endpoints import TIME
from fleet.simulation.loop import run_virtual

WEIGHT, MINUTE, BURST = DOCUMENTED
ROWS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]


class Venue:
    """Answers exchangeInfo with `rows`; anything else with 429."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] | None = ROWS
        self.status = 200
        self.read_at: list[float] = []
        self.told: list[tuple[RateLimit, ...]] = []
        self.rest = Rest(http_client(httpx.MockTransport(self.handle)), "http://venue", Clock(EPOCH_US), AlwaysYes())

    def handle(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("exchangeInfo"):
            return httpx.Response(429, json={"code": -1003, "msg": "Too many requests"})
        self.read_at.append(anyio.current_time())
        body = {"symbols": "never read"} if self.rows is None else {"rateLimits": self.rows}
        return httpx.Response(self.status, json=body)

    def restrict(self, limits: Sequence[RateLimit]) -> None:
        self.told.append(tuple(limits))

    def sync(self) -> LimitSync:
        return LimitSync(self.rest, DOCUMENTED, self.restrict)


def orders(limit: int, interval: str = "MINUTE", number: int = 1) -> dict[str, Any]:
    return {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit}


@pytest.mark.parametrize(
    ("rows", "told", "warned"),
    [
        pytest.param(ROWS, [], 0, id="as they were"),
        pytest.param(
            [*ROWS[:1], orders(600), *ROWS[2:]], [(WEIGHT, RateLimit("ORDERS", 60, 600), BURST)], 1, id="lower"
        ),
        pytest.param([*ROWS, orders(9000, "HOUR")], [(*DOCUMENTED, RateLimit("ORDERS", 3600, 9000))], 1, id="one more"),
        pytest.param([*ROWS, orders(5, "FORTNIGHT")], [], 1, id="an interval that nobody knows"),
        pytest.param([*ROWS[:1], orders(0), *ROWS[2:]], [], 1, id="zero"),
        pytest.param([], [], 2, id="none"),
        pytest.param(None, [], 2, id="no such field"),
    ],
)
async def test_what_is_told_of_a_reading(
    rows: list[dict[str, Any]] | None, told: list[tuple[RateLimit, ...]], warned: int
) -> None:
    warnings: list[str] = []
    sink = logger.add(warnings.append, format="{message}")
    try:
        venue = Venue()
        sync = venue.sync()
        venue.rows = rows
        for _ in range(3):
            await sync.sync()
    finally:
        logger.remove(sink)
    assert venue.told == told
    assert len(warnings) == warned


def test_they_are_read_every_ten_minutes_and_soon_after_a_429_but_not_for_each() -> None:
    async def main() -> list[float]:
        venue = Venue()
        start = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(venue.sync().run)
            await anyio.sleep(700)
            for _ in range(5):
                with pytest.raises(Throttled):
                    await venue.rest.call(TIME, [], bytes)
            await anyio.sleep(100)
            venue.status = 503
            await anyio.sleep(1250)
            tasks.cancel_scope.cancel()
        return [round(at - start) for at in venue.read_at]

    assert run_virtual(main) == [600, 700, 1300, 1900]
