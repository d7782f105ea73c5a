"""The account all workers trade on: every trade counted once, whatever the line does; one answer shared by all."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from functools import partial

import anyio
import pytest
from runtime_fakes import RUN, mark, ticker
from runtime_worlds import World, play_world
from sqlalchemy import select

from exchange.errors import Unavailable
from exchange.model import (
    AccountUpdate,
    Balance,
    Fill,
    Order,
    OrderStatus,
    OrderUpdate,
    Position,
    Side,
    StreamDown,
    StreamUp,
)
from exchange.ports import Ticket
from fleet.ledger import schema
from fleet.ledger.books import SymbolBook
from fleet.ledger.ledger import Ledger
from fleet.ledger.store import Owner, Store
from fleet.runtime.account import Account
from fleet.runtime.capital import Capital
from fleet.runtime.mailbox import Mailbox, Told


class Scene(World):
    def __init__(self) -> None:
        super().__init__("XUSDT", "YUSDT")
        self.capital = Capital()
        self.account = Account(RUN, self.trading, self.clock, self.capital, self.instruments)
        self.mailbox = Mailbox()

    async def begin(self) -> SymbolBook:
        """The account listens to the venue; X is attached and has begun."""
        self.tasks.start_soon(self.account_stream.run, self.account.on_event)
        await anyio.sleep(0.001)
        book = self.account.attach("XUSDT", self.mailbox)
        await self.account.begin("XUSDT")
        return book

    def told(self) -> list[Told]:
        return [news for news in self.mailbox.take() if isinstance(news, Told)]


play = partial(play_world, Scene)


# --- trades


def test_a_trade_is_counted_before_anybody_acts_on_it_and_told_once() -> None:
    async def scene(at: Scene) -> None:
        book = await at.begin()
        at.trading.put_order("f:X:r:1")
        fill = at.trading.fill("f:X:r:1", 20)
        at.account_stream.tell(OrderUpdate(at.trading.orders["f:X:r:1"], "TRADE", fill))
        assert (book.position_lots, book.fills) == (20, 1)
        assert [news.fill for news in at.told()] == [None, fill, None]

    play(scene)


@pytest.mark.parametrize(("name", "is_told"), [("f:X:r:1", True), ("web_1", False), ("g:X:r:1", False)])
def test_only_own_orders_are_told_of_but_every_trade(name: str, is_told: bool) -> None:
    async def scene(at: Scene) -> None:
        await at.begin()
        at.trading.put_order(name)
        assert (len(at.told()) == 1) is is_told
        at.trading.fill(name, 5)
        assert [news.fill is not None for news in at.told()] == [True]

    play(scene)


def test_trades_of_a_gap_are_counted_though_the_line_told_of_a_later_one_first() -> None:
    async def scene(at: Scene) -> None:
        book = await at.begin()
        at.trading.put_order("f:X:r:1")
        at.account_stream.down()
        missed = [at.trading.fill("f:X:r:1", 10).trade_id for _ in range(2)]
        at.account_stream.up()
        at.trading.fill("f:X:r:1", 5)
        assert book.position_lots == 5
        assert [fill.trade_id for fill in await at.account.missed_fills("XUSDT")] == missed
        assert await at.account.missed_fills("XUSDT") == []
        assert (book.position_lots, book.fills) == (25, 3)

    play(scene)


def test_more_trades_than_a_page_holds_are_read_to_the_end() -> None:
    async def scene(at: Scene) -> None:
        book = await at.begin()
        at.account_stream.down()
        at.trading.put_order("f:X:r:1")
        at.trading.orders["f:X:r:1"] = Order(
            "XUSDT", "f:X:r:1", 1, Side.BUY, OrderStatus.NEW, 900, 10**6, 0, False, "GTX", 0
        )
        for _ in range(1000):
            at.trading.fill("f:X:r:1", 1)
        assert len(await at.account.missed_fills("XUSDT")) == 1000
        assert book.position_lots == 1000
        assert at.trading.count("fills") == 1 + 3

    play(scene)


def test_a_worker_that_starts_again_counts_what_was_traded_meanwhile() -> None:
    """Its money too, not the position alone."""

    async def scene(at: Scene) -> None:
        book = await at.begin()
        at.trading.put_order("f:X:r:1")
        at.account_stream.down()
        at.trading.fill("f:X:r:1", 50)
        at.account_stream.up()
        await anyio.sleep(0.001)
        begun = await at.account.begin("XUSDT")
        assert (len(begun.missed), begun.is_done) == (1, False)
        begun = await at.account.begin("XUSDT")
        assert (begun.missed, begun.is_corrected, begun.is_done) == ((), False, True)
        assert (book.position_lots, book.fills, book.fees) == (50, 1, Decimal("0.01"))

    play(scene)


def test_a_trade_from_before_the_start_that_is_told_late_is_not_counted_twice() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        fill = at.trading.fill("f:X:old:1", 50)
        book = await at.begin()
        at.account_stream.tell(OrderUpdate(at.trading.orders["f:X:old:1"], "TRADE", fill))
        assert (book.position_lots, book.fills) == (50, 0)

    play(scene)


def test_a_trade_while_the_start_is_asking_is_in_the_position_once() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        at.trading.put_order("web_1")

        async def trade() -> None:
            for _ in range(3):
                await anyio.sleep(0.15)
                at.trading.fill("web_1", 5)

        at.tasks.start_soon(trade)
        book = await at.begin()
        await anyio.sleep(5)
        assert book.position_lots == at.trading.held["XUSDT"].lots == 15

    play(scene)


@pytest.mark.parametrize(
    ("before", "lots"),
    [
        pytest.param(["look"], 10, id="before the position is asked for"),
        pytest.param(["look", "trade"], 10, id="between the position and the newest trade"),
        pytest.param(["trade", "look", "trade"], 20, id="two of one millisecond, the position between them"),
    ],
)
def test_a_trade_around_the_position_that_it_begins_from_is_in_it_once(before: list[str], lots: int) -> None:
    """Its news comes only after the beginning."""

    async def scene(at: Scene) -> None:
        at.account.attach("XUSDT", at.mailbox)
        at.trading.put_order("web_1", tell=False)
        steps, news = list(before), list[OrderUpdate]()

        def trade() -> None:
            fill = at.trading.fill("web_1", 10, tell=False)
            news.append(OrderUpdate(at.trading.orders["web_1"], "TRADE", fill))

        ask_positions, ask_fills = at.trading.positions, at.trading.fills

        async def positions(ticket: Ticket | None = None) -> list[Position]:
            while steps and steps.pop(0) == "trade":
                trade()
            return await ask_positions(ticket)

        async def fills(symbol: str, *, from_id: int | None = None, limit: int = 500) -> list[Fill]:
            while steps:
                steps.pop(0)
                trade()
            return await ask_fills(symbol, from_id=from_id, limit=limit)

        at.trading.positions, at.trading.fills = positions, fills
        if before == ["look"]:
            trade()
        await at.account.begin("XUSDT")
        for each in news:
            at.account.on_event(each)
        assert at.account.books["XUSDT"].position_lots == at.trading.held["XUSDT"].lots == lots
        assert at.account.books["XUSDT"].fills == 0

    play(scene)


def test_old_trades_that_the_venue_does_not_list_by_default_are_not_counted_later() -> None:
    async def scene(at: Scene) -> None:
        at.trading.put_order("f:X:old:1")
        at.trading.fill("f:X:old:1", 50)
        at.trading.held.clear()
        at.trading.listed_s = 3600.0
        await anyio.sleep(8 * 24 * 3600)
        book = await at.begin()
        assert await at.account.missed_fills("XUSDT") == []
        assert (book.position_lots, book.fills) == (0, 0)

    play(scene)


def test_catching_up_asks_for_the_trades_of_those_symbols_alone_that_had_some() -> None:
    async def scene(at: Scene) -> None:
        await at.begin()
        at.account.attach("YUSDT", Mailbox())
        at.trading.move("YUSDT", 5)
        await anyio.sleep(1)
        await at.account.begin("YUSDT")
        at.trading.put_order("f:X:r:1")
        await anyio.sleep(1)
        at.account_stream.down()
        at.trading.fill("f:X:r:1", 50)
        asked = at.trading.count("fills", "YUSDT")
        await at.account.catch_up()
        assert (at.account.books["XUSDT"].fills, at.trading.count("fills", "YUSDT")) == (1, asked)

    play(scene)


def test_catching_up_counts_what_no_line_told_of() -> None:
    async def scene(at: Scene) -> None:
        book = await at.begin()
        at.account_stream.down()
        at.trading.put_order("f:X:r:1")
        at.trading.fill("f:X:r:1", 50)
        at.trading.wallet = Decimal(990)
        await anyio.sleep(0.001)
        texts: list[str] = []
        at.account.on_mended = texts.append
        await at.account.catch_up()
        assert texts == ["in the trade list: 1 trade of XUSDT that the line had not told of"]
        assert (book.fills, at.account.wallet) == (1, 990)

    play(scene)


def test_a_look_that_failed_gives_nobody_the_one_before_it() -> None:
    async def scene(at: Scene) -> None:
        await at.begin()
        at.trading.put_order("f:X:r:1", tell=False)
        at.trading.latency_s = 1.0
        at.trading.trouble("open_orders", Unavailable("no"))
        found: list[list[str]] = []

        async def ask() -> None:
            with suppress(Unavailable):
                snapshot = await at.account.snapshot()
                found.append([order.client_id for order in snapshot.open_orders])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(0.1)
            tasks.start_soon(ask)
        assert found == [["f:X:r:1"]]

    play(scene)


def test_a_symbol_is_on_record_before_its_first_order() -> None:
    """Killed right after it, what the order was filled for must be looked for, though the file names the symbol no more."""

    async def scene(at: Scene) -> None:
        with Store(None, Owner("fake", "a"), now_ms=0, fleet="f") as store:
            ledger = Ledger(store)
            at.account = Account(RUN, at.trading, at.clock, at.capital, at.instruments, ledger)
            at.account.attach("XUSDT", at.mailbox)
            ledger.sync()
            assert (ledger.symbols(), ledger.read_to("XUSDT")) == (["XUSDT"], 0)

    play(scene)


@pytest.mark.parametrize(
    ("late_ms", "is_told", "mid"), [(0, True, "100.0"), (900, True, "100.0"), (1100, True, None), (0, False, None)]
)
def test_the_market_of_now_is_that_of_a_trade_only_when_it_was_just_made(
    late_ms: int, is_told: bool, mid: str | None
) -> None:
    async def scene(at: Scene) -> None:
        store = Store(None, Owner("fake", "a"), now_ms=0, fleet="f")
        ledger = Ledger(store)
        at.account = Account(RUN, at.trading, at.clock, at.capital, at.instruments, ledger)
        await at.begin()
        at.mailbox.put_market(ticker(at.clock.now_us()))
        at.mailbox.put_market(mark(at.clock.now_us()))
        at.trading.put_order("f:X:r:1")
        fill = at.trading.fill("f:X:r:1", 5, tell=False)
        await anyio.sleep(late_ms / 1000)
        if is_told:
            at.account_stream.tell(OrderUpdate(at.trading.orders["f:X:r:1"], "TRADE", fill))
        else:
            await at.account.missed_fills("XUSDT")
        ledger.sync()
        [row] = store.connection.execute(select(schema.fills.c.mid, schema.fills.c.mark)).all()
        assert (row.mid, row.mark) == (mid, mid and "100")

    play(scene)


# --- the line


def test_whoever_waits_for_the_line_is_woken_however_often_it_goes_down() -> None:
    async def scene(at: Scene) -> None:
        waiting = at.account.line_up
        for _ in range(2):
            at.account.on_event(StreamDown("account", "cut"))
        at.account.on_event(StreamUp("account"))
        with anyio.fail_after(1):
            await waiting.wait()
        at.account.on_event(StreamDown("account", "cut"))
        assert not at.account.line_up.is_set()

    play(scene)


@pytest.mark.parametrize("event", [StreamUp("account"), StreamDown("account", "cut")])
def test_every_worker_hears_of_the_line(event: StreamUp | StreamDown) -> None:
    async def scene(at: Scene) -> None:
        mailboxes = [Mailbox(), Mailbox()]
        for symbol, mailbox in zip(("XUSDT", "YUSDT"), mailboxes, strict=True):
            at.account.attach(symbol, mailbox)
        at.account.on_event(event)
        with anyio.fail_after(1):
            for mailbox in mailboxes:
                await mailbox.wait()

    play(scene)


# --- snapshots and money


def test_workers_that_resync_at_once_share_one_snapshot() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(at.account.snapshot)
        assert at.trading.count("positions") == 1
        await anyio.sleep(0.001)
        await at.account.snapshot()
        assert at.trading.count("positions") == 2

    play(scene)


def test_a_snapshot_under_way_is_not_given_to_those_who_ask_after_it_began() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at.account.snapshot)
            await anyio.sleep(0.15)
            tasks.start_soon(at.account.snapshot)
            tasks.start_soon(at.account.snapshot)
        assert at.trading.count("positions") == 2

    play(scene)


def test_a_snapshot_that_fails_fails_who_asked_and_the_next_asks_again() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("positions", Unavailable("no connection"))
        with pytest.raises(Unavailable):
            await at.account.snapshot()
        assert (await at.account.snapshot()).open_orders == ()

    play(scene)


def test_other_peoples_orders_and_positions_are_reserved_for() -> None:
    async def scene(at: Scene) -> None:
        await at.begin()
        at.trading.held = {
            "XUSDT": Position("XUSDT", 100, Decimal(100)),  # a worker's own
            "YUSDT": Position("YUSDT", -200, Decimal(100), leverage=4),
        }
        at.trading.put_order("f:X:r:1")
        at.trading.put_order("web_1", price=1000)
        await anyio.sleep(1)
        await at.account.snapshot()
        assert at.capital.foreign_margin == 50 + 50

    play(scene)


@pytest.mark.parametrize(
    ("changed_s_ago", "told", "is_difference"),
    [
        pytest.param(60, False, True, id="of which nothing was told"),
        pytest.param(60, True, False, id="as it was told"),
        pytest.param(1, False, False, id="whose news may be on its way"),
    ],
)
def test_a_balance_that_the_line_should_have_told_of_is_mended_and_told(
    changed_s_ago: float, told: bool, is_difference: bool
) -> None:
    async def scene(at: Scene) -> None:
        texts: list[str] = []
        at.account.on_mended = texts.append
        await at.begin()
        await anyio.sleep(1)
        changed = Balance("USDT", Decimal(990), at.clock.now_ms())
        await anyio.sleep(changed_s_ago)
        if told:
            at.account.on_event(AccountUpdate("ORDER", (changed,), {}, (), changed.exchange_ms))

        async def balances() -> list[Balance]:
            return [changed]

        at.trading.balances = balances
        await at.account.snapshot()
        await at.account.snapshot()
        assert (at.account.wallet, at.account.balances_mended) == (990, int(is_difference))
        assert texts == ["balance was not the exchange's: 1000 USDT are 990"] * is_difference

    play(scene)


def test_balances_and_the_news_of_funding_come_by_the_line() -> None:
    async def scene(at: Scene) -> None:
        await at.begin()
        assert at.capital.wallet == 1000
        now_ms = at.clock.now_ms()
        paid = {"USDT": Decimal("-0.5")}
        balances = (Balance("USDT", Decimal("999.5"), now_ms), Balance("BNB", Decimal(7), now_ms))
        at.account.on_event(AccountUpdate("FUNDING_FEE", balances, paid, (), now_ms))
        assert (at.account.wallet, at.account.funding_told) == (Decimal("999.5"), 1)
        at.account.on_event(AccountUpdate("ORDER", (Balance("USDT", Decimal(1), now_ms - 1),), {}, (), now_ms - 1))
        assert at.capital.wallet == Decimal("999.5")

    play(scene)


@pytest.mark.parametrize(("is_multi_assets", "wallet"), [(False, 100), (True, 150)])
def test_collateral_is_all_stable_assets_where_the_account_pools_them(is_multi_assets: bool, wallet: int) -> None:
    async def scene(at: Scene) -> None:
        at.account.is_multi_assets = is_multi_assets
        amounts = {"USDT": 100, "USDF": 50, "BTC": 1}
        balances = tuple(Balance(asset, Decimal(amount), 1) for asset, amount in amounts.items())
        at.account.on_event(AccountUpdate("DEPOSIT", balances, {}, (), 1))
        assert at.account.wallet == wallet

    play(scene)
