"""The table: rows by section, how many passed, what is not served, what failed. Exits with 1 when a row failed.

    python -m conformance [paper|sockets|testnet] [-k TEXT] [-v] [--rest URL --stream URL --chain-id N]

At testnet rows are played with the keys of the environment (API_USER, API_SIGNER, API_PRIVATE_KEY, APIV1_PUBLIC_KEY,
APIV1_PRIVATE_KEY); without keys only the public ones, and those that place orders only when ORDERS=1.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from functools import partial

import anyio
import httpx

from conformance.places import Host, Place, abroad, is_playable, paper
from conformance.play import NotServed, fault_of
from conformance.row import Call, Needs, Row
from conformance.signing import V1
from conformance.suite import NOT_SERVED, ROWS
from fleet.simulation.loop import run_virtual

_PAUSE_S = 0.3
"""Between rows at testnet, whose limits are everybody's."""


@dataclass(slots=True)
class Result:
    row: Row
    fault: str = ""
    is_served: bool = True


async def _played(row: Row, place: Place) -> Result:
    fault = await fault_of(row, place)
    is_missing = isinstance(fault, NotServed) or row.id in NOT_SERVED
    return Result(row, str(fault or ""), is_served=fault is None or not is_missing)


def _at_paper(rows: list[Row], *, in_memory: bool) -> list[Result]:
    async def one(row: Row) -> Result:
        async with paper(row.settings, in_memory=in_memory) as place:
            return await _played(row, place)

    start = run_virtual if in_memory else anyio.run
    return [start(partial(one, each)) for each in rows if is_playable(each, in_memory=in_memory)]


async def _abroad(rows: list[Row], host: Host, granted: Needs, *, has_v1: bool) -> list[Result]:
    results: list[Result] = []
    async with abroad(host, os.environ) as place:
        for each in rows:
            if each.needs > granted or each.is_long or (_is_v1(each) and not has_v1):
                continue
            results.append(await _played(each, place))
            if granted >= Needs.ORDERS and each.needs is Needs.ORDERS:
                await fault_of(_TIDY, place)
            await anyio.sleep(_PAUSE_S if host == Host() else 0)
    return results


_TIDY = Row(
    section="afterwards",
    name="no order is left",
    steps=(Call("DELETE", "allOpenOrders", {"symbol": "ASTERUSDT"}),),
    needs=Needs.ORDERS,
)


def _is_v1(row: Row) -> bool:
    return any(isinstance(step, Call) and isinstance(step.auth, V1) for step in row.steps)


def _granted() -> Needs:
    if not os.environ.get("API_PRIVATE_KEY"):
        return Needs.PUBLIC
    return Needs.ORDERS if os.environ.get("ORDERS") == "1" else Needs.SIGNED


def _table(results: list[Result]) -> str:
    sections = list(dict.fromkeys(each.row.section for each in results))
    width = max((len(each) for each in sections), default=0)
    lines = [f"{'docs section':{width}}  rows  passed  not served  failed"]

    def line(name: str, of: list[Result]) -> str:
        passed = sum(not each.fault for each in of)
        missing = sum(not each.is_served for each in of)
        return f"{name:{width}}  {len(of):4}  {passed:6}  {missing:10}  {len(of) - passed - missing:6}"

    lines += [line(name, [each for each in results if each.row.section == name]) for name in sections]
    return "\n".join([*lines, line("all", results)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("venue", nargs="?", default="paper", choices=("paper", "sockets", "testnet"))
    parser.add_argument("-k", dest="text", default="", help="only rows whose name holds this")
    parser.add_argument("-v", dest="tells", action="store_true", help="tells what was not served, too")
    parser.add_argument("--rest", default=Host().rest, help="another venue than testnet that is not ours to set up")
    parser.add_argument("--stream", default=Host().stream)
    parser.add_argument("--chain-id", type=int, default=Host().chain_id)
    given = parser.parse_args()
    rows = [each for each in ROWS if given.text.lower() in each.id.lower()]
    if given.venue == "testnet":
        host, has_v1 = Host(given.rest, given.stream, given.chain_id), bool(os.environ.get("APIV1_PRIVATE_KEY"))
        try:
            results = anyio.run(partial(_abroad, rows, host, _granted(), has_v1=has_v1))
        except (httpx.HTTPError, OSError) as error:
            print(f"error: {host.rest} cannot be reached: {error}", file=sys.stderr)
            return 2
    else:
        results = _at_paper(rows, in_memory=given.venue == "paper")
    print(_table(results))
    failed = [each for each in results if each.fault and each.is_served]
    for each in results if given.tells else failed:
        if each.fault:
            print(f"{'failed' if each.is_served else 'not served'}: {each.fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
