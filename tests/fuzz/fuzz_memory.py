"""A venue under fire in memory: requests and stream messages at full speed, and what must hold all the while.

Owns: the run, its counts, and the books' check. Must not know: what is sent. Between two requests a few milliseconds
pass, the mark price wanders, and now and then it falls far enough for liquidations.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from random import Random

import fuzz_frames
from fuzz_requests import SYMBOLS, Requests, Wallet
from still_market import START_US, StillMarket

from exchange.model import Instrument
from exchange.paper.answers import Request, Response
from exchange.paper.config import PaperSettings
from exchange.paper.market import Market
from exchange.paper.markets import synthetic_markets
from exchange.paper.streams import LineRefused, PushKind
from exchange.paper.venue import Venue
from exchange.protocol.signing import Signer

HANG_S = 2.0
"""Of computing: in memory nothing waits, and other processes may."""
_ACCOUNTS = 6
_ADDRESSES = 400
_LINES = 12


@dataclass(slots=True)
class Figures:
    requests: int = 0
    messages: int = 0
    faults: list[str] = field(default_factory=list[str])
    """5xx answers, exceptions, answers that are no answer."""
    hangs: list[str] = field(default_factory=list[str])
    unbalanced: list[str] = field(default_factory=list[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    fills: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.faults or self.hangs or self.unbalanced)


def wallets(number: int) -> list[Wallet]:
    """Each its own account, signed for by an agent of its own."""

    def key(name: str) -> str:
        return "0x" + sha256(f"fuzz {name}".encode()).hexdigest()

    users = [Signer(key(f"wallet {each}"), 1666, "").address for each in range(number)]
    return [Wallet(Signer(key(f"agent {each}"), 1666, user)) for each, user in enumerate(users)]


def demo_wallet(venue: Venue) -> Wallet:
    """That of the demonstration account, which has a V1 key too."""
    demo = venue.demo
    return Wallet(Signer(demo.private_key, 1666, demo.user), demo.api_key, demo.api_secret)


class Fire:
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now_us = START_US
        self.market: StillMarket | None = None
        self.venue = Venue(PaperSettings(symbols=SYMBOLS, seed=seed), self._open, START_US)
        self.figures = Figures()
        self._requests = Requests(self.rng, [demo_wallet(self.venue), *wallets(_ACCOUNTS)])
        self._lines: list[int] = []
        self._seen_income: dict[str, int] = {}
        self._sums: Counter[tuple[str, str]] = Counter()

    def _open(self, instrument: Instrument, now_us: int) -> Market:
        """One market in which only the accounts trade, and one that lives by itself."""
        if instrument.symbol == SYMBOLS[0]:
            self.market = StillMarket(instrument)
            return self.market
        return synthetic_markets([instrument], 1, now_us)[instrument.symbol]

    def run(self, requests: int, messages: int) -> None:
        said_in_the_end = self.figures.messages + messages
        for number in range(requests):
            self._pass_time(number)
            self.request()
            if self.rng.random() * requests < messages and self.figures.messages < said_in_the_end:
                self.message()
            if number % 2000 == 0:
                self.check_books()
        while self.figures.messages < said_in_the_end:
            self._pass_time(1)
            self.message()
        self.check_books()

    def request(self) -> None:
        request = self._requests.draw(self.now_us)
        client = min(self.rng.randrange(_ADDRESSES), self.rng.randrange(_ADDRESSES))
        response = self._timed(replace(request, client=f"10.0.0.{client}"))
        self.figures.requests += 1
        if response is not None:
            self.figures.statuses[response.status] += 1
            if fault := fault_of(response.status, response.body):
                self.figures.faults.append(f"{request.method} {request.path} {request.query[:200]}: {fault}")

    def message(self) -> None:
        rng = self.rng
        self.figures.messages += 1
        if len(self._lines) < _LINES or rng.random() < 0.02:
            try:
                self._lines.append(self.venue.open_line(fuzz_frames.target(rng), self.now_us))
            except LineRefused:
                return
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is found
                self.figures.faults.append(f"a line's opening: {type(fault).__name__}: {fault}")
                return
        line = rng.choice(self._lines)
        said = fuzz_frames.message(rng)
        began = time.thread_time()
        try:
            self.venue.receive(line, said, self.now_us)
        except Exception as fault:  # noqa: BLE001 - as above
            self.figures.faults.append(f"{said[:200]!r}: {type(fault).__name__}: {fault}")
        self._note_hang(repr(said[:200]), began)
        if rng.random() < 0.02:
            self._lines.remove(line)
            self.venue.close_line(line)
        self._deliver()

    def check_books(self) -> None:
        """Of every account: what each wallet holds is what its income has added up to, to the last digit."""
        for address, account in self.venue.engine.accounts.items():
            seen = self._seen_income.get(address, 0)
            for each in account.income:
                if each.tran_id > seen:
                    self._sums[address, each.asset] += each.amount  # pyright: ignore[reportArgumentType]
                    self._seen_income[address] = each.tran_id
            for asset, amount in account.balances.items():
                if Decimal(self._sums[address, asset]) != amount:
                    self.figures.unbalanced.append(f"{address} {asset}: {amount}, booked {self._sums[address, asset]}")
        self.figures.fills = sum(
            each.kind == "COMMISSION" for account in self.venue.engine.accounts.values() for each in account.income
        )

    def _timed(self, request: Request) -> Response | None:
        began = time.thread_time()
        try:
            return self.venue.handle(request, self.now_us)
        except Exception as fault:  # noqa: BLE001 - as above
            self.figures.faults.append(
                f"{request.method} {request.path} {request.query[:300]} {request.body[:300]!r}:"
                f" {type(fault).__name__}: {fault}"
            )
            return None
        finally:
            self._note_hang(f"{request.method} {request.path} {request.query[:300]} {request.body[:300]!r}", began)

    def _note_hang(self, what: str, began: float) -> None:
        taken_s = time.thread_time() - began
        if taken_s > HANG_S:
            self.figures.hangs.append(f"{taken_s:.1f} s: {what}")

    def _pass_time(self, number: int) -> None:
        self.now_us += self.rng.randrange(30_000)
        if number % 100 == 0 and self.market is not None:
            drop = 4_000 if self.rng.random() < 0.02 else 0
            self.market.mark_ticks = self.rng.randint(19_950, 20_050) - drop
        self._deliver()

    def _deliver(self) -> None:
        closed = {push.line_id for push in self.venue.take_pushes() if push.kind is PushKind.CLOSE}
        if closed:
            self._lines = [line for line in self._lines if line not in closed]


def fault_of(status: int, body: bytes) -> str:
    """Why an answer is none; empty when it is one."""
    if status >= 500:
        return f"{status} {body[:200]!r}"
    try:
        decoded = json.loads(body)
    except ValueError:
        return f"{status} with what is no JSON: {body[:100]!r}"
    if status >= 400 and not (isinstance(decoded, dict) and {"code", "msg"} <= decoded.keys()):
        return f"{status} without code and msg: {body[:100]!r}"
    return ""
