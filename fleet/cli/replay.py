"""The command replay: which incidents there were, and what led up to one, step by step. It changes nothing.

The steps go through the decision code of this program, with no exchange and no clock: what was planned then is held
against what is planned now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import cast

import click
import msgspec

from fleet.cli.main import Failure
from fleet.cli.options import DURATION
from fleet.cli.output import Titles, as_json, print_json, print_table, utc
from fleet.config.loader import load
from fleet.ledger.reading import IncidentOnRecord, Reader
from fleet.ledger.store import LedgerError
from fleet.research.replay import Moment
from fleet.research.replay import replay as live_through
from fleet.runtime.flight import EVERY_MS, MOST_CLOSE
from fleet.runtime.flight_file import CannotRead, Unpacked, unpacked
from fleet.views.flight import Teller, Words
from fleet.wiring.ledger import ledger_path
from fleet.words import many, one_line

MOST_LISTED = 100
WITHIN_MS = 60_000
"""An incident so long before another may have led to it."""
_MOST_DIGITS = 18
"""SQLite's numbers end at nineteen."""

_TITLES: Titles = (("#", "right"), ("TIME", "left"), ("SYMBOL", "left"), ("KIND", "left"), ("", "left"))
_Told = tuple[float, Moment, Words]
"""Seconds after the incident, most of them negative."""


@click.command()
@click.argument("incident", required=False)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="A ledger file, instead of FILE's.")
@click.option("--around", type=DURATION, metavar="DURATION", help="Only so long before and after it: 10s.")
@as_json
def replay(
    json_output: bool, incident: str | None, file: Path | None, ledger: Path | None, around: float | None
) -> None:
    """Show what led up to INCIDENT, a number, in the fleet of FILE; without a number, which incidents there were.

    Each step: what came in, what the symbol's desk believed, what it wanted, and which requests it asked for. Exit code
    1 when this program decides otherwise than was recorded.
    """
    if incident is not None and not incident.isdecimal():
        if file is not None:
            raise click.UsageError(f"{incident} is no number of an incident")
        incident, file = None, Path(incident)
    try:
        with Reader(_ledger(file or Path("fleet.yaml"), ledger)) as reader:
            if incident is None:
                _list(reader, json_output)
                return
            found, recorded = _find(reader, incident)
    except LedgerError as error:
        raise Failure(f"error: {error}") from None
    lived = list(_told(found, recorded))
    differing = sum(bool(moment.difference) for _, moment, _ in lived)
    steps = [told for told in lived if around is None or abs(told[0]) <= around]
    count = many(len(lived), "step")
    if json_output:
        print_json(_shape(found, recorded, steps))
    else:
        _print(found, recorded, steps)
        if around is not None and lived and not steps:
            _print_nearest(around, lived)
        if not differing:
            in_all = " in all" if len(steps) < len(lived) else ""
            click.echo(f"\n{count}{in_all}, and every plan is as it was recorded")
    if differing:
        other = "" if found.program == version("astermm-fleet") else f"; it was recorded by version {found.program}"
        raise Failure(
            f"this program decides otherwise than the one that was recorded, in {differing} of {count}{other}"
        )


def _ledger(file: Path, ledger: Path | None) -> Path:
    """Raises ConfigError and Failure."""
    path = ledger or ledger_path(load(file, os.environ).config, file)
    if path is None:
        raise Failure(f"error: {file} says ledger: null, so that nothing was kept")
    return path


def _list(reader: Reader, json_output: bool) -> None:
    found = reader.incidents(MOST_LISTED)
    if json_output:
        print_json([asdict(each) for each in found])
        return
    if not found:
        click.echo("no incident is on record")
        return
    lines = [
        (
            str(each.id) + "*" * (not each.is_recorded),
            utc(each.at_ms),
            each.symbol or "all",
            each.kind,
            one_line(each.text),
        )
        for each in found
    ]
    print_table(_TITLES, lines)
    if not all(each.is_recorded for each in found):
        click.echo("* what led up to it is not on record")


def _find(reader: Reader, number: str) -> tuple[IncidentOnRecord, Unpacked]:
    """Raises LedgerError and Failure."""
    found = reader.incident(int(number)) if len(number) <= _MOST_DIGITS else None
    if found is None:
        raise Failure(f"error: there is no incident {number} on record: replay without a number shows which there are")
    blob = reader.recording(found.id)
    if blob is None:
        before = reader.recorded_before(found, WITHIN_MS)
        other = "" if before is None else f", but to {before}, {_seconds_between(reader, before, found)} before"
        raise Failure(
            f"error: what led up to incident {number} is not on record{other}: it is kept of the newest ones, of "
            f"{MOST_CLOSE} of a kind within {EVERY_MS // 1000} s, while the symbol trades, and once where nothing came "
            "between"
        )
    try:
        return found, unpacked(blob)
    except CannotRead as error:
        raise Failure(f"error: incident {number} cannot be replayed: {error}") from None


def _seconds_between(reader: Reader, before: int, found: IncidentOnRecord) -> str:
    earlier = reader.incident(before)
    assert earlier is not None
    return f"{(found.at_ms - earlier.at_ms) / 1000:.3g} s"


def _told(found: IncidentOnRecord, recorded: Unpacked) -> Iterator[_Told]:
    for symbol, track in recorded.tracks.items():
        teller = Teller()
        for moment in live_through(symbol, track):
            yield (moment.step.at_us - found.at_ms * 1000) / 1e6, moment, teller.words(moment)


# --- for people


def _print(found: IncidentOnRecord, recorded: Unpacked, steps: list[_Told]) -> None:
    click.echo(
        f"incident {found.id}, {utc(found.at_ms)}, {found.symbol or 'all'}: {found.kind}: {one_line(found.text)}"
    )
    if recorded.left_out:
        click.echo(f"not recorded, there was no room: {', '.join(recorded.left_out)}")
    symbol = before = None
    for number, (seconds, moment, words) in enumerate(steps, 1):
        if moment.symbol != symbol:
            symbol, before = moment.symbol, None
            click.echo(f"\n{symbol}")
        click.echo(f"{number:5} {seconds:+11.3f}s  {words.came}")
        _print_under("believes", words.believes, before and before.believes)
        _print_under("wants", words.wants, before and before.wants)
        _print_under("asks to", words.asks, "")
        _print_under("BREAKS", moment.broke, "")
        _print_under("DIFFERS", moment.difference, "")
        before = words


def _print_nearest(around: float, lived: list[_Told]) -> None:
    nearest = min((seconds for seconds, _, _ in lived), key=abs)
    side = "before" if nearest < 0 else "after"
    click.echo(f"\nno step is within {around:g} s of it: the nearest one is {abs(nearest):.3f} s {side}")


def _print_under(title: str, text: str, before: str | None) -> None:
    if text != before:
        click.echo(f"{'':20}{title:9}{text}")


# --- for pipes


def _shape(found: IncidentOnRecord, recorded: Unpacked, steps: list[_Told]) -> dict[str, object]:
    return {
        **asdict(found),
        "left_out": recorded.left_out,
        "steps": [
            {
                "symbol": moment.symbol,
                "at_us": moment.step.at_us,
                "seconds": seconds,
                "step": type(moment.step).__name__,
                "came": words.came,
                "position_lots": moment.position_lots,
                "orders": cast("object", msgspec.to_builtins(moment.orders)),
                "quotes": cast("object", msgspec.to_builtins(moment.quotes)),
                "why": moment.why,
                "asks": words.asks,
                "broke": moment.broke,
                "difference": moment.difference,
            }
            for seconds, moment, words in steps
        ],
    }
