"""python -m fuzz_run [--requests N] [--messages N] [--sockets N] [--seed N]

The long run: all of it in memory but a share on real sockets. The last line has the figures; exits with 1 when an
answer was a 5xx that nobody injected or no answer at all, when something hung, when memory grew beyond its bound, or
when an account's books did not balance.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from functools import partial

import anyio
import psutil
from fuzz_memory import Fire
from fuzz_sockets import fire_on_sockets

GROWTH_BOUND_MB = 60
"""Beyond the first quarter of the run, after which every bounded history should have been begun."""


def resident_mb() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz_run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--sockets", type=int, default=5_000, help="of the requests; messages in proportion")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    on_sockets = min(given.sockets, given.requests)
    said_on_sockets = given.messages * on_sockets // max(given.requests, 1)
    in_memory, said_in_memory = given.requests - on_sockets, given.messages - said_on_sockets

    began = time.monotonic()
    fire = Fire(given.seed)
    fire.run(in_memory // 4, said_in_memory // 4)
    before_mb = resident_mb()
    fire.run(in_memory - in_memory // 4, said_in_memory - said_in_memory // 4)
    after_mb = resident_mb()
    sockets = anyio.run(partial(fire_on_sockets, given.seed, on_sockets, said_on_sockets))

    figures = (fire.figures, sockets)
    for fault in [each for one in figures for each in (*one.faults, *one.hangs, *one.unbalanced)][:50]:
        print(fault)
    statuses = fire.figures.statuses + sockets.statuses
    print(f"answers by status: {dict(sorted(statuses.items()))}; fills booked in memory: {fire.figures.fills}")
    growth_mb = after_mb - before_mb
    is_good = all(one.is_good for one in figures) and growth_mb < GROWTH_BOUND_MB
    print(
        f"requests {sum(one.requests for one in figures)} ({on_sockets} on sockets),"
        f" stream messages {sum(one.messages for one in figures)},"
        f" 5xx not injected {sum(len(one.faults) for one in figures)}, hangs {sum(len(one.hangs) for one in figures)},"
        f" memory {before_mb:.0f} -> {after_mb:.0f} MB (bound +{GROWTH_BOUND_MB}),"
        f" books {'balanced' if not any(one.unbalanced for one in figures) else 'NOT balanced'},"
        f" {time.monotonic() - began:.0f} s: {'good' if is_good else 'FAILED'}"
    )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
