"""One fleet process on one paper exchange process, and what must be true of the two whatever is done to them.

Owns: starting and killing, the exchange's own word on orders and trades, and the checks with their bounds. Must not
know: which troubles there are, and in which order they come.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import httpx
from fleet_process import PATIENCE_S, ROOT, FleetProcess
from paper_process import PaperProcess

from exchange.aster.backoff import LONGEST_S
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import Order
from exchange.protocol.hosts import Host
from fleet.config.credentials import Credentials
from fleet.orders.lifecycle import LONGEST_QUERY_PAUSE_US, SURELY_NOT_PLACED_US
from fleet.runtime.venue import Venue
from fleet.wiring.client import Address, open_venue

SYMBOLS = ("ASTERUSDT", "SOLUSDT")
TIMEOUT_S = 10.0
"""The dead-man's switch's: the least that a fleet file may ask for."""
SLACK_S = 1.0
"""An order placed just before the death rests for the timeout, and looking takes its time."""
SETTLE_S = 25.0
"""The ledger looks every 10 s for what fell behind, and again 5 s after an exchange that did not answer."""
POLL_S = 0.1
DOUBT_S = (SURELY_NOT_PLACED_US + LONGEST_QUERY_PAUSE_US) / 1e6 + SLACK_S
"""How long a placement without an answer may be in doubt (fleet.orders.lifecycle)."""
START_WEIGHT = 460
"""What a start costs, about, of the 2400 that the exchange allows in a minute; most of it for clearing what it finds."""
_OWN_ADDRESS = "127.0.0.2"
"""What the lane itself asks is no part of the fleet's limit."""
_FILE = """
fleet: drill
venue: {{rest: "{rest}", stream: "{stream}", chain_id: {chain_id}}}
ledger: {{path: kept/ledger.sqlite3}}
dead_man: {{timeout: {timeout:g}s}}
defaults: {{buy_spread: 1bps, sell_spread: 1bps, balance_fraction: 0.2, refresh_interval: 500ms, price_change_threshold: 1bps}}
symbols: {{ASTERUSDT: {{}}, SOLUSDT: {{buy_spread: 30bps, sell_spread: 30bps}}}}
"""
"""One symbol trades all the time; the other's orders rest until somebody cancels them."""
Row = tuple[Any, ...]


class Lost(Exception):
    """Something that must not happen has happened."""


@dataclass(slots=True)
class Figures:
    rounds: Counter[str] = field(default_factory=Counter[str])
    kills: int = 0
    fills: int = 0
    """Of the exchange, each found in the ledger as it is there."""
    missing: int = 0
    double: int = 0
    left: int = 0
    """Orders that rested beyond the bound, or that no running fleet knew of."""
    slowest_start_s: float = 0.0
    slowest_return_s: float = 0.0
    longest_doubt_s: float = 0.0
    """Of a return, with an order of which it was not known whether it was placed."""
    longest_left_s: float = 0.0
    """From a death to the last of its orders."""
    lost: list[str] = field(default_factory=list[str])
    late: list[str] = field(default_factory=list[str])
    """Quoted again, but not soon enough."""


class Lane:
    """`within_s`: a fleet quotes again so soon after its start. After another trouble's end it may take as much longer
    as the longest pause between two attempts to open a line: it breaks again and again here."""

    def __init__(self, name: str, seed: int, place: Path, within_s: float, tell: Callable[[str], None]) -> None:
        self.rng = Random(f"drill:{seed}:{name}")
        self.figures = Figures()
        self.paper = PaperProcess("--admin-port", "0", "--seed", str(self.rng.randrange(10_000)))
        self._name = name
        self._within_s = within_s
        self._tell = tell
        self._place = place
        self._file = place / "fleet.yaml"
        self._file.write_text(_FILE.format(**self.paper.told, timeout=TIMEOUT_S), "utf-8")
        self.ledger = place / "kept" / "ledger.sqlite3"
        self._trades: dict[str, list[Row]] = {symbol: [] for symbol in SYMBOLS}
        self._started_s = 0.0
        self.start()

    def tell(self, text: str) -> None:
        self._tell(f"lane {self._name}: {text}")

    def lost(self, text: str) -> None:
        self.figures.lost.append(f"{text} ({self.fleet.log_path})")
        self.tell(f"LOST: {text}")

    def _late(self, text: str) -> None:
        self.figures.late.append(f"{text} ({self.fleet.log_path})")
        self.tell(f"LATE: {text}")

    # --- the processes

    def start(self) -> None:
        self._started_s = time.monotonic()
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | self.paper.told["env"]
        self.fleet = FleetProcess(self._file, env=environment)

    def kill(self) -> float:
        """When it was dead."""
        self.fleet.process.kill()
        self.fleet.process.wait(PATIENCE_S)
        self.figures.kills += 1
        return time.monotonic()

    def end(self) -> None:
        """Whatever still runs."""
        if self.fleet.process.poll() is None:
            self.fleet.process.kill()
            self.fleet.process.wait(PATIENCE_S)
        self.paper.end()

    # --- the exchange's own word

    def open_at_exchange(self) -> int:
        """There are none but the fleet's."""
        return sum(account["open_orders"] for account in self.paper.admin("GET", "/state")["accounts"].values())

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        """The lane's own access, for orders and trades one by one."""
        told = self.paper.told
        keys = told["env"]
        credentials = Credentials(keys["API_USER"], keys["API_SIGNER"], keys["API_PRIVATE_KEY"])
        host = Host(told["rest"], told["stream"], told["chain_id"])
        address = Address("paper", host, transport=httpx.AsyncHTTPTransport(local_address=_OWN_ADDRESS))
        async with open_venue(address, credentials, Clock(time.time_ns() // 1000)) as venue:
            self._venue: Venue = venue
            yield

    def can_afford(self, starts: int) -> bool:
        """Whether the exchange's limit has room for so many and a little: who has to wait for that is another matter."""
        used = [each for each in self.fleet.state()["limiters"] if each["name"] == "REQUEST_WEIGHT_1M"]
        return all(each["capacity"] - each["used"] > (starts + 1) * START_WEIGHT for each in used)

    async def _orders(self) -> list[Order]:
        return [order for symbol in SYMBOLS for order in await self._venue.trading.open_orders(symbol)]

    async def trades(self) -> Counter[Row]:
        """All of the account's, as the exchange lists them."""
        await self._asked(self._read_trades)
        return Counter(row for rows in self._trades.values() for row in rows)

    async def _read_trades(self) -> None:
        for symbol, known in self._trades.items():
            while True:
                instrument = self._venue.info.instruments[symbol]
                page = await self._venue.trading.fills(symbol, from_id=known[-1][1] + 1 if known else 1, limit=1000)
                known += [
                    (
                        fill.symbol, fill.trade_id, fill.exchange_ms, fill.side.value,
                        instrument.price(fill.price_ticks), instrument.quantity(fill.lots),
                        fill.is_maker, fill.fee, fill.realised_pnl,
                    )
                    for fill in page
                ]  # fmt: skip
                if len(page) < 1000:
                    break

    # --- what must be true

    async def until_quoting(self) -> float:
        """Since its start. Raises Lost where it does not come to that."""
        took_s = await self._until_quoting(self._started_s, "its start", self._within_s)
        self.figures.slowest_start_s = max(self.figures.slowest_start_s, took_s)
        return took_s

    async def until_quoting_again(self, since_s: float) -> float:
        took_s = await self._until_quoting(since_s, "the trouble's end", self._within_s + LONGEST_S)
        self.figures.slowest_return_s = max(self.figures.slowest_return_s, took_s)
        return took_s

    async def _until_quoting(self, since_s: float, since: str, within_s: float) -> float:
        """A side whose placement had no answer stays empty until it is known what became of it: that time is bounded
        for itself."""
        doubt_s = 0.0
        looked_s = time.monotonic()
        while not await self._is_quoting():
            now_s = time.monotonic()
            doubt_s, looked_s = doubt_s + (now_s - looked_s) * self._is_in_doubt(), now_s
            if self.fleet.process.poll() is not None:
                raise Lost(f"the fleet ended with {self.fleet.process.returncode}")
            if time.monotonic() - since_s > PATIENCE_S:
                raise Lost(f"not quoting {PATIENCE_S:.0f} s after {since}: {self._condition()}")
            await anyio.sleep(POLL_S)
        took_s = time.monotonic() - since_s
        self.figures.longest_doubt_s = max(self.figures.longest_doubt_s, doubt_s)
        if took_s - doubt_s > within_s or doubt_s > DOUBT_S:
            doubt = f", of which {doubt_s:.1f} s with an order in doubt" if doubt_s else ""
            self._late(f"quoting {took_s:.1f} s after {since}{doubt}: the bound is {within_s:g} s")
        return took_s

    def _is_in_doubt(self) -> bool:
        """Whether the fleet says that it waits to learn what became of an order."""
        try:
            symbols = self.fleet.symbols().values()
        except OSError:
            return False
        return any(each[side] and each[side]["status"] == "UNKNOWN" for each in symbols for side in ("bid", "ask"))

    async def _is_quoting(self) -> bool:
        """As it says itself, and as the exchange does."""
        try:
            symbols = self.fleet.symbols().values()
            if not all(each["phase"] in ("quoting", "reducing") and (each["bid"] or each["ask"]) for each in symbols):
                return False
            return (
                {order.symbol for order in await self._orders()} == set(SYMBOLS) == {each["symbol"] for each in symbols}
            )
        except (OSError, VenueError):
            return False

    def _condition(self) -> str:
        try:
            state = self.fleet.state()
        except OSError as error:
            return str(error)
        symbols = ", ".join(f"{each['symbol']} {each['phase']} {each['reason']}" for each in state["symbols"])
        limiters = ", ".join(f"{each['name']} {each['used']}/{each['capacity']}" for each in state.get("limiters", ()))
        return f"{symbols}; {limiters}"

    async def until_none_is_left(self, dead_s: float) -> float:
        """Since the death. Raises Lost where it is beyond the bound."""
        while left := self.open_at_exchange():
            if time.monotonic() - dead_s > TIMEOUT_S + SLACK_S:
                self.figures.left += left
                raise Lost(f"{left} orders are left {TIMEOUT_S + SLACK_S:.0f} s after the death")
            await anyio.sleep(POLL_S)
        took_s = time.monotonic() - dead_s
        self.figures.longest_left_s = max(self.figures.longest_left_s, took_s)
        return took_s

    async def expect_no_stray(self) -> None:
        """All that rests is the running fleet's: of one run, one order a side; two, while one takes the other's place."""
        deadline_s = time.monotonic() + SLACK_S * 5
        while True:
            orders = await self._asked(self._orders)
            runs = {order.client_id.split(":")[2] for order in orders}
            sides = Counter((order.symbol, order.side) for order in orders)
            if len(runs) <= 1 and max(sides.values(), default=0) <= 1:
                return
            if time.monotonic() > deadline_s:
                self.figures.left += len(orders)
                raise Lost(f"more rests than one fleet wants: {sorted(order.client_id for order in orders)}")
            await anyio.sleep(POLL_S)

    async def expect_ledger_to_agree(self, within_s: float = SETTLE_S) -> int:
        """It has each trade that the exchange has now, once. Returns how many."""
        theirs = await self.trades()
        deadline_s = time.monotonic() + within_s
        while True:
            ours = Counter(self._on_record())
            missing = theirs - ours
            if not missing or time.monotonic() > deadline_s:
                break
            await anyio.sleep(POLL_S)
        # What it has beyond them was traded meanwhile, or never.
        double = ours - theirs and ours - await self.trades()
        self.figures.missing += missing.total()
        self.figures.double += double.total()
        if missing or double:
            which = [*missing, *double][:3]
            raise Lost(f"the ledger lacks {missing.total()} trades and has {double.total()} too many: {which}")
        return theirs.total()

    def _on_record(self) -> list[Row]:
        """By SQLite alone; of all accounts, so that a trade of two of them is seen twice."""
        try:
            connection = sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)
        except sqlite3.Error:
            return []
        try:
            rows = connection.execute(
                "SELECT symbol, trade_id, exchange_ms, side, price, quantity, is_maker, fee, realised_pnl FROM fills"
            ).fetchall()
        except sqlite3.Error:
            return []
        finally:
            connection.close()
        return [
            (*row[:4], Decimal(row[4]), Decimal(row[5]), bool(row[6]), Decimal(row[7]), Decimal(row[8])) for row in rows
        ]

    async def _asked(self, ask: Callable[[], Any]) -> Any:
        """The lane's own access meets the same troubles."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await ask()
            except VenueError:
                if time.monotonic() > deadline_s:
                    raise
                await anyio.sleep(POLL_S)

    async def stop(self) -> None:
        """In order: nothing is left, and the ledger is the exchange's list to the last trade."""
        code = await anyio.to_thread.run_sync(self.fleet.stop)
        left = self.open_at_exchange()
        self.figures.left += left
        if code or left:
            raise Lost(f"stopped with {code}, {left} orders left")
        self.figures.fills += await self.expect_ledger_to_agree()
