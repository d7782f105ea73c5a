"""Whatever is sent, lost, changed and told: a model venue never counts more of ours than it may, and nobody waits for ever.

The venue counts each request at some instant between its sending and its end, known to nobody but it; its windows slide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.limits.budget import Budget, Lane, Spend
from exchange.model import RateLimit
from exchange.ports import Cost

SECOND = 1_000_000
LONG = RateLimit("ORDERS", 2, 9)
SHORT = RateLimit("ORDERS", 1, 5)
WEIGHT = RateLimit("REQUEST_WEIGHT", 2, 12)
LENGTHS_US = {limit.name: limit.interval_s * SECOND for limit in (LONG, SHORT, WEIGHT)}


@dataclass(eq=False)
class Sent:
    """A request; times are the venue's. `told` is its answer's count by limiter, with what is certain to be foreign."""

    spend: Spend
    lane: Lane
    sent_us: int
    counted_us: int
    ended_us: int
    is_lost: bool
    amounts: dict[str, int]
    told: dict[str, int] = field(default_factory=dict[str, int])


class Model:
    """The budget under test, a venue, and others who spend there."""

    def __init__(self, limits: list[RateLimit], spent_before: int, *, assume_spent: bool) -> None:
        self.budget = Budget(limits, safety=1, assume_spent=assume_spent)
        self.capacities = {limit.name: limit.limit for limit in limits}
        self.now_us = 10 * SECOND
        self.behind_us = 0
        """How far our clock is behind the venue's: it steps back, and stands still."""
        self.sent: list[Sent] = []
        self.flying: list[Sent] = []
        self.foreign: dict[str, list[tuple[int, int]]] = {name: [] for name in LENGTHS_US}
        self.began_us = self.now_us
        self.before: dict[str, int] = {}
        """What was spent just before we came, where the budget is to assume so, and nothing has misled it since."""
        for limit in limits:
            # Of what was spent before we came the budget leaves a probe's room.
            reserve = max(int(limit.limit * (0.02 if limit.kind == "ORDERS" else 0.1)), 1 if limit.limit >= 4 else 0)
            if assume_spent:
                self.before[limit.name] = min(spent_before, max(0, limit.limit - reserve - 1))
                self.foreign[limit.name].append((self.now_us, self.before[limit.name]))

    @property
    def ours_us(self) -> int:
        return self.now_us - self.behind_us

    def own(self, name: str, from_us: int, until_us: int) -> int:
        return sum(each.amounts[name] for each in self.sent if from_us <= each.counted_us <= until_us)

    def others(self, name: str, from_us: int, until_us: int) -> int:
        return sum(count for at_us, count in self.foreign[name] if from_us <= at_us <= until_us)

    def take(self, cost: Cost, lane: Lane, latency_us: int, counted_at: float, is_lost: bool) -> None:
        spend = self.budget.take(cost, self.ours_us, lane)
        if spend is None:
            self.expect_progress(cost, lane)
            return
        amounts = {name: cost.weight if name == WEIGHT.name else cost.orders for name in LENGTHS_US}
        counted_us = self.now_us + round(latency_us * counted_at)
        each = Sent(spend, lane, self.now_us, counted_us, self.now_us + latency_us, is_lost, amounts)
        self.sent.append(each)
        self.flying.append(each)
        for name, capacity in self.capacities.items():
            if amounts[name]:
                self.expect_within(name, capacity, each)

    def expect_within(self, name: str, capacity: int, newest: Sent) -> None:
        """No window that holds the newest request holds more of ours than may be, nor, with what the venue has told of
        others', more."""
        length_us = LENGTHS_US[name]
        starts = {newest.counted_us - length_us} | {
            each.counted_us for each in self.sent if 0 <= newest.counted_us - each.counted_us <= length_us
        }
        for start_us in starts:
            own = self.own(name, start_us, start_us + length_us)
            assert own + (self.before.get(name, 0) if start_us <= self.began_us else 0) <= capacity
        # Requests on their way may be in a told count or not: only what exceeds all of them is certain to be others'.
        for told in self.sent:
            foreign = min(told.told.get(name, 0), self.others(name, self.now_us - length_us, told.counted_us))
            if foreign > 0 and told.ended_us <= self.now_us:
                assert self.own(name, self.now_us - length_us, self.now_us + 10**9) + foreign <= capacity

    def expect_progress(self, cost: Cost, lane: Lane) -> None:
        try:
            ready_us = self.budget.ready_us(cost, self.ours_us, lane)
        except ValueError:
            # It can never fit, and that is said so.
            return
        if ready_us is None:
            assert self.flying
        else:
            # A clock that went back waits that much longer: no longer than it was ahead.
            assert ready_us <= self.ours_us + self.behind_us + 2 * max(LENGTHS_US.values())

    def advance(self, pause_us: int) -> None:
        """Ends what is due, in order."""
        until_us = self.now_us + pause_us
        for each in sorted(self.flying, key=lambda each: each.ended_us):
            if each.ended_us > until_us:
                break
            self.now_us = max(self.now_us, each.ended_us)
            self.end(each)
        self.now_us = until_us

    def end(self, each: Sent) -> None:
        self.flying.remove(each)
        used: dict[str, int] = {}
        for name, length_us in LENGTHS_US.items():
            if each.is_lost or not each.amounts[name]:
                continue
            own = self.own(name, each.counted_us - length_us, each.counted_us)
            foreign = self.others(name, each.counted_us - length_us, each.counted_us)
            used[name] = own + foreign
            # Those that our count has, and this one of the venue's has not.
            held = sum(
                other.amounts[name]
                for other in self.sent
                if other.ended_us + length_us >= each.sent_us - self.behind_us
                and not each.counted_us - length_us <= other.counted_us <= each.counted_us
            )
            each.told[name] = foreign - held
        self.budget.settle(each.spend, self.ours_us, used)


PAUSE = st.one_of(st.sampled_from([0, SECOND // 2, SECOND, SECOND + 1, 2 * SECOND]), st.integers(0, 2 * SECOND))
LATENCY = st.one_of(st.sampled_from([0, 1, SECOND // 4, SECOND]), st.integers(0, 2 * SECOND))
TAKE = st.tuples(
    st.just("take"),
    st.integers(1, 6),
    st.one_of(st.just(Cost(1, 1)), st.builds(Cost, st.integers(0, 3), st.integers(0, 2))),
    st.sampled_from([Lane.URGENT, Lane.URGENT, Lane.OPENING, Lane.PACED]),
    LATENCY,
    st.sampled_from([0.0, 1.0, 0.5]),
    st.sampled_from([False, False, True]),
)
CALM = (
    TAKE,
    TAKE,
    TAKE,
    st.tuples(st.just("pause"), PAUSE),
    st.tuples(st.just("pause"), PAUSE),
    st.tuples(st.just("release")),
    st.tuples(st.just("foreign"), st.sampled_from(sorted(LENGTHS_US)), st.integers(1, 9)),
    st.tuples(st.just("clock"), st.integers(0, SECOND)),
)
WILD = (
    *CALM,
    st.tuples(st.just("limits"), st.integers(1, 14), st.integers(1, 8), st.integers(1, 14), st.booleans()),
    st.tuples(st.just("lie"), st.sampled_from(sorted(LENGTHS_US)), st.sampled_from([-1, 0, 1, 10**9])),
)
STEPS = st.one_of(*(st.lists(st.one_of(*kinds), min_size=5, max_size=40) for kinds in (CALM, WILD)))


@settings(max_examples=600, deadline=None)
@given(STEPS, st.integers(0, 12), st.booleans())
def test_never_over_and_never_stuck(steps: list[tuple[object, ...]], spent_before: int, assume_spent: bool) -> None:
    model = Model([LONG, SHORT, WEIGHT], spent_before, assume_spent=assume_spent)
    for step in steps:
        match step:
            case ("take", int(times), Cost() as cost, Lane() as lane, int(late_us), float(at), bool(is_lost)):
                for _ in range(times):
                    model.take(cost, lane, late_us, at, is_lost)
            case ("pause", int(pause_us)):
                model.advance(pause_us)
            case ("release",):
                if model.flying:
                    unsent = model.flying.pop()
                    model.sent.remove(unsent)
                    model.budget.release(unsent.spend)
            case ("foreign", str(name), int(count)):
                model.foreign[name].append((model.now_us, count))
            case ("limits", int(long), int(short), int(weight), bool(is_absent)):
                changed = [RateLimit("ORDERS", 2, long), RateLimit("ORDERS", 1, short)]
                changed = [*(changed[:1] if is_absent else changed), RateLimit("REQUEST_WEIGHT", 2, weight)]
                model.budget.restrict(changed)
                model.capacities = {limit.name: limit.limit for limit in changed}
                model.before.clear()
            case ("clock", int(back_us)):
                model.behind_us += back_us
            case ("lie", str(name), int(figure)):
                lying = model.budget.take(Cost(1, 0), model.ours_us)
                if lying is not None:
                    model.budget.settle(lying, model.ours_us, {name: figure})
                    model.before.clear()
            case _:
                raise AssertionError(step)
    model.behind_us = 0
    for _ in range(2):
        # What is assumed is held from the first look on.
        model.advance(60 * SECOND)
        model.budget.usage(model.ours_us)
    assert not model.flying
    assert all(use.used == use.assumed == 0 for use in model.budget.usage(model.ours_us))
