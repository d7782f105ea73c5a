"""What goes wrong on one bad day, as a list of values: drawn from a seed, shown to people, and made shorter.

Owns: the kinds of trouble and how a day's are drawn. Must not know: fleets, exchanges, tasks. Each trouble stands by
itself: with one left out, all others happen as they did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from exchange.model import Side
from exchange.paper.fault_settings import (
    CutLines,
    Events,
    ExpireListenKeys,
    FaultSettings,
    HalfOpen,
    Latency,
    LogNormal,
    Once,
    Requests,
    Restart,
    Stall,
    Uniform,
)
from fleet.orders.lifecycle import NONCE_WINDOW_US
from fleet.scheduling.heartbeats import USUAL_TIMEOUT_S

SECONDS = 60.0
SYMBOLS = 20
SPARE_SYMBOLS = 4
"""Not in the fleet at first: edits bring them in."""

DEAD_S = USUAL_TIMEOUT_S + NONCE_WINDOW_US / 1e6
"""After the death of a process no order of its own may be left: its last heartbeat may have come as late as that."""

CHANCES = (
    ("answer_503_executed", 0.05),
    ("answer_503_not_executed", 0.05),
    ("no_answer_executed", 0.05),
    ("no_answer_not_executed", 0.05),
    ("answer_429", 0.01),
    ("event_dropped", 0.1),
    ("event_duplicated", 0.3),
    ("event_delayed", 0.3),
    ("event_reordered", 0.3),
    ("listen_key_expires_young", 0.5),
    ("order_not_found", 0.8),
)
"""The highest that a spell may make each chance of the exchange's faults."""

OVERLOAD = (("answer_503_executed", 0.15), ("answer_503_not_executed", 0.15), ("order_not_found", 0.9))


@dataclass(frozen=True, slots=True)
class Spell:
    """For a while each request, or each event, may meet a fault of this name."""

    at_s: float
    for_s: float
    name: str
    chance: float


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault of the exchange or its lines, at once."""

    at_s: float
    once: Once


@dataclass(frozen=True, slots=True)
class Crash:
    """The fleet's process is gone between two instants; another is started after a pause."""

    at_s: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class Late:
    """The next placements or amendments are held up on their way, and their connections break: they arrive when nobody
    reckons with them any more, perhaps after the process that sent them is gone."""

    at_s: float
    method: str
    count: int
    late_s: float
    broken_after_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Its owner stops the fleet, and starts it again after a pause."""

    at_s: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class WorkerCrash:
    """A fault of ours breaks a symbol's worker."""

    at_s: float
    symbol: int


@dataclass(frozen=True, slots=True)
class Edit:
    """The fleet file is saved: a symbol goes, comes, or has other parameters. `draw` makes the new ones."""

    at_s: float
    symbol: int
    draw: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The venue's clock is ahead by so much from now on; before the first step it is right."""

    at_s: float
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """The owner places an order of his own beside the fleet's."""

    at_s: float
    symbol: int


@dataclass(frozen=True, slots=True)
class OwnersTrade:
    """The owner trades by hand beside the fleet."""

    at_s: float
    symbol: int
    side: Side


@dataclass(frozen=True, slots=True)
class Kill:
    """The owner has no order of a symbol (None: of any) stand for a while. Whether a process lives or not."""

    at_s: float
    for_s: float
    symbol: int | None


Trouble = Spell | Blow | Crash | Late | Stop | WorkerCrash | Edit | ClockStep | Foreign | OwnersTrade | Kill


@dataclass(frozen=True, slots=True)
class Day:
    """`ways`: latencies to the venue, from it, and of its streams. `troubles` in order of time."""

    seed: int
    seconds: float
    symbols: int
    ways: tuple[Latency, Latency, Latency]
    troubles: tuple[Trouble, ...]

    @property
    def faults(self) -> FaultSettings:
        to_venue, from_venue, stream = self.ways
        return FaultSettings(to_venue=to_venue, from_venue=from_venue, stream=stream)


def kind_of(trouble: Trouble) -> str:
    """What it counts as in the figures."""
    match trouble:
        case Spell(name=name):
            return name
        case Blow(once=Requests() as once):
            return f"next_requests_{once.answer}"
        case Blow(once=Events() as once):
            return f"next_events_{once.fate}"
        case Blow(once=once):
            return type(once).__name__
        case _:
            return type(trouble).__name__


def draw_day(seed: int, seconds: float = SECONDS, symbols: int = SYMBOLS) -> Day:
    """Every kind of trouble has a stream of its own, so that a new kind leaves the others as they were."""
    rng = Random(f"{seed}:ways")
    troubles: list[Trouble] = []
    for name, draw in _DRAWS.items():
        own = Random(f"{seed}:{name}")
        troubles += draw(own, seconds, symbols)
    troubles.sort(key=lambda trouble: trouble.at_s)
    return Day(seed, seconds, symbols, (_way(rng), _way(rng), _way(rng)), tuple(troubles))


def _way(rng: Random) -> Latency:
    if rng.random() < 0.5:
        return Uniform(low_ms=0, high_ms=float(rng.choice((9, 49, 199))))
    return LogNormal(median_ms=float(rng.choice((5, 20, 60))), sigma=rng.choice((0.3, 0.7, 1.0)))


def _when(rng: Random, seconds: float) -> float:
    return round(rng.uniform(0, seconds), 3)


def _spells(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    found: list[Trouble] = []
    for name, most in CHANCES:
        if rng.random() < 0.5:
            at_s = _when(rng, seconds)
            for_s = round(rng.uniform(1, seconds / 2), 3)
            found.append(Spell(at_s, for_s, name, round(rng.uniform(0.1, 1) * most, 4)))
    return found


def _overloads(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    """Seldom: the exchange has more to do than it can. Many requests have no proper answer, and the servers that are
    asked after them lag behind."""
    if rng.random() < 0.8:
        return []
    at_s, for_s = _when(rng, seconds), round(rng.uniform(3, 15), 3)
    return [Spell(at_s, for_s, name, chance) for name, chance in OVERLOAD]


def _blows(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    return [Blow(_when(rng, seconds), rng.choice(_BLOWS)(rng)) for _ in range(rng.randrange(6))]


def _requests(rng: Random) -> Once:
    answer = rng.choice(("503", "none", "none", "429"))
    executed = rng.random() < 0.5
    after_s = rng.choice((0.0, 0.0, 2.0, 20.0))
    # The whole of a short outage, or one request to meet a certain instant.
    return Requests(answer=answer, executed=executed, count=rng.choice((1, 1, 3, 20)), after_s=after_s)


_BLOWS: tuple[Callable[[Random], Once], ...] = (
    _requests,
    _requests,
    lambda rng: Events(fate=rng.choice(("dropped", "duplicated", "delayed", "reordered")), count=rng.choice((1, 3))),
    lambda rng: CutLines(code=rng.choice((1006, 1001)), refused_for_s=rng.choice((0.0, 0.0, 2.0))),
    lambda rng: Stall(for_s=round(rng.uniform(0.5, 8), 3)),
    lambda rng: HalfOpen(for_s=round(rng.uniform(1, 20), 3)),
    lambda rng: Restart(for_s=round(rng.uniform(0.2, 6), 3)),
    lambda rng: ExpireListenKeys(),
)


def _bans(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    """Seldom: after it a fleet stops, and its owner starts it again."""
    if rng.random() < 0.97:
        return []
    return [Blow(_when(rng, seconds), Requests(answer="418"))]


def _crashes(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    count = rng.choice((0, 0, 0, 1, 1, 1, 1, 2, 2, 3))
    return [Crash(_when(rng, seconds), round(rng.uniform(1, 6), 3)) for _ in range(count)]


def _long_crashes(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    """Seldom: nobody starts the fleet again before the exchange's countdown must have run out."""
    if rng.random() < 0.95:
        return []
    return [Crash(_when(rng, seconds), round(DEAD_S + rng.uniform(1, 5), 3))]


def _late(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    """Often the process has just been started, and dies with its first placements on their way: the next one is there
    before they are."""
    found: list[Trouble] = []
    if rng.random() < 0.7:
        return found
    for _ in range(rng.choice((1, 2, 3))):
        at_s = _when(rng, seconds)
        late_s = round(rng.choice((rng.uniform(0.3, 2), rng.uniform(1, 4.9), rng.uniform(4, 9.9))), 3)
        method, count = rng.choice((("POST", 1), ("POST", 4), ("PUT", 1), ("PUT", 3)))
        found.append(Late(at_s, method, count, late_s, rng.choice((0.0, 0.0, 0.2, 2.0))))
        if rng.random() < 0.5:
            pause_s = round(rng.uniform(0.3, 1.5), 3)
            again_s = round(at_s + pause_s + rng.uniform(0.5, 2.5), 3)
            found += [Crash(at_s, pause_s), Crash(again_s, round(rng.uniform(0.3, 1.5), 3))]
    return found


def _stops(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    return [Stop(_when(rng, seconds), round(rng.uniform(1, 3), 3))] if rng.random() < 0.2 else []


def _worker_crashes(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    count = rng.choice((0, 0, 0, 1, 1, 6))
    symbol = rng.randrange(symbols)
    return [WorkerCrash(_when(rng, seconds), symbol) for _ in range(count)]


def _edits(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    return [
        Edit(_when(rng, seconds), rng.randrange(symbols + SPARE_SYMBOLS), rng.randrange(2**32))
        for _ in range(rng.choice((0, 0, 1, 2, 4, 8)))
    ]


def _clock_steps(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    return [
        ClockStep(_when(rng, seconds), round(rng.gauss(0, 1) * rng.choice((200, 2000, 20_000))))
        for _ in range(rng.choice((0, 0, 1, 2)))
    ]


def _foreign(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    return [Foreign(_when(rng, seconds), rng.randrange(symbols)) for _ in range(rng.choice((0, 1, 2)))]


def _owners_trades(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    """Mostly while the fleet hears of nothing, and no order of its own tells it either."""
    found: list[Trouble] = []
    if rng.random() < 0.75:
        return found
    for _ in range(rng.choice((1, 1, 2, 3))):
        at_s = _when(rng, seconds)
        if rng.random() < 0.7:
            found.append(Blow(at_s, CutLines(refused_for_s=2.0)))
        found.append(
            OwnersTrade(round(at_s + rng.uniform(0.1, 1.5), 3), rng.randrange(symbols), rng.choice(list(Side)))
        )
    return found


def _kills(rng: Random, seconds: float, symbols: int) -> list[Trouble]:
    if rng.random() < 0.75:
        return []
    symbol = rng.choice((None, rng.randrange(symbols)))
    return [Kill(_when(rng, seconds), round(rng.uniform(2, 20), 3), symbol)]


_DRAWS: dict[str, Callable[[Random, float, int], list[Trouble]]] = {
    "spells": _spells,
    "overloads": _overloads,
    "blows": _blows,
    "bans": _bans,
    "crashes": _crashes,
    "long crashes": _long_crashes,
    "late": _late,
    "stops": _stops,
    "worker crashes": _worker_crashes,
    "edits": _edits,
    "clock steps": _clock_steps,
    "foreign orders": _foreign,
    "owner's trades": _owners_trades,
    "kills": _kills,
}
