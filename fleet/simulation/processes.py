"""The processes of a fleet that come and go: started, stopped by their owner, killed, and started again.

Owns: one life of the fleet after another, each with its own wire, clock and ledger on the one store, what they write
down for one another, and how a process ends at once. Must not know: what goes wrong and when, what must hold.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any, cast

import anyio
from anyio.abc import TaskGroup

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.paper.memory import PaperLines, PaperTransport
from fleet.config.credentials import Credentials
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Owner, Store
from fleet.risk.loss import RiskMemory
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.memory import MemoryFile
from fleet.simulation.exchange import Exchange
from fleet.simulation.fleet_file import FLEET, FleetFile
from fleet.simulation.loop import START_US
from fleet.simulation.watch import Watch
from fleet.simulation.wire import HOST, WORLD, HeldUp, Trace, Wire
from fleet.wiring.client import Address, open_venue

SYNC_WITHIN_S = 2.0
"""Between two times that the ledger is written down: longer than in life, so that a crash loses something."""
RESTART_S = 2.0
"""After a fleet that could not go on its owner starts another, and after a ban not before it is over."""


class Notes(MemoryFile):
    """Where the fleet held a position, as its processes write it down for one another. Not what it made: where a limit
    that was hit is remembered nothing is opened any more, and the rest of the day would show little."""

    def __init__(self) -> None:
        super().__init__(Path("notes"))
        self._handed: RiskMemory | None = None
        self._on_disk: RiskMemory | None = None

    def read(self) -> RiskMemory | None:
        return self._on_disk

    def keep(self, memory: RiskMemory) -> str:
        # The one before has been written meanwhile.
        self._on_disk = self._handed
        self._handed = RiskMemory(0, held=tuple({**dict.fromkeys(memory.held), **memory.bases}))
        return ""

    def finish(self, memory: RiskMemory) -> str:
        self.keep(memory)
        return self.keep(memory)

    def lose_unsynced(self) -> None:
        self._handed = self._on_disk


class Process:
    """One life of the fleet's process: its root task, its wire and ledger, its fleet once there is one."""

    def __init__(self, wire: Wire, ledger: Ledger) -> None:
        self.wire = wire
        self.ledger = ledger
        self.fleet: Fleet | None = None
        self.wants_stop = False
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """By its owner, who need not wait until there is a fleet."""
        self.wants_stop = True
        if self.fleet is not None:
            self.fleet.stop()


class Processes:
    def __init__(
        self, seed: int, file: FleetFile, exchange: Exchange, watch: Watch, trace: Trace, tasks: TaskGroup
    ) -> None:
        self.store = Store(None, Owner("paper", FLEET), now_ms=exchange.clock.now_ms(), fleet=FLEET)
        self.kills = KillSwitch()
        """What the owner has killed outlives every process."""
        self._notes = Notes()
        self.held_up: list[HeldUp] = []
        """What is to come of the next requests, of whichever process they are."""
        self._seed = seed
        self._file = file
        self._exchange = exchange
        self._watch = watch
        self._trace = trace
        self._tasks = tasks
        self._process: Process | None = None
        """None between a death and the next start."""
        self._lives = 0

    @property
    def current(self) -> Process:
        assert self._process is not None, "what happens to a process waits until there is one"
        return self._process

    @property
    def fleet(self) -> Fleet | None:
        """The newest process's, in whatever state it is."""
        return self._process.fleet if self._process else None

    @property
    def running(self) -> Fleet | None:
        return self.fleet if self._process and not self._process.ended.is_set() else None

    @property
    def trading(self) -> Fleet | None:
        """One that has come as far as taking up edits, and has not begun to stop."""
        fleet = self.fleet
        return fleet if fleet is not None and fleet.sender is not None and not fleet.stopping else None

    def troubled_us(self, symbol: str) -> int:
        return 0 if self._process is None else self._process.wire.troubled_us(symbol)

    def heard_us(self) -> int:
        return 0 if self._process is None else self._process.wire.market_us

    # --- its owner, and fate

    def start(self) -> None:
        """Another process: with its own clock and connections, and nothing known but what is written down."""
        self._lives += 1
        runner = self._exchange.runner
        wire = Wire(PaperTransport(runner), PaperLines(runner), self._tasks, self._trace, self.held_up)
        self.store.begin_run(self._exchange.clock.now_ms())
        process = self._process = Process(wire, Ledger(self.store))
        self._trace.add(f"# process {self._lives} starts")
        process.task = asyncio.get_running_loop().create_task(self._live(process, self._lives))

    async def keep_up(self, until_s: float) -> None:
        """Meanwhile a fleet that could not go on is started again."""
        while (left_s := until_s - anyio.current_time()) > 0:
            if self.current.ended.is_set():
                banned_s = self._exchange.banned_until_s - anyio.current_time()
                await anyio.sleep(min(max(RESTART_S, banned_s), left_s))
                self.start()
            else:
                with anyio.move_on_after(left_s):
                    await self.current.ended.wait()

    async def stop(self, pause_s: float) -> None:
        self._trace.add("# the fleet is told to stop")
        self.current.stop()
        await self.current.ended.wait()
        await anyio.sleep(pause_s)
        self.start()

    async def crash(self, pause_s: float) -> None:
        self._trace.add("# the process is killed")
        await self.kill()
        await anyio.sleep(pause_s)
        self.start()

    async def kill(self) -> None:
        """As by SIGKILL: nothing of it runs any more, and nothing more goes out. What is on its way arrives."""
        process, self._process = self._process, None
        if process is None:
            return
        process.wire.die()
        # What was told and not written is lost, and what the dying tasks tell is nobody's.
        process.ledger.lose_unsynced()
        self._notes.lose_unsynced()
        while theirs := [task for task in asyncio.all_tasks() if not task.get_name().startswith(WORLD)]:
            for task in theirs:
                task.cancel()
                task.add_done_callback(_forget)
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0)
        process.ledger.lose_unsynced()

    async def sync(self) -> None:
        """The ledger is written down now and then, as by its thread."""
        rng = Random(f"{self._seed}:sync")
        while True:
            await anyio.sleep(rng.uniform(0.05, SYNC_WITHIN_S))
            if self._process is not None:
                self._process.ledger.sync()

    # --- one life

    async def _live(self, process: Process, number: int) -> None:
        try:
            clock = Clock(START_US + round(anyio.current_time() * 1e6))
            seed = f"{self._seed}:{number}"
            address = Address("paper", HOST, transport=process.wire, connect=process.wire.connect)
            demo = self._exchange.paper.demo
            # V1 for most days: an EIP-712 signature takes longer than all else that a request does here.
            keys = demo if self._seed % 8 == 0 else Credentials(demo.user, "", "", demo.api_key, demo.api_secret)
            config = self._file.config
            async with open_venue(address, keys, clock, safety=config.budget.safety, rng=Random(seed)) as venue:
                chance = Random(f"{seed}:run")
                fleet = process.fleet = Fleet(
                    config, venue, Journal(clock), process.ledger, self.kills, self._notes, chance
                )
                if process.wants_stop:
                    fleet.stop()
                try:
                    await fleet.run()
                except (FleetError, VenueError) as error:
                    self._trace.add(f"# the fleet ends: {error}")
                if not process.wire.is_dead:
                    self._trace.add("# the fleet has stopped")
                    self._watch.after_stop(fleet)
        except VenueError as error:
            self._trace.add(f"# the venue is out of reach: {error}")
        except Exception as error:  # noqa: BLE001 whatever breaks out of a fleet is what we look for
            if not process.wire.is_dead:
                self._say(error)
        finally:
            process.ended.set()

    def _say(self, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        self._watch.say("no exception reaches the top", f"{type(error).__name__}: {error}")


def _forget(task: asyncio.Task[Any]) -> None:
    """What a killed task raised is nobody's."""
    if not task.cancelled():
        task.exception()
