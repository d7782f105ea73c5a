"""The live view of a fleet in a terminal.

Owns: the page's make-up, and the terminal while it is shown. Must not know: the runtime; it draws a FleetState.
`render` is pure. Colours only repeat what words and signs say, so that NO_COLOR loses nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import zip_longest

import anyio
import anyio.to_thread
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from fleet.control.state import EventLine, FleetState, StreamState
from fleet.views.budget import budget_line, budget_lines, limiter_lines
from fleet.views.table import phase_counts, symbol_table
from fleet.views.text import BAD, GOOD, QUIET, WARN, Column, amount, dotted, duration, in_a_line, money, rows, utc_time
from fleet.words import many, one_line

SIDE_GAP = 4
NARROWEST_LIMITERS = 56
FEWEST_EVENTS = 3
FEWEST_ROWS = 4
TALL = 28
"""With so many lines the budget has three of its own, else one."""
MARGIN = 1

EVENT_STYLES = {"WARNING": WARN, "ERROR": BAD, "CRITICAL": BAD}


def render(state: FleetState, width: int, height: int) -> RenderableType:
    """One page of exactly `width` columns and at most `height` lines."""
    inner = max(1, width - 2 * MARGIN)
    return Group(*(_framed(line, inner) for line in _page(state, inner, height)))


async def run(get_state: Callable[[], FleetState], console: Console, refresh_hz: float = 4) -> None:
    """Draws until cancelled, on the alternate screen; the terminal is as it was on the way out, however that comes.

    Nobody else may write to the terminal meanwhile. Raises OSError when it is gone.
    """
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            state = get_state()
            # In a thread: a slow or halted (Ctrl-S) terminal must not hold up trading.
            await anyio.to_thread.run_sync(_draw, live, state)
            await anyio.sleep(1 / refresh_hz)


def _draw(live: Live, state: FleetState) -> None:
    if not live.console.is_terminal:
        # rich would draw nothing, and say nothing.
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    live.update(render(state, live.console.width, live.console.height), refresh=True)


def _page(state: FleetState, width: int, height: int) -> list[Text]:
    head = [_header(state, width), *_alerts(state), _rule(width)]
    foot = [_rule(width), _money_line(state, width), Text(), *_health(state, width, is_tall=height >= TALL)]
    room = height - len(head) - len(foot)
    with_events = room - FEWEST_EVENTS - 1
    table = symbol_table(state.symbols, width, max(with_events, min(room, FEWEST_ROWS), 1))
    lines = [*head, *table, *foot]
    left = height - len(lines) - 1
    if left > 0 and state.events:
        lines += [_rule(width, "events, UTC"), *(_event(event) for event in state.events[-left:])]
    return lines[:height]


def _framed(line: Text, width: int) -> Text:
    framed = line.copy()
    framed.truncate(width, overflow="ellipsis")
    framed.pad_left(MARGIN)
    framed.no_wrap = True
    return framed


def _rule(width: int, title: str = "") -> Text:
    return Text(f"─── {title} ".ljust(width, "─") if title else "─" * width, QUIET)


def _header(state: FleetState, width: int) -> Text:
    badge = Text(" LIVE ", "bold white on red") if state.live else Text("paper" if state.venue == "paper" else "test")
    venue = Text() if state.venue == "paper" and not state.live else Text(f" {state.venue}")
    left = dotted(
        [
            Text(state.fleet, "bold"),
            Text.assemble(badge, venue),
            Text(f"config v{state.config_version}"),
            Text(f"up {duration(state.now_ms - state.started_ms)}"),
        ]
    )
    return _sides(left, phase_counts(state.symbols), width)


def _sides(left: Text, right: Text, width: int) -> Text:
    space = width - left.cell_len - right.cell_len
    return Text.assemble(left, " " * space, right) if space >= 2 else left


def _alerts(state: FleetState) -> list[Text]:
    """What must not be overlooked, a line each; none on a good day."""
    alerts: list[Text] = []
    if state.stopping:
        alerts.append(Text("○ stopping: own orders are being cancelled; Ctrl-C again leaves at once", WARN))
    if state.paused_until_ms is not None and state.paused_until_ms > state.now_ms:
        left = duration(state.paused_until_ms - state.now_ms)
        alerts.append(Text(f"○ sending nothing for {left}: {state.pause_reason or 'paused'}", WARN))
    if state.http_429 or state.http_418:
        times = f"{many(state.http_429, 'time')} 429, {many(state.http_418, 'time')} 418"
        alerts.append(Text(f"○ the venue answered {times}", WARN))
    if state.last_reload_error is not None:
        text = one_line(state.last_reload_error)
        alerts.append(Text(f"✗ reload refused, config v{state.config_version} stays: {text}", BAD))
    return alerts


def _money_line(state: FleetState, width: int) -> Text:
    others = state.other_unrealised_pnl
    parts = [
        Text.assemble(("equity ", QUIET), ("–" if state.equity is None else money(state.equity), "bold")),
        *([Text.assemble(("other positions ", QUIET), amount(others))] if others else []),
        Text.assemble(("net ", QUIET), amount(state.net_pnl)),
        Text.assemble(("realised ", QUIET), amount(state.realised_pnl)),
        Text.assemble(("unrealised ", QUIET), amount(state.unrealised_pnl)),
        *([Text.assemble(("before this run ", QUIET), amount(state.began_pnl))] if state.began_pnl else []),
        Text.assemble(("fees ", QUIET), money(state.fees)),
        Text.assemble(("funding ", QUIET), amount(state.funding)),
        Text.assemble(("fills ", QUIET), f"{sum(s.fills for s in state.symbols):,}"),
        Text.assemble(("volume ", QUIET), money(sum((s.volume_usd for s in state.symbols), state.fees * 0), 0)),
    ]
    return in_a_line(parts, width)


def _health(state: FleetState, width: int, *, is_tall: bool) -> list[Text]:
    """Budget and streams, side by side where the bars keep a useful length."""
    streams = _streams(state.streams, state.now_ms)
    budget = budget_lines(state, width) if is_tall else [budget_line(state, width)]
    beside = max((line.cell_len for line in streams), default=0)
    left = width - beside - SIDE_GAP
    if left < NARROWEST_LIMITERS:
        return [*limiter_lines(state.limiters, width), *budget, *streams]
    pairs = zip_longest(limiter_lines(state.limiters, left), streams, fillvalue=Text())
    return [*(Text.assemble(a, " " * (left + SIDE_GAP - a.cell_len), b) for a, b in pairs), *budget]


def _streams(streams: tuple[StreamState, ...], now_ms: int) -> list[Text]:
    columns = [
        Column("", [Text(f"● {s.line}", GOOD) if s.up else Text(f"✗ {s.line}", BAD) for s in streams]),
        Column("", [Text(f"{'up' if s.up else 'DOWN'} {duration(now_ms - s.since_ms)}") for s in streams]),
        Column("", [Text("lag –" if s.lag_ms is None else f"lag {s.lag_ms:,}ms", QUIET) for s in streams]),
        Column("", [Text(many(s.subscribed, "stream"), QUIET) for s in streams]),
        Column("", [Text(many(s.reconnects, "reconnect"), QUIET) for s in streams]),
    ]
    return rows(columns, gap=2)[1:]


def _event(event: EventLine) -> Text:
    style = EVENT_STYLES.get(event.level, "")
    return Text.assemble(
        (f"{utc_time(event.ms)}  ", QUIET),
        (f"{event.level.lower():<8}", style or QUIET),
        (f"{event.symbol or '':<13}", "bold"),
        (one_line(event.text), style),
    )
