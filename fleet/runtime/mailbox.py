"""What has happened to one symbol since its worker last looked.

Owns: conflation: of books and mark prices only the newest is kept, never a backlog. News of the account is never
dropped. `put` is called on the event loop's thread by whoever hears of something, and never blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from exchange.bell import Bell
from exchange.errors import VenueError
from exchange.model import BookTicker, Fill, MarkPrice, Order
from fleet.orders.plan import Action


@dataclass(frozen=True, slots=True)
class Told:
    """The user stream told of an order of this symbol; `fill` when the event was a trade not counted before."""

    order: Order
    fill: Fill | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request of this worker: the order, or why there is none."""

    action: Action
    result: Order | VenueError


@dataclass(frozen=True, slots=True)
class Crash:
    """Something broke on this worker's behalf outside its task: it is raised in it."""

    error: Exception


News = Told | Answer | Crash


class Mailbox:
    """`ticker`, `mark`: the newest that the line brought since it last came up."""

    def __init__(self) -> None:
        self.ticker: BookTicker | None = None
        self.mark: MarkPrice | None = None
        self.market_up = False
        self._bell = Bell()
        self._news: deque[News] = deque()

    def put_market(self, event: BookTicker | MarkPrice) -> None:
        if isinstance(event, BookTicker):
            self.ticker = event
        else:
            self.mark = event
        self._bell.ring()

    def put_line(self, *, up: bool) -> None:
        """The market data line came up or went down: what was known from before counts no more."""
        self.market_up = up
        self.ticker = self.mark = None
        self._bell.ring()

    def put(self, news: News) -> None:
        self._news.append(news)
        self._bell.ring()

    def wake(self) -> None:
        self._bell.ring()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Returns when anything was put since the last `take`, or `wake` was called, or after so long."""
        await self._bell.wait(timeout_s)

    def take(self) -> Iterator[News]:
        """All news since the last time, in order. The market's state is read beside it.

        One at a time: what comes after a piece that its reader broke on stays, for whoever reads next.
        """
        self._bell.hush()
        while self._news:
            yield self._news.popleft()
