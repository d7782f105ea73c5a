"""How long this process has been running: what its owner waited for before the first line of ours was reached."""

from __future__ import annotations

import os
import time

_IMPORTED_NS = time.monotonic_ns()


def boot_ms() -> int:
    """Milliseconds since the process began; where the system does not tell, since this module was imported."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            started_ticks = int(stat.read().rpartition(b")")[2].split()[19])
        return round((time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")) * 1000)
    except (OSError, AttributeError, ValueError, IndexError):
        return (time.monotonic_ns() - _IMPORTED_NS) // 1_000_000
