"""Bots under test, each a process of its own: the fleet as `up` runs it, a typical bot, and bare sockets.

Owns: starting and ending them, and what they count. Must not know: what is measured.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec

from bench.stub_venue import StubVenue
from exchange.paper.config import demo_credentials

CHAIN_ID = 1666
CREDENTIALS = demo_credentials(0, CHAIN_ID)
READY_WITHIN_S = 60.0

FLEET = "bench.counted_fleet"
TYPICAL = "bench.typical_bot"
SOCKETS = "bench.bare_sockets"


@dataclass(frozen=True, slots=True)
class Orders:
    """What a bot is asked to do: the same of each. Spread and threshold are fractions."""

    symbols: tuple[str, ...]
    sides: tuple[str, ...]
    threshold: str
    refresh_ms: int
    order_usd: int = 2000
    spread: str = "0.01"


@dataclass(frozen=True, slots=True)
class Task:
    """An order book and an account to work on: what a baseline bot is started with."""

    rest: str
    stream: str
    chain_id: int
    private_key: str
    user: str
    signer: str
    orders: Orders


@dataclass(frozen=True, slots=True)
class Bot:
    process: subprocess.Popen[bytes]
    venue: StubVenue
    counts: Sequence[int]
    """[updates handled, decisions made] so far, written by the process itself."""
    log: Path

    def check(self) -> None:
        """Raises RuntimeError when the process has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"a bot ended by itself: {self.log.read_text()[-2000:]}")


@asynccontextmanager
async def start(module: str, venue: StubVenue, orders: Orders) -> AsyncGenerator[Bot]:
    """A bot in its process, connected; killed at the end, as nobody loses by it."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        rest, stream = f"http://127.0.0.1:{venue.rest_port}", f"ws://127.0.0.1:{venue.stream_port}"
        task = Task(rest, stream, CHAIN_ID, CREDENTIALS.private_key, CREDENTIALS.user, CREDENTIALS.signer, orders)
        (place / "fleet.yaml").write_text(fleet_file(task))
        (place / "task.json").write_bytes(msgspec.json.encode(task))
        (place / "counts").write_bytes(bytes(mmap.PAGESIZE))
        env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "API_USER": CREDENTIALS.user,
            "API_PRIVATE_KEY": CREDENTIALS.private_key,
        }
        process = _spawn(module, place, env)
        try:
            bot = Bot(process, venue, open_counts(place / "counts"), place / "log")
            with anyio.fail_after(READY_WITHIN_S):
                while not venue.is_heard:
                    bot.check()
                    await anyio.sleep(0.01)
            yield bot
        finally:
            process.kill()
            process.wait()


def _spawn(module: str, place: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with (place / "log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", module], cwd=place, env=env, stdout=log, stderr=log)


def open_counts(path: Path) -> memoryview[int]:
    """Two numbers that one process writes and another reads."""
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")


def fleet_file(task: Task) -> str:
    orders = task.orders
    entry = "both" if len(orders.sides) == 2 else "long"
    fraction = Decimal(orders.order_usd) / 1_000_000
    lines = [
        "fleet: bench",
        "dead_man: null",
        f"venue: {{rest: {task.rest}, stream: {task.stream}, chain_id: {task.chain_id}}}",
        "control: null",
        "defaults:",
        f"  buy_spread: {orders.spread}",
        f"  sell_spread: {orders.spread}",
        f"  balance_fraction: {fraction}",
        f"  price_change_threshold: {orders.threshold}",
        f"  refresh_interval: {orders.refresh_ms}ms",
        f"  entry: {entry}",
        "  max_mark_deviation: 0.5",
        "symbols:",
        *(f"  {symbol}: {{}}" for symbol in orders.symbols),
    ]
    return "\n".join(lines) + "\n"


def read_task(path: Path = Path("task.json")) -> Task:
    return msgspec.json.decode(path.read_bytes(), type=Task)
