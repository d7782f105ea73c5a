"""One worker between its mailbox, the gate and a venue in memory, and how a scene of it is played."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
from runtime_fakes import LIMITS, RUN, no_risk, symbol_config
from runtime_worlds import World, play_world

from exchange.model import MarkPrice, Place, RateLimit, Side
from fleet.config.models import SymbolConfig
from fleet.orders.ids import ClientIds
from fleet.orders.working import Counters
from fleet.runtime.account import Account
from fleet.runtime.capital import Capital
from fleet.runtime.desk import Desk
from fleet.runtime.kill_switch import KillSwitch
from fleet.runtime.mailbox import Mailbox
from fleet.runtime.sender import Sender
from fleet.runtime.worker import Worker
from strategies.registry import make_strategy

BUY, SELL = Side.BUY, Side.SELL


class Scene(World):
    """One worker of X on an account, its lines up."""

    def __init__(self, limits: Sequence[RateLimit], **config: Any) -> None:
        super().__init__(limits=limits)
        self.account = Account(RUN, self.trading, self.clock, Capital(), self.instruments)
        self.mailbox = Mailbox()
        book = self.account.attach("XUSDT", self.mailbox)
        self.sender = Sender(self.trading, self.tasks)
        self.config = symbol_config(**config)
        strategy = make_strategy("ping_pong", self.config.parameters)
        ids = ClientIds(RUN, "XUSDT")
        instrument = self.instruments["XUSDT"]
        self.desk = Desk(self.config, instrument, strategy, book, self.account.capital, ids, Counters(), no_risk())
        self.kill = KillSwitch()
        self.worker = Worker(
            RUN, self.desk, self.mailbox, self.account, self.trading, self.gate, self.sender, self.clock, self.journal,
            self.kill,
        )  # fmt: skip
        self.scope = anyio.CancelScope()
        self.failed: Exception | None = None

    async def run(self) -> None:
        with self.scope:
            try:
                await self.worker.run()
            except Exception as error:  # noqa: BLE001 whatever it is, the test looks at it
                self.failed = error

    def market(self, mid: int = 1000) -> None:
        self.market_stream.tick("XUSDT", mid)

    def hear_market(self, event: Any) -> None:
        if isinstance(event, MarkPrice) or hasattr(event, "bid_ticks"):
            self.mailbox.put_market(event)
        else:
            self.mailbox.put_line(up=True)

    def weight_left(self) -> int:
        [use] = [use for use in self.gate.usage() if use.name == "REQUEST_WEIGHT_1M"]
        return use.capacity - use.used

    def reconfigure(self, config: SymbolConfig) -> None:
        self.worker.reconfigure(config, make_strategy("ping_pong", config.parameters))

    def start(self) -> None:
        """With its lines."""
        self.market_stream.want(["XUSDT"])
        self.tasks.start_soon(self.account_stream.run, self.account.on_event)
        self.tasks.start_soon(self.run)
        self.tasks.start_soon(self.market_stream.run, self.hear_market)

    async def quote(self) -> None:
        """Starts, and lets the first quotes go out and be answered."""
        self.tasks.start_soon(self.run)
        self.market_stream.want(["XUSDT"])
        self.tasks.start_soon(self.account_stream.run, self.account.on_event)
        await anyio.sleep(0.001)
        self.tasks.start_soon(self.market_stream.run, self.hear_market)
        await anyio.sleep(0.999)
        assert [type(action) for action in self.trading.actions()] == [Place, Place]
        self.begun_with = [sent.what for sent in self.trading.sent if isinstance(sent.what, str)]
        self.trading.sent.clear()


def play(scene: Callable[[Scene], Awaitable[None]], limits: Sequence[RateLimit] = LIMITS, **config: Any) -> None:
    play_world(lambda: Scene(limits, **config), scene)
