"""One run of `up`: the fleet, and what stands around it: signals, control endpoint, view, reload, and the report.

Owns: the order of start and end, and that nothing around the fleet can take it along when it breaks. Must not know: how
the command line says what is wanted.

SIGHUP means "read the file again". A terminal that goes away sends it too, and is then found out by the view, which can
be drawn no more: the fleet stops in order, as nobody sees it. Whoever wants it to trade on unseen starts it `--plain`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import anyio
import click
from anyio.abc import TaskGroup, TaskStatus
from rich.console import Console

from exchange.clock import Clock
from fleet.cli.boot import boot_ms
from fleet.cli.commands import OwnRunFile
from fleet.cli.edits import Edits, log_file_fault, record_config, refuse_faults, tell_warnings
from fleet.cli.endpoint import Endpoint
from fleet.cli.main import Failure
from fleet.cli.opening import Opening
from fleet.config.credentials import Credentials
from fleet.config.faults import ConfigError
from fleet.config.loader import Loaded
from fleet.config.models import Logging
from fleet.config.venue_check import check
from fleet.control.state import FleetState
from fleet.ledger.entries import NoLedger, Recorder
from fleet.ledger.store import LedgerError
from fleet.runtime.beside import Beside, beside
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.memory import MemoryFile
from fleet.runtime.reload import watch
from fleet.runtime.stalls import Stall, StallWatch
from fleet.runtime.status import fleet_state
from fleet.views import logs, terminal
from fleet.views.summary import render_summary, write_summary
from fleet.wiring.ledger import ledger_path, open_ledger, owner_of

_NOT_LOOKED_AT = ", and what an earlier run may have left open was not looked at"
_LEDGER_ADVICE = "\n  ledger: {path: FILE} in the fleet file names another one, ledger: null trades without"


@dataclass(frozen=True, slots=True)
class Options:
    file: Path
    live: bool
    stop_after_s: float | None
    plain: bool
    summary: Path | None
    log_format: logs.LogFormat
    control: tuple[str, int] | None
    resume: bool = False


class Run:
    def __init__(self, options: Options, loaded: Loaded, credentials: Credentials | None) -> None:
        self._options = options
        self._loaded = loaded
        self._credentials = credentials
        self._fleet: Fleet | None = None
        self._edits: Edits | None = None
        self._boot_ms = 0
        self._final: FleetState | None = None
        self._failure: str = ""
        self._signals = 0
        self._ledger: Recorder = NoLedger()
        self._beside_file: Beside = beside(options.file, os.environ)
        self._run_file = OwnRunFile(self._beside_file)
        self._wants_view = not options.plain and options.log_format == "text" and sys.stderr.isatty()
        self._is_drawn = False

    async def main(self) -> None:
        self._scope = anyio.CancelScope()
        self._view_scope = anyio.CancelScope()
        clock = Clock(time.time_ns() // 1000)
        self._began_ms = clock.now_ms()
        try:
            self._set_logging(self._loaded.config.logging)
        except OSError as error:
            raise ConfigError([log_file_fault(self._loaded, error)]) from None
        self._journal = Journal(clock)
        self._opening = Opening(self._loaded.config, self._credentials, clock, self._journal, self._scope)
        self._forget_what_ended()
        async with anyio.create_task_group() as around:
            try:
                await around.start(self._watch_signals)
                if self._options.stop_after_s is not None:
                    around.start_soon(self._stop_later, self._options.stop_after_s)
                if place := self._options.control or self._configured_place:
                    await self._endpoint().serve(*place, around)
                with self._scope:
                    async with AsyncExitStack() as opened:
                        await self._run_fleet(opened, around)
                if self._fleet is None:
                    earlier = "" if self._is_embedded else _NOT_LOOKED_AT
                    self._journal.info(f"told to stop before the fleet was up: nothing was sent{earlier}")
                    self._final = self._state()
            finally:
                self._forget_what_ended()
                self._run_file.remove()
            around.cancel_scope.cancel()

    async def _run_fleet(self, opened: AsyncExitStack, around: TaskGroup) -> None:
        ledger = self._open_ledger(opened)
        venue, facts = await self._opening.run(opened)
        if facts is not None:
            checked = check(self._loaded, facts.info, facts.mids, facts.marks, facts.collateral_usd)
            refuse_faults(checked)
            tell_warnings(checked, self._journal)
        self._boot_ms = boot_ms()
        kill, memory = self._remembered()
        fleet = self._fleet = Fleet(self._loaded.config, venue, self._journal, ledger, kill, memory)
        if facts is None:
            # Told to stop already: what an earlier run left is all that it looks at.
            fleet.stop()
        else:
            record_config(fleet, self._loaded)
            edits = self._edits = Edits(self._options.file, fleet, self._set_logging)
            around.start_soon(self._beside, "reload", edits.run)
            around.start_soon(self._beside, "watching the fleet file", self._watch_file)
            around.start_soon(self._beside, "the stall watch", self._watch_stalls)
            if self._wants_view:
                around.start_soon(self._beside, "the view", self._view)
        try:
            await fleet.run()
        except FleetError as error:
            self._failure = str(error)
        finally:
            self._final = self._state()

    def _endpoint(self) -> Endpoint:
        name = self._loaded.config.fleet
        return Endpoint(name, self._run_file, self._state, lambda: self._fleet, self._journal, self._broke)

    @property
    def _configured_place(self) -> tuple[str, int] | None:
        control = self._loaded.config.control
        return None if control is None else (control.host, control.port)

    @property
    def _is_embedded(self) -> bool:
        """A paper exchange of our own begins and ends with us."""
        return self._loaded.config.venue == "paper"

    def _forget_what_ended(self) -> None:
        """A kill ends with the paper exchange that it was for: one that begins anew has nothing to do with it."""
        if self._is_embedded and self._run_file.is_alone:
            with suppress(OSError):
                self._beside_file.kill.unlink(missing_ok=True)

    def _remembered(self) -> tuple[KillSwitch, MemoryFile | None]:
        """What earlier runs, or whoever killed them, have left written down. Raises Failure."""
        if self._is_embedded:
            return KillSwitch(self._beside_file.kill), None
        kill, memory = KillSwitch(self._beside_file.kill), MemoryFile(self._beside_file.risk)
        if self._options.resume:
            try:
                kill.resume(None, ())
                memory.resume()
            except OSError as error:
                raise Failure(f"error: --resume: {error.filename}: {(error.strerror or str(error)).lower()}") from None
        return kill, memory

    def report(self) -> list[Exception]:
        """After the loop, however it ended: the table, the summary file, and what of all this is no good end."""
        problems: list[Exception] = []
        state = self._final
        if state is not None:
            try:
                console = Console()
                with console.capture() as table:
                    console.print(render_summary(state, console.width))
                click.echo(table.get(), nl=False)
            except OSError as error:
                problems.append(error)
            if self._options.summary is not None:
                try:
                    write_summary(state, self._options.summary)
                except OSError as error:
                    what = (error.strerror or str(error)).lower()
                    problems.append(Failure(f"error: --summary {self._options.summary} cannot be written: {what}"))
        if self._ledger.waiting:
            what = f"{self._ledger.problem}; what it lacks is filled in from the exchange at the next start"
            problems.append(Failure(f"error: {what}"))
        if self._failure:
            problems.append(Failure(f"error: {self._failure}"))
        left = self._left()
        if left:
            problems.append(Failure(f"error: {left}"))
        return problems

    def _left(self) -> str:
        """Of own orders that may still be open, as the final state has them; empty where it is known that none is."""
        state, drain = self._final, self._fleet.drain if self._fleet else None
        if state is not None and drain is not None and state.own_orders_left_open:
            ids = drain.left_open or [order.client_id for order in drain.may_be_open()]
            return "these own orders may still be open: " + ", ".join(ids)
        if state is None or not state.left_unknown:
            return ""
        if drain is None or not drain.has_looked:
            return "orders of an earlier run may still be open: they could not be looked for"
        return "own orders may still be open: none is known of, but it could not be confirmed that none is"

    def _open_ledger(self, opened: AsyncExitStack) -> Recorder:
        """Raises Failure: whoever wants a ledger does not want to trade without one."""
        config = self._loaded.config
        path = ledger_path(config, self._options.file)
        if path is None:
            return NoLedger()
        now_ms = time.time_ns() // 1_000_000
        owner = owner_of(config, self._credentials)
        try:
            ledger, notice = opened.enter_context(
                open_ledger(path, owner, now_ms=now_ms, fleet=config.fleet, program=version("astermm-fleet"))
            )
        except LedgerError as error:
            raise Failure(f"error: {error}{_LEDGER_ADVICE}") from None
        self._ledger = self._journal.ledger = ledger
        if notice:
            self._journal.incident("ledger", notice, level="WARNING")
        return ledger

    # --- what stands beside the fleet

    async def _beside(self, what: str, run: Callable[[], Awaitable[None]]) -> None:
        """Whatever breaks here stays here: the venue and the fleet's orderly end must not be lost by it."""
        try:
            await run()
        except Exception as error:  # noqa: BLE001 isolation, as above
            self._broke(what, error)

    def _broke(self, what: str, error: Exception) -> None:
        self._journal.error(f"{what} broke and is gone, the fleet goes on: {logs.describe(error)}")
        self._journal.traceback(error)

    def _set_logging(self, logging: Logging) -> None:
        """Raises OSError, and everything is as before."""
        logs.set_up(
            level=logging.level,
            log_format=self._options.log_format,
            file=logging.file,
            on_screen=not self._is_drawn,
        )

    # --- what the run is told

    async def _watch_signals(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP:
                    if self._edits is not None:
                        self._edits.want()
                else:
                    self._signals += 1
                    if self._signals > 1:
                        await self._leave_at_once(self._fleet)
                    self._stop()

    def _stop(self) -> None:
        if self._fleet is None:
            self._opening.stop()
        else:
            self._fleet.stop()

    async def _leave_at_once(self, fleet: Fleet | None) -> None:
        self._view_scope.cancel()
        await anyio.sleep(0.2)
        # Nothing may keep it here, a terminal that is gone least of all.
        with suppress(OSError):
            orders = fleet.drain.may_be_open() if fleet else []
            if orders:
                click.echo("left at once; these own orders may still be open:", err=True)
                for order in orders:
                    click.echo(f"  {order.symbol} {order.side} {order.client_id}", err=True)
            elif self._is_embedded if fleet is None else fleet.account.known:
                click.echo("left at once; no own order is known to be open", err=True)
            else:
                click.echo("left at once, before it was known what an earlier run may have left open", err=True)
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(130)

    async def _stop_later(self, seconds: float) -> None:
        await anyio.sleep(max(seconds - boot_ms() / 1000, 0))
        self._stop()

    async def _watch_file(self) -> None:
        assert self._edits is not None
        await watch(self._options.file, self._loaded.text_digest, self._edits.want)

    async def _watch_stalls(self) -> None:
        """In development (debug level, or ASTERMM_STALLS) with the stack of what kept the loop; else counted only."""
        with_stacks = self._loaded.config.logging.level in ("debug", "trace") or "ASTERMM_STALLS" in os.environ
        await StallWatch(self._stalled, with_stacks=with_stacks).run()

    def _stalled(self, stall: Stall) -> None:
        assert self._fleet is not None
        self._fleet.stalls += 1
        if stall.stack:
            stack = "".join(traceback.format_list(stall.stack)).rstrip()
            self._journal.warning(
                f"the event loop was kept for {stall.seconds * 1000:.0f} ms: {stall.place}", stack=stack
            )

    # --- what the run shows

    def _state(self) -> FleetState:
        if self._final is not None:
            return self._final
        if self._fleet is not None:
            return fleet_state(self._fleet, self._boot_ms)
        config = self._loaded.config
        now_ms = time.time_ns() // 1_000_000
        return FleetState(
            config.fleet,
            config.venue_name,
            self._options.live,
            self._began_ms,
            now_ms,
            left_unknown=not self._is_embedded,
        )

    async def _view(self) -> None:
        fleet = self._fleet
        assert fleet is not None
        self._draw(drawn=True)
        try:
            with self._view_scope:
                await terminal.run(self._state, Console(stderr=True))
        except OSError as error:
            self._journal.error(f"the terminal is gone ({logs.describe(error)}): the fleet stops, as nobody sees it")
            fleet.stop()
        except Exception:
            self._draw(drawn=False)
            raise

    def _draw(self, *, drawn: bool) -> None:
        """While the view is drawn, log lines keep away from the terminal."""
        self._is_drawn = drawn
        fleet = self._fleet
        self._set_logging((self._loaded.config if fleet is None else fleet.config).logging)
