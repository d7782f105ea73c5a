"""From what was seen in the runs to the figures of the issue, each beside what is wanted of it.

Owns: the arithmetic, and which figure is good enough. Must not know: how a run is made, how a table is drawn.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.budget_baselines import FIFO, QUEUED, UNPACED
from bench.budget_market import SOURCES
from bench.budget_run import Figures
from bench.budget_watch import Seen
from bench.rows import percentile


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, by policy. `wanted` is empty where none is stated; `is_met` is of the first policy's figure."""

    name: str
    unit: str
    by_policy: dict[str, float]
    wanted: str = ""
    is_met: bool | None = None


def lines(runs: Sequence[Figures]) -> list[Line]:
    """The first policy's are held against what is wanted; ratios are to first-in-first-out's, where it was run."""
    by_policy: dict[str, list[Figures]] = {}
    for run in runs:
        by_policy.setdefault(run.task.policy, []).append(run)
    judged = next(iter(by_policy))

    def line(
        name: str,
        unit: str,
        figure: Callable[[list[Figures]], float],
        wanted: str = "",
        is_met: Callable[[float], bool] | None = None,
    ) -> Line:
        figures = {policy: figure(of) for policy, of in by_policy.items()}
        return Line(name, unit, figures, wanted, None if is_met is None else is_met(figures[judged]))

    binding = binding_limiter(by_policy[judged])
    found = [
        line("refused with 429, most in a seed", "", lambda of: max(r.refused for r in of), "0", lambda x: x == 0),
        line(
            f"use of {binding}, of what safety allows",
            "%",
            lambda of: 100 * _mean(_use(r, binding) for r in of),
            ">= 97",
            lambda x: x >= 97,
        ),
        line("wait of cancels and reductions, p50", "ms", lambda of: _wait_ms(of, 0.5)),
        line("wait of cancels and reductions, p99", "ms", lambda of: _wait_ms(of, 0.99), "<= 10", lambda x: x <= 10),
        line("wait of cancels and reductions, longest", "ms", lambda of: _wait_ms(of, 1.0)),
        line("  while the fleet comes up, longest", "ms", lambda of: max(_longest_ms(r.coming_up) for r in of)),
        line("cancels and reductions a minute", "", lambda of: _mean(len(r.seen.waits_us) / _minutes(r) for r in of)),
        line(
            "Jain index of equal symbols' amendments, all seeds, worst group",
            "",
            lambda of: min(_jain_over_all(of)),
            ">= 0.99",
            lambda x: x >= 0.99,
        ),
    ]
    found += [
        line(
            f"  in one seed, {source.removesuffix('USDT')}'s, mean of seeds",
            "",
            lambda of, source=source: _mean(jain(each) for r in of for each in _equals(r, source)),
        )
        for source in SOURCES
    ]
    found += [
        line("quote error, time-weighted", "bps x USD", lambda of: _mean(_error(r) for r in of)),
        line("quote error, of a dollar quoted", "bps", lambda of: _mean(_error_bps(r) for r in of)),
    ]
    for baseline in (FIFO, QUEUED, UNPACED):
        if baseline not in by_policy:
            continue
        errors = {r.task.seed: _error(r) for r in by_policy[baseline]}
        is_judged = baseline == FIFO
        found += [
            line(
                f"quote error, of {baseline}'s",
                "",
                lambda of, errors=errors: _mean(_error(r) for r in of) / _mean(errors.values()),
                "<= 0.5" if is_judged else "",
                (lambda x: x <= 0.5) if is_judged else None,
            ),
            line("  worst seed", "", lambda of, errors=errors: max(_error(r) / errors[r.task.seed] for r in of)),
        ]
    found += [
        line(
            "requests a changed quote",
            "",
            lambda of: sum(r.seen.change_requests for r in of) / max(1, sum(r.seen.changed for r in of)),
            "<= 1.05",
            lambda x: x <= 1.05,
        ),
        line("changes withdrawn in time, a minute", "", lambda of: _mean(r.seen.withdrawn / _minutes(r) for r in of)),
        line("requests a minute", "", lambda of: _mean(r.seen.sent / _minutes(r) for r in of)),
        line("wishes waiting", "", lambda of: _mean(r.seen.waiting / r.seen.samples for r in of)),
        line("fills a minute", "", lambda of: _mean(r.fills / _minutes(r) for r in of)),
        line("quoted to reduce", "%", lambda of: 100 * _mean(r.seen.reducing_usd / r.seen.wanted_usd for r in of)),
        line("quotes without an order", "%", lambda of: 100 * _mean(r.seen.absent_usd / r.seen.wanted_usd for r in of)),
    ]
    return found


def binding_limiter(runs: Sequence[Figures]) -> str:
    names = runs[0].seen.used
    return max(names, key=lambda name: _mean(_use(r, name) for r in runs))


def jain(shares: Sequence[float]) -> float:
    """1 when all have the same, 1/n when one has all."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / len(shares) / squares if squares else 1.0


def _equals(run: Figures, *sources: str) -> list[list[int]]:
    """Amendments of each symbol that follows one recording with one size, for each recording and size."""
    groups: dict[tuple[str, int], list[int]] = {}
    for role in run.roles:
        if role.source in sources:
            groups.setdefault((role.source, role.size), []).append(run.seen.amends[role.symbol])
    return list(groups.values())


def _jain_over_all(runs: Sequence[Figures]) -> list[float]:
    """Of each group, the seeds taken together."""
    by_group = zip(*(_equals(run, *SOURCES) for run in runs), strict=True)
    return [jain([sum(of_symbol) for of_symbol in zip(*group, strict=True)]) for group in by_group]


def _use(run: Figures, limiter: str) -> float:
    return run.seen.used[limiter] / run.seen.samples


def _wait_ms(runs: Sequence[Figures], share: float) -> float:
    waits = [wait for r in runs for wait in r.seen.waits_us]
    return percentile(waits, share) / 1000 if waits else 0.0


def _longest_ms(seen: Seen) -> float:
    return max(seen.waits_us, default=0) / 1000


def _error(run: Figures) -> float:
    return run.seen.error_usd_bps / run.seen.samples


def _error_bps(run: Figures) -> float:
    return run.seen.error_usd_bps / run.seen.wanted_usd


def _minutes(run: Figures) -> float:
    return run.task.seconds / 60


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
