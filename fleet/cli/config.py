"""Commands about fleet files: validate, schema, init."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

import anyio
import click

from exchange.clock import Clock
from exchange.errors import VenueError
from fleet.cli.main import Failure
from fleet.config.faults import Fault
from fleet.config.loader import Examined, Loaded, examine
from fleet.config.models import Replay
from fleet.config.schema import fleet_schema_text
from fleet.config.starter import write_starter
from fleet.config.venue_check import Checked, VenueFacts, check, promises
from fleet.wiring.facts import venue_facts


class _Usd(click.ParamType[Decimal]):
    name = "usd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount <= 0:
            self.fail("an amount such as 1000", param, ctx)
        return amount


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
@click.option("--venue-check/--offline", default=True, help="Also hold the file against the exchange's instruments.")
@click.option("--collateral", "collateral_usd", type=_Usd(), help="Collateral in USD to reckon order sizes with.")
def validate(file: Path, venue_check: bool, collateral_usd: Decimal | None) -> None:
    """Check FILE (fleet.yaml when not given); exit 2 when anything is wrong with it.

    Every fault is told at once, as file:line:column: what: what would be right.
    """
    examined = examine(file, os.environ)
    checked, note = Checked([], []), ""
    if examined.sound is not None:
        checked = Checked([], promises(examined.sound))
        if venue_check:
            checked, note = _against_venue(examined, examined.sound, collateral_usd)
    for warning in _in_order(checked.warnings):
        click.echo(f"warning: {warning}", err=True)
    if note:
        click.echo(f"note: {note}", err=True)
    faults = _in_order([*examined.faults, *checked.errors])
    if faults:
        raise Failure("\n".join(map(str, faults)), 2)
    config = examined.whole().config
    count = len(config.symbols)
    click.echo(f"{file}: fleet {config.fleet}, {count} symbol{'s' if count != 1 else ''}: good")


@click.command()
def schema() -> None:
    """Print the JSON Schema of fleet files, for editors that complete and check YAML."""
    click.echo(fleet_schema_text(), nl=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
def init(file: Path) -> None:
    """Write a commented starter file to FILE (fleet.yaml when not given), and its schema beside it."""
    try:
        written = write_starter(file)
    except FileExistsError:
        raise Failure(f"{file} exists, and is left as it is: give another name") from None
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"next: astermm-fleet validate {file}, then astermm-fleet up {file}")


def _against_venue(examined: Examined, loaded: Loaded, collateral_usd: Decimal | None) -> tuple[Checked, str]:
    try:
        facts = anyio.run(_ask, loaded)
    except VenueError as error:
        return Checked([], promises(loaded)), f"not checked against the exchange: {error}"
    collateral_usd = collateral_usd or facts.collateral_usd
    note = "" if collateral_usd else "order sizes not checked: give --collateral USD"
    if loaded.config.venue == "paper" and isinstance(loaded.config.paper.feed, Replay):
        note = "order sizes not checked: no prices before the recording is played"
    if "paper" in examined.replaced:
        # The feed and the balance that are meant are not known.
        facts, collateral_usd = replace(facts, mids={}, marks={}), None
        note = "order sizes not checked: mend paper first"
    return check(loaded, facts.info, facts.mids, facts.marks, collateral_usd, examined.unsound), note


async def _ask(loaded: Loaded) -> VenueFacts:
    return await venue_facts(loaded.config, Clock(time.time_ns() // 1000))


def _in_order(faults: list[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: (fault.line, fault.column))
