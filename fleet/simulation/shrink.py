"""Makes a failing day's plan as short as it can be and still fail: what is left is what it takes.

Owns: which shorter plans are tried. Must not know: why a day fails; it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleet.simulation.trouble import Day, Trouble


def shrunk(day: Day, fails: Callable[[Day], bool], tries: int = 60) -> Day:
    """`fails` says whether a shorter day still does; it is asked at most so often. Halves of the plan go first, then
    smaller parts, single troubles last (delta debugging); then the day itself is cut after its last trouble."""
    parts = 2
    while day.troubles and tries > 0:
        size = max(1, -(-len(day.troubles) // parts))
        for start in range(0, len(day.troubles), size):
            shorter = _without(day, start, size)
            tries -= 1
            if fails(shorter):
                day, parts = shorter, max(parts - 1, 2)
                break
            if tries <= 0:
                return day
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(day.troubles))
    last_s = max((trouble.at_s for trouble in day.troubles), default=0.0)
    for seconds in (5.0, 10.0, 20.0, 30.0, 45.0):
        if last_s <= seconds < day.seconds and tries > 0:
            tries -= 1
            shorter = replace(day, seconds=seconds)
            if fails(shorter):
                return shorter
    return day


def _without(day: Day, start: int, size: int) -> Day:
    kept: tuple[Trouble, ...] = day.troubles[:start] + day.troubles[start + size :]
    return replace(day, troubles=kept)
