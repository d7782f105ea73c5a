"""A market in which nothing happens but what a test does, and a client that signs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from exchange.model import Instrument, Side
from exchange.paper.accounts import Account
from exchange.paper.answers import Request, Response
from exchange.paper.book import Book
from exchange.paper.config import PaperSettings
from exchange.paper.engine import OpenMarket
from exchange.paper.instruments import instrument
from exchange.paper.market import MayMeet, OnTrade
from exchange.paper.venue import Venue
from exchange.protocol.signing import Signer

START_US = 1_750_000_000_000_000
SYMBOL = "ASTERUSDT"


class StillMarket:
    """Implements exchange.paper.market.Market. ASTERUSDT at 2.0000: mark is 20,000 ticks unless a test moves it."""

    def __init__(self, instrument: Instrument, mark_ticks: int = 20_000) -> None:
        self.instrument = instrument
        self.mark_ticks = mark_ticks
        self.book = Book()
        self._next_background = -1

    def quote(self, side: Side, ticks: int, lots: int) -> None:
        """Somebody else rests an order."""
        self.book.add(self._next_background, side, ticks, lots)
        self._next_background -= 1

    def hit(self, side: Side, limit_ticks: int | None, lots: int, now_us: int, on_trade: OnTrade) -> int:
        """Somebody else takes."""
        return self.book.take(-1, side, limit_ticks, lots, now_us, on_trade)

    def next_us(self) -> int | None:
        return None

    def advance(self, now_us: int, on_trade: OnTrade) -> None:
        pass

    def best_bid(self) -> tuple[int, int] | None:
        return self.book.best_bid()

    def best_ask(self) -> tuple[int, int] | None:
        return self.book.best_ask()

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        return self.book.levels(side, limit)

    def mark_price(self) -> Decimal:
        return self.instrument.price(self.mark_ticks)

    def index_price(self) -> Decimal:
        return self.instrument.price(self.mark_ticks)

    def would_cross(self, side: Side, ticks: int) -> bool:
        return self.book.would_cross(side, ticks)

    def fillable(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        return self.book.fillable(side, limit_ticks, lots)

    def take(
        self,
        order_id: int,
        side: Side,
        limit_ticks: int | None,
        lots: int,
        now_us: int,
        on_trade: OnTrade,
        may_meet: MayMeet | None = None,
    ) -> int:
        return self.book.take(order_id, side, limit_ticks, lots, now_us, on_trade, may_meet)

    def rest(self, order_id: int, side: Side, ticks: int, lots: int, now_us: int, *, is_hidden: bool = False) -> None:
        self.book.add(order_id, side, ticks, lots, is_hidden=is_hidden)

    def remove(self, order_id: int) -> int:
        return self.book.remove(order_id)

    def shrink(self, order_id: int, lots: int) -> None:
        self.book.shrink(order_id, lots)


class Bench:
    """A venue over still markets, its clock in a test's hand, and one signing client."""

    def __init__(self, *symbols: str, open_market: OpenMarket | None = None, **settings: Any) -> None:
        self.now_us = START_US
        self.markets: dict[str, StillMarket] = {}
        self.settings = PaperSettings(symbols=symbols or (SYMBOL,), **settings)
        self.venue = Venue(self.settings, open_market or self._open, START_US)
        demo = self.venue.demo
        self.signer = Signer(demo.private_key, self.settings.chain_id, demo.user)
        self._nonce = 0

    def _open(self, instrument: Instrument, now_us: int) -> StillMarket:
        market = self.markets[instrument.symbol] = StillMarket(instrument)
        return market

    @property
    def market(self) -> StillMarket:
        return self.markets[SYMBOL]

    @property
    def books(self) -> Account:
        return self.venue.account()

    def book(self, bids: list[tuple[int, int]] | None = None, asks: list[tuple[int, int]] | None = None) -> None:
        for ticks, lots in bids or ():
            self.market.quote(Side.BUY, ticks, lots)
        for ticks, lots in asks or ():
            self.market.quote(Side.SELL, ticks, lots)

    def hit(self, side: Side, limit_ticks: int | None, lots: int) -> int:
        listing = self.venue.engine.listing(SYMBOL)
        left = self.market.hit(side, limit_ticks, lots, self.now_us, listing.on_trade)
        self.venue.engine.acted(listing)
        return left

    def wait(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)
        self.venue.advance(self.now_us)

    def send(
        self, method: str, path: str, params: dict[str, Any] | None = None, *, signed: bool = True, client: str = "here"
    ) -> Response:
        fields = {name: str(value) for name, value in (params or {}).items()}
        text = urlencode(fields)
        if signed:
            self._nonce = max(self._nonce + 1, self.now_us)
            fields |= {"nonce": str(self._nonce), "user": self.signer.user, "signer": self.signer.signer}
            text = urlencode(fields)
            text += f"&signature={self.signer.sign(text)}"
        in_query = method == "GET"
        request = Request(method, path, text if in_query else "", b"" if in_query else text.encode(), client=client)
        return self.venue.handle(request, self.now_us)

    def ask(self, method: str, name: str, **params: Any) -> Any:
        """A signed request's answer, decoded."""
        return msgspec.json.decode(self.send(method, f"/fapi/v3/{name}", params).body)

    def public(self, name: str, **params: Any) -> Any:
        return msgspec.json.decode(self.send("GET", f"/fapi/v3/{name}", params, signed=False).body)

    def order(self, side: str, price: str | None, quantity: str, tif: str = "GTC", **more: Any) -> Any:
        """Places an order (a market order without price) and returns its result."""
        params: dict[str, Any] = {"symbol": SYMBOL, "side": side, "quantity": quantity, "newOrderRespType": "RESULT"}
        if price is None:
            params["type"] = "MARKET"
        else:
            params |= {"type": "LIMIT", "price": price, "timeInForce": tif}
        return self.ask("POST", "order", **params | more)

    def listen(self, *streams: str) -> int:
        return self.venue.open_line("/stream?streams=" + "/".join(streams), self.now_us)

    def user_line(self) -> int:
        return self.venue.open_line(f"/ws/{self.ask('POST', 'listenKey')['listenKey']}", self.now_us)

    def frames(self) -> list[Any]:
        """What has been pushed since the last call, decoded."""
        return [msgspec.json.decode(push.text) for push in self.venue.take_pushes()]


ASTER = instrument(SYMBOL)
