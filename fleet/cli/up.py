"""up: runs a fleet until it is told to stop, and leaves nothing of it in the market."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import click

from fleet.cli.edits import refuse_faults
from fleet.cli.main import Failure
from fleet.cli.options import DURATION, HOST_PORT
from fleet.cli.run import Options, Run
from fleet.config.credentials import Credentials, dotenv_for, read_credentials
from fleet.config.loader import Loaded, load
from fleet.config.models import Live
from fleet.config.venue_check import check
from fleet.views import logs
from fleet.views.summary import expect_writable
from fleet.wiring.client import address_of
from fleet.wiring.facts import paper_facts


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
@click.option("--live", is_flag=True, help="Trade with real money. Nothing else does.")
@click.option("--for", "stop_after_s", type=DURATION, help="Stop by itself after this long: 30s, 5m.")
@click.option("--plain", is_flag=True, help="Log lines instead of the live table, on a terminal too.")
@click.option("--summary", type=click.Path(path_type=Path, dir_okay=False), help="Write the summary as JSON, too.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How log lines are written.")
@click.option("--control", type=HOST_PORT, envvar="ASTERMM_CONTROL", help="HOST:PORT of health, metrics and state.")
@click.option("--resume", is_flag=True, help="Quote although it was killed, or a loss limit was hit before.")
def up(
    file: Path,
    live: bool,
    stop_after_s: float | None,
    plain: bool,
    summary: Path | None,
    log_format: logs.LogFormat,
    control: tuple[str, int] | None,
    resume: bool,
) -> None:
    """Run the fleet of FILE (fleet.yaml when not given) until Ctrl-C.

    Its orders are then cancelled and confirmed gone. Saving FILE meanwhile changes the running fleet, symbol by symbol.
    """
    options = Options(file, live, stop_after_s, plain, summary, log_format, control, resume)
    loaded = load(file, os.environ)
    credentials = credentials_for(loaded, live, file)
    if summary is not None:
        try:
            expect_writable(summary)
        except OSError as error:
            raise Failure(
                f"--summary {summary} cannot be written: {(error.strerror or str(error)).lower()}", 2
            ) from None
    if loaded.config.venue == "paper" and not isinstance(loaded.config.paper.feed, Live):
        facts = paper_facts(loaded.config)
        refuse_faults(check(loaded, facts.info, facts.mids, facts.marks, facts.collateral_usd))
    run = Run(options, loaded, credentials)
    problems: list[Exception] = []
    try:
        anyio.run(run.main, backend="asyncio", backend_options={"use_uvloop": sys.platform != "win32"})
    except Exception as error:  # noqa: BLE001 however it ended, what it came to is told
        problems.append(error)
    problems += run.report()
    if problems:
        raise ExceptionGroup("the run", problems)


def credentials_for(loaded: Loaded, live: bool, file: Path) -> Credentials | None:
    """Raises ConfigError, and Failure where real money or keys are wanted and not given."""
    venue = loaded.config.venue
    if venue == "paper":
        return None
    if address_of(venue).is_live and not live:
        raise Failure(f"{loaded.config.venue_name} is real money: say --live if that is what you want", 2)
    credentials = read_credentials(os.environ, dotenv_for(file))
    if credentials is None:
        where = "in the environment, in .env beside the fleet file, or by *_FILE"
        raise Failure(f"no credentials: set API_USER and API_PRIVATE_KEY, {where}", 2)
    for secret in (credentials.private_key, credentials.v1_private_key):
        if secret:
            logs.register_secret(secret)
    return credentials
