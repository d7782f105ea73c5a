"""A venue seen from its client: which class stands behind which port, and where the venue is.

Owns: addresses, the client's parts put together. Must not know: paper exchanges, fleet files beyond an address.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, TypeVar

import anyio
import httpx

from exchange.aster import sockets
from exchange.aster.auth import Auth, HmacAuth, SignerAuth
from exchange.aster.book_stream import AsterBookStream
from exchange.aster.clock_sync import ClockSync
from exchange.aster.limit_sync import LimitSync
from exchange.aster.market_data import AsterMarketData
from exchange.aster.market_stream import AsterMarketStream
from exchange.aster.rest import Rest, http_client
from exchange.aster.trading import AsterTrading
from exchange.aster.user_stream import AsterAccountStream
from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.limits.budget import Budget
from exchange.limits.stated import DOCUMENTED
from exchange.model import ExchangeInfo, Instrument
from exchange.paper.config import DemoCredentials
from exchange.protocol import streams
from exchange.protocol.hosts import MAINNET, TESTNET, Host
from exchange.protocol.signing import Signer
from exchange.protocol.wire import Connect
from fleet.config.credentials import Credentials
from fleet.config.models import VenueAddress
from fleet.runtime.venue import Venue
from fleet.scheduling.gate import Gate
from fleet.scheduling.patience import tell_waits

T = TypeVar("T")

FLEET_CHANNELS = (streams.BOOK_TICKER, streams.MARK_PRICE)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a venue is, and by which way: `transport` and `connect` are sockets, or a paper venue's in-memory lines."""

    name: str
    host: Host
    is_live: bool = False
    transport: httpx.AsyncBaseTransport | None = None
    connect: Connect = sockets.connect


def address_of(venue: str | VenueAddress) -> Address:
    """testnet, mainnet, or an address of the owner's own. Orders on mainnet, or on a host not known, are real money."""
    if isinstance(venue, VenueAddress):
        return Address(venue.rest, Host(venue.rest, venue.stream, venue.chain_id), is_live=not _is_local(venue.rest))
    if venue == "mainnet":
        return Address("mainnet", MAINNET, is_live=True)
    return Address("testnet", TESTNET)


def _is_local(url: str) -> bool:
    return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")


@asynccontextmanager
async def open_venue(
    address: Address,
    credentials: Credentials | DemoCredentials | None,
    clock: Clock,
    *,
    safety: Decimal = Decimal("0.9"),
    rng: Random | None = None,
    channels: Sequence[str] = FLEET_CHANNELS,
    tell: Callable[[str], None] | None = None,
) -> AsyncGenerator[Venue]:
    """A venue's ports, its clock in step with ours and its instruments loaded. Raises VenueError.

    With the channel of a book's differences the market stream tells whole books. `tell` hears why it takes long.
    """
    rng = rng or Random()
    gate = Gate(Budget(DOCUMENTED, safety, assume_spent=True), clock)
    instruments: dict[str, Instrument] = {}
    async with http_client(address.transport) as http:
        rest = Rest(http, address.host.rest, clock, gate, _auth(credentials, address.host.chain_id, clock))
        market_data = AsterMarketData(rest, clock, instruments)
        clock_sync = ClockSync(rest, clock)

        async def first_look() -> ExchangeInfo:
            await clock_sync.sync()
            return await market_data.exchange_info()

        info = await at_gate(gate, first_look, tell)
        instruments.update(info.instruments)
        gate.restrict(info.limits)
        limit_sync = LimitSync(rest, info.limits, gate.restrict)
        stream_url = address.host.stream
        lines = (address.connect, stream_url, clock, instruments, rng)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gate.run)
            tasks.start_soon(clock_sync.run)
            tasks.start_soon(limit_sync.run)
            yield Venue(
                name=address.name,
                is_live=address.is_live,
                trading=AsterTrading(rest, instruments),
                market_data=market_data,
                market_stream=AsterBookStream(*lines, market_data, channels=channels)
                if streams.DIFF_DEPTH in channels
                else AsterMarketStream(*lines, channels=channels),
                account_stream=AsterAccountStream(rest, address.connect, stream_url, instruments, rng),
                gate=gate,
                clock=clock,
                info=info,
            )
            tasks.cancel_scope.cancel()


async def at_gate(gate: Gate, ask: Callable[[], Awaitable[T]], tell: Callable[[str], None] | None = None) -> T:
    """What requests come to that are made before anybody runs the gate for good: they too may have to wait, for a
    budget that others have spent or for the end of a pause. Raises VenueError."""
    return await _while_running(ask, gate.run, *([] if tell is None else [partial(tell_waits, gate, tell)]))


async def telling(gate: Gate, ask: Callable[[], Awaitable[T]], tell: Callable[[str], None]) -> T:
    """The same of those made later: `tell` hears when they wait long. Raises VenueError."""
    return await _while_running(ask, partial(tell_waits, gate, tell))


async def _while_running(ask: Callable[[], Awaitable[T]], *beside: Callable[[], Coroutine[Any, Any, None]]) -> T:
    """Raises VenueError."""
    failure: VenueError | None = None
    answer: list[T] = []
    async with anyio.create_task_group() as tasks:
        for run in beside:
            tasks.start_soon(run)
        try:
            answer.append(await ask())
        except VenueError as error:
            # Not through the group, which would wrap it.
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return answer[0]


def market_stream(
    address: Address, venue: Venue, channels: Sequence[str], rng: Random | None = None
) -> AsterMarketStream:
    """A line beside the venue's own, for other channels, or for more symbols than one connection carries."""
    return AsterMarketStream(
        address.connect, address.host.stream, venue.clock, venue.info.instruments, rng or Random(), channels=channels
    )


def _auth(credentials: Credentials | DemoCredentials | None, chain_id: int, clock: Clock) -> Auth | None:
    """V3 where there are keys for it, else V1."""
    if credentials is None:
        return None
    if isinstance(credentials, Credentials) and not credentials.has_v3:
        return HmacAuth(credentials.v1_public_key, credentials.v1_private_key, clock)
    return SignerAuth(Signer(credentials.private_key, chain_id, credentials.user), clock)
