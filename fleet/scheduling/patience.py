"""What is said when leave to send is long in coming, before there is a fleet that shows what waits.

Owns: when it is said, and the words. Must not know: what is asked, who listens.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from fleet.scheduling.gate import Gate

SILENT_S = 2.0
_LOOK_EVERY_S = 0.5


async def tell_waits(gate: Gate, tell: Callable[[str], None]) -> None:
    """Until cancelled; once for all that waits together."""
    is_told = False
    while True:
        await anyio.sleep(_LOOK_EVERY_S)
        longest_us = max((line.longest_us for line in gate.in_line().values()), default=0)
        if not longest_us:
            is_told = False
        elif not is_told and longest_us >= SILENT_S * 1e6:
            is_told = True
            tell(_words(gate))


def _words(gate: Gate) -> str:
    left_s = gate.wait_s()
    for_how_long = "" if left_s is None else f" for {max(left_s, 1):.0f} s"
    if gate.is_paused:
        return f"waits{for_how_long}, as the exchange asked for a pause: {gate.pause_reason}"
    return f"waits{for_how_long} for leave to ask: what the exchange allows in a minute is spent, by us or others"
