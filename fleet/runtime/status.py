"""The running fleet as a value: what the terminal, the HTTP endpoint and the summary show.

Owns: the way from the runtime's objects to FleetState. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from exchange.model import Side
from fleet.control.state import (
    BudgetState,
    FleetState,
    ForeignState,
    LimiterState,
    Phase,
    QuoteState,
    StreamState,
    SymbolState,
)
from fleet.orders import lifecycle
from fleet.orders.error import WantedQuote, overall_error, standing_error
from fleet.runtime.desk import Desk
from fleet.runtime.fleet import Fleet
from fleet.runtime.foreign import NotOurs
from fleet.runtime.lines import Line
from fleet.runtime.slot import Slot
from fleet.scheduling.meter import CLASS_NAMES, InLine, LastMinute, Meter

EVENTS_SHOWN = 50


def fleet_state(fleet: Fleet, boot_ms: int = 0) -> FleetState:
    """`boot_ms`: how long the process had been running when the fleet was made."""
    now_ms = fleet.venue.clock.now_ms()
    gate = fleet.venue.gate
    paused_until_ms = gate.paused_until_us // 1000
    slots = [*fleet.slots.values(), *fleet.retired.values()]
    steady_us = fleet.venue.clock.steady_us()
    traffic = _Traffic(gate.meter, gate.meter.last_minute(steady_us), gate.in_line(), steady_us)
    wanted = {slot.config.symbol: _wanted(slot) for slot in slots}
    symbols = tuple(_symbol(fleet, slot, traffic, wanted[slot.config.symbol]) for slot in slots)
    first_quote_s = fleet.sender.first_placed_s if fleet.sender else None
    unrealised, others = sum((each.unrealised_pnl for each in symbols), Decimal(0)), fleet.other_unrealised_pnl
    wallet = fleet.account.wallet if fleet.account.known else None
    return FleetState(
        fleet=fleet.config.fleet,
        venue=fleet.venue.name,
        live=fleet.venue.is_live,
        started_ms=fleet.started_ms,
        now_ms=now_ms,
        config_version=fleet.config_version,
        equity=None if wallet is None else wallet + unrealised + others,
        wallet=wallet,
        realised_pnl=fleet.account.realised_pnl,
        unrealised_pnl=unrealised,
        began_pnl=sum((each.began_pnl for each in symbols), Decimal(0)),
        other_unrealised_pnl=others,
        fees=fleet.account.fees,
        other_fees=fleet.account.other_fees,
        funding=fleet.account.funding,
        limiters=tuple(LimiterState(u.name, u.used, u.capacity, u.limit, u.peak) for u in gate.usage()),
        budget=_budget(fleet, traffic, symbols[: len(fleet.slots)], chain.from_iterable(wanted.values())),
        paused_until_ms=paused_until_ms if paused_until_ms > now_ms else None,
        pause_reason=gate.pause_reason if paused_until_ms > now_ms else "",
        streams=(
            _line(fleet.feed.line, len(fleet.slots)),
            _line(fleet.account_line, 1),
        ),
        symbols=symbols,
        events=tuple(fleet.journal.lines)[-EVENTS_SHOWN:],
        reloads_applied=fleet.reloads_applied,
        reloads_refused=fleet.reloads_refused,
        last_reload_error=fleet.last_reload_error,
        http_429=gate.http_429,
        http_418=gate.http_418,
        first_quote_ms=None if first_quote_s is None else boot_ms + round((first_quote_s - fleet.created_s) * 1000),
        own_orders_left_open=len(fleet.drain.left_open if fleet.stopping else fleet.drain.may_be_open()),
        left_unknown=fleet.drain.left_unknown if fleet.stopping else not fleet.drain.has_looked,
        instruments_loaded=True,
        stopping=fleet.stopping,
        loop_lag_ms=fleet.loop_lag_ms,
        ledger_problem=fleet.books.ledger.problem,
        ledger_waiting=fleet.books.ledger.waiting,
        stalls=fleet.stalls,
        balances_mended=fleet.account.balances_mended,
        foreign=tuple(_foreign(fleet, *each) for each in fleet.account.not_ours().items()),
        loss_limit=fleet.risk.loss.limit,
        day_result=fleet.risk.loss.day_result,
        drawdown=fleet.risk.loss.below_best,
    )


def _foreign(fleet: Fleet, symbol: str, seen: NotOurs) -> ForeignState:
    instrument = fleet.venue.info.instruments.get(symbol)
    return ForeignState(symbol, seen.orders, instrument.quantity(seen.lots) if instrument else Decimal(seen.lots))


def _line(line: Line, subscribed: int) -> StreamState:
    return StreamState(line.name, line.up, line.since_ms, line.lag_ms, max(line.times_opened - 1, 0), subscribed)


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What goes through the gate, and what waits before it."""

    meter: Meter
    minute: LastMinute
    in_line: dict[str, InLine]
    now_us: int


def _budget(
    fleet: Fleet, traffic: _Traffic, running: Sequence[SymbolState], wanted: Iterable[WantedQuote]
) -> BudgetState:
    meter, error = traffic.meter, overall_error(wanted)
    return BudgetState(
        policy=fleet.config.budget.policy,
        stretch=sum(symbol.stretch for symbol in running) / len(running) if running else 1.0,
        mean_stretch=meter.mean_stretch(),
        waiting=sum(line.count for line in traffic.in_line.values()),
        by_class={CLASS_NAMES[each]: tally.requests for each, tally in traffic.minute.by_class.items()},
        totals={CLASS_NAMES[each]: count for each, count in meter.totals().items()},
        withdrawn=meter.withdrawn_total(),
        mean_error_bps=error.mean_bps,
        worst_error_bps=error.worst_bps,
        worst_error_symbol=error.worst_symbol,
        missing_quotes=error.missing,
    )


def _wanted(slot: Slot) -> list[WantedQuote]:
    """The quotes that should stand now, each with how far its order is off."""
    desk = slot.desk
    is_over = slot.scope.cancel_called or slot.ended.is_set()
    if desk is None or desk.pulled or slot.supervisor.phase is not None or is_over:
        return []
    orders, instrument = desk.working.live(), desk.instrument
    return [
        WantedQuote(
            slot.config.symbol,
            float(instrument.notional(quote.price_ticks, quote.lots)),
            standing_error(orders, quote),
        )
        for quote in desk.decision.quotes
    ]


def _symbol(fleet: Fleet, slot: Slot, traffic: _Traffic, wanted: Sequence[WantedQuote]) -> SymbolState:
    instrument, book, counters = slot.instrument, slot.book, slot.counters
    desk = slot.desk
    phase, reason = _phase(fleet, slot)
    mid = desk.mid if desk else None
    position = instrument.quantity(book.position_lots)
    name, meter = slot.config.symbol, traffic.meter
    sent, line = traffic.minute.by_symbol.get(name), traffic.in_line.get(name, InLine())
    refresh_us = slot.config.refresh_interval_ms * 1000
    error = overall_error(wanted)
    return SymbolState(
        symbol=name,
        strategy=slot.config.strategy,
        phase=phase,
        reason=reason,
        price_decimals=max(-int(instrument.tick_size.normalize().as_tuple().exponent), 0),
        mid=mid,
        mark=slot.last_mark,
        bid=_quote(desk, Side.BUY, mid),
        ask=_quote(desk, Side.SELL, mid),
        position=position,
        position_usd=position * (mid or book.entry_price),
        entry_price=book.entry_price,
        realised_pnl=book.realised_pnl,
        unrealised_pnl=slot.unrealised_pnl,
        began_pnl=slot.began_pnl,
        fees=book.fees,
        funding=book.funding,
        volume_usd=book.volume_usd,
        fills=book.fills,
        round_trips=book.round_trips,
        placed=counters.placed,
        amended=counters.amended,
        cancelled=counters.cancelled,
        rejected=counters.rejected,
        expired=counters.expired,
        restarts=slot.supervisor.restarts,
        requests=counters.requests,
        refusals={reason.value: count for reason, count in slot.risk.refusals.items()},
        differences=counters.differences,
        guarded_until_ms=fleet.dead_man.guarded_until_ms(slot.config.symbol),
        priority=slot.config.priority,
        requests_per_minute=sent.requests if sent else 0,
        share=traffic.minute.share(name),
        waiting=line.count,
        withdrawn=meter.withdrawn_total(name),
        stretch=meter.stretch(name, line.longest_us, refresh_us, traffic.now_us),
        error_bps=error.worst_bps,
        missing_quotes=error.missing,
    )


def _phase(fleet: Fleet, slot: Slot) -> tuple[Phase, str]:
    """Why a symbol does not quote is told in the order in which the owner could do something about it."""
    desk, supervisor = slot.desk, slot.supervisor
    if slot.ended.is_set():
        return Phase.STOPPED, ""
    if fleet.stopping or slot.scope.cancel_called:
        return Phase.STOPPING, ""
    if killed := fleet.kill.why(slot.config.symbol):
        return Phase.KILLED, killed
    if supervisor.phase is not None:
        return supervisor.phase, supervisor.reason
    if fleet.venue.gate.paused_until_us > fleet.venue.clock.now_us():
        return Phase.PAUSED, fleet.venue.gate.pause_reason
    if desk is None or desk.pulled == "starting":
        return Phase.STARTING, ""
    if fleet.risk.loss.limit:
        return Phase.LIMIT, fleet.risk.loss.limit
    if desk.pulled:
        return (Phase.STALE if "stale" in desk.pulled else Phase.WAITING), desk.pulled
    if desk.decision.note:
        return Phase.WAITING, desk.decision.note
    if desk.decision.reducing:
        return Phase.REDUCING, desk.working.problem
    return Phase.QUOTING, desk.working.problem or slot.risk.words


def _quote(desk: Desk | None, side: Side, mid: Decimal | None) -> QuoteState | None:
    orders = [order for order in desk.working.live() if order.side is side] if desk else []
    if desk is None or not orders:
        return None
    # While one replaces another the newer is the one to show.
    order = orders[-1]
    price = desk.instrument.price(order.price_ticks)
    distance_bps = float((mid - price) / mid * 10_000) * side.sign if mid else 0.0
    quantity = desk.instrument.quantity(order.remaining_lots)
    return QuoteState(price, quantity, distance_bps, order.reduce_only, lifecycle.Phase(order.phase).name)
