"""Owns: who waits for leave to send, in which order. Must not know: budgets, the loop, why the order is what it is."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace

from exchange.ports import Cost, RequestClass
from fleet.scheduling.policies import Policy
from fleet.scheduling.value import NOTHING, Stake

_OVERDUE = RequestClass.REDUCE + 0.5
"""The place of those who have waited too long: behind what is urgent, before everything else."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`since_us`: since when it has wished for something in this class or a better one."""

    key: Hashable
    request_class: RequestClass
    cost: Cost
    wake: Callable[[], None]
    stake: Stake
    since_us: int
    arrival: int
    place: tuple[float, float, int]
    """What the order goes by: class (or overdue), the policy's rank, arrival."""

    @property
    def is_urgent(self) -> bool:
        return self.request_class <= RequestClass.REDUCE


class WaitingList:
    """At most one request a key. O(log n), but for iteration.

    Requests that cost orders stand in one line, those that cost only weight in another: where the first of one line
    waits for orders to come back, the first of the other need not.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._by_key: dict[Hashable, Waiting] = {}
        self._arrivals = 0
        # Places given up stay in the heaps until they surface or outnumber the living.
        self._heaps: tuple[list[tuple[tuple[float, float, int], Hashable]], ...] = ([], [])
        self._patient: deque[tuple[int, int, Hashable]] = deque()

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: Hashable) -> Waiting | None:
        return self._by_key.get(key)

    def __iter__(self) -> Iterator[Waiting]:
        """All of them, first in line first."""
        return iter(sorted(self._by_key.values(), key=lambda waiting: waiting.place))

    def rank_anew(self, policy: Policy, now_us: int) -> None:
        """Everybody, by what is known now. Who was sent back stays back."""
        self._policy = policy
        for waiting in list(self._by_key.values()):
            is_overdue = waiting.place[0] == _OVERDUE
            place = self._place_of(
                waiting.request_class, waiting.stake, waiting.since_us, waiting.arrival, now_us, is_overdue=is_overdue
            )
            if place != waiting.place and waiting.place[1] != math.inf:
                self._enter(replace(waiting, place=place))

    def upsert(
        self,
        key: Hashable,
        request_class: RequestClass,
        cost: Cost,
        wake: Callable[[], None],
        stake: Stake = NOTHING,
        now_us: int = 0,
    ) -> Waiting:
        """What the key wants now. A better class is entered at its end, else arrival and patience are kept."""
        known = self._by_key.get(key)
        if known is None or request_class < known.request_class:
            self._arrivals += 1
            since_us, arrival = now_us, self._arrivals
            if request_class > RequestClass.REDUCE:
                self._patient.append((now_us, arrival, key))
        else:
            since_us, arrival = known.since_us, known.arrival
        is_overdue = known is not None and known.arrival == arrival and known.place[0] == _OVERDUE
        place = self._place_of(request_class, stake, since_us, arrival, now_us, is_overdue=is_overdue)
        waiting = Waiting(key, request_class, cost, wake, stake, since_us, arrival, place)
        if known is not None and known.place == place and bool(known.cost.orders) == bool(cost.orders):
            self._by_key[key] = waiting
            return waiting
        return self._enter(waiting)

    def send_back(self, key: Hashable) -> None:
        """It missed its turn: behind all others of its class until it asks again. KeyError when it does not wait."""
        known = self._by_key[key]
        self._arrivals += 1
        self._enter(replace(known, place=(float(known.request_class), math.inf, self._arrivals)))

    def withdraw(self, key: Hashable) -> Waiting | None:
        """Who was waiting by that key."""
        return self._by_key.pop(key, None)

    def heads(self, now_us: int = 0, patience_us: int | None = None) -> list[Waiting]:
        """The first of each line, the one whose turn it is before the other: two at most.

        Who has waited longer than `patience_us` is put before all that is not urgent.
        """
        if patience_us is not None:
            self._promote(now_us - patience_us)
        heads = [head for heap in self._heaps if (head := self._first(heap)) is not None]
        return sorted(heads, key=lambda head: head.place)

    def _promote(self, latest_us: int) -> None:
        patient = self._patient
        while patient and patient[0][0] < latest_us:
            _, arrival, key = patient.popleft()
            waiting = self._by_key.get(key)
            if waiting is not None and waiting.arrival == arrival and not waiting.is_urgent:
                self._enter(replace(waiting, place=(_OVERDUE, 0.0, arrival)))

    def _first(self, heap: list[tuple[tuple[float, float, int], Hashable]]) -> Waiting | None:
        while heap:
            place, key = heap[0]
            waiting = self._by_key.get(key)
            if waiting is not None and waiting.place == place and self._heap_of(waiting) is heap:
                return waiting
            heapq.heappop(heap)
        return None

    def _place_of(
        self, request_class: RequestClass, stake: Stake, since_us: int, arrival: int, now_us: int, *, is_overdue: bool
    ) -> tuple[float, float, int]:
        if is_overdue:
            return _OVERDUE, 0.0, arrival
        rank = self._policy.rank(stake, since_us, now_us) if request_class > RequestClass.REDUCE else 0.0
        return float(request_class), rank, arrival

    def _heap_of(self, waiting: Waiting) -> list[tuple[tuple[float, float, int], Hashable]]:
        return self._heaps[bool(waiting.cost.orders)]

    def _enter(self, waiting: Waiting) -> Waiting:
        self._by_key[waiting.key] = waiting
        heap = self._heap_of(waiting)
        # Places are unique by arrival, so that keys are never compared.
        heapq.heappush(heap, (waiting.place, waiting.key))
        if len(heap) > 4 * len(self._by_key) + 64:
            heap[:] = [(each.place, each.key) for each in self._by_key.values() if self._heap_of(each) is heap]
            heapq.heapify(heap)
        return waiting
