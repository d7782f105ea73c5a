"""The options by which the utilities are pointed at a venue, and the way to open it.

Owns: what `--venue`, `--stream`, `--chain-id` and `--seed` mean, and whose keys are used where. Must not know: what a
command asks the venue for.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import click
import httpx

from exchange.clock import Clock
from exchange.model import Instrument
from exchange.paper.config import DemoCredentials, demo_credentials
from exchange.protocol.hosts import MAINNET, TESTNET, Host
from fleet.cli.main import Failure
from fleet.config.credentials import Credentials, read_credentials
from fleet.config.faults import did_you_mean
from fleet.runtime.venue import Venue
from fleet.views import logs
from fleet.wiring.client import FLEET_CHANNELS, Address, open_venue

PAPER_PORT = 8790
PAPER_SEED = 7
_PAPER = Host(f"http://127.0.0.1:{PAPER_PORT}", f"ws://127.0.0.1:{PAPER_PORT}", MAINNET.chain_id)
_NAMED = {"paper": _PAPER, "testnet": TESTNET, "mainnet": MAINNET}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """The venue that a command was pointed at. `seed` is that of a paper exchange, whose keys follow from it."""

    name: str
    host: Host
    seed: int = PAPER_SEED

    @property
    def address(self) -> Address:
        return Address(self.name, self.host)

    @property
    def is_local(self) -> bool:
        return httpx.URL(self.host.rest).host in _LOOPBACK


Command = Callable[..., None]


def with_venue(function: Command) -> Command:
    """Gives a command the venue options; it is handed a Place as `place`."""

    @functools.wraps(function)
    def command(
        *, venue: str, stream: str | None, chain_id: int | None, seed: int = PAPER_SEED, **options: object
    ) -> None:
        function(place=place_of(venue, stream, chain_id, seed), **options)

    wrapped: Command = command
    for option in (
        click.option(
            "--chain-id", type=click.IntRange(1), metavar="N", help="EIP-712 chain id of a --venue URL. [default: 1666]"
        ),
        click.option("--stream", metavar="URL", help="Websocket base of a --venue URL. [default: the same host]"),
        click.option(
            "--venue",
            metavar="VENUE",
            envvar="ASTERMM_VENUE",
            default="paper",
            show_default=True,
            help="paper (a running `astermm-fleet paper`), testnet, mainnet, or a REST base URL; also ASTERMM_VENUE.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


def with_account(function: Command) -> Command:
    """Like with_venue, for commands that sign their requests."""
    seed = click.option(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        default=PAPER_SEED,
        show_default=True,
        help="Of a paper exchange, for its keys.",
    )
    return seed(with_venue(function))


def place_of(venue: str, stream: str | None = None, chain_id: int | None = None, seed: int = PAPER_SEED) -> Place:
    """Raises click.BadParameter."""
    known = _NAMED.get(venue)
    if known is not None:
        if stream or chain_id:
            raise click.BadParameter(f"--stream and --chain-id go with a URL, not with {venue}")
        return Place(venue, known, seed)
    if "://" not in venue:
        raise click.BadParameter(f"{venue} is no venue: {did_you_mean(venue, (*_NAMED, 'URL'))}")
    rest = _base(venue, ("http", "https"))
    derived = rest.replace("http", "ws", 1)
    return Place(rest, Host(rest, _base(stream or derived, ("ws", "wss")), chain_id or MAINNET.chain_id), seed)


def _base(url: str, schemes: tuple[str, str]) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        raise click.BadParameter(f"{url} is no URL") from None
    if parts.scheme not in schemes or not parts.host or parts.userinfo or parts.query:
        raise click.BadParameter(f"{url} is no base URL such as {schemes[0]}://127.0.0.1:{PAPER_PORT}")
    return url.rstrip("/")


def credentials_for(place: Place) -> Credentials | DemoCredentials:
    """The owner's keys; for a paper exchange its own demonstration keys. Raises ConfigError, and Failure for none."""
    demo = demo_credentials(place.seed, place.host.chain_id)
    if place.name == "paper":
        return demo
    found = read_credentials(os.environ, Path(".env"))
    if found is None:
        if place.is_local:
            return demo
        raise Failure("no credentials: set API_USER and API_PRIVATE_KEY, in the environment, in .env or by *_FILE", 2)
    for secret in (found.private_key, found.v1_private_key):
        if secret:
            logs.register_secret(secret)
    return found


@asynccontextmanager
async def opened(
    place: Place,
    credentials: Credentials | DemoCredentials | None = None,
    channels: Sequence[str] = FLEET_CHANNELS,
) -> AsyncGenerator[Venue]:
    """Raises VenueError, and Failure when nothing listens on this machine."""
    if place.is_local:
        await _expect_listener(place)
    clock = Clock(time.time_ns() // 1000)
    async with open_venue(place.address, credentials, clock, channels=channels) as venue:
        yield venue


async def _expect_listener(place: Place) -> None:
    url = httpx.URL(place.host.rest)
    try:
        async with await anyio.connect_tcp(url.host, url.port or (443 if url.scheme == "https" else 80)):
            pass
    except OSError:
        raise Failure(
            f"nothing listens at {place.host.rest}: start a paper exchange with `astermm-fleet paper`, "
            "or say --venue mainnet, testnet or URL"
        ) from None


def instruments_of(venue: Venue, symbols: Iterable[str]) -> list[Instrument]:
    """The venue's instruments of these symbols, each once. Raises Failure that names every unknown one."""
    known = venue.info.instruments
    wanted = dict.fromkeys(symbol.upper() for symbol in symbols)
    unknown = [f"{s} is not listed at {venue.name}: {did_you_mean(s, known)}" for s in wanted if s not in known]
    if unknown:
        raise Failure("\n".join(unknown), 2)
    return [known[symbol] for symbol in wanted]


def run(main: Callable[[], Awaitable[T]], log_level: str = "warning") -> T:
    """Runs a command's async part; log lines go to stderr, without secrets."""
    logs.set_up(level=log_level)
    return anyio.run(main, backend="asyncio", backend_options={"use_uvloop": os.name != "nt"})
