"""The symbols of a fleet as a table that fits: which rows, which columns, how wide.

Owns: what gives way first when room is short. Must not know: what stands above and below. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.text import Text

from fleet.control.state import NOMINAL_BELOW, WORKING, Phase, QuoteState, SymbolState
from fleet.views.text import (
    BAD,
    GOOD,
    QUIET,
    WARN,
    Column,
    amount,
    by_sign,
    decimals,
    dotted,
    fixed,
    money,
    plain,
    rows,
    short,
)

WIDEST_GAP = 3
NOTE_WIDTH = 18
"""Reasons are shown beside the table when at least this much is left of the line."""

NONE = Text("–", QUIET)

PHASE_STYLE = {
    Phase.QUOTING: GOOD,
    Phase.REDUCING: "cyan",
    Phase.BACKOFF: BAD,
    Phase.QUARANTINED: BAD,
    Phase.LIMIT: BAD,
    Phase.KILLED: BAD,
    Phase.STOPPING: QUIET,
    Phase.STOPPED: QUIET,
}


@dataclass(frozen=True, slots=True)
class Layout:
    without: frozenset[str]
    gap: int
    pointed: bool = True


# From the most telling to the narrowest. Distances outlive prices: they say the same, with mid beside them.
LAYOUTS = (
    Layout(frozenset(), 2),
    Layout(frozenset({"usd"}), 2),
    Layout(frozenset({"usd", "requests"}), 2),
    Layout(frozenset({"usd", "requests"}), 1),
    Layout(frozenset({"usd", "requests"}), 1, pointed=False),
    Layout(frozenset({"usd", "requests", "share"}), 1, pointed=False),
    Layout(frozenset({"usd", "requests", "share", "bid", "ask"}), 2),
    Layout(frozenset({"usd", "requests", "share", "bid", "ask"}), 1, pointed=False),
    Layout(frozenset({"usd", "requests", "share", "bid", "ask", "stretch"}), 1, pointed=False),
    Layout(frozenset({"usd", "requests", "share", "bid", "ask", "stretch", "error"}), 1, pointed=False),
    Layout(frozenset({"usd", "requests", "share", "bid", "ask", "stretch", "error", "fills", "mid"}), 1, pointed=False),
)


def symbol_table(symbols: Sequence[SymbolState], width: int, height: int) -> list[Text]:
    """At most `height` lines, the titles first and, when symbols are left out, what they are up to last."""
    shown, hidden = most_active(symbols, height - 1)
    lines = _fitted(shown, width)
    if hidden:
        lines.append(_more(hidden))
    return lines[:height]


def most_active(symbols: Sequence[SymbolState], room: int) -> tuple[list[SymbolState], list[SymbolState]]:
    """Those to show and those to leave out, each in the fleet's own order. Trouble is shown first, then activity."""
    if len(symbols) <= room:
        return list(symbols), []
    ranked = sorted(symbols, key=_activity, reverse=True)
    chosen = {symbol.symbol for symbol in ranked[: max(0, room - 1)]}
    return [s for s in symbols if s.symbol in chosen], [s for s in symbols if s.symbol not in chosen]


def phase_counts(symbols: Sequence[SymbolState]) -> Text:
    """`8 quoting · 1 stale`, the most frequent first."""
    counts = Counter(symbol.phase for symbol in symbols)
    parts = [Text(f"{count} {phase}", phase_style(phase)) for phase, count in counts.most_common()]
    return dotted(parts)


def phase_style(phase: Phase) -> str:
    return PHASE_STYLE.get(phase, WARN)


def _activity(symbol: SymbolState) -> tuple[bool, bool, int, int]:
    return symbol.phase not in WORKING, bool(symbol.position), symbol.fills, symbol.requests


def _more(hidden: Sequence[SymbolState]) -> Text:
    return Text.assemble((f"+{len(hidden)} more: ", QUIET), phase_counts(hidden))


def _fitted(symbols: Sequence[SymbolState], width: int) -> list[Text]:
    columns = _columns(symbols)

    def laid_out(layout: Layout, wider: int = 0) -> list[Text]:
        kept = [column for name, column in columns.items() if name not in layout.without]
        return rows(kept, layout.gap + wider, pointed=layout.pointed)

    layout = next((layout for layout in LAYOUTS if laid_out(layout)[0].cell_len <= width), LAYOUTS[-1])
    gaps = len(columns) - len(layout.without) - 1
    spare = max(0, width - laid_out(layout)[0].cell_len)
    return _with_notes(laid_out(layout, min(WIDEST_GAP - layout.gap, spare // gaps)), symbols, width)


def _with_notes(lines: list[Text], symbols: Sequence[SymbolState], width: int) -> list[Text]:
    room = width - lines[0].cell_len - 2
    if room < NOTE_WIDTH:
        return lines
    for line, symbol in zip(lines[1:], symbols, strict=True):
        note = Text(f"  {symbol.reason}", QUIET)
        note.truncate(room, overflow="ellipsis")
        line.append_text(note)
    return lines


def _columns(symbols: Sequence[SymbolState]) -> dict[str, Column]:
    return {
        "symbol": Column("SYMBOL", [Text(s.symbol, "bold") for s in symbols]),
        "state": Column("STATE", [_phase(s.phase) for s in symbols]),
        "mid": Column("MID", [_mid(s) for s in symbols], "point"),
        "bid": Column("BID", [_price(s, s.bid) for s in symbols], "point"),
        "bid bps": Column("-bps", [_distance(s.bid) for s in symbols], "right"),
        "ask": Column("ASK", [_price(s, s.ask) for s in symbols], "point"),
        "ask bps": Column("+bps", [_distance(s.ask) for s in symbols], "right"),
        "position": Column("POSITION", [_position(s.position) for s in symbols], "point"),
        "usd": Column("USD", [_usd(s.position_usd) for s in symbols], "right"),
        "realised": Column("REALISED", [amount(s.realised_pnl) for s in symbols], "right"),
        "unrealised": Column("UNREAL", [amount(s.unrealised_pnl) for s in symbols], "right"),
        "fills": Column("FILLS", [_count(s.fills) for s in symbols], "right"),
        "stretch": Column("×REF", [_stretch(s) for s in symbols], "right"),
        "error": Column("ERR", [_error(s) for s in symbols], "right"),
        "share": Column("SHARE", [_share(s.share) for s in symbols], "right"),
        "requests": Column("REQ", [_count(s.requests) for s in symbols], "right"),
    }


def _phase(phase: Phase) -> Text:
    mark = "●" if phase in WORKING else "✗" if phase_style(phase) == BAD else "○"
    return Text(f"{mark} {phase}", phase_style(phase))


def _decimals(symbol: SymbolState) -> int:
    if symbol.price_decimals is not None:
        return symbol.price_decimals
    quotes = [quote.price for quote in (symbol.bid, symbol.ask) if quote is not None]
    return max((decimals(price) for price in quotes), default=2)


def _mid(symbol: SymbolState) -> Text:
    # One digit more than the tick's: the middle of two neighbouring ticks lies between them.
    return NONE if symbol.mid is None else Text(fixed(symbol.mid, _decimals(symbol) + 1))


def _price(symbol: SymbolState, quote: QuoteState | None) -> Text:
    if quote is None:
        return NONE
    style = {"OPEN": "", "UNKNOWN": WARN}.get(quote.status, QUIET)
    return Text(fixed(quote.price, _decimals(symbol)), style)


def _distance(quote: QuoteState | None) -> Text:
    return NONE if quote is None else Text(f"{quote.distance_bps:.1f}")


def _position(position: Decimal) -> Text:
    return Text(plain(position, sign=True), by_sign(position)) if position else NONE


def _usd(value: Decimal) -> Text:
    return Text(money(value, 0, sign=True), by_sign(value)) if value else NONE


def _stretch(symbol: SymbolState) -> Text:
    """How many refresh intervals an amendment takes."""
    is_late = symbol.stretch >= NOMINAL_BELOW
    return Text(f"×{short(symbol.stretch)}", WARN if is_late else QUIET) if symbol.phase in WORKING else NONE


def _error(symbol: SymbolState) -> Text:
    """In bps; a quote without an order is a gap."""
    if symbol.missing_quotes:
        return Text("gap", WARN)
    return NONE if symbol.error_bps is None else Text(short(symbol.error_bps))


def _share(part: float) -> Text:
    return Text(f"{part:.1%}") if part else NONE


def _count(number: int) -> Text:
    return Text(f"{number:,}", "" if number else QUIET)
