"""python -m bench [signing decode book-to-order fill-to-order scale exchange] [--quick] [--json FILE]"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio
import click
import msgspec
from rich.console import Console

from bench import decode, exchange, latency, scale, signing
from bench.rows import Row, table


def _on_loop(benchmark: Callable[..., Awaitable[list[Row]]], *, quick: bool) -> list[Row]:
    run = partial(benchmark, quick=quick)
    # As `up` has it.
    return anyio.run(run, backend_options={"use_uvloop": sys.platform != "win32"})


BENCHMARKS: dict[str, Callable[..., list[Row]]] = {
    "signing": signing.run,
    "decode": decode.run,
    "book-to-order": partial(_on_loop, latency.book_to_order),
    "fill-to-order": partial(_on_loop, latency.fill_to_order),
    "scale": partial(_on_loop, scale.run),
    "exchange": partial(_on_loop, exchange.run),
}
_VERSIONS = ("uvloop", "msgspec", "coincurve", "eth-account", "httpx", "websockets")


def machine() -> str:
    """What the figures were taken on: without it they say little."""
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in _VERSIONS)
    load = ", load " + " ".join(f"{each:.1f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else ""
    return (
        f"{_processor()} x {os.cpu_count()}{load}, {platform.system()} {platform.release()},"
        f" {platform.python_implementation()} {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--quick", is_flag=True, help="So few rounds that the figures mean nothing: to see that it runs.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows as JSON, too."
)
def main(names: tuple[str, ...], quick: bool, json_file: Path | None) -> None:
    """Measure what matters for speed, each figure beside its baseline in the same run. Without NAMES: all."""
    console = Console(width=max(Console().width, 170))
    told = machine()
    console.print(told, highlight=False)
    rows = [row for name in names or BENCHMARKS for row in BENCHMARKS[name](quick=quick)]
    console.print(table(rows))
    if json_file is not None:
        taken = {"machine": told, "quick": quick, "rows": [asdict(row) | {"ratio": row.ratio} for row in rows]}
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(taken)))


if __name__ == "__main__":
    main()
