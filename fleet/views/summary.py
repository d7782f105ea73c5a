"""What a run came to: for machines a JSON file, for people a table.

Owns: the shape of both. Must not know: how the fleet ran.
Money in the file is an exact JSON number, every digit written out and never an exponent: readers that take numbers for
floats lose the last ones, so compare with a reader that keeps decimals (Python: `json.load(f, parse_float=Decimal)`).
"""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from fleet.control.state import NOMINAL_BELOW, BudgetState, FleetState, SymbolState
from fleet.views.text import BAD, GOOD, QUIET, WARN, Column, amount, duration, money, plain, rows, short
from fleet.words import many

PER_SYMBOL = (
    "fills", "round_trips", "volume_usd", "realised_pnl", "unrealised_pnl", "began_pnl", "fees", "funding",
    "position",
    "placed", "amended", "cancelled", "rejected", "expired", "restarts", "requests", "withdrawn",
)  # fmt: skip
PER_FLEET = (
    "http_429", "http_418", "own_orders_left_open", "left_unknown", "equity", "wallet", "other_unrealised_pnl",
    "net_pnl", "realised_pnl", "unrealised_pnl", "began_pnl", "fees", "funding", "reloads_applied",
    "reloads_refused", "first_quote_ms",
)  # fmt: skip


def summary(state: FleetState) -> dict[str, dict[str, object]]:
    """`{"symbols": {symbol: {...}}, "fleet": {...}}`; money as Decimal. `peak_use` is peak / limit by limiter name.

    `own_orders_left_open` is None where none is known of, but nobody has seen that there is none.
    """
    symbols: dict[str, object] = {s.symbol: {name: getattr(s, name) for name in PER_SYMBOL} for s in state.symbols}
    fleet: dict[str, object] = {name: getattr(state, name) for name in PER_FLEET}
    if state.left_unknown and not state.own_orders_left_open:
        fleet["own_orders_left_open"] = None
    if state.other_fees:
        fleet["other_fees"] = state.other_fees
    fleet["peak_use"] = {limiter.name: limiter.peak / limiter.limit for limiter in state.limiters}
    fleet["requests_by_class"] = state.budget.totals
    fleet["mean_stretch"] = state.budget.mean_stretch
    fleet["withdrawn"] = state.budget.withdrawn
    fleet["run_ms"] = state.now_ms - state.started_ms
    return {"symbols": symbols, "fleet": fleet}


def summary_json(state: FleetState) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_written(summary(state))), indent=2) + b"\n"


def _written(value: object) -> object:
    """The same, with every Decimal as the digits it is to have in the file."""
    if isinstance(value, Decimal):
        return msgspec.Raw(f"{value:f}".encode() if value else b"0")
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in cast("dict[str, object]", value).items()}
    return value


def expect_writable(path: Path) -> None:
    """Raises OSError where `write_summary` would, as far as that can be known before the run."""
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    draft = _draft(path.resolve())
    draft.touch()
    draft.unlink()


def write_summary(state: FleetState, path: Path) -> None:
    """Readers see the whole file or the one before; a pipe or device is written to as it is. Raises OSError."""
    if path.exists() and not path.is_file():
        path.write_bytes(summary_json(state))
        return
    target = path.resolve()
    draft = _draft(target)
    try:
        with draft.open("wb") as file:
            file.write(summary_json(state))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def render_summary(state: FleetState, width: int = 100) -> RenderableType:
    """For the end of a run, on a terminal or in a log: at most `width` columns where that can be."""
    wide = _table(state.symbols, wide=True)
    table = wide if wide[0].cell_len <= width else _table(state.symbols, wide=False)
    return Group(_title(state), Text(), *table, Text(), *_totals(state), _orders_left(state))


def _title(state: FleetState) -> Text:
    ran = duration(state.now_ms - state.started_ms)
    return Text.assemble((state.fleet, "bold"), f" on {state.venue}{', real money' if state.live else ''}, ran {ran}")


def _table(symbols: tuple[SymbolState, ...], *, wide: bool) -> list[Text]:
    def count(name: str, title: str, style: str = "") -> Column:
        values = [int(getattr(s, name)) for s in symbols]
        return Column(title, [Text(f"{n:,}", style if n else QUIET) for n in values], "right")

    columns = [
        Column("SYMBOL", [Text(s.symbol) for s in symbols]),
        count("fills", "FILLS"),
        count("round_trips", "TRIPS"),
        Column("VOLUME", [Text(money(s.volume_usd, 0)) for s in symbols], "right"),
        Column("REALISED", [amount(s.realised_pnl) for s in symbols], "right"),
        Column("UNREAL", [amount(s.unrealised_pnl) for s in symbols], "right"),
        Column("FEES", [Text(money(s.fees)) for s in symbols], "right"),
        Column("POSITION", [Text(plain(s.position, sign=True), "" if s.position else QUIET) for s in symbols], "point"),
    ]
    if wide:
        columns += [count("placed", "PLACED"), count("amended", "AMENDED"), count("cancelled", "CANCELLED")]
    columns.append(count("rejected", "REJECTED" if wide else "REJ", WARN))
    columns.append(count("restarts", "RESTARTS" if wide else "RST", WARN))
    return rows(columns, gap=2 if wide else 1)


def _totals(state: FleetState) -> list[Text]:
    peaks = ", ".join(f"{limiter.name} {limiter.peak / limiter.limit:.0%}" for limiter in state.limiters)
    volume = sum((s.volume_usd for s in state.symbols), Decimal(0))
    first = "never" if state.first_quote_ms is None else duration(state.first_quote_ms)
    fills, trips = sum(s.fills for s in state.symbols), sum(s.round_trips for s in state.symbols)
    told = {
        "equity": _equity(state),
        "net PnL": Text.assemble(
            amount(state.net_pnl), "  realised ", amount(state.realised_pnl),
            ", unrealised ", amount(state.unrealised_pnl), _began(state),
            f", fees {money(state.fees)}, funding ", amount(state.funding), _other_fees(state),
        ),
        "traded": Text(
            f"{many(fills, 'fill')}, {many(trips, 'round trip')}, volume {money(volume, 0)}; first quote after {first}"
        ),
        "peak use": Text(peaks or "unknown"),
        "requests": Text(_requests(state.budget.totals)),
        "budget": Text(_budget(state.budget)),
        "refused": Text(f"{many(state.http_429, 'time')} 429, {many(state.http_418, 'time')} 418"),
        "reloads": Text(f"{state.reloads_applied} applied, {state.reloads_refused} refused"),
    }  # fmt: skip
    return [Text.assemble((f"{name:<9}", QUIET), text) for name, text in told.items()]


def _equity(state: FleetState) -> Text:
    """What it is made of, so that it can be added up."""
    if state.equity is None or state.wallet is None:
        return Text("unknown")
    line = Text.assemble(
        money(state.equity), f"  wallet {money(state.wallet)}, unrealised ", amount(state.unrealised_pnl)
    )
    if state.other_unrealised_pnl:
        line.append(", other positions of the account ").append_text(amount(state.other_unrealised_pnl))
    return line


def _began(state: FleetState) -> Text:
    began = amount(state.began_pnl)
    return Text.assemble(" (", began, " before this run)") if state.began_pnl else Text()


def _requests(totals: dict[str, int]) -> str:
    sent = sum(totals.values())
    shares = ", ".join(f"{name} {count / sent:.0%}" for name, count in totals.items() if count)
    return f"{sent:,}: {shares}" if sent else "none"


def _budget(budget: BudgetState) -> str:
    late = budget.mean_stretch >= NOMINAL_BELOW
    pace = f"refresh intervals stretched ×{short(budget.mean_stretch)}" if late else "refresh intervals as wished"
    return f"{pace}; {many(budget.withdrawn, 'intent')} withdrawn in time"


def _other_fees(state: FleetState) -> str:
    paid = " and ".join(f"{plain(amount)} {asset}" for asset, amount in state.other_fees.items())
    return f"; not in it: fees of {paid}" if paid else ""


def _orders_left(state: FleetState) -> Text:
    left = state.own_orders_left_open
    if left:
        told = (f"{left} of ours may still be open: look before you leave", BAD)
    elif state.left_unknown:
        told = ("unknown whether any of ours is left open: look before you leave", BAD)
    else:
        told = ("none of ours left open", GOOD)
    return Text.assemble((f"{'orders':<9}", QUIET), told)
