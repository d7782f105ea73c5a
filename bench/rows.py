"""What a benchmark answers with: a figure of ours beside its baseline's, and how such figures are taken and shown.

Owns: rows, timing loops, percentiles, the table. Must not know: what is measured.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """Less is better in every unit. `baseline` was taken in the same run, by what `against` says."""

    benchmark: str
    case: str
    unit: str
    ours: float
    baseline: float
    against: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times less ours is."""
        return self.baseline / self.ours if self.ours else float("inf")


def us_per_call(calls: Sequence[Callable[[], object]], *, loops: int, runs: int = 5) -> list[float]:
    """Microseconds a call takes: the median of `runs`, each of `loops`. The calls take turns, so that all see the same
    machine."""
    taken: list[list[float]] = [[] for _ in calls]
    gc.collect()
    gc.disable()
    try:
        for run in range(runs + 1):
            for call, times in zip(calls, taken, strict=True):
                began_ns = time.perf_counter_ns()
                for _ in range(loops):
                    call()
                # The first run is to warm up.
                if run:
                    times.append((time.perf_counter_ns() - began_ns) / loops / 1000)
    finally:
        gc.enable()
    return [statistics.median(times) for times in taken]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that `share` of them do not exceed."""
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def table(rows: Sequence[Row]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("benchmark", "case"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("ours", "baseline", "", "ratio"):
        shown.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for heading in ("baseline is", "note"):
        shown.add_column(heading)
    before = ""
    for row in rows:
        name, before = ("" if row.benchmark == before else row.benchmark), row.benchmark
        figures = (_figure(row.ours), _figure(row.baseline), row.unit, f"{row.ratio:.1f}x")
        shown.add_row(name, row.case, *figures, row.against, row.note)
    return shown


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
