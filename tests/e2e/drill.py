"""python -m drill [--kills N] [--rounds N] [--seed N] [--lanes N] [--within SECONDS]

The pulled plug, for real: `astermm-fleet up` processes on paper exchange processes, killed, stopped, cut off, without
disk, with damaged ledgers. After each round no own order may be left beyond the bound, the ledger has every trade that
the exchange has, once, and the fleet quotes again in time. The last line has the figures; exits with 1 when anything
was lost or late.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TypeVar

import anyio
from drill_lane import SLACK_S, TIMEOUT_S, Figures, Lane, Lost
from drill_rounds import ROUNDS, STARTS

T = TypeVar("T")


def drawn(kills: int, rounds: int, seed: int) -> list[str]:
    """The rounds of a drill, in their order."""
    kinds = [kind for kind in ROUNDS for _ in range(kills if kind == "kill" else rounds)]
    Random(f"drill:{seed}").shuffle(kinds)
    return kinds


async def drill(lane: Lane, kinds: Sequence[str]) -> Sequence[str]:
    """Returns those that its exchange's rate limit had no room for."""
    async with lane.connected():
        await _checked(lane, "start", lane.until_quoting)
        done = 0
        while done < len(kinds) and lane.can_afford(STARTS.get(kinds[done], 0)):
            await _round(lane, kinds[done])
            done += 1
        await _checked(lane, "stop", lane.stop)
        return kinds[done:]


async def _round(lane: Lane, kind: str) -> None:
    told = await _checked(lane, kind, lambda: ROUNDS[kind](lane))
    await _checked(lane, kind, lane.expect_no_stray)
    fills = await _checked(lane, kind, lane.expect_ledger_to_agree)
    lane.figures.rounds[kind] += 1
    if told is not None and fills is not None:
        lane.tell(f"{kind}: {told}; {fills} fills agree")
    if lane.fleet.process.poll() is not None:
        lane.start()
        await _checked(lane, kind, lane.until_quoting)


async def _checked(lane: Lane, kind: str, check: Callable[[], Awaitable[T]]) -> T | None:
    """None when it was lost, which is told."""
    try:
        return await check()
    except Lost as lost:
        lane.lost(f"{kind}: {lost}")
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m drill", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20, help="of each other kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2, help="fleets at a time, each with an exchange of its own")
    parser.add_argument("--within", type=float, default=5.0, help="seconds in which a fleet has to quote")
    given = parser.parse_args(arguments)
    kinds = drawn(given.kills, given.rounds, given.seed)
    began_s, place, lock = time.monotonic(), Path(tempfile.mkdtemp(prefix="drill-")), threading.Lock()

    def tell(text: str) -> None:
        with lock:
            print(f"{time.monotonic() - began_s:6.1f} s  {text}", flush=True)

    def run(number: int) -> list[Figures]:
        every: list[Figures] = []
        left: Sequence[str] = kinds[number :: given.lanes]
        while left:
            # A start costs so much of the minute's limit that a new exchange is there sooner than the next minute.
            name = f"{number}.{len(every)}"
            own = place / f"lane-{name}"
            own.mkdir()
            lane = Lane(name, given.seed, own, given.within, tell)
            every.append(lane.figures)
            try:
                left = anyio.run(drill, lane, left)
            finally:
                lane.end()
        return every

    with ThreadPoolExecutor(given.lanes) as pool:
        all_figures = [figures for every in pool.map(run, range(given.lanes)) for figures in every]
    lost = [f"LOST: {text}" for figures in all_figures for text in figures.lost]
    lost += [f"LATE: {text}" for figures in all_figures for text in figures.late]
    print(*lost, sep="\n", end="\n" if lost else "")
    if lost:
        print(f"the fleets' logs and ledgers are in {place}")
    else:
        shutil.rmtree(place)
    print(told(all_figures, time.monotonic() - began_s))
    return 1 if lost else 0


def told(all_figures: Sequence[Figures], seconds: float) -> str:
    rounds = sum((figures.rounds for figures in all_figures), Counter[str]())
    by_kind = ", ".join(f"{kind} {rounds[kind]}" for kind in ROUNDS)
    lost = sum(len(figures.lost) for figures in all_figures)
    late = sum(len(figures.late) for figures in all_figures)

    def total(name: str) -> int:
        return sum(getattr(figures, name) for figures in all_figures)

    def most(name: str) -> float:
        return max(getattr(figures, name) for figures in all_figures)

    return (
        f"rounds {rounds.total()} ({by_kind}), kills {total('kills')}, fills compared {total('fills')},"
        f" missing {total('missing')}, double {total('double')}, orders left {total('left')},"
        f" longest left after a death {most('longest_left_s'):.1f} s (bound {TIMEOUT_S + SLACK_S:.0f} s),"
        f" slowest start {most('slowest_start_s'):.1f} s, slowest return {most('slowest_return_s'):.1f} s"
        f" ({most('longest_doubt_s'):.1f} s of it at most with an order in doubt),"
        f" late {late}, {seconds:.0f} s: {f'{lost} LOST' if lost else 'nothing lost'}"
    )


if __name__ == "__main__":
    sys.exit(main())
