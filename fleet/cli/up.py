"""up: runs a fleet until it is told to stop, and leaves nothing of it in the market."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import click
from rich.console import Console

from exchange.asgi import serve
from exchange.clock import Clock
from fleet.cli.boot import boot_ms
from fleet.cli.main import Failure
from fleet.cli.options import DURATION, HOST_PORT
from fleet.config.credentials import Credentials, read_credentials
from fleet.config.faults import ConfigError
from fleet.config.loader import Loaded, load
from fleet.config.models import Live, VenueAddress
from fleet.config.venue_check import Checked, check
from fleet.control.server import make_app
from fleet.control.state import FleetState
from fleet.runtime.fleet import Fleet, FleetError
from fleet.runtime.journal import Journal
from fleet.runtime.reload import watch
from fleet.runtime.status import fleet_state
from fleet.runtime.venue import Venue
from fleet.views import logs, terminal
from fleet.views.summary import render_summary, write_summary
from fleet.wiring import address_of, facts_of, open_fleet_venue, paper_facts


@dataclass(frozen=True, slots=True)
class Options:
    file: Path
    live: bool
    stop_after_s: float | None
    plain: bool
    summary: Path | None
    log_format: logs.LogFormat
    control: tuple[str, int] | None


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
@click.option("--live", is_flag=True, help="Trade with real money. Nothing else does.")
@click.option("--for", "stop_after_s", type=DURATION, help="Stop by itself after this long: 30s, 5m.")
@click.option("--plain", is_flag=True, help="Log lines instead of the live table, on a terminal too.")
@click.option("--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write the summary as JSON, too.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How log lines are written.")
@click.option("--control", type=HOST_PORT, envvar="ASTERMM_CONTROL", help="HOST:PORT of health, metrics and state.")
def up(
    file: Path,
    live: bool,
    stop_after_s: float | None,
    plain: bool,
    summary: Path | None,
    log_format: logs.LogFormat,
    control: tuple[str, int] | None,
) -> None:
    """Run the fleet of FILE (fleet.yaml when not given) until Ctrl-C.

    Its orders are then cancelled and confirmed gone. Saving FILE meanwhile changes the running fleet, symbol by symbol.
    """
    options = Options(file, live, stop_after_s, plain, summary, log_format, control)
    loaded = load(file, os.environ)
    credentials = _credentials(loaded, live)
    if loaded.config.venue == "paper" and not isinstance(loaded.config.paper.feed, Live):
        facts = paper_facts(loaded.config)
        _refuse_faults(check(loaded, facts.info, facts.mids, facts.marks, facts.collateral_usd))
    run = Run(options, loaded, credentials)
    anyio.run(run.main, backend="asyncio", backend_options={"use_uvloop": sys.platform != "win32"})
    run.finish()


def _credentials(loaded: Loaded, live: bool) -> Credentials | None:
    """Raises ConfigError, and Failure where real money or keys are wanted and not given."""
    venue = loaded.config.venue
    if venue == "paper":
        return None
    if address_of(venue).is_live and not live:
        name = venue.rest if isinstance(venue, VenueAddress) else venue
        raise Failure(f"{name} is real money: say --live if that is what you want", 2)
    credentials = read_credentials(os.environ, Path(".env"))
    if credentials is None:
        raise Failure("no credentials: set API_USER and API_PRIVATE_KEY, in the environment, in .env or by *_FILE", 2)
    for secret in (credentials.private_key, credentials.v1_private_key):
        if secret:
            logs.register_secret(secret)
    return credentials


def _refuse_faults(checked: Checked) -> None:
    """Raises ConfigError."""
    if checked.errors:
        raise ConfigError(checked.errors)


class Run:
    """One run of `up`: the fleet, and what stands around it: signals, control endpoint, view, reload."""

    def __init__(self, options: Options, loaded: Loaded, credentials: Credentials | None) -> None:
        self._options = options
        self._loaded = loaded
        self._credentials = credentials
        self._fleet: Fleet | None = None
        self._boot_ms = 0
        self._final: FleetState | None = None
        self._failure: str = ""
        self._signals = 0
        self._on_screen = not options.plain and options.log_format == "text" and sys.stderr.isatty()

    async def main(self) -> None:
        self._scope = anyio.CancelScope()
        self._view_scope = anyio.CancelScope()
        clock = Clock(time.time_ns() // 1000)
        config = self._loaded.config
        logging = config.logging
        logs.set_up(
            level=logging.level,
            log_format=self._options.log_format,
            file=logging.file,
            on_screen=not self._on_screen,
        )
        journal = Journal(clock)
        async with anyio.create_task_group() as around:
            around.start_soon(self._watch_signals)
            await self._serve_control(around.start, journal)
            with self._scope:
                async with open_fleet_venue(config, self._credentials, clock) as venue:
                    await self._check(venue)
                    self._boot_ms = boot_ms()
                    fleet = self._fleet = Fleet(config, venue, journal)
                    around.start_soon(watch, self._options.file, self._loaded.text_digest, self._reload)
                    if self._on_screen:
                        around.start_soon(self._view)
                    if self._options.stop_after_s is not None:
                        around.start_soon(self._stop_later, self._options.stop_after_s)
                    try:
                        await fleet.run()
                    except FleetError as error:
                        self._failure = str(error)
                    self._final = self._state()
            around.cancel_scope.cancel()

    def finish(self) -> None:
        """After the loop: the summary, and the exit code. Raises Failure."""
        state = self._final
        if state is not None:
            if self._options.summary is not None:
                write_summary(state, self._options.summary)
            Console().print(render_summary(state, Console().width))
        if self._failure:
            raise Failure(f"error: {self._failure}")
        if self._fleet is not None and self._fleet.left_open:
            raise Failure("these own orders may still be open: " + ", ".join(self._fleet.left_open))

    async def _check(self, venue: Venue) -> None:
        """Holds the file against the venue. Raises ConfigError."""
        facts = await facts_of(venue, None)
        _refuse_faults(check(self._loaded, facts.info, facts.mids, facts.marks, facts.collateral_usd))

    # --- what the run is told

    async def _watch_signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    self._reload()
                elif self._fleet is None:
                    self._failure = "interrupted before the fleet was up; nothing was sent"
                    self._scope.cancel()
                else:
                    self._signals += 1
                    if self._signals > 1:
                        await self._leave_at_once(self._fleet)
                    self._fleet.stop()

    async def _leave_at_once(self, fleet: Fleet) -> None:
        self._view_scope.cancel()
        await anyio.sleep(0.2)
        orders = fleet.believed_open()
        if orders:
            click.echo("left at once; these own orders may still be open:", err=True)
            for order in orders:
                click.echo(f"  {order.symbol} {order.side} {order.client_id}", err=True)
        else:
            click.echo("left at once; no own order is known to be open", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)

    async def _stop_later(self, seconds: float) -> None:
        await anyio.sleep(max(seconds - self._boot_ms / 1000, 0))
        assert self._fleet is not None
        self._fleet.stop()

    def _reload(self) -> None:
        fleet = self._fleet
        if fleet is None or fleet.stopping:
            return
        try:
            loaded = load(self._options.file, os.environ)
            _refuse_faults(check(loaded, fleet.venue.info, {}, {}, None))
            changed = fleet.apply(loaded.config)
        except (ConfigError, FleetError) as error:
            fleet.refuse(str(error))
            return
        self._loaded = loaded
        if "logging" in changed:
            logging = loaded.config.logging
            logs.set_up(
                level=logging.level,
                log_format=self._options.log_format,
                file=logging.file,
                on_screen=not self._on_screen,
            )

    # --- what the run shows

    def _state(self) -> FleetState:
        if self._final is not None:
            return self._final
        if self._fleet is not None:
            return fleet_state(self._fleet, self._boot_ms)
        config = self._loaded.config
        now_ms = time.time_ns() // 1_000_000
        return FleetState(config.fleet, str(config.venue), self._options.live, now_ms, now_ms)

    async def _view(self) -> None:
        with self._view_scope:
            await terminal.run(self._state, Console(stderr=True))

    async def _serve_control(self, start: Callable[..., Awaitable[int]], journal: Journal) -> None:
        configured = self._loaded.config.control
        place = self._options.control or (None if configured is None else (configured.host, configured.port))
        if place is None:
            return
        host, port = place
        try:
            port = await start(serve, make_app(self._state), host, port)
        except OSError as error:
            what = (error.strerror or "cannot be listened on").lower()
            raise Failure(
                f"error: control endpoint {host}:{port}: {what}; set control: in the file, or --control"
            ) from None
        journal.info(f"health, metrics and state at http://{host}:{port}")
