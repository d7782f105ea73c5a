"""Commands that read the ledger: report (money, and how good the quotes were) and volume. They change nothing.

A fleet may be running meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.text import Text

from fleet.cli.main import Failure
from fleet.cli.options import MOMENT
from fleet.cli.output import Cell, Titles, as_json, print_json, print_lines, print_table, utc
from fleet.config.loader import load
from fleet.ledger.markouts import HORIZONS_S
from fleet.ledger.reading import Account, Reader, Span
from fleet.ledger.report import Edge, Line, Report
from fleet.ledger.report import report as add_up
from fleet.ledger.store import LedgerError
from fleet.views.text import QUIET, amount, by_sign, money, plain
from fleet.wiring.ledger import ledger_path

F = TypeVar("F", bound=Callable[..., Any])

_BY = click.Choice(["symbol", "day", "both"])


@dataclass(frozen=True, slots=True)
class Asked:
    path: Path
    since_ms: int
    until_ms: int
    by: str
    all_accounts: bool


@dataclass(frozen=True, slots=True)
class Found:
    account: Account
    since_ms: int
    report: Report
    is_part: bool
    """Others' trades at the same venue are on record, and were not asked for."""
    is_late: bool
    """So are trades from before the ledger began."""


def _asking(command: F) -> F:
    """The options that both commands have."""
    for option in (
        click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml")),
        click.option(
            "--ledger", type=click.Path(path_type=Path, dir_okay=False), help="A ledger file, instead of FILE's."
        ),
        click.option(
            "--since",
            type=MOMENT,
            help="From then on: 2026-01-31, 2026-01-31T09:30, or 24h, 7d ago. Else from when the ledger began.",
        ),
        click.option("--until", type=MOMENT, help="Up to then, a day's end not included."),
        click.option("--by", type=_BY, default="symbol", show_default=True, help="A line for each; days are UTC."),
        click.option(
            "--all", "all_accounts", is_flag=True, help="Other accounts too: earlier paper runs, former keys."
        ),
        as_json,
    ):
        command = option(command)
    return command


@click.command()
@_asking
def report(json_output: bool, **asked: Any) -> None:
    """Show what the fleet of FILE made: PnL, fees, funding, inventory, and what its quotes were worth.

    All trades of the account in its symbols are in it, for they are in its positions, too. How many of them are by no
    order on record as the fleet's is told below: its owner's own, say, or of an order that a crash kept from being
    written down. REALISED is the exchange's figure of each trade, whenever the position was opened.

    SPREAD is how much better than mid its trades were made, 1s, 10s and 60s what was left of that so long after.
    ORDERS are the fleet's that the exchange took in, INVENTORY is what is held at the end of that time, at mark.
    """
    found = _find(**asked)
    if json_output:
        print_json(_shape(found, _report_shape))
    elif _has_any(found):
        _print(found, _MONEY)
        _print_equity(found.report)
        click.echo()
        _print(found, _QUALITY)
        _print_coverage(found.report.total)
        other = found.report.unattributed
        _print_whose(found, f"net {money(other.net, _places(other.net), sign=True)}")


@click.command()
@_asking
def volume(json_output: bool, **asked: Any) -> None:
    """Show what the fleet of FILE traded, as maker and as taker.

    All trades of the account in its symbols are in it; how many are by no order on record as the fleet's is told below.
    """
    found = _find(**asked)
    if json_output:
        print_json(_shape(found, _volume_shape))
    elif _has_any(found):
        _print(found, _VOLUME)
        _print_whose(found, f"volume {money(found.report.unattributed.volume, 0)}")


def _find(file: Path, ledger: Path | None, since: int | None, until: int | None, by: str, all_accounts: bool) -> Found:
    """Raises ConfigError and Failure."""
    path = ledger or ledger_path(load(file, os.environ).config, file)
    if path is None:
        raise Failure(f"error: {file} says ledger: null, so that nothing was kept")
    until_ms = time.time_ns() // 1_000_000 + 86_400_000 if until is None else until
    try:
        with Reader(path) as reader:
            account = reader.newest_account()
            if account is None:
                raise Failure(f"error: ledger {path} is empty")
            since_ms = reader.begun_ms(account, all_accounts=all_accounts) if since is None else since
            span = Span(since_ms, until_ms, account.id, all_accounts)
            added = add_up(reader, span, by_symbol=by != "day", by_day=by != "symbol")
            is_part = not all_accounts and reader.has_others(account)
            return Found(account, since_ms, added, is_part, is_late=since is None and added.earlier is not None)
    except LedgerError as error:
        raise Failure(f"error: {error}") from None


# --- for people

_Column = tuple[str, Callable[[Line], Cell]]

_MONEY: tuple[_Column, ...] = (
    ("FILLS", lambda line: f"{line.fills:,}"),
    ("VOLUME", lambda line: money(line.volume, 0)),
    ("REALISED", lambda line: amount(line.realised, _places(line.realised))),
    ("FEES", lambda line: money(line.fees, _places(line.fees))),
    ("FUNDING", lambda line: amount(line.funding, _places(line.funding))),
    ("NET", lambda line: amount(line.net, _places(line.net))),
    ("INVENTORY", lambda line: amount(line.position_usd, 0)),
)
_QUALITY: tuple[_Column, ...] = (
    ("ORDERS", lambda line: f"{line.orders:,}"),
    ("FILLED", lambda line: _share(line.fill_ratio)),
    ("MAKER", lambda line: _share(float(line.maker_volume / line.volume) if line.volume else None)),
    ("SPREAD bps", lambda line: _bps(line.spread)),
    *((f"{horizon_s}s", lambda line, horizon_s=horizon_s: _bps(line.markouts[horizon_s])) for horizon_s in HORIZONS_S),
)
_VOLUME: tuple[_Column, ...] = (
    ("FILLS", lambda line: f"{line.fills:,}"),
    ("MAKER", lambda line: money(line.maker_volume)),
    ("TAKER", lambda line: money(line.taker_volume)),
    ("VOLUME", lambda line: money(line.volume)),
)


def _has_any(found: Found) -> bool:
    if not found.report.lines:
        click.echo(f"nothing is on record of {found.account.venue} in that time")
        _print_earlier(found)
    return bool(found.report.lines)


def _print(found: Found, columns: tuple[_Column, ...]) -> None:
    lines = found.report.lines
    has_days = lines[0].day is not None
    titles: Titles = [
        *([("DAY", "left")] if has_days else []),
        *([("SYMBOL", "left")] if lines[0].symbol is not None else []),
        *((title, "right") for title, _ in columns),
    ]  # pyright: ignore[reportAssignmentType]
    drawn: list[list[Cell]] = []
    told: int | None = None
    for line in (*lines, found.report.total):
        names: list[Cell] = []
        if has_days:
            names.append("" if line.day == told and line.day is not None else _day(line.day))
            told = line.day
        if lines[0].symbol is not None:
            names.append(line.symbol or ("" if has_days else "all"))
        drawn.append([*names, *(value(line) for _, value in columns)])
    # Eighty columns, whatever the names and the sums.
    print_table(titles, drawn, gap=1 if has_days else 2)
    other = found.report.total.other
    if columns is _MONEY and other:
        paid = " and ".join(f"{plain(each, sign=True)} {asset}" for asset, each in sorted(other.items()))
        click.echo(f"not in it: {paid} of fees and funding")


def _print_equity(report: Report) -> None:
    if report.equity is not None:
        first, last = report.equity
        change = last.usd - first.usd
        since = f"since {utc(first.at_ms)[:16]}"
        print_lines([Text.assemble(f"equity of the account {money(last.usd)}, ", amount(change), f" {since} UTC")])


def _print_coverage(total: Line) -> None:
    """Where mid is not known of all trades, that is not to be taken for a figure of all."""
    edges = {"SPREAD": total.spread, **{f"{horizon_s}s": edge for horizon_s, edge in total.markouts.items()}}
    parts = [f"{name} {_part(edge, total)}" for name, edge in edges.items() if edge.volume < total.volume]
    if parts:
        click.echo(f"mid is known of so much volume: {', '.join(parts)}")


def _part(edge: Edge, total: Line) -> str:
    """Never all of it."""
    return f"{(100 * edge.volume / total.volume).quantize(Decimal('0.1'), ROUND_DOWN)}%"


def _print_whose(found: Found, made: str) -> None:
    fills = found.report.unattributed.fills
    if fills:
        are = "is" if fills == 1 else "are"
        click.echo(f"{fills:,} of these fills, {made}, {are} by no order on record as the fleet's")
    _print_earlier(found)
    if found.is_part:
        click.echo("what was traded by another key or user is on record, too: see it with --all")


def _print_earlier(found: Found) -> None:
    if found.is_late and found.report.earlier is not None:
        count, first_ms = found.report.earlier
        are = "fill is" if count == 1 else "fills are"
        click.echo(f"{count:,} {are} from before the ledger began: see them with --since {utc(first_ms)[:10]}")


def _day(day: int | None) -> str:
    return "all" if day is None else f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%m-%d}"


def _places(usd: Decimal) -> int:
    """Of large sums nobody reads the cents."""
    return 2 if abs(usd) < 10_000 else 0


def _share(share: float | None) -> Cell:
    return Text("-", QUIET) if share is None else f"{share:.0%}"


def _bps(edge: Edge) -> Cell:
    return Text("-", QUIET) if edge.bps is None else Text(f"{edge.bps:+.2f}", by_sign(edge.usd))


# --- for pipes


def _shape(found: Found, shape: Callable[[Line], dict[str, object]]) -> dict[str, object]:
    account = found.account
    return {
        "venue": account.venue,
        "account": account.owner,
        "since_ms": found.since_ms,
        "equity": found.report.equity and [{"at_ms": worth.at_ms, "usd": worth.usd} for worth in found.report.equity],
        "lines": [_named(line) | shape(line) for line in found.report.lines],
        "total": shape(found.report.total),
        "unattributed": shape(found.report.unattributed),
    }


def _named(line: Line) -> dict[str, object]:
    day = None if line.day is None else f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=line.day):%Y-%m-%d}"
    names: dict[str, object] = {"day": day, "symbol": line.symbol}
    return {name: value for name, value in names.items() if value is not None}


def _volume_shape(line: Line) -> dict[str, object]:
    return {
        "fills": line.fills,
        "maker_volume": line.maker_volume,
        "taker_volume": line.taker_volume,
        "volume": line.volume,
    }


def _report_shape(line: Line) -> dict[str, object]:
    held: dict[str, object] = {} if line.position is None else {"position": line.position}
    return {
        **_volume_shape(line),
        "realised": line.realised,
        "fees": line.fees,
        "funding": line.funding,
        "net": line.net,
        "other": line.other,
        **held,
        "position_usd": line.position_usd,
        "orders": line.orders,
        "orders_filled": line.orders_filled,
        "fill_ratio": line.fill_ratio,
        "spread": _edge_shape(line.spread),
        "markouts": {f"{horizon_s}s": _edge_shape(edge) for horizon_s, edge in line.markouts.items()},
    }


def _edge_shape(edge: Edge) -> dict[str, Decimal | float | None]:
    return {"usd": edge.usd, "volume": edge.volume, "bps": edge.bps}
