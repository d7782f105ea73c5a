"""What each request costs."""

from __future__ import annotations

import pytest

from exchange.protocol import endpoints


@pytest.mark.parametrize(
    ("endpoint", "params", "weight", "orders"),
    [
        (endpoints.NEW_ORDER, {"symbol": "ASTERUSDT"}, 1, 1),
        (endpoints.MODIFY_ORDER, {"symbol": "ASTERUSDT"}, 1, 1),
        (endpoints.CANCEL_ORDER, {"symbol": "ASTERUSDT"}, 1, 0),
        (endpoints.CANCEL_BATCH, {"symbol": "ASTERUSDT"}, 1, 0),
        (endpoints.NEW_BATCH, {"batchOrders": '[{"symbol":"A"},{"symbol":"B"}]'}, 5, 2),
        (endpoints.NEW_BATCH, {"batchOrders": "[{'symbol':'A'}]"}, 5, 1),
        (endpoints.OPEN_ORDERS, {}, 40, 0),
        (endpoints.OPEN_ORDERS, {"symbol": "ASTERUSDT"}, 1, 0),
        (endpoints.BOOK_TICKER, {}, 2, 0),
        (endpoints.BOOK_TICKER, {"symbol": "ASTERUSDT"}, 1, 0),
        (endpoints.DEPTH, {}, 10, 0),
        (endpoints.DEPTH, {"limit": "50"}, 2, 0),
        (endpoints.DEPTH, {"limit": "100"}, 5, 0),
        (endpoints.DEPTH, {"limit": "1000"}, 20, 0),
        (endpoints.GET_POSITION_MODE, {}, 30, 0),
    ],
)
def test_cost(endpoint: endpoints.Endpoint, params: dict[str, str], weight: int, orders: int) -> None:
    assert (endpoint.weight_of(params), endpoint.orders_of(params)) == (weight, orders)


def test_a_route_leads_to_one_endpoint() -> None:
    names = [endpoint.name for endpoint in endpoints.ENDPOINTS]
    assert len(set(names)) == len(names) > 30
    assert endpoints.BY_ROUTE["PUT", "/fapi/v3/order"] is endpoints.MODIFY_ORDER
    assert endpoints.BY_ROUTE["PUT", "/fapi/v1/order"] is endpoints.MODIFY_ORDER
    assert len(endpoints.BY_ROUTE) == 2 * len(names)
