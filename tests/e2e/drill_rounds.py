"""The troubles: what each round does to a lane, and what it tells of it.

Owns: one function for each kind. Must not know: the order of rounds, what is made of the figures.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Awaitable, Callable

import anyio
from drill_damage import KINDS
from drill_lane import Lane

STOPPED_S = 5.0


async def kill(lane: Lane) -> str:
    """At a random instant of its life or of its start; sometimes nobody starts it again before the exchange has acted."""
    rng = lane.rng
    await anyio.sleep(rng.uniform(0, 2))
    dead_s = lane.kill()
    told = "killed"
    if rng.random() < 0.3:
        told += f", its last order gone after {await lane.until_none_is_left(dead_s):.1f} s"
    else:
        await anyio.sleep(rng.uniform(0, 1))
    lane.start()
    if rng.random() < 0.5:
        at_s = rng.uniform(0, 3)
        await anyio.sleep(at_s)
        dead_s = lane.kill()
        told += f", again {at_s:.1f} s after its start"
        if rng.random() < 0.3:
            told += f", none left after {await lane.until_none_is_left(dead_s):.1f} s"
        lane.start()
    return f"{told}, quoting {await lane.until_quoting():.1f} s after its start"


async def cut(lane: Lane) -> str:
    """Both lines: by a close frame, by none, with new ones refused for a while, or by the listen key's end."""
    rng = lane.rng
    code, refused_s = rng.choice((1006, 1001, 1012)), rng.choice((0.0, rng.uniform(0, 3)))
    is_key = rng.random() < 0.2
    if is_key:
        lane.paper.admin("POST", "/listen-keys/expire")
    else:
        lane.paper.admin("POST", "/faults/once", fault="cut", code=code, refused_for_s=refused_s)
    await anyio.sleep(refused_s)
    took_s = await lane.until_quoting_again(time.monotonic())
    what = "listen keys ended" if is_key else f"lines cut with {code}, new ones refused for {refused_s:.1f} s"
    return f"{what}, quoting after {took_s:.1f} s"


async def restart(lane: Lane) -> str:
    """Of the exchange, which keeps its orders and accounts, as a real one does."""
    for_s = lane.rng.uniform(0.5, 5)
    lane.paper.admin("POST", "/restart", for_s=for_s)
    await anyio.sleep(for_s)
    return f"exchange away for {for_s:.1f} s, quoting {await lane.until_quoting_again(time.monotonic()):.1f} s after"


async def stop_and_go(lane: Lane) -> str:
    lane.fleet.process.send_signal(signal.SIGSTOP)
    await anyio.sleep(STOPPED_S)
    lane.fleet.process.send_signal(signal.SIGCONT)
    took_s = await lane.until_quoting_again(time.monotonic())
    return f"stopped for {STOPPED_S:.0f} s, quoting {took_s:.1f} s after"


async def full_disk(lane: Lane) -> str:
    """The size that a file may have stands for the size of the disk: of the log as of the ledger."""
    rng, process = lane.rng, lane.fleet.process
    largest = max(each.stat().st_size for each in lane.ledger.parent.glob(f"{lane.ledger.name}*"))
    size = rng.choice((4096, largest // 2, largest))
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
    await anyio.sleep(rng.uniform(1, 4))
    told = f"no file longer than {size} bytes"
    if rng.random() < 0.5:
        lane.kill()
        lane.start()
        return f"{told}, then killed, quoting {await lane.until_quoting():.1f} s after its start"
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    return f"{told}, quoting {await lane.until_quoting_again(time.monotonic()):.1f} s after"


async def damage(lane: Lane) -> str:
    """To the file of a fleet that is dead, or to the one it is writing to, and then it dies."""
    rng = lane.rng
    kind = rng.choice(list(KINDS))
    while_it_runs = rng.random() < 0.5
    if not while_it_runs:
        lane.kill()
    KINDS[kind](lane.ledger, rng)
    if while_it_runs:
        await anyio.sleep(rng.uniform(0, 2))
        lane.kill()
    lane.start()
    when = "while it ran" if while_it_runs else "after its death"
    return f"ledger {when}: {kind}; quoting {await lane.until_quoting():.1f} s after its start"


ROUNDS: dict[str, Callable[[Lane], Awaitable[str]]] = {
    "kill": kill,
    "stream cut": cut,
    "exchange restart": restart,
    "SIGSTOP": stop_and_go,
    "full disk": full_disk,
    "damaged ledger": damage,
}
STARTS = {"kill": 2, "full disk": 1, "damaged ledger": 1}
"""How often each starts the fleet, at most; the others never do."""
