"""What the paper exchange is loaded with: signed orders in and out, and markets that move by themselves.

Owns: the load, the same for every way to the exchange. Must not know: how it is timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import urlencode

from exchange.model import Instrument, RateLimit
from exchange.paper.answers import Request
from exchange.paper.calibration import parameters_for
from exchange.paper.config import PaperSettings, demo_credentials
from exchange.paper.instruments import instrument, trading_symbols
from exchange.paper.market import Market
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue
from exchange.protocol.signing import Signer

START_US = 1_790_000_000_000_000
NO_LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 10**9), RateLimit("ORDERS", 60, 10**9))
CHAIN_ID = 1666
_PATH = "/fapi/v3/order"


def open_market(instrument: Instrument, now_us: int) -> Market:
    return SyntheticMarket(instrument, parameters_for(instrument), 0, now_us)


def open_exchange(now_us: int, symbols: int) -> Venue:
    settings = PaperSettings(symbols=trading_symbols()[:symbols], limits=NO_LIMITS, chain_id=CHAIN_ID)
    return Venue(settings, open_market, now_us)


class Orders:
    """Post-only orders far from the market, each placed, then cancelled: `request` makes the next one, signed."""

    def __init__(self) -> None:
        demo = demo_credentials(0, CHAIN_ID)
        self._signer = Signer(demo.private_key, CHAIN_ID, demo.user)
        self.symbol = trading_symbols()[0]
        rules = instrument(self.symbol)
        price = parameters_for(rules).price * 0.9
        self._price = rules.price_text(rules.floor_price(price))
        self._quantity = rules.quantity_text(rules.floor_lots(100 / price))
        self._numbers = count()

    def request(self, nonce_us: int) -> Request:
        number = next(self._numbers)
        name = f"bench-{number // 2}"
        fields = {"symbol": self.symbol, "origClientOrderId": name}
        if number % 2 == 0:
            fields = {
                "symbol": self.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": self._price,
                "quantity": self._quantity, "newClientOrderId": name,
            }  # fmt: skip
        text = urlencode(fields | {"nonce": nonce_us, "user": self._signer.user, "signer": self._signer.signer})
        body = f"{text}&signature={self._signer.sign(text)}".encode()
        return Request("POST" if number % 2 == 0 else "DELETE", _PATH, body=body)

    def requests(self, number: int, first_nonce_us: int) -> Iterator[Request]:
        return (self.request(first_nonce_us + each) for each in range(number))
