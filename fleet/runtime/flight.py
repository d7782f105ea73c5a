"""The last minute of each symbol's desk, kept in case of an incident: a flight recorder.

Owns: the rings of steps, how much they hold, and cutting them out when something has happened. Must not know: what the
steps say, who writes them down. Noting one costs an append; cutting copies references, and whoever writes encodes.

A ring is of two parts, each with the checkpoint that it begins from: full, the older goes, and a new one begins.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from fleet.runtime import flight_file
from fleet.runtime.steps import Checkpoint, Segment, Step

SPAN_US = 30_000_000
MOST_STEPS = 1000
"""Of one part; a ring holds between one and two of them."""

EVERY_MS = 10_000
"""Incidents of one kind that follow each other so closely are of one story: the first of them has it."""

MOST_SYMBOLS = 16
"""In the recording of an incident of the whole fleet."""

MOST_WAITING = 64
"""Recordings that hold steps in memory while the ledger cannot be written."""


class Flight:
    """One symbol's. It outlives the symbol's desks: each begins with a checkpoint of its own."""

    __slots__ = ("_due_us", "_segments", "_steps")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._steps: list[Step] = []
        self._due_us = 0

    def begin(self) -> None:
        """Another desk: what it is fed does not go on from what was."""
        self._due_us = 0

    def is_due(self, now_us: int) -> bool:
        """Whether the next step needs a checkpoint before it."""
        return now_us >= self._due_us or len(self._steps) >= MOST_STEPS

    def turn(self, checkpoint: Checkpoint) -> None:
        self._steps = []
        self._segments = [*self._segments[-1:], Segment(checkpoint, self._steps)]
        self._due_us = checkpoint.at_us + SPAN_US

    def note(self, step: Step) -> None:
        self._steps.append(step)

    def cut(self, parts: int = 2) -> tuple[Segment, ...]:
        """A copy, to be read by another thread."""
        return tuple(Segment(each.begins, list(each.steps)) for each in self._segments[-parts:])


@dataclass(slots=True)
class Recording:
    """What was cut out for one incident."""

    tracks: dict[str, tuple[Segment, ...]] = field(repr=False)

    def packed(self) -> bytes | None:
        """As it is kept; None when it was dropped while it waited. Called by the thread that writes."""
        tracks = self.tracks
        return flight_file.packed(tracks) if tracks else None


class Flights:
    """All symbols'."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}
        self._cut_ms: dict[tuple[str | None, str], int] = {}
        self._waiting: deque[Recording] = deque()

    def of(self, symbol: str) -> Flight:
        return self._flights.setdefault(symbol, Flight())

    def drop(self, symbol: str) -> None:
        """It has left the fleet."""
        self._flights.pop(symbol, None)

    def cut(self, symbol: str | None, kind: str, now_ms: int) -> Recording | None:
        """For an incident of a symbol, or of the whole fleet. None where nothing is on record, or one of the kind was
        just before."""
        last_ms = self._cut_ms.get((symbol, kind))
        if last_ms is not None and last_ms <= now_ms < last_ms + EVERY_MS:
            return None
        wanted = list(self._flights)[:MOST_SYMBOLS] if symbol is None else [symbol] * (symbol in self._flights)
        tracks = {each: self._flights[each].cut(1 if symbol is None else 2) for each in wanted}
        recording = Recording({each: track for each, track in tracks.items() if track})
        if not recording.tracks:
            return None
        self._cut_ms[symbol, kind] = now_ms
        self._waiting.append(recording)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft().tracks = {}
        return recording
