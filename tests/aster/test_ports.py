"""The client is what the fleet's ports ask for: checked by pyright, and by name here."""

from __future__ import annotations

import pytest

from exchange import ports
from exchange.aster.market_data import AsterMarketData
from exchange.aster.market_stream import AsterMarketStream
from exchange.aster.sockets import connect
from exchange.aster.trading import AsterTrading
from exchange.aster.user_stream import AsterAccountStream
from exchange.protocol.wire import Connect

TRADING: type[ports.Trading] = AsterTrading
MARKET_DATA: type[ports.MarketData] = AsterMarketData
MARKET_STREAM: type[ports.MarketStream] = AsterMarketStream
ACCOUNT_STREAM: type[ports.AccountStream] = AsterAccountStream
CONNECT: Connect = connect


@pytest.mark.parametrize(
    ("port", "client"),
    [
        (ports.Trading, TRADING),
        (ports.MarketData, MARKET_DATA),
        (ports.MarketStream, MARKET_STREAM),
        (ports.AccountStream, ACCOUNT_STREAM),
    ],
)
def test_the_client_has_all_that_a_port_names(port: type, client: type) -> None:
    asked = {name for name in vars(port) if not name.startswith("_")}
    assert asked <= set(dir(client))
