"""`python -m fleet.simulation`: lives through many bad days, and tells of each that ended badly. See `--help`.

Owns: the processes that share the seeds, the figures, and how a failure is told. Must not know: what goes wrong.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import click
from loguru import logger

from fleet.simulation import invariants
from fleet.simulation.loop import START_US
from fleet.simulation.shrink import shrunk
from fleet.simulation.trouble import SECONDS, SYMBOLS, Day, draw_day
from fleet.simulation.watch import Violation
from fleet.simulation.world import Outcome, live
from fleet.words import many

TWICE_EVERY = 25
"""Each so-many-th seed is lived through twice: the same seed, the same trace."""

BEFORE, AFTER = 60, 5
"""Lines of the trace that are shown around a violation."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What one seed came to, small enough to cross from one process to another."""

    seed: int
    violations: tuple[Violation, ...]
    orders: int
    fills: int
    requests: int
    counted: Counter[str]
    virtual_s: float


def lived(seed: int, seconds: float, symbols: int) -> Lived:
    logger.remove()
    # A day is lived and forgotten: one collection after it costs less than thousands meanwhile.
    gc.disable()
    outcome = _live_twice(seed, seconds, symbols) if seed % TWICE_EVERY == 0 else live(draw_day(seed, seconds, symbols))
    gc.collect()
    virtual_s = (outcome.trace[-1][0] - START_US) / 1e6 if outcome.trace else 0.0
    return Lived(seed, outcome.violations, outcome.orders, outcome.fills, outcome.requests, outcome.counted, virtual_s)


def _live_twice(seed: int, seconds: float, symbols: int) -> Outcome:
    outcome, again = (live(draw_day(seed, seconds, symbols)) for _ in range(2))
    complaint = invariants.same_trace(outcome.trace, again.trace)
    if complaint and not outcome.violations:
        violation = Violation(outcome.trace[-1][0], "same seed, same trace", complaint)
        return replace(outcome, violations=(violation,))
    return outcome


@click.command()
@click.option("--seeds", default=20, help="How many days.", show_default=True)
@click.option("--first-seed", default=0, help="The first of them.", show_default=True)
@click.option("--seed", type=int, default=None, help="Only this one, and shows its plan, and its trace if it fails.")
@click.option("--seconds", default=SECONDS, help="How long a day is.", show_default=True)
@click.option("--symbols", default=SYMBOLS, help="How many are traded.", show_default=True)
@click.option("--processes", default=2, help="How many days at once.", show_default=True)
@click.option("--shrink/--no-shrink", default=True, help="Whether a failing day's plan is made shorter.")
def main(
    seeds: int, first_seed: int, seed: int | None, seconds: float, symbols: int, processes: int, shrink: bool
) -> None:
    """Lives through bad days. Ends with 1 when a rule was broken on any of them."""
    logger.remove()
    began = time.monotonic()
    if seed is not None:
        every: Iterable[Lived] = [lived(seed, seconds, symbols)]
        failed = _tally(every, seconds, symbols, began, shrink=shrink, shown=True)
    else:
        with ProcessPoolExecutor(processes) as pool:
            each = partial(lived, seconds=seconds, symbols=symbols)
            every = pool.map(each, range(first_seed, first_seed + seeds), chunksize=1)
            failed = _tally(every, seconds, symbols, began, shrink=shrink, shown=False)
    sys.exit(1 if failed else 0)


def _tally(every: Iterable[Lived], seconds: float, symbols: int, began: float, *, shrink: bool, shown: bool) -> int:
    counted: Counter[str] = Counter()
    hours, orders, fills, failed = 0.0, 0, 0, 0
    for each in every:
        counted += each.counted
        hours += each.virtual_s / 3600
        orders, fills = orders + each.orders, fills + each.fills
        if shown and not each.violations:
            _show_plan(draw_day(each.seed, seconds, symbols))
        if each.violations:
            failed += 1
            _tell(each, draw_day(each.seed, seconds, symbols), shrink=shrink)
    crashes = counted.pop("Crash", 0)
    faults = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
    click.echo(
        f"{hours:.1f} virtual hours in {time.monotonic() - began:.0f} s, {many(orders, 'order')}, "
        f"{many(fills, 'fill')}, faults: {sum(counted.values())} ({faults}), "
        f"{many(crashes, 'crash', 'crashes')}, {many(failed, 'violation')}"
    )
    return failed


def _tell(each: Lived, day: Day, *, shrink: bool) -> None:
    """The seed, what was broken, the least that it takes, and what went over the wire around it."""
    (violation,) = each.violations
    click.echo(f"seed {each.seed}: {violation.rule}: {violation.text}")
    if violation.rule == "same seed, same trace":
        return
    if shrink:
        # What comes later cannot have been the cause.
        until_s = (violation.at_us - START_US) / 1e6
        day = replace(day, troubles=tuple(trouble for trouble in day.troubles if trouble.at_s <= until_s))
        day = shrunk(day, lambda shorter: _fails_alike(shorter, violation))
    _show_plan(day)
    outcome = live(day)
    at_us = outcome.violations[0].at_us if outcome.violations else violation.at_us
    before = [line for line in outcome.trace if line[0] <= at_us][-BEFORE:]
    after = [line for line in outcome.trace if line[0] > at_us][:AFTER]
    for us, text in before:
        click.echo(f"  {(us - START_US) / 1e6:10.6f} {text}")
    for found in outcome.violations:
        click.echo(f"  {(found.at_us - START_US) / 1e6:10.6f} ! {found.rule}: {found.text}")
    for us, text in after:
        click.echo(f"  {(us - START_US) / 1e6:10.6f} {text}")
    click.echo(f"  again: make sim SEED={each.seed}")


def _fails_alike(day: Day, violation: Violation) -> bool:
    return any(found.rule == violation.rule for found in live(day).violations)


def _show_plan(day: Day) -> None:
    click.echo(
        f"  seed {day.seed}, {many(day.symbols, 'symbol')}, {day.seconds:g} s; ways {', '.join(map(str, day.ways))}"
    )
    for trouble in day.troubles:
        click.echo(f"  {trouble}")


if __name__ == "__main__":
    main()
