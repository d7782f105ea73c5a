"""Positions that a symbol has left behind, as it left the file of a running fleet or between two processes: they count,
and are closed, like the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from loss_scene import Scene, play
from runtime_fakes import fleet_config
from runtime_worlds import X, Y, Z

from exchange.errors import Unavailable
from exchange.model import Balance, Fill, FundingPayment, Position, Side
from fleet.config.models import FleetConfig
from fleet.control.state import Phase
from fleet.ledger.entries import NoLedger
from fleet.runtime.losses import CLOSE_AGAIN_S
from fleet.runtime.memory import MemoryFile
from fleet.runtime.owner import NoSuchSymbol
from fleet.runtime.status import fleet_state

ONE_PERCENT = Decimal("0.01")
CAP = {"max_position_usd": 130}


async def fill(at: Scene, symbol: str, lots: int | None = None) -> None:
    order = at.trading.one(Side.BUY, symbol)
    at.trading.fill(order.client_id, lots or order.lots)
    await anyio.sleep(1)


async def leave(at: Scene, lots: int = 50, config: FleetConfig | None = None) -> None:
    """X is bought, and leaves the file."""
    await fill(at, X, lots)
    at.fleet.apply(config or fleet_config(Y))
    await anyio.sleep(1)


def makes(at: Scene, usd: int, lots: int = 50) -> None:
    """What X makes, by the venue's word."""
    at.trading.held[X] = Position(X, lots, Decimal(99), unrealised=Decimal(usd), exchange_ms=at.clock.now_ms())


def held_before(lots: int = 50, usd: int = 0) -> Callable[[Scene], None]:
    """X's position as an earlier process has left it, by its only trade."""

    def before(at: Scene) -> None:
        makes(at, usd, lots)
        at.trading.trades[X].append(Fill(X, at.first_trade, 1, "", Side.BUY, 990, lots, True, Decimal("0.01"), "USDT",
                                         Decimal(0), at.clock.now_ms()))  # fmt: skip

    return before


# --- kill and flatten


@pytest.mark.parametrize("symbol", [None, X])
def test_flatten_closes_what_was_left_behind(symbol: str | None) -> None:
    async def scene(at: Scene) -> None:
        await leave(at)
        at.trading.move(Z, 30)  # its owner's
        done = await at.owner.flatten(symbol, ONE_PERCENT)
        assert X in done.symbols
        assert (done.problems, at.lots_held()) == ((), {Z: 30})
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert at.fleet.unrealised_pnl == 0

    play(scene, fleet_config(X, Y))


def test_what_was_left_behind_and_cannot_be_closed_is_told() -> None:
    async def scene(at: Scene) -> None:
        await leave(at)
        at.trading.taken_at_once = 0
        [problem] = (await at.owner.flatten(None, ONE_PERCENT)).problems
        assert problem.startswith(f"{X} still holds 0.50")

    play(scene, fleet_config(X, Y))


def test_flatten_closes_what_an_earlier_process_left_behind_but_nothing_of_the_owners(tmp_path: Path) -> None:
    """Whether or not there are limits to remember it for."""

    async def first(at: Scene) -> None:
        await fill(at, X, 50)

    async def second(at: Scene) -> None:
        assert at.said("is not in the fleet, and holds a position of 0.50")
        assert at.fleet.account.not_ours().keys() == {Z}
        state = fleet_state(at.fleet)
        assert (state.unrealised_pnl, state.began_pnl, state.other_unrealised_pnl) == (-3, -3, 0)
        assert (await at.owner.flatten(None, ONE_PERCENT)).problems == ()
        assert at.lots_held() == {Z: 30}

    def before(at: Scene) -> None:
        held_before(usd=-3)(at)
        at.trading.move(Z, 30)

    play(first, fleet_config(X, Y), tmp_path / "risk")
    play(second, fleet_config(Y), tmp_path / "risk", before)


def test_what_the_owner_buys_where_the_fleet_had_left_nothing_is_his(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        pass

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        at.trading.move(X, 30)
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert at.fleet.account.not_ours()[X].lots == 30
        assert at.fleet.risk.others(Y).position_usd == 0
        await at.owner.flatten(None, ONE_PERCENT)
        assert at.lots_held() == {X: 30}

    play(first, fleet_config(X, Y, risk=CAP), tmp_path / "risk")
    play(second, fleet_config(Y, risk=CAP), tmp_path / "risk")


def test_what_only_the_ledger_knows_is_killed_and_flattened_by_its_name() -> None:
    class Known(NoLedger):
        def symbols(self) -> list[str]:
            return [X]

    async def scene(at: Scene) -> None:
        at.fleet.books.ledger = Known()
        at.trading.move(X, 30)
        await at.owner.flatten(None, ONE_PERCENT)
        assert at.lots_held() == {X: 30}
        assert (await at.owner.flatten(X, ONE_PERCENT)).problems == ()
        assert at.lots_held() == {}
        with pytest.raises(NoSuchSymbol):
            await at.owner.flatten(Z, ONE_PERCENT)

    play(scene, fleet_config(Y))


def test_a_symbol_that_was_killed_when_it_had_left_stays_so_when_it_comes_back() -> None:
    async def scene(at: Scene) -> None:
        await leave(at)
        assert (await at.owner.kill(X)).symbols == (X,)
        at.fleet.apply(fleet_config(X, Y))
        await anyio.sleep(2)
        assert at.phases()[X] is Phase.KILLED
        await at.owner.resume(X)
        await anyio.sleep(2)
        assert at.phases()[X] is Phase.REDUCING

    play(scene, fleet_config(X, Y))


# --- the fleet's caps


async def buy_as_much_as_may_be(at: Scene, symbol: str) -> None:
    at.market_stream.tick(symbol, 1003)
    await anyio.sleep(3)
    for order in at.trading.open(symbol):
        if order.side is Side.BUY:
            at.trading.fill(order.client_id, order.lots - order.filled_lots)
    await anyio.sleep(2)


def cost_usd(at: Scene) -> int:
    """At an entry price of 100."""
    return sum(at.lots_held().values())


def test_a_look_that_was_asked_before_a_symbol_left_says_nothing_of_what_it_left() -> None:
    async def scene(at: Scene) -> None:
        balances = at.trading.balances

        async def slow() -> list[Balance]:
            await anyio.sleep(5)
            return await balances()

        at.trading.balances = slow
        await anyio.sleep(at.fleet.reconcile_every_s - 1 + 0.5)  # positions were told: X is flat
        await fill(at, X)
        at.fleet.apply(fleet_config(Y, risk=CAP))
        for _ in range(30):
            await anyio.sleep(1)
            assert at.fleet.risk.others(Y).position_usd >= 97
        await buy_as_much_as_may_be(at, Y)
        assert cost_usd(at) <= 130

    play(scene, fleet_config(X, Y, risk=CAP))


def test_a_symbol_that_leaves_before_its_worker_could_begin_leaves_what_the_venue_says() -> None:
    def before(at: Scene) -> None:
        at.trading.move(X, 98)
        for _ in range(500):
            at.trading.trouble("fills", Unavailable("down"), symbol=X)

    async def scene(at: Scene) -> None:
        at.fleet.apply(fleet_config(Y, risk=CAP))
        for _ in range(60):
            await anyio.sleep(1)
            assert at.fleet.risk.others(Y).position_usd == 98
        await buy_as_much_as_may_be(at, Y)
        assert cost_usd(at) <= 130
        at.trading.troubles.clear()

    play(scene, fleet_config(X, Y, risk=CAP), before=before)


@pytest.mark.parametrize("tell", [True, False])
def test_what_was_flat_when_it_left_counts_when_it_fills_after_all(tell: bool) -> None:
    async def scene(at: Scene) -> None:
        at.fleet.apply(fleet_config(Y, risk=CAP))
        await anyio.sleep(3)
        assert at.fleet.risk.others(Y).position_usd == 0
        late = at.trading.put_order(f"f:{X}:late:1", X, price=990, tell=False)
        at.trading.fill(late.client_id, 50, tell=tell)
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert at.fleet.risk.others(Y).position_usd == 50
        assert at.fleet.account.books[X].position_lots == 50
        assert (await at.owner.flatten(None, ONE_PERCENT)).problems == ()
        assert at.lots_held() == {}

    play(scene, fleet_config(X, Y, risk=CAP))


def test_what_an_order_left_by_a_crash_has_filled_counts_though_its_symbol_has_left_the_file(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        await anyio.sleep(2)

    async def second(at: Scene) -> None:
        assert at.fleet.risk.others(Y).position_usd == 50
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        assert at.fleet.risk.others(Y).position_usd == 50

    play(first, fleet_config(X, Y, risk=CAP), tmp_path / "risk")
    play(second, fleet_config(Y, risk=CAP), tmp_path / "risk", lambda at: at.trading.move(X, 50))


def test_a_countdown_that_a_killed_run_may_have_left_in_a_symbol_that_the_file_has_no_more_is_ended(
    tmp_path: Path,
) -> None:
    async def first(at: Scene) -> None:
        await fill(at, X, 50)

    async def second(at: Scene) -> None:
        await anyio.sleep(1)
        assert at.trading.countdowns_us[X] == 0

    play(first, fleet_config(X, Y), tmp_path / "risk")
    play(second, fleet_config(Y), tmp_path / "risk", held_before())


# --- loss limits


def test_a_loss_limit_closes_what_was_left_behind_too() -> None:
    risk = {"daily_loss_usd": 5, "on_loss": "close"}

    async def scene(at: Scene) -> None:
        await fill(at, Y, 20)
        at.trading.taken_at_once = 0
        await leave(at, config=fleet_config(Y, risk=risk))
        makes(at, -20)
        await anyio.sleep(at.fleet.reconcile_every_s + 40)
        assert at.limit
        assert at.said(f"{X} still holds 0.50")
        at.trading.taken_at_once = 10**6
        await anyio.sleep(CLOSE_AGAIN_S)
        assert at.lots_held() == {}

    play(scene, fleet_config(X, Y, risk=risk))


@pytest.mark.parametrize("lots", [50, 20, 0])
def test_what_was_lost_and_closed_counts_once(lots: int) -> None:
    """20 of 50 USD are realised a lot for lot: between the trade and the next look the venue's last word is old."""

    async def scene(at: Scene) -> None:
        await leave(at, config=fleet_config(Y, risk={"daily_loss_usd": 1000}))
        makes(at, -50)
        await anyio.sleep(at.fleet.reconcile_every_s + 1)
        before = at.day_result
        order = at.trading.put_order(f"f:{X}:.1:1", X, Side.SELL, price=890)
        if lots < 50:
            at.trading.fill(order.client_id, 50 - lots)
        held = at.fleet.account.books[X]
        held.realised_pnl -= 50 - lots
        await anyio.sleep(2)
        assert abs(at.day_result + Decimal("0.01") * (lots < 50) - before) < Decimal("1e-9")

    play(scene, fleet_config(X, Y, risk={"daily_loss_usd": 1000}))


@pytest.mark.parametrize(("usd", "is_hit"), [(-4, False), (-50, True)])
def test_what_a_position_loses_whose_symbol_left_the_file_between_two_processes_counts(
    tmp_path: Path, usd: int, is_hit: bool
) -> None:
    results: list[Decimal] = []
    risk = {"daily_loss_usd": 5}

    async def first(at: Scene) -> None:
        await fill(at, X, 50)
        await anyio.sleep(2)
        results.append(at.day_result)

    async def second(at: Scene) -> None:
        await anyio.sleep(3)
        assert at.day_result == results[0] - Decimal("0.5") + usd
        assert bool(at.limit) is is_hit

    play(first, fleet_config(X, Y, risk=risk), tmp_path / "risk")
    play(second, fleet_config(Y, risk=risk), tmp_path / "risk", held_before(usd=usd))
    # And goes on in the next.
    play(second, fleet_config(Y, risk=risk), tmp_path / "risk", held_before(usd=usd))


def test_what_was_closed_between_two_processes_counts_and_is_forgotten_then(tmp_path: Path) -> None:
    results: list[Decimal] = []
    risk = {"daily_loss_usd": 5}

    async def first(at: Scene) -> None:
        await fill(at, X, 50)
        await anyio.sleep(2)
        results.append(at.day_result)

    async def second(at: Scene) -> None:
        await anyio.sleep(3)
        # Of which half a dollar had been won before.
        assert at.day_result == results[0] - Decimal("0.5") - 3 - Decimal("0.01")

    def closed(at: Scene) -> None:
        held_before(0)(at)
        at.trading.trades[X] = [
            Fill(X, at.first_trade + 1, 2, "", Side.SELL, 930, 50, False, Decimal("0.01"), "USDT", Decimal(-3),
                 at.clock.now_ms())
        ]  # fmt: skip

    play(first, fleet_config(X, Y, risk=risk), tmp_path / "risk")
    play(second, fleet_config(Y, risk=risk), tmp_path / "risk", closed)
    written = MemoryFile(tmp_path / "risk").read()
    assert written is not None
    assert (X in written.bases, X in written.held) == (False, False)


@pytest.mark.parametrize("lots", [50, 0])
def test_funding_of_what_was_left_behind_counts(tmp_path: Path, lots: int) -> None:
    """Also when it was paid before the position was closed."""
    risk = {"daily_loss_usd": 5}

    async def first(at: Scene) -> None:
        await fill(at, X, 50)

    async def second(at: Scene) -> None:
        await anyio.sleep(15)
        assert at.fleet.account.funding_before == Decimal("-0.1")

    def before(at: Scene) -> None:
        held_before(lots)(at)
        at.trading.paid.append(FundingPayment("1", X, Decimal("-0.1"), "USDT", at.clock.now_ms() - 20_000))

    play(first, fleet_config(X, Y, risk=risk), tmp_path / "risk")
    play(second, fleet_config(Y, risk=risk), tmp_path / "risk", before)


@pytest.mark.parametrize("after_s", [0.3, 0.5, 0.7, 5.0])
def test_a_symbol_that_comes_back_goes_on_from_what_was_remembered(tmp_path: Path, after_s: float) -> None:
    """Even while what it had left is being asked for."""
    results: list[Decimal] = []
    risk = {"daily_loss_usd": 1000}

    async def first(at: Scene) -> None:
        await fill(at, X, 50)
        await anyio.sleep(2)
        results.append(at.day_result)

    async def second(at: Scene) -> None:
        await anyio.sleep(after_s)
        at.fleet.apply(fleet_config(X, Y, risk=risk))
        await anyio.sleep(5)
        assert at.phases()[X] is Phase.REDUCING
        assert (at.day_result, at.fleet.account.books[X].position_lots) == (results[0], 50)

    def before(at: Scene) -> None:
        held_before()(at)
        at.trading.held[X] = replace(at.trading.held[X], unrealised=Decimal("0.5"))
        at.trading.latency_s = 0.2

    play(first, fleet_config(X, Y, risk=risk), tmp_path / "risk")
    play(second, fleet_config(Y, risk=risk), tmp_path / "risk", before)
