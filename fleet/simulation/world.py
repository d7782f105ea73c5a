"""A bad day lived through: an exchange in memory, the processes of a fleet, and what goes wrong with both.

Owns: carrying out a day's troubles on a whole fleet, unchanged, in virtual time. Must not know: what must hold (the
watch does), how a day is drawn, how a process or a fault is made. The same day gives the same trace, byte for byte.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

import anyio

from fleet.config.models import FleetConfig
from fleet.runtime.mailbox import Crash as WorkerBreaks
from fleet.simulation.caps import Caps
from fleet.simulation.exchange import Exchange
from fleet.simulation.fleet_file import FleetFile
from fleet.simulation.loop import Deadlock, Livelock, run_virtual
from fleet.simulation.processes import Processes
from fleet.simulation.trouble import (
    Blow,
    ClockStep,
    Crash,
    Day,
    Edit,
    Foreign,
    Kill,
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

LOOK_EVERY_S = 0.15
QUIET_S = 5.0
LONG_QUIET_S = 35.0
LONG_QUIET_EVERY = 5
"""After the last trouble, before the fleet stops. On each so-many-th day long enough that it has looked at the whole
account again: then what it believes is held against what is."""
LAST_STOP_S = 120.0
"""How long the last stop may take, with nothing going wrong: the minute's weight may be spent."""
PAUSE_S, LONG_PAUSE_S = 2.0, 130.0
"""Before the fleet is started once more; the latter longer than a countdown that was left running."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a day. `is_audited`: its books were compared. `counted`: troubles that happened, by kind."""

    day: Day
    violations: tuple[Violation, ...]
    is_audited: bool
    trace: tuple[tuple[int, str], ...]
    orders: int
    fills: int
    requests: int
    counted: Counter[str]


def live(day: Day) -> Outcome:
    """Raises nothing: what breaks out of the fleet is a violation, and so is that it keeps time from going on."""
    worlds: list[World] = []

    async def main() -> None:
        world = World(day)
        worlds.append(world)
        await world.run()

    try:
        run_virtual(main)
    except (Deadlock, Livelock) as error:
        # What the loop's end has broken besides is of no matter.
        outcome = worlds[0].outcome()
        return replace(outcome, violations=(Violation(outcome.trace[-1][0], "time goes on", str(error)),))
    return worlds[0].outcome()


class World:
    def __init__(self, day: Day) -> None:
        self._day = day
        self._tasks = anyio.create_task_group()
        self._scope = anyio.CancelScope()
        self._counted: Counter[str] = Counter()
        self._is_audited = False
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

    def outcome(self) -> Outcome:
        return Outcome(
            self._day,
            tuple(self._watch.violations),
            self._is_audited,
            tuple(self._trace.lines),
            self._watch.orders,
            self._watch.fills,
            sum(line.startswith(">") for _, line in self._trace.lines),
            self._counted,
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
        dues: list[tuple[float, int, Trouble | None, Spell | Kill | None]] = []
        for number, trouble in enumerate(self._day.troubles):
            dues.append((trouble.at_s, number, trouble, None))
            if isinstance(trouble, Spell | Kill):
                dues.append((trouble.at_s + trouble.for_s, number, None, trouble))
        for due_s, _, trouble, over in sorted(dues, key=lambda due: due[:2]):
            if due_s > self._day.seconds:
                break
            await self._processes.keep_up(due_s)
            if isinstance(over, Spell):
                self._exchange.end(over)
            elif over is not None:
                self._processes.kills.resume(self._symbol(over))
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
            case Kill():
                self._processes.kills.kill(self._symbol(trouble), "killed by its owner")

    def _symbol(self, kill: Kill) -> str | None:
        return None if kill.symbol is None else self._file.symbols[kill.symbol]

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
        is_long = self._day.seed % LONG_QUIET_EVERY == 0
        quiet_s = LONG_QUIET_S if is_long else QUIET_S
        await self._processes.keep_up(max(anyio.current_time(), self._exchange.banned_until_s) + quiet_s)
        if is_long and self._processes.running is not None:
            self._watch.quiet(self._processes.running)
        if await self._has_stopped_and_counted():
            return
        self._watch.uncounted()
        # No day ends without a look at the books.
        self._exchange.loosen()
        await anyio.sleep(LONG_PAUSE_S if is_long else PAUSE_S)
        self._processes.start()
        await self._processes.keep_up(anyio.current_time() + PAUSE_S)
        if not await self._has_stopped_and_counted():
            self._watch.say("the last trades are counted", "they were not, by a fleet that was hindered by nothing")

    async def _has_stopped_and_counted(self) -> bool:
        self._trace.add("# the fleet is told to stop for the last time")
        process = self._processes.current
        process.stop()
        with anyio.move_on_after(LAST_STOP_S):
            await process.ended.wait()
        fleet = process.fleet
        if not process.ended.is_set():
            self._watch.say("a stop comes to its end", f"the fleet has not stopped within {LAST_STOP_S:.0f} s")
        if fleet is None or not fleet.drain.has_counted_all:
            return False
        process.ledger.sync()
        self._watch.books(fleet)
        self._watch.ledger(self._processes.store, fleet)
        self._is_audited = True
        return True
