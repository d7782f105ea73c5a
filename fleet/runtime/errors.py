"""What ends a fleet. Owns: the words' type. Must not know: anything else."""

from __future__ import annotations


class FleetError(Exception):
    """The fleet cannot run, in words for its owner."""
