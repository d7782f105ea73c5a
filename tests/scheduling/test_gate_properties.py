"""Any crowd at the gate: no window overstepped, nobody waits for ever, order kept, and no turning round and round."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.clock import Clock
from exchange.limits.budget import Budget
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass, Ticket
from fleet.scheduling.gate import Gate
from fleet.simulation.loop import run_virtual

WEIGHT = RateLimit("REQUEST_WEIGHT", 2, 8)
ORDERS = RateLimit("ORDERS", 1, 4)
MAX_IN_FLIGHT = 4


@dataclass(frozen=True)
class Caller:
    """Comes after `start_ms`, answers a wake after `reaction_ms`, and then wants `later_class`; its request is answered
    after `latency_ms`, or not sent at all. With `patience` it gives up at that many wakes."""

    start_ms: int
    request_class: RequestClass
    later_class: RequestClass
    cost: Cost
    reaction_ms: int
    latency_ms: int
    is_sent: bool
    patience: int | None


def callers(reaction_ms: st.SearchStrategy[int]) -> st.SearchStrategy[list[Caller]]:
    caller = st.builds(
        Caller,
        start_ms=st.integers(0, 1500),
        request_class=st.sampled_from(RequestClass),
        later_class=st.sampled_from(RequestClass),
        cost=st.builds(Cost, st.integers(1, 3), st.integers(0, 2)),
        reaction_ms=reaction_ms,
        latency_ms=st.integers(0, 2500),
        is_sent=st.booleans() | st.just(True),
        patience=st.none() | st.none() | st.integers(0, 2),
    )
    return st.lists(caller, min_size=6, max_size=30)


class CountingClock(Clock):
    def __init__(self) -> None:
        super().__init__(0)
        self.reads = 0

    def steady_us(self) -> int:
        self.reads += 1
        return super().steady_us()


@dataclass
class Crowd:
    """What happened: requests as (sent, answered, cost) in µs, and the order broken, if it was."""

    gate: Gate
    clock: CountingClock
    sent: list[tuple[int, int, Cost]] = field(default_factory=list[tuple[int, int, Cost]])
    line: dict[int, tuple[RequestClass, int, int]] = field(default_factory=dict[int, tuple[RequestClass, int, int]])
    """By caller: class, arrival, orders."""
    jumped: list[int] = field(default_factory=list[int])
    peak_in_flight: int = 0
    arrivals: int = 0
    asks: int = 0
    left_over: int = 0

    def ask(self, number: int, request_class: RequestClass, cost: Cost, woken: anyio.Event) -> Ticket | None:
        self.asks += 1
        ticket = self.gate.ask(number, request_class, cost, woken.set)
        place = self.line.pop(number, None)
        if place is None or request_class < place[0]:
            self.arrivals += 1
            place = (request_class, self.arrivals, cost.orders)
        place = (request_class, place[1], cost.orders)
        if ticket is None:
            self.line[number] = place
        elif any(other < place and (cost.orders or not other[2]) for other in self.line.values()):
            # What costs no orders may pass those who wait for them.
            self.jumped.append(number)
        self.peak_in_flight = max(self.peak_in_flight, self.gate.in_flight)
        return ticket

    async def serve(self, number: int, caller: Caller) -> None:
        await anyio.sleep(caller.start_ms / 1000)
        woken = anyio.Event()
        ticket = self.ask(number, caller.request_class, caller.cost, woken)
        wakes = 0
        while ticket is None:
            await woken.wait()
            await anyio.sleep(caller.reaction_ms / 1000)
            if wakes == caller.patience:
                self.gate.withdraw(number)
                self.line.pop(number, None)
                return
            wakes += 1
            woken = anyio.Event()
            ticket = self.ask(number, caller.later_class, caller.cost, woken)
        sent_us = self.clock.now_us()
        if not caller.is_sent:
            self.gate.release(ticket)
            return
        await anyio.sleep(caller.latency_ms / 1000)
        self.gate.settle(ticket, {})
        self.sent.append((sent_us, self.clock.now_us(), caller.cost))


def fullest_window(sent: list[tuple[int, int, int]], length_us: int) -> int:
    """The most that a venue could count in any window, wherever between sending and answer each request arrives."""
    starts = [answered for _, answered, _ in sent] + [at - length_us for at, _, _ in sent]
    return max(
        (sum(n for at, answered, n in sent if at <= start + length_us and answered >= start) for start in starts),
        default=0,
    )


async def crowd_of(people: list[Caller], pauses_ms: list[tuple[int, int]]) -> Crowd:
    clock = CountingClock()
    gate = Gate(Budget([WEIGHT, ORDERS], safety=1), clock, max_in_flight=MAX_IN_FLIGHT, reserved_in_flight=1)
    crowd = Crowd(gate, clock)

    async def pause(start_ms: int, length_ms: int) -> None:
        await anyio.sleep(start_ms / 1000)
        gate.pause(length_ms / 1000, "429")

    async with anyio.create_task_group() as house:
        house.start_soon(gate.run)
        # A wake-up lost would leave nothing to run and no timer: the virtual loop tells of it as a deadlock.
        async with anyio.create_task_group() as tasks:
            for number, caller in enumerate(people):
                tasks.start_soon(crowd.serve, number, caller)
            for start_ms, length_ms in pauses_ms:
                tasks.start_soon(pause, start_ms, length_ms)
        await anyio.sleep(3)
        crowd.left_over = sum(use.used for use in gate.usage())
        house.cancel_scope.cancel()
    return crowd


pauses = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2000)), max_size=2)


def check(crowd: Crowd, people: list[Caller]) -> None:
    weights = [(at, answered, cost.weight) for at, answered, cost in crowd.sent]
    orders = [(at, answered, cost.orders) for at, answered, cost in crowd.sent]
    assert fullest_window(weights, 2_000_000) <= WEIGHT.limit
    assert fullest_window(orders, 1_000_000) <= ORDERS.limit
    assert crowd.peak_in_flight <= MAX_IN_FLIGHT
    assert crowd.gate.waiting() == 0
    assert crowd.gate.in_flight == 0
    assert crowd.left_over == 0
    assert len(crowd.sent) >= sum(caller.is_sent and caller.patience is None for caller in people)


@given(callers(reaction_ms=st.integers(0, 40)), pauses)
@settings(deadline=None)
def test_prompt_callers_go_in_order(people: list[Caller], pauses_ms: list[tuple[int, int]]) -> None:
    crowd = run_virtual(crowd_of, people, pauses_ms)
    check(crowd, people)
    assert crowd.jumped == []
    assert crowd.gate.overslept == 0
    assert crowd.clock.reads <= 20 * (crowd.asks + len(people) + 1)


@given(callers(reaction_ms=st.integers(0, 400)), pauses)
@settings(deadline=None)
def test_slow_callers_hold_nobody_up_for_ever(people: list[Caller], pauses_ms: list[tuple[int, int]]) -> None:
    crowd = run_virtual(crowd_of, people, pauses_ms)
    check(crowd, people)
    assert crowd.clock.reads <= 20 * (crowd.asks + crowd.gate.overslept + len(people) + 1)
