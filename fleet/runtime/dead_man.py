"""The dead-man's switch: the exchange cancels a symbol's orders by itself unless it hears of us in time.

Owns: the tasks that keep the countdowns alive, whether quotes may stand, and what the owner is told of it. Must not
know: workers, desks. What is due when is `countdowns.due`'s to say.

The exchange's countdown cancels everybody's orders, the owner's own ones too: where orders are open that are not ours,
none runs. What is in the market meanwhile is guarded by nothing, and its owner is told so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import anyio
from anyio.abc import TaskGroup

from exchange.clock import Clock
from exchange.errors import BadCredentials, Banned, OutcomeUnknown, VenueError
from exchange.model import RateLimit
from exchange.ports import Cost, RequestClass, Ticket, Trading
from fleet.config.models import FleetConfig
from fleet.runtime import countdowns
from fleet.runtime.countdowns import Beat, Countdown, Terms, Way
from fleet.runtime.foreign import ForeignOrders
from fleet.runtime.journal import Journal
from fleet.runtime.supervisor import OUTAGES
from fleet.scheduling.gate import Gate
from fleet.scheduling.heartbeats import CHANCES, HEARTBEAT_WEIGHT, heartbeat_interval_s, timeout_s
from fleet.scheduling.value import Stake

EVERYBODYS = (*OUTAGES, Banned, BadCredentials)
"""What concerns every symbol, and says nothing against the one that met it."""

SLACK_US = 1_000_000
"""A heartbeat that is no later than this is not worth a warning, however long the interval."""


class Told(IntEnum):
    """What the owner was last told of a symbol."""

    WELL = 0
    LATE = 1
    OVER = 2


@dataclass(slots=True)
class Watch:
    """A symbol whose orders are to be guarded."""

    wake: Callable[[], None]
    wanted_us: int | None = None
    """Since when a countdown is to run; None: none is."""
    is_new: bool = True
    """No order of it may be in the market: the first waits for the countdown."""
    could_quote: bool = False
    has_foreign: bool = False
    told: Told = Told.WELL
    reason: str = ""
    """Why the last heartbeat failed."""


class DeadMan:
    """`on_end` is told of what no symbol can go on after."""

    def __init__(
        self,
        config: FleetConfig,
        trading: Trading,
        gate: Gate,
        limits: Sequence[RateLimit],
        clock: Clock,
        journal: Journal,
        foreign: ForeignOrders,
        on_end: Callable[[str], None],
    ) -> None:
        self._config = config
        self._trading = trading
        self._gate = gate
        self._weight_s = {limit.name: limit.interval_s for limit in limits if limit.kind == "REQUEST_WEIGHT"}
        self._clock = clock
        self._journal = journal
        self._foreign = foreign
        self._on_end = on_end
        self._watched: dict[str, Watch] = {}
        self._countdowns: dict[str, Countdown] = {}
        self._way = Way()
        self._changed = anyio.Event()
        self._waiting: dict[str, anyio.Event] = {}
        """Heartbeats that wait for leave, by symbol: set, each asks anew."""
        foreign.changed = self.look

    # --- what is to be guarded

    def reconfigure(self, config: FleetConfig) -> None:
        self._config = config
        self.look()

    def suspect(self, symbol: str, kept_s: float = 0) -> None:
        """An earlier run left orders there: its countdown may run, whatever this run's file says of countdowns. It goes
        on for `kept_s`, unless it comes to be watched or somebody else has orders there: more of them may come."""
        countdown = self._countdowns.get(symbol) or Countdown(symbol)
        kept_until_us = self._clock.steady_us() + round(kept_s * 1e6)
        self._countdowns[symbol] = replace(countdown, may_run=True, kept_until_us=kept_until_us)

    def watch(self, symbol: str, wake: Callable[[], None]) -> None:
        """From now on; `wake` is called when `may_quote` has become another."""
        self._watched[symbol] = Watch(wake)
        countdown = self._countdowns.get(symbol) or Countdown(symbol, may_run=self._config.dead_man is not None)
        self._countdowns[symbol] = replace(countdown, kept_until_us=0)
        self.look()

    def forget(self, symbol: str) -> None:
        """Its orders are gone."""
        self._watched.pop(symbol, None)
        self.look()

    def may_quote(self, symbol: str) -> bool:
        """Whether orders of the symbol may be in the market: with a countdown, or where none is wanted.

        Where one came to be wanted while orders stood already, they may for a timeout more.
        """
        watch = self._watched.get(symbol)
        if watch is None or watch.wanted_us is None:
            return True
        now_us = self._clock.steady_us()
        return now_us < self._countdowns[symbol].until_us or (
            not watch.is_new and now_us < watch.wanted_us + self._timeout_us
        )

    def guarded_until_ms(self, symbol: str) -> int | None:
        """When the exchange will cancel the symbol's orders, at the earliest; None: no countdown runs, surely."""
        countdown = self._countdowns.get(symbol)
        left_us = (countdown.until_us if countdown else 0) - self._clock.steady_us()
        return (self._clock.now_us() + left_us) // 1000 if left_us > 0 else None

    def look(self) -> None:
        """Something has changed: the file, the symbols, whose orders there are, or a heartbeat's fate."""
        foreign = self._foreign.symbols()
        for symbol in [each for each in self._countdowns if each in foreign]:
            self._countdowns[symbol] = replace(self._countdowns[symbol], kept_until_us=0)
        for symbol, watch in self._watched.items():
            has_foreign = symbol in foreign and self._config.dead_man is not None
            if has_foreign != watch.has_foreign:
                watch.has_foreign = has_foreign
                self._tell_foreign(symbol, has_foreign)
            if has_foreign or self._config.dead_man is None:
                watch.wanted_us, watch.is_new, watch.told = None, False, Told.WELL
            elif watch.wanted_us is None:
                watch.wanted_us = self._clock.steady_us()
        for symbol in filter(self._waiting.__contains__, self._countdowns):
            if not self._is_wanted(symbol):
                # It asked among the quotes, which may get no leave for long: an end goes among the cancels.
                self._waiting[symbol].set()
        self._changed.set()
        self._changed = anyio.Event()

    def _is_wanted(self, symbol: str) -> bool:
        watch = self._watched.get(symbol)
        return watch is not None and watch.wanted_us is not None

    # --- keeping it so

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._step(tasks)

    async def stand_down(self) -> None:
        """Ends every countdown that may run, now that no order of ours is left. The caller bounds the time."""
        self._watched.clear()
        # Where its owner has orders first: these are what one that runs on would cancel.
        foreign = self._foreign.symbols()
        self._countdowns = dict(sorted(self._countdowns.items(), key=lambda each: each[0] not in foreign))
        self.look()
        async with anyio.create_task_group() as tasks:
            while self.left_running():
                await self._step(tasks)

    def left_running(self) -> list[str]:
        """Symbols where a countdown may run though nothing is to be guarded."""
        return [
            each.symbol
            for each in self._countdowns.values()
            if (each.may_run or each.under_way) and each.symbol not in self._watched
        ]

    async def _step(self, tasks: TaskGroup) -> None:
        changed = self._changed
        now_us, terms = self._clock.steady_us(), self._terms()
        wanted = {symbol for symbol, watch in self._watched.items() if watch.wanted_us is not None}
        round_ = countdowns.due(self._countdowns.values(), wanted, terms, self._way, now_us)
        self._way = countdowns.left(self._way, round_.beats, terms, now_us)
        for beat in round_.beats:
            self._countdowns[beat.symbol] = countdowns.asking(self._countdowns[beat.symbol], now_us)
            tasks.start_soon(self._tell, beat.symbol)
        if round_.beats:
            # Once more, now that they are under way: when is the next?
            return
        wakes = [each for each in (round_.wake_us, *self._alarms(terms, now_us)) if each is not None]
        # Whole milliseconds: uvloop's timers know nothing finer, and anyio would spin through the rest.
        wait_s = -(-(min(wakes) - now_us) // 1000) / 1e3 if wakes else None
        with anyio.move_on_after(wait_s):
            await changed.wait()

    async def _tell(self, symbol: str) -> None:
        """One heartbeat. What it says is decided when it may go: the symbol may have changed sides while it waited."""
        beat, sent_us = Beat(symbol, self._timeout_us), None
        try:
            ticket = await self._leave(symbol)
            sent_us = self._clock.steady_us()
            beat = Beat(symbol, self._timeout_us if self._is_wanted(symbol) else 0)
            self._countdowns[symbol] = countdowns.sending(self._countdowns[symbol], beat, sent_us)
            self._way = countdowns.left(self._way, [beat], self._terms(), sent_us)
            await self._trading.countdown_cancel_all(symbol, beat.timeout_us // 1000, ticket)
        except (VenueError, ValueError) as error:
            self._failed(beat, sent_us, error)
        except BaseException:
            self._lost(beat, sent_us)
            raise
        else:
            self._way = replace(self._way, failures=0)
            self._countdowns[symbol] = countdowns.confirmed(self._countdowns[symbol], beat, sent_us)
        self.look()

    async def _leave(self, symbol: str) -> Ticket:
        """Waits for leave to send, before quotes at first, and with the cancels once the countdown's time has come."""
        key, stake = (symbol, "heartbeat"), Stake(symbol)
        try:
            while True:
                now_us, woken, is_wanted = self._clock.steady_us(), anyio.Event(), self._is_wanted(symbol)
                urgent_us = countdowns.urgent_us(self._countdowns[symbol], self._terms(), now_us) if is_wanted else 0
                is_urgent = urgent_us is not None and urgent_us <= now_us
                request_class = RequestClass.CANCEL if is_urgent else RequestClass.QUOTE
                ticket = self._gate.ask(key, request_class, Cost(HEARTBEAT_WEIGHT), woken.set, stake)
                if ticket is not None:
                    return ticket
                self._waiting[symbol] = woken
                wait_s = None if is_urgent or urgent_us is None else -(-(urgent_us - now_us) // 1000) / 1e3
                with anyio.move_on_after(wait_s):
                    await woken.wait()
        finally:
            self._waiting.pop(symbol, None)
            self._gate.withdraw(key)

    def _failed(self, beat: Beat, sent_us: int | None, error: VenueError | ValueError) -> None:
        """ValueError: the limits have no room for so much at once, ever."""
        now_us, symbol = self._clock.steady_us(), beat.symbol
        self._journal.debug(f"heartbeat failed: {error}", symbol)
        if symbol in self._watched:
            self._watched[symbol].reason = str(error)
        if not isinstance(error, EVERYBODYS):
            self._countdowns[symbol] = countdowns.refused(self._countdowns[symbol], beat, now_us)
            return
        self._way = countdowns.failed(self._way, self._terms(), now_us)
        self._lost(beat, sent_us if isinstance(error, OutcomeUnknown) else None)
        if isinstance(error, Banned | BadCredentials):
            self._on_end(str(error))

    def _lost(self, beat: Beat, sent_us: int | None) -> None:
        """`sent_us` None: it certainly was not carried out."""
        countdown, now_us = self._countdowns[beat.symbol], self._clock.steady_us()
        pause_us = countdowns.longest_pause_us(self._terms())
        if sent_us is None:
            self._countdowns[beat.symbol] = countdowns.not_carried_out(countdown, now_us, pause_us)
        else:
            self._countdowns[beat.symbol] = countdowns.lost(countdown, beat, sent_us, now_us, pause_us)

    @property
    def _timeout_us(self) -> int:
        dead_man = self._config.dead_man
        if dead_man is None:
            return 0
        chosen_s = timeout_s(dead_man.timeout_ms, len(self._watched), float(dead_man.share), self._weight_capacity())
        return round(chosen_s * 1e6)

    def _weight_capacity(self) -> float:
        """Of request weight in a minute."""
        weights = [
            use.capacity * 60 / self._weight_s[use.name] for use in self._gate.usage() if use.name in self._weight_s
        ]
        return min(weights, default=math.inf)

    def _terms(self) -> Terms:
        dead_man, count = self._config.dead_man, sum(each.wanted_us is not None for each in self._watched.values())
        if dead_man is None:
            return Terms()
        timeout_us = self._timeout_us
        try:
            interval_s = heartbeat_interval_s(count, timeout_us / 1e6, float(dead_man.share), self._weight_capacity())
        except ValueError:
            # `validate` refuses such a file. Where the venue has lowered its limits since, orders come first.
            interval_s = timeout_us / 1e6 / CHANCES
        return Terms(timeout_us, round(interval_s * 1e6))

    # --- who is told

    def _alarms(self, terms: Terms, now_us: int) -> list[int]:
        """Tells workers and owner what has become of each symbol; when to look again though no heartbeat is due."""
        alarms: list[int] = []
        for symbol, watch in self._watched.items():
            can_quote = self.may_quote(symbol)
            if can_quote != watch.could_quote:
                watch.could_quote = can_quote
                watch.wake()
            if watch.wanted_us is None:
                continue
            countdown = self._countdowns[symbol]
            over_us = countdown.until_us or watch.wanted_us + terms.timeout_us
            begun_us = countdown.sent_us + terms.interval_us if countdown.until_us else watch.wanted_us
            late_us = max(over_us - terms.timeout_us // 2, begun_us + SLACK_US)
            told = Told.OVER if now_us >= over_us else Told.LATE if now_us >= late_us else Told.WELL
            if told != watch.told:
                self._tell_owner(symbol, watch, told, (over_us - now_us) / 1e6)
            alarms += [each for each in (late_us, over_us) if each > now_us]
        return alarms

    def _tell_owner(self, symbol: str, watch: Watch, told: Told, left_s: float) -> None:
        watch.told = told
        reason = f": {watch.reason}" if watch.reason else ""
        runs = bool(self._countdowns[symbol].until_us)
        match told:
            case Told.WELL:
                self._journal.info("heartbeats get through again", symbol)
            case Told.LATE if runs:
                self._journal.warning(
                    f"no heartbeat gets through{reason}; the exchange cancels the orders in {left_s:.0f} s", symbol
                )
            case Told.LATE:
                self._journal.warning(f"the exchange's countdown cannot be started{reason}", symbol)
            case Told.OVER if runs:
                text = "the exchange's countdown has run out: it should have cancelled the orders"
                self._journal.incident("countdown", text, symbol)
            case Told.OVER:
                self._journal.error("nothing is quoted before the exchange's countdown runs", symbol)

    def _tell_foreign(self, symbol: str, has_foreign: bool) -> None:
        if has_foreign:
            self._journal.warning(
                "orders are open that are not ours: no countdown runs, it would cancel them too; "
                "were this process to die, ours would stay in the market",
                symbol,
            )
        else:
            self._journal.info("no orders but ours are open: the exchange's countdown guards them", symbol)
