"""python -m bench.budget: what one rate limit is worth under each policy of spending it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
import msgspec
from loguru import logger
from rich import box
from rich.console import Console
from rich.table import Table

from bench.__main__ import machine
from bench.budget_baselines import FIFO, QUEUED, UNPACED, file_policy
from bench.budget_cost import SYMBOLS, measure, p50_p99
from bench.budget_figures import Line, lines
from bench.budget_market import RECORDINGS, has_recordings
from bench.budget_run import ORDER_USD, REFRESH, SAFETY, SPREAD, THRESHOLD, Figures, Task, run

POLICIES = ("value", "fair", FIFO)


def _quiet() -> None:
    logger.remove()


def _runs(tasks: Sequence[Task], console: Console) -> list[Figures]:
    done: list[Figures] = []
    for figures in _in_parallel(tasks):
        done.append(figures)
        told = f"{len(done)}/{len(tasks)}: {figures.task.policy}, seed {figures.task.seed}, {figures.took_s:.0f} s"
        console.print(told, style="dim", highlight=False)
    return sorted(done, key=lambda each: tasks.index(each.task))


def _in_parallel(tasks: Sequence[Task]) -> Iterator[Figures]:
    cores = min(os.cpu_count() or 1, len(tasks))
    if cores == 1:
        yield from map(run, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(cores, _quiet) as pool:
        yield from pool.imap_unordered(run, tasks)


def _cost_lines(policies: Sequence[str], *, quick: bool) -> list[Line]:
    """Taken when nothing else of ours runs."""
    costs = {policy: measure(file_policy(policy), 1 if quick else 120) for policy in policies}
    refused = {policy: p50_p99(each.refused_us) for policy, each in costs.items()}
    granted = {policy: p50_p99(each.granted_us) for policy, each in costs.items()}
    first = policies[0]
    either = {policy: p50_p99([*each.refused_us, *each.granted_us])[0] for policy, each in costs.items()}
    name = f"a decision at {SYMBOLS} symbols"
    return [
        Line(f"{name}, p50", "us", either, "<= 20", either[first] <= 20),
        Line(f"{name}: wait, p50", "us", {p: each[0] for p, each in refused.items()}),
        Line(f"{name}: wait, p99", "us", {p: each[1] for p, each in refused.items()}),
        Line(f"{name}: go, and settled, p50", "us", {p: each[0] for p, each in granted.items()}),
        Line(f"{name}: go, and settled, p99", "us", {p: each[1] for p, each in granted.items()}),
    ]


def _table(found: Sequence[Line], policies: Sequence[str]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("figure", no_wrap=True)
    for policy in policies:
        shown.add_column(policy, justify="right", no_wrap=True)
    for heading in ("", "wanted", policies[0]):
        shown.add_column(heading, no_wrap=True)
    for line in found:
        verdict = "" if line.is_met is None else "ok" if line.is_met else "MISSED"
        figures = [_figure(line.by_policy[policy]) for policy in policies]
        shown.add_row(line.name, *figures, line.unit, line.wanted, verdict)
    return shown


def _figure(value: float) -> str:
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 2 else f"{value:.4f}"


@click.command()
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(min=1), help="1 to this many.")
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    help="Virtual ones, after two in which the fleet comes up and the windows fill.",
)
@click.option("--symbols", default=60, show_default=True, type=click.IntRange(min=4))
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice([*POLICIES, QUEUED, UNPACED]),
    help="One or more instead of all three.",
)
@click.option("--recordings", default=RECORDINGS, type=click.Path(path_type=Path), help="A directory of recorded days.")
@click.option("--spread", default=SPREAD, show_default=True)
@click.option("--threshold", default=THRESHOLD, show_default=True)
@click.option("--size", "sizes", multiple=True, default=[1], type=click.IntRange(1, 100), help="Of orders, in turn.")
@click.option("--budget", "extra", default="", help="More of the fleet file's budget, such as: weights: {too_close: 1}")
@click.option("--quick", is_flag=True, help="So little that the figures mean nothing: to see that it runs.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures, too.")
def main(
    seeds: int,
    minutes: float,
    symbols: int,
    policies: tuple[str, ...],
    recordings: Path,
    spread: str,
    threshold: str,
    sizes: tuple[int, ...],
    extra: str,
    quick: bool,
    json_file: Path | None,
) -> None:
    """Run the whole fleet against the paper exchange, under each policy in the same markets, and compare."""
    _quiet()
    console = Console(width=max(Console().width, 150))
    warm_up_s = 180.0
    if quick:
        seeds, minutes, symbols, warm_up_s = 1, 0.05, 8, 3.0
    chosen = policies or POLICIES
    directory = recordings if has_recordings(recordings) else None
    where = f"recorded markets of {directory}" if directory else f"SYNTHETIC markets: no recordings in {recordings}"
    told = (
        f"{symbols} symbols, {minutes:g} virtual minutes after {warm_up_s:g} s, seeds 1 to {seeds}, {where};"
        f" orders of {ORDER_USD} USD x {'/'.join(map(str, sizes))}, spread {spread}, refresh {REFRESH},"
        f" threshold {threshold}, safety {SAFETY}"
    )
    console.print(machine(), highlight=False)
    console.print(told, highlight=False)
    began_s = time.perf_counter()
    tasks = [
        Task(policy, seed, symbols, minutes * 60, warm_up_s, directory, extra, spread, threshold, sizes)
        for seed in range(1, seeds + 1)
        for policy in chosen
    ]
    runs = _runs(tasks, Console(stderr=True))
    runs = sorted(runs, key=lambda each: chosen.index(each.task.policy))
    found = [*lines(runs), *_cost_lines(chosen, quick=quick)]
    console.print(_table(found, chosen))
    console.print(f"took {time.perf_counter() - began_s:.0f} s", highlight=False)
    if json_file is not None:
        taken = {"machine": machine(), "run": told, "quick": quick, "figures": [asdict(line) for line in found]}
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(taken)))


if __name__ == "__main__":
    sys.exit(main())
