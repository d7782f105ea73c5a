"""One row for each request, and a client that sends it to a venue of one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import httpx
from aster_fakes import EPOCH_US, AlwaysYes, answering, instruments, signer

from exchange.aster.auth import SignerAuth
from exchange.aster.listen_key import ListenKey
from exchange.aster.market_data import AsterMarketData
from exchange.aster.rest import Rest, http_client
from exchange.aster.trading import AsterTrading
from exchange.clock import Clock
from exchange.ports import Cost

_AUTH_NAMES = {"nonce", "user", "signer", "signature"}
SUCCESS = {"code": 200, "msg": "success"}


@dataclass
class Client:
    trading: AsterTrading
    data: AsterMarketData
    key: ListenKey


def client(handler: Callable[[httpx.Request], httpx.Response], admission: AlwaysYes) -> Client:
    clock = Clock(EPOCH_US)
    rest = Rest(
        http_client(httpx.MockTransport(handler)), "http://venue", clock, admission, SignerAuth(signer(), clock)
    )
    known = instruments("BTCUSDT", "ASTERUSDT")
    return Client(AsterTrading(rest, known), AsterMarketData(rest, clock, known), ListenKey(rest))


@dataclass(frozen=True)
class Row:
    call: Callable[[Client], Awaitable[object]]
    request: str
    """Method, path, and parameters in order, without those of authentication."""
    weight: int
    body: object
    result: object = None
    orders: int = 0


@dataclass(frozen=True)
class Sent:
    """What became of a row: its request, as the row has it, what leave was asked for, and what came of the answer."""

    request: str
    is_signed: bool
    asked: list[Cost]
    result: object


async def sent(row: Row) -> Sent:
    seen, handler = answering(row.body)
    admission = AlwaysYes()
    result = await row.call(client(handler, admission))
    (request,) = seen
    pairs = parse_qsl((request.content or request.url.query).decode())
    path = request.url.path.removeprefix("/fapi/v3/")
    params = [f"{name}={value}" for name, value in pairs if name not in _AUTH_NAMES]
    return Sent(
        " ".join([request.method, path, *params]),
        {name for name, _ in pairs} >= _AUTH_NAMES,
        [cost for _, cost in admission.asked],
        # Of some only that there is an answer is of interest.
        None if row.result is None else result,
    )
