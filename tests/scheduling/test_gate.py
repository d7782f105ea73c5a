"""The gate in virtual time: who is let through when, what wakes whom, and what stops everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal

import anyio
import anyio.lowlevel
import pytest

from exchange.clock import Clock
from exchange.errors import Banned
from exchange.limits.budget import Budget
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass, Ticket
from fleet.config.models import Weights
from fleet.scheduling.gate import Gate
from fleet.scheduling.policies import Fifo, Policy, Value
from fleet.scheduling.value import Stake
from fleet.simulation.loop import run_virtual

CANCEL, REDUCE, QUOTE, REFRESH, QUERY = RequestClass
ONE = Cost(1, 0)
PLACE = Cost(1, 1)
EPOCH_US = 1_700_000_000_000_000


def now_ms() -> int:
    """In steps of ten: the gate wakes a whole number of milliseconds after it has looked, up to one late."""
    return int(anyio.current_time() * 100 + 1e-6) * 10


class Desk:
    """A gate, and callers that take leave when their turn comes and write down when that was."""

    def __init__(
        self, capacity: int, *, reserve: float = 0, max_in_flight: int = 80, reserved_in_flight: int = 10
    ) -> None:
        self.clock = Clock(EPOCH_US)
        self.gate = Gate(
            Budget([RateLimit("REQUEST_WEIGHT", 1, capacity)], safety=1, reserve=reserve),
            self.clock,
            max_in_flight=max_in_flight,
            reserved_in_flight=reserved_in_flight,
        )
        self.log: list[tuple[str, int]] = []
        self.tickets: dict[str, Ticket] = {}

    def want(self, key: str, request_class: RequestClass = QUOTE, cost: Cost = ONE) -> Ticket | None:
        """Asks, and asks again whenever woken, until there is a ticket."""

        def again() -> None:
            self.want(key, request_class, cost)

        ticket = self.gate.ask(key, request_class, cost, again)
        if ticket is not None:
            self.tickets[key] = ticket
            self.log.append((key, now_ms()))
        return ticket

    def send(self, key: str, request_class: RequestClass = QUOTE, cost: Cost = ONE) -> None:
        """Takes leave, which must be there, for a request answered at once."""
        ticket = self.want(key, request_class, cost)
        assert ticket is not None
        self.gate.settle(ticket, {})


def play(scene: Callable[[], Awaitable[None]]) -> None:
    run_virtual(scene)


def running(desk: Desk, scene: Callable[[], Awaitable[None]]) -> Awaitable[None]:
    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.gate.run)
            # So that it sleeps before anything happens, and must be woken by what does.
            await anyio.lowlevel.checkpoint()
            await scene()
            tasks.cancel_scope.cancel()

    return main()


def test_there_is_room_so_leave_is_given_at_once() -> None:
    async def scene() -> None:
        desk = Desk(2)
        assert desk.want("a") is not None
        assert desk.want("b") is not None
        assert desk.want("c") is None
        assert (desk.gate.waiting(), desk.gate.in_flight) == (1, 2)

    play(scene)


def test_those_who_wait_go_by_class_then_arrival_as_tokens_come_back() -> None:
    async def main() -> None:
        desk = Desk(1)

        async def scene() -> None:
            desk.send("first")
            for key, request_class in [
                ("q1", QUOTE),
                ("q2", QUOTE),
                ("look", QUERY),
                ("cancel", CANCEL),
                ("cut", REDUCE),
            ]:
                assert desk.want(key, request_class) is None
            for key in ("cancel", "cut", "q1", "q2", "look"):
                await anyio.sleep(1.001_5)
                desk.gate.settle(desk.tickets[key], {})

        await running(desk, scene)
        assert desk.log == [("first", 0), ("cancel", 1000), ("cut", 2000), ("q1", 3000), ("q2", 4000), ("look", 5000)]

    play(main)


def test_who_comes_while_the_gate_sleeps_is_woken_in_time() -> None:
    async def main() -> None:
        desk = Desk(4)

        async def scene() -> None:
            desk.send("first", QUOTE, Cost(3))
            await anyio.sleep(0.1)
            desk.want("quote", QUOTE, Cost(2))
            await anyio.sleep(0.1)
            desk.send("small", CANCEL, ONE)
            await anyio.sleep(0.1)
            desk.want("cancel", CANCEL, Cost(4))
            await anyio.sleep(0.1)
            desk.gate.withdraw("cancel")
            await anyio.sleep(0.7)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("small", 200), ("quote", 1000)]

    play(main)


def test_a_head_that_steps_down_lets_the_next_through_at_once() -> None:
    async def main() -> None:
        desk = Desk(4)

        async def scene() -> None:
            desk.send("first", QUOTE, Cost(3))
            desk.want("big", QUOTE, Cost(2))
            desk.want("small", QUOTE, ONE)
            await anyio.sleep(0.5)
            desk.want("big", REFRESH, Cost(2))
            await anyio.sleep(0.001)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("small", 500)]

    play(main)


def test_raised_limits_let_the_next_through_at_once() -> None:
    async def main() -> None:
        desk = Desk(1)

        async def scene() -> None:
            desk.send("first")
            desk.want("next")
            await anyio.sleep(0.5)
            desk.gate.restrict([RateLimit("REQUEST_WEIGHT", 1, 2)])
            await anyio.sleep(0.001)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("next", 500)]

    play(main)


@pytest.mark.parametrize(("request_class", "is_let_through"), [(REDUCE, True), (QUOTE, False), (REFRESH, False)])
def test_only_a_better_class_passes_those_who_wait(request_class: RequestClass, is_let_through: bool) -> None:
    async def main() -> None:
        desk = Desk(4)
        assert desk.want("big", QUOTE, Cost(3)) is not None
        assert desk.want("waits", QUOTE, Cost(2)) is None
        assert (desk.want("late", request_class) is not None) == is_let_through

    play(main)


def test_the_head_may_ask_again_by_itself_for_something_smaller() -> None:
    async def main() -> None:
        desk = Desk(4)
        desk.want("big", QUOTE, Cost(3))
        assert desk.want("a", QUOTE, Cost(2)) is None
        assert desk.want("b", QUOTE, Cost(2)) is None
        assert desk.want("b", QUOTE, ONE) is None
        assert desk.want("a", QUOTE, ONE) is not None
        assert desk.gate.waiting() == 1

    play(main)


def test_quoting_leaves_the_reserve_to_cancels_and_reductions() -> None:
    async def main() -> None:
        desk = Desk(10, reserve=0.2)
        assert [desk.want(f"q{n}") is not None for n in range(9)] == [True] * 8 + [False]
        assert desk.want("cancel", CANCEL) is not None
        assert desk.want("cut", REDUCE) is not None
        assert desk.want("cancel2", CANCEL) is None

    play(main)


def test_the_last_places_in_flight_are_for_cancels_and_an_answer_makes_room() -> None:
    async def main() -> None:
        desk = Desk(100, max_in_flight=3, reserved_in_flight=1)

        async def scene() -> None:
            assert [desk.want(key) is not None for key in ("a", "b", "c")] == [True, True, False]
            assert desk.want("cancel", CANCEL) is not None
            assert desk.want("cancel2", CANCEL) is None
            await anyio.sleep(1)
            desk.gate.settle(desk.tickets["a"], {})
            await anyio.sleep(1)
            assert "c" not in desk.tickets
            desk.gate.settle(desk.tickets["b"], {})
            desk.gate.settle(desk.tickets["cancel"], {})
            await anyio.sleep(1)

        await running(desk, scene)
        assert desk.log[3:] == [("cancel2", 1000), ("c", 2000)]
        assert desk.gate.in_flight == 2

    play(main)


@pytest.mark.parametrize("leaves", ["withdraw", "withdraw_all"])
def test_when_the_head_withdraws_the_next_is_woken(leaves: str) -> None:
    async def main() -> None:
        desk = Desk(4)

        async def scene() -> None:
            desk.want("big", QUOTE, Cost(3))
            desk.want("head", QUOTE, Cost(2))
            desk.want("next", QUOTE, ONE)
            await anyio.sleep(0.5)
            if leaves == "withdraw":
                desk.gate.withdraw("head")
            else:
                desk.gate.withdraw_all(lambda key: key == "head")
            await anyio.sleep(0.001)

        await running(desk, scene)
        assert desk.log == [("big", 0), ("next", 500)]

    play(main)


def test_a_woken_waiter_that_does_nothing_goes_to_the_back() -> None:
    async def main() -> None:
        desk = Desk(1)
        woken: list[float] = []

        async def scene() -> None:
            desk.send("first")
            assert desk.gate.ask("sleeper", QUOTE, ONE, lambda: woken.append(anyio.current_time())) is None
            desk.want("next")
            await anyio.sleep(1.2)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("next", 1050)]
        assert woken == [pytest.approx(1.0, abs=1e-3 + 1e-5)]
        assert (desk.gate.overslept, desk.gate.waiting()) == (1, 1)

    play(main)


def test_a_lone_sleeper_is_woken_once_a_grace_and_no_oftener() -> None:
    async def main() -> None:
        desk = Desk(1)
        woken: list[float] = []

        async def scene() -> None:
            desk.send("first")
            desk.gate.ask("sleeper", QUOTE, ONE, lambda: woken.append(anyio.current_time()))
            await anyio.sleep(2.02)

        await running(desk, scene)
        assert len(woken) == 21

    play(main)


def test_a_woken_waiter_that_was_overtaken_is_woken_again() -> None:
    async def main() -> None:
        desk = Desk(1)
        woken: list[int] = []

        async def scene() -> None:
            def tell() -> None:
                woken.append(now_ms())

            desk.send("first")
            desk.gate.ask("slow", QUOTE, ONE, tell)
            await anyio.sleep(1.01)
            desk.send("cancel", CANCEL)
            assert desk.gate.ask("slow", QUOTE, ONE, tell) is None
            await anyio.sleep(1.01)
            assert desk.gate.ask("slow", QUOTE, ONE, tell) is not None

        await running(desk, scene)
        assert woken == [1000, 2010]
        assert desk.gate.overslept == 0

    play(main)


def test_a_pause_holds_everybody_and_the_longest_counts() -> None:
    async def main() -> None:
        desk = Desk(10)

        async def scene() -> None:
            desk.gate.pause(3, "429 on placing")
            desk.gate.pause(1, "429 on a query")
            assert desk.want("cancel", CANCEL) is None
            assert desk.gate.paused_until_us == EPOCH_US + 3_000_000
            await anyio.sleep(1)
            desk.gate.pause(4, "429 again")
            await anyio.sleep(10)

        await running(desk, scene)
        assert desk.log == [("cancel", 5000)]
        assert desk.gate.http_429 == 3
        assert desk.gate.pause_reason == "429 again"

    play(main)


def test_a_ban_is_told_to_those_who_wait_and_to_those_who_come() -> None:
    async def main() -> None:
        desk = Desk(1)
        told: list[str] = []
        refused: list[float] = []

        async def waits() -> None:
            try:
                await desk.gate.admit(QUOTE, ONE)
            except Banned as error:
                refused.append(error.retry_after_s)

        async def scene() -> None:
            async with anyio.create_task_group() as tasks:
                in_flight = desk.want("first")
                assert in_flight is not None
                desk.gate.ask("worker", QUOTE, ONE, lambda: told.append("worker"))
                tasks.start_soon(waits)
                await anyio.sleep(0.5)
                desk.gate.ban(120, "IP banned")
                desk.gate.settle(in_flight, {})

        await running(desk, scene)
        assert told == ["worker"]
        assert refused == [120]
        assert desk.gate.banned.is_set()
        assert desk.gate.waiting() == 0
        await anyio.sleep(1000)
        with pytest.raises(Banned, match="IP banned"):
            desk.want("late", CANCEL)
        assert desk.gate.http_418 == 1

    play(main)


def test_admit_waits_its_turn() -> None:
    async def main() -> None:
        desk = Desk(1)
        admitted: list[tuple[str, int]] = []

        async def request(name: str, request_class: RequestClass) -> None:
            ticket = await desk.gate.admit(request_class, ONE)
            admitted.append((name, round(anyio.current_time())))
            await anyio.sleep(0.5)
            desk.gate.settle(ticket, {})

        async def scene() -> None:
            async with anyio.create_task_group() as tasks:
                for name, request_class in [("a", QUERY), ("b", QUERY), ("c", CANCEL)]:
                    tasks.start_soon(request, name, request_class)

        await running(desk, scene)
        assert admitted == [("a", 0), ("c", 2), ("b", 3)]

    play(main)


def test_a_cancelled_admit_holds_nobody_up() -> None:
    async def main() -> None:
        desk = Desk(1)

        async def scene() -> None:
            desk.send("first")
            with anyio.move_on_after(0.3):
                await desk.gate.admit(CANCEL, ONE)
            assert desk.gate.waiting() == 0
            ticket = await desk.gate.admit(QUOTE, ONE)
            desk.gate.release(ticket)

        await running(desk, scene)
        assert desk.gate.overslept == 0
        assert desk.gate.in_flight == 0

    play(main)


def test_leave_given_back_lets_the_next_through_at_once() -> None:
    async def main() -> None:
        desk = Desk(1)

        async def scene() -> None:
            ticket = desk.want("first")
            assert ticket is not None
            desk.want("next")
            await anyio.sleep(0.25)
            desk.gate.release(ticket)
            await anyio.sleep(0.001)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("next", 250)]

    play(main)


def test_a_cost_that_can_never_fit_is_refused_and_does_not_wait() -> None:
    async def main() -> None:
        desk = Desk(4)
        assert desk.want("full", CANCEL, Cost(4)) is not None
        assert desk.want("a") is None
        for key in ("a", "b"):
            with pytest.raises(ValueError, match="never fit"):
                desk.want(key, QUOTE, Cost(5))
        assert desk.gate.waiting() == 0

    play(main)


def test_lowered_limits_tell_a_waiter_that_it_can_never_fit() -> None:
    async def main() -> None:
        desk = Desk(10)
        failures: list[str] = []

        async def wants_much() -> None:
            try:
                await desk.gate.admit(QUOTE, Cost(8))
            except ValueError as error:
                failures.append(str(error))

        async def scene() -> None:
            async with anyio.create_task_group() as tasks:
                desk.send("first", QUOTE, Cost(5))
                tasks.start_soon(wants_much)
                await anyio.sleep(0.1)
                desk.gate.restrict([RateLimit("REQUEST_WEIGHT", 1, 7)])

        await running(desk, scene)
        assert len(failures) == 1
        assert desk.gate.usage()[0].capacity == 7

    play(main)


def test_a_shift_of_the_clock_frees_nothing_early() -> None:
    async def main() -> None:
        desk = Desk(1)

        async def scene() -> None:
            desk.send("first")
            desk.clock.shift(5_000_000)
            desk.want("next")
            desk.clock.shift(-9_000_000)
            await anyio.sleep(1.5)

        await running(desk, scene)
        assert desk.log == [("first", 0), ("next", 1000)]

    play(main)


def test_a_ticket_of_another_gate_is_refused() -> None:
    class Forged:
        cost = ONE
        is_urgent = False

    async def main() -> None:
        with pytest.raises(TypeError, match="another gate"):
            Desk(1).gate.release(Forged())

    play(main)


MINUTE = [RateLimit("ORDERS", 10, 100), RateLimit("REQUEST_WEIGHT", 10, 1000)]


class Saturated:
    """A gate at which symbols always want the next amendment; each is answered at once. Counts what goes through."""

    def __init__(self, policy: Policy | None = None, limits: list[RateLimit] = MINUTE) -> None:
        self.gate: Gate
        self.sent: Counter[str] = Counter()
        self._policy = policy
        self._limits = limits

    def want(self, stake: Stake) -> None:
        def again() -> None:
            self.want(stake)

        while (ticket := self.gate.ask(stake.symbol, REFRESH, PLACE, again, stake)) is not None:
            self.sent[stake.symbol] += 1
            self.gate.settle(ticket, {})

    def play(self, stakes: list[Stake], scene: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            self.gate = Gate(Budget(self._limits, safety=1), Clock(EPOCH_US), self._policy)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.gate.run)
                for stake in stakes:
                    self.want(stake)
                await scene()
                tasks.cancel_scope.cancel()

        run_virtual(main)


def wanted(count: int) -> list[Stake]:
    return [Stake(f"S{number}", error_bps=1, notional_usd=100) for number in range(count)]


def test_with_the_budget_exhausted_by_amendments_urgent_requests_leave_at_once() -> None:
    house = Saturated(Value(Weights()))
    waits: list[float] = []

    async def scene() -> None:
        for number in range(40):
            await anyio.sleep(0.7)
            before = anyio.current_time()
            ticket = await house.gate.admit([CANCEL, REDUCE][number % 2], [ONE, PLACE][number % 2])
            waits.append(anyio.current_time() - before)
            house.gate.settle(ticket, {})

    house.play(wanted(30), scene)
    assert max(waits) == 0
    assert house.sent.total() > 200


def test_what_costs_no_orders_does_not_wait_behind_what_waits_for_them() -> None:
    house = Saturated()
    waits: list[float] = []

    async def scene() -> None:
        for _ in range(5):
            await anyio.sleep(1)
            before = anyio.current_time()
            house.gate.settle(await house.gate.admit(QUERY, Cost(20)), {})
            waits.append(anyio.current_time() - before)

    house.play(wanted(30), scene)
    assert max(waits) < 0.01


def test_where_weight_is_what_lacks_a_question_waits_its_turn_but_not_for_ever() -> None:
    house = Saturated(limits=[RateLimit("ORDERS", 10, 1000), RateLimit("REQUEST_WEIGHT", 10, 100)])
    answered: list[float] = []

    async def scene() -> None:
        await anyio.sleep(1)
        await house.gate.admit(QUERY, ONE)
        answered.append(anyio.current_time())

    house.play(wanted(30), scene)
    assert 31 <= answered[0] < 33


def test_one_that_wants_ever_more_takes_no_more_than_three_shares() -> None:
    house = Saturated(Value(Weights()))

    async def scene() -> None:
        await anyio.sleep(300)

    greedy = Stake("greedy", error_bps=500, is_too_close=True, notional_usd=1e5)
    house.play([*wanted(9), greedy], scene)
    total = house.sent.total()
    assert house.sent["greedy"] <= 0.33 * total
    assert min(house.sent[f"S{number}"] for number in range(9)) >= 0.07 * total


def test_the_policy_can_change_while_everybody_waits() -> None:
    house = Saturated(Fifo())

    async def scene() -> None:
        await anyio.sleep(10)
        house.sent.clear()
        house.gate.follow(Value(Weights()), Decimal("0.5"))
        await anyio.sleep(10)
        house.sent.clear()
        await anyio.sleep(20)

    house.play([*wanted(4), Stake("wrong", error_bps=4, notional_usd=100)], scene)
    # Half the limit; and eight times as valuable, it is only held back by the others' waiting.
    assert 80 <= house.sent.total() <= 100
    assert house.sent.most_common(1)[0][0] == "wrong"


def test_it_counts_what_it_lets_through_and_what_is_withdrawn() -> None:
    async def main() -> None:
        gate = Gate(Budget(MINUTE, safety=1), Clock(EPOCH_US))
        assert gate.ask("a", REFRESH, PLACE, lambda: None, Stake("A", refresh_us=1000)) is not None
        assert gate.ask("b", CANCEL, Cost(1000), lambda: None, Stake("B")) is None
        gate.withdraw("b")
        gate.withdraw("b")
        assert gate.meter.totals()[REFRESH] == 1
        assert (gate.meter.withdrawn_total(), gate.meter.withdrawn_total("B")) == (1, 1)

    play(main)


def test_leave_given_back_was_not_sent() -> None:
    async def main() -> None:
        clock = Clock(EPOCH_US)
        gate = Gate(Budget(MINUTE, safety=1), clock)
        kept = gate.ask("a", REFRESH, PLACE, lambda: None, Stake("A"))
        given_back = gate.ask("b", REFRESH, PLACE, lambda: None, Stake("A"))
        assert kept is not None
        assert given_back is not None
        await anyio.sleep(1.5)
        gate.release(given_back)
        gate.settle(kept, {})
        for _ in range(2):
            assert gate.meter.totals()[REFRESH] == 1
            assert gate.meter.last_minute(clock.steady_us()).total.requests == 1
            await anyio.sleep(30)
        await anyio.sleep(60)
        assert gate.meter.last_minute(clock.steady_us()).total.requests == 0

    play(main)


def test_only_what_became_pointless_counts_as_withdrawn() -> None:
    async def main() -> None:
        gate = Gate(Budget(MINUTE, safety=1), Clock(EPOCH_US))
        assert gate.ask("all", CANCEL, Cost(1000), lambda: None) is not None
        for key in ("pointless", "of a worker that ends"):
            assert gate.ask(key, CANCEL, ONE, lambda: None, Stake("A")) is None
        with anyio.move_on_after(0.1):
            await gate.admit(CANCEL, ONE, "A")
        gate.withdraw("pointless")
        gate.withdraw_all(lambda key: True)
        assert (gate.meter.withdrawn_total("A"), gate.waiting()) == (1, 0)

    play(main)


def test_a_wish_that_can_never_fit_any_more_holds_up_nobody_else() -> None:
    async def main() -> None:
        gate = Gate(Budget(MINUTE, safety=1), Clock(EPOCH_US))
        assert gate.ask("all", CANCEL, Cost(0, 100), lambda: None) is not None
        assert gate.ask("many", QUOTE, Cost(50, 1), lambda: None) is None
        gate.restrict([RateLimit("ORDERS", 10, 100), RateLimit("REQUEST_WEIGHT", 10, 20)])
        assert gate.ask("question", QUERY, ONE, lambda: None) is not None
        with pytest.raises(ValueError, match="never fit"):
            gate.ask("many", QUOTE, Cost(50, 1), lambda: None)

    play(main)


def test_whether_there_is_room_depends_on_the_class_on_what_is_in_flight_and_on_a_pause() -> None:
    async def main() -> None:
        desk = Desk(10, reserve=0.2)
        gate = desk.gate
        assert gate.has_room(QUOTE, Cost(8))
        assert gate.has_room(CANCEL, Cost(10))
        assert desk.want("first", QUOTE, Cost(5)) is not None
        assert not gate.has_room(QUOTE, Cost(4))
        assert gate.has_room(QUOTE, Cost(3))
        assert gate.has_room(CANCEL, Cost(5))
        assert gate.waiting() == 0
        gate.pause(1.0, "429")
        assert not gate.has_room(CANCEL, ONE)
        with pytest.raises(ValueError, match="can never fit"):
            Desk(10, reserve=0.2).gate.has_room(QUOTE, Cost(9))
        narrow = Desk(10, max_in_flight=2, reserved_in_flight=1)
        assert narrow.want("one") is not None
        assert not narrow.gate.has_room(QUOTE, ONE)
        assert narrow.gate.has_room(CANCEL, ONE)

    play(main)
