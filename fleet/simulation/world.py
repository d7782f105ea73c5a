"""A bad day lived through: the exchange in memory, the processes of a fleet that come and go, and what goes wrong.

Owns: carrying out a day's troubles on a whole fleet, unchanged, in virtual time. Must not know: what must hold (the
watch does), how a day is drawn. The same day gives the same trace, byte for byte.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, cast

import anyio
from msgspec.structs import replace

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import Instrument, RateLimit, Side, TimeInForce
from exchange.paper import instruments as listed
from exchange.paper.answers import Refusal
from exchange.paper.calibration import parameters_for
from exchange.paper.config import PaperSettings
from exchange.paper.engine import Engine
from exchange.paper.entry import NewOrder
from exchange.paper.fault_settings import FaultSettings, HalfOpen, Requests
from exchange.paper.faults import EventFate, FaultPlan
from exchange.paper.memory import PaperLines, PaperTransport
from exchange.paper.order import PaperOrder
from exchange.paper.runner import Runner
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue as PaperVenue
from exchange.protocol.hosts import Host
from fleet.config.credentials import Credentials
from fleet.config.models import FleetConfig
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Owner, Store
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.mailbox import Crash as WorkerBreaks
from fleet.simulation.caps import Caps
from fleet.simulation.fleet_file import FLEET, FleetFile
from fleet.simulation.loop import run_virtual
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
from fleet.simulation.wire import WORLD, HeldUp, Trace, Wire
from fleet.wiring.client import Address, open_venue

START_US = 1_790_000_000_000_000
HOST = Host("http://paper.test", "ws://paper.test", 1666)

TIGHT_LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 1200), RateLimit("ORDERS", 60, 120), RateLimit("ORDERS", 10, 30))
TIGHT_EVERY = 4
"""Each so-many-th day the exchange has lowered its limits: the budget is spent all the time."""

QUOTES_SHARE = 0.1
"""Of what a market's makers do on other days: takers bring the fills, and makers only take time."""

LOOK_EVERY_S = 0.1
QUIET_S = 5.0
LONG_QUIET_S = 35.0
LONG_QUIET_EVERY = 5
"""After the last trouble, before the fleet stops. On each so-many-th day long enough that it has looked at the whole
account again: then what it believes is held against what is."""
SYNC_WITHIN_S = 2.0
"""Between two times that the ledger is written down: longer than in life, so that a crash loses something."""
RESTART_S = 2.0
"""After a fleet that could not go on its owner starts another, and after a ban not before it is over."""
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


class _Process:
    """One life of the fleet's process: its root task, its wire and ledger, its fleet once there is one."""

    def __init__(self, wire: Wire, ledger: Ledger) -> None:
        self.wire = wire
        self.ledger = ledger
        self.fleet: Fleet | None = None
        self.wants_stop = False
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class _Fates(FaultPlan):
    """The exchange's own, and it tells of news that it loses: the watch must know what no fleet can."""

    def __init__(self, settings: FaultSettings, seed: int, note_lost: Callable[[], None]) -> None:
        super().__init__(settings, seed)
        self._note_lost = note_lost

    def event_fate(self) -> EventFate | None:
        fate = super().event_fate()
        if fate is EventFate.DROPPED:
            self._note_lost()
        return fate


class World:
    def __init__(self, day: Day) -> None:
        self._day = day
        self._file = FleetFile(day.seed, day.symbols)
        self._venue_clock = Clock(START_US)
        self._trace = Trace(self._venue_clock)
        self._paper = _paper(self._file, day.seed, self._venue_clock)
        self._watch = Watch(self._paper, self._file.config, self._venue_clock.now_us)
        self._runner = Runner(self._paper, self._venue_clock.now_us, self._fates(day.faults))
        self._watch.on_violation = self._broken
        self._watch.troubled_us = self._troubled_us
        self._caps = Caps(
            self._paper, self._file.config, self._fleet, partial(self._watch.say, "within the file's limits")
        )
        self._paper.engine.orders.tell_also(self._watch)
        self._paper.engine.orders.tell_also(self._caps)
        self._store = Store(None, Owner("paper", FLEET), now_ms=self._venue_clock.now_ms(), fleet=FLEET)
        self._settings = day.faults
        self._spells: list[Spell] = []
        self._held_up: list[HeldUp] = []
        self._counted: Counter[str] = Counter()
        self._process: _Process | None = None
        self._down_until_s = 0.0
        self._banned_until_s = 0.0
        self._scope = anyio.CancelScope()
        self._lives = 0
        self._requests = 0

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
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._runner.run, name=WORLD + "exchange")
            tasks.start_soon(self._look, name=WORLD + "watch")
            tasks.start_soon(self._sync, name=WORLD + "disk")
            with self._scope:
                self._start()
                await self._troubles()
                await self._end()
            await self._kill()
            tasks.cancel_scope.cancel()

    def _broken(self) -> None:
        self._scope.cancel()

    async def _look(self) -> None:
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            process = self._process
            self._watch.look(process.fleet if process and not process.ended.is_set() else None)

    async def _sync(self) -> None:
        """The ledger is written down now and then, as by its thread."""
        rng = Random(f"{self._day.seed}:sync")
        while True:
            await anyio.sleep(rng.uniform(0.05, SYNC_WITHIN_S))
            if self._process is not None:
                self._process.ledger.sync()

    def _fleet(self) -> Fleet | None:
        return self._process.fleet if self._process else None

    def _troubled_us(self, symbol: str) -> int:
        process = self._process
        return 0 if process is None else process.wire.troubled_us(symbol)

    # --- processes

    def _start(self) -> None:
        """Another process: with its own clock and connections, and nothing known."""
        self._lives += 1
        wire = Wire(PaperTransport(self._runner), PaperLines(self._runner), self._tasks, self._trace, self._held_up)
        self._store.begin_run(self._venue_clock.now_ms())
        process = self._process = _Process(wire, Ledger(self._store))
        self._trace.add(f"# process {self._lives} starts")
        process.task = asyncio.get_running_loop().create_task(self._live(process, self._lives))

    async def _live(self, process: _Process, number: int) -> None:
        try:
            clock = Clock(START_US + round(anyio.current_time() * 1e6))
            seed = f"{self._day.seed}:{number}"
            address = Address("paper", HOST, transport=process.wire, connect=process.wire.connect)
            demo = self._paper.demo
            # V1 for most days: an EIP-712 signature takes longer than all else that a request does here.
            keys = demo if self._day.seed % 8 == 0 else Credentials(demo.user, "", "", demo.api_key, demo.api_secret)
            config = self._file.config
            async with open_venue(address, keys, clock, safety=config.budget.safety, rng=Random(seed)) as venue:
                chance = Random(f"{seed}:run")
                fleet = process.fleet = Fleet(config, venue, Journal(clock), process.ledger, chance=chance)
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

    async def _kill(self) -> None:
        """As by SIGKILL: nothing of it runs any more, and nothing more goes out. What is on its way arrives."""
        process, self._process = self._process, None
        if process is None:
            return
        process.wire.die()
        # What was told and not written is lost, and what the dying tasks tell is nobody's.
        process.ledger.lose_unsynced()
        while theirs := [task for task in asyncio.all_tasks() if not task.get_name().startswith(WORLD)]:
            for task in theirs:
                task.cancel()
                task.add_done_callback(_forget)
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0)
        process.ledger.lose_unsynced()

    async def _crash(self, trouble: Crash) -> None:
        self._trace.add("# the process is killed")
        await self._kill()
        await anyio.sleep(trouble.pause_s)
        self._start()

    async def _stop(self, pause_s: float) -> None:
        process = self._process
        if process is None:
            return
        self._trace.add("# the fleet is told to stop")
        process.wants_stop = True
        if process.fleet is not None:
            process.fleet.stop()
        await process.ended.wait()
        await anyio.sleep(pause_s)
        self._start()

    # --- troubles

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
            await self._until(due_s)
            if over is not None:
                self._spells.remove(over)
                self._set_faults()
            if trouble is not None:
                await self._happen(trouble)
        await self._until(self._day.seconds)

    async def _until(self, at_s: float) -> None:
        """Meanwhile a fleet that could not go on is started again."""
        while (left_s := at_s - anyio.current_time()) > 0:
            process = self._process
            if process is None or not process.ended.is_set():
                with anyio.move_on_after(left_s):
                    await (process.ended.wait() if process else anyio.sleep(left_s))
            else:
                await anyio.sleep(max(min(max(RESTART_S, self._banned_until_s - anyio.current_time()), left_s), 0))
                self._start()

    async def _happen(self, trouble: Trouble) -> None:
        self._counted[kind_of(trouble)] += 1
        self._trace.add(f"# {trouble}")
        match trouble:
            case Spell():
                self._spells.append(trouble)
                self._set_faults()
            case Blow(once=once):
                if isinstance(once, Requests) and once.answer == "418":
                    self._banned_until_s = anyio.current_time() + self._settings.ban_s
                if isinstance(once, HalfOpen):
                    self._watch.beliefs.note_lost(self._venue_clock.now_us() + round(once.for_s * 1e6))
                self._runner.inject(once)
            case Crash():
                await self._crash(trouble)
            case Late(method=method, count=count, late_s=late_s, broken_after_s=broken_after_s):
                self._held_up += [HeldUp(method, late_s, broken_after_s)] * count
            case Stop(pause_s=pause_s):
                await self._stop(pause_s)
            case WorkerCrash(symbol=number):
                slot = self._running_fleet.slots.get(self._file.symbols[number]) if self._running_fleet else None
                if slot is not None:
                    slot.mailbox.put(WorkerBreaks(RuntimeError("planted")))
            case Edit(symbol=number, draw=draw):
                self._edit(self._file.edit(self._file.symbols[number], draw))
            case ClockStep(ahead_ms=ahead_ms):
                self._settings = replace(self._settings, clock_skew_ms=ahead_ms)
                self._set_faults()
            case Foreign(symbol=number):
                self._place_foreign(self._file.symbols[number], len(self._watch.foreign))
            case OwnersTrade(symbol=number, side=side):
                self._place_owners(self._file.symbols[number], "", side, is_market=True)

    @property
    def _running_fleet(self) -> Fleet | None:
        """One that has come as far as taking up edits, and has not begun to stop."""
        fleet = self._process.fleet if self._process else None
        return fleet if fleet is not None and fleet.sender is not None and not fleet.stopping else None

    def _edit(self, config: FleetConfig) -> None:
        self._watch.note_caps(config)
        self._caps.note(config)
        if self._running_fleet is not None:
            self._running_fleet.apply(config)

    def _fates(self, settings: FaultSettings) -> FaultPlan:
        return _Fates(settings, self._day.seed, lambda: self._watch.beliefs.note_lost(self._venue_clock.now_us()))

    def _set_faults(self) -> None:
        chances = {spell.name: spell.chance for spell in self._spells}
        self._runner.set_faults(replace(self._settings, **chances))

    def _place_foreign(self, symbol: str, number: int) -> None:
        order = self._place_owners(symbol, f"the-owners-{number}", Side.BUY, is_market=False)
        if order is not None:
            self._watch.foreign[order.client_id] = order

    def _place_owners(self, symbol: str, client_id: str, side: Side, *, is_market: bool) -> PaperOrder | None:
        """Of a little more than may be ordered at least; None when the exchange refuses it."""
        placed: list[PaperOrder] = []

        def place(engine: Engine) -> None:
            listing = engine.listing(symbol)
            instrument = listing.instrument
            ticks = instrument.floor_price(listing.mark * Decimal("0.99"))
            lots = max(instrument.floor_lots(10 / instrument.price(ticks)) + 1, instrument.min_lots)
            new = NewOrder(
                side=side,
                type="MARKET" if is_market else "LIMIT",
                time_in_force=TimeInForce.GTC,
                ticks=0 if is_market else ticks,
                lots=lots,
                reduce_only=False,
                client_id=client_id,
                wants_result=False,
            )
            try:
                placed.append(engine.orders.place(self._paper.account(), listing, new, engine.now_us))
            except Refusal:
                return
            engine.acted(listing)

        self._runner.act(place)
        return placed[0] if placed else None

    # --- the end

    async def _end(self) -> None:
        """Nothing goes wrong any more: what is believed is held against what is, the fleet stops, and the books too."""
        self._trace.add("# nothing goes wrong any more")
        self._spells.clear()
        self._held_up.clear()
        self._runner.faults = self._fates(self._day.faults)
        self._runner.set_faults(replace(self._day.faults, clock_skew_ms=self._settings.clock_skew_ms))
        if self._banned_until_s > anyio.current_time():
            return
        is_long = self._day.seed % LONG_QUIET_EVERY == 0
        await self._until(max(self._day.seconds, anyio.current_time()) + (LONG_QUIET_S if is_long else QUIET_S))
        process = self._process
        assert process is not None
        if is_long and process.fleet is not None and not process.ended.is_set():
            self._watch.quiet(process.fleet)
        self._trace.add("# the fleet is told to stop for the last time")
        process.wants_stop = True
        if process.fleet is not None:
            process.fleet.stop()
        with anyio.move_on_after(LAST_STOP_S):
            await process.ended.wait()
        if not process.ended.is_set():
            self._watch.say("a stop comes to its end", f"the fleet has not stopped within {LAST_STOP_S:.0f} s")
        elif process.fleet is not None and process.fleet.failure is None:
            process.ledger.sync()
            self._watch.books(process.fleet)
            self._watch.ledger(self._store, process.fleet)


def _paper(file: FleetFile, seed: int, clock: Clock) -> PaperVenue:
    symbols = tuple(file.config.symbols)
    settings = PaperSettings(
        symbols=symbols,
        listed=tuple(symbol for symbol in listed.trading_symbols() if symbol not in symbols),
        balances=file.config.paper.balance,
        limits=TIGHT_LIMITS if seed % TIGHT_EVERY == 0 else listed.REAL_LIMITS,
        seed=seed,
    )

    def market(instrument: Instrument, now_us: int) -> SyntheticMarket:
        parameters = parameters_for(instrument)
        calmer = dataclasses.replace(parameters, quotes_per_s=parameters.quotes_per_s * QUOTES_SHARE)
        return SyntheticMarket(instrument, calmer, seed, now_us)

    return PaperVenue(settings, market, clock.now_us())


def _forget(task: asyncio.Task[Any]) -> None:
    """What a killed task raised is nobody's."""
    if not task.cancelled():
        task.exception()
