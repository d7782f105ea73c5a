"""A bad day lived through: an exchange in memory, the processes of a fleet, and what goes wrong with both.

Owns: carrying out a day's troubles on a whole fleet, unchanged, in virtual time. Must not know: what must hold (the
watch does), how a day is drawn, how a process or a fault is made. The same day gives the same trace, byte for byte.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial

import anyio

from fleet.config.models import FleetConfig
from fleet.runtime.mailbox import Crash as WorkerBreaks
from fleet.simulation.caps import Caps
from fleet.simulation.exchange import Exchange
from fleet.simulation.fleet_file import FleetFile
from fleet.simulation.loop import run_virtual
from fleet.simulation.processes import Processes
from fleet.simulation.trouble import (
    Blow,
    ClockStep,
    Crash,
    Day,
    Edit,
    Foreign,
    Late,
    OwnersTrade,
    Spell,
    Stop,
    Trouble,
    WorkerCrash,
    kind_of,
)
from fleet.simulation.watch import Violation, Watch
from fleet.simulation.wire import WORLD, HeldUp, Trace

LOOK_EVERY_S = 0.1
QUIET_S = 5.0
LONG_QUIET_S = 35.0
LONG_QUIET_EVERY = 5
"""After the last trouble, before the fleet stops. On each so-many-th day long enough that it has looked at the whole
account again: then what it believes is held against what is."""
LAST_STOP_S = 120.0
"""How long the last stop may take, with nothing going wrong: the minute's weight may be spent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a day. `counted`: troubles that happened, by kind."""

    day: Day
    violations: tuple[Violation, ...]
    trace: tuple[tuple[int, str], ...]
    orders: int
    fills: int
    requests: int
    counted: Counter[str]


def live(day: Day) -> Outcome:
    """Raises nothing: what breaks out of the fleet is a violation."""
    return run_virtual(World.of, day)


class World:
    def __init__(self, day: Day) -> None:
        self._day = day
        self._tasks = anyio.create_task_group()
        self._scope = anyio.CancelScope()
        self._counted: Counter[str] = Counter()
        self._file = FleetFile(day.seed, day.symbols)
        config = self._file.config
        self._exchange = Exchange(day, config)
        paper, clock = self._exchange.paper, self._exchange.clock
        self._trace = Trace(clock)
        self._watch = Watch(paper, config, clock.now_us)
        self._processes = Processes(day.seed, self._file, self._exchange, self._watch, self._trace, self._tasks)
        say = partial(self._watch.say, "within the file's limits")
        self._caps = Caps(paper, config, lambda: self._processes.fleet, say)
        self._watch.on_violation = self._scope.cancel
        self._watch.troubled_us = self._processes.troubled_us
        self._watch.standing.heard_us = self._processes.heard_us
        self._exchange.on_lost = self._watch.beliefs.note_lost
        paper.engine.orders.tell_also(self._watch)
        paper.engine.orders.tell_also(self._caps)

    @staticmethod
    async def of(day: Day) -> Outcome:
        world = World(day)
        await world.run()
        return Outcome(
            day,
            tuple(world._watch.violations),
            tuple(world._trace.lines),
            world._watch.orders,
            world._watch.fills,
            sum(line.startswith(">") for _, line in world._trace.lines),
            world._counted,
        )

    async def run(self) -> None:
        current = asyncio.current_task()
        assert current is not None
        current.set_name(WORLD + "main")
        async with self._tasks as tasks:
            tasks.start_soon(self._exchange.runner.run, name=WORLD + "exchange")
            tasks.start_soon(self._look, name=WORLD + "watch")
            tasks.start_soon(self._processes.sync, name=WORLD + "disk")
            with self._scope:
                self._processes.start()
                await self._troubles()
                await self._end()
            await self._processes.kill()
            tasks.cancel_scope.cancel()

    async def _look(self) -> None:
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            self._watch.look(self._processes.running)

    async def _troubles(self) -> None:
        """Each in its time. While no process runs, what would happen to one waits until there is one again."""
        dues: list[tuple[float, int, Trouble | None, Spell | None]] = []
        for number, trouble in enumerate(self._day.troubles):
            dues.append((trouble.at_s, number, trouble, None))
            if isinstance(trouble, Spell):
                dues.append((trouble.at_s + trouble.for_s, number, None, trouble))
        for due_s, _, trouble, over in sorted(dues, key=lambda due: due[:2]):
            if due_s > self._day.seconds:
                break
            await self._processes.keep_up(due_s)
            if over is not None:
                self._exchange.end(over)
            if trouble is not None:
                await self._happen(trouble)
        await self._processes.keep_up(self._day.seconds)

    async def _happen(self, trouble: Trouble) -> None:
        self._counted[kind_of(trouble)] += 1
        self._trace.add(f"# {trouble}")
        match trouble:
            case Spell():
                self._exchange.begin(trouble)
            case Blow(once=once):
                self._exchange.break_once(once)
            case Crash(pause_s=pause_s):
                await self._processes.crash(pause_s)
            case Late(method=method, count=count, late_s=late_s, broken_after_s=broken_after_s):
                self._processes.held_up += [HeldUp(method, late_s, broken_after_s)] * count
            case Stop(pause_s=pause_s):
                await self._processes.stop(pause_s)
            case WorkerCrash(symbol=number):
                fleet = self._processes.trading
                slot = fleet.slots.get(self._file.symbols[number]) if fleet else None
                if slot is not None:
                    slot.mailbox.put(WorkerBreaks(RuntimeError("planted")))
            case Edit(symbol=number, draw=draw):
                self._edit(self._file.edit(self._file.symbols[number], draw))
            case ClockStep(ahead_ms=ahead_ms):
                self._exchange.step_clock(ahead_ms)
            case Foreign(symbol=number):
                order = self._exchange.place(self._file.symbols[number], f"the-owners-{len(self._watch.foreign)}")
                if order is not None:
                    self._watch.foreign[order.client_id] = order
            case OwnersTrade(symbol=number, side=side):
                self._exchange.trade(self._file.symbols[number], side)

    def _edit(self, config: FleetConfig) -> None:
        self._watch.note_caps(config)
        self._caps.note(config)
        if self._processes.trading is not None:
            self._processes.trading.apply(config)

    async def _end(self) -> None:
        """Nothing goes wrong any more: what is believed is held against what is, the fleet stops, and the books too."""
        self._trace.add("# nothing goes wrong any more")
        self._processes.held_up.clear()
        self._exchange.calm()
        if self._exchange.banned_until_s > anyio.current_time():
            return
        is_long = self._day.seed % LONG_QUIET_EVERY == 0
        quiet_s = LONG_QUIET_S if is_long else QUIET_S
        await self._processes.keep_up(max(self._day.seconds, anyio.current_time()) + quiet_s)
        if is_long and self._processes.running is not None:
            self._watch.quiet(self._processes.running)
        self._trace.add("# the fleet is told to stop for the last time")
        process = self._processes.current
        process.stop()
        with anyio.move_on_after(LAST_STOP_S):
            await process.ended.wait()
        if not process.ended.is_set():
            self._watch.say("a stop comes to its end", f"the fleet has not stopped within {LAST_STOP_S:.0f} s")
        elif process.fleet is not None and process.fleet.failure is None:
            process.ledger.sync()
            self._watch.books(process.fleet)
            self._watch.ledger(self._processes.store, process.fleet)
