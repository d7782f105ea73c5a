"""The running fleet as a value: each condition that it can be in, and what the owner is told of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import anyio
import pytest
from runtime_fakes import fleet_config, symbol_config, ticker
from runtime_worlds import FleetWorld, X, Y, Z, play_fleet

from exchange.errors import OutcomeUnknown, WouldCross
from exchange.model import Position, RateLimit, Side
from fleet.control.state import FleetState, Phase, QuoteState, not_ready
from fleet.runtime.status import fleet_state


class Scene(FleetWorld):
    @property
    def state(self) -> FleetState:
        return fleet_state(self.fleet)

    def phase(self) -> tuple[Phase, str]:
        return self.state.symbols[0].phase, self.state.symbols[0].reason


play = partial(play_fleet, Scene, begins_s=0)


def test_before_anything_is_known() -> None:
    async def scene(at: Scene) -> None:
        assert (at.state.equity, at.state.wallet, at.state.first_quote_ms, at.state.symbols) == (None, None, None, ())
        assert "account stream is down" in not_ready(at.state)
        at.trading.latency_s = 0.5
        await anyio.sleep(3.1)
        assert at.phase() == (Phase.STARTING, "")

    play(fleet_config(X), scene)


def test_a_fleet_at_work() -> None:
    async def scene(at: Scene) -> None:
        at.trading.latency_s = 0.1
        await anyio.sleep(5)
        state = at.state
        assert not_ready(state) == ()
        assert [(stream.line, stream.up, stream.reconnects) for stream in state.streams] == [
            ("market", True, 0), ("account", True, 0),
        ]  # fmt: skip
        [symbol] = state.symbols
        assert (symbol.phase, symbol.reason, symbol.mid, symbol.mark) == (Phase.QUOTING, "", 100, 100)
        assert symbol.bid == QuoteState(Decimal(99), Decimal("0.98"), 100.0)
        assert symbol.ask == QuoteState(Decimal(101), Decimal("0.97"), 100.0)
        assert (symbol.placed, symbol.requests, symbol.price_decimals) == (2, 2, 1)
        assert (state.equity, state.wallet, state.own_orders_left_open) == (1000, 1000, 2)
        assert [limiter.name for limiter in state.limiters] == ["REQUEST_WEIGHT_1M", "ORDERS_1M", "ORDERS_10S"]
        assert state.limiters[1].used == 2
        assert state.first_quote_ms is not None
        assert 500 < state.first_quote_ms < 2000

    play(fleet_config(X), scene)


def test_in_a_position() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        at.trading.fill(at.trading.one(Side.BUY).client_id, 98)
        at.market_stream.tick(X, 1020)
        await anyio.sleep(0.1)
        [symbol] = at.state.symbols
        assert symbol.phase is Phase.REDUCING
        assert (symbol.bid, symbol.ask and symbol.ask.reduce_only) == (None, True)
        assert (symbol.position, symbol.position_usd, symbol.entry_price) == (
            Decimal("0.98"), Decimal("99.96"), Decimal(99),
        )  # fmt: skip
        assert symbol.unrealised_pnl == at.state.unrealised_pnl == Decimal("2.94")
        assert at.state.equity == Decimal("1002.94")
        assert (symbol.fills, symbol.fees, symbol.volume_usd) == (1, Decimal("0.01"), Decimal("97.02"))

    play(fleet_config(X), scene)


# --- what it has made


def adds_up(state: FleetState) -> bool:
    """As a reader would add it up: down the columns, and along the lines."""
    for name in ("realised_pnl", "unrealised_pnl", "began_pnl", "fees", "funding"):
        assert getattr(state, name) == sum(getattr(symbol, name) for symbol in state.symbols), name
    assert state.wallet is not None
    return state.equity == state.wallet + state.unrealised_pnl + state.other_unrealised_pnl


def holds_from_before(at: Scene) -> None:
    """X, which the fleet takes up, stands at a loss; Z, which is its owner's, at a gain."""
    at.trading.held[X] = Position(X, 100, Decimal(100))
    at.trading.held[Z] = Position(Z, 50, Decimal(100))
    at.market_stream.mids |= {X: 980, Z: 1010}


def test_what_a_position_had_made_before_and_what_others_make_is_none_of_what_the_fleet_made() -> None:
    async def scene(at: Scene) -> None:
        assert (at.state.net_pnl, at.state.unrealised_pnl) == (0, 0)
        at.trading.latency_s = 0.1
        for _ in range(20):
            await anyio.sleep(0.1)
            assert (at.state.net_pnl, at.state.equity) in [(0, None), (0, Decimal("998.5"))]
        assert [each.unrealised_pnl for each in at.state.symbols] == [-2, 0]
        assert (at.state.began_pnl, at.state.other_unrealised_pnl) == (-2, Decimal("0.5"))
        at.market_stream.tick(X, 970)
        at.market_stream.tick(Z, 1100)
        await anyio.sleep(2 * at.fleet.reconcile_every_s)
        assert (at.state.net_pnl, at.state.unrealised_pnl, at.state.other_unrealised_pnl) == (-1, -3, 5)
        assert adds_up(at.state)
        # One that leaves takes along what it made, and another brings nothing in.
        at.fleet.apply(fleet_config(Y, Z))
        await anyio.sleep(2 * at.fleet.reconcile_every_s)
        assert {each.symbol: (each.unrealised_pnl, each.began_pnl) for each in at.state.symbols} == {
            X: (-3, -2), Y: (0, 0), Z: (5, 5),
        }  # fmt: skip
        assert (at.state.net_pnl, at.state.other_unrealised_pnl) == (-1, 0)
        assert adds_up(at.state)

    play(fleet_config(X, Y), scene, holds_from_before)


def test_what_the_market_does_until_a_worker_has_begun_is_the_runs() -> None:
    async def scene(at: Scene) -> None:
        while not at.state.symbols:  # noqa: ASYNC110 nothing tells of it
            await anyio.sleep(0.01)
        assert not at.fleet.account.has_begun(X)
        at.market_stream.tick(X, 970)
        await anyio.sleep(5)
        assert (at.state.net_pnl, at.state.began_pnl) == (-1, -2)

    def before(at: Scene) -> None:
        holds_from_before(at)
        at.trading.latency_s = 0.2

    play(fleet_config(X), scene, before)


def test_a_fleet_that_is_stopped_at_its_start_has_made_nothing() -> None:
    async def scene(at: Scene) -> None:
        await at.stop()
        assert (at.state.net_pnl, at.state.equity) == (0, Decimal("998.5"))
        assert adds_up(at.state)

    def before(at: Scene) -> None:
        holds_from_before(at)
        at.trading.latency_s = 0.01

    play_fleet(Scene, fleet_config(X), scene, before, begins_s=0.1)


def account_down(at: Scene) -> None:
    at.account_stream.down()


def market_down(at: Scene) -> None:
    at.market_stream.down()


def stop(at: Scene) -> None:
    at.fleet.stop()


def stale(at: Scene) -> None:
    at.market_stream.silent.add(X)


def far(at: Scene) -> None:
    at.market_stream.silent.add(X)
    at.market_stream.tell(ticker(at.clock.now_us(), 1020))


def paused(at: Scene) -> None:
    at.gate.pause(60, "429: too many requests")


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (account_down, (Phase.WAITING, "account line is down")),
        (market_down, (Phase.WAITING, "market data line is down")),
        (stale, (Phase.STALE, "market data is stale")),
        (far, (Phase.WAITING, "mid is far from mark price")),
        (paused, (Phase.PAUSED, "429: too many requests")),
        (stop, (Phase.STOPPED, "")),
    ],
)  # fmt: skip
def test_why_a_symbol_does_not_quote(happens: Callable[[Scene], None], expected: tuple[Phase, str]) -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        happens(at)
        await anyio.sleep(0.5 if happens is far else 3.5)
        assert at.phase() == expected
        assert not_ready(at.state)

    play(fleet_config(X), scene)


def test_too_little_collateral_is_told() -> None:
    async def scene(at: Scene) -> None:
        at.trading.wallet = Decimal(10)
        await anyio.sleep(1)
        assert at.phase() == (Phase.WAITING, "an order of 0.98 USD is below the exchange's minimum")

    play(fleet_config(X), scene)


def test_a_refusal_is_told_until_an_order_stands_again() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("place", WouldCross("would take"))
        await anyio.sleep(0.5)
        assert at.phase() == (Phase.QUOTING, "would take")
        assert at.state.symbols[0].rejected == 1
        await anyio.sleep(2)
        assert at.phase() == (Phase.QUOTING, "")

    play(fleet_config(symbol_config(entry="long")), scene)


def test_an_order_without_an_answer_is_shown_as_unknown() -> None:
    async def scene(at: Scene) -> None:
        at.trading.trouble("place", OutcomeUnknown("503"))
        await anyio.sleep(0.1)
        bid = at.state.symbols[0].bid
        assert bid is not None
        assert bid.status == "UNKNOWN"

    play(fleet_config(X), scene)


def test_a_crashed_symbol_and_one_that_was_set_aside() -> None:
    async def scene(at: Scene) -> None:
        for _ in range(5):
            at.trading.trouble("set_leverage", ZeroDivisionError("ours"))
        await anyio.sleep(0.5)
        assert at.phase() == (Phase.BACKOFF, "ZeroDivisionError: ours")
        await anyio.sleep(60)
        assert at.phase() == (Phase.QUARANTINED, "ZeroDivisionError: ours")
        assert not_ready(at.state) == ()

    play(fleet_config(X), scene)


def test_a_symbol_that_left_is_shown_with_what_it_made_and_does_not_make_the_fleet_unready() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        at.trading.fill(at.trading.one(Side.BUY, Y).client_id, 98)
        await anyio.sleep(0.1)
        at.fleet.apply(fleet_config(X))
        await anyio.sleep(1)
        assert [(symbol.symbol, symbol.phase, symbol.fills) for symbol in at.state.symbols] == [
            (X, Phase.QUOTING, 0), (Y, Phase.STOPPED, 1),
        ]  # fmt: skip
        assert not_ready(at.state) == ()
        assert at.state.config_version == 2

    play(fleet_config(X, Y), scene)


def test_after_the_stop() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        at.fleet.stop()
        await anyio.sleep(5)
        assert (at.state.stopping, at.state.own_orders_left_open) == (True, 0)
        assert at.phase() == (Phase.STOPPED, "")
        assert [event.text for event in at.state.events][:3] == [
            "market stream is up", "account stream is up", "stopping: cancels its orders",
        ]  # fmt: skip

    play(fleet_config(symbol_config(entry="short")), scene)


# --- the budget


def test_who_spends_the_budget_and_how_late_and_wrong_that_leaves_the_quotes() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        budget, [symbol] = at.state.budget, at.state.symbols
        assert (budget.policy, budget.stretch, budget.waiting) == ("value", 1, 0)
        assert list(budget.by_class) == list(budget.totals) == ["cancel", "reduce", "quote", "amend", "query"]
        assert (budget.by_class["quote"], symbol.requests_per_minute) == (3, 3), "and the first heartbeat"
        assert symbol.share == 3 / sum(budget.by_class.values())
        assert (budget.mean_error_bps, budget.worst_error_bps, budget.missing_quotes) == (0, 0, 0)
        # Room for both amendments, but paced: the second has to wait.
        at.gate.restrict((RateLimit("ORDERS", 60, 5),))
        at.market_stream.tick(X, 1009)
        await anyio.sleep(2)
        assert (at.state.budget.by_class["amend"], at.state.budget.waiting) == (1, 1)
        at.market_stream.tick(X, 1018)
        await anyio.sleep(3)
        budget, [symbol] = at.state.budget, at.state.symbols
        assert (budget.waiting, symbol.waiting, budget.withdrawn) == (2, 2, 0)
        assert symbol.stretch == budget.stretch == pytest.approx(6, abs=0.01)
        # The ask went first: it stood too near to the market.
        assert symbol.error_bps == budget.worst_error_bps == pytest.approx(10_000 * (1007 - 990) / 1007)
        assert 120 < (budget.mean_error_bps or 0) < (budget.worst_error_bps or 0)
        assert budget.worst_error_symbol == X
        at.market_stream.tick(X, 1009)
        await anyio.sleep(0.1)
        budget, [symbol] = at.state.budget, at.state.symbols
        assert (budget.waiting, budget.withdrawn, symbol.withdrawn) == (1, 1, 1)
        await anyio.sleep(60)
        assert at.state.budget.by_class["quote"] == 2, "two heartbeats"
        assert at.state.budget.totals["quote"] == 5

    play(fleet_config(X), scene)


def test_a_quote_without_an_order_is_missing_and_what_may_not_stand_is_not() -> None:
    async def scene(at: Scene) -> None:
        at.gate.restrict((RateLimit("ORDERS", 60, 1),))
        await anyio.sleep(1)
        budget, [symbol] = at.state.budget, at.state.symbols
        assert (budget.missing_quotes, symbol.missing_quotes, budget.waiting) == (1, 1, 1)
        assert (budget.mean_error_bps, symbol.error_bps) == (0, 0)
        at.market_stream.down()
        await anyio.sleep(0.1)
        budget, [symbol] = at.state.budget, at.state.symbols
        assert (budget.missing_quotes, symbol.missing_quotes, budget.waiting) == (0, 0, 0)
        assert (budget.mean_error_bps, symbol.error_bps) == (None, None)

    play(fleet_config(X), scene)


def test_a_symbols_priority_is_told() -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(1)
        assert [symbol.priority for symbol in at.state.symbols] == [2, 1]

    play(fleet_config(symbol_config(priority=2), Y), scene)
