"""Small wrong changes, each of which the simulator must notice within `WITHIN` days.

`python -m planted` looks for the first day that notices each, and tells; tests/simulation/test_planted.py lives through
the days that are known to.
"""

# What is put in the place of a method need not say its types a second time.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false, reportMissingParameterType=false

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from loguru import logger

from exchange.aster.orders import OrderRequests
from exchange.errors import OutcomeUnknown, VenueError
from exchange.limits import budget
from exchange.limits.window import Window
from exchange.model import Cancel, Fill, Instrument, Order, OrderStatus, Place
from exchange.ports import Ticket
from fleet.ledger.books import SymbolBook
from fleet.ledger.entries import Entry, Traded
from fleet.ledger.ledger import Ledger
from fleet.orders import lifecycle
from fleet.orders import working as working_module
from fleet.orders.ids import Run
from fleet.orders.lifecycle import Phase, WorkingOrder
from fleet.orders.plan import Action, Plan
from fleet.orders.working import WorkingOrders
from fleet.risk import officer
from fleet.risk.exposure import Held, worst
from fleet.risk.officer import SymbolRisk
from fleet.runtime import drain as drain_module
from fleet.runtime import slot as slot_module
from fleet.runtime.account import Account, Snapshot
from fleet.runtime.clearing import clear
from fleet.runtime.completion import Completion
from fleet.runtime.countdowns import Terms
from fleet.runtime.dead_man import DeadMan
from fleet.runtime.desk import Desk
from fleet.runtime.slot import Slot
from fleet.runtime.start import Start
from fleet.runtime.strays import Strays
from fleet.runtime.supervisor import Supervisor
from fleet.runtime.worker import Worker
from fleet.simulation.trouble import Day, draw_day
from fleet.simulation.world import live

WITHIN = 200
SYMBOLS, SECONDS = 8, 40.0
"""Smaller days than usual, and as bad."""

Plant = Callable[[pytest.MonkeyPatch], None]
PLANTS: dict[str, Plant] = {}


def plant(function: Plant) -> Plant:
    PLANTS[function.__name__.replace("_", " ")] = function
    return function


def day(seed: int) -> Day:
    return draw_day(seed, SECONDS, SYMBOLS)


async def nothing(*_: Any, **__: Any) -> int:
    return 0


# --- orders


@plant
def unknown_is_taken_for_rejected(patch: pytest.MonkeyPatch) -> None:
    original = WorkingOrders.failed

    def failed(working: WorkingOrders, action: Action, error: VenueError, now_us: int) -> None:
        if isinstance(action, Place) and isinstance(error, OutcomeUnknown):
            working.orders.pop(action.client_id, None)
            getattr(working, "_finished").append(action.client_id)  # noqa: B009
        else:
            original(working, action, error, now_us)

    patch.setattr(WorkingOrders, "failed", failed)


@plant
def an_unknown_order_leaves_its_side_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkingOrder, "is_live", property(lambda order: order.phase not in (Phase.DONE, Phase.UNKNOWN)))


@plant
def no_such_order_is_believed_of_what_was_asked_after_three_times(patch: pytest.MonkeyPatch) -> None:
    """Whatever the two other questions brought, and however soon."""
    original = lifecycle.not_found

    def not_found(order: WorkingOrder, now_us: int) -> WorkingOrder:
        if order.phase is Phase.UNKNOWN and order.order_id is not None and order.queries >= 3:
            return replace(order, phase=Phase.DONE, status=OrderStatus.CANCELED)
        return original(order, now_us)

    patch.setattr(lifecycle, "not_found", not_found)


@plant
def cancels_are_forgotten_when_quotes_are_pulled(patch: pytest.MonkeyPatch) -> None:
    original = Desk.plan

    def plan(desk: Desk, now_us: int) -> Plan:
        planned = original(desk, now_us)
        if not desk.pulled:
            return planned
        return replace(planned, changes=tuple(c for c in planned.changes if not isinstance(c.action, Cancel)))

    patch.setattr(Desk, "plan", plan)


@plant
def orders_of_others_are_taken_for_ours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Run, "owns", lambda run, client_id: True)


@plant
def late_news_revives_an_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(working_module, "FINISHED_KEPT", 0)


@plant
def no_such_order_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    def not_found(order: WorkingOrder, now_us: int) -> WorkingOrder:
        return replace(order, phase=Phase.DONE, status=OrderStatus.CANCELED, reason="unknown to the venue")

    patch.setattr(lifecycle, "not_found", not_found)


def an_order_of_ours_that_is_not_known_is_not_adopted(patch: pytest.MonkeyPatch) -> None:
    """Of the days drawn few bring the fleet there; the test has one made for it, as for the others that are not `plant`."""
    original: Callable[..., bool] = getattr(WorkingOrders, "_hear")  # noqa: B009

    def hear(working: WorkingOrders, told: Order, now_us: int, **named: bool) -> bool:
        return told.client_id in working.orders and original(working, told, now_us, **named)

    patch.setattr(WorkingOrders, "_hear", hear)


def a_placement_is_never_on_its_way_for_long(patch: pytest.MonkeyPatch) -> None:
    """The same."""
    patch.setattr(lifecycle, "SURELY_NOT_PLACED_US", 0)


# --- fills


@plant
def a_fill_told_twice_counts_twice(patch: pytest.MonkeyPatch) -> None:
    original = SymbolBook.add

    def add(book: SymbolBook, fill: Fill) -> bool:
        book.unlisted.pop(fill.trade_id, None)
        return original(book, fill)

    patch.setattr(SymbolBook, "add", add)


@plant
def missed_fills_are_not_read(patch: pytest.MonkeyPatch) -> None:
    async def missed_fills(account: Account, symbol: str) -> list[Fill]:
        return []

    patch.setattr(Account, "missed_fills", missed_fills)


@plant
def the_fee_of_each_trade_is_rounded(patch: pytest.MonkeyPatch) -> None:
    original = SymbolBook.add
    patch.setattr(
        SymbolBook, "add", lambda book, fill: original(book, replace(fill, fee=fill.fee.quantize(Decimal("0.0001"))))
    )


@plant
def fills_without_an_order_known_are_dropped(patch: pytest.MonkeyPatch) -> None:
    original = SymbolBook.add
    patch.setattr(
        SymbolBook, "add", lambda book, fill: fill.is_maker and fill.trade_id % 5 != 0 and original(book, fill)
    )


# --- resync, start, stop


@plant
def what_a_gap_has_swallowed_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    original: Callable[[Any], Any] = getattr(Worker, "_resync")  # noqa: B009

    async def resync(worker: Any) -> None:
        lines_opened = getattr(worker, "_account").lines_opened  # noqa: B009
        if lines_opened == getattr(worker, "_lines_seen"):  # noqa: B009
            await original(worker)
        setattr(worker, "_lines_seen", lines_opened)  # noqa: B010

    patch.setattr(Worker, "_resync", resync)


@plant
def the_countdown_is_told_ten_times_the_time(patch: pytest.MonkeyPatch) -> None:
    original = OrderRequests.countdown_cancel_all

    async def countdown_cancel_all(
        orders: OrderRequests, symbol: str, countdown_ms: int, ticket: Ticket | None = None
    ) -> None:
        await original(orders, symbol, countdown_ms * 10, ticket)

    patch.setattr(OrderRequests, "countdown_cancel_all", countdown_cancel_all)


@plant
def what_an_earlier_run_left_is_not_cancelled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Start, "_clear_earlier", nothing)
    patch.setattr(Snapshot, "own_orders", lambda snapshot, run: [])


@plant
def a_stop_does_not_look_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drain_module, "clear", nothing)
    patch.setattr(Slot, "clear", nothing)


def only_what_is_listed_is_cleared(patch: pytest.MonkeyPatch) -> None:
    async def listed(*given: Any, **named: Any) -> int:
        return await clear(*given, **{**named, "believed": ()})

    patch.setattr(slot_module, "clear", listed)


def own_orders_that_nobody_minds_are_left_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Strays, "hear", lambda strays, order: None)
    patch.setattr(Strays, "look", lambda strays, orders: None)


@plant
def a_symbol_that_leaves_or_crashes_is_not_cleared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slot, "clear", nothing)


@plant
def a_crash_is_not_kept_to_its_symbol(patch: pytest.MonkeyPatch) -> None:
    async def run(supervisor: Supervisor) -> None:
        make: Callable[[], Any] = getattr(supervisor, "_make")  # noqa: B009
        await make().run()

    patch.setattr(Supervisor, "run", run)


# --- what stands in the market


@plant
def nothing_is_ever_quoted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeadMan, "may_quote", lambda dead_man, symbol: False)


def quotes_do_not_wait_for_the_countdown(patch: pytest.MonkeyPatch) -> None:
    """As below: a day is made for it."""
    patch.setattr(DeadMan, "may_quote", lambda dead_man, symbol: True)


@plant
def a_countdown_is_never_put_off(patch: pytest.MonkeyPatch) -> None:
    original: Callable[[DeadMan], Terms] = getattr(DeadMan, "_terms")  # noqa: B009
    patch.setattr(DeadMan, "_terms", lambda dead_man: replace(original(dead_man), interval_us=10**13))


@plant
def a_kill_is_not_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SymbolRisk, "killed", property(lambda risk: "", lambda risk, why: None), raising=False)


@plant
def prices_are_never_too_old(patch: pytest.MonkeyPatch) -> None:
    original: Callable[[Desk, int], tuple[str, int | None]] = getattr(Desk, "_pull_reason")  # noqa: B009

    def pull_reason(desk: Desk, now_us: int) -> tuple[str, int | None]:
        reason, stale_us = original(desk, now_us)
        return "" if reason == "market data is stale" else reason, stale_us

    patch.setattr(Desk, "_pull_reason", pull_reason)


# --- limits, ledger


@plant
def the_fleets_limits_forget_orders_in_flight(patch: pytest.MonkeyPatch) -> None:
    def answered(instrument: Instrument, position: Decimal, orders: Iterable[WorkingOrder]) -> Held:
        return worst(instrument, position, [order for order in orders if order.order_id is not None])

    patch.setattr(officer, "worst", answered)


@plant
def the_fleets_limits_count_no_positions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(officer, "worst", lambda instrument, position, orders: worst(instrument, Decimal(0), orders))


@plant
def the_budget_is_a_little_more_than_the_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget, "_share", lambda safety: Decimal("1.02"))


@plant
def the_window_is_too_short(patch: pytest.MonkeyPatch) -> None:
    original = Window.__init__

    def init(window: Window, capacity: int, length_us: int, in_flight: int = 0) -> None:
        original(window, capacity, length_us * 8 // 10, in_flight)

    patch.setattr(Window, "__init__", init)


@plant
def the_ledger_is_not_completed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Completion, "_persist", nothing)
    patch.setattr(Completion, "_read_on", nothing)


@plant
def the_ledger_drops_a_trade_now_and_then(patch: pytest.MonkeyPatch) -> None:
    original = Ledger.write

    def write(ledger: Ledger, entry: Entry) -> None:
        if not (isinstance(entry, Traded) and entry.fill.trade_id % 7 == 0):
            original(ledger, entry)

    patch.setattr(Ledger, "write", write)


def first_day(name: str, seeds: range) -> tuple[int, str] | None:
    """The first of the days on which a planted bug is noticed, and by which rule."""
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name](patch)
        for seed in seeds:
            violations = live(day(seed)).violations
            gc.collect()
            if violations:
                return seed, violations[0].rule
    return None


def main() -> int:
    logger.remove()
    gc.disable()
    missed = 0
    for name in sys.argv[1:] or PLANTS:
        found = first_day(name, range(WITHIN))
        missed += found is None
        print(
            f"{name}: " + (f"day {found[0]}, by {found[1]!r}" if found else f"NOT NOTICED in {WITHIN} days"), flush=True
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
