"""kill, flatten, resume: an owner's word to a fleet, from another terminal, whatever state the fleet is in.

Owns: the order in which it is tried. First it is written down beside the fleet file, where a fleet that hangs finds it
before it decides anything again. Then the running fleet is asked. When it does not answer, the exchange is, directly.
Must not know: how orders are cancelled or positions closed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import anyio
import click

from fleet.cli.direct import directly
from fleet.cli.main import Failure
from fleet.cli.options import FRACTION
from fleet.cli.up import credentials_for
from fleet.config.faults import ConfigError, nearest
from fleet.config.loader import UNNAMED, Loaded, examine
from fleet.config.models import FLEET_NAME_PATTERN
from fleet.control.client import Refused, Silent, told_by_fleet
from fleet.runtime.beside import Beside, RunFile, beside, read, read_kills, with_kill, without_kill, write_kills
from fleet.runtime.flatten import SLIPPAGE
from fleet.runtime.memory import MemoryFile
from fleet.runtime.owner import Done
from fleet.wiring.client import address_of

_file = click.option(
    "--file", "-f", type=click.Path(path_type=Path), default=Path("fleet.yaml"), help="The fleet file."
)
_live = click.option("--live", is_flag=True, help="Act on real money, where no running fleet can be asked.")
_symbol = click.argument("symbol", required=False)


@click.command()
@_symbol
@_file
@_live
def kill(symbol: str | None, file: Path, live: bool) -> None:
    """Cancel all own orders, of SYMBOL or of the whole fleet, and keep it from quoting until `resume`.

    Works when the fleet hangs, or is gone: then its orders are cancelled at the exchange.
    """
    target = _target(file, symbol)
    _mark(target)
    answer = _ask(target, "/v1/kill", {"symbol": symbol})
    if answer is None:
        answer = _directly(target, live, None)
    _tell(answer, f"killed {target.words}: {answer.cancelled} orders cancelled, none is left")


@click.command()
@_symbol
@_file
@_live
@click.option("--slippage", type=FRACTION, default=SLIPPAGE, help="How far from the mark price it may close: 1%.")
@click.option("--yes", is_flag=True, help="Do not ask, where it is real money.")
def flatten(symbol: str | None, file: Path, live: bool, slippage: Decimal, yes: bool) -> None:
    """Kill, and close the positions of SYMBOL or of all the fleet's symbols at once.

    By reduce-only orders that take what the book has within --slippage of the mark price.
    """
    target = _target(file, symbol)
    if target.is_real and not yes:
        click.confirm(f"Cancel the orders of {target.words} and close its positions, with real money?", abort=True)
    _mark(target)
    answer = _ask(target, "/v1/flatten", {"symbol": symbol, "slippage": f"{slippage:f}"})
    if answer is None:
        answer = _directly(target, live, slippage)
    _tell(answer, f"flattened {target.words}: {answer.cancelled} orders cancelled, no position is left")


@click.command()
@_symbol
@_file
def resume(symbol: str | None, file: Path) -> None:
    """Let SYMBOL, or the whole fleet, quote again after `kill`, `flatten` or a loss limit."""
    target = _target(file, symbol)
    answer = _ask(target, "/v1/resume", {"symbol": symbol})
    if answer is not None:
        _tell(answer, f"resumed {target.words}")
        return
    if target.is_embedded:
        raise Failure(_NOBODY)
    write_kills(target.beside.kill, without_kill(read_kills(target.beside.kill), symbol, target.symbols))
    if symbol is None:
        MemoryFile(target.beside.risk).resume()
    click.echo(f"resumed {target.words}; no running fleet answers, it holds for the next start")


_NOBODY = "no running fleet of this file answers, and with venue: paper its exchange has ended with it"


@dataclass(frozen=True, slots=True)
class _Target:
    file: Path
    loaded: Loaded
    symbol: str | None
    symbols: tuple[str, ...]
    beside: Beside
    run_file: RunFile | None
    """Of the fleet that runs, or did not end in order."""

    @property
    def fleet(self) -> str:
        """The name may have been edited: what runs keeps the one that it was started with."""
        return self.run_file.fleet if self.run_file else self.loaded.config.fleet

    @property
    def words(self) -> str:
        return self.symbol or f"fleet {self.fleet}"

    @property
    def is_embedded(self) -> bool:
        """Its exchange is part of the fleet's own process."""
        return self.loaded.config.venue == "paper"

    @property
    def is_real(self) -> bool:
        return not self.is_embedded and address_of(self.loaded.config.venue).is_live


def _target(file: Path, symbol: str | None) -> _Target:
    """A file that an edit has broken will do, as long as it says which fleet and venue. Raises ConfigError."""
    examined = examine(file, os.environ)
    name = examined.sound.config.fleet if examined.sound else UNNAMED
    if examined.sound is None or (examined.faults and (name == UNNAMED or not re.match(FLEET_NAME_PATTERN, name))):
        raise ConfigError(examined.faults)
    symbols = (*examined.sound.config.symbols, *examined.unsound)
    if symbol is not None and symbol not in symbols:
        near = nearest(symbol, symbols)
        raise Failure(f"{symbol} is not in {file}" + (f": did you mean {near}?" if near else ""), 2)
    where = beside(file, os.environ)
    return _Target(file, examined.sound, symbol, symbols, where, read(where.run, RunFile))


def _mark(target: _Target) -> None:
    """Beside the fleet file, before anything else. That it cannot be written keeps nothing from being cancelled."""
    if target.is_embedded:
        return
    path = target.beside.kill
    try:
        write_kills(path, with_kill(read_kills(path), target.symbol, "killed by its owner"))
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        click.echo(f"{path} cannot be written ({what}): a fleet that hangs may quote again, end its process", err=True)


def _ask(target: _Target, path: str, wish: dict[str, str | None]) -> Done | None:
    """What the running fleet has done; None when none answers."""
    if target.run_file is None:
        return None
    try:
        return told_by_fleet(target.run_file, path, wish, Done)
    except Refused as error:
        raise Failure(f"error: {error}") from None
    except Silent as error:
        click.echo(f"the running fleet does not answer ({error})", err=True)
        return None


def _directly(target: _Target, live: bool, slippage: Decimal | None) -> Done:
    if target.is_embedded:
        raise Failure(_NOBODY)
    credentials = credentials_for(target.loaded, live, target.file)
    symbols = target.symbols if target.symbol is None else (target.symbol,)
    venue = target.loaded.config.venue
    return anyio.run(directly, target.fleet, venue, credentials, target.symbol, symbols, slippage)


def _tell(answer: Done, success: str) -> None:
    if answer.problems:
        raise Failure("\n".join(answer.problems))
    click.echo(success)
