"""Requests about requests (docs: Noop).

Owns: what each answers. Must not know: signatures, nonces. That a noop's nonce is used up, and that the request which
was sent with the same one is refused when it comes late, is the gate's doing; where none is on its way it does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper.accounts import Account
from exchange.paper.answers import Params
from exchange.paper.engine import Engine
from exchange.paper.rest_market import Answer
from exchange.protocol import endpoints, payloads
from exchange.protocol.endpoints import Endpoint


def noop(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.ErrorBody(200, "success")


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.NOOP: noop,
}
