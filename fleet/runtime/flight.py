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
MOST_STEPS = 500
"""Of one part; a ring holds between one and two of them: of a busy symbol 0.7 MB at most."""

MOST_CLOSE = 4
EVERY_MS = 10_000
"""Of a kind's incidents no more are recorded in this time: they are of one story, and must not drive out others."""

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

    def note_instead(self, step: Step) -> None:
        """Of the last one."""
        self._steps[-1] = step

    @property
    def end(self) -> tuple[int, int]:
        """Another one whenever something was noted; (0, 0) before that."""
        return (self._segments[-1].begins.at_us, len(self._steps)) if self._segments else (0, 0)

    def cut(self, parts: int = 2) -> tuple[Segment, ...]:
        """A copy, to be read by another thread."""
        return tuple(Segment(each.begins, list(each.steps)) for each in self._segments[-parts:])


@dataclass(slots=True)
class Recording:
    """What was cut out for one incident."""

    tracks: dict[str, tuple[Segment, ...]] = field(repr=False)
    left_out: tuple[str, ...] = ()
    """Symbols that are of it too."""

    def packed(self) -> bytes | None:
        """As it is kept; None when it was dropped while it waited. Called by the thread that writes."""
        tracks = self.tracks
        return flight_file.packed(tracks, self.left_out) if tracks else None


@dataclass(slots=True)
class _Story:
    """`ends`: of the flights, when they were last cut."""

    began_ms: int
    recorded: int = 0
    ends: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


class Flights:
    """All symbols'."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}
        self._stories: dict[tuple[str | None, str], _Story] = {}
        self._waiting: deque[Recording] = deque()

    def of(self, symbol: str) -> Flight:
        return self._flights.setdefault(symbol, Flight())

    def drop(self, symbol: str) -> None:
        """It has left the fleet."""
        self._flights.pop(symbol, None)

    def cut(self, symbol: str | None, kind: str, now_ms: int) -> Recording | None:
        """For an incident of a symbol, or of the whole fleet. None where nothing is on record, nothing has been noted
        since the last one of the kind, or there were many of it just before."""
        flights = {each: flight for each, flight in self._flights.items() if symbol in (None, each)}
        ends = {each: flight.end for each, flight in flights.items() if flight.end != (0, 0)}
        story = self._stories.get((symbol, kind))
        if story is None or not story.began_ms <= now_ms < story.began_ms + EVERY_MS:
            story = self._stories[symbol, kind] = _Story(now_ms)
        if not ends or story.ends == ends or story.recorded >= MOST_CLOSE:
            return None
        story.recorded += 1
        story.ends = ends
        wanted, left_out = list(ends)[:MOST_SYMBOLS], list(ends)[MOST_SYMBOLS:]
        parts = 1 if symbol is None else 2
        recording = Recording({each: flights[each].cut(parts) for each in wanted}, tuple(left_out))
        self._waiting.append(recording)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft().tracks = {}
        return recording
