"""plan: what a fleet file asks of the exchange's rate limits, before anything is started.

Owns: which markets are looked at, and how the forecast is shown. Must not know: how it is made.
"""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic_core import PydanticCustomError
from rich.text import Text

from exchange.clock import Clock
from exchange.errors import VenueError
from exchange.model import Instrument
from exchange.paper.instruments import REAL_LIMITS, instrument, trading_symbols
from exchange.paper.recordings import RecordingError
from fleet.cli.output import Cell, Titles, as_json, print_json, print_lines, table
from fleet.cli.venue_option import place_of, run
from fleet.cli.verdict import Verdict, judge, tell_warnings
from fleet.config.models import FleetConfig, Replay
from fleet.planning.advice import Advice, Advisor
from fleet.planning.forecast import Forecast, LimiterForecast, Moves, SymbolForecast, forecast
from fleet.views.text import BAD, GOOD, QUIET, WARN
from fleet.wiring.client import Address
from fleet.wiring.moves import (
    CANDLES,
    RECORDED,
    SYNTHETIC,
    TYPICAL,
    candle_moves,
    given_moves,
    known_moves,
    recorded_moves,
)
from fleet.words import many
from strategies.units import parse_fraction

_WIDTH = 79
_MINUTE_ROOT = math.sqrt(60)
_MEANT = {
    SYNTHETIC: "the paper exchange's own market",
    TYPICAL: "as such markets usually move; --recording DIR or --venue VENUE measures it",
    RECORDED: "measured on the recording",
    CANDLES: "the exchange's last 99 minutes",
}


class _Moves(click.ParamType[float]):
    """bps in a minute."""

    name = "fraction"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            bps = float(parse_fraction(value)) * 1e4
        except PydanticCustomError:
            bps = 0.0
        if not 0 < bps < 10_000:
            self.fail("a part of the price, such as 5bps or 0.05%", param, ctx)
        return bps


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the user says that the figures are to come from; nothing of it: from what the file names."""

    recording: Path | None
    venue: str | None
    volatility_bps: float | None

    def expect_one(self) -> None:
        if sum(given is not None for given in (self.recording, self.venue, self.volatility_bps)) > 1:
            raise click.UsageError("--recording, --venue and --volatility exclude each other: give one")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
@click.option(
    "--recording",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Measure how the markets move on what `record` wrote there.",
)
@click.option(
    "--venue",
    metavar="VENUE",
    help="Measure it on this exchange's newest candles: mainnet, testnet, paper (a running one) or a REST base URL.",
)
@click.option(
    "--volatility",
    "volatility_bps",
    metavar="MOVE",
    type=_Moves(),
    help="Assume it, the same for all: how far mid typically is (standard deviation) from where it was a minute ago,"
    " such as 5bps, which is calm, or 20bps.",
)
@as_json
def plan(
    file: Path, recording: Path | None, venue: str | None, volatility_bps: float | None, json_output: bool
) -> None:
    """Foresee what FILE (fleet.yaml when not given) asks of the exchange's rate limits, and what it will get.

    Nothing is started and no keys are needed. Faults and warnings are told as by `validate`. For each symbol: how its
    market moves (bps/min: how far mid typically is from where it was a minute ago, as a quote with the symbol's
    price_change_threshold meets it) and where that figure is from, the amends a minute that its quotes would want and
    those that they get, and its refresh interval as the file has it and as it will be. Then what to change, if not all
    fits: each change was tried.
    """
    source = _Source(recording, venue, volatility_bps)
    source.expect_one()
    place = place_of(venue).address if venue is not None else None
    verdict = judge(file)
    if verdict.faults:
        verdict.tell()
    tell_warnings(verdict.checked.warnings)
    config = verdict.examined.whole().config
    limits = verdict.facts.info.limits if verdict.facts else REAL_LIMITS
    if verdict.facts is None:
        click.echo(f"note: {verdict.note}; its limits are taken to be as they are known", err=True)
    moves = _moves_of(config, _instruments(config, verdict), source)
    if place is not None:
        moves |= _asked(place, config)
    result, advice = forecast(config, moves, limits), Advisor(config, moves, limits).advice()
    if json_output:
        print_json(_shape(config.fleet, result, advice))
    else:
        _show(config, result, advice)


def _instruments(config: FleetConfig, verdict: Verdict) -> dict[str, Instrument]:
    """By the exchange, or as they were when it was last looked at."""
    if verdict.facts is not None:
        known = verdict.facts.info.instruments
        return {symbol: known[symbol] for symbol in config.symbols if symbol in known}
    listed = frozenset(trading_symbols())
    return {symbol: instrument(symbol) for symbol in config.symbols if symbol in listed}


def _moves_of(config: FleetConfig, instruments: dict[str, Instrument], source: _Source) -> dict[str, Moves]:
    """What is known without asking anybody. Raises RecordingError."""
    if source.volatility_bps is not None:
        return given_moves(config.symbols, source.volatility_bps / _MINUTE_ROOT)
    feed = config.paper.feed if config.venue == "paper" else None
    directory, speed = source.recording, 1.0
    if directory is None and source.venue is None and isinstance(feed, Replay):
        directory, speed = feed.replay, feed.speed
    word = SYNTHETIC if feed == "synthetic" and directory is None and source.venue is None else TYPICAL
    moves = {symbol: known_moves(instruments.get(symbol), word) for symbol in config.symbols}
    if directory is not None:
        recorded = recorded_moves(directory, instruments.values(), speed)
        missing = [symbol for symbol in config.symbols if symbol not in recorded]
        if len(missing) == len(config.symbols):
            raise RecordingError(f"{directory} holds nothing of {', '.join(missing)}")
        if missing:
            click.echo(f"note: {directory} holds nothing of {', '.join(missing)}", err=True)
        moves |= recorded
    return moves


def _asked(place: Address, config: FleetConfig) -> dict[str, Moves]:
    """The exchange's own figures, as far as it gives them."""

    async def ask() -> tuple[dict[str, Moves], dict[str, str]]:
        return await candle_moves(place, Clock(time.time_ns() // 1000), list(config.symbols))

    try:
        moves, missing = run(ask)
    except VenueError as error:
        click.echo(f"note: no candles from {place.name}: {error}", err=True)
        return {}
    for symbol, reason in missing.items():
        click.echo(f"note: no candles of {symbol} from {place.name}: {reason}", err=True)
    return moves


def _show(config: FleetConfig, result: Forecast, advice: list[Advice]) -> None:
    titles: Titles = (
        ("symbol", "left"),
        ("bps/min", "point"),
        ("from", "left"),
        ("amends/min", "point"),
        ("gets", "point"),
        ("refresh", "right"),
        ("will be", "right"),
        ("stretch", "right"),
    )
    lines = table(titles, [_symbol_line(each) for each in result.symbols])
    lines += [Text(), *table(_LIMITER_TITLES, [_limiter_line(each, result) for each in result.limiters])]
    lines += [Text(), *_verdict_lines(config, result)]
    sources = dict.fromkeys(each.source for each in result.symbols)
    for source in sources:
        if source in _MEANT:
            lines += _wrapped(f"{source}: {_MEANT[source]}", QUIET)
    if advice:
        lines += [Text(), Text("To fit, any one of:")]
        for each in advice:
            lines += _wrapped(f"  {each.change}")
    elif not result.fits:
        lines += [Text(), Text("No single change makes it fit: fewer symbols, and slower ones.")]
    print_lines(lines)


_LIMITER_TITLES: Titles = (
    ("a minute", "left"),
    ("limit", "right"),
    ("allowed", "right"),
    ("kept back", "right"),
    ("standing", "right"),
    ("for amends", "right"),
    ("use", "right"),
)


def _symbol_line(each: SymbolForecast) -> list[Cell]:
    stretched = each.stretch > 1.005
    return [
        each.symbol,
        f"{each.volatility_bps * _MINUTE_ROOT:.1f}",
        each.source,
        f"{each.wanted:.1f}",
        f"{each.granted:.1f}",
        _seconds(each.refresh_s),
        _seconds(each.refresh_s + each.wait_s),
        Text(f"×{each.stretch:.1f}", WARN) if stretched else Text("-", QUIET),
    ]


def _limiter_line(limiter: LimiterForecast, result: Forecast) -> list[Cell]:
    style = BAD if limiter is result.binding and not result.fits else ""
    return [
        limiter.name,
        f"{limiter.limit:.0f}",
        f"{limiter.allowed:.0f}",
        f"{limiter.reserved:.0f}",
        f"{limiter.standing:.0f}",
        f"{limiter.room:.0f}",
        Text(f"{100 * result.use(limiter):.0f}%", style),
    ]


def _verdict_lines(config: FleetConfig, result: Forecast) -> Iterable[Text]:
    quotes = sum(each.quotes for each in result.symbols)
    beats = f"; a heartbeat of each symbol every {_seconds(result.heartbeat_s)}" if result.heartbeat_s else ""
    count = len(result.symbols)
    words = f"{config.fleet}: {many(count, 'symbol')}, {many(quotes, 'quote')}"
    yield from _wrapped(f"{words}, policy {config.budget.policy}{beats}")
    binding = result.binding
    if binding is None:
        yield Text("The exchange states no limits.")
    elif result.fits:
        yield Text(f"It fits: {result.wanted:.0f} of the {binding.room:.0f} amends that {binding.name} leaves.", GOOD)
    else:
        words = f"It asks for {result.wanted:.0f} amends a minute, and {binding.name} leaves {binding.room:.0f}"
        yield from _wrapped(f"{words}: refresh intervals stretch ×{result.mean_stretch:.1f} on average.", WARN)


def _wrapped(text: str, style: str = "") -> list[Text]:
    return [Text(line, style) for line in textwrap.wrap(text, _WIDTH, subsequent_indent="    ")]


def _seconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "never"
    if seconds < 1:
        return f"{1000 * seconds:.0f}ms"
    return f"{seconds:.3g}s" if seconds < 100 else f"{seconds:.0f}s"


def _shape(fleet: str, result: Forecast, advice: list[Advice]) -> dict[str, object]:
    binding = result.binding
    return {
        "fleet": fleet,
        "fits": result.fits,
        "binding": binding and binding.name,
        "amends_per_min_wanted": round(result.wanted, 3),
        "amends_per_min_granted": round(result.granted, 3),
        "mean_stretch": _number(result.mean_stretch),
        "heartbeat_s": round(result.heartbeat_s, 3) or None,
        "symbols": [
            {
                "symbol": each.symbol,
                "source": each.source,
                "volatility_bps_per_min": round(each.volatility_bps * _MINUTE_ROOT, 3),
                "amends_per_min_wanted": round(each.wanted, 3),
                "amends_per_min_granted": round(each.granted, 3),
                "refresh_s_wanted": each.refresh_s,
                "refresh_s_granted": _number(each.refresh_s + each.wait_s),
                "stretch": _number(each.stretch),
            }
            for each in result.symbols
        ],
        "limiters": [
            {
                "name": each.name,
                "limit_per_min": each.limit,
                "allowed_per_min": round(each.allowed, 3),
                "reserved_per_min": round(each.reserved, 3),
                "standing_per_min": round(each.standing, 3),
                "room_for_amends_per_min": round(each.room, 3),
                "use": round(result.use(each), 4),
            }
            for each in result.limiters
        ],
        "advice": [each.change for each in advice],
    }


def _number(value: float) -> float | None:
    """None for what never happens."""
    return round(value, 3) if math.isfinite(value) else None
