"""The whole fleet with its paper exchange in memory, over many seeds: what must hold whatever the market and the line do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import anyio
import pytest
from msgspec.structs import replace

from exchange.model import Place, Side
from exchange.paper.fault_settings import CutLines, FaultSettings, LogNormal, Uniform
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.control.state import FleetState, Phase
from fleet.simulation.scenario import Outcome, Running, simulate

FILE = """
fleet: sim-1
venue: paper
paper: {balance: {USDT: 10000}}
defaults: {buy_spread: 3bps, sell_spread: 3bps, balance_fraction: 0.3, refresh_interval: 500ms, price_change_threshold: 2bps}
symbols:
  ASTERUSDT: {}
  HYPEUSDT: {leverage: 2}
  SOLUSDT: {position_threshold_usd: 100}
"""
_WAY = Uniform(low_ms=0, high_ms=199)
BAD_DAYS = FaultSettings(
    to_venue=_WAY,
    from_venue=_WAY,
    stream=_WAY,
    reset_every_s=15,
    answer_503_executed=0.01,
    answer_503_not_executed=0.01,
    no_answer_executed=0.01,
    no_answer_not_executed=0.01,
)
WORSE_DAYS = replace(
    BAD_DAYS,
    to_venue=LogNormal(median_ms=40, sigma=1),
    stream=LogNormal(median_ms=40, sigma=1),
    clock_skew_ms=4000,
    no_answer_after_s=20,
    answer_429=0.005,
    event_dropped=0.02,
    event_duplicated=0.05,
    event_delayed=0.05,
    event_reordered=0.05,
    close_every_s=60,
    stall_every_s=40,
    half_open_every_s=60,
    half_open_for_s=10,
    restart_every_s=60,
    restart_for_s=3,
    listen_keys_expire_every_s=40,
    listen_key_expires_young=0.1,
)
SEEDS = range(60)


def config(text: str = FILE) -> FleetConfig:
    return parse(text, "fleet.yaml", {}).config


async def watch_orders(running: Running) -> None:
    """At most one working order a side, two while a reducing one takes the place of the other, in every instant seen."""
    book = running.paper.engine.orders
    account = running.paper.account()
    while True:
        sides: defaultdict[tuple[str, Side], list[bool]] = defaultdict(list)
        for order in book.all_open_orders(account):
            sides[(order.listing.symbol, order.side)].append(order.reduce_only)
        for key, reducing in sides.items():
            assert len(reducing) - any(reducing) <= 1, key
        await anyio.sleep(0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_on_bad_days_nothing_is_lost_no_limit_is_overstepped_and_all_goes_the_same_way_twice(seed: int) -> None:
    outcome, again = (simulate(config(), seed, 60, faults=BAD_DAYS, script=watch_orders) for _ in range(2))
    assert (outcome.trace, outcome.state) == (again.trace, again.state)
    assert_books_agree(outcome.state, outcome.paper)
    assert_no_limit_overstepped(outcome)
    assert outcome.state.own_orders_left_open == 0
    assert outcome.paper.engine.orders.all_open_orders(outcome.paper.account()) == []
    assert [symbol.phase for symbol in outcome.state.symbols] == [Phase.STOPPED] * 3


@pytest.mark.parametrize("seed", range(15))
def test_on_worse_days_nothing_is_lost_either(seed: int) -> None:
    outcome = simulate(config(), seed, 60, faults=WORSE_DAYS, script=watch_orders)
    assert_books_agree(outcome.state, outcome.paper)
    assert outcome.paper.refused_429 == 0
    assert outcome.state.own_orders_left_open == 0
    assert outcome.paper.engine.orders.all_open_orders(outcome.paper.account()) == []
    assert [symbol.phase for symbol in outcome.state.symbols] == [Phase.STOPPED] * 3


def assert_books_agree(state: FleetState, paper: PaperVenue) -> None:
    """Every fill once, every position and every figure of money the exchange's own, to the last digit."""
    account = paper.account()
    assert state.wallet == account.wallet
    assert state.realised_pnl == account.realised
    assert state.fees == account.fees
    assert account.wallet == 10_000 + state.realised_pnl - state.fees + state.funding
    for symbol in state.symbols:
        holding = account.held(symbol.symbol)
        theirs = (
            (holding.quantity, holding.realised, holding.fees, len(holding.stake.trades)) if holding else (0, 0, 0, 0)
        )
        assert (symbol.position, symbol.realised_pnl, symbol.fees, symbol.fills) == theirs


def assert_no_limit_overstepped(outcome: Outcome) -> None:
    assert (outcome.state.http_429, outcome.state.http_418) == (0, 0)
    assert (outcome.paper.refused_429, outcome.paper.refused_418) == (0, 0)
    for limiter in outcome.state.limiters:
        assert limiter.peak <= limiter.capacity
        # The exchange never saw more than we counted ourselves.
        assert outcome.paper.limit_peaks()[limiter.name] <= limiter.peak / limiter.limit


def test_another_seed_goes_another_way() -> None:
    assert simulate(config(), 1, 20).trace != simulate(config(), 2, 20).trace


def test_a_small_fleet_trades_and_turns_round() -> None:
    state = simulate(config(), 5, 300).state
    assert all(symbol.fills for symbol in state.symbols)
    assert sum(symbol.round_trips for symbol in state.symbols) >= 5
    assert state.first_quote_ms is not None
    assert state.first_quote_ms < 3000


def test_fractions_that_promise_too_much_never_meet_a_margin_refusal() -> None:
    greedy = FILE.replace("balance_fraction: 0.3", "balance_fraction: 1")
    outcome = simulate(config(greedy), 3, 120)
    assert [symbol.rejected for symbol in outcome.state.symbols] == [0, 0, 0]
    assert sum(symbol.fills for symbol in outcome.state.symbols) > 0


@pytest.mark.parametrize("limit_use", ["0.02", "0.05"])
def test_with_a_tiny_budget_the_fleet_waits_and_is_not_refused(limit_use: str) -> None:
    starved = FILE + f"budget: {{safety: {limit_use}}}\n"
    starved = starved.replace("price_change_threshold: 2bps", "price_change_threshold: 0")
    # With a fiftieth of the limit reading the account takes more than three minutes.
    outcome = simulate(config(starved), 4, 300)
    assert_no_limit_overstepped(outcome)
    assert_books_agree(outcome.state, outcome.paper)
    assert outcome.state.own_orders_left_open == 0


def test_a_broken_worker_is_cleared_and_quarantined_and_the_others_do_not_notice() -> None:
    async def break_hype(running: Running) -> None:
        while True:
            await anyio.sleep(0.5)
            desk = running.fleet.slots["HYPEUSDT"].desk
            if desk is not None:
                # A planted fault: the worker breaks at its next decision.
                setattr(desk, "plan", None)  # noqa: B010

    outcome = simulate(config(), 6, 120, script=break_hype)
    by_symbol = {symbol.symbol: symbol for symbol in outcome.state.symbols}
    assert by_symbol["HYPEUSDT"].restarts == 4
    assert by_symbol["ASTERUSDT"].restarts == by_symbol["SOLUSDT"].restarts == 0
    assert any("quarantined" in event.text for event in outcome.state.events)
    assert by_symbol["ASTERUSDT"].fills > 0
    assert outcome.paper.engine.orders.all_open_orders(outcome.paper.account()) == []
    assert_books_agree(outcome.state, outcome.paper)


QUIET = FILE.replace("3bps", "50bps").replace("price_change_threshold: 2bps", "price_change_threshold: 40bps")


def test_an_edit_touches_only_what_it_changes() -> None:
    seen: dict[str, set[str]] = {}

    def ids(running: Running, symbol: str) -> set[str]:
        orders = running.paper.engine.orders
        return {order.client_id for order in orders.open_orders(running.paper.account(), symbol)}

    async def edit(running: Running) -> None:
        await anyio.sleep(5)
        seen["before"] = ids(running, "SOLUSDT")
        edited = QUIET.replace("HYPEUSDT: {leverage: 2}", "BNBUSDT: {}").replace(
            "ASTERUSDT: {}", "ASTERUSDT: {entry: long}"
        )
        running.fleet.apply(config(edited))
        await anyio.sleep(1)
        seen["unchanged"] = ids(running, "SOLUSDT")
        seen["added"] = ids(running, "BNBUSDT")
        seen["removed"] = ids(running, "HYPEUSDT")
        seen["changed"] = ids(running, "ASTERUSDT")

    state = simulate(config(QUIET), 8, 15, script=edit).state
    assert seen["unchanged"] == seen["before"]
    assert {name: len(found) for name, found in seen.items()} == {
        "before": 2, "unchanged": 2, "added": 2, "removed": 0, "changed": 1,
    }  # fmt: skip
    assert (state.reloads_applied, state.streams[0].reconnects, state.streams[1].reconnects) == (1, 0, 0)


def test_collateral_in_several_stable_assets_counts_together() -> None:
    mixed = FILE.replace("{USDT: 10000}", "{USDT: 0, USDF: 6000, USDC: 4000}")
    outcome = simulate(config(mixed), 9, 60)
    assert sum(symbol.placed for symbol in outcome.state.symbols) > 0
    assert outcome.state.equity is not None
    assert abs(outcome.state.equity - 10_000) < Decimal(100)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 what is waited for tells nobody, and virtual time costs nothing
        await anyio.sleep(0.1)


@pytest.mark.parametrize(("on_remove", "is_flat"), [("keep", False), ("close", True)])
def test_a_removed_symbol_keeps_or_works_off_its_position(on_remove: str, is_flat: bool) -> None:
    async def remove_in_a_position(running: Running) -> None:
        books = running.fleet.account.books
        await until(lambda: "ASTERUSDT" in books and abs(books["ASTERUSDT"].cost) > 100)
        running.fleet.apply(config(text.replace("  ASTERUSDT: {}\n", "")))
        await until(lambda: "ASTERUSDT" in running.fleet.retired)
        flat.append(books["ASTERUSDT"].position_lots == 0)

    flat: list[bool] = []
    text = FILE.replace("price_change_threshold: 2bps}", f"price_change_threshold: 2bps, on_remove: {on_remove}}}")
    outcome = simulate(config(text), 10, 240, script=remove_in_a_position)
    assert flat == [is_flat]
    assert_books_agree(outcome.state, outcome.paper)


def test_while_a_line_is_down_no_quote_stands() -> None:
    seen: dict[str, int] = {}

    def open_orders(running: Running) -> int:
        return len(running.paper.engine.orders.all_open_orders(running.paper.account()))

    async def cut_and_refuse(running: Running) -> None:
        await anyio.sleep(5)
        seen["before"] = open_orders(running)
        running.runner.inject(CutLines(refused_for_s=0.2))
        await anyio.sleep(0.2)
        seen["down"] = open_orders(running)
        await anyio.sleep(40)
        seen["after"] = open_orders(running)

    simulate(config(QUIET), 11, 50, script=cut_and_refuse)
    assert seen == {"before": 6, "down": 0, "after": 6}


def test_orders_that_are_not_ours_are_never_touched() -> None:
    foreign = "somebody-elses"

    async def place_foreign(running: Running) -> None:
        await anyio.sleep(2)
        slot = running.fleet.slots["SOLUSDT"]
        ticker = slot.mailbox.ticker
        assert ticker is not None
        low_ticks = slot.instrument.floor_price(slot.instrument.price(ticker.bid_ticks) * Decimal("0.985"))
        lots = slot.instrument.floor_lots(Decimal(20) / slot.instrument.price(low_ticks))
        await running.fleet.venue.trading.place(Place("SOLUSDT", foreign, Side.BUY, low_ticks, lots))
        running.fleet.apply(config(QUIET.replace("SOLUSDT: {position_threshold_usd: 100}", "BNBUSDT: {}")))

    outcome = simulate(config(QUIET), 12, 30, script=place_foreign)
    left = outcome.paper.engine.orders.all_open_orders(outcome.paper.account())
    assert [order.client_id for order in left] == [foreign]
    assert outcome.state.own_orders_left_open == 0
