"""Which endpoint stands at a method and a path, and who answers it.

Owns: the paths of every API version. Must not know: accounts, limits, signatures.

/fapi/v1 mirrors /fapi/v3 (docs of V1). Deployed clients ask for money and positions under v2 and v4 as well, as the
exchange family numbers them.
"""

from __future__ import annotations

from exchange.paper import (
    rest_account,
    rest_market,
    rest_market_history,
    rest_order_lists,
    rest_orders,
    rest_protection,
    rest_session,
)
from exchange.protocol import endpoints
from exchange.protocol.endpoints import Endpoint

PUBLIC = {**rest_market.HANDLERS, **rest_market_history.HANDLERS}
SIGNED = {
    **rest_orders.HANDLERS,
    **rest_order_lists.HANDLERS,
    **rest_protection.HANDLERS,
    **rest_account.HANDLERS,
    **rest_session.HANDLERS,
}
BY_KEY_ALONE = frozenset((endpoints.START_LISTEN_KEY, endpoints.KEEP_LISTEN_KEY, endpoints.CLOSE_LISTEN_KEY))
"""V1's user stream requests may carry a key and no signature (docs of V1: Endpoint security type)."""

_EVERY_VERSION = (endpoints.BALANCE, endpoints.ACCOUNT, endpoints.ACCOUNT_OLD_NAME, endpoints.POSITION_RISK)


def _routes() -> dict[tuple[str, str], Endpoint]:
    routes: dict[tuple[str, str], Endpoint] = {}
    for endpoint in (*PUBLIC, *SIGNED):
        versions = ("v1", "v2", "v3", "v4") if endpoint in _EVERY_VERSION else ("v1", "v3")
        paths = [endpoint.path.replace("/v3/", f"/{version}/") for version in versions]
        for path in (*paths, endpoint.v1_path):
            routes[endpoint.method, path] = endpoint
    return routes


ROUTES = _routes()
"""Only of what is served: everything else is an unknown path."""
