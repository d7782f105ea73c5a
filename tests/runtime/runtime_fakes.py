"""What the runtime's tests are made of: instruments, configurations, news of the market, and a venue's lines in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import anyio

from exchange.clock import Clock
from exchange.model import (
    AccountEvent,
    BookTicker,
    Depth,
    ExchangeInfo,
    Instrument,
    MarketEvent,
    MarkPrice,
    PublicTrade,
    RateLimit,
    StreamDown,
    StreamUp,
)
from exchange.ports import Ticket
from fleet.config.models import FleetConfig, SymbolConfig
from fleet.config.risk import Risk
from fleet.orders.ids import Run
from fleet.risk.loss import LossWatch
from fleet.risk.officer import FleetRisk, SymbolRisk
from fleet.scheduling.gate import Gate
from strategies.ping_pong import PingPongParameters

EPOCH_US = 1_700_000_000_000_000
RUN = Run("f", EPOCH_US // 1_000_000)
LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 60, 1200), RateLimit("ORDERS", 10, 300))


def instrument(symbol: str) -> Instrument:
    """Price 100 is 1000 ticks, and 1 lot is worth 1 USD then. Orders are worth 5 USD at least."""
    return Instrument(
        symbol, symbol.removesuffix("USDT"), "USDT", "USDT", "TRADING", Decimal("0.1"), Decimal("0.01"), 1, 10**7, 1,
        10**6, Decimal(5), Decimal("1.05"), Decimal("0.95"),
    )  # fmt: skip


def symbol_config(symbol: str = "XUSDT", *, entry: str = "both", **changed: Any) -> SymbolConfig:
    """1% from mid, a tenth of the collateral an order, refreshed every second."""
    parameters = PingPongParameters(buy_spread="1%", sell_spread="1%", entry=entry)  # type: ignore[arg-type]  # as a file has them
    given = {"symbol": symbol, "parameters": parameters, "balance_fraction": "0.1", "refresh_interval": "1s", **changed}
    return SymbolConfig.model_validate(given)


def fleet_config(*symbols: str | SymbolConfig, **changed: Any) -> FleetConfig:
    configs = [symbol_config(each) if isinstance(each, str) else each for each in symbols]
    return FleetConfig.model_validate(
        {"fleet": "f", "venue": "paper", "symbols": {each.symbol: each for each in configs}, **changed}
    )


def no_risk(symbol: str = "XUSDT", **limits: Any) -> SymbolRisk:
    """No limits but those given, of the fleet."""
    return SymbolRisk(symbol, FleetRisk(Risk.model_validate(limits), LossWatch(EPOCH_US // 1000)))


def ticker(now_us: int, mid: int = 1000, symbol: str = "XUSDT", *, width: int = 1) -> BookTicker:
    return BookTicker(symbol, now_us, mid - width, 100, mid + width, 100, now_us // 1000, now_us)


def mark(now_us: int, price: int = 100, symbol: str = "XUSDT") -> MarkPrice:
    return MarkPrice(symbol, Decimal(price), Decimal(price), Decimal(0), 0, now_us // 1000, now_us)


class FakeAccountStream:
    """Up from the start. While it is down nothing is told, nor later."""

    def __init__(self) -> None:
        self.is_up = False
        self._sink: Callable[[AccountEvent], None] | None = None
        self.breaks: Exception | None = None
        self.doubts = 0

    def doubt(self) -> None:
        self.doubts += 1

    async def run(self, sink: Callable[[AccountEvent], None]) -> None:
        if self.breaks is not None:
            raise self.breaks
        self._sink = sink
        self.up()
        await anyio.sleep_forever()

    def tell(self, event: AccountEvent) -> None:
        if self._sink is not None and self.is_up:
            self._sink(event)

    def up(self) -> None:
        self.is_up = True
        self.tell(StreamUp("account"))

    def down(self) -> None:
        self.tell(StreamDown("account", "cut"))
        self.is_up = False


class FakeMarketStream:
    """Tells the newest book and mark price of what is wanted: at once when up, and every second after."""

    def __init__(self, clock: Clock) -> None:
        self.wanted: tuple[str, ...] = ()
        self.mids: dict[str, int] = {}
        self.silent: set[str] = set()
        self.is_up = False
        self._clock = clock
        self._sink: Callable[[MarketEvent], None] | None = None
        self.breaks: Exception | None = None

    async def run(self, sink: Callable[[MarketEvent], None]) -> None:
        if self.breaks is not None:
            raise self.breaks
        self._sink = sink
        self.up()
        while True:
            for symbol in self.wanted:
                if symbol not in self.silent:
                    self.tick(symbol)
            await anyio.sleep(1)

    def want(self, symbols: Sequence[str]) -> None:
        self.wanted = tuple(symbols)

    def up(self) -> None:
        self.is_up = True
        self.tell(StreamUp("market"))

    def down(self) -> None:
        self.tell(StreamDown("market", "cut"))
        self.is_up = False

    def tick(self, symbol: str = "XUSDT", mid: int | None = None) -> None:
        if mid is not None:
            self.mids[symbol] = mid
        now_us, mid = self._clock.now_us(), self.mids.get(symbol, 1000)
        self.tell(ticker(now_us, mid, symbol))
        self.tell(mark(now_us, mid // 10, symbol))

    def tell(self, event: MarketEvent) -> None:
        if self._sink is not None and self.is_up:
            self._sink(event)


class FakeMarketData:
    def __init__(self, symbols: Iterable[str] = ("XUSDT",), gate: Gate | None = None) -> None:
        self.symbols = tuple(symbols)
        self._gate = gate

    async def server_ms(self) -> int:
        return EPOCH_US // 1000

    async def exchange_info(self) -> ExchangeInfo:
        raise NotImplementedError

    async def book_tickers(self) -> list[BookTicker]:
        return []

    async def mark_prices(self, *, ticket: Ticket | None = None) -> list[MarkPrice]:
        if ticket is not None and self._gate is not None:
            self._gate.settle(ticket, {})
        return [mark(EPOCH_US, 100, symbol) for symbol in self.symbols]

    async def depth(self, symbol: str, limit: int) -> Depth:
        raise NotImplementedError

    async def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        raise NotImplementedError
