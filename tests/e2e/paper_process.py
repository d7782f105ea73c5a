"""A paper exchange as a process of its own, what it says of itself, and an order that its owner places by hand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal
from typing import Any

import anyio
from fleet_process import PATIENCE_S, ROOT

from exchange.clock import Clock
from exchange.model import Place, Side
from exchange.protocol.hosts import Host
from fleet.config.credentials import Credentials
from fleet.wiring.client import Address, open_venue

PROGRAM = [sys.executable, "-m", "fleet.cli"]


class PaperProcess:
    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.restart(0)

    def restart(self, port: int) -> None:
        command = [*PROGRAM, "paper", "--port", str(port), "--json", "--symbols", "ASTERUSDT,SOLUSDT", *self._arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline())

    def admin(self, method: str, path: str, /, **body: object) -> Any:
        """Only with `--admin-port`."""
        access = self.told["admin"]
        headers = {"Authorization": f"Bearer {access['token']}"}
        content = json.dumps(body).encode() if method != "GET" else None
        request = urllib.request.Request(access["url"] + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE_S)


def asked(paper: PaperProcess, *command: str) -> Any:
    """What the exchange itself says, by the owner's own utilities."""
    answer = subprocess.run(
        [*PROGRAM, *command, "--venue", paper.told["rest"], "--json"], capture_output=True, check=True, cwd=ROOT
    )
    return json.loads(answer.stdout)


def place_foreign(paper: PaperProcess) -> None:
    """An order that the owner placed by hand, on the same account."""
    told = paper.told
    host = Host(told["rest"], told["stream"], told["chain_id"])
    credentials = Credentials(told["env"]["API_USER"], told["env"]["API_SIGNER"], told["env"]["API_PRIVATE_KEY"])

    async def place() -> None:
        clock = Clock(time.time_ns() // 1000)
        async with open_venue(Address("paper", host), credentials, clock) as venue:
            aster = venue.info.instruments["ASTERUSDT"]
            [book] = [each for each in await venue.market_data.book_tickers() if each.symbol == "ASTERUSDT"]
            ticks = aster.floor_price(aster.price(book.bid_ticks) * Decimal("0.97"))
            await venue.trading.place(Place("ASTERUSDT", "by-hand-1", Side.BUY, ticks, aster.floor_lots(10)))

    anyio.run(place)
