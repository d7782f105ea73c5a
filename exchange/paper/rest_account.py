"""Requests about an account, gathered from their modules, and those for listen keys (docs: User Data Streams).

Owns: listen keys' requests. Must not know: how money is booked, weights, signatures.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper import rest_history, rest_margin, rest_money
from exchange.paper.accounts import Account
from exchange.paper.answers import Params
from exchange.paper.engine import Engine
from exchange.paper.rest_market import Answer
from exchange.protocol import endpoints, payloads
from exchange.protocol.endpoints import Endpoint


def start_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.ListenKeyBody(engine.user_streams.start(account, engine.now_us))


def keep_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    engine.user_streams.keep(account, engine.now_us)
    return b"{}"


def close_listen_key(engine: Engine, account: Account, params: Params) -> Answer:
    engine.user_streams.close(account)
    return b"{}"


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    **rest_money.HANDLERS,
    **rest_margin.HANDLERS,
    **rest_history.HANDLERS,
    endpoints.START_LISTEN_KEY: start_listen_key,
    endpoints.KEEP_LISTEN_KEY: keep_listen_key,
    endpoints.CLOSE_LISTEN_KEY: close_listen_key,
}
