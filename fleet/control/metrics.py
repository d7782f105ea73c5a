"""A fleet's state as Prometheus metrics, built anew on each scrape so that nothing is counted twice.

Owns: the metrics' names, units and labels. Must not know: HTTP, or who keeps the counts.
Values here are floats, as Prometheus has no other number; the exact ones are in `/v1/state`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fleet.control.state import FleetState, LimiterState, Phase, StreamState, SymbolState, not_ready

T = TypeVar("T")
Value = float | Decimal | None
"""None: nothing to tell yet, and no sample."""


class Reading(Generic[T]):
    """One metric of a thing: its name without prefix, and how it is read. Names ending in `_total` are counters."""

    def __init__(self, name: str, text: str, read: Callable[[T], Value]) -> None:
        self.name = f"astermm_{name}"
        self.text = text
        self.read = read

    def metric(self, label: str | None, things: Iterable[tuple[str, T]]) -> Metric:
        labels = [] if label is None else [label]
        make = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        metric = make(self.name, self.text, labels=labels)
        for key, thing in things:
            value = self.read(thing)
            if value is not None:
                metric.add_metric([key] if labels else [], float(value))
        return metric


FLEET: list[Reading[FleetState]] = [
    Reading("ready", "1 when /readyz says so.", lambda s: not not_ready(s)),
    Reading("uptime_seconds", "Since the fleet started.", lambda s: (s.now_ms - s.started_ms) / 1e3),
    Reading("config_version", "Counts the fleet files applied.", lambda s: s.config_version),
    Reading("equity_usd", "Of the account: wallet and unrealised PnL of all positions.", lambda s: s.equity),
    Reading("wallet_usd", "Collateral without unrealised PnL.", lambda s: s.wallet),
    Reading("fleet_realised_pnl_usd", "Realised PnL before fees, all symbols.", lambda s: s.realised_pnl),
    Reading("fleet_unrealised_pnl_usd", "Unrealised PnL, all symbols.", lambda s: s.unrealised_pnl),
    Reading("fleet_began_pnl_usd", "What of that was made before this run, all symbols.", lambda s: s.began_pnl),
    Reading("fleet_net_pnl_usd", "What this run has made, fees and funding included.", lambda s: s.net_pnl),
    Reading(
        "other_unrealised_pnl_usd", "Unrealised PnL of the account's other positions.", lambda s: s.other_unrealised_pnl
    ),
    Reading("fleet_fees_usd", "Fees paid, all symbols.", lambda s: s.fees),
    Reading("fleet_funding_usd", "Funding received, all symbols.", lambda s: s.funding),
    Reading("reloads_applied_total", "Fleet files applied while running.", lambda s: s.reloads_applied),
    Reading("reloads_refused_total", "Fleet files refused while running.", lambda s: s.reloads_refused),
    Reading("http_429_total", "Answers 429: too many requests.", lambda s: s.http_429),
    Reading("http_418_total", "Answers 418: banned.", lambda s: s.http_418),
    Reading(
        "paused_seconds",
        "How long the fleet still may not send.",
        lambda s: 0 if s.paused_until_ms is None else max(0, s.paused_until_ms - s.now_ms) / 1e3,
    ),
    Reading("fleet_waiting_intents", "Intents of all symbols that wait for budget.", lambda s: s.budget.waiting),
    Reading("fleet_stretch_ratio", "Mean of the symbols' stretch_ratio.", lambda s: s.budget.stretch),
    Reading(
        "quote_error_mean_bps",
        "How far orders are from where they should be; each weighs as much as its notional.",
        lambda s: s.budget.mean_error_bps,
    ),
    Reading("quote_error_worst_bps", "The same of the worst order.", lambda s: s.budget.worst_error_bps),
    Reading(
        "fleet_missing_quotes",
        "Quotes of all symbols that are wanted and have no order.",
        lambda s: s.budget.missing_quotes,
    ),
    Reading(
        "first_quote_seconds",
        "From the start to the first quote in the market.",
        lambda s: None if s.first_quote_ms is None else s.first_quote_ms / 1e3,
    ),
    Reading(
        "event_loop_lag_seconds",
        "How late the event loop wakes its sleepers.",
        lambda s: None if s.loop_lag_ms is None else s.loop_lag_ms / 1e3,
    ),
    Reading("event_loop_stalls_total", "Times that something kept the event loop over 50 ms.", lambda s: s.stalls),
    Reading(
        "balances_mended_total", "Balances found by looking at the account, and mended.", lambda s: s.balances_mended
    ),
    Reading("ledger_writable", "Whether the ledger can be written.", lambda s: not s.ledger_problem),
    Reading("ledger_waiting_entries", "Entries that are not on disk yet.", lambda s: s.ledger_waiting),
    Reading(
        "day_result_usd",
        "What the UTC day has brought since it began or was resumed, fees and funding included.",
        lambda s: s.day_result,
    ),
    Reading("drawdown_usd", "How far the result is below its best.", lambda s: s.drawdown),
]

SYMBOL: list[Reading[SymbolState]] = [
    Reading("quotes_placed_total", "Orders placed.", lambda s: s.placed),
    Reading("quotes_amended_total", "Orders amended in place.", lambda s: s.amended),
    Reading("quotes_cancelled_total", "Orders cancelled.", lambda s: s.cancelled),
    Reading("quotes_rejected_total", "Orders the venue refused.", lambda s: s.rejected),
    Reading("differences_total", "Found by looking at the exchange, and mended.", lambda s: s.differences),
    Reading("quotes_expired_total", "Post-only orders that would have crossed.", lambda s: s.expired),
    Reading("fills_total", "Trades of ours.", lambda s: s.fills),
    Reading("round_trips_total", "Positions opened and closed again.", lambda s: s.round_trips),
    Reading("volume_usd_total", "Notional traded.", lambda s: s.volume_usd),
    Reading("requests_total", "Requests sent for the symbol.", lambda s: s.requests),
    Reading("requests_per_minute", "Requests let through in the last minute.", lambda s: s.requests_per_minute),
    Reading("waiting_intents", "Intents that wait for budget.", lambda s: s.waiting),
    Reading("withdrawn_total", "Intents that became pointless before they were sent.", lambda s: s.withdrawn),
    Reading("stretch_ratio", "How many times its refresh interval an amendment takes.", lambda s: s.stretch),
    Reading("quote_error_bps", "How far the worse order is from where it should be.", lambda s: s.error_bps),
    Reading("missing_quotes", "Quotes that are wanted and have no order.", lambda s: s.missing_quotes),
    Reading("priority", "How much its requests count beside the others'.", lambda s: s.priority),
    Reading("worker_restarts_total", "Restarts of the symbol's worker.", lambda s: s.restarts),
    Reading(
        "guarded_until_timestamp_seconds",
        "When the exchange cancels the symbol's orders unless it hears of the fleet.",
        lambda s: None if s.guarded_until_ms is None else s.guarded_until_ms / 1e3,
    ),
    Reading("realised_pnl_usd", "Realised PnL before fees.", lambda s: s.realised_pnl),
    Reading("unrealised_pnl_usd", "Unrealised PnL at the mark price.", lambda s: s.unrealised_pnl),
    Reading("began_pnl_usd", "What of that was made before this run.", lambda s: s.began_pnl),
    Reading("fees_usd", "Fees paid.", lambda s: s.fees),
    Reading("funding_usd", "Funding received.", lambda s: s.funding),
    Reading("position_base_units", "Signed position, in the base asset.", lambda s: s.position),
    Reading("position_usd", "Signed notional of the position.", lambda s: s.position_usd),
    Reading("mid_price_usd", "Middle of the market's best bid and ask.", lambda s: s.mid),
    Reading("mark_price_usd", "Mark price.", lambda s: s.mark),
    Reading("bid_distance_bps", "Own bid's distance from mid.", lambda s: s.bid and s.bid.distance_bps),
    Reading("ask_distance_bps", "Own ask's distance from mid.", lambda s: s.ask and s.ask.distance_bps),
]

LIMITER: list[Reading[LimiterState]] = [
    Reading("limiter_used_tokens", "Weight or orders spent in the window that ends now.", lambda s: s.used),
    Reading("limiter_capacity_tokens", "What the fleet allows itself.", lambda s: s.capacity),
    Reading("limiter_limit_tokens", "What the venue allows.", lambda s: s.limit),
    Reading("limiter_peak_tokens", "The highest count in any window.", lambda s: s.peak),
]

CLASS: list[Reading[int]] = [
    Reading("class_requests_total", "Requests let through: cancel, reduce, quote, amend, query.", lambda count: count),
]

STREAM: list[Reading[StreamState]] = [
    Reading("stream_up", "1 while the line is up.", lambda s: s.up),
    Reading(
        "stream_lag_seconds",
        "Age of the newest event when it arrived.",
        lambda s: None if s.lag_ms is None else s.lag_ms / 1e3,
    ),
    Reading("stream_reconnects_total", "Times the line was opened again.", lambda s: s.reconnects),
    Reading("stream_subscriptions", "Streams subscribed.", lambda s: s.subscribed),
]


class FleetCollector(Collector):
    def __init__(self, state: Callable[[], FleetState]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        state = self._state()
        info = GaugeMetricFamily("astermm_fleet_info", "Always 1.", labels=["fleet", "venue", "live"])
        info.add_metric([state.fleet, state.venue, "true" if state.live else "false"], 1)
        yield info
        phases = GaugeMetricFamily(
            "astermm_symbol_phase", "1 for the phase the symbol is in.", labels=["symbol", "phase"]
        )
        for symbol in state.symbols:
            for phase in Phase:
                phases.add_metric([symbol.symbol, phase.value], float(phase is symbol.phase))
        yield phases
        refusals = CounterMetricFamily(
            "astermm_risk_refusals_total", "What the fleet's own risk checks held back.", labels=["symbol", "reason"]
        )
        for symbol in state.symbols:
            for reason, count in symbol.refusals.items():
                refusals.add_metric([symbol.symbol, reason], float(count))
        yield refusals
        for of_fleet in FLEET:
            yield of_fleet.metric(None, [("", state)])
        for of_symbol in SYMBOL:
            yield of_symbol.metric("symbol", ((s.symbol, s) for s in state.symbols))
        for of_limiter in LIMITER:
            yield of_limiter.metric("limiter", ((s.name, s) for s in state.limiters))
        for of_class in CLASS:
            yield of_class.metric("class", state.budget.totals.items())
        for of_stream in STREAM:
            yield of_stream.metric("line", ((s.line, s) for s in state.streams))


def make_registry(state: Callable[[], FleetState]) -> CollectorRegistry:
    """A registry of its own: two fleets in one process do not meet, and no process-wide metric slips in."""
    registry = CollectorRegistry()
    registry.register(FleetCollector(state))
    return registry
