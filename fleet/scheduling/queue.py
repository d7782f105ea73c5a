"""Owns: who waits for leave to send, and in which order. Must not know: budgets, time, the loop."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from exchange.limits.budget import Lane
from exchange.ports import Cost, RequestClass


def may_use_reserve(request_class: RequestClass) -> bool:
    """Whether a request may use the share of budget that is kept so that quoting never starves cancels."""
    return request_class <= RequestClass.REDUCE


def lane_of(request_class: RequestClass) -> Lane:
    return Lane.URGENT if may_use_reserve(request_class) else Lane.OPENING


@dataclass(frozen=True, slots=True)
class Waiting:
    key: Hashable
    request_class: RequestClass
    arrival: int
    cost: Cost
    wake: Callable[[], None]
    missed_turn: bool = False
    """It was sent back: it need not be first of its class again."""


class WaitingList:
    """At most one request a key, by class, then arrival. O(log n), but for iteration."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Waiting] = {}
        self._arrivals = 0
        # Places given up stay in the heap until they surface or outnumber the living.
        self._heap: list[tuple[RequestClass, int, Hashable]] = []

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: Hashable) -> Waiting | None:
        return self._by_key.get(key)

    def __iter__(self) -> Iterator[Waiting]:
        """All of them, first in line first."""
        return iter(sorted(self._by_key.values(), key=lambda waiting: (waiting.request_class, waiting.arrival)))

    def upsert(self, key: Hashable, request_class: RequestClass, cost: Cost, wake: Callable[[], None]) -> Waiting:
        """What the key wants now. A better class is entered at its end, else the arrival is kept."""
        known = self._by_key.get(key)
        if known is None or request_class < known.request_class:
            return self._enter(Waiting(key, request_class, self._next_arrival(), cost, wake))
        waiting = Waiting(key, request_class, known.arrival, cost, wake, known.missed_turn)
        if request_class != known.request_class:
            return self._enter(waiting)
        self._by_key[key] = waiting
        return waiting

    def send_back(self, key: Hashable) -> None:
        """It missed its turn: to the end of its class. KeyError when it does not wait."""
        known = self._by_key[key]
        self._enter(Waiting(key, known.request_class, self._next_arrival(), known.cost, known.wake, True))

    def withdraw(self, key: Hashable) -> bool:
        """Whether it had been waiting."""
        return self._by_key.pop(key, None) is not None

    def head(self) -> Waiting | None:
        while self._heap:
            request_class, arrival, key = self._heap[0]
            waiting = self._by_key.get(key)
            if waiting is not None and waiting.arrival == arrival and waiting.request_class == request_class:
                return waiting
            heapq.heappop(self._heap)
        return None

    def _next_arrival(self) -> int:
        self._arrivals += 1
        return self._arrivals

    def _enter(self, waiting: Waiting) -> Waiting:
        self._by_key[waiting.key] = waiting
        if len(self._heap) > 2 * len(self._by_key) + 16:
            self._heap = [(each.request_class, each.arrival, each.key) for each in self._by_key.values()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (waiting.request_class, waiting.arrival, waiting.key))
        return waiting
