"""The rate budget in the terminal: how full each limiter is, who spends it, how late and wrong that leaves the quotes.

Owns: those lines. Must not know: what stands above and below. Pure. What changes keeps its place: numbers are padded to
the widest that they commonly are.
"""

from __future__ import annotations

from rich.text import Text

from fleet.control.state import BudgetState, FleetState, LimiterState
from fleet.views.text import BAD, GOOD, QUIET, WARN, Column, duration, in_a_line, rows, short

LIMITER_KINDS = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}
LABEL_WIDTH = len("orders / 10s")
STATE_WIDTH = len("○ stretched ×2.4")


def limiter_lines(limiters: tuple[LimiterState, ...], width: int) -> list[Text]:
    label = Column("", [Text(_label(limiter.name), QUIET) for limiter in limiters])
    numbers = [
        Column("", [Text(f"{limiter.used:,} / {limiter.limit:,}") for limiter in limiters], "right"),
        Column("", [Text(f"{limiter.used / limiter.limit:.0%}") for limiter in limiters], "right"),
        Column("", [_peak(limiter) for limiter in limiters], "right"),
    ]
    bar_width = max(8, width - rows([label, *numbers], gap=2)[0].cell_len - 2)
    bars = Column("", [bar(limiter, bar_width) for limiter in limiters])
    return rows([label, bars, *numbers], gap=2)[1:]


def _peak(limiter: LimiterState) -> Text:
    style = BAD if limiter.peak > limiter.capacity else QUIET
    return Text(f"peak {limiter.peak / limiter.limit:>3.0%}", style)


def _label(limiter: str) -> str:
    kind, _, window = limiter.rpartition("_")
    return f"{LIMITER_KINDS.get(kind, kind.lower())} / {window.lower()}"


def bar(limiter: LimiterState, width: int) -> Text:
    """Use of the venue's limit; the mark stands where the fleet's own allowance ends."""
    filled = min(width, round(width * limiter.used / limiter.limit))
    if limiter.used:
        filled = max(1, filled)
    mark = min(width - 1, width * limiter.capacity // limiter.limit)
    style = GOOD if limiter.used <= 0.75 * limiter.capacity else WARN if limiter.used <= limiter.capacity else BAD
    text = Text.assemble(("█" * filled, style), ("░" * (width - filled), QUIET))
    return Text.assemble(text[:mark], ("┃", "bold"), text[mark + 1 :])


def budget_line(state: FleetState, width: int) -> Text:
    """All in one, the most telling first."""
    mean, worst, missing = _errors(state.budget, 0)
    return _labelled("budget", [_standing(state), _waiting(state.budget), mean, worst, missing], width)


def budget_lines(state: FleetState, width: int) -> list[Text]:
    """A line each for how late requests go, whose they are, and how wrong that leaves the quotes."""
    budget = state.budget
    longest = max((len(symbol.symbol) for symbol in state.symbols), default=0)
    sent = sum(budget.by_class.values())
    shares = [
        Text.assemble((f"{name} ", QUIET), f"{count / sent if sent else 0:>3.0%}")
        for name, count in budget.by_class.items()
    ]
    withdrawn = Text.assemble(f"{budget.withdrawn:,}", (" withdrawn in time", QUIET))
    policy = Text.assemble(("policy ", QUIET), budget.policy)
    return [
        _labelled("budget", [_standing(state), _waiting(budget), policy, withdrawn], width),
        _labelled("sent / 1m", [Text(f"{sent:>5,}"), *shares], width),
        _labelled("quote error", list(_errors(budget, longest)), width),
    ]


def _labelled(label: str, parts: list[Text], width: int) -> Text:
    room = width - LABEL_WIDTH - 2
    return Text.assemble((label.ljust(LABEL_WIDTH + 2), QUIET), in_a_line(parts, room))


def _standing(state: FleetState) -> Text:
    budget = state.budget
    if state.paused_until_ms is not None and state.paused_until_ms > state.now_ms:
        text = Text(f"○ paused {duration(state.paused_until_ms - state.now_ms)}", WARN)
    elif budget.is_nominal:
        text = Text("● nominal", GOOD)
    else:
        text = Text(f"○ stretched ×{short(budget.stretch)}", WARN)
    text.pad_right(max(0, STATE_WIDTH - text.cell_len))
    return text


def _waiting(budget: BudgetState) -> Text:
    return Text.assemble((f"{budget.waiting:>3,}", "" if budget.waiting else QUIET), (" waiting", QUIET))


def _errors(budget: BudgetState, symbol_width: int) -> tuple[Text, Text, Text]:
    """Mean, worst and its symbol, and how many quotes have no order at all."""
    mean, worst = _bps(budget.mean_error_bps), _bps(budget.worst_error_bps)
    return (
        Text.assemble(mean, (" bps mean", QUIET)),
        Text.assemble(worst, (" worst ", QUIET), f"{budget.worst_error_symbol or '–':<{symbol_width}}"),
        Text.assemble((f"{budget.missing_quotes:>3,}", WARN if budget.missing_quotes else QUIET), (" missing", QUIET)),
    )


def _bps(bps: float | None) -> str:
    return f"{'–' if bps is None else short(bps):>3}"
