"""A fleet file judged: by itself, and against the exchange that it names.

Owns: asking, and telling faults as `validate` does: warnings, a note, then every fault at once with exit code 2. Must
not know: what the file is wanted for.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import anyio
import click

from exchange.clock import Clock
from exchange.errors import VenueError
from fleet.cli.main import Failure
from fleet.config.faults import Fault
from fleet.config.loader import Examined, Loaded, examine
from fleet.config.models import Replay
from fleet.config.venue_check import Checked, VenueFacts, check, promises
from fleet.wiring.facts import venue_facts


@dataclass(frozen=True, slots=True)
class Verdict:
    """`facts` is None when the exchange was not asked, or did not answer; `note` says what could not be checked."""

    examined: Examined
    checked: Checked
    facts: VenueFacts | None = None
    note: str = ""

    def tell(self) -> None:
        """Warnings and the note, to stderr. Raises Failure that tells every fault."""
        tell_warnings(self.checked.all_warnings)
        if self.note:
            click.echo(f"note: {self.note}", err=True)
        if self.faults:
            raise Failure("\n".join(map(str, self.faults)), 2)

    @property
    def faults(self) -> list[Fault]:
        return _in_order([*self.examined.faults, *self.checked.errors])


def tell_warnings(warnings: list[Fault]) -> None:
    for warning in _in_order(warnings):
        click.echo(f"warning: {warning}", err=True)


def judge(file: Path, *, venue_check: bool = True, collateral_usd: Decimal | None = None) -> Verdict:
    examined = examine(file, os.environ)
    if examined.sound is None:
        return Verdict(examined, Checked([], []))
    if not venue_check:
        return Verdict(examined, Checked([], promises(examined.sound)))
    return _against_venue(examined, examined.sound, collateral_usd)


def _against_venue(examined: Examined, loaded: Loaded, collateral_usd: Decimal | None) -> Verdict:
    try:
        facts = anyio.run(_ask, loaded)
    except VenueError as error:
        return Verdict(examined, Checked([], promises(loaded)), note=f"not checked against the exchange: {error}")
    collateral_usd = collateral_usd or facts.collateral_usd
    note = "" if collateral_usd else "order sizes not checked: give --collateral USD"
    if loaded.config.venue == "paper" and isinstance(loaded.config.paper.feed, Replay):
        note = "order sizes not checked: no prices before the recording is played"
    if "paper" in examined.replaced:
        # The feed and the balance that are meant are not known.
        facts, collateral_usd = replace(facts, mids={}, marks={}), None
        note = "order sizes not checked: mend paper first"
    checked = check(loaded, facts.info, facts.mids, facts.marks, collateral_usd, examined.unsound)
    return Verdict(examined, checked, facts, note)


async def _ask(loaded: Loaded) -> VenueFacts:
    return await venue_facts(loaded.config, Clock(time.time_ns() // 1000))


def _in_order(faults: list[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: (fault.line, fault.column))
